# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Pool: who may set what, within which bounds, and what it says about itself."""

from ape.api import AccountAPI

from tests.contracts.house import ZERO, E, refuses

KWH, GCM = 10**9, 10**18
LATE = 2**64


def test_pool__tells_what_it_is(market, beneficiary: AccountAPI, pool_owner: AccountAPI) -> None:
    """Everything a router or a wallet reads."""
    pool = market.pool
    assert (pool.energy_token(), pool.energy_id(), pool.money(), pool.guard()) == (
        market.energy,
        E,
        market.money,
        market.guard,
    )
    assert (pool.name(), pool.symbol(), pool.decimals()) == ("GreenCore E/GCM", "GC-E", 18)
    assert tuple(pool.fees()) == (25, 5)
    assert (pool.beneficiary(), pool.owner(), pool.paused()) == (beneficiary, pool_owner, False)
    assert pool.supportsInterface("0x01ffc9a7")
    assert pool.supportsInterface("0x4e2312e0")
    assert not pool.supportsInterface("0xffffffff")


def test_set_fees(filled, pool_owner: AccountAPI, stranger: AccountAPI) -> None:
    """At most 1 % together, never more for the treasury than for the shares; the reserves and the pause stay."""
    pool = filled.pool
    reserves = tuple(pool.reserves())

    receipt = pool.set_fees(50, 50, sender=pool_owner)

    (changed,) = receipt.decode_logs(pool.FeesChanged)
    assert (changed.old_lp_bps, changed.old_treasury_bps, changed.lp_bps, changed.treasury_bps) == (25, 5, 50, 50)
    assert tuple(pool.fees()) == (50, 50)
    assert tuple(pool.reserves()) == reserves
    for lp_bps, treasury_bps in ((101, 0), (51, 50), (10, 11), (2**256 - 1, 1)):
        refuses("pool: fees out of bounds", pool.set_fees, lp_bps, treasury_bps, sender=pool_owner)
    refuses("ownable: caller is not the owner", pool.set_fees, 0, 0, sender=stranger)


def test_set_tier(
    filled,
    pool_owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    stranger: AccountAPI,
) -> None:
    """Whoever trades or adds, and whoever receives, needs the tier; giving shares back needs none."""
    pool, guard = filled.pool, filled.guard
    before = tuple(pool.reserves()), tuple(pool.fees())
    (changed,) = pool.set_tier(255, sender=pool_owner).decode_logs(pool.TierChanged)
    assert (changed.old, changed.new, pool.tier()) == (0, 255, 255)
    pool.set_tier(2, sender=pool_owner)
    assert (tuple(pool.reserves()), tuple(pool.fees())) == before
    assert tuple(pool.state()) == (*before[0], 30, 2, False)

    asks = (
        (pool.sell, (KWH, 0)),
        (pool.sell_for, (GCM, KWH)),
        (pool.buy, (KWH, 10 * GCM)),
        (pool.buy_with, (GCM, 0)),
        (pool.add_liquidity, (KWH, 10 * GCM, 0)),
    )
    for raised, tier in ((buyer, 1), (stranger, 1), (buyer, 2)):
        guard.set_tier(raised, tier, sender=guardian)
        for method, args in asks:
            refuses("pool: tier is too low", method, *args, stranger, LATE, sender=buyer)
    guard.set_tier(stranger, 2, sender=guardian)
    for method, args in asks:
        method(*args, stranger, LATE, sender=buyer)
    guard.set_tier(buyer, 0, sender=guardian)
    refuses("pool: tier is too low", pool.sell, KWH, 0, stranger, LATE, sender=buyer)

    pool.remove_liquidity(10**12, 0, 0, prosumer, LATE, sender=prosumer)
    filled.guard.pause(pool, sender=guardian)
    assert tuple(pool.state())[3:] == (2, True)
    refuses("ownable: caller is not the owner", pool.set_tier, 0, sender=stranger)


def test_collect_fees(filled, buyer: AccountAPI, beneficiary: AccountAPI, stranger: AccountAPI) -> None:
    """Anybody collects, the beneficiary is paid, once."""
    pool = filled.pool
    pool.buy_with(2_000 * GCM, 0, buyer, LATE, sender=buyer)
    before = filled.money.balanceOf(beneficiary)

    receipt = pool.collect_fees(sender=stranger)

    (collected,) = receipt.decode_logs(pool.FeesCollected)
    assert (collected.beneficiary, collected.amount) == (beneficiary, GCM)
    assert filled.money.balanceOf(beneficiary) == before + GCM
    assert pool.treasury_owed() == 0
    assert not pool.collect_fees(sender=stranger).decode_logs(pool.FeesCollected)


def test_set_beneficiary(filled, pool_owner: AccountAPI, stranger: AccountAPI, beneficiary: AccountAPI) -> None:
    """Somebody who can be paid."""
    pool = filled.pool
    receipt = pool.set_beneficiary(stranger, sender=pool_owner)
    (changed,) = receipt.decode_logs(pool.BeneficiaryChanged)
    assert (changed.old, changed.new) == (beneficiary, stranger)
    for wrong in (ZERO, pool):
        refuses("pool: no such receiver", pool.set_beneficiary, wrong, sender=pool_owner)
    refuses("ownable: caller is not the owner", pool.set_beneficiary, stranger, sender=stranger)


def test_pause(filled, guardian: AccountAPI, pool_owner: AccountAPI, buyer: AccountAPI) -> None:
    """Through the Guard only; afterwards everything goes on as it was."""
    pool = filled.pool
    before = tuple(pool.reserves()), tuple(pool.fees())
    refuses("pool: access is denied", pool.set_paused, True, sender=pool_owner)
    filled.guard.pause(pool, sender=guardian)
    receipt = filled.guard.unpause(pool, sender=pool_owner)
    (changed,) = receipt.decode_logs(pool.PauseChanged)
    assert not changed.paused
    assert (tuple(pool.reserves()), tuple(pool.fees())) == before
    pool.sell(KWH, 0, buyer, LATE, sender=buyer)


def test_ownership__moves_in_two_steps(market, pool_owner: AccountAPI, buyer: AccountAPI) -> None:
    """As everywhere in the house."""
    market.pool.transfer_ownership(buyer, sender=pool_owner)
    assert market.pool.owner() == pool_owner
    market.pool.accept_ownership(sender=buyer)
    assert market.pool.owner() == buyer
