# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over time are what a recount gives, whatever came late, in which order, and however often the job was killed."""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from energy import rollup
from energy.ingest.service import IngestService
from energy.models import EnergyInterval, EnergyReading
from energy.models_ingest import EnergyRollupDay, EnergyRollupDirty, EnergyRollupHour
from energy.partitions import Partitions
from energy.quality.service import QualityService
from energy.rollup import GRID
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.units import slot_of
from tests.integration.energy.conftest import NOON

FIRST = slot_of(NOON) - 200
FIELDS = ("e_net_uwh", "import_uwh", "export_uwh", "gen_uwh", "raw", "validated", "estimated", "readings")

Sums = dict[tuple[UUID, int], list[int]]

# what happens: a reading of a meter, a new version of an interval, the job runs, the job dies
events = st.one_of(
    st.tuples(
        st.just("reading"), st.integers(0, 2), st.integers(0, 130), st.sampled_from(["main", "pv"]), st.integers(0, 99)
    ),
    st.tuples(
        st.just("version"),
        st.integers(0, 2),
        st.integers(0, 130),
        st.sampled_from(["raw", "validated", "estimated"]),
        st.integers(-99, 99),
    ),
    st.tuples(st.sampled_from(["run", "killed"])),
)


class Killed(Exception):
    """The job's process died before its commit."""


async def sum_up(database: Database, *, kill: bool = False, limit: int = 7) -> int:
    async with database.transaction() as session:
        taken = await rollup.sum_up(session, NOON, limit=limit)
        if kill:
            raise Killed
    return taken


async def recount(database: Database, per: int) -> Sums:
    """From every stored reading and the highest version of every interval, in Python."""
    sums: Sums = defaultdict(lambda: [0] * len(FIELDS))
    async with database.transaction() as session:
        readings = list(await session.scalars(select(EnergyReading)))
        versions = list(await session.scalars(select(EnergyInterval).order_by(EnergyInterval.version)))
    for row in readings:
        values = [0, row.import_uwh or 0, row.export_uwh or 0, row.gen_uwh or 0, 0, 0, 0, 1]
        _add(sums, row.station, row.slot // per, values)
    for row in {(it.station, it.slot): it for it in versions}.values():
        counts = [int(row.quality == name) for name in ("raw", "validated", "estimated")]
        _add(sums, row.station, row.slot // per, [row.e_net_uwh, 0, 0, 0, *counts, 0])
    return dict(sums)


def _add(sums: Sums, station: UUID, bucket: int, values: list[int]) -> None:
    for name in (station, GRID):
        sums[name, bucket] = [a + b for a, b in zip(sums[name, bucket], values, strict=True)]


async def stored(database: Database, table: Any, bucket: str) -> Sums:
    async with database.transaction() as session:
        rows = await session.scalars(select(table))
        return {(row.station, getattr(row, bucket)): [getattr(row, name) for name in FIELDS] for row in rows}


async def assert_sums(database: Database) -> None:
    while await sum_up(database):
        pass
    assert await stored(database, EnergyRollupHour, "hour") == await recount(database, 4)
    assert await stored(database, EnergyRollupDay, "day") == await recount(database, 96)


@given(st.lists(events, min_size=1, max_size=30))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_sums_are_a_recount(new_database: Callable[[], str], happened: list[Any]) -> None:
    database = Database(new_database())
    stations = [uuid4() for _ in range(3)]
    versions: dict[tuple[int, int], int] = {}
    async with database.transaction() as session:
        await Partitions().ensure(session, [FIRST, FIRST + 130])
    for name, *given_values in happened:
        if name in ("run", "killed"):
            try:
                await sum_up(database, kill=name == "killed")
            except Killed:
                continue
            continue
        number, offset, what, value = given_values
        station, slot = stations[number], FIRST + offset
        async with database.transaction() as session:
            if name == "reading":
                await session.execute(_reading(station, what, slot, value))
            else:
                versions[number, offset] = version = versions.get((number, offset), 0) + 1
                await session.execute(_interval(station, slot, version, what, value))
            await rollup.mark(session, [(station, slot)])
    await assert_sums(database)
    await database.close()


async def test_readings_late_originals_and_second_meters_reach_the_sums_through_quality(
    database: Database, clock: FixedClock, station: Any
) -> None:
    service, quality = IngestService(clock, Mode.LIVE), QualityService(clock)
    for batch in (
        [station.signed(-slot) for slot in range(40) if slot not in (9, 10, 11)],
        [station.signed(-slot, measures={"importWh": 7}) for slot in (9, 10)],  # late originals of what was estimated
        [station.signed(-3, 5, meter_id="pv", measures={"genWh": 5})],
    ):
        clock.at += timedelta(minutes=5)
        async with database.transaction() as session:
            await service.ingest(session, batch, "rest")
        async with database.transaction() as session:
            await quality.evaluate(session)
        await assert_sums(database)
    async with database.transaction() as session:
        grid = (await session.scalars(select(EnergyRollupDay).where(EnergyRollupDay.station == GRID))).all()
        assert (sum(row.readings for row in grid), sum(row.import_uwh for row in grid)) == (40, 14)
        assert not (await session.scalars(select(EnergyRollupDirty))).all()


def _reading(station: UUID, meter: str, slot: int, value: int) -> Any:
    return (
        insert_or_leave(EnergyReading)
        .values(
            station=station, meter=meter, slot=slot, hash=bytes(32), body=b"", signature=b"", key=b"", meter_uwh=value,
            import_uwh=value if value % 2 else None, export_uwh=value, gen_uwh=value if value % 3 else None, demo=False,
            received_at=NOON, transport="rest",
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


def _interval(station: UUID, slot: int, version: int, quality: str, value: int) -> Any:
    return insert(EnergyInterval).values(
        station=station, slot=slot, version=version, e_net_uwh=value, quality=quality, state="STORED", method="boundary",
        qa=[], profile_hash=bytes(32), demo=False, created_at=NOON,
    )  # fmt: skip
