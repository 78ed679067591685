# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy parked`, `replay` and `notices`: a screenful of why, another attempt, and what was odd."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import click
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import key_id
from energy.ingest import envelopes
from energy.ingest import parked as books
from energy.ingest.parked import Parked, Replayed
from energy.ingest.service import IngestService
from energy.models import EnergyInterval
from energy.models_ingest import EnergyNotice
from greencore.roles.process import fail, on_database, read
from kit.database import Database
from kit.settings import Settings
from kit.units import slot_start

STILL_REFUSED = 1
_DETAIL = 110

T = TypeVar("T")


@click.command("parked")
@click.option("--station", type=click.UUID, help="Of one station only.")
@click.option("--code", help="With one code only, such as telemetry.unknown_meter.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def parked(station: UUID | None, code: str | None, limit: int, as_json: bool) -> None:
    """Show what was refused and not accepted since: what, why, since when, and what would help.

    Those that time may heal are tried again by themselves; the others wait for `greencore energy replay`.
    """

    async def look(session: AsyncSession, _settings: Settings) -> tuple[list[Parked], list[EnergyInterval]]:
        stuck = [] if code else await books.failed(session, station=station, limit=limit)
        return await books.parked(session, station=station, code=code, limit=limit), stuck

    found, stuck = run(look)
    if as_json:
        click.echo(orjson.dumps([parked_json(one) for one in found], option=orjson.OPT_INDENT_2))
    elif not found and not stuck:
        click.echo("Nothing waits: everything that came in was stored, or was refused and accepted later.")
    else:
        for one in found:
            _show(one)
        for row in stuck:
            click.echo(f"interval of {row.station}  {_time(slot_start(row.slot))}")
            click.echo(f"    {click.style('FAILED', bold=True)}: {_reason(row)}")
        click.echo(f"{len(found)} shown; `greencore energy replay HASH…` or `--code CODE` tries again.")
        if stuck:
            click.echo(
                f"{len(stuck)} failed; after a repair `greencore energy replay --failed` lets the rules judge again."
            )


@click.command("replay")
@click.argument("hashes", nargs=-1, metavar="HASH…")
@click.option("--code", help="All that wait with this code, at most 1,000 at once.")
@click.option("--failed", is_flag=True, help="Intervals that the rules could not take: let them judge again.")
@click.option("--station", type=click.UUID, help="With --code or --failed: of one station only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def replay(hashes: tuple[str, ...], code: str | None, failed: bool, station: UUID | None, as_json: bool) -> None:
    """Try refused readings again, by hash or by code. Safe to repeat; who asked is in the audit trail.

    Exit code 0: all of them are stored now. 1: some are still refused, or there is no such reading. 2: the call is wrong.
    """
    if [bool(hashes), bool(code), failed].count(True) != 1:
        fail("name hashes, or a --code, or --failed: one of them")
    if failed:
        _judge_again(station)
        return
    wanted = [_hash(text) for text in hashes]

    async def again(session: AsyncSession, settings: Settings) -> list[Replayed]:
        clock = settings.make_clock()
        service = IngestService(clock, settings.mode)
        return await books.replay(
            session, service, at=clock.now(), actor=actor(), hashes=wanted, code=code, station=station
        )

    outcomes = run(again)
    if as_json:
        click.echo(orjson.dumps([replayed_json(one) for one in outcomes], option=orjson.OPT_INDENT_2))
    else:
        for one in outcomes:
            click.echo(f"0x{one.hash.hex()}  {one.status}  {one.code}  {one.detail}".rstrip())
        if not outcomes:
            click.echo(f"nothing waits with the code {code}")
    if any(one.status not in ("accepted", "duplicate", "resolved") for one in outcomes):
        sys.exit(STILL_REFUSED)


@click.command("notices")
@click.option("--station", type=click.UUID, help="Of one station only.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def notices(station: UUID | None, limit: int, as_json: bool) -> None:
    """Show what was odd about devices' chains of envelopes: a copied key, a lost buffer, holes. Nothing was refused for it."""

    async def look(session: AsyncSession, _settings: Settings) -> list[EnergyNotice]:
        return await envelopes.notices(session, station=station, limit=limit)

    found = run(look)
    if as_json:
        click.echo(orjson.dumps([_notice_json(row) for row in found], option=orjson.OPT_INDENT_2))
        return
    for row in found:
        click.echo(f"{_time(row.noted_at)}  {row.station}  key {key_id(row.key)}  {click.style(row.code, bold=True)}")
        click.echo(f"    {row.detail}")
    click.echo(f"{len(found)} shown" if found else "Nothing odd: every device's envelopes follow one another.")


def run(work: Callable[[AsyncSession, Settings], Awaitable[T]]) -> T:
    """Do something in one transaction on the database that the environment names; say in a line why if it can't be done."""
    settings = read(Settings)

    async def main() -> T:
        database = Database(settings.database_url.get_secret_value(), pool_size=1)
        try:
            async with database.transaction() as session:
                return await work(session, settings)
        finally:
            await database.close()

    with on_database(settings.database_url.get_secret_value()):
        return asyncio.run(main())


def actor() -> str:
    """Who is at the terminal, for the audit trail."""
    return f"cli:{getpass.getuser()}"


def parked_json(one: Parked) -> dict[str, Any]:
    """A parked reading as JSON."""
    return {
        "hash": "0x" + one.hash.hex(),
        "state": one.state,
        "code": one.code,
        "detail": one.detail,
        "advice": one.advice,
        "station": None if one.station is None else str(one.station),
        "meter": one.meter,
        "start": None if one.slot is None else slot_start(one.slot),
        "firstAt": one.first_at,
        "lastAt": one.last_at,
        "times": one.times,
        "attempts": one.attempts,
        "retryAt": one.retry_at,
        "replayable": one.replayable,
    }


def replayed_json(one: Replayed) -> dict[str, Any]:
    """What another attempt came to, as JSON."""
    return {"hash": "0x" + one.hash.hex(), "status": one.status, "code": one.code, "detail": one.detail}


def _judge_again(station: UUID | None) -> None:
    async def again(session: AsyncSession, settings: Settings) -> int:
        return await books.judge_again(session, at=settings.make_clock().now(), actor=actor(), station=station)

    click.echo(f"{run(again)} readings wait for the rules again; `greencore energy parked` shows what fails once more")


def _reason(row: EnergyInterval) -> str:
    return next((str(entry["detail"]) for entry in row.qa if "detail" in entry), "no reason was kept")


def _notice_json(row: EnergyNotice) -> dict[str, Any]:
    return {
        "at": row.noted_at,
        "station": str(row.station),
        "keyId": key_id(row.key),
        "code": row.code,
        "seq": row.seq,
        "detail": row.detail,
        "envelope": "0x" + row.envelope.hex(),
    }


def _show(one: Parked) -> None:
    what = "unreadable" if one.slot is None else f"{one.meter}  {_time(slot_start(one.slot))}"
    click.echo(f"0x{one.hash.hex()}  {one.station or 'no station'}  {what}")
    why = one.detail if len(one.detail) <= _DETAIL else one.detail[: _DETAIL - 1] + "…"
    click.echo(f"    {click.style(one.code, bold=True)}: {why}")
    again = "no further attempt by itself" if one.retry_at is None else f"next attempt {_time(one.retry_at)}"
    came = "came once" if one.times == 1 else f"came {one.times} times, last {_time(one.last_at)}"
    click.echo(f"    {one.state}: {came}; first {_time(one.first_at)}; {one.attempts} attempts since; {again}")
    click.echo(f"    → {one.advice}")


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


def _hash(text: str) -> bytes:
    digits = text.removeprefix("0x")
    try:
        made = bytes.fromhex(digits)
    except ValueError:
        made = b""
    if len(made) != 32:
        fail(f"{text!r} is not a hash; `greencore energy parked` shows them")
    return made
