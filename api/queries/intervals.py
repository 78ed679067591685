# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Intervals in force, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from api import cursors
from api.cursors import Page
from energy.models import EnergyInterval

Quality = Literal["raw", "validated", "estimated"]
SLOT_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which intervals: slots from `from_slot` until before `to_slot`, of one quality, `first` of them after a cursor."""

    first: int
    after: str | None = None
    from_slot: int | None = None
    to_slot: int | None = None
    quality: Quality | None = None


async def pages(session: AsyncSession, stations: Sequence[UUID], wanted: Wanted) -> list[Page[EnergyInterval]]:
    """One page for each station, in the order asked. Raises Malformed for a cursor of another list."""
    row = aliased(EnergyInterval)
    parents = func.unnest(bindparam("stations", list(stations), ARRAY(Uuid))).table_valued("id").render_derived()
    newest = select(row).where(row.station == parents.c.id)
    upper = min(wanted.to_slot if wanted.to_slot is not None else SLOT_LIMIT, SLOT_LIMIT)
    if wanted.after is not None:
        upper = min(upper, *cursors.decode(wanted.after, 1))
    newest = newest.where(row.slot < max(upper, 0))
    if wanted.from_slot is not None:
        newest = newest.where(row.slot >= min(max(wanted.from_slot, 0), SLOT_LIMIT - 1))
    in_force = (
        newest.ext(distinct_on(row.slot)).order_by(row.slot.desc(), row.version.desc()).correlate(parents).subquery()
    )
    one = aliased(EnergyInterval, in_force)
    page = select(one).order_by(one.slot.desc()).limit(wanted.first + 1)
    if wanted.quality is not None:
        page = page.where(one.quality == wanted.quality)
    each = page.subquery().lateral()
    found = aliased(EnergyInterval, each)
    rows = await session.scalars(select(found).select_from(parents).join(each, true()))
    by_station: dict[UUID, list[EnergyInterval]] = {station: [] for station in stations}
    for interval in rows:
        by_station[interval.station].append(interval)
    return [cursors.page(by_station[station], wanted.first, lambda r: (r.slot,)) for station in stations]
