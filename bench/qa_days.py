# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Days judged a second on a real PostgreSQL: three weeks of a plant behind each day, every tenth day with a gap to fill."""

import asyncio
import time
from datetime import UTC, datetime

from sqlalchemy import text

from bench.ingest import embedded_postgres
from energy.day.service import DayService
from energy.partitions import Partitions
from kit.clock import FixedClock
from kit.database import Database
from kit.units import slot_of

STATIONS = (10, 50, 250)
DAYS = 22
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)

_STATIONS = """
INSERT INTO energy_station (id, name, owner, tenure, since, rated_w, kind, demo, k_safety_ppm, block)
SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, '', '\\x00', 1, '2026-01-01Z', 40000, 1, false, 1000000, 1
FROM generate_series(1, :stations) AS i
"""
_TENURES = """
INSERT INTO energy_tenure (station, tenure, owner, since, rated_w)
SELECT id, 1, owner, since, rated_w FROM energy_station
"""
# a hill by day; in the last day of every tenth plant eight hours are a gap
_INTERVALS = """
INSERT INTO energy_interval (station, slot, version, e_net_uwh, quality, state, method, qa, profile_hash, demo, created_at)
SELECT id, slot, 1, CASE WHEN missing THEN 0 ELSE greatest(0, 2000 - (slot % 96 - 48) ^ 2 * 3)::bigint * 1000000 END,
       CASE WHEN missing THEN 'estimated' ELSE 'validated' END, 'STORED', CASE WHEN missing THEN 'E6' ELSE 'boundary' END,
       '[]', '\\x00', false, now()
FROM (SELECT id, slot, right(id::text, 1) = '0' AND slot BETWEEN :last - 66 AND :last - 34 AS missing
      FROM energy_station, generate_series(CAST(:last AS int) - :slots + 1, CAST(:last AS int)) AS slot) AS every
"""
_DUE = "INSERT INTO energy_day_due SELECT id, :day, '2026-03-20Z' FROM energy_station"
_SUM = "SELECT station, sum(e_net_uwh) FROM energy_interval WHERE slot / 96 = :day GROUP BY station"


def days() -> list[tuple[int, float, float]]:
    """For each size: stations, days judged a second, and days summed a second by a plain query."""
    return asyncio.run(_days())


async def _days() -> list[tuple[int, float, float]]:
    figures = []
    today = slot_of(NOON) // 96
    last = today * 96 - 1
    with embedded_postgres() as url:
        database = Database(url)
        try:
            async with database.transaction() as session:
                await Partitions().ensure(session, range(last - DAYS * 96, last))
            for stations in STATIONS:
                async with database.transaction() as session:
                    await session.execute(
                        text("TRUNCATE energy_station, energy_tenure, energy_interval, energy_day_due")
                    )
                    await session.execute(text(_STATIONS), {"stations": stations})
                    await session.execute(text(_TENURES))
                    await session.execute(text(_INTERVALS), {"last": last, "slots": DAYS * 96})
                    await session.execute(text(_DUE), {"day": today - 1})
                async with database.transaction() as session:
                    await session.execute(text("ANALYZE"))
                service, taken, begun = DayService(FixedClock(NOON)), 0, time.perf_counter()
                while taken < stations:
                    async with database.transaction() as session:
                        taken += await service.evaluate(session)
                judged = stations / (time.perf_counter() - begun)
                begun = time.perf_counter()
                async with database.transaction() as session:
                    summed = (await session.execute(text(_SUM), {"day": today - 1})).all()
                figures.append((stations, judged, len(summed) / (time.perf_counter() - begun)))
        finally:
            await database.close()
    return figures
