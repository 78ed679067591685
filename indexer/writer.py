# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stores a batch, or takes blocks back, as one transaction on the connection that holds the writer's lock.

Whoever lost the lock lost the connection, and so can't write; the cursor's compare-and-swap is the second guard.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import column as column_of
from sqlalchemy import delete, func, insert, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from indexer import derived, events
from indexer.errors import CursorMoved
from indexer.models import Block, Cursor, Transaction
from indexer.projection import Projection
from indexer.reader import Batch, position, time_of
from indexer.rpc import Header, Receipt
from indexer.rules import Position
from indexer.tables import EVENT_TABLES, rows_of
from kit.clock import Clock


class Writer:
    """Writes one chain's copy on one connection. `window` is in blocks; without `announce` no events go to the outbox."""

    def __init__(
        self,
        connection: AsyncConnection,
        chain_id: int,
        projections: Sequence[Projection],
        clock: Clock,
        *,
        window: int,
        announce: bool,
    ) -> None:
        self._connection = connection
        self._chain_id = chain_id
        self._projections = projections
        self._clock = clock
        self._window = window
        self._announce = announce

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction on the locked connection."""
        async with AsyncSession(self._connection, expire_on_commit=False, autoflush=False) as session, session.begin():
            yield session

    async def cursor(self) -> Cursor | None:
        """Where the copy stands, or None before the first block."""
        async with self.transaction() as session:
            return await session.get(Cursor, self._chain_id)

    async def begin(self, first: Header, fingerprint: bytes) -> Position:
        """Start the copy before the first block that can hold an event of ours.

        The block before is known by its child alone: a development chain that was loaded from a file may show another genesis.
        """
        start = Position(position(first).number - 1, bytes.fromhex(first.parent_hash[2:]))
        async with self.transaction() as session:
            session.add(
                Cursor(
                    chain_id=self._chain_id,
                    block_number=start.number,
                    block_hash=start.hash,
                    fingerprint=fingerprint,
                    head=start.number,
                    reorgs=0,
                    updated_at=self._clock.now(),
                )
            )
            await session.execute(
                insert(Block).values(number=start.number, hash=start.hash, parent_hash=b"", time=time_of(first))
            )
        return start

    async def commit(self, batch: Batch) -> None:
        """Store a batch and move the cursor from its start to its end. Raises CursorMoved, LogsMissing."""
        first, last = batch.start.number + 1, batch.end.number
        async with self.transaction() as session:
            await self._move(session, batch.start, batch.end, head=batch.head)
            await session.execute(insert(Block), [_block(header) for header in batch.headers])
            await self._prune(session, last)
            if not batch.logs:
                return
            await self._copy(batch)
            if batch.receipts:
                await session.execute(insert(Transaction), [_cost(receipt) for receipt in batch.receipts])
            await derived.add(session, first, last)
            for projection in self._projections:
                wanted = [log for log in batch.logs if f"{log.contract}.{log.event}" in projection.events]
                if wanted:
                    await projection.apply(session, wanted)
            if self._announce:
                events.announce(session, batch.logs)

    async def revert(self, cursor: Position, kept: Position) -> None:
        """Take back every block above `kept`. Raises CursorMoved."""
        first = kept.number + 1
        async with self.transaction() as session:
            await self._move(session, cursor, kept, reorgs=1)
            for projection in self._projections:
                await projection.revert(session, first)
            await derived.subtract(session, first)
            await erase(session, first)
            if self._announce:
                events.announce_revert(session, kept)

    async def window(self, up_to: int) -> list[Position]:
        """The blocks that are remembered up to a number, newest first."""
        async with self.transaction() as session:
            rows = await session.execute(
                select(Block.number, Block.hash).where(Block.number <= up_to).order_by(Block.number.desc())
            )
            return [Position(number, digest) for number, digest in rows]

    async def _move(self, session: AsyncSession, old: Position, new: Position, **changes: int) -> None:
        values: dict[str, Any] = {"block_number": new.number, "block_hash": new.hash, "updated_at": self._clock.now()}
        if "head" in changes:
            values["head"] = changes["head"]
        moved = await session.execute(
            update(Cursor)
            .where(Cursor.chain_id == self._chain_id, Cursor.block_number == old.number, Cursor.block_hash == old.hash)
            .values(**values, reorgs=Cursor.reorgs + changes.get("reorgs", 0))
            .returning(Cursor.chain_id)
        )
        if moved.first() is None:
            raise CursorMoved("indexer.cursor_moved", f"the cursor no longer stands at block {old.number}")

    async def _prune(self, session: AsyncSession, last: int) -> None:
        """Forget blocks below the window, but for the first: by that one a new chain differs from a node far behind."""
        first = select(func.min(Block.number)).scalar_subquery()
        await session.execute(delete(Block).where(Block.number < last - self._window, Block.number > first))

    async def _copy(self, batch: Batch) -> None:
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        for event_table, rows in rows_of(batch.logs).values():
            await driver.copy_records_to_table(event_table.name, records=rows, columns=event_table.columns)


async def erase(session: AsyncSession, first: int) -> None:
    """Delete events, transactions and remembered blocks from a block on."""
    for name in (*EVENT_TABLES, Transaction.__tablename__):
        number: Any = column_of("block_number")
        await session.execute(delete(table(name, number)).where(number >= first))
    await session.execute(delete(Block).where(Block.number >= first))


def _block(header: Header) -> dict[str, Any]:
    here = position(header)
    parent = bytes.fromhex(header.parent_hash[2:])
    return {"number": here.number, "hash": here.hash, "parent_hash": parent, "time": time_of(header)}


def _cost(receipt: Receipt) -> dict[str, Any]:
    return {
        "hash": bytes.fromhex(receipt.transaction_hash[2:]),
        "block_number": int(receipt.block_number, 16),
        "sender": bytes.fromhex(receipt.sender[2:]),
        "target": bytes.fromhex(receipt.to[2:]) if receipt.to else None,
        "gas_used": int(receipt.gas_used, 16),
        "gas_price": int(receipt.effective_gas_price, 16),
    }
