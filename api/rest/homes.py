# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Homes: tokens of all nine utilities, and income over a period. The same as `home` in GraphQL."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from api.deps import ServicesDep
from api.queries import stations
from api.rest.shapes import Address, Amount
from flows.homes import service
from kit.units import Utility

router = APIRouter(prefix="/api/homes", tags=["homes"])

_PERIOD = timedelta(days=30)


class Token(BaseModel):
    """One utility's tokens; 10⁹ units are one token. `balanceUnits` is the wallet's, `mintedUnits` what this tenure was paid."""

    utility: str
    tokenId: int
    balanceUnits: Amount
    mintedUnits: Amount


class Home(BaseModel):
    """A station as an economic agent."""

    id: UUID
    wallet: Address
    tenure: int
    tokens: list[Token]


class Line(BaseModel):
    """What one utility brought at one coefficient (millionths of a GCM per token), rounded down."""

    utility: str
    units: Amount
    coefficientPpm: Amount
    gcmUnits: Amount


class Adjustment(BaseModel):
    """A penalty or a bonus with its reason."""

    id: int
    at: datetime
    kind: Literal["penalty", "bonus"]
    gcmUnits: Amount
    policy: str
    reason: str


class Income(BaseModel):
    """α·E + β·H + γ·W + δ·EFF + ε·DATA + ζ·SRV − penalties + bonuses, units of 10⁻⁹ GCM. Computed, not paid."""

    since: datetime
    until: datetime
    lines: list[Line]
    adjustments: list[Adjustment]
    gcmUnits: Amount


@router.get("/{home}", responses={404: {"description": "unknown"}})
async def one_home(services: ServicesDep, home: UUID) -> Home:
    """A home with its tokens, all nine by code."""
    async with services.database.transaction() as session:
        found = await stations.get(session, home)
        held = await service.class_balances(session, found.owner)
        minted = await service.minted_units(session, found)
    tokens = [
        Token(
            utility=code.name,
            tokenId=code.value,
            balanceUnits=held.get(code.value, 0),
            mintedUnits=minted.get(code.value, 0),
        )
        for code in Utility
    ]
    return Home(id=found.id, wallet=found.owner, tenure=found.tenure, tokens=tokens)


@router.get("/{home}/income", responses={404: {"description": "unknown"}, 422: {"description": "no such period"}})
async def income_of(
    services: ServicesDep,
    home: UUID,
    since: Annotated[AwareDatetime | None, Query(description="30 days before `until` if left out")] = None,
    until: Annotated[AwareDatetime | None, Query(description="now if left out; excluded")] = None,
) -> Income:
    """The income of at most 400 days, as far as the chain is indexed."""
    end = until or services.clock.now()
    async with services.database.transaction() as session:
        row = await stations.get(session, home)
        found = await service.income(session, row, since=since or end - _PERIOD, until=end)
    return Income(
        since=found.since,
        until=found.until,
        lines=[
            Line(
                utility=line.utility.name,
                units=line.units,
                coefficientPpm=line.coefficient,
                gcmUnits=line.gcm_units,
            )
            for line in found.lines
        ],
        adjustments=[
            Adjustment(
                id=given.id,
                at=given.at,
                kind="bonus" if given.kind == "bonus" else "penalty",
                gcmUnits=given.amount,
                policy=given.policy,
                reason=given.reason,
            )
            for given in found.adjustments
        ],
        gcmUnits=found.gcm_units,
    )
