# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The indexer is killed at random instants: what it stored is whole, nothing is missing and nothing is there twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from random import Random

import orjson
from sqlalchemy import select

from indexer.models import Cursor
from kit.database import Database
from kit.outbox import OutboxEvent
from tests.conftest import ROOT
from tests.integration.indexer.copies import assert_equal_to_chain, contents, make_indexer
from tests.integration.indexer.world import E, World

KWH = 10**9
KILLS = 5


def start(world: World, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.indexer.process",
            url,
            world.deployed.rpc_url,
            str(world.deployed.path),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


async def position_of(database: Database) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(Cursor.block_number)) or 0


async def test_killed_at_random_instants(
    world: World, database_url: str, database: Database, other_database: Database
) -> None:
    chance = Random(5)
    homes = [world.station() for _ in range(4)]
    seen: list[int] = []
    process = start(world, database_url)
    try:
        for _ in range(KILLS):
            before = await position_of(database)
            async with asyncio.timeout(90):
                while await position_of(database) <= before:
                    world.report({home: chance.randrange(1, KWH) for home in homes})
                    for home in homes:
                        world.claim(home)
                    world.transfer(world.owners[homes[0], 1], world.actor(), E, 5)
                    await asyncio.sleep(chance.random() * 0.02)
            world.claim(homes[0])
            await asyncio.sleep(chance.random() * 0.03)
            process.send_signal(signal.SIGKILL)
            process.wait()
            seen.append(await position_of(database))
            process = start(world, database_url)
        assert seen == sorted(set(seen))
        head = int(world.call("eth_blockNumber"), 16)
        async with asyncio.timeout(90):
            while await position_of(database) < head:  # noqa: ASYNC110 (another process's row)
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        process.wait()

    await assert_equal_to_chain(world, database)
    await make_indexer(world.deployed, other_database).catch_up()
    assert await contents(database) == await contents(other_database)
    async with database.transaction() as session:
        told = Counter(
            (event.subject, payload["block_number"], payload["log_index"])
            for event in await session.scalars(select(OutboxEvent))
            for payload in [orjson.loads(event.payload)]
        )
    minted = len((await contents(database))["indexer_minted"])
    assert set(told.values()) == {1}
    assert sum(subject == "event.indexer.minted" for subject, *_ in told) == minted > KILLS
