# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Keys that make a write safe to repeat: the first answer is stored with the request's hash and given again.

The same key with another request is a conflict, never a second write.
"""

import hashlib
from datetime import datetime

import orjson
from sqlalchemy import DateTime, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Base
from kit.errors import Conflict, Malformed

KEY_MAX = 128


class IdempotencyRecord(Base):
    """One key of one operation, the request's SHA-256, and the answer once there is one."""

    __tablename__ = "kit_idempotency"

    operation: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


async def begin(session: AsyncSession, operation: str, key: str, request: object) -> object | None:
    """Claim a key within this transaction. Returns the stored answer if this request was answered before, else None.

    A concurrent holder of the key is waited for (its row is locked until it commits). Raises Malformed for a key that is empty or
    longer than 128 characters, Conflict if the key was used for another request.
    """
    if not 0 < len(key) <= KEY_MAX:
        raise Malformed("idempotency.key", f"an Idempotency-Key of 1 to {KEY_MAX} characters is needed")
    digest = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()
    claim = insert(IdempotencyRecord).values(operation=operation, key=key, request_hash=digest)
    await session.execute(claim.on_conflict_do_nothing())
    record = await session.get_one(IdempotencyRecord, (operation, key), with_for_update=True, populate_existing=True)
    if record.request_hash != digest:
        raise Conflict("idempotency.reused", "this Idempotency-Key was used for another request; take a new one")
    return None if record.answer is None else orjson.loads(record.answer)


async def finish(session: AsyncSession, operation: str, key: str, answer: object) -> None:
    """Store the answer for everyone who repeats the request."""
    record = await session.get_one(IdempotencyRecord, (operation, key))
    record.answer = orjson.dumps(answer)
