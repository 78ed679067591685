# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Queries about whole days: which are due, what was measured, what siblings and instruments saw, what was found before."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from statistics import median_low
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from energy.day.rules import DAY_SLOTS
from energy.models import EnergyInterval, EnergyReading, EnergyStation
from energy.models_quality import EnergyDayDue, EnergyEstimate, EnergyFinding
from energy.policy import PPM
from energy.repository import in_force
from energy.wire import interval_of
from kit.units import rated_uwh_per_slot, slot_start

SIBLINGS = 8  # plants that are asked what the sun did
_SETTLE = timedelta(hours=1)  # after a day's end: what is a little late should be in
_FULL_SUN = 1_000  # W/m² are full power


class Shown(NamedTuple):
    """An interval in force: E_net, µWh; raw, validated or estimated; how it was made."""

    e_net_uwh: int
    quality: str
    method: str


async def mark_due(session: AsyncSession, places: Iterable[tuple[UUID, int]], now: datetime) -> None:
    """These (station, slot) changed: their days are to be looked at an hour after they end, or at once if that has passed."""
    days = {(station, slot // DAY_SLOTS) for station, slot in places}
    rows = [
        {"station": station, "day": day, "due_at": max(slot_start((day + 1) * DAY_SLOTS) + _SETTLE, now)}
        for station, day in sorted(days)
    ]
    if rows:
        await session.execute(insert(EnergyDayDue).on_conflict_do_nothing(), rows)


async def take_due(session: AsyncSession, now: datetime, limit: int) -> dict[UUID, list[int]]:
    """Take days that are due off the list within this transaction, by station; others get other days."""
    due = (
        select(EnergyDayDue)
        .where(EnergyDayDue.due_at <= now)
        .order_by(EnergyDayDue.due_at, EnergyDayDue.station, EnergyDayDue.day)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found: dict[UUID, list[int]] = {}
    for row in list(await session.scalars(due)):
        found.setdefault(row.station, []).append(row.day)
        await session.delete(row)
    return found


async def intervals(session: AsyncSession, station: UUID, first: int, last: int) -> dict[int, Shown]:
    """The intervals in force of slots `first` to `last`."""
    rows = in_force().where(EnergyInterval.station == station, EnergyInterval.slot.between(first, last)).subquery().c
    found = await session.execute(select(rows.slot, rows.e_net_uwh, rows.quality, rows.method))
    return {slot: Shown(uwh, quality, method) for slot, uwh, quality, method in found}


async def day_totals(session: AsyncSession, station: UUID, first_day: int, last_day: int, least: int) -> dict[int, int]:
    """E_net of days with at least so many validated slots, µWh."""
    current = (
        in_force()
        .where(
            EnergyInterval.station == station,
            EnergyInterval.slot.between(first_day * DAY_SLOTS, last_day * DAY_SLOTS + DAY_SLOTS - 1),
        )
        .subquery()
    )
    day = func.div(current.c.slot, DAY_SLOTS)
    rows = await session.execute(
        select(day, func.sum(current.c.e_net_uwh))
        .where(current.c.quality == "validated")
        .group_by(day)
        .having(func.count() >= least)
    )
    return {int(number): int(total) for number, total in rows}


async def readings(session: AsyncSession, station: UUID, slots: Collection[int]) -> dict[int, list[EnergyReading]]:
    """The readings of some slots, of every meter."""
    found: dict[int, list[EnergyReading]] = {}
    if not slots:
        return found
    rows = select(EnergyReading).where(EnergyReading.station == station, EnergyReading.slot.in_(slots))
    for row in await session.scalars(rows.order_by(EnergyReading.slot, EnergyReading.meter)):
        found.setdefault(row.slot, []).append(row)
    return found


async def sunshine(
    session: AsyncSession, station: EnergyStation, kinds: Collection[int], days: Collection[int]
) -> dict[int, list[int | None]]:
    """How much of full power the sun gave, ppm, by day and slot: the median of other plants of these kinds, or, where there are
    none, the station's own instrument (device counter `irradiance`, W/m²).
    """
    first, last = min(days) * DAY_SLOTS, max(days) * DAY_SLOTS + DAY_SLOTS - 1
    wanted = set(days)
    others = await session.execute(
        select(EnergyStation.id, EnergyStation.rated_w)
        .where(EnergyStation.id != station.id, EnergyStation.kind.in_(kinds), EnergyStation.demo == station.demo)
        .order_by(EnergyStation.id)
        .limit(SIBLINGS)
    )
    caps = {sibling: rated_uwh_per_slot(rated_w) for sibling, rated_w in others if rated_w}
    seen: dict[int, list[int]] = {}
    current = in_force().where(EnergyInterval.station.in_(caps), EnergyInterval.slot.between(first, last)).subquery().c
    rows = await session.execute(
        select(current.station, current.slot, current.e_net_uwh).where(
            current.quality != "estimated", func.div(current.slot, DAY_SLOTS).in_(wanted)
        )
    )
    for sibling, slot, uwh in rows:
        seen.setdefault(slot, []).append(uwh * PPM // caps[sibling])
    own = [slot for slot in range(first, last + 1) if slot // DAY_SLOTS in wanted] if not seen else []
    for slot, found in (await readings(session, station.id, own)).items():
        for reading in found:
            irradiance = (interval_of(reading.body).devices or {}).get("irradiance")
            if irradiance is not None:
                seen.setdefault(slot, []).append(irradiance // _FULL_SUN)
    told: dict[int, list[int | None]] = {}
    for slot, shares in seen.items():
        told.setdefault(slot // DAY_SLOTS, [None] * DAY_SLOTS)[slot % DAY_SLOTS] = median_low(shares)
    return told


async def findings(session: AsyncSession, station: UUID, days: Collection[int]) -> list[EnergyFinding]:
    """What is held to be true of some days."""
    rows = select(EnergyFinding).where(
        EnergyFinding.station == station, EnergyFinding.day.in_(days), EnergyFinding.superseded_at.is_(None)
    )
    return list(await session.scalars(rows.order_by(EnergyFinding.day, EnergyFinding.id)))


async def estimates(session: AsyncSession, station: UUID, first: int, last: int) -> dict[int, EnergyEstimate]:
    """The newest estimate of each of some slots, superseded or not."""
    rows = select(EnergyEstimate).where(EnergyEstimate.station == station, EnergyEstimate.slot.between(first, last))
    newest = rows.order_by(EnergyEstimate.slot, EnergyEstimate.version)
    return {row.slot: row for row in await session.scalars(newest)}
