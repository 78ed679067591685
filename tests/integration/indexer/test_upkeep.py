# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`verify` finds every kind of damage and names it; `rebuild` starts over, but not under a running indexer."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text

from indexer.errors import Stopped
from indexer.service import Indexer
from indexer.upkeep import rebuild, status, verify
from kit.database import Database
from tests.integration.indexer.copies import assert_equal_to_chain, contents, make_indexer
from tests.integration.indexer.world import E, World

KWH = 10**9


@pytest.fixture
async def filled(world: World, database: Database, indexer: Indexer) -> Database:
    home, farm = world.station(), world.station()
    for _ in range(3):
        world.report({home: KWH, farm: KWH})
        world.claim(home)
    world.claim(farm)
    world.transfer(world.owners[home, 1], world.owners[farm, 1], E, 10)
    await indexer.catch_up()
    return database


DAMAGE = {
    "UPDATE indexer_balance SET balance = balance + 1": "indexer_balance: owner 0x.*, token_id 1: balance is",
    "DELETE FROM indexer_balance": "indexer_balance",
    "INSERT INTO indexer_balance VALUES ('x', 3, 9)": "token_id 3: balance is 9, by the events 0",
    "UPDATE indexer_supply SET burned = 4": "indexer_supply: token_id 1",
    "UPDATE indexer_settled SET reserve = 0": "indexer_settled: utility 1, station .*reserve is 0",
    "UPDATE indexer_transfer SET value = value + 1": "indexer_balance",
    "DELETE FROM indexer_minted WHERE from_register = 1000000000": "does not continue the one before",
    "UPDATE indexer_minted SET to_owner = to_owner + 1": "does not continue the one before",
    "DELETE FROM indexer_report WHERE total = 4000000000": "does not follow the report before",
    "UPDATE indexer_report SET increase = 1 WHERE total = 4000000000": "does not follow the report before",
    "UPDATE indexer_cursor SET block_number = block_number - 1": "the cursor stands at",
    "DELETE FROM indexer_block WHERE number = (SELECT max(number) FROM indexer_block)": "indexer_block",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_verify__finds_damage(filled: Database, damage: str) -> None:
    async with filled.transaction() as session:
        assert (await verify(session)).ok
    async with filled.transaction() as session:
        await session.execute(text(damage))
    async with filled.transaction() as session:
        found = await verify(session)
    assert not found.ok
    with pytest.raises(AssertionError, match=DAMAGE[damage]):
        raise AssertionError("\n".join(found.differences))


async def test_rebuild__same_copy(world: World, filled: Database, indexer: Indexer) -> None:
    before = await contents(filled)
    async with filled.transaction() as session:
        await rebuild(session, [])
    async with filled.transaction() as session:
        assert await status(session) is None
        assert (await verify(session)).events == 0
    await indexer.catch_up()
    assert await contents(filled) == before
    await assert_equal_to_chain(world, filled)


async def test_rebuild__under_a_running_indexer__refused(world: World, filled: Database) -> None:
    before = await contents(filled)
    task = asyncio.create_task(make_indexer(world.deployed, filled).run())
    try:
        await asyncio.sleep(0.3)
        with pytest.raises(Stopped, match="stop it first"):
            async with filled.transaction() as session:
                await rebuild(session, [])
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert await contents(filled) == before
