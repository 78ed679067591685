# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A copy of a real chain: every event once, balances as the chain has them, events told, and from any point onwards."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import select, text

from chain.client import batch_id
from indexer.errors import Stopped
from indexer.models import (
    Balance,
    MintedRow,
    OtherRow,
    ReportRow,
    Settled,
    StationRow,
    TenureRow,
    Transaction,
    TransferRow,
)
from indexer.projection import DecodedLog
from indexer.service import Indexer
from indexer.upkeep import status
from kit.database import Database
from kit.outbox import OutboxEvent
from tests.integration.indexer.copies import assert_equal_to_chain, contents, make_indexer
from tests.integration.indexer.world import E, World

KWH = 10**9


async def test_everything_that_happens(world: World, database: Database, indexer: Indexer) -> None:
    home, farm = world.station(), world.station()
    content = world.report({home: 5 * KWH, farm: 3 * KWH + 1})
    claimed = world.claim(home)
    world.claim(farm, batch=True)
    owner, farmer, friend = world.owners[home, 1], world.owners[farm, 1], world.actor()
    world.transfer(owner, friend, E, KWH)
    world.transfer(friend, friend, E, 7)
    batch = batch_id(E, content.slot)
    world.send(farmer, "EnergyToken", "safeBatchTransferFrom", farmer, friend, [batch, batch], [1, 2], b"")
    world.send(farmer, "EnergyToken", "fuse", batch, KWH)
    world.send(friend, "EnergyToken", "burn", E, 5)
    world.send(owner, "EnergyToken", "setApprovalForAll", friend, True)
    world.hand_over(home)

    end = await indexer.catch_up()
    assert end.number == int(world.call("eth_blockNumber"), 16)
    assert await assert_equal_to_chain(world, database) > 20

    async with database.transaction() as session:
        report = (await session.scalars(select(ReportRow))).one()
        assert (report.content_hash, report.total, report.stations) == (content.hash(), 8 * KWH + 1, 2)
        mint = (await session.scalars(select(MintedRow).where(MintedRow.station == home))).one()
        assert (mint.from_register, mint.to_register, mint.owner) == (0, 5 * KWH, owner)
        assert mint.to_owner + mint.reserve == 5 * KWH
        block = world.call("eth_getBlockByNumber", claimed["blockNumber"], False)
        assert mint.block_time == datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
        cost = await session.get_one(Transaction, mint.tx_hash)
        assert (cost.gas_used, "0x" + cost.hash.hex()) == (int(claimed["gasUsed"], 16), claimed["transactionHash"])
        assert (await session.get_one(Settled, (E, home, 1))).register == 5 * KWH
        assert (await session.get_one(Balance, (friend, batch))).balance == 3
        items = (await session.scalars(select(TransferRow.item).where(TransferRow.receiver == friend))).all()
        assert sorted(items) == [0, 0, 0, 1]
        assert (await session.scalars(select(StationRow.station))).all() == [home, farm]
        assert (await session.scalars(select(TenureRow.tenure))).all() == [2]
        fused = (await session.scalars(select(OtherRow).where(OtherRow.event == "Fused"))).one()
        assert (fused.contract, fused.args["amount"]) == ("EnergyToken", str(KWH))


async def test_events_told__once_and_with_the_data(world: World, database: Database, indexer: Indexer) -> None:
    home = world.station()
    content = world.report({home: 5 * KWH})
    world.claim(home)
    await indexer.catch_up()
    await indexer.catch_up()
    async with database.transaction() as session:
        events = list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))
    assert [event.subject for event in events] == ["event.indexer.report_accepted", "event.indexer.minted"]
    report, mint = (orjson.loads(event.payload) for event in events)
    assert (report["content_hash"], report["increase_uwh"]) == ("0x" + content.hash().hex(), str(5 * KWH))
    assert (report["slot"], report["data_hash"]) == (content.slot, "0x" + content.data_hash.hex())
    assert (mint["station"], mint["tenure"], mint["slot"]) == (str(home), 1, content.slot)
    assert (mint["from_register_uwh"], mint["to_register_uwh"]) == ("0", str(5 * KWH))
    assert int(mint["to_owner_uwh"]) + int(mint["reserve_uwh"]) == 5 * KWH
    assert mint["owner"] == "0x" + world.owners[home, 1].hex()


