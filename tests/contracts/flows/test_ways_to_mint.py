# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The three ways from one metered kilowatt-hour to a token, and that no two of them can be walked with the same energy."""

from ape.api import AccountAPI

from tests.contracts.house import (
    BARN,
    KWH,
    ROOF,
    E,
    H,
    House,
    W,
    batch_id,
    pack,
    refuses,
    reserve_of,
)


def test_three_ways(house: House, prosumer: AccountAPI, neighbour: AccountAPI, beneficiary: AccountAPI) -> None:
    """One day of a small grid: claims, batches, direct pay and a pool, the reserve collected, batches fused; sums agree."""
    token, treasury = house.on.token, house.on.treasury
    batches = []
    for hour in range(4):
        published = house.publish({ROOF: KWH + hour, BARN: KWH // 3})
        house.claim_batch(published, ROOF)
        batches.append(batch_id(E, published.content.slot))
    house.claim(published, BARN)
    slot = house.next_slot()
    direct = house.draft(house.leaves({ROOF: KWH // 2, BARN: KWH // 7}, utility=H, slot=slot), utility=H)
    house.pay(direct)
    readings = [KWH // 1_000] * 100
    pool = house.pooled(readings, slot=slot)
    treasury.direct_packed(*house.sign(pool).args, pack(readings), sender=house.relayer)

    for batch in batches[:2]:
        token.fuse(batch, token.balanceOf(prosumer, batch), sender=prosumer)
    for utility in (E, H, W):
        treasury.collect_reserve(utility, sender=house.relayer)

    for utility, signed in ((E, published.content.total), (H, direct.content.total), (W, pool.total)):
        assert treasury.minted(utility) == signed == house.on.oracle.head(utility).total
        assert treasury.issued(utility) == signed
    holders = (prosumer, neighbour, beneficiary)
    assert token.total_supply(E) == sum(token.balanceOf(holder, E) for holder in holders)
    assert token.total_supply(E) + sum(token.total_supply(batch) for batch in batches) == published.content.total
    for utility in (H, W):
        assert token.total_supply(utility) == sum(token.balanceOf(holder, utility) for holder in holders)


def test_energy_is_minted_once__whatever_the_way(house: House) -> None:
    """Batch, then class; class, then batch; an older proof, then a newer one: the register is settled once."""
    first = house.publish({ROOF: KWH, BARN: KWH})
    house.claim_batch(first, ROOF)
    assert house.claim(first, ROOF).return_value == 0
    house.claim(first, BARN)
    refuses("treasury: not exactly one slot", house.on.treasury.claim_batch, *first.shown(BARN), sender=house.relayer)

    second = house.publish({ROOF: KWH, BARN: KWH})
    house.claim(second, ROOF)
    assert house.claim(first, ROOF).return_value == 0
    assert house.on.treasury.minted(E) == 3 * KWH <= house.on.oracle.head(E).total


def test_reserve_of_the_tokens_world(house: House, beneficiary: AccountAPI) -> None:
    """Two per cent of two registers is what the beneficiary ends up with, to the unit, however they were claimed."""
    for energy in (1, 49, 50, 51, 999):
        house.claim(house.publish({ROOF: energy, BARN: energy}), ROOF)
    published = house.publish({})
    house.claim(published, BARN)

    house.on.treasury.collect_reserve(E, sender=house.relayer)

    assert house.on.token.balanceOf(beneficiary, E) == 2 * reserve_of(0, 1_150) == 46
