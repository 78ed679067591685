# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What others ask of energy: intervals in force and their states, counts for people, what waits or was refused.

The queries of the way in stand in energy.ingest, those of an oracle node in oracle.repository.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from energy.models import (
    EnergyConflict,
    EnergyInterval,
    EnergyPending,
    EnergyReading,
    EnergyRegister,
    EnergyRejection,
    EnergyStation,
    EnergyTenure,
)
from energy.policy import StationParameters
from energy.settle.rules import Register
from kit.units import SLOT_SECONDS, slot_start

STORED, PROCESSING, MINTED, FAILED = "STORED", "PROCESSING", "MINTED", "FAILED"

_PART = 1_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a station's intervals. `rejected` are those that were not accepted later."""

    accepted: int = 0
    estimated: int = 0
    rejected: int = 0
    conflicting: int = 0


async def counts(session: AsyncSession, stations: Sequence[UUID]) -> dict[UUID, Counts]:
    """Counts for each of some stations."""
    current = in_force().where(EnergyInterval.station.in_(stations)).subquery()
    interval = aliased(EnergyInterval, current)
    queries: tuple[Select[UUID, int], ...] = (
        _per_station(EnergyReading.station, stations),
        select(interval.station, func.count()).where(interval.quality == "estimated").group_by(interval.station),
        _per_station(EnergyRejection.station, stations).where(EnergyRejection.resolved_at.is_(None)),
        _per_station(EnergyConflict.station, stations),
    )
    found = [dict((await session.execute(query)).all()) for query in queries]
    return {station: Counts(*(numbers.get(station, 0) for numbers in found)) for station in stations}


def in_force() -> Select[EnergyInterval]:
    """The highest version of every slot. Narrow it by station and slot before it is run."""
    newest = EnergyInterval.version.desc()
    return (
        select(EnergyInterval)
        .ext(distinct_on(EnergyInterval.station, EnergyInterval.slot))
        .order_by(EnergyInterval.station, EnergyInterval.slot, newest)
    )


async def intervals_at(
    session: AsyncSession, places: Iterable[tuple[UUID, int]]
) -> dict[tuple[UUID, int], EnergyInterval]:
    """The intervals in force of these (station, slot)."""
    wanted = list(places)
    found: dict[tuple[UUID, int], EnergyInterval] = {}
    for at in range(0, len(wanted), _PART):
        rows = in_force().where(tuple_(EnergyInterval.station, EnergyInterval.slot).in_(wanted[at : at + _PART]))
        found |= {(row.station, row.slot): row for row in await session.scalars(rows)}
    return found


async def history(session: AsyncSession, station: UUID, slot: int) -> list[EnergyInterval]:
    """Every version of one interval, the first one first."""
    rows = select(EnergyInterval).where(EnergyInterval.station == station, EnergyInterval.slot == slot)
    return list(await session.scalars(rows.order_by(EnergyInterval.version)))


async def mark_processing(session: AsyncSession, *, slot: int, before: datetime | None = None) -> int:
    """A report of `slot` was accepted: stored intervals up to it are being settled. Returns how many changed.

    `before` leaves out what was evaluated at that instant or later, such as late readings that the report could not count.
    """
    where = [EnergyInterval.state == STORED, EnergyInterval.slot <= slot]
    if before is not None:
        where.append(EnergyInterval.created_at < before)
    return await _change(session, where, state=PROCESSING)


