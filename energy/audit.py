# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who did what with readings by an operator's or an owner's door. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from energy.models_ingest import EnergyAudit


def note(session: AsyncSession, at: datetime, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Add to this transaction that `actor` did `action` to `subject` (a hash, a station's id)."""
    session.add(EnergyAudit(at=at, actor=actor, action=action, subject=subject, detail=detail))


async def trail(session: AsyncSession, subject: str, limit: int = 100) -> Sequence[EnergyAudit]:
    """What was done to a subject, the newest first."""
    rows = select(EnergyAudit).where(EnergyAudit.subject == subject).order_by(EnergyAudit.id.desc()).limit(limit)
    return list(await session.scalars(rows))
