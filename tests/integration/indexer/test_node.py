# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that lag, limit, shuffle, repeat, leave out, or are away: the copy is right or it stops, never wrong in silence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from sqlalchemy import select, text

from indexer.bloom import bits_of
from indexer.errors import LogsMissing, NodeBehind, NodeUnavailable
from indexer.models import Cursor
from indexer.upkeep import verify
from kit.database import Database
from tests.integration.indexer.copies import assert_equal_to_chain, contents, make_indexer
from tests.integration.indexer.proxy import Answer, Proxy, Question, asked_block, proxy_to
from tests.integration.indexer.world import E, World

KWH = 10**9


@pytest.fixture
async def proxy(world: World) -> AsyncIterator[Proxy]:
    async with proxy_to(world.deployed.rpc_url) as made:
        yield made


def lag(world: World, behind_at: int) -> Callable[[Question, Answer], Answer]:
    """Answers as a node whose newest block is `behind_at`."""

    def spoil(question: Question, answer: Answer) -> Answer:
        asked = asked_block(question)
        if asked == "latest":
            return {**answer, "result": world.call("eth_getBlockByNumber", hex(behind_at), False)}
        if asked and int(asked, 16) > behind_at:
            return {**answer, "result": None}
        return answer

    return spoil


async def cursor_of(database: Database) -> tuple[int, int]:
    async with database.transaction() as session:
        cursor = (await session.scalars(select(Cursor))).one()
        return cursor.block_number, cursor.reorgs


async def test_lagging_node__is_not_a_reorg(world: World, database: Database, proxy: Proxy) -> None:
    home = world.station()
    world.report({home: KWH})
    world.claim(home)
    indexer = make_indexer(world.deployed, database, rpc_url=proxy.url)
    end = await indexer.catch_up()
    before = await contents(database)
    for behind in (1, 3, 7):
        proxy.spoil = lag(world, end.number - behind)
        with pytest.raises(NodeBehind):
            await indexer.catch_up()
    assert await contents(database) == before
    assert await cursor_of(database) == (end.number, 0)
    proxy.spoil = lambda _, answer: answer
    world.report({home: KWH})
    await indexer.catch_up()
    assert (await cursor_of(database))[1] == 0
    await assert_equal_to_chain(world, database)


async def test_node_that_lacks_a_header_it_announced__waited_for(
    world: World, database: Database, proxy: Proxy
) -> None:
    home = world.station()
    world.report({home: KWH})
    head = int(world.call("eth_blockNumber"), 16)

    def spoil(question: Question, answer: Answer) -> Answer:
        asked = asked_block(question)
        return {**answer, "result": None} if asked not in ("", "latest") and int(asked, 16) == head - 1 else answer

    indexer = make_indexer(world.deployed, database, rpc_url=proxy.url)
    proxy.spoil = spoil
    with pytest.raises(NodeBehind):
        await indexer.catch_up()
    proxy.spoil = lambda _, answer: answer
    await indexer.catch_up()
    await assert_equal_to_chain(world, database)


async def test_node_that_limits_ranges__asked_for_less(world: World, database: Database, proxy: Proxy) -> None:
    homes = [world.station() for _ in range(6)]
    world.report(dict.fromkeys(homes, KWH))
    for home in homes:
        world.claim(home)

    def spoil(question: Question, answer: Answer) -> Answer:
        if question["method"] == "eth_getLogs" and len(answer["result"]) > 16 and "fromBlock" in question["params"][0]:
            return {
                "jsonrpc": "2.0",
                "id": answer["id"],
                "error": {"code": -32005, "message": "query returned more than 16 results"},
            }
        return answer

    proxy.spoil = spoil
    await make_indexer(world.deployed, database, rpc_url=proxy.url, margin=1).catch_up()
    assert proxy.questions["eth_getLogs"] > 3
    await assert_equal_to_chain(world, database)


async def test_node_that_fails_at_long_ranges_without_a_reason__asked_for_less(
    world: World, database: Database, proxy: Proxy
) -> None:
    home = world.station()
    for _ in range(4):
        world.report({home: KWH})
        world.claim(home)

    def spoil(question: Question, answer: Answer) -> Answer:
        where = question["params"][0] if question["method"] == "eth_getLogs" else {}
        if "fromBlock" in where and int(where["toBlock"], 16) - int(where["fromBlock"], 16) > 4:
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32000, "message": "busy"}}
        return answer

    proxy.spoil = spoil
    task = asyncio.create_task(make_indexer(world.deployed, database, rpc_url=proxy.url, margin=1).run())
    try:
        head = int(world.call("eth_blockNumber"), 16)
        async with asyncio.timeout(90):
            while await reached(database) < head:  # noqa: ASYNC110 (a row, no event)
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await assert_equal_to_chain(world, database)


async def reached(database: Database) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(Cursor.block_number)) or 0


