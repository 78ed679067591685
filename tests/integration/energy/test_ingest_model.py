# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes, in whatever batches, with crashes between: the tables say what a dictionary says."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from edge.protocol import SignedInterval
from energy.ingest import store
from energy.ingest.service import IngestService
from energy.models import EnergyConflict, EnergyPending, EnergyReading
from kit.clock import FixedClock
from kit.database import Database
from kit.outbox import OutboxEvent
from kit.settings import Mode

sent = st.tuples(st.integers(-30, 0), st.integers(1, 3), st.sampled_from([None, "pv"]))
batches = st.lists(st.tuples(st.lists(sent, min_size=1, max_size=150), st.booleans()), min_size=1, max_size=6)


class Crash(Exception):
    """The process died before its commit."""


async def deliver(database: Database, service: IngestService, batch: list[SignedInterval], crash: bool) -> list[str]:
    async with database.transaction() as session:
        lines = await service.ingest(session, batch, "rest")
        if crash:
            raise Crash
    return [line.status for line in lines]


@given(batches)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_the_tables_are_a_dictionary(
    database: Database, clock: FixedClock, new_station: Callable[..., Any], given_batches: list[Any]
) -> None:
    station = new_station()
    await station.enrol(database)
    service = IngestService(clock, Mode.LIVE)
    stored: dict[tuple[str, int], bytes] = {}
    conflicts: set[bytes] = set()
    for content, crash in given_batches:
        batch = [station.signed(slot, value, meter_id=meter) for slot, value, meter in content]
        expected, would_store, would_conflict = [], dict(stored), set(conflicts)
        for it in batch:
            place = (it.interval.meter, it.interval.slot)
            kept = would_store.setdefault(place, it.hash)
            if kept != it.hash:
                would_conflict.add(it.hash)
            fresh = place not in stored and kept == it.hash and place not in {p for p, _ in expected}
            expected.append((place, "accepted" if fresh else "duplicate" if kept == it.hash else "conflict"))
        try:
            assert await deliver(database, service, batch, crash) == [status for _, status in expected]
            stored, conflicts = would_store, would_conflict
        except Crash:
            continue
    async with database.transaction() as session:
        mine = EnergyReading.station == station.id
        rows = await session.execute(select(EnergyReading.meter, EnergyReading.slot, EnergyReading.hash).where(mine))
        assert {(meter, slot): hashed for meter, slot, hashed in rows} == stored
        waiting = select(EnergyPending.hash).where(EnergyPending.station == station.id)
        assert sorted(await session.scalars(waiting)) == sorted(stored.values())
        kept_apart = select(EnergyConflict.hash).where(EnergyConflict.station == station.id)
        assert set(await session.scalars(kept_apart)) == conflicts
        told = select(OutboxEvent.payload).where(OutboxEvent.subject == store.READING_STORED)
        payloads = [payload for payload in await session.scalars(told) if str(station.id).encode() in payload]
        assert len(payloads) == len(set(payloads)) == len(stored)
