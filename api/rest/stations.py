# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations as the chain registered them, and their intervals."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.auth import OPERATOR
from api.deps import ServicesDep
from api.queries import intervals, stations
from api.queries.intervals import Quality
from api.rest.shapes import Address, After, Amount, First, Hash, Listed, address_of, listed
from energy.models import EnergyInterval, EnergyMeter, EnergyStation
from kit.units import slot_end, slot_of, slot_start

router = APIRouter(prefix="/api/stations", tags=["stations"])


class Meter(BaseModel):
    """A device whose signature counts, from `since` until before `until`."""

    key: Hash
    role: int
    since: datetime
    until: datetime | None


class Station(BaseModel):
    """A station in its present tenure. `tenure` counts its owners; `name` is for people and not on chain."""

    id: UUID
    name: str
    owner: Address
    tenure: int
    since: datetime
    ratedW: int
    kind: int
    demo: bool


class StationInFull(Station):
    """With its meters."""

    meters: list[Meter]


class Interval(BaseModel):
    """What a slot of a station is worth. `qa` holds every rule that fired; `mintedTx` is the transaction that settled it."""

    station: UUID
    slot: int
    start: datetime
    end: datetime
    version: int
    eNetUwh: Amount
    quality: str
    state: str
    method: str
    qa: list[dict[str, Any]]
    profileHash: Hash
    demo: bool
    mintedTx: Hash | None


class Name(BaseModel):
    """What people call a station."""

    name: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]


def shown(station: EnergyStation) -> Station:
    """A station as it is shown."""
    return Station(**_fields(station))


def _fields(station: EnergyStation) -> dict[str, Any]:
    return {
        "id": station.id,
        "name": station.name,
        "owner": station.owner,
        "tenure": station.tenure,
        "since": station.since,
        "ratedW": station.rated_w,
        "kind": station.kind,
        "demo": station.demo,
    }


def _meter(meter: EnergyMeter) -> Meter:
    return Meter(key=meter.key, role=meter.role, since=meter.since, until=meter.until)


def _interval(row: EnergyInterval) -> Interval:
    return Interval(
        station=row.station,
        slot=row.slot,
        start=slot_start(row.slot),
        end=slot_end(row.slot),
        version=row.version,
        eNetUwh=row.e_net_uwh,
        quality=row.quality,
        state=row.state,
        method=row.method,
        qa=row.qa,
        profileHash=row.profile_hash,
        demo=row.demo,
        mintedTx=row.minted_tx,
    )


@router.get("")
async def all_stations(
    services: ServicesDep,
    first: First = 100,
    after: After = None,
    owner: Annotated[str | None, Query(max_length=60, description="only of this address")] = None,
) -> Listed[Station]:
    """Stations by their UUID."""
    by_owner = None if owner is None else address_of(owner)
    async with services.database.transaction() as session:
        page = await stations.page(session, first=min(first, services.settings.page_max), after=after, owner=by_owner)
    return listed(page, shown)


@router.get("/{station}", responses={404: {"description": "unknown"}})
async def one_station(services: ServicesDep, station: UUID) -> StationInFull:
    """One station with its meters."""
    async with services.database.transaction() as session:
        found = await stations.get(session, station)
        (meters,) = await stations.meters(session, [station])
    return StationInFull(**_fields(found), meters=[_meter(meter) for meter in meters])


@router.get("/{station}/intervals", responses={404: {"description": "unknown"}})
async def intervals_of(
    services: ServicesDep,
    station: UUID,
    first: First = 96,
    after: After = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="slots from this instant on")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="slots before this instant")] = None,
    quality: Quality | None = None,
) -> Listed[Interval]:
    """The intervals in force, newest first."""
    wanted = intervals.Wanted(
        first=min(first, services.settings.page_max),
        after=after,
        from_slot=None if since is None else slot_of(since),
        to_slot=None if until is None else slot_of(until),
        quality=quality,
    )
    async with services.database.transaction() as session:
        await stations.get(session, station)
        (page,) = await intervals.pages(session, [station], wanted)
    return listed(page, _interval)


@router.put("/{station}/name", dependencies=OPERATOR, responses={404: {"description": "unknown"}})
async def rename(services: ServicesDep, station: UUID, name: Name) -> Station:
    """Give a station the name that people read. Safe to repeat."""
    async with services.database.transaction() as session:
        found = await stations.get(session, station)
        found.name = name.name
    return shown(found)
