# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every query of the way in. Few readings go as arrays, many by binary COPY; both ways leave what is stored untouched.

One statement stores the new ones and tells everyone who waits for them: what it does, it does for all or for none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import SignedInterval
from energy.models import EnergyConflict, EnergyReading

READING_STORED = "event.energy.reading_stored"
BULK_MIN = 256  # below, arrays are faster than a COPY and what surrounds it (measured, docs/figures.md)

Place = tuple[int, str, int]  # the station's UUID as its integer, which hashes and sorts in no time

# of energy_reading, in this order, and last the bytes for the outbox: empty where an envelope tells them
_TYPES = {
    "station": "uuid",
    "meter": "text",
    "slot": "integer",
    "hash": "bytea",
    "body": "bytea",
    "signature": "bytea",
    "envelope": "bytea",
    "key": "bytea",
    "meter_uwh": "bigint",
    "gen_uwh": "bigint",
    "aux_uwh": "bigint",
    "loss_uwh": "bigint",
    "import_uwh": "bigint",
    "export_uwh": "bigint",
    "demo": "boolean",
    "received_at": "timestamptz",
    "transport": "text",
    "payload": "bytea",
}
_NAMES = ", ".join(name for name in _TYPES if name != "payload")
_STAGE = (
    f"CREATE TEMP TABLE IF NOT EXISTS energy_incoming ({', '.join(f'{name} {kind}' for name, kind in _TYPES.items())}) "
    "ON COMMIT DELETE ROWS; TRUNCATE energy_incoming"
)
_STORE = f"""
WITH given AS ({{source}}),
new AS (
    INSERT INTO energy_reading ({_NAMES}) SELECT {_NAMES} FROM given ORDER BY station, meter, slot
    ON CONFLICT DO NOTHING RETURNING station, meter, slot, hash
),
queued AS (
    INSERT INTO energy_pending (queue, station, slot, meter, hash)
    SELECT queue, station, slot, meter, hash FROM new CROSS JOIN unnest($1::text[]) AS queue
),
told AS (
    INSERT INTO kit_outbox (subject, payload)
    SELECT $2::text, payload FROM given JOIN new USING (station, meter, slot)
    WHERE payload IS NOT NULL ORDER BY slot, station, meter
),
healed AS (
    -- one that is just tried again is resolved by whoever tries, who may be waiting for our reading
    UPDATE energy_rejection SET resolved_at = $3::timestamptz, retry_at = NULL
    WHERE id IN (
        SELECT refused.id FROM energy_rejection AS refused JOIN new ON refused.hash = new.hash
        WHERE refused.resolved_at IS NULL FOR UPDATE OF refused SKIP LOCKED
    )
)
SELECT hash FROM new
"""
_STORE_FEW = _STORE.format(
    source=f"SELECT * FROM unnest({', '.join(f'${at}::{kind}[]' for at, kind in enumerate(_TYPES.values(), start=4))}) "
    f"AS few ({', '.join(_TYPES)})"
)
_STORE_MANY = _STORE.format(source="SELECT * FROM energy_incoming")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that passed the checks, its hash, the key that signed it, and the id of its envelope if it came in one."""

    delivery: SignedInterval
    hash: bytes
    key: bytes
    envelope: bytes | None = None

    @property
    def place(self) -> Place:
        """What a reading is unique by: station, meter, slot."""
        interval = self.delivery.interval
        return interval.home_id.int, interval.meter_id or "main", interval.slot


async def store_new(
    session: AsyncSession,
    candidates: Sequence[Candidate],
    at: datetime,
    transport: str,
    *,
    queues: Sequence[str],
    publish: bool,
) -> set[bytes]:
    """Store the readings whose place is free, and say which those were by their hashes. Waits for a transaction that takes the
    same places.

    The same statement puts each new one before those who work on it (`queues`), into the outbox as the signed interval on the
    wire (if `publish`; an envelope is for the caller to tell), and marks earlier refusals of the same bytes as resolved. The
    session must have begun its transaction.
    """
    connection = await driver(session)
    rows = [_row(candidate, at, transport, publish) for candidate in candidates]
    subject = READING_STORED if publish else None
    if len(rows) < BULK_MIN:
        columns = ([row[index] for row in rows] for index in range(len(_TYPES)))
        new = await connection.fetch(_STORE_FEW, list(queues), subject, at, *columns)
    else:
        await connection.execute(_STAGE)
        await connection.copy_records_to_table("energy_incoming", records=rows, columns=list(_TYPES))
        new = await connection.fetch(_STORE_MANY, list(queues), subject, at)
    return {row[0] for row in new}


async def tell(session: AsyncSession, payloads: Sequence[bytes]) -> None:
    """Put messages about new readings into the outbox."""
    connection = await driver(session)
    statement = "INSERT INTO kit_outbox (subject, payload) SELECT $1, unnest($2::bytea[])"
    await connection.execute(statement, READING_STORED, list(payloads))


async def stored_hashes(session: AsyncSession, places: Sequence[Place]) -> dict[Place, bytes]:
    """The hashes of stored readings by their places."""
    found: dict[Place, bytes] = {}
    for at in range(0, len(places), 1_000):
        part = [(UUID(int=station), meter, slot) for station, meter, slot in places[at : at + 1_000]]
        rows = await session.execute(
            select(EnergyReading.station, EnergyReading.meter, EnergyReading.slot, EnergyReading.hash).where(
                tuple_(EnergyReading.station, EnergyReading.meter, EnergyReading.slot).in_(part)
            )
        )
        found |= {(station.int, meter, slot): bytes(hashed) for station, meter, slot, hashed in rows}
    return found


async def keep_conflicts(
    session: AsyncSession, conflicts: Sequence[tuple[Candidate, bytes]], at: datetime, transport: str
) -> None:
    """Keep bytes that contradict a stored reading; the same bytes again change nothing."""
    rows = {
        candidate.hash: {
            "hash": candidate.hash,
            "station": candidate.delivery.interval.home_id,
            "meter": candidate.delivery.interval.meter,
            "slot": candidate.delivery.interval.slot,
            "stored_hash": stored,
            "body": candidate.delivery.body,
            "signature": candidate.delivery.signature or None,
            "envelope": candidate.envelope,
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


def _parts(rows: list[dict[str, Any]], size: int = 1_000) -> Iterable[list[dict[str, Any]]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _row(candidate: Candidate, at: datetime, transport: str, publish: bool) -> tuple[Any, ...]:
    delivery = candidate.delivery
    interval = delivery.interval
    given = interval.measures
    return (
        interval.home_id,
        interval.meter,
        interval.slot,
        candidate.hash,
        delivery.body,
        delivery.signature or None,
        candidate.envelope,
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
        delivery.to_json() if publish and candidate.envelope is None else None,
    )
