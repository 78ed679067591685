# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.direct_packed: a thousand readings in 64-bit lanes pay the beneficiary in the report's transaction."""

from dataclasses import replace

import pytest
from ape.api import AccountAPI
from eth_hash.auto import keccak

from tests.contracts.house import KWH, ROOF, H, House, W, pack, refuses, reserve_of


@pytest.mark.parametrize("readings", [[5], [1, 2, 3, 4, 5], [2**29 - 1] * 9], ids=["one", "odd", "many"])
def test_direct_packed(house: House, beneficiary: AccountAPI, readings: list[int]) -> None:
    """The sum of the lanes is what is minted, for any number of lanes."""
    content = house.pooled(readings, slot=house.slot)

    receipt = house.on.treasury.direct_packed(*house.sign(content).args, pack(readings), sender=house.relayer)

    total, kept = sum(readings), reserve_of(0, sum(readings))
    (minted,) = receipt.decode_logs(house.on.treasury.Minted)
    assert (minted.utility, minted.station, minted.owner, minted.tenure, minted.mode) == (W, 0, beneficiary, 0, 4)
    assert (minted.from_register, minted.to_register, minted.to_owner, minted.reserve) == (0, total, total - kept, kept)
    assert receipt.return_value == total == house.on.treasury.minted(W)
    assert house.on.token.balanceOf(beneficiary, W) == total - kept == house.on.token.total_supply(W)


def test_direct_packed__reserve_telescopes(house: House) -> None:
    """The reserve is counted on the running total, so slots add up to what one report would have kept."""
    for readings in ([333], [334], [335]):
        content = house.pooled(readings, slot=house.next_slot())
        house.on.treasury.direct_packed(*house.sign(content).args, pack(readings), sender=house.relayer)
        house.accept(content)
    assert house.on.treasury.reserve(W) == reserve_of(0, 1_002)


def test_direct_packed__other_readings__reverts(house: House) -> None:
    """Readings are bound by the data hash, and their sum by the increase."""
    readings = [KWH, 2 * KWH, 0]
    content = house.pooled(readings, slot=house.slot)
    packed = pack(readings)
    swapped = pack([2 * KWH, KWH, 0])
    too_much = replace(content, increase=content.increase + 1, total=content.total + 1)
    mint = house.on.treasury.direct_packed

    refuses("treasury: not the report's readings", mint, *house.sign(content).args, swapped, sender=house.relayer)
    refuses(
        "treasury: not the report's readings", mint, *house.sign(content).args, packed + bytes(32), sender=house.relayer
    )
    refuses("treasury: not the report's readings", mint, *house.sign(content).args, packed[:24], sender=house.relayer)
    refuses(
        "treasury: not the report's readings",
        mint,
        *house.sign(replace(content, stations=5)).args,
        packed,
        sender=house.relayer,
    )
    refuses(
        "treasury: readings do not sum up to the increase",
        mint,
        *house.sign(too_much).args,
        packed,
        sender=house.relayer,
    )


def test_direct_packed__lanes_do_not_carry(house: House) -> None:
    """Lanes full of ones cannot spill into their neighbours to fake a small sum."""
    readings = [2**64 - 1] * 8
    content = replace(
        house.pooled([1], slot=house.slot),
        stations=8,
        data_hash=keccak(pack(readings)),
        increase=2**64 - 8,
        total=2**64 - 8,
    )
    # The ceiling stands in front; behind it, the sum does not come out small either.
    refuses(
        "oracle: more than the plants can make",
        house.on.treasury.direct_packed,
        *house.sign(content).args,
        pack(readings),
        sender=house.relayer,
    )
    small = replace(content, increase=0, total=0)
    refuses(
        "treasury: readings do not sum up to the increase",
        house.on.treasury.direct_packed,
        *house.sign(small).args,
        pack(readings),
        sender=house.relayer,
    )


def test_direct_packed__direct_utility__reverts(house: House) -> None:
    """Readings without owners cannot be brought for a utility whose owners are paid."""
    slot = house.slot
    draft = house.draft(house.leaves({ROOF: KWH}, utility=H, slot=slot), utility=H)
    content = replace(draft.content, data_hash=keccak(pack([KWH])), stations=1)

    refuses(
        "treasury: utility is not pooled",
        house.on.treasury.direct_packed,
        *house.sign(content).args,
        pack([KWH]),
        sender=house.relayer,
    )
    pooled = house.pooled([KWH], slot=slot)
    refuses(
        "treasury: utility is not direct",
        house.on.treasury.direct,
        *house.direct(pooled, draft.leaves),
        sender=house.relayer,
    )
