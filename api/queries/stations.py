# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations and their meters."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api import cursors
from api.cursors import Page
from energy.models import EnergyMeter, EnergyStation
from kit.errors import Malformed, NotFound


async def page(
    session: AsyncSession, *, first: int, after: str | None = None, owner: bytes | None = None
) -> Page[EnergyStation]:
    """Stations by their UUID, of one owner if asked."""
    query = select(EnergyStation).order_by(EnergyStation.id).limit(first + 1)
    if owner is not None:
        query = query.where(EnergyStation.owner == owner)
    if after is not None:
        (last,) = cursors.decode(after, 1)
        if not 0 <= last < 1 << 128:
            raise Malformed("request.cursor", "that is no cursor of ours; take one from an answer")
        query = query.where(EnergyStation.id > UUID(int=last))
    rows = (await session.scalars(query)).all()
    return cursors.page(rows, first, lambda station: (station.id.int,))


async def by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[EnergyStation | None]:
    """Stations in the order asked, None for an unknown one."""
    rows = await session.scalars(select(EnergyStation).where(EnergyStation.id.in_(ids)))
    found = {station.id: station for station in rows}
    return [found.get(one) for one in ids]


async def get(session: AsyncSession, station: UUID) -> EnergyStation:
    """One station. Raises NotFound."""
    found = await session.get(EnergyStation, station)
    if found is None:
        raise NotFound("energy.unknown_station", f"no station {station} is registered")
    return found


async def meters(session: AsyncSession, stations: Sequence[UUID]) -> list[list[EnergyMeter]]:
    """The meters of each station, in the order asked, oldest first."""
    query = select(EnergyMeter).where(EnergyMeter.station.in_(stations)).order_by(EnergyMeter.since, EnergyMeter.key)
    found: dict[UUID, list[EnergyMeter]] = {station: [] for station in stations}
    for meter in await session.scalars(query):
        found[meter.station].append(meter)
    return [found[station] for station in stations]
