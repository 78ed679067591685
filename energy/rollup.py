# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over hours and days, of each station and of the grid: kept up by what changed, equal to a recount at any time.

Whoever writes a reading's interval marks its hour in the same transaction. The job takes marks, sums those hours anew from the
intervals in force and the readings, and carries the difference to the grid. So a late original, an estimate that is replaced and
a correction need no special care.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from energy.models_ingest import EnergyRollupDay, EnergyRollupDirty, EnergyRollupHour
from kit.units import SLOT_SECONDS

Unit = Literal["hour", "day"]
SECONDS: dict[Unit, int] = {"hour": 3_600, "day": 86_400}
SLOTS_PER_HOUR = 3_600 // SLOT_SECONDS
HOURS_PER_DAY = 24
GRID = UUID(int=0)
BATCH = 5_000
_LOCK = 0x67635F726F6C6C73  # "gc_rolls": one at a time, so that differences are taken once
_PART = 5_000

_SUMS = ("e_net_uwh", "import_uwh", "export_uwh", "gen_uwh", "raw", "validated", "estimated", "readings")
_NAMES = ", ".join(_SUMS)

_TAKE = text("""
DELETE FROM energy_rollup_dirty WHERE id IN (SELECT id FROM energy_rollup_dirty ORDER BY id LIMIT :limit)
RETURNING station, hour
""")
_HOURS = text(f"""
WITH wanted AS (SELECT * FROM unnest(CAST(:stations AS uuid[]), CAST(:hours AS integer[])) AS wanted (station, hour)),
old AS (SELECT hours.* FROM energy_rollup_hour AS hours JOIN wanted USING (station, hour)),
fresh AS (
    SELECT wanted.station, wanted.hour,
           coalesce(e_net, 0) AS e_net_uwh, coalesce(drawn, 0) AS import_uwh, coalesce(fed, 0) AS export_uwh,
           coalesce(made, 0) AS gen_uwh, raw, validated, estimated, readings
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT sum(e_net_uwh) AS e_net, count(*) FILTER (WHERE quality = 'raw') AS raw,
               count(*) FILTER (WHERE quality = 'validated') AS validated,
               count(*) FILTER (WHERE quality = 'estimated') AS estimated
        FROM (
            SELECT DISTINCT ON (slot) slot, e_net_uwh, quality FROM energy_interval
            WHERE station = wanted.station AND slot >= wanted.hour * {SLOTS_PER_HOUR}
                AND slot < (wanted.hour + 1) * {SLOTS_PER_HOUR}
            ORDER BY slot, version DESC
        ) AS in_force
    ) AS intervals
    CROSS JOIN LATERAL (
        SELECT sum(import_uwh) AS drawn, sum(export_uwh) AS fed, sum(gen_uwh) AS made, count(*) AS readings
        FROM energy_reading
        WHERE station = wanted.station AND slot >= wanted.hour * {SLOTS_PER_HOUR}
            AND slot < (wanted.hour + 1) * {SLOTS_PER_HOUR}
    ) AS heard
),
grid AS (
    SELECT fresh.hour, {", ".join(f"sum(fresh.{name} - coalesce(old.{name}, 0)) AS {name}" for name in _SUMS)}
    FROM fresh LEFT JOIN old USING (station, hour) GROUP BY fresh.hour
),
stations AS (
    INSERT INTO energy_rollup_hour (station, hour, {_NAMES}, updated_at)
    SELECT station, hour, {_NAMES}, :now FROM fresh
    ON CONFLICT (station, hour) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _SUMS)}, updated_at = :now
)
INSERT INTO energy_rollup_hour (station, hour, {_NAMES}, updated_at)
SELECT CAST(:grid AS uuid), hour, {_NAMES}, :now FROM grid
ON CONFLICT (station, hour) DO UPDATE
SET {", ".join(f"{name} = energy_rollup_hour.{name} + excluded.{name}" for name in _SUMS)}, updated_at = :now
""")
_DAYS = text(f"""
WITH wanted AS (SELECT * FROM unnest(CAST(:stations AS uuid[]), CAST(:days AS integer[])) AS wanted (station, day))
INSERT INTO energy_rollup_day (station, day, {_NAMES}, updated_at)
SELECT wanted.station, wanted.day, {", ".join(f"sum({name})" for name in _SUMS)}, :now
FROM wanted JOIN energy_rollup_hour AS hours
    ON hours.station = wanted.station AND hours.hour >= wanted.day * {HOURS_PER_DAY}
    AND hours.hour < (wanted.day + 1) * {HOURS_PER_DAY}
GROUP BY wanted.station, wanted.day
ON CONFLICT (station, day) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _SUMS)}, updated_at = :now
""")


async def sums(
    session: AsyncSession, unit: Unit, station: UUID, first: int, last: int
) -> Sequence[EnergyRollupHour | EnergyRollupDay]:
    """The hours (or days) of a station, or of `GRID`, from number `first` to `last` (unix time // 3600, or // 86400), in order.

    A bucket without a row has no interval and no reading.
    """
    if unit == "hour":
        hours = select(EnergyRollupHour).where(
            EnergyRollupHour.station == station, EnergyRollupHour.hour.between(first, last)
        )
        return list(await session.scalars(hours.order_by(EnergyRollupHour.hour)))
    days = select(EnergyRollupDay).where(EnergyRollupDay.station == station, EnergyRollupDay.day.between(first, last))
    return list(await session.scalars(days.order_by(EnergyRollupDay.day)))


async def mark(session: AsyncSession, places: Iterable[tuple[UUID, int]]) -> None:
    """These (station, slot) changed in this transaction: their hours are to be summed again. Never commits."""
    hours = sorted({(station, slot // SLOTS_PER_HOUR) for station, slot in places})
    for at in range(0, len(hours), _PART):
        rows = [{"station": station, "hour": hour} for station, hour in hours[at : at + _PART]]
        await session.execute(insert(EnergyRollupDirty), rows)


async def sum_up(session: AsyncSession, now: datetime, *, limit: int = BATCH) -> int:
    """Sum marked hours and their days anew. Returns how many marks were taken; 0 also while another process sums.

    Never commits: if the transaction is rolled back the marks are there again.
    """
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
        return 0
    taken = [(station, hour) for station, hour in await session.execute(_TAKE, {"limit": limit})]
    if not taken:
        return 0
    hours = sorted({(UUID(int=station.int), hour) for station, hour in taken})
    stations, numbers = [list(column) for column in zip(*hours, strict=True)]
    await session.execute(_HOURS, {"stations": stations, "hours": numbers, "grid": GRID, "now": now})
    days = sorted({(station, hour // HOURS_PER_DAY) for station, hour in hours})
    days += sorted({(GRID, day) for _, day in days})
    stations, numbers = [list(column) for column in zip(*days, strict=True)]
    await session.execute(_DAYS, {"stations": stations, "days": numbers, "now": now})
    return len(taken)
