# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy rules` and `greencore energy day`: which rules judge a reading, by which numbers, and what a day came to."""

import asyncio
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console
from rich.table import Table

from energy.day import repository
from energy.day.rules import DAY_SLOTS, local_counts
from energy.policies.book import book
from energy.quality.table import LADDER, TABLE, markdown, policy_lines
from greencore.roles.process import on_database, read
from kit.database import Database
from kit.settings import Settings


@click.command("rules")
@click.option("--class", "kind", default=None, help="Show every number for a class of station (pv, household, wind …).")
@click.option("--policy", "version", type=int, default=None, help="A version of the policy; the newest if left out.")
@click.option("--markdown", "plain", is_flag=True, help="The table as the docs hold it.")
def rules(kind: str | None, version: int | None, plain: bool) -> None:
    """Every rule V0–V17 and the estimation ladder; with --class every threshold, its source and its reason."""
    if plain:
        click.echo(markdown(), nl=False)
        return
    try:
        policy = book().newest if version is None else book().version(version)
    except KeyError as error:
        raise click.BadParameter(f"{error.args[0]}; there are {[it.version for it in book().policies]}") from error
    if kind is not None and kind not in policy.classes:
        raise click.BadParameter(f"no class {kind!r}; there are {', '.join(sorted(policy.classes))}")
    console = Console()
    if kind is None:
        console.print(_rules(), _ladder())
    else:
        table = Table("threshold", "value", "source", "why", title=f"policy {policy.version}, class {kind}")
        for name, value, source, why in policy_lines(book(), policy, kind):
            table.add_row(name, f"{value:,}", source, why)
        console.print(table)
    for one in book().policies:
        console.print(f"policy {one.version}  from slot {one.effective_from}  sha256 {one.digest}")


@click.command("day")
@click.argument("station", type=click.UUID)
@click.argument("day", metavar="YYYY-MM-DD", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--timezone", default="UTC", show_default=True, help="Count the day as people there live it.")
def day_of(station: UUID, day: date, timezone: str) -> None:
    """What a day of a station came to: slots expected and read, energy by quality, findings in force."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"no time zone {timezone!r}, try Europe/Berlin") from error
    settings = read(Settings)
    url = settings.database_url.get_secret_value()
    with on_database(url):
        asyncio.run(_show(url, station, date(day.year, day.month, day.day), zone))


async def _show(url: str, station: UUID, day: date, zone: ZoneInfo) -> None:
    database = Database(url)
    number = (day - date(1970, 1, 1)).days
    try:
        async with database.transaction() as session:
            first, last = (number - 1) * DAY_SLOTS, (number + 2) * DAY_SLOTS - 1
            rows = await repository.intervals(session, station, first, last)
            found = await repository.findings(session, station, [number])
    finally:
        await database.close()
    read_slots = {slot for slot, row in rows.items() if row.quality != "estimated"}
    expected, heard = local_counts(read_slots.__contains__, day, zone)
    click.echo(f"{day} {zone.key}: {heard} of {expected} quarter hours read")
    for quality in ("validated", "raw", "estimated"):
        here = [row for slot, row in rows.items() if row.quality == quality and slot // DAY_SLOTS == number]
        click.echo(
            f"  {quality:<10} {len(here):>3} slots (UTC day)  {sum(row.e_net_uwh for row in here) / 1e9:.6f} kWh"
        )
    for one in found:
        click.echo(f"  {one.rule} {one.result}: {one.inputs} (policy {one.policy})")


def _rules() -> Table:
    table = Table("rule", "v", "layer", "fires when", "needs", "verdict")
    for line in TABLE:
        table.add_row(line.id, str(line.version), line.layer, line.title, line.needs, line.verdict)
    return table


def _ladder() -> Table:
    table = Table("rung", "layer", "when", "worth", "mints")
    for rung in LADDER:
        table.add_row(f"{rung.id} {rung.title}", rung.layer, rung.when, rung.worth, rung.mints)
    return table