async def test_logs_in_wrong_order_and_without_times__same_copy(
    world: World, database: Database, other_database: Database, proxy: Proxy
) -> None:
    homes = [world.station() for _ in range(3)]
    world.report(dict.fromkeys(homes, KWH))
    for home in homes:
        world.claim(home)

    def spoil(question: Question, answer: Answer) -> Answer:
        if question["method"] != "eth_getLogs":
            return answer
        told = [{k: v for k, v in log.items() if k != "blockTimestamp"} for log in reversed(answer["result"])]
        return {**answer, "result": told}

    proxy.spoil = spoil
    await make_indexer(world.deployed, other_database, rpc_url=proxy.url, margin=1).catch_up()
    await make_indexer(world.deployed, database).catch_up()
    assert await contents(other_database) == await contents(database)


@pytest.mark.parametrize("margin", [1, 64])
async def test_log_told_twice__nothing_stored(world: World, database: Database, proxy: Proxy, margin: int) -> None:
    world.station()

    def spoil(question: Question, answer: Answer) -> Answer:
        return {**answer, "result": answer["result"] * 2} if question["method"] == "eth_getLogs" else answer

    proxy.spoil = spoil
    indexer = make_indexer(world.deployed, database, rpc_url=proxy.url, margin=margin)
    with pytest.raises(NodeUnavailable, match="twice"):
        await indexer.catch_up()
    async with database.transaction() as session:
        assert (await verify(session)).events == 0


def leaving_out(world: World, transaction: str, contract: str, event: str) -> Callable[[Question, Answer], Answer]:
    """Answers as a node that lost one transaction's logs of an event."""
    topic = world.topic(contract, event)

    def spoil(question: Question, answer: Answer) -> Answer:
        if question["method"] != "eth_getLogs":
            return answer
        lost = [log["transactionHash"] == transaction and log["topics"][0] == topic for log in answer["result"]]
        return {**answer, "result": [log for log, gone in zip(answer["result"], lost, strict=True) if not gone]}

    return spoil


EVENTS = [("Treasury", "Minted"), ("EnergyToken", "TransferSingle")]


@pytest.mark.parametrize(("contract", "event"), EVENTS)
async def test_tip__log_left_out__noticed_by_the_bloom_filter(
    world: World, database: Database, proxy: Proxy, contract: str, event: str
) -> None:
    home = world.station()
    world.report({home: KWH})
    proxy.spoil = leaving_out(world, world.claim(home)["transactionHash"], contract, event)
    indexer = make_indexer(world.deployed, database, rpc_url=proxy.url, margin=1_000)  # all of it is the tip
    with pytest.raises(NodeUnavailable, match="left logs of block"):
        await indexer.catch_up()
    async with database.transaction() as session:
        assert (await verify(session)).events == 0
    proxy.spoil = lambda _, answer: answer
    await indexer.catch_up()
    await assert_equal_to_chain(world, database)


@pytest.mark.parametrize(("contract", "event"), EVENTS)
async def test_range__log_left_out__stops_where_the_sums_show_it(
    world: World, database: Database, proxy: Proxy, contract: str, event: str
) -> None:
    home = world.station()
    world.report({home: KWH})
    proxy.spoil = leaving_out(world, world.claim(home)["transactionHash"], contract, event)
    if event == "Minted":
        world.report({home: KWH})
        world.claim(home)
    else:
        world.transfer(world.owners[home, 1], world.actor(), E, 10)
    world.deployed.chain.mine()
    indexer = make_indexer(world.deployed, database, rpc_url=proxy.url, margin=1)
    with pytest.raises(LogsMissing, match="leaves"):
        async with asyncio.timeout(90):
            await indexer.run()


async def test_bits_of_our_events__are_the_header_s(world: World) -> None:
    home = world.station()
    world.report({home: KWH})
    block = world.claim(home)["blockNumber"]
    header = world.call("eth_getBlockByNumber", block, False)
    logs = world.call("eth_getLogs", {"fromBlock": block, "toBlock": block})
    held = 0
    for log in logs:
        for text_ in (log["address"], *log["topics"]):
            held |= bits_of(bytes.fromhex(text_[2:]))
    assert len(logs) >= 2
    assert held == int(header["logsBloom"], 16)


async def test_node_and_database_away_for_a_while__goes_on(world: World, database: Database, proxy: Proxy) -> None:
    home = world.station()
    running = asyncio.create_task(make_indexer(world.deployed, database, rpc_url=proxy.url).run())
    try:
        for trouble in ("none", "node", "database", "none"):
            if trouble == "node":
                proxy.status = 503
            world.report({home: KWH})
            world.claim(home)
            if trouble == "database":
                async with database.transaction() as session:
                    others = "datname = current_database() AND pid <> pg_backend_pid()"
                    await session.execute(
                        text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
                    )
            await asyncio.sleep(0.3)
            proxy.status = 200
        async with asyncio.timeout(90):
            while (await cursor_of(database))[0] < int(world.call("eth_blockNumber"), 16):  # noqa: ASYNC110 (a row, no event)
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await assert_equal_to_chain(world, database)
