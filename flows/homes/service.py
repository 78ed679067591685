# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A home's income over a period, and the penalties and bonuses that go into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from energy.models import EnergyStation
from flows.homes.rules import IN_INCOME, Adjustment, Kind, Line, lines_of, total
from flows.models import HomeAdjustment, HomeCoefficient
from indexer.models import Balance, MintedRow
from kit.clock import Clock
from kit.errors import Malformed, NotFound

PERIOD_MAX = timedelta(days=400)
ADJUSTMENTS_MAX = 500
_TEXT_MAX = 500


@dataclass(frozen=True, slots=True)
class Income:
    """What a home's present tenure earned by claims from `since` until before `until`. Computed, not paid."""

    since: datetime
    until: datetime
    lines: Sequence[Line]
    adjustments: Sequence[HomeAdjustment]

    @property
    def gcm_units(self) -> int:
        """The sum, units of 10⁻⁹ GCM."""
        return total(self.lines, [_rule_of(row) for row in self.adjustments])


async def income(session: AsyncSession, home: EnergyStation, *, since: datetime, until: datetime) -> Income:
    """The income over a period of at most 400 days, as far as the chain is indexed. Raises Malformed for another period.

    Every claim counts with the coefficient that was in force at its place on the chain.
    """
    if since.tzinfo is None or until.tzinfo is None:
        raise Malformed("home.period", "both ends need a time zone")
    if not timedelta(0) < until - since <= PERIOD_MAX:
        raise Malformed("home.period", f"a period of more than nothing and at most {PERIOD_MAX.days} days is needed")
    in_force = (
        select(HomeCoefficient.coefficient)
        .where(
            HomeCoefficient.utility == MintedRow.utility,
            tuple_(HomeCoefficient.block_number, HomeCoefficient.log_index)
            < tuple_(MintedRow.block_number, MintedRow.log_index),
        )
        .order_by(HomeCoefficient.block_number.desc(), HomeCoefficient.log_index.desc())
        .limit(1)
        .correlate(MintedRow)
        .scalar_subquery()
    )
    claims = (
        select(MintedRow.utility, func.coalesce(in_force, 0).label("coefficient"), MintedRow.to_owner)
        .where(
            MintedRow.station == home.id,
            MintedRow.tenure == home.tenure,
            MintedRow.utility.in_(IN_INCOME),
            and_(MintedRow.block_time >= since, MintedRow.block_time < until),
        )
        .subquery()
    )
    sums = select(claims.c.utility, claims.c.coefficient, func.sum(claims.c.to_owner)).group_by(
        claims.c.utility, claims.c.coefficient
    )
    minted = [(utility, int(coefficient), int(units)) for utility, coefficient, units in await session.execute(sums)]
    return Income(since, until, lines_of(minted), await adjustments(session, home.id, since=since, until=until))


async def adjustments(
    session: AsyncSession, station: UUID, *, since: datetime, until: datetime
) -> list[HomeAdjustment]:
    """Penalties and bonuses of a period, the oldest first. Raises Malformed if there are more than an answer holds."""
    rows = (
        select(HomeAdjustment)
        .where(HomeAdjustment.station == station, HomeAdjustment.at >= since, HomeAdjustment.at < until)
        .order_by(HomeAdjustment.at, HomeAdjustment.id)
        .limit(ADJUSTMENTS_MAX + 1)
    )
    found = list(await session.scalars(rows))
    if len(found) > ADJUSTMENTS_MAX:
        raise Malformed("home.period", f"more than {ADJUSTMENTS_MAX} penalties and bonuses; ask for a shorter period")
    return found


async def adjust(
    session: AsyncSession, clock: Clock, station: UUID, *, kind: Kind, gcm_units: int, policy: str, reason: str, by: str
) -> HomeAdjustment:
    """Enter a penalty or a bonus. Never commits. Raises NotFound for an unknown home, Malformed for no amount or no text."""
    if await session.get(EnergyStation, station) is None:
        raise NotFound("energy.unknown_station", f"no station {station} is registered")
    if kind not in ("penalty", "bonus") or not 0 < gcm_units < 10**30:
        raise Malformed("home.adjustment", "a penalty or a bonus above zero is needed")
    for name, text in (("policy", policy), ("reason", reason), ("by", by)):
        if not text.strip() or len(text) > _TEXT_MAX:
            raise Malformed("home.adjustment", f"{name}: 1 to {_TEXT_MAX} characters that say something")
    now = clock.now()
    row = HomeAdjustment(
        station=station,
        at=now,
        kind=kind,
        amount=gcm_units,
        policy=policy,
        reason=reason,
        entered_by=by,
        entered_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def class_balances(session: AsyncSession, owner: bytes) -> dict[int, int]:
    """What a wallet holds of each class token, by utility code."""
    rows = select(Balance.token_id, Balance.balance).where(Balance.owner == owner, Balance.token_id.between(1, 9))
    return {int(token): int(balance) for token, balance in await session.execute(rows)}


async def minted_units(session: AsyncSession, home: EnergyStation) -> dict[int, int]:
    """What a home's present tenure was paid in each utility, by code, whatever its owner did with it since."""
    rows = (
        select(MintedRow.utility, func.sum(MintedRow.to_owner))
        .where(MintedRow.station == home.id, MintedRow.tenure == home.tenure)
        .group_by(MintedRow.utility)
    )
    return {utility: int(units) for utility, units in await session.execute(rows)}


def _rule_of(row: HomeAdjustment) -> Adjustment:
    return Adjustment("bonus" if row.kind == "bonus" else "penalty", row.amount)
