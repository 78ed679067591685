# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How far this node has read the registry: only what is mirrored up to a slot's end is the same for all nodes."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from indexer.models import Block

Horizon = Callable[[AsyncSession], Awaitable[datetime | None]]


async def indexed_until(session: AsyncSession) -> datetime | None:
    """The time of the newest block that the indexer has taken over; None before the first."""
    found: datetime | None = await session.scalar(select(Block.time).order_by(Block.number.desc()).limit(1))
    return found