async def test_silent_database__tells_nothing(world: World, database: Database) -> None:
    home = world.station()
    world.report({home: KWH})
    quiet = make_indexer(world.deployed, database)
    quiet._announce = False
    await quiet.catch_up()
    async with database.transaction() as session:
        assert (await session.scalars(select(OutboxEvent))).all() == []
        assert len((await session.scalars(select(ReportRow))).all()) == 1


@pytest.mark.parametrize(
    "settings", [{"margin": 1, "events_per_batch": 1}, {"margin": 1, "in_flight": 1}, {"margin": 1000}]
)
async def test_ranges_and_tip__same_copy(
    world: World, database: Database, other_database: Database, settings: dict[str, int]
) -> None:
    homes = [world.station() for _ in range(3)]
    for round_ in range(3):
        world.report(dict.fromkeys(homes, KWH * (round_ + 1)))
        for home in homes:
            world.claim(home)
    await make_indexer(world.deployed, database).catch_up()
    await make_indexer(world.deployed, other_database, **settings).catch_up()
    assert await contents(database) == await contents(other_database)
    await assert_equal_to_chain(world, other_database)


async def test_following_the_tip__rows_appear_soon(world: World, database: Database, indexer: Indexer) -> None:
    home = world.station()
    running = asyncio.create_task(indexer.run())
    try:
        for round_ in range(1, 6):
            content = world.report({home: KWH})
            async with asyncio.timeout(90):
                while True:
                    async with database.transaction() as session:
                        if await session.scalar(select(ReportRow.total).where(ReportRow.slot == content.slot)):
                            break
                    await asyncio.sleep(0.02)
            async with database.transaction() as session:
                told = await status(session)
            assert told is not None
            assert told.block_number == told.head == int(world.call("eth_blockNumber"), 16)
            assert round_ * KWH == content.total
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_two_indexers__one_writes_and_the_other_takes_over(world: World, database: Database) -> None:
    first, second = (make_indexer(world.deployed, database) for _ in range(2))
    home = world.station()
    tasks = [asyncio.create_task(first.run()), asyncio.create_task(second.run())]
    try:
        for _ in range(5):
            world.report({home: KWH})
            world.claim(home)
            await asyncio.sleep(0.1)
        tasks[0].cancel()
        world.report({home: KWH})
        world.claim(home)
        async with asyncio.timeout(90):
            while True:
                async with database.transaction() as session:
                    if (await session.get_one(Settled, (E, home, 1))).register == 6 * KWH:
                        break
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await assert_equal_to_chain(world, database)


class Reports:
    """A projection that keeps the slots it was told of."""

    name = "slots"
    events = frozenset({"Oracle.ReportAccepted"})

    def __init__(self) -> None:
        self.fails = 0

    async def apply(self, session, logs: list[DecodedLog]) -> None:  # type: ignore[no-untyped-def]
        for log in logs:
            await session.execute(text("INSERT INTO slots VALUES (:slot)"), {"slot": log.args["slot"]})
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the projection failed")

    async def revert(self, session, from_block: int) -> None:  # type: ignore[no-untyped-def]
        gone = text("DELETE FROM slots WHERE slot IN (SELECT slot FROM indexer_report WHERE block_number >= :b)")
        await session.execute(gone, {"b": from_block})


async def test_projection__commits_with_the_events_or_not_at_all(world: World, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE slots (slot bigint PRIMARY KEY)"))
    home = world.station()
    slots = [world.report({home: KWH}).slot for _ in range(3)]
    projection = Reports()
    projection.fails = 1
    indexer = make_indexer(world.deployed, database, projections=[projection])
    with pytest.raises(RuntimeError, match="projection failed"):
        await indexer.catch_up()
    async with database.transaction() as session:
        assert (await session.scalars(select(ReportRow))).all() == []
        assert (await session.scalars(text("SELECT slot FROM slots"))).all() == []
    await indexer.catch_up()
    async with database.transaction() as session:
        assert (await session.scalars(text("SELECT slot FROM slots ORDER BY 1"))).all() == slots


def test_projection_of_an_unknown_event__refused(world: World, database: Database) -> None:
    projection = Reports()
    projection.events = frozenset({"Oracle.ReportAcepted"})
    with pytest.raises(ValueError, match="ReportAcepted"):
        make_indexer(world.deployed, database, projections=[projection])


async def test_other_contracts__stops_and_tells_what_to_do(world: World, database: Database, indexer: Indexer) -> None:
    await indexer.catch_up()
    async with database.transaction() as session:
        await session.execute(text("UPDATE indexer_cursor SET fingerprint = 'other'"))
    with pytest.raises(Stopped, match="greencore indexer rebuild"):
        await indexer.run()
