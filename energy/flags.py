# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Cases about intervals: somebody says why a slot looks wrong, somebody else says what was found. Neither stops minting."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from energy import audit, repository
from energy.models_ingest import EnergyFlag
from kit.errors import NotFound


async def open_flag(
    session: AsyncSession, *, station: UUID, slot: int, who: str, reason: str, at: datetime
) -> EnergyFlag:
    """Open a case about an interval; the same person's same reason is one case. Raises NotFound if there is no such interval."""
    if not await repository.intervals_at(session, [(station, slot)]):
        raise NotFound("flag.no_interval", "nothing is stored for this slot of this station")
    same = select(EnergyFlag).where(
        EnergyFlag.station == station,
        EnergyFlag.slot == slot,
        EnergyFlag.who == who,
        EnergyFlag.reason == reason,
        EnergyFlag.closed_at.is_(None),
    )
    found: EnergyFlag | None = await session.scalar(same)
    if found is None:
        found = EnergyFlag(station=station, slot=slot, who=who, reason=reason, opened_at=at)
        session.add(found)
        await session.flush()
        audit.note(session, at, who, "flag", str(station), slot=slot, flag=found.id)
    return found


async def close_flag(session: AsyncSession, flag: int, *, who: str, finding: str, at: datetime) -> EnergyFlag:
    """Close a case with what was found; a closed one keeps its first finding. Raises NotFound."""
    found = await session.get(EnergyFlag, flag, with_for_update=True)
    if found is None:
        raise NotFound("flag.unknown", "there is no such case")
    if found.closed_at is None:
        found.closed_at, found.closed_by, found.finding = at, who, finding
        audit.note(session, at, who, "unflag", str(found.station), slot=found.slot, flag=flag)
    return found


async def flags(
    session: AsyncSession, *, station: UUID | None = None, closed: bool = False, limit: int = 100
) -> Sequence[EnergyFlag]:
    """Open cases (or closed ones), the newest first."""
    rows = select(EnergyFlag).where(EnergyFlag.closed_at.is_not(None) if closed else EnergyFlag.closed_at.is_(None))
    if station is not None:
        rows = rows.where(EnergyFlag.station == station)
    return list(await session.scalars(rows.order_by(EnergyFlag.id.desc()).limit(limit)))
