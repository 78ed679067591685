# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A standing order is carried out as energy is minted, once, whatever is repeated, refused or taken back."""

from dataclasses import dataclass, replace

import pytest
from eth_utils.address import to_checksum_address

from chain.client import Contract
from chain.deployment import DeployedContract
from flows.standing_deposits import DEPOSIT, Depositor, StandingDeposits, known_orders
from indexer.events import MINTED
from indexer.service import Indexer
from kit import jobs
from kit.ids import address_bytes
from kit.stream import Message
from kit.units import UWH_PER_WH
from scripts._source import creation
from tests.integration.flows.platform import PAYER, Platform
from tests.integration.oracle.grid import E, Station, account

KWH = 1_000 * UWH_PER_WH
OWNER = 8
LOCKED = 10**6  # what the first deposit ever leaves in the index


@dataclass
class Index:
    """The platform with an index of its own on the same chain, and the story's steps."""

    on: Platform
    gcm: Contract
    deposits: StandingDeposits

    async def mint(self, station: Station, *, wh: int = 1_000) -> list[Message]:
        """One more slot becomes tokens; what the indexer told of it."""
        slot = self.on.grid.pass_slots()
        await self.on.hear(station.reading(slot, wh))
        assert (await self.on.grid.report(slot)).succeeded
        told: list[Message] = []
        while messages := await self.on.told():
            told += messages
            await self.on.story.on_events(messages)
            await self.on.work()
        return [message for message in told if message.subject == MINTED]

    async def send(self, number: int, contract: Contract, function: str, *arguments: object) -> None:
        """A transaction of a development account."""
        await self.on.grid.sender(number).send(contract.address, contract.abi.encode_call(function, *arguments))

    async def order(self, station: Station) -> None:
        """The owner leaves an order and allows it, and the indexer has seen both."""
        await self.send(OWNER, self.on.grid.token, "setApprovalForAll", address_bytes(self.gcm.address), True)
        await self.send(OWNER, self.gcm, "set_standing", E, station.id.int, 1, True)
        await self.on.told()

    async def work(self, messages: list[Message]) -> None:
        """Events, then every job that is due."""
        await self.deposits.on_events(messages)
        app = jobs.make_app(self.on.database_url)
        self.deposits.register(app)
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    async def basket(self) -> int:
        """E in the basket, µWh."""
        return int((await self.gcm.read("basket"))[E])

    async def held(self) -> int:
        """E that the owner has, µWh."""
        return await self.on.grid.token.balance_of(address_bytes(account(OWNER).address), E)

    async def sent(self) -> int:
        """How many transactions were paid for."""
        return await self.on.grid.rpc.nonce(account(PAYER).address)


@pytest.fixture
async def index(platform: Platform) -> Index:
    grid = platform.grid
    raw = [grid.deployment.contract(name).raw for name in ("EnergyToken", "Registry", "Guard")]
    code = creation("GCM", ["0x" + address.hex() for address in raw])
    sent = grid.chain.call("eth_sendTransaction", {"from": account(0).address, "data": "0x" + code.hex()})
    grid.chain.mine()  # in this block or the one before it
    receipt = await grid.rpc.receipt(sent)
    assert receipt is not None
    made = DeployedContract("GCM", to_checksum_address(receipt["contractAddress"]), int(receipt["blockNumber"], 16))
    deployment = replace(grid.deployment, contracts={**grid.deployment.contracts, "GCM": made})
    platform.indexer = Indexer(platform.database, grid.rpc_url, deployment, [], grid.clock)
    gcm = Contract(grid.rpc, deployment, "GCM")

    async def depositor() -> Depositor:
        return Depositor(gcm, grid.treasury, grid.sender(PAYER))

    return Index(platform, gcm, StandingDeposits(platform.database, depositor))


async def test_what_is_minted_is_deposited_once(index: Index) -> None:
    station, other = await index.on.add_station(), await index.on.add_station()
    before = await index.mint(station)
    await index.order(station)
    await index.work(before)  # minted before the order: the owner keeps it
    assert await index.basket() == 0
    kept = await index.held()

    messages = await index.mint(station)
    for _ in range(2):
        await index.work(messages)
    added = await index.basket()
    assert 0 < added <= KWH - KWH // 100
    assert await index.held() == kept
    owner = address_bytes(account(OWNER).address)
    assert await index.gcm.read("balanceOf", owner) == added - LOCKED
    assert await index.gcm.read("deposits") == 1

    sent = await index.sent()
    await index.work(messages)
    assert await index.deposits.sweep() == 0
    assert await index.sent() == sent, "a repetition costs no gas"
    await index.work(await index.mint(other))
    assert await index.basket() == added, "nobody left an order for the other station"
    assert await index.on.waiting_jobs() == []


async def test_what_was_lost_or_refused_is_found_by_the_sweep(index: Index) -> None:
    station = await index.on.add_station()
    await index.order(station)
    await index.send(OWNER, index.on.grid.token, "setApprovalForAll", address_bytes(index.gcm.address), False)
    await index.work(await index.mint(station))
    assert await index.basket() == 0, "no approval: refused, logged, and no job is left"
    assert await index.on.waiting_jobs() == []
    await index.mint(station)  # its event is lost
    await index.send(OWNER, index.on.grid.token, "setApprovalForAll", address_bytes(index.gcm.address), True)

    assert await index.deposits.sweep() == 1
    assert [name for name, _ in await index.on.waiting_jobs()] == [DEPOSIT]
    await index.work([])
    assert (await index.held(), await index.gcm.read("deposits")) == (0, 1)
    assert await index.deposits.sweep() == 0


async def test_an_order_taken_back_or_a_mint_taken_back_by_a_reorg_deposits_nothing(index: Index) -> None:
    station = await index.on.add_station()
    await index.order(station)
    messages = await index.mint(station)
    async with index.on.database.transaction() as session:
        assert await known_orders(session) == [(E, station.id.int, 1)]
        assert await known_orders(session, among=[(E, 1, 1)]) == []
    await index.deposits.on_events(messages)
    await index.send(OWNER, index.gcm, "set_standing", E, station.id.int, 1, False)
    await index.work([])  # the job was enqueued before; the chain knows better
    assert await index.basket() == 0
    await index.on.told()
    async with index.on.database.transaction() as session:
        assert await known_orders(session) == []

    await index.send(OWNER, index.gcm, "set_standing", E, station.id.int, 1, True)
    await index.on.told()
    messages = await index.mint(station)
    assert (await index.on.settled(station)).register == 2 * KWH
    index.on.grid.chain.reorg(1)  # the claim's block
    assert (await index.on.settled(station)).register == KWH
    await index.work(messages)
    assert await index.basket() == 0
    assert await index.on.waiting_jobs() == []


async def test_without_a_key_or_below_the_least__nothing_is_sent(index: Index) -> None:
    station = await index.on.add_station()
    await index.order(station)
    messages = await index.mint(station)
    sent = await index.sent()

    async def patient() -> Depositor:
        return Depositor(index.gcm, index.on.grid.treasury, index.on.grid.sender(PAYER), least=KWH + 1)

    for deposits in (
        StandingDeposits(index.on.database, None),
        StandingDeposits(index.on.database, patient),
    ):
        await replace(index, deposits=deposits).work(messages)
        assert await deposits.sweep() == 0
    assert await index.sent() == sent
    assert await index.basket() == 0
