# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's tables by the hundred thousand rows: the queries of a slot's close that go past the mapper, in the same transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.units import slot_end
from oracle.recount.rules import Outcome
from oracle.rules import Content
from oracle.utilities import queue_of

_ROWS_PER_STATEMENT = 20_000

Still = tuple[UUID, int, bytes, str, str]
"""A tenure as it stands: station, tenure, owner, measured and mintable register (decimal, µWh)."""

_STILL = """
SELECT t.station, t.tenure, t.owner, coalesce(r.measured, 0)::text, coalesce(r.mintable, 0)::text
FROM energy_tenure t
LEFT JOIN oracle_register r ON r.utility = $1 AND r.station = t.station AND r.tenure = t.tenure
WHERE t.since < $2
ORDER BY t.station, t.tenure
"""
_WAITING = """
SELECT p.station, p.slot, p.meter, p.hash, r.body
FROM energy_pending p
JOIN energy_reading r ON r.station = p.station AND r.slot = p.slot AND r.meter = p.meter
WHERE p.queue = $1 AND p.slot <= $2
  AND p.slot >= coalesce((SELECT u.opened_slot FROM oracle_utility u WHERE u.utility = $3), 0)
ORDER BY p.station, p.slot, p.meter COLLATE "C"
"""
_UNDO = """
INSERT INTO oracle_undo (utility, report_slot, station, tenure, register, slot)
SELECT $1, $2, new.station, new.tenure, old.register, old.slot
FROM unnest($3::uuid[], $4::integer[]) AS new (station, tenure)
LEFT JOIN oracle_register old ON old.utility = $1 AND old.station = new.station AND old.tenure = new.tenure
"""
_REGISTERS = """
INSERT INTO oracle_register (utility, station, tenure, register, slot)
SELECT $1, new.station, new.tenure, new.register, $2
FROM unnest($3::uuid[], $4::integer[], $5::text[]) AS new (station, tenure, register)
ON CONFLICT (utility, station, tenure) DO UPDATE SET register = excluded.register, slot = excluded.slot
"""
# no "on conflict": a reading that is counted already must stop everything
_INCLUDED = """
INSERT INTO energy_included (utility, station, slot, meter, hash, report_slot)
SELECT $1, new.station, new.slot, new.meter, new.hash, $2
FROM unnest($3::uuid[], $4::integer[], $5::text[], $6::bytea[]) AS new (station, slot, meter, hash)
"""
_NOT_WAITING = """
DELETE FROM energy_pending p USING unnest($2::uuid[], $3::integer[], $4::text[]) AS counted (station, slot, meter)
WHERE p.queue = $1 AND p.station = counted.station AND p.slot = counted.slot AND p.meter = counted.meter
"""
_RESTORE = """
UPDATE oracle_register r SET register = u.register, slot = u.slot
FROM oracle_undo u
WHERE u.utility = $1 AND u.report_slot = $2 AND u.register IS NOT NULL
  AND r.utility = u.utility AND r.station = u.station AND r.tenure = u.tenure
"""
_REMOVE = """
DELETE FROM oracle_register r USING oracle_undo u
WHERE u.utility = $1 AND u.report_slot = $2 AND u.register IS NULL
  AND r.utility = u.utility AND r.station = u.station AND r.tenure = u.tenure
"""


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A reading in this database: what it is called and its canonical bytes."""

    station: UUID
    slot: int
    meter: str
    hash: bytes
    body: bytes


async def still(session: AsyncSession, utility: int, slot: int) -> list[Still]:
    """Every tenure that had begun when the slot ended with its registers, in the order of a row."""
    driver = await _driver(session)
    made: list[Still] = await driver.fetch(_STILL, utility, slot_end(slot))
    return made


async def waiting_readings(session: AsyncSession, utility: int, slot: int) -> list[StoredReading]:
    """The readings of slots up to `slot` that no accepted report of a utility counts yet, by station, slot and meter."""
    driver = await _driver(session)
    return [StoredReading(*row) for row in await driver.fetch(_WAITING, queue_of(utility), slot, utility)]


async def write_registers(session: AsyncSession, content: Content, changed: Sequence[Outcome]) -> None:
    """Put the registers that a report changed, and what they were before."""
    driver = await _driver(session)
    for some in _chunks(changed):
        stations = [UUID(int=o.leaf.station) for o in some]
        tenures = [o.leaf.tenure for o in some]
        texts = [o.register.to_json() for o in some]
        await driver.execute(_UNDO, content.utility, content.slot, stations, tenures)
        await driver.execute(_REGISTERS, content.utility, content.slot, stations, tenures, texts)


async def restore_registers(session: AsyncSession, utility: int, slot: int) -> None:
    """Put back what a report's registers were before it. What is noted for it stays noted."""
    driver = await _driver(session)
    await driver.execute(_RESTORE, utility, slot)
    await driver.execute(_REMOVE, utility, slot)


async def mark_counted(session: AsyncSession, content: Content, counted: Sequence[StoredReading]) -> None:
    """Note which readings a report counts: they wait no longer. An error of the driver if one is counted already."""
    driver = await _driver(session)
    for some in _chunks(counted):
        names = [r.station for r in some], [r.slot for r in some], [r.meter for r in some]
        await driver.execute(_INCLUDED, content.utility, content.slot, *names, [r.hash for r in some])
        await driver.execute(_NOT_WAITING, queue_of(content.utility), *names)


async def _driver(session: AsyncSession) -> Any:
    """The session's connection itself, inside the session's transaction."""
    connection = await session.connection()
    await session.flush()
    # the mapper's dialect begins its transaction with its first statement
    await session.execute(text("SELECT 1"))
    return (await connection.get_raw_connection()).driver_connection


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[i : i + _ROWS_PER_STATEMENT] for i in range(0, len(rows), _ROWS_PER_STATEMENT))
