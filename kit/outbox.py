# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The transactional outbox: an event is written with the data it tells of and reaches JetStream after the commit.

At least once, in the order of ids within one database. JetStream drops repetitions by `Nats-Msg-Id` for two minutes; later ones
meet idempotent handlers.
"""

import asyncio
from datetime import datetime

import orjson
from nats.aio.client import Client
from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, Text, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from kit import logs
from kit.database import Base, Database

log = logs.get(__name__)

_BATCH = 500
_IDLE_SECONDS = 0.1
_KEPT = "1 day"
_LOCK = 0x67635F6F75746278  # "gc_outbx": one relay at a time keeps the order


class OutboxEvent(Base):
    """An event that waits for, or has had, its publication. `created_at` and `published_at` are the server's wall clock."""

    __tablename__ = "kit_outbox"
    __table_args__ = (Index("ix_kit_outbox_waiting", "id", postgresql_where=text("published_at IS NULL")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str] = mapped_column(Text)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def publish(session: AsyncSession, subject: str, payload: bytes | dict[str, object]) -> None:
    """Add an event to this transaction. `subject` is `event.<package>.<what_happened>`; a dict becomes JSON."""
    if not subject.startswith("event."):
        raise ValueError(f"{subject!r} is no event subject")
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    session.add(OutboxEvent(subject=subject, payload=data))


async def relay(database: Database, client: Client, *, origin: str) -> None:
    """Publish waiting events for ever. `origin` tells databases apart in message ids. Only one relay works at a time."""
    pause = _IDLE_SECONDS
    while True:
        try:
            sent = await relay_once(database, client, origin=origin)
            pause = 0 if sent == _BATCH else _IDLE_SECONDS
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker
            log.warning("outbox.failed", error=repr(error))
            pause = min(max(pause * 2, 0.5), 10)
        await asyncio.sleep(pause)


async def relay_once(database: Database, client: Client, *, origin: str) -> int:
    """Publish one batch and mark it. Returns how many events went out."""
    async with database.transaction() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0
        waiting = select(OutboxEvent).where(OutboxEvent.published_at.is_(None)).order_by(OutboxEvent.id).limit(_BATCH)
        events = list(await session.scalars(waiting))
        if not events:
            return 0
        jetstream = client.jetstream()
        for event in events:
            await jetstream.publish(event.subject, event.payload, headers={"Nats-Msg-Id": f"{origin}:{event.id}"})
        await session.execute(
            update(OutboxEvent).where(OutboxEvent.id.in_([e.id for e in events])).values(published_at=func.now())
        )
        return len(events)


async def forget(session: AsyncSession) -> None:
    """Remove events that were published longer than a day ago."""
    await session.execute(text(f"DELETE FROM kit_outbox WHERE published_at < now() - interval '{_KEPT}'"))
