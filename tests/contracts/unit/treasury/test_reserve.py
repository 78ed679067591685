# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The reserve: bounded, counted on registers, minted when collected."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import KWH, RESERVE_BPS, ROOF, ZERO, E, House, refuses, reserve_of


def test_collect_reserve(house: House, beneficiary: AccountAPI, stranger: AccountAPI) -> None:
    """Anybody may collect; the beneficiary is paid what was counted, once."""
    house.claim(house.publish({ROOF: KWH}), ROOF)
    kept = reserve_of(0, KWH)
    assert house.on.token.balanceOf(beneficiary, E) == 0

    receipt = house.on.treasury.collect_reserve(E, sender=stranger)

    (collected,) = receipt.decode_logs(house.on.treasury.ReserveCollected)
    assert (collected.utility, collected.beneficiary, collected.amount) == (E, beneficiary, kept)
    assert receipt.return_value == kept == house.on.token.balanceOf(beneficiary, E)
    assert house.on.treasury.reserve(E) == 0
    assert house.on.token.total_supply(E) == KWH == house.on.treasury.issued(E) == house.on.treasury.minted(E)
    assert house.on.treasury.collect_reserve(E, sender=stranger).return_value == 0


def test_collect_reserve__refusing_beneficiary__waits(house: House, owner: AccountAPI, stranger: AccountAPI) -> None:
    """A beneficiary that cannot take tokens blocks nothing."""
    vault = stranger.deploy(container("RefusingReceiver"), 1)
    house.on.treasury.set_beneficiary(vault, sender=owner)
    house.claim(house.publish({ROOF: KWH}), ROOF)

    house.on.treasury.collect_reserve(E, sender=stranger)

    assert house.on.treasury.pending(vault, E) == reserve_of(0, KWH)


def test_collect_reserve__paused__reverts(house: House, pause, stranger: AccountAPI) -> None:
    """A stop of minting stops the reserve as well."""
    pause(house.on.treasury)
    refuses("treasury: paused", house.on.treasury.collect_reserve, E, sender=stranger)


def test_set_reserve_bps(house: House, owner: AccountAPI) -> None:
    """A new rate counts for what is settled from then on, also for utilities in use."""
    house.claim(house.publish({ROOF: KWH}), ROOF)

    receipt = house.on.treasury.set_reserve_bps(300, sender=owner)
    house.claim(house.publish({ROOF: KWH}), ROOF)

    (changed,) = receipt.decode_logs(house.on.treasury.ReserveRateChanged)
    assert (changed.old, changed.new) == (RESERVE_BPS, 300)
    assert house.on.treasury.reserve_bps() == 300
    assert house.on.treasury.reserve(E) == reserve_of(0, KWH) + reserve_of(KWH, 2 * KWH, 300)


def test_set_reserve_bps__out_of_bounds__reverts(house: House, owner: AccountAPI) -> None:
    """The bounds are the contract's, not the owner's."""
    for bps in (0, 99, 301, 10_000):
        refuses("treasury: reserve out of bounds", house.on.treasury.set_reserve_bps, bps, sender=owner)


def test_set_reserve_bps__while_paused__stays_paused(house: House, pause, owner: AccountAPI) -> None:
    """Rate and brake share a word; neither moves the other."""
    pause(house.on.treasury)
    house.on.treasury.set_reserve_bps(100, sender=owner)
    assert house.on.treasury.paused()
    house.on.guard.unpause(house.on.treasury, sender=owner)
    assert house.on.treasury.reserve_bps() == 100


def test_owner_functions__stranger__reverts(house: House, stranger: AccountAPI, owner: AccountAPI) -> None:
    """Policy is the owner's; the brake is the Guard's."""
    refuses("ownable: caller is not the owner", house.on.treasury.set_reserve_bps, 150, sender=stranger)
    refuses("ownable: caller is not the owner", house.on.treasury.set_beneficiary, stranger, sender=stranger)
    refuses("treasury: access is denied", house.on.treasury.set_paused, True, sender=owner)
    refuses("treasury: beneficiary is the zero address", house.on.treasury.set_beneficiary, ZERO, sender=owner)
    refuses("treasury: beneficiary is the treasury", house.on.treasury.set_beneficiary, house.on.treasury, sender=owner)
