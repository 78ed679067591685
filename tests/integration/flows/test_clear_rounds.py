# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds that get their result without anybody asking: every market, once, and again after a halt."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.client import Contract
from chain.deployment import Deployment, RoundMarket
from chain.rpc import Rpc
from chain.transactions import TransactionSender
from flows.clear_rounds import Auctioneer, ClearRounds, slots_due
from kit.ids import address_bytes
from tests.conftest import Deployed
from tests.integration.oracle.grid import E, account

KWH, SLOT = 10**9, 900
BID, ASK = 0, 1
SELLER, BUYER, PAYER, OWNER = 8, 7, 9, 0


@dataclass
class Hall:
    """The deployed market, its rounds, and a seller with energy and a buyer with GCM."""

    on: Deployed
    rpc: Rpc
    deployment: Deployment

    @property
    def terms(self) -> RoundMarket:
        """The first market of rounds."""
        return self.deployment.rounds[0]

    def contract(self, name: str) -> Contract:
        """By its name in the deployment."""
        return Contract(self.rpc, self.deployment, name)

    async def send(self, name: str, function: str, *arguments: Any, by: int) -> None:
        """A transaction."""
        contract = self.contract(name)
        sender = TransactionSender(self.rpc, account(by), chain_id=self.deployment.chain_id)
        await sender.send(contract.address, contract.abi.encode_call(function, *arguments))

    def auctioneer(self) -> Auctioneer:
        """As the worker opens it."""
        sender = TransactionSender(self.rpc, account(PAYER), chain_id=self.deployment.chain_id)
        return Auctioneer(self.rpc, self.deployment, sender)

    async def open_round(self) -> int:
        """A bid and an ask that meet, for a slot to come; the slot."""
        slot = (self.on.chain.timestamp() + self.terms.gate) // SLOT + 2
        lots = self.terms.min_lots
        await self.send("Round", "place", self.terms.number, slot, slot, ASK, 100, lots, by=SELLER)
        await self.send("Round", "place", self.terms.number, slot, slot, BID, 300, 2 * lots, by=BUYER)
        return slot

    def close_gate(self, slot: int) -> None:
        """To the second in which orders for the slot end."""
        self.on.chain.mine(timestamp=slot * SLOT - self.terms.gate)

    async def result(self, slot: int) -> tuple[bool, int, int]:
        """Whether the round is cleared, at which tick, and how many lots."""
        found = await self.contract("Round").read("result_of", self.terms.number, slot)
        return found["cleared"], found["tick"], found["volume"]


@pytest.fixture
async def hall(deployment: Deployed) -> AsyncIterator[Hall]:
    """Both have what they need, and approved the Round."""
    rpc = Rpc(deployment.rpc_url)
    made = Hall(deployment, rpc, Deployment.load(deployment.path))
    treasury, token, chain = made.contract("Treasury"), made.contract("EnergyToken"), deployment.chain
    # Energy without stations and reports: the Treasury itself mints it, by the development chain's leave.
    chain.call("anvil_impersonateAccount", treasury.address)
    chain.call("anvil_setBalance", treasury.address, hex(10**18))
    gcm, auction = (made.contract(name).deployed.raw for name in ("GCM", "Round"))
    for number in (SELLER, BUYER):
        holder = address_bytes(account(number).address)
        mint = token.abi.encode_call("mint", holder, E, 100 * KWH)
        chain.call("eth_sendTransaction", {"from": treasury.address, "to": token.address, "data": "0x" + mint.hex()})
        chain.mine()
        await made.send("EnergyToken", "safeTransferFrom", holder, gcm, E, 50 * KWH, b"", by=number)
        await made.send("EnergyToken", "setApprovalForAll", auction, True, by=number)
        await made.send("GCM", "approve", auction, 10**20, by=number)
    yield made
    await rpc.close()


async def test_a_round_is_cleared_once_its_gate_has_closed(hall: Hall) -> None:
    auctioneer, slot = hall.auctioneer(), await hall.open_round()
    assert await auctioneer.round() == [], "the gate is open"
    hall.close_gate(slot)

    (cleared,) = await auctioneer.round()

    # Demand stays unfilled, so the price is what it bids.
    assert (cleared.market, cleared.slot, cleared.tick, cleared.volume) == (1, slot, 300, hall.terms.min_lots)
    assert await hall.result(slot) == (True, 300, hall.terms.min_lots)
    assert await hall.auctioneer().round() == [], "another process finds nothing to do"


async def test_a_halt_is_waited_for_while_there_is_time(hall: Hall) -> None:
    """Refused in a halt, done after it; once the window is over nothing is tried any more."""
    auctioneer, slot = hall.auctioneer(), await hall.open_round()
    hall.close_gate(slot)
    await hall.send("Round", "halt", hall.terms.number, by=OWNER)
    assert await auctioneer.round() == []
    await hall.send("Round", "resume", hall.terms.number, by=OWNER)
    assert [cleared.slot for cleared in await auctioneer.round()] == [slot]

    later = await hall.open_round()
    hall.on.chain.mine(timestamp=later * SLOT - hall.terms.gate + hall.terms.window)
    assert await auctioneer.round() == []
    assert await hall.result(later) == (False, 0, 0)
    assert list(await ClearRounds(None).round()) == []


@settings(derandomize=True, deadline=None)
@given(now=st.integers(10**9, 10**9 + 5_000), gate=st.integers(1, 86_400), window=st.integers(1, 43_200))
def test_slots_due__are_those_whose_result_is_accepted(now: int, gate: int, window: int) -> None:
    """By the contract's own words: not before the gate, and less than a window after it."""
    near = range(now // SLOT - 200, now // SLOT + 200)
    accepted = [slot for slot in near if slot * SLOT - gate <= now < slot * SLOT - gate + window]
    assert list(slots_due(now, gate=gate, window=window)) == accepted
