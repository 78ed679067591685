# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore indexer`."""

import click

from chain.deployment import Deployment
from flows.mirror_registry import MirrorRegistry
from greencore.roles.process import read, run
from indexer.service import Indexer
from indexer.settings import IndexerSettings
from kit.database import Database
from kit.settings import Settings
from kit.shutdown import run_until_signal


@click.command("indexer")
def command() -> None:
    """Copy the chain's logs into PostgreSQL and derive stations, balances and supplies from them."""
    settings = read(Settings)
    run("indexer", settings, index(settings, read(IndexerSettings)))


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
