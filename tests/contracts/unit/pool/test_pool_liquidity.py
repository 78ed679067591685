# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Pool: shares come and go with both sides, and no stop of the pool keeps anybody's part."""

from math import isqrt

import ape
from ape.api import AccountAPI

from tests.contracts.house import E, refuses

KWH, GCM = 10**9, 10**18
LATE = 2**64
ENERGY, MONEY = 1_000 * KWH, 6_000 * GCM
SUPPLY = isqrt(ENERGY * MONEY)
DEAD = "0x000000000000000000000000000000000000dEaD"


def test_add__first__chooses_the_price_and_leaves_dead_shares(market, prosumer: AccountAPI) -> None:
    """√(E·M) shares, 1,000 of them nobody's."""
    pool = market.pool
    assert tuple(pool.quote_add(ENERGY, MONEY)) == (SUPPLY - 1_000, ENERGY, MONEY)

    receipt = pool.add_liquidity(ENERGY, MONEY, SUPPLY - 1_000, prosumer, LATE, sender=prosumer)

    assert (pool.balanceOf(prosumer), pool.balanceOf(DEAD), pool.totalSupply()) == (SUPPLY - 1_000, 1_000, SUPPLY)
    assert tuple(pool.reserves()) == (ENERGY, MONEY) == market.holding(pool)
    (added,) = receipt.decode_logs(pool.LiquidityAdded)
    assert (added.account, added.receiver, added.shares) == (prosumer, prosumer, SUPPLY - 1_000)
    assert (added.energy, added.money, added.energy_reserve, added.money_reserve) == (ENERGY, MONEY, ENERGY, MONEY)


