# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Monthly partitions of the tables that grow by slot, made when the first row of a month comes.

A month is made empty and then attached, under a lock, so that processes that need it at the same time wait for one of them, and
nobody who reads or writes other months is stopped. Rows of a month that has no partition go to the default one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.units import SLOT_SECONDS, slot_start

SLOTS_PER_DAY = 86_400 // SLOT_SECONDS
PARENTS = ("energy_reading", "energy_interval")
_LOCK = 0x67635F7061727473  # "gc_parts"

# of a session: the months that it has made and sees, and nobody else does before its commit
_MADE = "energy.partitions"

Month = tuple[int, int]


def month_of(slot: int) -> Month:
    """Year and month, UTC, of a slot's first instant."""
    start = slot_start(slot)
    return start.year, start.month


def bounds(month: Month) -> tuple[int, int]:
    """First slot of a month and of the next one."""
    year, number = month
    after = (year + number // 12, number % 12 + 1)
    return tuple(int(datetime(y, m, 1, tzinfo=UTC).timestamp()) // SLOT_SECONDS for y, m in (month, after))  # type: ignore[return-value]


class Partitions:
    """Remembers which months exist, so that the hot path asks the catalogue once a month."""

    def __init__(self) -> None:
        self._known: set[Month] = set()

    async def ensure(self, session: AsyncSession, slots: Iterable[int]) -> None:
        """Make the months of these slots in the caller's transaction where they are missing."""
        ours: set[Month] = session.info.setdefault(_MADE, set())
        days = {slot // SLOTS_PER_DAY for slot in slots}  # a month begins with a day, and there are fewer of them
        for month in sorted({month_of(day * SLOTS_PER_DAY) for day in days} - self._known - ours):
            if await _exists(session, month):
                self._known.add(month)  # only what was seen committed: our own may still be rolled back
            else:
                await _create(session, month)
                ours.add(month)

    async def ahead(self, session: AsyncSession, now: datetime, *, months: int = 2) -> None:
        """Make the month of `now` and those that follow, so that no delivery has to wait for it at midnight."""
        at = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for _ in range(months + 1):
            await self.ensure(session, [int(at.timestamp()) // SLOT_SECONDS])
            at = (at + timedelta(days=32)).replace(day=1)


def _name(parent: str, month: Month) -> str:
    return f"{parent}_p{month[0]:04}_{month[1]:02}"


async def _exists(session: AsyncSession, month: Month) -> bool:
    names = [_name(parent, month) for parent in PARENTS]
    found = await session.scalar(
        text(
            "SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE relname = ANY(:names) AND relnamespace = current_schema()::regnamespace"
        ),
        {"names": names},
    )
    return bool(found == len(PARENTS))


async def _create(session: AsyncSession, month: Month) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if await _exists(session, month):
        return
    first, after = bounds(month)
    for parent in PARENTS:
        name = _name(parent, month)
        await session.execute(text(f"CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
        await session.execute(
            text(f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({after})")
        )
