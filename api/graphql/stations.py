# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations in GraphQL, an entity of the federated graph."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.graphql.connections import FIRST_DEFAULT, After, Connection, First, checked_first, connection
from api.graphql.context import AppInfo
from api.graphql.fields import field
from api.graphql.intervals import Interval, IntervalQuality, intervals_of
from api.graphql.ledger import Balance, Mint, balance_shown, mint_shown
from api.graphql.scalars import Address, BigInt, Bytes32
from api.queries import ledger
from energy.models import EnergyStation

From = Annotated[datetime | None, strawberry.argument(name="from", description="slots from this instant on")]
To = Annotated[datetime | None, strawberry.argument(name="to", description="slots before this instant")]


@strawberry.type(description="A device whose signature counts, from `since` until before `until`.")
class Meter:
    """A device key."""

    key: Bytes32
    role: int
    since: datetime
    until: datetime | None


@strawberry.federation.type(keys=["id"], description="A registered station in its present tenure.")
class Station:
    """A station."""

    id: UUID
    name: str
    owner: Address
    tenure: int
    since: datetime
    rated_w: BigInt
    kind: int
    demo: bool

    @field(description="in force, newest first")
    async def intervals(
        self,
        info: AppInfo,
        first: First = FIRST_DEFAULT,
        after: After = None,
        since: From = None,
        until: To = None,
        quality: IntervalQuality | None = None,
    ) -> Connection[Interval]:
        """The station's intervals."""
        return await intervals_of(info, self.id, first=first, after=after, since=since, until=until, quality=quality)

    @field(description="newest first")
    async def mints(
        self, info: AppInfo, first: First = FIRST_DEFAULT, after: After = None, utility: int | None = None
    ) -> Connection[Mint]:
        """What became tokens of the station's energy, for all its owners."""
        size = checked_first(first, info.context.services.settings.page_max)
        page = await info.context.mints.load((self.id, ledger.Wanted(size, after, utility)))
        return connection(page, mint_shown, after=after)

    @field(description="of its present owner")
    async def balances(self, info: AppInfo, first: First = FIRST_DEFAULT, after: After = None) -> Connection[Balance]:
        """What the owner holds."""
        size = checked_first(first, info.context.services.settings.page_max)
        page = await info.context.balances.load((self.owner, ledger.Wanted(size, after)))
        return connection(page, balance_shown, after=after)

    @field(description="oldest first")
    async def meters(self, info: AppInfo) -> list[Meter]:
        """The devices, retired ones too."""
        return [
            Meter(key=Bytes32(row.key), role=row.role, since=row.since, until=row.until)
            for row in await info.context.meters.load(self.id)
        ]

    @classmethod
    async def resolve_reference(cls, info: AppInfo, id: UUID) -> "Station | None":  # noqa: A002  (federation's name)
        """The station that another subgraph refers to."""
        found = await info.context.stations.load(UUID(str(id)))
        return None if found is None else shown(found)


def shown(row: EnergyStation) -> Station:
    """A row as GraphQL shows it."""
    return Station(
        id=row.id,
        name=row.name,
        owner=Address(row.owner),
        tenure=row.tenure,
        since=row.since,
        rated_w=BigInt(row.rated_w),
        kind=row.kind,
        demo=row.demo,
    )