async def mark_minted(session: AsyncSession, *, station: UUID, tenure: int, slot: int, tx_hash: bytes) -> int:
    """A claim settled a tenure's register up to `slot`: what reports counted until then carries the transaction.

    Returns how many changed. Safe to repeat; an interval that is minted keeps its first transaction, and one that no report
    has counted yet (`mark_processing`) waits for a later claim.
    """
    held = await session.get(EnergyTenure, (station, tenure))
    if held is None:
        return 0
    first = -(-int(held.since.timestamp()) // SLOT_SECONDS)
    where = [
        EnergyInterval.station == station,
        EnergyInterval.state == PROCESSING,
        EnergyInterval.slot >= first,
        EnergyInterval.slot <= slot,
    ]
    if held.until is not None:
        where.append(EnergyInterval.slot < -(-int(held.until.timestamp()) // SLOT_SECONDS))
    return await _change(session, where, state=MINTED, minted_tx=tx_hash)


async def unmark_minted(session: AsyncSession, *, tx_hash: bytes) -> int:
    """The chain took a mint back: its intervals wait for another. Returns how many changed."""
    return await _change(session, [EnergyInterval.minted_tx == tx_hash], state=PROCESSING, minted_tx=None)


async def take_pending(session: AsyncSession, queue: str, limit: int) -> list[EnergyReading]:
    """Take readings off a queue within this transaction: they come back if it is rolled back. Others get other readings."""
    oldest = (
        select(EnergyPending)
        .where(EnergyPending.queue == queue)
        .order_by(EnergyPending.station, EnergyPending.slot, EnergyPending.meter)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(await session.scalars(oldest))
    found: list[EnergyReading] = []
    for at in range(0, len(taken), _PART):
        places = [(row.station, row.meter, row.slot) for row in taken[at : at + _PART]]
        readings = select(EnergyReading).where(
            tuple_(EnergyReading.station, EnergyReading.meter, EnergyReading.slot).in_(places)
        )
        found += list(await session.scalars(readings))
    for row in taken:
        await session.delete(row)
    return sorted(found, key=lambda row: (row.station, row.slot, row.meter))


async def stations(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, EnergyStation]:
    """Stations by their ids."""
    rows = await session.scalars(select(EnergyStation).where(EnergyStation.id.in_(ids)))
    return {row.id: row for row in rows}


async def tenures(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[EnergyTenure]]:
    """Every ownership of some stations, the oldest first."""
    found: dict[UUID, list[EnergyTenure]] = {}
    rows = select(EnergyTenure).where(EnergyTenure.station.in_(ids)).order_by(EnergyTenure.tenure)
    for row in await session.scalars(rows):
        found.setdefault(row.station, []).append(row)
    return found


def tenure_of(held: Sequence[EnergyTenure], slot: int) -> EnergyTenure | None:
    """The ownership that a slot belongs to: the one at its first instant."""
    start = slot_start(slot)
    return next((it for it in held if it.since <= start and (it.until is None or start < it.until)), None)


def parameters(tenure: EnergyTenure, kind: int, k_safety_ppm: int) -> StationParameters:
    """What the rules are told of a tenure's station: the rating of each slot's time, its kind and its factor on losses."""
    ratings = tuple((first, rated_w) for first, rated_w in tenure.ratings)
    return StationParameters(tenure.station, tenure.rated_w, kind, k_safety_ppm, ratings)


async def lock_register(
    session: AsyncSession, utility: int, station: UUID, tenure: int, now: datetime
) -> tuple[EnergyRegister, Register]:
    """The platform's register of a tenure, begun where there is none; others wait for it until the caller commits."""
    key = {"utility": utility, "station": station, "tenure": tenure}
    begun = insert(EnergyRegister).values(**key, register=Register().to_json(), updated_at=now)
    await session.execute(begun.on_conflict_do_nothing())
    row = await session.get_one(
        EnergyRegister, (utility, station, tenure), with_for_update=True, populate_existing=True
    )
    return row, Register.from_json(row.register)


async def rejections(session: AsyncSession, *, station: UUID | None = None, limit: int = 100) -> list[EnergyRejection]:
    """What was refused and not accepted since, the newest first: a screenful for an operator."""
    rows = select(EnergyRejection).where(EnergyRejection.resolved_at.is_(None))
    if station is not None:
        rows = rows.where(EnergyRejection.station == station)
    return list(await session.scalars(rows.order_by(EnergyRejection.last_at.desc()).limit(limit)))


async def conflicts(session: AsyncSession, *, station: UUID | None = None, limit: int = 100) -> list[EnergyConflict]:
    """Bytes that contradict stored readings, the newest first."""
    rows = select(EnergyConflict)
    if station is not None:
        rows = rows.where(EnergyConflict.station == station)
    return list(await session.scalars(rows.order_by(EnergyConflict.received_at.desc()).limit(limit)))


def _per_station(column: Any, stations: Sequence[UUID]) -> Select[UUID, int]:
    return select(column, func.count()).where(column.in_(stations)).group_by(column)


async def _change(session: AsyncSession, where: Sequence[Any], **values: Any) -> int:
    newer = aliased(EnergyInterval)
    superseded = select(newer.version).where(
        newer.station == EnergyInterval.station,
        newer.slot == EnergyInterval.slot,
        newer.version > EnergyInterval.version,
    )
    done = await session.execute(
        update(EnergyInterval)
        .where(*where, ~superseded.exists())
        .values(**values)
        .returning(EnergyInterval.slot)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
