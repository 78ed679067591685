# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From an accepted report to tokens, with everything that may go wrong on the way."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chain.transactions import TransactionSender
from flows import leaves
from flows.mint_energy import CLAIM, FETCH, MARK, Keeper, report_at
from flows.reconcile import reconcile, stored
from kit.errors import NotFound, Unavailable
from kit.units import UWH_PER_WH
from tests.integration.flows.platform import PAYER, Platform
from tests.integration.oracle.grid import E, Station, account

KWH = 1_000 * UWH_PER_WH


async def reported(platform: Platform, *stations: Station, wh: int = 1_000) -> int:
    """One slot in which every station delivers, reported. Returns the slot."""
    slot = platform.grid.pass_slots()
    await platform.hear(*(station.reading(slot, wh) for station in stations))
    attempt = await platform.grid.report(slot)
    assert attempt.succeeded
    return slot


async def test_a_kilowatt_hour_becomes_a_token(platform: Platform) -> None:
    first, second = await platform.add_station(), await platform.add_station()
    slot = await reported(platform, first, second)
    await platform.settle()
    for station in (first, second):
        assert (await platform.settled(station)).register == KWH
        (interval,) = await platform.intervals(station.id)
        assert (interval.slot, interval.state, interval.e_net_uwh) == (slot, "MINTED", KWH)
        assert interval.minted_tx is not None
        receipt = await platform.grid.rpc.receipt("0x" + interval.minted_tx.hex())
        assert receipt is not None
        assert int(receipt["status"], 16) == 1
    owner = bytes.fromhex(account(8).address[2:])
    reserve = await platform.grid.treasury.reserve(E)
    assert 2 * KWH // 100 <= reserve <= 2 * KWH * 3 // 100
    assert await platform.grid.token.balance_of(owner, E) == 2 * KWH - reserve
    assert await platform.waiting_jobs() == []


async def test_every_step_again_mints_nothing_and_sends_nothing(platform: Platform) -> None:
    station = await platform.add_station()
    slot = await reported(platform, station)
    messages = await platform.told()
    for _ in range(2):
        await platform.story.on_events(messages)
        await platform.work()
    await platform.settle()
    sent = await platform.grid.rpc.nonce(account(PAYER).address)
    await platform.story.claim_due(E, slot)
    await platform.story.fetch_leaves(E, slot)
    await platform.work()
    assert await platform.grid.rpc.nonce(account(PAYER).address) == sent
    assert await platform.grid.treasury.minted(E) == KWH
    assert (await platform.intervals(station.id))[0].state == "MINTED"


async def test_claims_follow_the_schedule_and_one_settles_all(platform: Platform) -> None:
    platform.every = 5  # a round of these tests takes two slots
    station = await platform.add_station()
    await reported(platform, station)
    await platform.settle()
    assert (await platform.settled(station)).register == KWH  # the first is always due
    for _ in range(2):
        await reported(platform, station)
        await platform.settle()
        assert (await platform.settled(station)).register == KWH
    await reported(platform, station)
    await platform.settle()
    assert (await platform.settled(station)).register == 4 * KWH
    assert {interval.state for interval in await platform.intervals(station.id)} == {"MINTED"}


async def test_a_deficit_mints_nothing_and_its_interval_is_settled_with_the_next_claim(platform: Platform) -> None:
    station = await platform.add_station()
    slots = []

    async def after(wh: int) -> list[str]:
        slots.append(await reported(platform, station, wh=wh))
        await platform.settle()
        return [row.state for row in await platform.intervals(station.id) if row.slot in slots]

    assert await after(1_000) == ["MINTED"]
    assert await after(-400) == ["MINTED", "PROCESSING"]
    assert (await platform.settled(station)).register == KWH
    assert await after(1_000) == ["MINTED"] * 3
    assert (await platform.settled(station)).register == 1_600 * UWH_PER_WH


