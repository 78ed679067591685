# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCM: a standing order deposits what a tenure newly minted, whoever claimed it, and nothing else."""

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import KWH, ROOF, E, H, House, Published, refuses, reserve_of

NET = KWH - reserve_of(0, KWH)


@pytest.fixture
def gcm(house: House, owner: AccountAPI, prosumer: AccountAPI) -> ContractInstance:
    """An index over the house's own tokens; the roof has minted once and its owner keeps that to himself."""
    index = owner.deploy(container("GCM"), house.on.token, house.on.registry, house.on.guard)
    house.claim(house.publish({ROOF: KWH}), ROOF)
    house.on.token.setApprovalForAll(index, True, sender=prosumer)
    return index


def test_standing__claims_of_strangers(
    house: House, gcm: ContractInstance, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """From the order on, net of the reserve, once; anybody may carry it out."""
    receipt = gcm.set_standing(E, ROOF, 1, True, sender=prosumer)
    (changed,) = receipt.decode_logs(gcm.StandingChanged)
    assert (changed.owner, changed.station, changed.from_register, changed.active) == (prosumer, ROOF, KWH, True)
    assert tuple(gcm.standing_order(E, ROOF, 1)) == (prosumer, KWH)
    refuses("gcm: nothing newly minted", gcm.deposit_minted, E, ROOF, 1, sender=stranger)

    for _ in range(2):
        house.claim(house.publish({ROOF: KWH}), ROOF)
    added = 2 * KWH - (reserve_of(0, 3 * KWH) - reserve_of(0, KWH))
    receipt = gcm.deposit_minted(E, ROOF, 1, sender=stranger)
    assert receipt.return_value == added - 10**6
    (told,) = receipt.decode_logs(gcm.StandingDeposited)
    assert (told.owner, told.utility, told.station, told.tenure) == (prosumer, E, ROOF, 1)
    assert (told.from_register, told.to_register) == (KWH, 3 * KWH)
    assert (told.amount, told.minted) == (added, added - 10**6)

    assert gcm.basket()[E] == added
    assert house.on.token.balanceOf(prosumer, E) == NET
    refuses("gcm: nothing newly minted", gcm.deposit_minted, E, ROOF, 1, sender=stranger)


def test_standing__paid_with_the_report(
    house: House, gcm: ContractInstance, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """It fits utilities whose owners are paid with the report too."""
    gcm.set_standing(H, ROOF, 1, True, sender=prosumer)
    slot = house.next_slot()
    draft: Published = house.draft(house.leaves({ROOF: KWH}, utility=H, slot=slot), utility=H)
    house.pay(draft)
    gcm.deposit_minted(H, ROOF, 1, sender=stranger)
    assert gcm.basket()[H] == NET


def test_standing__sold_meanwhile__is_forgotten(
    house: House, gcm: ContractInstance, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """No more than its owner holds; what comes back later is not newly minted."""
    gcm.set_standing(E, ROOF, 1, True, sender=prosumer)
    house.claim(house.publish({ROOF: KWH}), ROOF)
    token = house.on.token
    held = token.balanceOf(prosumer, E)
    token.safeTransferFrom(prosumer, buyer, E, held - KWH // 2, b"", sender=prosumer)
    gcm.deposit_minted(E, ROOF, 1, sender=stranger)
    assert (gcm.basket()[E], token.balanceOf(prosumer, E)) == (KWH // 2, 0)
    token.safeTransferFrom(buyer, prosumer, E, KWH // 2, b"", sender=buyer)
    refuses("gcm: nothing newly minted", gcm.deposit_minted, E, ROOF, 1, sender=stranger)


def test_standing__of_others__reverts(
    house: House, gcm: ContractInstance, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """Only the tenure's owner leaves an order, only who left it takes it back, and without an approval nothing moves."""
    refuses("gcm: not the owner of the tenure", gcm.set_standing, E, ROOF, 1, True, sender=stranger)
    refuses("gcm: not the owner of the tenure", gcm.set_standing, E, ROOF, 2, True, sender=prosumer)
    refuses("gcm: no standing order", gcm.deposit_minted, E, ROOF, 1, sender=stranger)
    gcm.set_standing(E, ROOF, 1, True, sender=prosumer)
    refuses("gcm: no standing order of the caller", gcm.set_standing, E, ROOF, 1, False, sender=stranger)
    house.claim(house.publish({ROOF: KWH}), ROOF)
    house.on.token.setApprovalForAll(gcm, False, sender=prosumer)
    refuses("energy_token: caller is not owner or approved", gcm.deposit_minted, E, ROOF, 1, sender=stranger)
    gcm.set_standing(E, ROOF, 1, False, sender=prosumer)
    refuses("gcm: no standing order", gcm.deposit_minted, E, ROOF, 1, sender=stranger)
