# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore homes`: penalties and bonuses of homes, and what a home earned."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar
from uuid import UUID

import click
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import stations
from flows.homes import service
from flows.homes.rules import GCM_ONE
from greencore.roles.process import fail, on_database, read
from kit.database import Database
from kit.errors import GreenCoreError
from kit.settings import Settings

T = TypeVar("T")


@click.group("homes")
def command() -> None:
    """Penalties and bonuses of homes, and what a home earned."""


@command.command("adjust")
@click.argument("station", type=click.UUID)
@click.option("--kind", required=True, type=click.Choice(["penalty", "bonus"]))
@click.option("--gcm", required=True, help="Amount in GCM, above zero, at most nine places.")
@click.option("--policy", required=True, help="The policy that says so, as people find it again.")
@click.option("--reason", required=True, help="What happened.")
@click.option("--by", required=True, help="Who enters it.")
def adjust(station: UUID, kind: str, gcm: str, policy: str, reason: str, by: str) -> None:
    """Enter a penalty or a bonus. Rows stay for ever; a mistake is taken back by a row of the other kind."""
    units = _units(gcm)
    clock = read(Settings).make_clock()
    row = _ask(
        lambda session: service.adjust(
            session,
            clock,
            station,
            kind="bonus" if kind == "bonus" else "penalty",
            gcm_units=units,
            policy=policy,
            reason=reason,
            by=by,
        )
    )
    click.echo(f"{row.kind} {row.id} of {gcm_text(row.amount)} GCM for {station}")


@command.command("income")
@click.argument("station", type=click.UUID)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 400), help="Until now.")
def income(station: UUID, days: int) -> None:
    """Show what a home earned by claims, line by line."""
    now = read(Settings).make_clock().now()

    async def ask(session: AsyncSession) -> service.Income:
        home = await stations.get(session, station)
        return await service.income(session, home, since=now - timedelta(days=days), until=now)

    found = _ask(ask)
    for line in found.lines:
        tokens, share = gcm_text(line.units), Decimal(line.coefficient) / 10**6
        click.echo(f"{line.utility.name:<5} {tokens:>20} × {share} = {gcm_text(line.gcm_units):>20} GCM")
    for row in found.adjustments:
        click.echo(f"{row.kind:<7} {gcm_text(row.amount):>18} GCM  {row.policy}: {row.reason}")
    click.echo(f"income {gcm_text(found.gcm_units)} GCM")


def gcm_text(units: int) -> str:
    """Units as whole tokens, nine places, exact."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), GCM_ONE)
    return f"{sign}{whole}.{rest:09d}"


def _units(gcm: str) -> int:
    try:
        exact = Decimal(gcm) * GCM_ONE
        units = int(exact)
    except (InvalidOperation, OverflowError, ValueError):
        fail(f"homes: {gcm} is no amount")
    if units != exact or units <= 0:
        fail(f"homes: {gcm}: above zero and at most nine places")
    return units


def _ask(question: Callable[[AsyncSession], Awaitable[T]]) -> T:
    url = read(Settings).database_url.get_secret_value()

    async def ask() -> T:
        database = Database(url)
        try:
            async with database.transaction() as session:
                return await question(session)
        finally:
            await database.close()

    try:
        with on_database(url):
            return asyncio.run(ask())
    except GreenCoreError as error:
        fail(f"homes: {error}")
