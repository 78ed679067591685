# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who is who, from the chain into energy's tables: stations, their tenures, their meters.

A projection for the indexer of the platform and of every oracle node. The rows of a station are always made anew from all its
Registry events that the indexer holds, so applying a block and taking it back are the same step. What energy keeps of its own
beside a station (name, safety factor) stays, also while the chain does not know the station: then it has no tenure and no meter.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from indexer.models import MeterRetiredRow, MeterRow, StationRatedRow, StationRow, TenureRow
from indexer.projection import DecodedLog
from kit.ids import station_uuid
from kit.units import SLOT_SECONDS

_NO_BLOCK = 1 << 62
_K_SAFETY_PPM = 1_000_000
_PART = 5_000  # stations at a time: a statement takes 32,767 parameters

Event = StationRow | StationRatedRow | TenureRow | MeterRow | MeterRetiredRow
_TABLES: tuple[Any, ...] = (StationRow, StationRatedRow, TenureRow, MeterRow, MeterRetiredRow)


class MirrorRegistry:
    """Registry events → energy_station, energy_tenure, energy_meter."""

    name = "mirror_registry"
    events = frozenset(
        f"Registry.{event}"
        for event in ("StationRegistered", "StationRated", "StationTransferred", "MeterRegistered", "MeterRetired")
    )

    async def apply(self, session: AsyncSession, logs: Sequence[DecodedLog]) -> None:
        """Make the rows of the batch's stations anew."""
        await mirror(session, {station_uuid(log.args["station"]) for log in logs}, before=_NO_BLOCK)

    async def revert(self, session: AsyncSession, from_block: int) -> None:
        """Make the rows of every station that those blocks touched anew, from the blocks before them."""
        touched = union(*(select(table.station).where(table.block_number >= from_block) for table in _TABLES))
        await mirror(session, set(await session.scalars(touched)), before=from_block)


async def mirror(session: AsyncSession, stations: Collection[UUID], *, before: int) -> None:
    """Write these stations as the Registry's events before a block tell them."""
    wanted = sorted(stations)
    for begin in range(0, len(wanted), _PART):
        await _mirror(session, wanted[begin : begin + _PART], before=before)


async def _mirror(session: AsyncSession, stations: Sequence[UUID], *, before: int) -> None:
    events: dict[UUID, list[Event]] = {station: [] for station in stations}
    for table in _TABLES:
        rows: Iterable[Event] = await session.scalars(
            select(table).where(table.station.in_(stations), table.block_number < before)
        )
        for event in rows:
            events[event.station].append(event)
    await session.execute(delete(EnergyTenure).where(EnergyTenure.station.in_(stations)))
    await session.execute(delete(EnergyMeter).where(EnergyMeter.station.in_(stations)))
    gone = [station for station, found in events.items() if not found]
    await session.execute(
        delete(EnergyStation).where(
            EnergyStation.id.in_(gone), EnergyStation.name == "", EnergyStation.k_safety_ppm == _K_SAFETY_PPM
        )
    )
    for found in events.values():
        if found:
            await _write(session, sorted(found, key=lambda event: (event.block_number, event.log_index)))


async def _write(session: AsyncSession, events: Sequence[Event]) -> None:
    """One station, from all its events in the chain's order; the first is its registration."""
    kind, demo = 0, False
    tenures: list[EnergyTenure] = []
    meters: dict[bytes, EnergyMeter] = {}
    ratings: list[list[int]] = []  # from the first slot that began after the change
    for row in events:
        at = row.block_time
        if isinstance(row, StationRow):
            kind, demo = row.kind, row.demo
            first = EnergyTenure(station=row.station, tenure=1, owner=row.owner, since=at, rated_w=row.rated_w)
            tenures.append(first)
            ratings.append([_slot_after(at), row.rated_w])
        elif isinstance(row, StationRatedRow):
            ratings.append([_slot_after(at), row.new_w])
            tenures[-1].rated_w = row.new_w
        elif isinstance(row, TenureRow):
            old = tenures[-1]
            old.until = at
            tenures.append(
                EnergyTenure(station=row.station, tenure=row.tenure, owner=row.receiver, since=at, rated_w=old.rated_w)
            )
        elif isinstance(row, MeterRow):
            meters[row.key] = EnergyMeter(key=row.key, station=row.station, role=row.role, since=at)
        else:
            meters[row.key].until = at
    for tenure in tenures:
        tenure.ratings = ratings if len(ratings) > 1 else []
    session.add_all([*tenures, *meters.values()])
    await session.flush()
    now = tenures[-1]
    values = {
        "owner": now.owner,
        "tenure": now.tenure,
        "since": now.since,
        "rated_w": now.rated_w,
        "kind": kind,
        "demo": demo,
        "block": events[-1].block_number,
    }
    # name and safety factor are energy's own: an update leaves them
    station = insert(EnergyStation).values(id=now.station, name="", k_safety_ppm=_K_SAFETY_PPM, **values)
    await session.execute(station.on_conflict_do_update(index_elements=["id"], set_=values))


def _slot_after(at: datetime) -> int:
    return -(-int(at.timestamp()) // SLOT_SECONDS)
