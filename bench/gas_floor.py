# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The trading floor on a real anvil: index, vault and book with markets of energy for GCM, and people who deposited."""

from collections.abc import Sequence

from eth_hash.auto import keccak

from bench.gas_chain import Chain

E, H = 1, 2  # utilities
BUY, SELL = 0, 1
GTC, DAY, QUARTER = 0, 1, 2
KWH = 10**9
LOT_EXP, TICK_EXP, BASE_PRICE, MIN_LOTS = 6, 2, 1, 10  # a lot is 1 Wh; a tick is 0.0001 GCM a kWh
MAKER_BPS, TAKER_BPS = 10, 20
LOT = 10**LOT_EXP
PAR = 10_000  # the tick at which a kWh costs about one GCM
LATE = 2**40 - 1
EVER = 2**256 - 1


def maker(number: int) -> bytes:
    """One of a thousand people who offer energy."""
    return keccak(b"maker %d" % number)[12:]


class Floor:
    """The contracts, one market with fees and one without, and three traders with balances in both."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.owner, self.minter, self.beneficiary, self.guardian = chain.accounts[:4]
        self.seller, self.buyer, self.holder, self.stranger = chain.accounts[4:8]
        self.guard = chain.deploy("Guard")
        chain.send(self.guard, "set_guardian", self.guardian, True)
        self.registry = chain.deploy("Registry", True)
        self.token = chain.deploy("EnergyToken", self.minter, self.guard.address, "https://greencore.example/")
        self.gcm = chain.deploy("GCM", self.token.address, self.registry.address, self.guard.address)
        self.vault = chain.deploy("Vault", chain.next_address(1), self.guard.address)
        self.book = chain.deploy("OrderBook", self.vault.address, self.guard.address, self.beneficiary)
        self.market = self.open(MAKER_BPS, TAKER_BPS)
        self.free_market = self.open(0, 0)
        for account in (self.seller, self.buyer, self.holder):
            self.provide(account, 10_000_000 * KWH)
            chain.send(self.token, "setApprovalForAll", self.vault.address, True, sender=account)
            chain.send(self.gcm, "approve", self.vault.address, EVER, sender=account)
            for market in (self.market, self.free_market):
                for quote in (False, True):
                    self.deposit(account, account, quote, 2_000_000 * KWH, market=market)

    def open(self, maker_bps: int, taker_bps: int) -> int:
        """Open a market of energy for GCM."""
        base, quote = (self.token.address, E, True), (self.gcm.address, 0, False)
        terms = LOT_EXP, TICK_EXP, BASE_PRICE, maker_bps, taker_bps, MIN_LOTS
        self.chain.send(self.book, "open_market", base, quote, *terms)
        return int(self.chain.view(self.book, "market_count"))

    def provide(self, account: bytes, amount: int) -> None:
        """Give so much energy, and so much GCM for as much energy again."""
        self.chain.send(self.token, "mint", account, E, 2 * amount, sender=self.minter)
        self.chain.send(self.token, "safeTransferFrom", account, self.gcm.address, E, amount, b"", sender=account)

    def deposit(self, account: bytes, to: bytes, quote: bool, amount: int, *, market: int | None = None) -> int:
        """Deposit in the vault."""
        return self.chain.send(self.vault, "deposit", market or self.market, quote, amount, to, sender=account)

    def place(
        self,
        account: bytes,
        n: int,
        tick: int,
        lots: int,
        *,
        side: int = SELL,
        life: int = GTC,
        market: int | None = None,
    ) -> int:
        """An order that rests."""
        return self.chain.send(self.book, "place", market or self.market, n, side, life, 0, tick, lots, sender=account)

    def take(
        self,
        account: bytes,
        tick: int,
        lots: int,
        *,
        side: int = BUY,
        levels: int = 256,
        done: Sequence[int] = (),
        market: int | None = None,
    ) -> int:
        """Trade at once, all of it."""
        chosen = market or self.market
        return self.chain.send(self.book, "take", chosen, side, tick, lots, lots, levels, list(done), sender=account)

    def trade(self, account: bytes, n: int, tick: int, lots: int, *, side: int = BUY) -> int:
        """Trade what crosses, and let the rest rest."""
        return self.chain.send(self.book, "trade", self.market, n, side, GTC, 0, tick, lots, 256, [], sender=account)

    def cancel(self, account: bytes, n: int) -> int:
        """Take an order back."""
        return self.chain.send(self.book, "cancel", n, sender=account)

    def claim(self, account: bytes, n: int) -> int:
        """Somebody claims for an order's owner."""
        return self.chain.send(self.book, "claim", account, n, sender=self.stranger)

    def refresh(self, account: bytes, side: int, places: Sequence[int]) -> int:
        """Say which orders of one side are left."""
        return self.chain.send(self.book, "refresh", self.market, side, list(places), sender=account)

    def queue(self, start: int, end: int, tick: int, lots: int) -> None:
        """Makers `start` to `end` offer at one tick, an order each."""
        makers = [maker(number) for number in range(start, end)]
        with self.chain.together():
            for account in makers:
                self.chain.invite(account)
                self.deposit(self.seller, account, False, lots * LOT)
        with self.chain.together():
            for account in makers:
                self.place(account, 1, tick, lots)
