# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator does with the copy: see where it stands, verify it, start it over."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import column as column_of
from sqlalchemy import delete, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession

from indexer import derived
from indexer.errors import Stopped
from indexer.models import Block, Cursor, MintedRow, ReportRow
from indexer.projection import Projection
from indexer.tables import EVENT_TABLES
from indexer.writer import erase

LOCK = 0x67635F696E647872  # "gc_indxr": one indexer writes to a database


@dataclass(frozen=True, slots=True)
class Status:
    """Where the copy stands. `head` is the node's newest block when the cursor last moved."""

    chain_id: int
    block_number: int
    block_hash: bytes
    head: int
    reorgs: int
    events: int


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`: how many rows of events were read, and everything that is not as it must be, in words."""

    events: int
    differences: Sequence[str]

    @property
    def ok(self) -> bool:
        """True if nothing differs."""
        return not self.differences


async def status(session: AsyncSession) -> Status | None:
    """Where the copy stands, or None if it has not begun."""
    cursor = await session.scalar(select(Cursor))
    if cursor is None:
        return None
    return Status(
        cursor.chain_id,
        cursor.block_number,
        cursor.block_hash,
        cursor.head,
        cursor.reorgs,
        await _count_events(session),
    )


async def verify(session: AsyncSession) -> Verification:
    """Compute the derived tables anew from the events, and check that the events themselves leave no gap.

    Reports of a utility form a hash chain, a tenure's mints continue one another, and no event is beyond the cursor.
    Run it in a transaction of isolation REPEATABLE READ if the indexer is at work.
    """
    found: list[str] = []
    for derivation in derived.DERIVATIONS:
        found += await derived.differences(session, derivation)
    found += await _torn_reports(session)
    found += await _torn_mints(session)
    found += await _beyond_the_cursor(session)
    return Verification(await _count_events(session), found)


async def rebuild(session: AsyncSession, projections: Sequence[Projection]) -> None:
    """Forget everything, so that the next run starts at the deployment's first block. Raises Stopped while an indexer runs."""
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}):
        raise Stopped("indexer.running", "an indexer is at work on this database; stop it first")
    for projection in projections:
        await projection.revert(session, 0)
    await erase(session, 0)
    for derivation in derived.DERIVATIONS:
        await session.execute(delete(derivation.model))
    await session.execute(delete(Cursor))


async def _count_events(session: AsyncSession) -> int:
    counts = [select(func.count()).select_from(table(name)).scalar_subquery() for name in EVENT_TABLES]
    return sum((await session.execute(select(*counts))).one())


async def _torn_reports(session: AsyncSession) -> list[str]:
    order = (ReportRow.block_number, ReportRow.log_index)
    hash_before = func.lag(ReportRow.content_hash).over(partition_by=ReportRow.utility, order_by=order)
    total_before = func.lag(ReportRow.total).over(partition_by=ReportRow.utility, order_by=order)
    chain = select(
        ReportRow.utility,
        ReportRow.slot,
        ReportRow.prev.label("prev"),
        func.coalesce(hash_before, bytes(32)).label("before"),
        (ReportRow.total - func.coalesce(total_before, 0) - ReportRow.increase).label("rest"),
    ).subquery()
    torn = await session.execute(
        select(chain.c.utility, chain.c.slot).where((chain.c.prev != chain.c.before) | (chain.c.rest != 0))
    )
    return [
        f"indexer_report: utility {u}, slot {s} does not follow the report before it: one is missing" for u, s in torn
    ]


async def _torn_mints(session: AsyncSession) -> list[str]:
    before = func.lag(MintedRow.to_register).over(
        partition_by=(MintedRow.utility, MintedRow.station, MintedRow.tenure),
        order_by=(MintedRow.block_number, MintedRow.log_index),
    )
    chain = select(
        MintedRow.station,
        MintedRow.tenure,
        MintedRow.block_number,
        (MintedRow.from_register - func.coalesce(before, 0)).label("gap"),
        (MintedRow.to_register - MintedRow.from_register - MintedRow.to_owner - MintedRow.reserve).label("rest"),
    ).subquery()
    torn = await session.execute(
        select(chain.c.station, chain.c.tenure, chain.c.block_number).where((chain.c.gap != 0) | (chain.c.rest != 0))
    )
    return [
        f"indexer_minted: station {station}, tenure {tenure}, block {block}: the mint does not continue the one before it"
        for station, tenure, block in torn
    ]


async def _beyond_the_cursor(session: AsyncSession) -> list[str]:
    found = []
    at = await session.scalar(select(Cursor.block_number))
    for name in (*EVENT_TABLES, "indexer_transaction"):
        newest = await session.scalar(select(func.max(column_of("block_number"))).select_from(table(name)))
        if newest is not None and (at is None or newest > at):
            found.append(f"{name}: has block {newest}, the cursor stands at {at}")
    newest = await session.scalar(select(func.max(Block.number)))
    if newest != at:
        found.append(f"indexer_block: the newest block is {newest}, the cursor stands at {at}")
    return found
