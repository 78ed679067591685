# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Homes in GraphQL: meters, newest intervals, tokens of all nine utilities, and income over a period."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from api.graphql.connections import FIRST_DEFAULT, After, Connection, First
from api.graphql.context import AppInfo
from api.graphql.fields import field
from api.graphql.intervals import Interval, IntervalQuality, intervals_of
from api.graphql.scalars import Address, BigInt
from api.graphql.stations import From, Meter, Station, To, shown
from energy.models import EnergyStation
from flows.homes import service
from flows.homes.rules import Line
from flows.models import HomeAdjustment
from kit.units import Utility

_PERIOD = timedelta(days=30)

Since = Annotated[datetime | None, strawberry.argument(description="30 days before `until` if left out")]
Until = Annotated[datetime | None, strawberry.argument(description="now if left out; excluded")]


@strawberry.enum(description="The nine utilities; a class token's id is the utility's code.")
class UtilityName(Enum):
    """As kit.units.Utility."""

    E = 1
    H = 2
    W = 3
    AGR = 4
    SRV = 5
    CRB = 6
    DATA = 7
    EFF = 8
    DEV = 9


@strawberry.enum(description="Which way an adjustment counts.")
class AdjustmentKind(Enum):
    """As the table has it."""

    PENALTY = "penalty"
    BONUS = "bonus"


@strawberry.type(description="One utility's tokens of a home; 10⁹ units are one token.")
class HomeToken:
    """Balances of a wallet, and what a home made."""

    utility: UtilityName
    token_id: BigInt
    balance_units: BigInt = strawberry.field(description="what the home's wallet holds of the class token")
    minted_units: BigInt = strawberry.field(description="what this home's present tenure was paid")


@strawberry.type(description="What one utility brought at one coefficient, rounded down.")
class IncomeLine:
    """A line of the formula."""

    utility: UtilityName
    units: BigInt = strawberry.field(description="paid to the owner in the period; 10⁹ are one token")
    coefficient_ppm: BigInt = strawberry.field(description="millionths of a GCM per whole token")
    gcm_units: BigInt = strawberry.field(description="10⁹ are one GCM")


@strawberry.type(description="A penalty or a bonus with its reason; nothing is ever changed or removed.")
class HomeAdjustmentShown:
    """A row of home_adjustment."""

    id: strawberry.ID
    at: datetime
    kind: AdjustmentKind
    gcm_units: BigInt
    policy: str
    reason: str


@strawberry.type(
    description="α·E + β·H + γ·W + δ·EFF + ε·DATA + ζ·SRV − penalties + bonuses, in GCM. Computed, not paid."
)
class Income:
    """The income of a period."""

    since: datetime
    until: datetime
    lines: list[IncomeLine]
    adjustments: list[HomeAdjustmentShown]
    gcm_units: BigInt = strawberry.field(description="10⁹ are one GCM; below zero where penalties outweigh")


@strawberry.type(description="A station as an economic agent: a wallet that is paid for what its meters count.")
class Home:
    """A home."""

    id: UUID
    wallet: Address
    tenure: int
    row: strawberry.Private[EnergyStation]

    @field(description="the plant itself")
    async def station(self) -> Station:
        """The same row."""
        return shown(self.row)

    @field(description="oldest first")
    async def meters(self, info: AppInfo) -> list[Meter]:
        """Device keys, retired ones too."""
        return await shown(self.row).meters(info)

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
        """The newest intervals."""
        return await intervals_of(info, self.id, first=first, after=after, since=since, until=until, quality=quality)

    @field(description="all nine, by code")
    async def tokens(self, info: AppInfo) -> list[HomeToken]:
        """Zero where there is nothing yet."""
        async with info.context.services.database.transaction() as session:
            held = await service.class_balances(session, self.row.owner)
            minted = await service.minted_units(session, self.row)
        return [
            HomeToken(
                utility=UtilityName(code.value),
                token_id=BigInt(code.value),
                balance_units=BigInt(held.get(code.value, 0)),
                minted_units=BigInt(minted.get(code.value, 0)),
            )
            for code in Utility
        ]

    @field(description="of at most 400 days")
    async def income(self, info: AppInfo, since: Since = None, until: Until = None) -> Income:
        """Lines, adjustments and their sum."""
        services = info.context.services
        end = until or services.clock.now()
        begin = since or end - _PERIOD
        async with services.database.transaction() as session:
            found = await service.income(session, self.row, since=begin, until=end)
        return Income(
            since=found.since,
            until=found.until,
            lines=[_line(line) for line in found.lines],
            adjustments=[_adjustment(row) for row in found.adjustments],
            gcm_units=BigInt(found.gcm_units),
        )


def home_shown(row: EnergyStation) -> Home:
    """A row as GraphQL shows it."""
    return Home(id=row.id, wallet=Address(row.owner), tenure=row.tenure, row=row)


def _line(line: Line) -> IncomeLine:
    return IncomeLine(
        utility=UtilityName(line.utility.value),
        units=BigInt(line.units),
        coefficient_ppm=BigInt(line.coefficient),
        gcm_units=BigInt(line.gcm_units),
    )


def _adjustment(row: HomeAdjustment) -> HomeAdjustmentShown:
    return HomeAdjustmentShown(
        id=strawberry.ID(str(row.id)),
        at=row.at,
        kind=AdjustmentKind(row.kind),
        gcm_units=BigInt(row.amount),
        policy=row.policy,
        reason=row.reason,
    )
