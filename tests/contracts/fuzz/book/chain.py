# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book and its vault on a fresh chain, with traders who are rich: what the stateful model drives."""

import copy
from collections.abc import Mapping
from typing import Any

import boa

from bench.contracts import artifact
from tests.contracts.fuzz.book.terms import TICKS, Asset, Level, Life, Order, Side, Terms, rank
from tests.contracts.fuzz.world import GUARDIAN, OWNER, START, STRANGER, TREASURY, Contract, Outcome, account

MARKET = 1
BOOK = account("order book")
IDS = {Asset.BASE: 1, Asset.QUOTE: 4}  # two classes of utility: a market of the one for the other
TRADERS = tuple(account(role) for role in ("market maker", "prosumer", "consumer"))
SWEEPER = account("sweeper")
SWEEPERS = 10**24  # what the sweeper has of either asset: it can buy and sell everything
COLLECTOR = account("fee collector")
TERMS = Terms(base_price=7 * 10**3, tick_size=10**3, lot=10**3, size_min=2, maker_bps=13, taker_bps=27)
OTHER_TERMS = Terms(base_price=5 * 10**2, tick_size=10**2, lot=10**4, size_min=1, maker_bps=0, taker_bps=100)
EXPONENTS = {TERMS: (3, 3), OTHER_TERMS: (4, 2)}  # of a lot and of a tick


class Chain:
    """Two markets on chain, of which one is looked at."""

    def __init__(self, purses: Mapping[Asset, int]) -> None:
        boa.env.timestamp = START
        self.market = MARKET
        self.terms = TERMS
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.token = Contract(artifact("EnergyToken"), TREASURY, self.guard.address, "", sender=OWNER)
        self.vault = Contract(artifact("Vault"), BOOK, self.guard.address, sender=OWNER)
        self.book = Contract(
            artifact("OrderBook"), self.vault.address, self.guard.address, COLLECTOR, sender=OWNER, at=BOOK
        )
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        self.guard.must("set_followers", [self.book.address], sender=OWNER)
        base, quote = ((self.token.address, IDS[asset], True) for asset in Asset)
        for terms, exponents in EXPONENTS.items():
            fees = terms.maker_bps, terms.taker_bps
            base_price = terms.base_price // terms.tick_size
            self.book.must("open_market", base, quote, *exponents, base_price, *fees, terms.size_min, sender=OWNER)
        for chain in (self, self.other):
            for asset in Asset:
                for owner in TRADERS:
                    chain.bring(owner, asset, purses[asset])
                chain.bring(SWEEPER, asset, SWEEPERS)

    @property
    def other(self) -> "Chain":
        """The same contracts, looking at the second market."""
        found = copy.copy(self)
        found.market, found.terms = MARKET + 1, OTHER_TERMS
        return found

    def place(self, n: int) -> int:
        """A place of an order on chain: a trader's places are the same in all markets, the reference has one book each."""
        return n + (self.market - MARKET << 40)

    def bring(self, owner: bytes, asset: Asset, amount: int) -> None:
        """Make tokens and deposit them."""
        self.token.must("mint", owner, IDS[asset], amount, sender=TREASURY)
        self.token.must("setApprovalForAll", self.vault.address, True, sender=owner)
        self.vault.must("deposit", self.market, asset is Asset.QUOTE, amount, owner, sender=owner)

    def send(self, function: str, *args: Any, sender: bytes = STRANGER) -> Outcome:
        """A transaction to the book."""
        return self.book.call(function, *args, sender=sender)

    # looking

    def best(self, side: Side) -> int | None:
        """The best tick that the book shows."""
        there, tick = self.book.view("best_of", self.market, side)
        return tick if there else None

    def account(self, owner: bytes) -> Any:
        """The account: base, quote, bids, best bid's key, asks, best ask's key, frozen."""
        return self.vault.view("account", self.market, owner)

    def held(self) -> dict[Asset, int]:
        """The tokens that the vault has."""
        return {asset: self.token.view("balanceOf", self.vault.address, IDS[asset]) for asset in Asset}

    def lots_at(self, level: Level) -> int:
        """What stands at a level, if its session runs."""
        return int(self.book.view("lots_at", self.market, level.side, level.life, level.tick))

    def order(self, order: Order) -> Any:
        """An order: market, side, life, session, tick, lots, filled, expired."""
        return self.book.view("order_of", order.owner, self.place(order.n))

    def living(self) -> dict[Level, int]:
        """Every level that a taker can be led to and its lots: the market is emptied level by level, and that undone."""
        found = {}
        with boa.env.anchor():
            for side, worst in ((Side.BID, 0), (Side.ASK, TICKS - 1)):
                while (tick := self.best(side)) is not None:
                    levels = [Level(rank(side, tick), life, life.session(boa.env.timestamp), side) for life in Life]
                    level = next(level for level in levels if self.lots_at(level))
                    found[level] = self.lots_at(level)
                    outcome = self.send("take", self.market, side.other, worst, 2**32 - 1, 0, 1, [], sender=SWEEPER)
                    assert outcome.ok, f"{level} is shown and can't be taken: {outcome.reason}"
                    assert outcome.number == found[level]
        return found