def test_add__second__gives_in_proportion_and_keeps_the_rest(filled, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """100 kWh need 600 GCM; of the 900 offered the rest is not taken. The shares may be somebody else's."""
    pool, before = filled.pool, filled.holding(buyer)

    shares, energy, money = pool.quote_add(100 * KWH, 900 * GCM)
    pool.add_liquidity(100 * KWH, 900 * GCM, shares, stranger, LATE, sender=buyer)

    assert shares == SUPPLY // 10
    assert 0 <= 100 * KWH - energy <= 1
    assert 0 <= 600 * GCM - money < MONEY // SUPPLY + 1  # a share is the smallest step
    assert pool.balanceOf(stranger) == shares
    assert filled.holding(buyer) == (before[0] - energy, before[1] - money)


def test_add__refusals__revert(filled, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """Fewer shares than wanted, late, stopped, nothing, frozen."""
    pool = filled.pool
    offer = (100 * KWH, 600 * GCM)
    shares = pool.quote_add(*offer)[0]
    now = int(ape.chain.blocks.head.timestamp)
    refuses("pool: less than the minimum", pool.add_liquidity, *offer, shares + 1, buyer, LATE, sender=buyer)
    refuses("pool: too late", pool.add_liquidity, *offer, 0, buyer, now - 1, sender=buyer)
    refuses("pool: no such receiver", pool.add_liquidity, *offer, 0, pool, LATE, sender=buyer)
    refuses("pool: amount out of bounds", pool.add_liquidity, 0, GCM, 0, buyer, LATE, sender=buyer)
    refuses("pool: amount out of bounds", pool.add_liquidity, KWH, 2**112, 0, buyer, LATE, sender=buyer)
    refuses("pool: too small", pool.add_liquidity, KWH, 1, 0, buyer, LATE, sender=buyer)
    filled.guard.freeze(buyer, sender=guardian)
    refuses("pool: account is frozen", pool.add_liquidity, *offer, 0, stranger, LATE, sender=buyer)
    filled.guard.unfreeze(buyer, sender=guardian)
    filled.guard.pause(pool, sender=guardian)
    refuses("pool: paused", pool.add_liquidity, *offer, 0, buyer, LATE, sender=buyer)


def test_add__skewed_before_it__brings_fewer_shares(filled, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """A sandwich: what was quoted can't be had at a price that somebody pushed away."""
    pool = filled.pool
    quoted = pool.quote_add(100 * KWH, 600 * GCM)[0]
    pool.buy(100 * KWH, 2**112, buyer, LATE, sender=buyer)
    refuses(
        "pool: less than the minimum",
        pool.add_liquidity,
        100 * KWH,
        600 * GCM,
        quoted * 99 // 100,
        prosumer,
        LATE,
        sender=prosumer,
    )


def test_add__first_too_small__reverts(market, prosumer: AccountAPI) -> None:
    """√(E·M) must be more than the dead shares."""
    pool = market.pool
    refuses("pool: too small", pool.add_liquidity, 1_000, 1_001, 0, prosumer, LATE, sender=prosumer)
    pool.add_liquidity(1_001, 1_001, 1, prosumer, LATE, sender=prosumer)
    assert pool.balanceOf(prosumer) == 1


def test_remove(filled, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """A quarter of the shares is a quarter of both reserves, fees included."""
    pool = filled.pool
    shares = SUPPLY // 4
    energy, money = ENERGY * shares // SUPPLY, MONEY * shares // SUPPLY
    assert tuple(pool.quote_remove(shares)) == (energy, money)

    receipt = pool.remove_liquidity(shares, energy, money, stranger, LATE, sender=prosumer)

    assert filled.holding(stranger) == (energy, money)
    assert tuple(pool.reserves()) == (ENERGY - energy, MONEY - money)
    assert pool.totalSupply() == SUPPLY - shares
    (removed,) = receipt.decode_logs(pool.LiquidityRemoved)
    assert (removed.account, removed.receiver, removed.shares) == (prosumer, stranger, shares)
    assert (removed.energy, removed.money) == (energy, money)
    assert (removed.energy_reserve, removed.money_reserve) == (ENERGY - energy, MONEY - money)


def test_remove__paused__still_pays_everything(filled, prosumer: AccountAPI, guardian: AccountAPI) -> None:
    """A stop never keeps anybody's part; what stays behind belongs to the dead shares."""
    pool = filled.pool
    filled.guard.pause(pool, sender=guardian)
    pool.remove_liquidity(SUPPLY - 1_000, 0, 0, prosumer, LATE, sender=prosumer)

    energy, money = pool.reserves()
    assert energy == -(-ENERGY * 1_000 // SUPPLY)
    assert money == -(-MONEY * 1_000 // SUPPLY)
    assert pool.totalSupply() == 1_000


def test_remove__refusals__revert(filled, prosumer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """Less than wanted on either side, late, nothing, more than one has, frozen."""
    pool = filled.pool
    energy, money = pool.quote_remove(10**12)
    less = "pool: less than the minimum"
    now = int(ape.chain.blocks.head.timestamp)
    refuses(less, pool.remove_liquidity, 10**12, energy + 1, money, prosumer, LATE, sender=prosumer)
    refuses(less, pool.remove_liquidity, 10**12, energy, money + 1, prosumer, LATE, sender=prosumer)
    refuses("pool: too late", pool.remove_liquidity, 10**12, 0, 0, prosumer, now - 1, sender=prosumer)
    refuses("pool: no such receiver", pool.remove_liquidity, 10**12, 0, 0, pool, LATE, sender=prosumer)
    refuses("pool: amount out of bounds", pool.remove_liquidity, 0, 0, 0, prosumer, LATE, sender=prosumer)
    refuses("pool: amount exceeds balance", pool.remove_liquidity, 1, 0, 0, stranger, LATE, sender=stranger)
    refuses("pool: amount out of bounds", pool.quote_remove, SUPPLY + 1, sender=stranger)
    filled.guard.freeze(prosumer, sender=guardian)
    refuses("pool: account is frozen", pool.remove_liquidity, 1, 0, 0, stranger, LATE, sender=prosumer)


def test_shares__move_unless_somebody_is_frozen(
    filled, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI
) -> None:
    """An ERC-20, so that a frozen account can't have its part fetched by another."""
    pool = filled.pool
    pool.transfer(buyer, 100, sender=prosumer)
    pool.approve(stranger, 50, sender=prosumer)
    pool.transferFrom(prosumer, buyer, 30, sender=stranger)
    assert (pool.balanceOf(buyer), pool.allowance(prosumer, stranger)) == (130, 20)
    refuses("erc20: insufficient allowance", pool.transferFrom, prosumer, buyer, 21, sender=stranger)

    for frozen in (prosumer, buyer, stranger):
        filled.guard.freeze(frozen, sender=guardian)
        refuses("pool: account is frozen", pool.transferFrom, prosumer, buyer, 1, sender=stranger)
        if frozen != stranger:
            refuses("pool: account is frozen", pool.transfer, buyer, 1, sender=prosumer)
        filled.guard.unfreeze(frozen, sender=guardian)


def test_donations__move_no_price(filled, buyer: AccountAPI) -> None:
    """Money that is sent unasked is not counted; energy is refused."""
    pool = filled.pool
    quotes = pool.quote_sell(KWH), pool.quote_buy(KWH), tuple(pool.quote_remove(10**12))
    filled.money.transfer(pool, 1_000 * GCM, sender=buyer)
    assert (pool.quote_sell(KWH), pool.quote_buy(KWH), tuple(pool.quote_remove(10**12))) == quotes
    assert tuple(pool.reserves()) == (ENERGY, MONEY)
    refuses("pool: not asked for", filled.energy.safeTransferFrom, buyer, pool, E, 1, b"", sender=buyer)
