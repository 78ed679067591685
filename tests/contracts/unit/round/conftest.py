# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds of energy against a coin, with a Guard of their own, and people who hold both and approved the contract."""

from dataclasses import dataclass

import ape
import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import SLOT, E

BID, ASK = 0, 1
MARKET = 1
LOT_EXP, TICK_EXP, BASE_PRICE, FEE_BPS, MIN_LOTS, GATE, WINDOW, TIER = 6, 12, 1_000, 20, 5, 900, 36_000, 0
TERMS = (LOT_EXP, TICK_EXP, BASE_PRICE, FEE_BPS, MIN_LOTS, GATE, WINDOW, TIER, False)
LOT = 10**LOT_EXP
ENERGY, COIN = 1_000_000 * LOT, 10**24  # what everybody begins with


def price(tick: int) -> int:
    """Units of the coin per lot."""
    return (BASE_PRICE + tick) * int(10**TICK_EXP)


def fee(received: int) -> int:
    """What is kept of an amount received, rounded down."""
    return received * FEE_BPS // 10_000


@dataclass
class Rounds:
    """The contract, and the slot that a test is about, whose gate closes in an hour and a half."""

    round: ContractInstance
    energy: ContractInstance
    coin: ContractInstance
    guard: ContractInstance
    slot: int = 0

    def place(self, owner: AccountAPI, n: int, side: int, tick: int, lots: int) -> ReceiptAPI:
        """An order for the slot."""
        return self.round.place(MARKET, self.slot, n, side, tick, lots, sender=owner)

    def close_gate(self, seconds: int = 0) -> None:
        """Go to the second in which orders end, or to a later one: the next transaction is in it."""
        self.at(self.slot * SLOT - GATE + seconds)

    def at(self, timestamp: int) -> None:
        """The next block has this time."""
        ape.chain.mine(timestamp=timestamp)

    def clear(self, by: AccountAPI) -> ReceiptAPI:
        """Bring what the contract itself finds."""
        return self.round.clear(MARKET, self.slot, *self.round.solve(MARKET, self.slot), sender=by)

    def holding(self, account: object) -> tuple[int, int]:
        """Energy and coin of somebody, in the wallet."""
        return int(self.energy.balanceOf(account, E)), int(self.coin.balanceOf(account))

    def free(self, account: object) -> tuple[int, int]:
        """Energy and coin of somebody, in the contract."""
        base, quote = self.round.balance_of(MARKET, account)
        return int(base), int(quote)


@pytest.fixture(scope="session")
def round_owner(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns the contract, its Guard and its energy. Nobody from the house, so that the house's nonces stay as they are."""
    return accounts[9]


@pytest.fixture(scope="session")
def deployed(
    round_owner: AccountAPI,
    guardian: AccountAPI,
    beneficiary: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> Rounds:
    """One market, nothing in it."""
    guard = round_owner.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=round_owner)
    energy = round_owner.deploy(container("EnergyToken"), round_owner, guard, "")
    coin = round_owner.deploy(container("TaxedCoin"))
    made = round_owner.deploy(container("Round"), guard, beneficiary)
    made.open_market((energy, E, True), (coin, 0, False), TERMS, sender=round_owner)
    for trader in (prosumer, neighbour, buyer):
        energy.mint(trader, E, ENERGY, sender=round_owner)
        coin.give(trader, COIN, sender=round_owner)
        energy.setApprovalForAll(made, True, sender=trader)
        coin.approve(made, COIN, sender=trader)
    return Rounds(made, energy, coin, guard)


@pytest.fixture
def rounds(deployed: Rounds) -> Rounds:
    """At the beginning of a slot; the round is that of ten slots later."""
    now = int(ape.chain.blocks.head.timestamp) // SLOT + 1
    ape.chain.mine(timestamp=now * SLOT)
    return Rounds(deployed.round, deployed.energy, deployed.coin, deployed.guard, now + 10)
