# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A book and a pool over the same two tokens in a py-evm, with a router between them."""

from collections.abc import Sequence
from typing import Any

import boa

from bench.contracts import artifact
from tests.contracts.fuzz.book.chain import BOOK
from tests.contracts.fuzz.pool.place import LATE, E, Place
from tests.contracts.fuzz.pool.twin import Reserves
from tests.contracts.fuzz.router.twin import Kind, Level, Market, Way
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, PEOPLE, START, Contract, Outcome

BID, ASK = 0, 1
TAKER_BPS, MAKER_BPS, MIN_LOTS, BASE_PRICE = 20, 10, 1, 4_000
FINE, COARSE = 1, 2  # markets: lots of a thousandth of a kWh and of a kWh
TINY, CHEAP = 3, 4  # where a unit counts: 10 µWh for a thousand units of money, 1,000 µWh for seven
LOT_EXP = {FINE: 6, COARSE: 9, TINY: 1, CHEAP: 3}
TICK_EXP = {FINE: 12, COARSE: 15, TINY: 0, CHEAP: 0}  # in the first two tick 2,000 is 6 GCM for a kWh
BASE_PRICES = {FINE: BASE_PRICE, COARSE: BASE_PRICE, TINY: 900, CHEAP: 1}
MAKER, TRADER = PEOPLE[:2]
PLENTY = 2**90


class Square(Place):
    """Four markets with the same pool beside them. The maker and the trader are rich, and have approved what they need."""

    def __init__(self) -> None:
        super().__init__()
        guard, energy, money = self.guard.address, self.energy.address, self.money.address
        self.vault = Contract(artifact("Vault"), BOOK, guard, sender=OWNER)
        self.book = Contract(artifact("OrderBook"), self.vault.address, guard, BENEFICIARY, sender=OWNER, at=BOOK)
        self.router = Contract(artifact("Router"), self.vault.address, energy, money, guard, sender=OWNER)
        for market in LOT_EXP:
            terms = (LOT_EXP[market], TICK_EXP[market], BASE_PRICES[market], MAKER_BPS, TAKER_BPS, MIN_LOTS)
            self.book.must("open_market", (energy, E, True), (money, 0, False), *terms, sender=OWNER)
            self.router.must("set_pool", market, self.pool.address, sender=OWNER)
        for person in (MAKER, TRADER):
            self.fund(person, 8 * PLENTY, 8 * PLENTY)
            for spender in (self.vault, self.router):
                self.energy.must("setApprovalForAll", spender.address, True, sender=person)
                self.money.must("approve", spender.address, 2**256 - 1, sender=person)
        for market in LOT_EXP:
            for quote in (False, True):
                self.vault.must("deposit", market, quote, PLENTY, MAKER, sender=MAKER)

    def offer(self, market: int, side: int, levels: Sequence[tuple[int, int, int]], owner: bytes = MAKER) -> None:
        """Orders of somebody: tick, lots, life."""
        for n, (tick, lots, life) in enumerate(levels):
            self.book.must("place", market, n, side, life, 0, tick, lots, sender=owner)

    def twin(self, market: int, levels: Sequence[tuple[int, int, int]], side: int, pool: Reserves | None) -> Market:
        """What these orders are to the twin: levels by price, then by life."""
        merged: dict[tuple[int, int, int], int] = {}
        for tick, lots, life in levels:
            key = (tick if side == ASK else -tick, life, tick)
            merged[key] = merged.get(key, 0) + lots
        base, size = BASE_PRICES[market], 10 ** TICK_EXP[market]
        stand = [Level((base + tick) * size, lots) for (_, _, tick), lots in sorted(merged.items())]
        return Market(10 ** LOT_EXP[market], TAKER_BPS, stand, pool)

    def quote(self, market: int, kind: Kind, amount: int, levels: int = 64) -> Way | str:
        """What the router says that it would do, or its reason as text."""
        outcome = self.router.call("quote", market, kind, amount, levels, sender=TRADER)
        if not outcome.ok:
            return outcome.reason
        lots, used, _, _, *parts = self.router.artifact.functions["quote"].result(outcome.output)
        return Way(lots, used, *parts)

    def order(self, market: int, kind: Kind, amount: int, limit: int | None = None, **more: Any) -> tuple[Any, ...]:
        """An order as the ABI's tuple; by default any price, 64 levels, to the trader, without hurry."""
        if limit is None:
            limit = 0 if kind.exact_in else 2**255
        return market, kind, amount, limit, more.get("levels", 64), more.get("to", TRADER), more.get("deadline", LATE)

    def trade(self, *order: Any, **more: Any) -> Outcome:
        """A trade of the trader's."""
        return self.router.call("trade", self.order(*order, **more), sender=TRADER)

    def kept(self, market: int) -> tuple[int, ...]:
        """What the router has: energy, money, and its account in the vault."""
        base, quote, *_ = self.vault.view("account", market, self.router.address)
        return (*self.holding(self.router.address), base, quote)

    def stop_pool(self) -> None:
        """By the Guard."""
        self.guard.must("pause", self.pool.address, sender=GUARDIAN)

    def stop_book(self) -> None:
        """By the Guard."""
        self.guard.must("pause", self.book.address, sender=GUARDIAN)


def fresh() -> Square:
    """At the beginning of a slot."""
    boa.env.timestamp = START
    return Square()
