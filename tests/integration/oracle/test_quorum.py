# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The quorum's ways: everyone agrees, some are away, one lies, two think otherwise."""

from kit.units import UWH_PER_WH
from tests.integration.oracle.grid import E, Grid


async def test_four_nodes_agree_and_the_chain_pays_what_was_measured(grid: Grid) -> None:
    sunny, house = await grid.add_station(), await grid.add_station(owner=9)
    slot = grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(sunny.reading(slot, 250), house.reading(slot, -40))

    attempt = await grid.report(slot)

    assert attempt.succeeded
    head = await grid.oracle.head(E)
    assert (head.slot, head.total, head.reports) == (slot, 250 * UWH_PER_WH, 1)
    assert [leaf.mintable for leaf in await grid.leaves(slot)] == [
        {sunny.id.int: 250 * UWH_PER_WH, house.id.int: 0}[leaf.station] for leaf in await grid.leaves(slot)
    ]
    first, *others = await grid.states()
    assert first
    assert all(state == first for state in others)
    await grid.claim(slot, sunny)
    assert (await grid.treasury.settled(E, sunny.id.int, 1)).register == 250 * UWH_PER_WH
