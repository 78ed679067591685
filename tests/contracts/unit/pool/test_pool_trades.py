# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Pool: four ways to trade, what each pays, and what each refuses. The figures are worked out by hand in the comments."""

from fractions import Fraction

import ape
import pytest
from ape.api import AccountAPI

from tests.contracts.house import ZERO, refuses

KWH, GCM = 10**9, 10**18
LATE = 2**64
ENERGY, MONEY = 1_000 * KWH, 6_000 * GCM  # reserves of the filled pool; fees 0.25 % for shares, 0.05 % for the treasury


def test_sell(filled, buyer: AccountAPI) -> None:
    """250 kWh move the price from 6 to 3.84 GCM: 6,000·250/1,250 = 1,200 GCM, less 3 GCM for shares and 0.6 for the treasury."""
    pool, before = filled.pool, filled.holding(buyer)
    paid = 1_196 * GCM + 4 * GCM // 10

    assert pool.quote_sell(250 * KWH) == paid
    receipt = pool.sell(250 * KWH, paid, buyer, LATE, sender=buyer)

    assert filled.holding(buyer) == (before[0] - 250 * KWH, before[1] + paid)
    assert tuple(pool.reserves()) == (1_250 * KWH, 4_803 * GCM)
    assert pool.treasury_owed() == 6 * GCM // 10
    assert filled.holding(pool) == (1_250 * KWH, 4_803 * GCM + 6 * GCM // 10)
    (swapped,) = receipt.decode_logs(pool.Swapped)
    assert (swapped.trader, swapped.receiver, swapped.sold) == (buyer, buyer, True)
    assert (swapped.energy, swapped.money, swapped.treasury_fee) == (250 * KWH, paid, 6 * GCM // 10)
    assert (swapped.energy_reserve, swapped.money_reserve) == (1_250 * KWH, 4_803 * GCM)


def test_sell_for(filled, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """997 GCM are 1,000 before the fee; 1,000·1,000/(6,000 − 1,000) = 200 kWh. The money goes to somebody else."""
    pool, before = filled.pool, filled.holding(buyer)

    assert pool.quote_sell_for(997 * GCM) == 200 * KWH
    pool.sell_for(997 * GCM, 200 * KWH, stranger, LATE, sender=buyer)

    assert filled.holding(buyer) == (before[0] - 200 * KWH, before[1])
    assert filled.holding(stranger) == (0, 997 * GCM)
    assert tuple(pool.reserves()) == (1_200 * KWH, 5_002 * GCM + GCM // 2)
    assert pool.treasury_owed() == GCM // 2


def test_buy(filled, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """200 kWh cost 6,000·200/800 = 1,500 GCM before the fee, 1,500/0.997 with it; the energy goes to somebody else."""
    pool, before = filled.pool, filled.holding(buyer)
    given = -(-1_500 * GCM * 10_000 // 9_970)
    cut = given * 5 // 10_000

    assert pool.quote_buy(200 * KWH) == given
    receipt = pool.buy(200 * KWH, given, stranger, LATE, sender=buyer)

    assert filled.holding(buyer) == (before[0], before[1] - given)
    assert filled.holding(stranger) == (200 * KWH, 0)
    assert tuple(pool.reserves()) == (800 * KWH, MONEY + given - cut)
    assert pool.treasury_owed() == cut
    (swapped,) = receipt.decode_logs(pool.Swapped)
    assert (swapped.trader, swapped.receiver, swapped.sold) == (buyer, stranger, False)
    assert (swapped.energy, swapped.money, swapped.treasury_fee) == (200 * KWH, given, cut)


def test_buy_with(filled, buyer: AccountAPI) -> None:
    """2,000 GCM are 1,994 after the fee; ⌊1,000·1,994/7,994⌋ kWh come out."""
    pool, before = filled.pool, filled.holding(buyer)
    energy = ENERGY * 1_994 // 7_994

    assert pool.quote_buy_with(2_000 * GCM) == energy
    pool.buy_with(2_000 * GCM, energy, buyer, LATE, sender=buyer)

    assert filled.holding(buyer) == (before[0] + energy, before[1] - 2_000 * GCM)
    assert tuple(pool.reserves()) == (ENERGY - energy, MONEY + 1_999 * GCM)
    assert pool.treasury_owed() == GCM


def test_trades__worse_than_the_limit__revert(filled, buyer: AccountAPI) -> None:
    """One unit beyond what the pool offers, either way."""
    pool = filled.pool
    less, more = "pool: less than the minimum", "pool: more than the maximum"
    refuses(less, pool.sell, KWH, pool.quote_sell(KWH) + 1, buyer, LATE, sender=buyer)
    refuses(less, pool.buy_with, GCM, pool.quote_buy_with(GCM) + 1, buyer, LATE, sender=buyer)
    refuses(more, pool.sell_for, GCM, pool.quote_sell_for(GCM) - 1, buyer, LATE, sender=buyer)
    refuses(more, pool.buy, KWH, pool.quote_buy(KWH) - 1, buyer, LATE, sender=buyer)


@pytest.mark.parametrize("name", ["sell", "sell_for", "buy", "buy_with"])
def test_trades__stopped_late_frozen_or_to_nobody__revert(
    filled, name: str, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI
) -> None:
    """Each guard on each way to trade."""
    pool, trade = filled.pool, getattr(filled.pool, name)
    limit = 0 if name in ("sell", "buy_with") else 2**112
    now = int(ape.chain.blocks.head.timestamp)
    refuses("pool: too late", trade, KWH, limit, buyer, now - 1, sender=buyer)
    refuses("pool: no such receiver", trade, KWH, limit, pool, LATE, sender=buyer)
    refuses("pool: no such receiver", trade, KWH, limit, ZERO, LATE, sender=buyer)
    refuses("pool: amount out of bounds", trade, 0, limit, buyer, LATE, sender=buyer)
    refuses("pool: amount out of bounds", trade, 2**112, limit, buyer, LATE, sender=buyer)
    for frozen in (buyer, stranger):
        filled.guard.freeze(frozen, sender=guardian)
        refuses("pool: account is frozen", trade, KWH, limit, stranger, LATE, sender=buyer)
        filled.guard.unfreeze(frozen, sender=guardian)
    filled.guard.pause(pool, sender=guardian)
    assert pool.paused()
    refuses("pool: paused", trade, KWH, limit, buyer, LATE, sender=buyer)


def test_trades__too_much_or_too_little__revert(filled, buyer: AccountAPI) -> None:
    """The reserves can't be emptied, and nothing is taken for nothing."""
    pool = filled.pool
    refuses("pool: more than the reserve", pool.buy, ENERGY, 2**255, buyer, LATE, sender=buyer)
    refuses("pool: more than the reserve", pool.sell_for, MONEY, 2**255, buyer, LATE, sender=buyer)
    refuses("pool: too small", pool.buy_with, 1, 0, buyer, LATE, sender=buyer)


def test_trades__empty_pool__revert(market, buyer: AccountAPI) -> None:
    """Before anybody added there is no price."""
    pool = market.pool
    for trade, limit in ((pool.sell, 0), (pool.sell_for, KWH), (pool.buy, GCM), (pool.buy_with, 0)):
        refuses("pool: no liquidity", trade, KWH, limit, buyer, LATE, sender=buyer)
    refuses("pool: no liquidity", pool.marginal_price, True, sender=buyer)
    refuses("pool: no liquidity", pool.energy_to_price, True, 1, 1, sender=buyer)


def test_trades__without_approval__revert(filled, stranger: AccountAPI, pool_owner: AccountAPI) -> None:
    """The pool takes only what its tokens let it take."""
    filled.energy.mint(stranger, 1, KWH, sender=pool_owner)
    filled.money.mint(stranger, GCM, sender=pool_owner)
    reason = "energy_token: caller is not owner or approved"
    refuses(reason, filled.pool.sell, KWH, 0, stranger, LATE, sender=stranger)
    refuses("fuzz_money: allowance", filled.pool.buy_with, GCM, 0, stranger, LATE, sender=stranger)


def test_prices__tell_a_router_how_far_to_go(filled) -> None:
    """At 6 GCM a kWh and 0.3 % fee; up to 6·1.21/0.997 a buyer takes 1,000·(1 − 1/1.1) kWh."""
    pool = filled.pool
    buying, selling = (Fraction(*pool.marginal_price(way)) for way in (True, False))
    assert buying == Fraction(6 * GCM, KWH) / Fraction(997, 1_000)
    assert selling == Fraction(6 * GCM, KWH) * Fraction(997, 1_000)

    assert pool.energy_to_price(True, 6 * 1_210 * GCM, 997 * KWH) == ENERGY - -(-ENERGY * 10 // 11)
    assert pool.energy_to_price(False, 6 * 997 * GCM, 1_210 * KWH) == ENERGY // 10
    assert pool.energy_to_price(True, 6 * GCM, KWH) == 0
    assert pool.energy_to_price(False, 6 * GCM, KWH) == 0
