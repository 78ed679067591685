# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A vault and a book with one market, energy against a coin, and traders who have deposited. For the Ape lane."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ape
import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import SLOT, E
from tests.contracts.nonces import address_after

BID, ASK = 0, 1
GTC, DAY, QUARTER = 0, 1, 2
LOT_EXP, TICK_EXP, BASE_PRICE, MAKER_BPS, TAKER_BPS, MIN_LOTS = 6, 12, 1_000, 10, 20, 5
LOT: int = 10**LOT_EXP
TICK_SIZE: int = 10**TICK_EXP
NO_PERMIT = (0, 0, 0, bytes(32), bytes(32))
ENERGY, COIN = 1_000_000 * LOT, 10_000_000_000 * TICK_SIZE  # what every trader deposits


def price(tick: int) -> int:
    """Units of the coin per lot."""
    return (BASE_PRICE + tick) * TICK_SIZE


def fee(received: int, bps: int) -> int:
    """What is kept of an amount received. Exact for any number of this market's lots: their prices divide by 10,000."""
    return received * bps // 10_000


@dataclass
class Exchange:
    """One market and its traders."""

    guard: ContractInstance
    vault: ContractInstance
    book: ContractInstance
    energy: ContractInstance
    coin: ContractInstance
    beneficiary: AccountAPI
    market: int = 1
    orders: set[tuple[AccountAPI, int]] = field(default_factory=set)

    def next_slot(self, slots: int = 1) -> None:
        """Go to the beginning of a later slot."""
        now = int(ape.chain.blocks.head.timestamp)
        ape.chain.mine(timestamp=(now // SLOT + slots) * SLOT)

    def place(
        self, owner: AccountAPI, n: int, side: int, tick: int, lots: int, *, life: int = GTC, session: int = 0
    ) -> ReceiptAPI:
        """An order that rests."""
        self.orders.add((owner, n))
        return self.book.place(self.market, n, side, life, session, tick, lots, sender=owner)

    def take(
        self, owner: AccountAPI, side: int, tick: int, lots: int, *, least: int = 0, levels: int = 64, done: Any = ()
    ) -> ReceiptAPI:
        """Trade at once."""
        return self.book.take(self.market, side, tick, lots, least, levels, list(done), sender=owner)

    def free(self, owner: AccountAPI) -> tuple[int, int]:
        """Balances of energy and coin."""
        account = self.vault.account(self.market, owner)
        return int(account.base), int(account.quote)

    def best(self, side: int) -> int | None:
        """The best tick."""
        there, tick = self.book.best_of(self.market, side)
        return int(tick) if there else None

    def filled(self, owner: AccountAPI, n: int) -> int:
        """Lots that are filled and not claimed."""
        return int(self.book.order_of(owner, n).filled)

    def owed(self, owners: Iterable[AccountAPI]) -> tuple[int, int]:
        """All that the vault owes, in energy and coin: free balances, escrow, fills that nobody claimed, fees."""
        energy, coin = map(int, self.book.fees_of(self.market))
        for owner in owners:
            base, quote = self.free(owner)
            energy, coin = energy + base, coin + quote
        for owner, n in self.orders:
            order = self.book.order_of(owner, n)
            rest = order.lots - order.filled
            # Both fees are counted when the trade is made.
            if order.side == BID:
                energy, coin = energy + order.filled * (LOT - fee(LOT, MAKER_BPS)), coin + rest * price(order.tick)
            else:
                due = order.filled * (price(order.tick) - fee(price(order.tick), MAKER_BPS))
                energy, coin = energy + rest * LOT, coin + due
        return energy, coin

    def held(self) -> tuple[int, int]:
        """The vault's tokens."""
        return int(self.energy.balanceOf(self.vault, E)), int(self.coin.balanceOf(self.vault))


@pytest.fixture(scope="session")
def market(
    owner: AccountAPI,
    guardian: AccountAPI,
    beneficiary: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> Exchange:
    """Deployed once: three traders have deposited, nothing is in the book. The owner mints the energy."""
    guard = owner.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=owner)
    energy = owner.deploy(container("EnergyToken"), owner, guard, "https://greencore.example/token/")
    coin = owner.deploy(container("TaxedCoin"))
    vault = owner.deploy(container("Vault"), address_after(owner, 1), guard)
    book = owner.deploy(container("OrderBook"), vault, guard, beneficiary)
    guard.set_followers([book], sender=owner)
    terms = (LOT_EXP, TICK_EXP, BASE_PRICE, MAKER_BPS, TAKER_BPS, MIN_LOTS)
    book.open_market((energy, E, True), (coin, 0, False), *terms, sender=owner)
    for trader in (prosumer, neighbour, buyer):
        energy.mint(trader, E, 2 * ENERGY, sender=owner)
        coin.give(trader, 2 * COIN, sender=owner)
        energy.setApprovalForAll(vault, True, sender=trader)
        coin.approve(vault, 2 * COIN, sender=trader)
        vault.deposit(1, False, ENERGY, trader, sender=trader)
        vault.deposit(1, True, COIN, trader, sender=trader)
    return Exchange(guard, vault, book, energy, coin, beneficiary)


@pytest.fixture
def exchange(market: Exchange) -> Exchange:
    """At the beginning of a slot, with nothing in the book."""
    fresh = Exchange(market.guard, market.vault, market.book, market.energy, market.coin, market.beneficiary)
    fresh.next_slot()
    return fresh
