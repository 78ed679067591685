# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore indexer`: follow the chain; look at the copy, check it, start it over."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncSession

from chain.deployment import Deployment
from flows.mirror_homes import platform_projections
from greencore.roles.process import fail, read, run
from indexer import upkeep
from indexer.service import Indexer
from indexer.settings import IndexerSettings
from kit.database import Database
from kit.errors import GreenCoreError
from kit.settings import Settings
from kit.shutdown import run_until_signal

T = TypeVar("T")

_DIFFERS = 1
_SNAPSHOT = {"isolation_level": "REPEATABLE READ"}


@click.group("indexer", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Copy the chain's logs into PostgreSQL and derive stations, balances and supplies from them."""
    if context.invoked_subcommand is None:
        settings = read(Settings)
        run("indexer", settings, index(settings, read(IndexerSettings)))


@command.command("status")
def status() -> None:
    """Tell where the copy stands. Exit code 1 if it has not begun."""
    found = _ask(upkeep.status)
    if found is None:
        click.echo("the copy has not begun")
        sys.exit(_DIFFERS)
    click.echo(
        f"chain {found.chain_id}  block {found.block_number} of {found.head}  hash 0x{found.block_hash.hex()}"
        f"  events {found.events}  reorganisations {found.reorgs}"
    )


@command.command("verify")
def verify() -> None:
    """Compute what is derived anew and look for gaps in the events. Exit code 1 if anything differs."""
    found = _ask(upkeep.verify)
    for difference in found.differences:
        click.echo(difference)
    click.echo(f"{found.events} events, {len(found.differences)} differences")
    sys.exit(0 if found.ok else _DIFFERS)


@command.command("rebuild")
def rebuild() -> None:
    """Forget the copy; the next start reads the chain from the deployment on. Refused while an indexer runs."""
    _ask(lambda session: upkeep.rebuild(session, platform_projections(Deployment.load(read(Settings).deployment))))
    click.echo("forgotten; start the indexer")


async def index(settings: Settings, indexing: IndexerSettings) -> None:
    """Follow the chain until a signal. Raises NotFound without a deployment file, Stopped if going on would be guessing."""
    deployment = Deployment.load(settings.deployment)
    database = Database(settings.database_url.get_secret_value())
    indexer = Indexer(
        database,
        settings.rpc_url,
        deployment,
        platform_projections(deployment),
        settings.make_clock(),
        settings=indexing,
    )
    try:
        await run_until_signal(indexer.run())
    finally:
        await database.close()


def _ask(question: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """The answer to one question about the database that the settings name, all of it at one instant."""

    async def ask() -> T:
        database = Database(read(Settings).database_url.get_secret_value())
        try:
            async with database.transaction() as session:
                await session.connection(execution_options=_SNAPSHOT)
                return await question(session)
        finally:
            await database.close()

    try:
        return asyncio.run(ask())
    except (GreenCoreError, OSError) as error:
        fail(f"indexer: {error}")
