# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The router against a twin that tries every split, against the book alone and against the pool alone, in the same state."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.fuzz.pool.twin import MAX, Reserves
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.router.square import ASK, BID, COARSE, FINE, LOT_EXP, MAKER, TRADER, Square, fresh
from tests.contracts.fuzz.router.twin import Kind, Market, Way, best, no_worse
from tests.contracts.fuzz.world import OWNER

KWH, GCM = 10**9, 10**18
FEES = ((25, 5), (0, 0), (50, 50), (1, 0))

# ticks around 6 GCM for a kWh, where most pools stand; now and then far away
ticks = st.one_of(st.integers(1_900, 2_100), st.integers(1_990, 2_010), st.integers(0, 65_535))
levels = st.lists(st.tuples(ticks, st.integers(1, 60), st.integers(0, 2)), max_size=6)


@st.composite
def pools(draw: st.DrawFn) -> Reserves:
    """From pools that a lot moves far to pools that all lots together hardly move, near 6 GCM for a kWh or not."""
    energy = draw(st.integers(5, 14).flatmap(lambda size: st.integers(10**size, 10 ** (size + 1))))
    percent = draw(st.one_of(st.integers(97, 103), st.integers(1, 1_000)))
    money = max(energy * 6 * GCM // KWH * percent // 100, 1)
    lp_bps, treasury_bps = draw(st.sampled_from(FEES))
    return Reserves(energy, money, isqrt(energy * money), lp_bps, treasury_bps)


@pytest.fixture(scope="module")
def square() -> Iterator[Square]:
    with boa.env.anchor():
        yield fresh()


@contextmanager
def prepared(
    square: Square, market: int, side: int, offers: list[tuple[int, int, int]], pool: Reserves
) -> Iterator[Market]:
    """The square with these orders and reserves, and its twin, for a while."""
    with boa.env.anchor():
        square.pool.must("set_fees", pool.lp_bps, pool.treasury_bps, sender=OWNER)
        square.add(MAKER, pool.energy, pool.money)
        square.offer(market, side, offers)
        yield square.twin(market, offers, side, pool)


def amount_for(kind: Kind, twin: Market, pool: Reserves, *, part: int, odd: int) -> int:
    """Thousandths of what book and pool have together on the exact side, and something odd."""
    lots = sum(level.lots for level in twin.levels)
    energy = kind in (Kind.SELL, Kind.BUY)
    standing = lots * twin.lot if energy else sum(level.lots * level.price for level in twin.levels)
    reserve = pool.energy if energy else pool.money
    whole = max(standing, twin.lot) if part % 2 else standing + reserve
    return min(max(whole * part // 1_000 + odd, 1), 10**27)


@twin_settings
@given(
    kind=st.sampled_from(Kind),
    market=st.sampled_from((FINE, COARSE)),
    offers=levels,
    pool=pools(),
    part=st.integers(0, 1_100),
    odd=st.sampled_from((0, 0, 1, 7, 999_983, 10**9 + 7)),
)
def test_quote__any_state__is_no_worse_than_every_split(
    square: Square, kind: Kind, market: int, offers: list[tuple[int, int, int]], pool: Reserves, part: int, odd: int
) -> None:
    side = BID if kind.selling else ASK
    with prepared(square, market, side, offers, pool) as twin:
        amount = amount_for(kind, twin, pool, part=part, odd=odd)
        found = square.quote(market, kind, amount)
        ways = twin.every_way(kind, amount)
        if isinstance(found, str):
            assert found == "router: too little to trade with"
            assert not ways
            return
        assert amount <= MAX
        assert found.given <= amount if kind.exact_in else found.gotten >= amount
        assert no_worse(kind, found, best(kind, ways), twin.slack(kind, ways))
        # To the unit: what either alone would do in this state, by the twin and by the contracts.
        pool_alone, book_alone = twin.in_pool_alone(kind, amount), twin.in_book_alone(kind, amount)
        assert no_worse(kind, found, pool_alone)
        assert no_worse(kind, found, book_alone)
        assert alone(square.quote(market, kind, amount, levels=0)) == pool_alone
        with boa.env.anchor():
            square.stop_pool()
            assert alone(square.quote(market, kind, amount)) == book_alone
        # The plan says itself how far a trade must look.
        assert square.quote(market, kind, amount, levels=found.levels) == found
        settle(square, kind, market, amount, found)


def alone(way: Way | str) -> Way | None:
    """No way at all is a reason."""
    if isinstance(way, str):
        assert way == "router: too little to trade with"
        return None
    return way


def settle(square: Square, kind: Kind, market: int, amount: int, found: Way) -> None:
    """The trade does what was quoted, to the unit, from wallet to wallet, and the router keeps nothing."""
    limit = found.gotten if kind.exact_in else found.given
    tight = limit + (1 if kind.exact_in else -1)
    reason = "router: less than the minimum" if kind.exact_in else "router: more than the maximum"
    assert square.trade(market, kind, amount, tight).reason == reason
    energy, money = square.holding(TRADER)
    outcome = square.trade(market, kind, amount, limit)
    assert outcome.ok, outcome.reason
    after_energy, after_money = square.holding(TRADER)
    moved = (
        (energy - after_energy, after_money - money) if kind.selling else (money - after_money, after_energy - energy)
    )
    assert moved == (found.given, found.gotten)
    answer = square.router.artifact.functions["trade"].result(outcome.output)
    assert answer == (found.given, found.gotten)
    assert square.kept(market) == (0, 0, 0, 0)
    assert 10 ** LOT_EXP[market] * found.lots == (found.book_in if kind.selling else _before_fee(square, found, market))


def _before_fee(square: Square, found: Way, market: int) -> int:
    """The energy of the lots: what the buyer got and what the book kept."""
    return int(found.book_out + square.book.view("fees_of", market)[0])
