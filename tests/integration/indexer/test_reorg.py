# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""When the chain changes its mind, the copy becomes what it would be had the old blocks never been."""

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import orjson
import pytest
from sqlalchemy import select, text

from greencore.embedded.anvil import Anvil
from greencore.embedded.ports import free_ports
from greencore.embedded.program import running
from indexer.errors import Stopped
from indexer.models import Cursor
from indexer.upkeep import rebuild
from kit.database import Database
from kit.outbox import OutboxEvent
from tests.conftest import Deployed, TestChain
from tests.integration.indexer.copies import assert_equal_to_chain, contents, make_indexer
from tests.integration.indexer.test_follow import Reports
from tests.integration.indexer.world import E, Refused, World

KWH = 10**9


async def with_slots(*databases: Database) -> None:
    for database in databases:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE slots (slot bigint PRIMARY KEY)"))


async def slots_of(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list(await session.scalars(text("SELECT slot FROM slots ORDER BY 1")))


async def reorgs(database: Database) -> int:
    async with database.transaction() as session:
        return (await session.scalars(select(Cursor.reorgs))).one()


async def test_reorg__takes_back_and_replays(own_world: World, database: Database, other_database: Database) -> None:
    world = own_world
    await with_slots(database, other_database)
    projection = Reports()
    home, farm = world.station(), world.station()
    world.report({home: 5 * KWH, farm: KWH})
    world.claim(home)
    indexer = make_indexer(world.deployed, database, projections=[projection])
    await indexer.catch_up()
    kept = await contents(database)
    world.claim(farm)
    world.transfer(world.owners[home, 1], world.actor(), E, KWH)
    world.report({home: KWH})
    await indexer.catch_up()
    assert await contents(database) != kept
    taken = int(world.call("eth_blockNumber"), 16)
    world.deployed.chain.reorg(taken - last_block(kept))
    world.deployed.chain.mine()
    await indexer.catch_up()
    assert await contents(database) == kept
    assert await reorgs(database) == 1
    async with database.transaction() as session:
        last = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()).limit(1))).one()
    assert last.subject == "event.indexer.reverted"
    assert orjson.loads(last.payload)["from_block"] == orjson.loads(last.payload)["kept_block"] + 1

    world.report({farm: KWH})
    world.claim(farm)
    await indexer.catch_up()
    await make_indexer(world.deployed, other_database, projections=[projection]).catch_up()
    assert await contents(database) == await contents(other_database)
    assert await slots_of(database) == await slots_of(other_database)
    await assert_equal_to_chain(world, database)


def last_block(copy: dict[str, list[tuple[object, ...]]]) -> int:
    return max(int(str(row[0])) for rows in (copy["indexer_transfer"], copy["indexer_minted"]) for row in rows)


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_reorgs__while_following(
    own_world: World, database: Database, other_database: Database, seed: int
) -> None:
    world = own_world
    await with_slots(database, other_database)
    chance = Random(seed)
    homes = [world.station() for _ in range(3)]
    holders = [world.actor() for _ in range(3)]
    for _ in range(10):
        world.deployed.chain.mine()
    task = asyncio.create_task(make_indexer(world.deployed, database, projections=[Reports()]).run())

    def act() -> None:
        kind = chance.randrange(5)
        with suppress(Refused):
            if kind == 0:
                world.report({home: chance.randrange(1, KWH) for home in homes})
            elif kind == 1 and world.tree is not None:
                world.claim(chance.choice(homes))
            elif kind == 2:
                giver = world.owners[chance.choice(homes), 1]
                world.transfer(giver, chance.choice(holders), E, chance.randrange(1, 1000))
            elif kind == 3:
                world.transfer(*chance.sample(holders, 2), E, chance.randrange(1, 1000))
            else:
                world.meter(chance.choice(homes))

    try:
        for _ in range(25):
            for _ in range(chance.randrange(1, 6)):
                act()
            if chance.random() < 0.5:
                await at_the_head(world, database, task)
            world.deployed.chain.reorg(chance.randrange(1, 9))
            await asyncio.sleep(chance.random() * 0.06)
        world.report(dict.fromkeys(homes, KWH))
        world.claim(homes[0])
        await at_the_head(world, database, task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert await reorgs(database) >= 10
    await make_indexer(world.deployed, other_database, projections=[Reports()]).catch_up()
    assert await contents(database) == await contents(other_database)
    assert await slots_of(database) == await slots_of(other_database)
    assert await assert_equal_to_chain(world, database) > 30


async def cursor_hash(database: Database) -> str:
    async with database.transaction() as session:
        found = await session.scalar(select(Cursor.block_hash))
        return "0x" + found.hex() if found else ""


async def at_the_head(world: World, database: Database, following: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(90):
        while await cursor_hash(database) != world.call("eth_getBlockByNumber", "latest", False)["hash"]:
            assert not following.done()
            await asyncio.sleep(0.02)


async def test_deeper_than_the_window__stops_and_rebuild_heals(own_world: World, database: Database) -> None:
    world = own_world
    home = world.station()
    for _ in range(6):
        world.report({home: KWH})
    indexer = make_indexer(world.deployed, database, window=4)
    await indexer.catch_up()
    before = await contents(database)
    world.deployed.chain.reorg(8)
    world.deployed.chain.mine()
    with pytest.raises(Stopped, match="greencore indexer rebuild"):
        await indexer.run()
    assert await contents(database) == before
    async with database.transaction() as session:
        await rebuild(session, [])
    await indexer.catch_up()
    await assert_equal_to_chain(world, database)


async def test_chain_restarted_from_an_older_state(
    deployment: Deployed, tmp_path: Path, database: Database, other_database: Database
) -> None:
    """First it looks like a node that lags, then it goes another way."""
    server = Anvil(tmp_path / "anvil", free_ports(1)[0], automine=True)
    with running(server.prepare(), tmp_path / "anvil.log"):
        server.call("anvil_loadState", deployment.chain.call("anvil_dumpState"))
        world = World(Deployed(TestChain(server), deployment.path))
        world.begin()
        home = world.station()
        world.report({home: KWH})
        world.claim(home)
        saved = server.call("anvil_dumpState")
        for _ in range(3):
            world.report({home: KWH})
            world.claim(home)
        indexer = make_indexer(world.deployed, database)
        end = await indexer.catch_up()
    (tmp_path / "anvil" / "state.json").unlink()
    with running(server.prepare(), tmp_path / "anvil.log"):
        server.call("anvil_loadState", saved)
        task = asyncio.create_task(indexer.run())
        try:
            await asyncio.sleep(0.3)
            assert not task.done()
            assert int(world.call("eth_blockNumber"), 16) < end.number
            world.registers[home, 1] = KWH
            world.call("anvil_autoImpersonateAccount", True)
            world.report({home: 2 * KWH})
            world.claim(home)
            await at_the_head(world, database, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert await reorgs(database) == 1
        await make_indexer(world.deployed, other_database).catch_up()
        assert await contents(database) == await contents(other_database)
        await assert_equal_to_chain(world, database)
