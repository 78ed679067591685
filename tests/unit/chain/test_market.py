# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Prices and ticks of a market, and what its open orders hold."""

from hypothesis import given
from hypothesis import strategies as st

from chain.market import BUY, DAY, SELL, TICK_MAX, Asset, Order, Terms, escrowed

ENERGY, MONEY = Asset(bytes(20), 1, erc1155=True), Asset(bytes([1] * 20), 0, erc1155=False)


def terms(tick: int = 100, base_price: int = 1) -> Terms:
    return Terms(1, ENERGY, MONEY, 10**6, tick, base_price, 5, 10, 10, stopped=False)


@given(price=st.integers(0, 2**60), tick=st.sampled_from([1, 10, 10**6]), base_price=st.integers(1, 2**40 - 1))
def test_a_tick_is_the_highest_whose_price_is_not_above(price: int, tick: int, base_price: int) -> None:
    market = terms(tick, base_price)
    found = market.tick_at(price)
    assert 0 <= found <= TICK_MAX
    assert market.price(found) <= price or found == 0
    assert price < market.price(found + 1) or found == TICK_MAX
    assert market.tick_at(market.price(found)) == found


def test_open_orders_hold_their_rest_and_what_was_not_claimed() -> None:
    market = terms()
    price = market.price(9_999)
    bid = Order(1, BUY, DAY, 7, 9_999, lots=30, filled=10, expired=False)
    ask = Order(1, SELL, DAY, 7, 9_999, lots=50, filled=20, expired=True)
    assert escrowed(market, []) == (0, 0)
    # 5 hundredths of a per cent of a lot, and of its price, 1,000,000 each, are the makers' fees.
    assert price == market.lot == 10**6
    assert escrowed(market, [bid]) == (10 * 999_500, 20 * price)
    assert escrowed(market, [ask]) == (30 * market.lot, 20 * 999_500)
    assert escrowed(market, [bid, ask]) == (10 * 999_500 + 30 * market.lot, 20 * price + 20 * 999_500)


def test_a_fee_is_whole_units_of_each_lot() -> None:
    assert [terms().kept(received) for received in (0, 1_999, 2_000, 3_999, 4_000)] == [0, 1_999, 1_999, 3_998, 3_998]
