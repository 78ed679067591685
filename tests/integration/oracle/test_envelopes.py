# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What came in an envelope is proven by it at every node, also where a peer hands on some of its intervals only."""

from sqlalchemy import select

from edge.protocol import SignedInterval, decode, encode, sign_envelope
from energy.models import EnergyReading
from kit.stream import Message
from kit.units import UWH_PER_WH, Utility
from tests.integration.oracle.grid import Grid, Station

E = Utility.E


def enveloped(station: Station, slots: list[int], wh: int) -> list[SignedInterval]:
    signed = [station.reading(slot, wh) for slot in slots]
    envelope = sign_envelope(station.id, [one.hash for one in signed], station.device, boot_id="b", seq=0)
    return [SignedInterval.enveloped(one.interval, one.body, one.hash, envelope) for one in signed]


async def test_a_node_that_heard_nothing_gets_from_its_peers_what_envelopes_prove(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    away = grid.members[3]
    await away.stop()
    slots = [grid.pass_slots() for _ in range(3)]
    sent = enveloped(station, slots, 100)
    message = Message("event.energy.reading_stored", encode(sent), 1, 1)
    for member in grid.members[:3]:
        await member.node.intake.handle([message])
    # the report counts two of the three: the peer shows these and hides the other behind its hash
    grid.close(slots[1])
    attempt = await grid.members[0].node.propose(E, slots[1])
    assert attempt is not None
    assert attempt.signatures == 3
    await away.start()
    await grid.follow()
    first, *others = await grid.states()
    assert first
    assert all(state == first for state in others)
    async with away.database.transaction() as session:
        rows = list(await session.scalars(select(EnergyReading).order_by(EnergyReading.slot)))
    assert [row.slot for row in rows] == slots[:2]
    assert {row.signature for row in rows} == {None}
    assert len({row.envelope for row in rows}) == 1
    assert (await grid.oracle.head(E)).total == 200 * UWH_PER_WH


async def test_a_message_of_many_envelopes_is_taken_in_parts_and_rubbish_stops_nothing(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = [grid.pass_slots() for _ in range(6)][-1] + 1
    node = grid.members[0].node
    first, second = enveloped(station, [slot - 1, slot - 2], 5), enveloped(station, [slot - 3], 5)
    forged = decode(encode(enveloped(station, [slot - 4], 5)).replace(b'"seq":0', b'"seq":1'))
    payloads = [encode(first), b"{", encode(forged), encode([*second, station.reading(slot - 5, 5)])]
    await node.intake.handle([Message("s", data, number, 1) for number, data in enumerate(payloads)])
    async with node.database.transaction() as session:
        slots = list(await session.scalars(select(EnergyReading.slot).order_by(EnergyReading.slot.desc())))
    assert slots == [slot - 1, slot - 2, slot - 3, slot - 5]
