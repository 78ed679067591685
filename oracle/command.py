# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator does with a node beside running it: make its key, look at it, publish its leaves, count everything again."""

import asyncio
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import httpx
import orjson

from chain.signer import create_keystore
from energy.policies.book import book
from kit.database import Database
from kit.errors import GreenCoreError
from kit.settings import Settings
from kit.units import Utility
from oracle.export import Exported, export_leaves
from oracle.recount.service import Recounter
from oracle.replay import Replayed
from oracle.replay import replay as count_again

_FAILED = 2
_DIFFERS = 1


@click.command("key")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--password-file", type=click.Path(path_type=Path), help="Its first line is the password; asked for if left out."
)
def key(path: Path, password_file: Path | None) -> None:
    """Make a new encrypted key and print its address, which the signer set needs. An existing file is never overwritten."""
    try:
        if password_file is None:
            password = str(click.prompt("password", hide_input=True, confirmation_prompt=True))
        else:
            password = password_file.read_text().split("\n", 1)[0]
        click.echo(create_keystore(path, password))
    except (GreenCoreError, OSError) as error:
        _fail(error)


@click.command("status")
@click.argument("urls", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print what the nodes say as one JSON array.")
def status(urls: tuple[str, ...], as_json: bool) -> None:
    """Ask nodes how they are. Exit code 1 if one does not answer, disagrees, or has applied another head than the others."""
    answers = asyncio.run(_ask(urls))
    if as_json:
        click.echo(orjson.dumps([{"url": url, "status": answer} for url, answer in zip(urls, answers, strict=True)]))
    heads = set()
    wrong = False
    for url, answer in zip(urls, answers, strict=True):
        if answer is None:
            wrong = True
            line = "does not answer"
        else:
            heads |= {(u["utility"], u["appliedContent"]) for u in answer["utilities"]}
            wrong |= bool(answer["disagreements"])
            applied = ", ".join(
                f"utility {u['utility']} " + ("closed on chain" if u["open"] is False else f"slot {u['appliedSlot']}")
                for u in answer["utilities"]
            )
            line = f"{answer['address']}  {applied}  closed {answer['closedSlot']}  waiting {answer['waitingReadings']}"
            line += f"  {len(answer['disagreements'])} disagreements" if answer["disagreements"] else ""
            line += f"  last error {answer['lastError']['code']}" if answer["lastError"] else ""
        if not as_json:
            click.echo(f"{url}  {line}")
    if len(heads) > len({utility for utility, _ in heads}):
        wrong = True
        click.echo("the nodes have applied different heads; ask again in a moment", err=True)
    sys.exit(_DIFFERS if wrong else 0)


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--utility", type=int, default=int(Utility.E), show_default=True, help="Utility code.")
@click.option(
    "--database", envvar="GREENCORE_DATABASE_URL", help="URL of the node's database; its setting if left out."
)
def export(folder: Path, utility: int, database: str | None) -> None:
    """Write the leaves of every accepted report of this node's database as files that anybody can serve and check.

    A folder behind any web server is enough: `greencore verify --leaves` reads it. Files that are there already are left alone, so
    it may run after every report.
    """
    try:
        done = asyncio.run(_export(folder, utility, database))
    except (GreenCoreError, OSError) as error:
        _fail(error)
    click.echo(f"{done.written} files written, {done.present} were there, in {folder}")


@click.command("replay")
@click.option("--write", is_flag=True, help="Replace the stored registers by the result. Stop the node first.")
@click.option("--utility", type=int, default=int(Utility.E), show_default=True, help="Utility code.")
def replay(write: bool, utility: int) -> None:
    """Count all accepted reports again by this node's rules. Exit code 1 if they differ from what the chain accepted."""
    try:
        done = asyncio.run(_replay(utility, write))
    except (GreenCoreError, OSError) as error:
        _fail(error)
    for difference in done.differences:
        click.echo(f"slot {difference.slot} differs")
        click.echo(f"  here      {'–' if difference.mine is None else difference.mine.line()}")
        click.echo(f"  accepted  {'–' if difference.theirs is None else difference.theirs.line()}")
    verb = "were replaced" if done.written else "would change; --write replaces them"
    click.echo(f"{done.reports} reports, {len(done.differences)} differ, {done.changed} registers {verb}")
    sys.exit(_DIFFERS if done.differences else 0)


async def _ask(urls: tuple[str, ...]) -> list[dict[str, Any] | None]:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:

        async def one(url: str) -> dict[str, Any] | None:
            try:
                answer = await http.get(url.rstrip("/") + "/status")
                answer.raise_for_status()
                made: dict[str, Any] = answer.json()
            except (httpx.HTTPError, ValueError):
                return None
            return made

        return list(await asyncio.gather(*(one(url) for url in urls)))


async def _export(folder: Path, utility: int, url: str | None) -> Exported:
    database = Database(url or Settings().database_url.get_secret_value())
    try:
        return await export_leaves(database, folder, utility)
    finally:
        await database.close()


async def _replay(utility: int, write: bool) -> Replayed:
    database = Database(Settings().database_url.get_secret_value())
    try:
        async with database.transaction() as session:
            return await count_again(session, Recounter(book()), utility, write=write)
    finally:
        await database.close()


def _fail(error: Exception) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(_FAILED)
