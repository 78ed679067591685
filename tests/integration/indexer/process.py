# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An indexer as a process of its own, to be killed: `python process.py <database url> <rpc url> <deployment file>`."""

import asyncio
import sys
from pathlib import Path

from chain.deployment import Deployment
from indexer.service import Indexer
from indexer.settings import IndexerSettings
from kit.clock import SystemClock
from kit.database import Database


async def main(database_url: str, rpc_url: str, path: str) -> None:
    database = Database(database_url)
    settings = IndexerSettings(poll_seconds=0.01, events_per_batch=20, margin=4)
    await Indexer(database, rpc_url, Deployment.load(Path(path)), [], SystemClock(), settings=settings).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