@pytest.fixture
async def liar() -> AsyncIterator[str]:
    """A node that answers with leaves of its own."""

    async def answer(_: Request) -> Response:
        return Response(b"greencore.leaves.v1\nreadings,0x" + b"00" * 32 + b"\n")

    app = Starlette(routes=[Route("/files/{hash}", answer)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server._serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110  (uvicorn tells it by an attribute only)
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await task
    listening.close()


async def test_leaves_are_believed_by_their_hash_not_by_who_sent_them(platform: Platform, liar: str) -> None:
    station = await platform.add_station()
    honest = platform.nodes
    slot = await reported(platform, station)
    messages = await platform.told()
    platform.nodes = [liar, "http://127.0.0.1:9"]
    await platform.story.on_events(messages)
    await platform.work()
    assert await platform.waiting_jobs() == [(FETCH, "todo")]  # tried, and waiting to be tried again
    with pytest.raises(Unavailable, match="no node has"):
        await platform.story.fetch_leaves(E, slot)
    platform.nodes = [liar, *honest]
    await platform.story.fetch_leaves(E, slot)
    await platform.work()
    assert (await platform.settled(station)).register == KWH


class Breaks(TransactionSender):
    """A sender whose node goes away after the first transaction."""

    sent = 0

    async def send(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def,override]
        if self.sent:
            raise Unavailable("chain.unavailable", "gone")
        self.sent += 1
        return await super().send(*args, **kwargs)  # type: ignore[arg-type]


async def test_claims_that_were_cut_off_go_on_where_they_stopped(platform: Platform) -> None:
    stations = [await platform.add_station() for _ in range(3)]
    slot = await reported(platform, *stations)
    whole, grid = platform.keeper, platform.grid
    breaks = Breaks(grid.rpc, account(PAYER), chain_id=grid.deployment.chain_id)
    platform.keeper = Keeper(grid.oracle, grid.treasury, breaks)
    await platform.story.on_events(await platform.told())
    await platform.work()
    assert await grid.treasury.minted(E) == KWH
    assert (CLAIM, "todo") in await platform.waiting_jobs()
    platform.keeper = whole
    await platform.story.claim_due(E, slot)
    assert await grid.treasury.minted(E) == 3 * KWH
    assert await grid.rpc.nonce(account(PAYER).address) == 3


async def test_a_lost_event_is_found_by_the_sweep(platform: Platform) -> None:
    station = await platform.add_station()
    await reported(platform, station)
    await platform.told()  # and nobody heard
    assert await platform.story.sweep() == 1
    await platform.work()
    assert (await platform.settled(station)).register == KWH
    await platform.settle()
    assert await platform.story.sweep() == 0


async def test_a_mint_that_the_chain_took_back_is_claimed_again(platform: Platform) -> None:
    station = await platform.add_station()
    await reported(platform, station)
    await platform.settle()
    assert (await platform.intervals(station.id))[0].minted_tx is not None
    platform.grid.chain.reorg(1)
    assert (await platform.settled(station)).register == 0
    platform.grid.chain.mine()
    await platform.settle()
    assert (await platform.intervals(station.id))[0].minted_tx is None
    assert await platform.story.sweep() == 1
    await platform.work()
    await platform.settle()
    assert (await platform.settled(station)).register == KWH
    (interval,) = await platform.intervals(station.id)
    # by the same transaction or another: with the same nonce and fee the same bytes are signed again
    assert interval.state == "MINTED"
    assert interval.minted_tx is not None


async def test_a_mint_is_marked_only_when_its_leaves_are_here(platform: Platform) -> None:
    station = await platform.add_station()
    slot = await reported(platform, station)
    await platform.told()
    await platform.grid.claim(slot, station)  # anybody may
    (message,) = await platform.told()
    await platform.story.on_events([message])
    await platform.work()
    assert await platform.waiting_jobs() == [(MARK, "todo")]
    await platform.story.sweep()
    await platform.work()
    assert (await platform.intervals(station.id))[0].state == "PROCESSING"


async def test_the_books_agree_wait_and_break(platform: Platform) -> None:
    grid, station = platform.grid, await platform.add_station()

    async def verdict() -> tuple[str, int]:
        async with platform.database.transaction() as session:
            ours = await stored(session, utility=E)
        books = await reconcile(ours, grid.oracle, grid.treasury)
        return books.verdict, len(books.findings)

    with pytest.raises(NotFound, match="nothing is indexed"):
        await verdict()
    await platform.indexer.catch_up()
    assert await verdict() == ("reconciled", 0)
    slot = await reported(platform, station)
    await platform.indexer.catch_up()
    assert await verdict() == ("reconciled", 0)  # as of the block before the report whose leaves are not here yet
    platform.keeper = Keeper(grid.oracle, grid.treasury, Breaks(grid.rpc, account(PAYER), chain_id=31337))
    async with platform.database.transaction() as session:
        report = await report_at(session, E, slot)
        assert report is not None
    await platform.story.fetch_leaves(E, slot)
    assert await verdict() == ("waiting", 0)
    await platform.work()
    assert await verdict() == ("waiting", 0)  # the claim is mined, the indexer has not seen its block
    await platform.indexer.catch_up()
    assert await verdict() == ("reconciled", 0)
    async with platform.database.transaction() as session:
        stored_leaves = await leaves.load(session, report)
        assert stored_leaves.leaves[0].mintable == KWH
        ours = await stored(session, utility=E)
    forged = replace(ours, leaves=(), indexed={}, supply_units=10 * KWH)
    books = await reconcile(forged, grid.oracle, grid.treasury)
    assert (books.verdict, len(books.findings)) == ("broken", 3)
