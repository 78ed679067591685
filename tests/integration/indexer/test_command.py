# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator types and reads: `greencore indexer status`, `verify`, `rebuild`, and a role that can't go on."""

import asyncio
import sys
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import text

from greencore.cli import main
from indexer.service import Indexer
from kit.database import Database
from tests.integration.indexer.copies import contents
from tests.integration.indexer.world import World


async def typed(world: World, database: Database, *words: str) -> Result:
    environment = {
        "GREENCORE_DATABASE_URL": database.url,
        "GREENCORE_RPC_URL": world.deployed.rpc_url,
        "GREENCORE_DEPLOYMENT": str(world.deployed.path),
    }
    return await asyncio.to_thread(CliRunner(env=environment).invoke, main, ["indexer", *words])


async def test_status_verify_rebuild(world: World, database: Database, indexer: Indexer) -> None:
    before = await typed(world, database, "status")
    assert (before.exit_code, before.output) == (1, "the copy has not begun\n")
    home = world.station()
    world.report({home: 5})
    world.claim(home)
    end = await indexer.catch_up()
    held = await contents(database)

    status = await typed(world, database, "status")
    assert status.exit_code == 0
    assert f"block {end.number} of {end.number}  hash 0x{end.hash.hex()}" in status.output
    verified = await typed(world, database, "verify")
    assert verified.exit_code == 0
    assert verified.output.endswith(" events, 0 differences\n")

    async with database.transaction() as session:
        await session.execute(text("UPDATE indexer_balance SET balance = balance + 1"))
    damaged = await typed(world, database, "verify")
    assert damaged.exit_code == 1
    assert "indexer_balance: owner 0x" in damaged.output

    assert (await typed(world, database, "rebuild")).exit_code == 0
    assert (await typed(world, database, "status")).exit_code == 1
    await indexer.catch_up()
    assert await contents(database) == held


async def test_role_that_can_not_go_on__one_line_and_code_2(world: World, database: Database, indexer: Indexer) -> None:
    await indexer.catch_up()
    async with database.transaction() as session:
        await session.execute(text("UPDATE indexer_cursor SET fingerprint = 'other'"))
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "greencore"),
        "indexer",
        env={
            "GREENCORE_DATABASE_URL": database.url,
            "GREENCORE_RPC_URL": world.deployed.rpc_url,
            "GREENCORE_DEPLOYMENT": str(world.deployed.path),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert told.decode().splitlines()[-1].startswith("indexer: this database holds the events of other contracts")
    assert b"Traceback" not in told
