# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A pool's fee on its way to who locked GCM: collected, divided and earned once in each period, whoever repeats it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from chain.client import Contract
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.transactions import TransactionSender
from flows.divide_fees import DivideFees, Treasurer
from kit.ids import address_bytes
from tests.conftest import Deployed
from tests.integration.oracle.grid import E, account

KWH = 10**9
HOUR = 3_600
LATE = 1 << 40
BUYER, TRADER, PAYER = 6, 8, 9


@dataclass
class Market:
    """The deployed market in the hands of one trader, who has energy and GCM."""

    on: Deployed
    rpc: Rpc
    deployment: Deployment

    def contract(self, name: str) -> Contract:
        """By its name in the deployment."""
        return Contract(self.rpc, self.deployment, name)

    def sender(self, number: int) -> TransactionSender:
        """Sends as a development account."""
        return TransactionSender(self.rpc, account(number), chain_id=self.deployment.chain_id)

    async def send(self, name: str, function: str, *arguments: Any, by: int = TRADER) -> None:
        """A transaction."""
        contract = self.contract(name)
        await self.sender(by).send(contract.address, contract.abi.encode_call(function, *arguments))

    def treasurer(self) -> Treasurer:
        """As the worker opens it."""
        return Treasurer(self.rpc, self.deployment, self.sender(PAYER))

    def next_period(self) -> None:
        """To the beginning of the next period, which is an hour here."""
        chain = self.on.chain
        chain.mine(timestamp=(chain.timestamp() // HOUR + 1) * HOUR)

    async def trade(self) -> None:
        """A sale whose fee the pool counts."""
        await self.send("Pool E/GCM", "sell", 10 * KWH, 0, trader(), LATE)

    async def earned(self) -> int:
        """What the trader may claim, 10⁻⁹ GCM."""
        return int(await self.contract("Earnings").read("earned", trader(), 0, await self.gcm()))

    async def gcm(self) -> int:
        """GCM's number among the assets."""
        return int(await self.contract("Earnings").read("number_of", self.contract("GCM").deployed.raw, False, 0))


def trader() -> bytes:
    """The trader's 20 bytes."""
    return address_bytes(account(TRADER).address)


@pytest.fixture
async def market(deployment: Deployed) -> AsyncIterator[Market]:
    """A pool with energy and GCM in it; half of the trader's GCM is locked, nothing was ever divided."""
    rpc = Rpc(deployment.rpc_url)
    made = Market(deployment, rpc, Deployment.load(deployment.path))
    treasury, token = made.contract("Treasury"), made.contract("EnergyToken")
    chain = deployment.chain
    # Energy without stations and reports: the Treasury itself mints it, by the development chain's leave.
    chain.call("anvil_impersonateAccount", treasury.address)
    chain.call("anvil_setBalance", treasury.address, hex(10**18))
    mint = token.abi.encode_call("mint", trader(), E, 4_000 * KWH)
    chain.call("eth_sendTransaction", {"from": treasury.address, "to": token.address, "data": "0x" + mint.hex()})
    chain.mine()
    gcm, pool, lock = (made.contract(name).deployed.raw for name in ("GCM", "Pool E/GCM", "VotingLock"))
    await made.send("EnergyToken", "safeTransferFrom", trader(), gcm, E, 2_000 * KWH, b"")
    await made.send("EnergyToken", "setApprovalForAll", pool, True)
    for spender in (pool, lock):
        await made.send("GCM", "approve", spender, 10**20)
    await made.send("Pool E/GCM", "add_liquidity", 1_000 * KWH, 900 * KWH, 0, trader(), LATE)
    yield made
    await rpc.close()


async def test_a_fee_is_collected_divided_and_earned_once_a_period(market: Market) -> None:
    treasurer = market.treasurer()
    await market.trade()
    assert await treasurer.round() == [], "nobody is in any group yet, and the fee waits"
    await market.send("VotingLock", "lock", 900 * KWH)
    market.next_period()
    fee = int(await market.contract("Pool E/GCM").read("treasury_owed"))

    collected, divided = await treasurer.round()

    assert (collected.contract, collected.function, collected.amount) == ("Pool E/GCM", "collect_fees", fee)
    assert (divided.contract, divided.function, divided.arguments) == ("Funds", "divide", (await market.gcm(),))
    shares = {share["group"]: share["bps"] for share in await market.contract("Funds").read("shares")}
    assert divided.amount == await market.earned() == fee * shares[0] // 10_000 > 0
    kept = int(await market.contract("Funds").read("kept", await market.gcm()))
    assert kept == fee - divided.amount, "nobody had locked shares of the pool"

    await market.trade()
    assert await treasurer.round() == [], "once a period"
    before = await market.earned()
    another = await market.treasurer().round()
    assert [done.function for done in another] == ["collect_fees"], "another process collects and divides nothing twice"
    assert await market.earned() == before
    market.next_period()
    await market.trade()
    assert [done.function for done in await treasurer.round()] == ["collect_fees", "divide"]
    assert await market.earned() > before
    assert await market.treasurer().round() == []


async def test_fees_of_the_book_are_earned_in_the_token_that_they_were_taken_in(market: Market) -> None:
    """The taker's fee is energy and the maker's is GCM: so they are collected, and so they are earned."""
    buyer = address_bytes(account(BUYER).address)
    number, lots, tick = market.deployment.market("E/GCM").number, 50_000, 9_999
    vault, book = market.contract("Vault").deployed.raw, market.contract("OrderBook")
    await market.send("VotingLock", "lock", 900 * KWH)
    await market.send("GCM", "transfer", buyer, 100 * KWH)
    await market.send("EnergyToken", "setApprovalForAll", vault, True)
    await market.send("Vault", "deposit", number, False, 50 * KWH, trader())
    await market.send("OrderBook", "place", number, 0, 1, 0, 0, tick, lots)
    await market.send("GCM", "approve", vault, 100 * KWH, by=BUYER)
    await market.send("Vault", "deposit", number, True, 100 * KWH, buyer, by=BUYER)
    await market.send("OrderBook", "take", number, 0, tick, lots, 1, 8, [], by=BUYER)
    fees = dict(zip((False, True), await book.read("fees_of", number), strict=True))
    assert all(fees.values())
    market.next_period()

    done = await market.treasurer().round()

    assert {one.arguments[1]: one.amount for one in done if one.contract == "OrderBook"} == fees
    token = market.contract("EnergyToken").deployed.raw
    energy = int(await market.contract("Earnings").read("number_of", token, True, E))
    divided = {one.arguments: one.amount for one in done if one.function == "divide"}
    assert divided == {(await market.gcm(),): fees[True] * 4 // 10, (energy,): fees[False] * 4 // 10}
    assert await market.contract("Earnings").read("earned", trader(), 0, energy) == divided[energy,]
    before = await market.contract("EnergyToken").read("balanceOf", trader(), E)
    await market.send("Earnings", "claim", trader(), 0, [energy], by=PAYER)
    after = await market.contract("EnergyToken").read("balanceOf", trader(), E)
    assert after - before == divided[energy,]


async def test_what_is_refused_for_now_stops_nothing_else(market: Market) -> None:
    """A stopped pool, a stopped Funds: the next round goes on."""
    await market.trade()
    await market.send("VotingLock", "lock", 900 * KWH)
    market.next_period()
    await market.send("Guard", "pause", market.contract("Funds").deployed.raw, by=0)
    treasurer = market.treasurer()
    assert [done.function for done in await treasurer.round()] == ["collect_fees"]
    await market.send("Guard", "unpause", market.contract("Funds").deployed.raw, by=0)
    assert [done.function for done in await treasurer.round()] == ["divide"]
    assert list(await DivideFees(None).round()) == []

    async def not_deployed() -> None:
        return None

    assert list(await DivideFees(not_deployed).round()) == []
