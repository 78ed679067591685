# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings that a node lacks: from peers of whom one forges them, or says nothing."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from edge.protocol import SignedInterval
from kit.errors import Unavailable
from kit.units import UWH_PER_WH
from tests.integration.oracle.grid import E, Grid
from tests.integration.oracle.test_quorum import disagreements


async def test_a_peer_that_forges_readings_keeps_nobody_from_the_real_ones(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node that lies is expected: who asks it first must not believe that nobody has the reading."""
    station = await grid.add_station()
    grid.pass_slots()
    slots = [grid.pass_slots(), grid.pass_slots()]
    readings = {reading.hash: reading for reading in (station.reading(slot, 10) for slot in slots)}
    late = grid.members[3]

    async def forged(hashes: Sequence[bytes]) -> list[SignedInterval]:
        return [replace(readings[h], signature=bytes(64)) for h in hashes]

    monkeypatch.setattr(late.node.peers.all[0], "readings", forged)
    for member in grid.members[:3]:
        await member.hear(*readings.values())
    await grid.report(slots[0])
    await grid.members[2].stop()  # from now on the late one is needed
    grid.close(slots[1])
    attempt = await grid.members[0].node.propose(E, slots[1])
    assert attempt is not None
    assert attempt.succeeded
    assert (await grid.oracle.head(E)).total == 20 * UWH_PER_WH
    assert not await disagreements(late)


async def test_a_node_waits_for_readings_that_a_silent_peer_may_have(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be asked for is no disagreement: to go on without it would leave it to be counted again later."""
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    late = grid.members[3]
    for member in grid.members[:3]:
        await member.hear(station.reading(slot, 10))
    grid.close(slot)

    async def silent(hashes: Sequence[bytes]) -> list[SignedInterval]:
        raise Unavailable("oracle.peer_unavailable", f"no answer about {len(hashes)} readings")

    with monkeypatch.context() as patch:
        for peer in late.node.peers.all:
            patch.setattr(peer, "readings", silent)
        attempt = await grid.members[0].node.propose(E, slot)
        assert attempt is not None
        assert attempt.succeeded
        with pytest.raises(Unavailable, match="not every peer"):
            await grid.follow()
    await grid.follow()
    first, *others = await grid.states()
    assert all(state == first for state in others)
    assert not await disagreements(late)
