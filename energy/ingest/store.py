# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every query of the way in. Few rows go as one INSERT, many by binary COPY; both leave what is stored untouched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import SignedInterval
from energy.ingest.rules import Enrolment, Held, Key
from energy.models import EnergyConflict, EnergyMeter, EnergyPending, EnergyReading, EnergyStation, EnergyTenure
from kit.outbox import OutboxEvent

READING_STORED = "event.energy.reading_stored"
BULK_MIN = 64  # below, one INSERT is faster than a COPY and what surrounds it

Place = tuple[UUID, str, int]

_COLUMNS = (
    "station",
    "meter",
    "slot",
    "hash",
    "body",
    "signature",
    "key",
    "meter_uwh",
    "gen_uwh",
    "aux_uwh",
    "loss_uwh",
    "import_uwh",
    "export_uwh",
    "demo",
    "received_at",
    "transport",
)
_NAMES = ", ".join(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that passed the checks, its hash, and the key that signed it."""

    delivery: SignedInterval
    hash: bytes
    key: bytes

    @property
    def place(self) -> Place:
        """What a reading is unique by: station, meter, slot."""
        interval = self.delivery.interval
        return interval.home_id, interval.meter, interval.slot


async def enrolments(session: AsyncSession, stations: Iterable[UUID]) -> dict[UUID, Enrolment]:
    """What the registry's mirror says of these stations; unknown ones are left out."""
    wanted = list(stations)
    known = await session.execute(select(EnergyStation.id, EnergyStation.demo).where(EnergyStation.id.in_(wanted)))
    found = {station: Enrolment(demo, [], []) for station, demo in known}
    for meter in await session.scalars(select(EnergyMeter).where(EnergyMeter.station.in_(wanted))):
        if meter.station in found:
            keys = found[meter.station].keys
            assert isinstance(keys, list)
            keys.append(Key(meter.key, meter.since, meter.until))
    for tenure in await session.scalars(select(EnergyTenure).where(EnergyTenure.station.in_(wanted))):
        if tenure.station in found:
            tenures = found[tenure.station].tenures
            assert isinstance(tenures, list)
            tenures.append(Held(tenure.since, tenure.until, tenure.rated_w))
    return found


async def insert_new(
    session: AsyncSession, candidates: Sequence[Candidate], at: datetime, transport: str
) -> set[Place]:
    """Store the readings whose place is free and say which those were. Waits for a transaction that takes the same places."""
    rows = [_row(candidate, at, transport) for candidate in candidates]
    if len(rows) < BULK_MIN:
        statement = insert(EnergyReading).values([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
        returned = await session.execute(
            statement.on_conflict_do_nothing().returning(EnergyReading.station, EnergyReading.meter, EnergyReading.slot)
        )
        return {(station, meter, slot) for station, meter, slot in returned}
    connection = await driver(session)
    await session.execute(
        text(
            "CREATE TEMP TABLE IF NOT EXISTS energy_incoming (LIKE energy_reading INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
        )
    )
    await session.execute(text("TRUNCATE energy_incoming"))
    await connection.copy_records_to_table("energy_incoming", records=rows, columns=_COLUMNS)
    returned = await session.execute(
        text(
            f"INSERT INTO energy_reading ({_NAMES}) SELECT {_NAMES} FROM energy_incoming ORDER BY station, meter, slot "
            "ON CONFLICT DO NOTHING RETURNING station, meter, slot"
        )
    )
    return {(UUID(int=station.int), meter, slot) for station, meter, slot in returned}


async def stored_hashes(session: AsyncSession, places: Sequence[Place]) -> dict[Place, bytes]:
    """The hashes of stored readings by their places."""
    found: dict[Place, bytes] = {}
    for at in range(0, len(places), 1_000):
        part = places[at : at + 1_000]
        rows = await session.execute(
            select(EnergyReading.station, EnergyReading.meter, EnergyReading.slot, EnergyReading.hash).where(
                tuple_(EnergyReading.station, EnergyReading.meter, EnergyReading.slot).in_(part)
            )
        )
        found |= {(station, meter, slot): bytes(hashed) for station, meter, slot, hashed in rows}
    return found


async def enqueue(session: AsyncSession, candidates: Sequence[Candidate], queues: Sequence[str]) -> None:
    """Put new readings before those who work on them."""
    rows: list[tuple[Any, ...]] = []
    for queue in queues:
        for candidate in candidates:
            station, meter, slot = candidate.place
            rows.append((queue, station, slot, meter, candidate.hash))
    await _append(session, EnergyPending, ("queue", "station", "slot", "meter", "hash"), rows)


async def tell(session: AsyncSession, candidates: Sequence[Candidate]) -> None:
    """Put an event a reading into the outbox: the signed interval as it goes over the wire."""
    rows: list[tuple[Any, ...]] = [(READING_STORED, candidate.delivery.to_json()) for candidate in candidates]
    await _append(session, OutboxEvent, ("subject", "payload"), rows)


async def keep_conflicts(
    session: AsyncSession, conflicts: Sequence[tuple[Candidate, bytes]], at: datetime, transport: str
) -> None:
    """Keep bytes that contradict a stored reading; the same bytes again change nothing."""
    rows = {
        candidate.hash: {
            "hash": candidate.hash,
            "station": candidate.place[0],
            "meter": candidate.place[1],
            "slot": candidate.place[2],
            "stored_hash": stored,
            "body": candidate.delivery.body,
            "signature": candidate.delivery.signature,
            "received_at": at,
            "transport": transport,
        }
        for candidate, stored in conflicts
    }
    for part in _parts([rows[hashed] for hashed in sorted(rows)]):
        await session.execute(insert(EnergyConflict).values(part).on_conflict_do_nothing())


async def driver(session: AsyncSession) -> "asyncpg.Connection[Any]":
    """The driver's own connection within this session's transaction, for COPY."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, asyncpg.Connection)
    return connection


async def _append(session: AsyncSession, table: Any, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    if len(rows) < BULK_MIN:
        if rows:
            await session.execute(insert(table).values([dict(zip(columns, row, strict=True)) for row in rows]))
        return
    connection = await driver(session)
    await connection.copy_records_to_table(table.__tablename__, records=rows, columns=columns)


def _parts(rows: list[dict[str, Any]], size: int = 1_000) -> Iterable[list[dict[str, Any]]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _row(candidate: Candidate, at: datetime, transport: str) -> tuple[Any, ...]:
    delivery = candidate.delivery
    interval = delivery.interval
    given = interval.measures
    return (
        interval.home_id,
        interval.meter,
        interval.slot,
        candidate.hash,
        delivery.body,
        delivery.signature,
        candidate.key,
        interval.meter_uwh,
        given.get("genWh"),
        given.get("auxWh"),
        given.get("lossWh"),
        given.get("importWh"),
        given.get("exportWh"),
        interval.source == "demo",
        at,
        transport,
    )
