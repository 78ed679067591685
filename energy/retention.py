# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept how long. Readings and intervals leave by whole months, detached and never deleted; books of errors are pruned.

A month is detached only when its years are over and nothing in it waits for a report or a claim. The detached table stands under
its name with `_detached` until an operator has archived and dropped it. Hourly and daily sums stay for ever.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from energy.partitions import PARENTS, bounds
from kit import logs
from kit.units import SLOT_SECONDS, slot_start

log = logs.get(__name__)

YEARS_MIN = 2  # corrections reach back four hundred days
_BATCH = 10_000
_DETACHED = "_detached"
_MONTH = re.compile(r"_p(\d{4})_(\d{2})$")
_LOCK_TIMEOUT = "2s"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind is kept; 0 is for ever. `reading_years` counts from the last thing that happened to a month."""

    reading_years: int = 0
    rejection_days: int = 90
    conflict_days: int = 400
    notice_days: int = 400

    def __post_init__(self) -> None:
        if 0 < self.reading_years < YEARS_MIN:
            raise ValueError(f"readings are kept for ever (0) or for {YEARS_MIN} years and more")


async def prune(session: AsyncSession, now: datetime, rules: Retention) -> dict[str, int]:
    """Delete what is too old from the books of errors, some at a time. Returns how many rows went from which table.

    A rejection that is still tried again stays, and so does an envelope that proves anything. Never commits.
    """
    rejections = "last_at < :before AND retry_at IS NULL"
    # what came in after `before` may be about to find its rejection
    evidence = (
        "key IS NULL AND received_at < :before AND NOT EXISTS "
        "(SELECT FROM energy_rejection AS kept WHERE kept.envelope = energy_envelope.id)"
    )
    work = (
        ("energy_rejection", rejections, rules.rejection_days),
        ("energy_envelope", evidence, rules.rejection_days),
        ("energy_conflict", "received_at < :before", rules.conflict_days),
        ("energy_notice", "noted_at < :before", rules.notice_days),
        # a queue that nobody works on any more; every reading of it is stored
        ("energy_pending", "slot < :slot", rules.conflict_days),
    )
    gone: dict[str, int] = {}
    for table, where, days in work:
        if days:
            before = now - timedelta(days=days)
            found = await session.execute(
                text(
                    f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {where} LIMIT {_BATCH})) "
                    "RETURNING 1"
                ),
                {"slot": int(before.timestamp()) // SLOT_SECONDS} if ":slot" in where else {"before": before},
            )
            if count := len(found.all()):
                gone[table] = count
    return gone


async def detach_old(session: AsyncSession, now: datetime, rules: Retention) -> list[str]:
    """Detach the oldest month that is past its years, of readings and of intervals together. Returns the detached tables.

    Needs the tables for an instant and gives up after two seconds if somebody holds them. Never commits.
    """
    if not rules.reading_years:
        return []
    for month in await _months(session):
        _, after = bounds(month)
        if slot_start(after) > _years_ago(now, rules.reading_years):
            return []
        if await _finished(session, month, _years_ago(now, rules.reading_years)):
            await session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            names = [f"{parent}_p{month[0]:04}_{month[1]:02}" for parent in PARENTS]
            for parent, name in zip(PARENTS, names, strict=True):
                await session.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {name}"))
                await session.execute(text(f"ALTER TABLE {name} RENAME TO {name}{_DETACHED}"))
            log.info("retention.detached", tables=names)
            return [name + _DETACHED for name in names]
    return []


async def _months(session: AsyncSession) -> list[tuple[int, int]]:
    names = await session.scalars(
        text(
            "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = CAST(:parent AS regclass) ORDER BY relname"
        ),
        {"parent": PARENTS[0]},
    )
    return [(int(found[1]), int(found[2])) for name in names if (found := _MONTH.search(name))]


async def _finished(session: AsyncSession, month: tuple[int, int], before: datetime) -> bool:
    """True if all of a month is minted or failed, and nothing has happened to it since `before`."""
    first, after = bounds(month)
    open_or_young = await session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM energy_interval AS latest WHERE slot >= :first AND slot < :after "
            "AND (created_at >= :before OR (state NOT IN ('MINTED', 'FAILED') AND NOT EXISTS ("
            "SELECT FROM energy_interval AS newer WHERE newer.station = latest.station AND newer.slot = latest.slot "
            "AND newer.version > latest.version)))) "
            "OR EXISTS (SELECT FROM energy_pending WHERE slot >= :first AND slot < :after) "
            "OR EXISTS (SELECT FROM energy_reading WHERE slot >= :first AND slot < :after AND received_at >= :before)"
        ),
        {"first": first, "after": after, "before": before},
    )
    return not open_or_young


def _years_ago(now: datetime, years: int) -> datetime:
    try:
        return now.replace(year=now.year - years)
    except ValueError:  # the 29th of February
        return now.replace(year=now.year - years, day=28)
