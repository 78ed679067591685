# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Two stories in which registers do not simply grow: a station is sold, and a reading is corrected downwards."""

from dataclasses import replace

from ape.api import AccountAPI

from tests.contracts.house import BARN, KWH, ROOF, E, House, reserve_of


def test_handover__old_energy_stays_the_sellers(
    house: House, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """The seller is paid for what was metered before, also long after; the buyer starts at zero (hole 4)."""
    house.publish({ROOF: KWH, BARN: 0})
    house.on.registry.offer_station(ROOF, buyer, sender=prosumer)
    house.on.registry.accept_station(ROOF, sender=buyer)
    house.join(ROOF, buyer, tenure=2)
    slot = house.next_slot()
    leaves = house.leaves({ROOF: 2 * KWH}, utility=E, slot=slot, tenure=2)
    after = house.draft(leaves)
    house.bring(after.content)

    assert house.claim(after, ROOF, tenure=2).return_value == 2 * KWH
    house.wait(30 * 86_400)
    assert house.claim(after, ROOF, tenure=1).return_value == KWH

    assert house.on.token.balanceOf(prosumer, E) == KWH - reserve_of(0, KWH)
    assert house.on.token.balanceOf(buyer, E) == 2 * KWH - reserve_of(0, 2 * KWH)
    assert house.settled(ROOF, tenure=1) == KWH
    assert house.settled(ROOF, tenure=2) == 2 * KWH
    assert house.claim(after, ROOF, tenure=1).return_value == 0


def test_handover__closed_tenure__has_only_the_room_of_its_time(
    house: House, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """After the end of a tenure its bucket fills no more: what the plant could not have made then is never minted."""
    house.wait(900)
    house.on.registry.offer_station(ROOF, buyer, sender=prosumer)
    house.on.registry.accept_station(ROOF, sender=buyer)
    closed = house.on.registry.tenure_of(ROOF, 1)
    possible = (closed.until - closed.since) * 10_000 * 3_125 // 9
    published = house.publish({ROOF: possible + 1})
    house.wait(30 * 86_400)

    assert house.claim(published, ROOF).return_value == possible
    house.wait(30 * 86_400)
    assert house.claim(published, ROOF).return_value == 0


def test_correction_downwards__nothing_is_clawed_back(house: House, prosumer: AccountAPI) -> None:
    """+5, −3, +4 kWh mints 5, 0 and 1: the leaf carries a high-water mark, and later surplus works the correction off (hole 5)."""
    net, high, minted = 0, 0, []
    for change in (5, -3, 4):
        net += change * KWH // 5
        rise = max(0, net - high)
        high += rise
        published = house.publish({ROOF: rise, BARN: 0})
        minted.append(house.claim(published, ROOF).return_value)

    assert minted == [KWH, 0, KWH // 5]
    assert house.on.token.balanceOf(prosumer, E) == high - reserve_of(0, high)


def test_lower_mintable__is_settled_as_nothing(house: House) -> None:
    """A report in which a register went down, against the protocol, mints nothing and takes nothing back."""
    house.claim(house.publish({ROOF: KWH, BARN: KWH}), ROOF)
    slot = house.next_slot()
    leaves = house.leaves({BARN: KWH}, utility=E, slot=slot)
    lowered = [replace(leaf, mintable=KWH // 2, energy=0) if leaf.station == ROOF else leaf for leaf in leaves]
    published = house.draft(lowered)
    house.bring(published.content)

    assert house.claim(published, ROOF).return_value == 0
    assert house.settled(ROOF) == KWH
