# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Intervals in GraphQL."""

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.graphql.connections import Connection, checked_first, connection
from api.graphql.context import AppInfo
from api.graphql.fields import field
from api.graphql.scalars import BigInt, Bytes32
from api.queries.intervals import SLOT_LIMIT, Wanted
from energy.models import EnergyInterval
from kit.errors import Malformed
from kit.units import slot_end, slot_of, slot_start


@strawberry.enum(description="How far an interval is trusted.")
class IntervalQuality(Enum):
    """The names are the database's."""

    RAW = "raw"
    VALIDATED = "validated"
    ESTIMATED = "estimated"


@strawberry.type(description="What a quarter hour of a station is worth: the version in force.")
class Interval:
    """One slot of one station."""

    station_id: UUID
    slot: int
    start: datetime
    end: datetime
    version: int
    e_net_uwh: BigInt
    quality: IntervalQuality
    state: str = strawberry.field(description="STORED, PROCESSING (a report counts it), MINTED or FAILED")
    method: str
    qa: JSON = strawberry.field(description="every rule that fired, with its inputs")
    profile_hash: Bytes32
    demo: bool
    minted_tx: Bytes32 | None = strawberry.field(description="the transaction that settled it")

    @field(description="station and slot")
    def id(self) -> strawberry.ID:
        """Stable over versions."""
        return strawberry.ID(f"{self.station_id}:{self.slot}")


def shown(row: EnergyInterval) -> Interval:
    """A row as GraphQL shows it."""
    return Interval(
        station_id=row.station,
        slot=row.slot,
        start=slot_start(row.slot),
        end=slot_end(row.slot),
        version=row.version,
        e_net_uwh=BigInt(row.e_net_uwh),
        quality=IntervalQuality(row.quality),
        state=row.state,
        method=row.method,
        qa=JSON(row.qa),
        profile_hash=Bytes32(row.profile_hash),
        demo=row.demo,
        minted_tx=None if row.minted_tx is None else Bytes32(row.minted_tx),
    )


async def intervals_of(
    info: AppInfo,
    station: UUID,
    *,
    first: int,
    after: str | None,
    since: datetime | None,
    until: datetime | None,
    quality: IntervalQuality | None,
) -> Connection[Interval]:
    """A station's intervals, newest first."""
    wanted = Wanted(
        first=checked_first(first, info.context.services.settings.page_max),
        after=after,
        from_slot=_slot(since),
        to_slot=_slot(until),
        quality=None if quality is None else quality.value,
    )
    page = await info.context.intervals.load((station, wanted))
    return connection(page, shown, after=after)


def _slot(instant: datetime | None) -> int | None:
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise Malformed("request.time_zone", "an instant needs a time zone: 2025-10-15T08:00:00Z")
    return max(-SLOT_LIMIT, min(slot_of(instant), SLOT_LIMIT))
