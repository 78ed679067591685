# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore indexer`, and what an operator does with its copy of the chain."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncSession

from chain.deployment import Deployment
from flows.mirror_registry import MirrorRegistry
from greencore.roles.process import fail, read, run
from indexer import upkeep
from indexer.service import Indexer
from indexer.settings import IndexerSettings
from kit.database import Database
from kit.errors import GreenCoreError
from kit.settings import Settings
from kit.shutdown import run_until_signal

T = TypeVar("T")


@click.group("indexer", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Copy the chain's logs into PostgreSQL and derive stations, balances and supplies from them."""
    if context.invoked_subcommand is None:
        settings = read(Settings)
        run("indexer", settings, index(settings, read(IndexerSettings)))


@command.command("status")
def status() -> None:
    """Where the copy stands. Ends with code 1 if it has not begun."""
    found = _within_a_transaction(upkeep.status)
    if found is None:
        click.echo("nothing is indexed yet")
        raise SystemExit(1)
    click.echo(f"chain {found.chain_id}, block {found.block_number}, 0x{found.block_hash.hex()}")
    click.echo(f"{found.head - found.block_number} blocks behind the head that was seen last")
    click.echo(f"{found.events} events, {found.reorgs} reorgs followed")


@command.command("verify")
def verify() -> None:
    """Compute what is derived anew, and look for gaps in the events. Ends with code 1 if anything differs."""
    found = _within_a_transaction(_verify_at_one_instant)
    for difference in found.differences:
        click.echo(difference)
    click.echo(f"{found.events} events: {'nothing differs' if found.ok else f'{len(found.differences)} differences'}")
    if not found.ok:
        raise SystemExit(1)


@command.command("rebuild")
@click.confirmation_option(prompt="Forget the copy and read the chain again from the deployment on?")
def rebuild() -> None:
    """Forget the copy; the next `greencore indexer` reads the chain from the deployment on. The indexer must not run."""
    _within_a_transaction(lambda session: upkeep.rebuild(session, [MirrorRegistry()]))
    click.echo("forgotten; start the indexer")


async def _verify_at_one_instant(session: AsyncSession) -> upkeep.Verification:
    """All of it as of one instant, though an indexer may be writing."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return await upkeep.verify(session)


def _within_a_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Do it on the database that the settings name. What goes wrong is told in one line, and ends with code 2."""
    url = read(Settings).database_url.get_secret_value()

    async def main() -> T:
        database = Database(url)
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.close()

    try:
        return asyncio.run(main())
    except (GreenCoreError, OSError) as error:
        fail(f"indexer: {error}")


async def index(settings: Settings, indexing: IndexerSettings) -> None:
    """Follow the chain until a signal. Raises NotFound without a deployment file, Stopped if going on would be guessing."""
    deployment = Deployment.load(settings.deployment)
    database = Database(settings.database_url.get_secret_value())
    indexer = Indexer(
        database, settings.rpc_url, deployment, [MirrorRegistry()], settings.make_clock(), settings=indexing
    )
    try:
        await run_until_signal(indexer.run())
    finally:
        await database.close()
