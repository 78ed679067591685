# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What trading from wallets costs: deposits and withdrawals, the pool, and the router that trades in both in one call."""

from collections.abc import Iterator

from eth_abi.abi import encode

from bench.gas_chain import Contract
from bench.gas_floor import BUY, EVER, KWH, LATE, LOT, PAR, SELL, TAKER_BPS, E, Floor
from bench.gas_row import Row
from bench.gas_sign import address, key, permit

LOTS = 500
AMOUNT = LOTS * LOT
NET = AMOUNT - AMOUNT * TAKER_BPS // 10_000  # what a buyer of that many lots gets: no crumbs are left for the pool
POOLED = 100_000 * KWH
LP_BPS, TREASURY_BPS = 25, 5
SELL_EXACT, SELL_FOR, BUY_EXACT, BUY_WITH = range(4)
_BY_HAND = "deposit, take, withdraw both, a transaction each"
_DIRECT = "(uint16,uint8,uint96,uint8,uint32,uint16,uint32,uint32,uint16,bool)"
_TAKE, _REST = 1, 2
_NO_PERMIT = 0, 0, 0, bytes(32), bytes(32)
_ORDER = "(uint16,uint8,uint256,uint256,uint16,address,uint256)"


class WalletBench:
    """A floor with a pool beside its market, a router between them, and wallets that hold both sides."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.chain = floor.chain
        self.person = key("person with a wallet")
        self.wallet = address(self.person)
        self.chain.invite(self.wallet)
        token, gcm, guard = floor.token.address, floor.gcm.address, floor.guard.address
        self.pool = self.chain.deploy(
            "Pool", token, E, gcm, guard, floor.beneficiary, LP_BPS, TREASURY_BPS, "GreenCore E/GCM", "GC-E"
        )
        self.router = self.chain.deploy("Router", floor.vault.address, token, gcm, guard)
        self.chain.send(self.router, "set_pool", floor.market, self.pool.address)
        for account in (self.wallet, floor.holder):
            floor.provide(account, 10 * POOLED)
            for spender in (floor.vault, self.pool, self.router):
                self.chain.send(floor.token, "setApprovalForAll", spender.address, True, sender=account)
                self.chain.send(floor.gcm, "approve", spender.address, EVER, sender=account)
        self.chain.send(self.pool, "add_liquidity", POOLED, POOLED, 0, floor.holder, LATE, sender=floor.holder)
        # Both ways were gone before: the treasury is owed something, and the router has an account in the vault.
        for side, tick in ((SELL, PAR - 5), (BUY, PAR - 8)):
            floor.place(floor.seller, 30 + side, tick, 10 * LOTS, side=side)
        for kind in (SELL_EXACT, BUY_EXACT):
            self.trade(kind, AMOUNT)
        self.swap("sell", AMOUNT, 0)
        self.swap("buy", AMOUNT, EVER)

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        yield from self.vault()
        by_hand = self.by_hand()
        yield from self.orders(by_hand)
        yield from self.pools()
        yield from self.routes(by_hand)

    def vault(self) -> Iterator[Row]:
        """In and out of the vault."""
        floor, send, wallet = self.floor, self.chain.send, self.wallet
        with self.chain.undone():
            yield Row("deposit GCM, an owner's first", 1, floor.deposit(wallet, wallet, True, AMOUNT))
            yield Row("deposit GCM", 1, floor.deposit(wallet, wallet, True, AMOUNT))
            yield Row("deposit energy", 1, floor.deposit(wallet, wallet, False, AMOUNT))
            signed = permit(floor.gcm, "GreenCore Index", self.person, floor.vault.address, AMOUNT, 0, LATE)
            gas = send(
                floor.vault, "deposit_with_permit", floor.market, True, AMOUNT, wallet, LATE, *signed, sender=wallet
            )
            yield Row("deposit GCM by permit", 1, gas)
            for quote, what in ((True, "GCM"), (False, "energy")):
                gas = send(floor.vault, "withdraw", floor.market, quote, AMOUNT // 2, wallet, sender=wallet)
                yield Row(f"withdraw {what}", 1, gas)
            terms = floor.market, True, floor.free_market, True, AMOUNT // 2
            send(floor.vault, "move", *terms[:4], 1, sender=wallet)
            yield Row("move to another market", 1, send(floor.vault, "move", *terms, sender=wallet))

    def orders(self, by_hand: int) -> Iterator[Row]:
        """The book itself, paid by the wallet and paid into it. Beside it the same by hand."""
        floor, send, wallet = self.floor, self.chain.send, self.wallet
        take, rest = (_TAKE, 0, PAR, LOTS), (_REST, 1, PAR + 40, LOTS)
        for what, side, terms, signed in (
            ("buy, by approval", BUY, take, _NO_PERMIT),
            ("buy, by permit", BUY, take, self.permitted(2 * AMOUNT, floor.vault)),
            ("sell", SELL, (_TAKE, 0, PAR - 100, LOTS), _NO_PERMIT),
            ("an ask that rests, its level and place new", SELL, rest, _NO_PERMIT),
        ):
            with self.chain.undone():
                gas = send(floor.book, "order_from_wallet", side, self.direct(*terms), [], signed, sender=wallet)
                beside = by_hand if what == "buy, by approval" else 0
                yield Row(
                    f"book from the wallet: {what}", 1, gas, baseline=_BY_HAND if beside else "", baseline_gas=beside
                )
        with self.chain.undone():
            data = encode((_DIRECT,), (self.direct(_TAKE, 0, PAR - 100, LOTS),))
            gas = self.transfer(data)
            yield Row("book from the wallet: sell, by a transfer of energy", 1, gas)
        with self.chain.undone():
            self.transfer(encode(("uint16",), (floor.market,)))
            gas = self.transfer(encode(("uint16",), (floor.market,)))
            yield Row("deposit energy, by a transfer", 1, gas)
        with self.chain.undone():
            for n, tick in ((1, PAR - 6), (2, PAR + 40)):
                send(
                    floor.book,
                    "order_from_wallet",
                    SELL,
                    self.direct(_REST, n, tick, LOTS),
                    [],
                    _NO_PERMIT,
                    sender=wallet,
                )
            floor.take(floor.buyer, PAR - 6, LOTS)
            home = floor.market, [1], [2], EVER, EVER
            yield Row("close: claim one, cancel one, withdraw all", 2, send(floor.book, "close", *home, sender=wallet))

    def direct(
        self, kind: int, n: int, tick: int, lots: int
    ) -> tuple[int, int, int, int, int, int, int, int, int, bool]:
        """An order to the book from the wallet and back to it."""
        return self.floor.market, kind, n, 0, 0, tick, lots, 0, 64, True

    def permitted(self, amount: int, spender: Contract) -> tuple[int, int, int, bytes, bytes]:
        """The wallet's word that so much GCM may be taken."""
        signed = permit(self.floor.gcm, "GreenCore Index", self.person, spender.address, amount, 0, LATE)
        return amount, LATE, *signed

    def transfer(self, data: bytes) -> int:
        """Energy to the vault, with what is to be done with it."""
        floor = self.floor
        to = self.wallet, floor.vault.address, E, AMOUNT, data
        return self.chain.send(floor.token, "safeTransferFrom", *to, sender=self.wallet)

    def pools(self) -> Iterator[Row]:
        """The constant product."""
        add = POOLED // 100, POOLED // 100, 0, self.wallet, LATE
        for what, function, amount, limit in (
            ("sell an amount of energy", "sell", AMOUNT, 0),
            ("sell for an amount of GCM", "sell_for", AMOUNT, EVER),
            ("buy an amount of energy", "buy", AMOUNT, EVER),
            ("buy with an amount of GCM", "buy_with", AMOUNT, 0),
        ):
            with self.chain.undone():
                yield Row(f"pool: {what}", 1, self.swap(function, amount, limit))
        with self.chain.undone():
            gas = self.chain.send(self.pool, "add_liquidity", *add, sender=self.wallet)
            yield Row("pool: add, a provider's first", 1, gas)
            yield Row("pool: add", 1, self.chain.send(self.pool, "add_liquidity", *add, sender=self.wallet))
            gas = self.chain.send(self.pool, "remove_liquidity", KWH, 0, 0, self.wallet, LATE, sender=self.wallet)
            yield Row("pool: remove a part", 1, gas)
            yield Row("pool: collect fees, first time", 1, self.chain.send(self.pool, "collect_fees"))

    def routes(self, by_hand: int) -> Iterator[Row]:
        """From wallet to wallet, where it is cheaper at the margin. Beside it the same by hand."""
        for what, kind, amount, levels in (
            ("sell, all in the book", SELL_EXACT, AMOUNT, 16),
            ("buy, all in the book", BUY_EXACT, NET, 16),
            ("sell, all in the pool", SELL_EXACT, AMOUNT, 0),
            ("buy, all in the pool", BUY_EXACT, AMOUNT, 0),
            ("sell, in both", SELL_EXACT, 320 * AMOUNT, 16),
            ("buy, in both", BUY_EXACT, 320 * AMOUNT, 16),
            ("buy with an amount of GCM, in both", BUY_WITH, 320 * AMOUNT, 16),
        ):
            with self.chain.undone():
                self.check(kind, amount, levels, what)
                beside = by_hand if "buy, all in the book" in what else 0
                gas = self.trade(kind, amount, levels)
                yield Row(f"router: {what}", 1, gas, baseline=_BY_HAND if beside else "", baseline_gas=beside)
        for levels in (1, 4, 16, 64):
            with self.chain.undone():
                self.floor.cancel(self.floor.seller, 30 + BUY)
                for n in range(levels - 1):
                    self.floor.place(self.floor.seller, 40 + n, PAR - 70 + n, LOTS)
                amount = (7 + levels) * NET
                self.check(BUY_EXACT, amount, levels, "in the book")
                gas = self.trade(BUY_EXACT, amount, levels)
                yield Row("router: buy all of so many levels", levels, gas)
        with self.chain.undone():
            floor = self.floor
            limit = 2 * AMOUNT
            signed = permit(floor.gcm, "GreenCore Index", self.person, self.router.address, limit, 0, LATE)
            order = self.order(BUY_EXACT, NET, 16, limit)
            yield Row(
                "router: buy by permit, in the book",
                1,
                self.chain.send(self.router, "trade_with_permit", order, *signed, sender=self.wallet),
            )
        with self.chain.undone():
            data = encode((_ORDER,), (self.order(SELL_EXACT, AMOUNT, 16, 0),))
            gas = self.chain.send(
                self.floor.token,
                "safeTransferFrom",
                self.wallet,
                self.router.address,
                E,
                AMOUNT,
                data,
                sender=self.wallet,
            )
            yield Row("router: sell by a transfer of energy, in the book", 1, gas)

    def by_hand(self) -> int:
        """The gas of a purchase in the book without a router."""
        floor, wallet = self.floor, self.wallet
        with self.chain.undone():
            floor.deposit(wallet, wallet, True, AMOUNT)
            gas = floor.deposit(wallet, wallet, True, 2 * AMOUNT)
            gas += floor.take(wallet, PAR, LOTS)
            for quote in (False, True):
                out = floor.market, quote, AMOUNT // 2, wallet
                gas += self.chain.send(floor.vault, "withdraw", *out, sender=wallet)
        return gas

    def swap(self, function: str, amount: int, limit: int) -> int:
        """A trade of the wallet with the pool."""
        return self.chain.send(self.pool, function, amount, limit, self.wallet, LATE, sender=self.wallet)

    def order(self, kind: int, amount: int, levels: int, limit: int) -> tuple[int, int, int, int, int, bytes, int]:
        """An order as the ABI has it."""
        return self.floor.market, kind, amount, limit, levels, self.wallet, LATE

    def trade(self, kind: int, amount: int, levels: int = 16) -> int:
        """A trade of the wallet through the router."""
        limit = 0 if kind in (SELL_EXACT, BUY_WITH) else 10**30
        return self.chain.send(self.router, "trade", self.order(kind, amount, levels, limit), sender=self.wallet)

    def check(self, kind: int, amount: int, levels: int, what: str) -> None:
        """A row must say where it trades."""
        plan = self.chain.view(self.router, "quote", self.floor.market, kind, amount, levels)
        lots, pooled = plan[0], plan[6]
        place = "both" if lots and pooled else "the book" if lots else "the pool"
        assert what.endswith(place), (what, plan)
