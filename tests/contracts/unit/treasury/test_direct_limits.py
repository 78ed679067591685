# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a direct utility's row cannot do (docs/contracts.md, Rows): each limit with the way out of it."""

from dataclasses import replace

from ape.api import AccountAPI

from oracle.rules import direct_root
from tests.contracts.house import BARN, KWH, RATED_W, ROOF, H, House, Published, refuses

DEPTH_SECONDS = 31 * 86_400
DEPTH = RATED_W * DEPTH_SECONDS * 3_125 // 9


def drafted(house: House, energy: dict[int, int], tenure: int = 1) -> Published:
    """A direct report of the next slot, unsent."""
    slot = house.next_slot()
    return house.draft(house.leaves(energy, utility=H, slot=slot, tenure=tenure), utility=H)


def test_direct__handovers_fill_the_row(house: House, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """Closed tenures keep their places: 31 handovers of one plant leave nobody paid. A row signed without them is."""
    house.pay(drafted(house, {ROOF: KWH, BARN: KWH}))
    giver, taker = prosumer, stranger
    for tenure in range(2, 33):
        house.on.registry.offer_station(ROOF, taker, sender=giver)
        house.on.registry.accept_station(ROOF, sender=taker)
        house.join(ROOF, taker, utility=H, tenure=tenure)
        giver, taker = taker, giver
    full = drafted(house, {BARN: KWH})
    args = house.direct(full.content, full.leaves)
    refuses("treasury: not the report's row", house.on.treasury.direct, *args, sender=house.relayer)

    open_ones = [leaf for leaf in full.leaves if leaf.station == BARN or leaf.tenure == 32]
    content = replace(full.content, root=direct_root(open_ones), stations=len(open_ones))
    assert house.pay(replace(full, content=content, leaves=open_ones)).return_value == KWH


def test_direct__large_plant__keeps_281_gwh(house: House, registrar: AccountAPI, prosumer: AccountAPI) -> None:
    """48 bits of mWh are less than 31 days of a plant above 302 MW."""
    house.on.registry.register_station(500, prosumer, 10**9, 1, True, sender=registrar)
    house.wait(DEPTH_SECONDS)
    house.join(500, prosumer, utility=H)
    house.pay(drafted(house, {}))
    assert house.on.treasury.settled(H, 500, 1).allowance == (2**48 - 1) * 1_000


def test_direct__old_seats_after_a_lower_rating__are_paid_until_seated_anew(
    house: House, registrar: AccountAPI
) -> None:
    """Who brings the reports decides when a lower rating counts: with the old seats more than one bucket is paid."""
    house.pay(drafted(house, {ROOF: KWH, BARN: KWH}))
    old = list(house.sitting)
    house.on.registry.set_rating(ROOF, 0, sender=registrar)
    for _ in range(2):
        house.wait(DEPTH_SECONDS)
        house.on.treasury.refresh_rating(ROOF, 1, sender=registrar)
        assert house.pay(drafted(house, {ROOF: DEPTH * 9 // 10}), seats=old).return_value == DEPTH * 9 // 10

    house.wait(DEPTH_SECONDS)
    assert house.pay(drafted(house, {ROOF: KWH}), before=old).return_value == 0
    assert house.on.treasury.settled(H, ROOF, 1).rated_w == 0
