# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the square should be: the reference book, the pool's twin, and wallets; every operation is done in both."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import boa

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.terms import Asset, Side, Terms, rank
from tests.contracts.fuzz.books import Refused, need
from tests.contracts.fuzz.pool.place import LATE
from tests.contracts.fuzz.pool.twin import Book as Shares
from tests.contracts.fuzz.router.square import (
    BASE_PRICE,
    FINE,
    LOT_EXP,
    MAKER_BPS,
    MIN_LOTS,
    TAKER_BPS,
    TICK_EXP,
    Square,
)
from tests.contracts.fuzz.router.twin import Kind, Level, Market, Way, best, no_worse
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, PEOPLE, START, STRANGER, Contract

KWH, GCM = 10**9, 10**18
TICK = 10 ** TICK_EXP[FINE]
TERMS = Terms(BASE_PRICE * TICK, TICK, 10 ** LOT_EXP[FINE], MIN_LOTS, MAKER_BPS, TAKER_BPS)
ROUTER = b"the router"  # as an owner in the reference book
BROUGHT = (10**4 * KWH, 10**5 * GCM)  # into the vault, and as much again in the wallet, by everybody


def furnish(square: Square) -> None:
    """Wallets, accounts and approvals for everybody, and a pool of 1 kWh at 6 GCM: 1,000 lots move its price a lot."""
    for person in PEOPLE:
        square.fund(person, 2 * BROUGHT[0], 2 * BROUGHT[1])
        for spender in (square.vault, square.router):
            square.energy.must("setApprovalForAll", spender.address, True, sender=person)
            square.money.must("approve", spender.address, 2**256 - 1, sender=person)
        for asset in Asset:
            square.vault.must("deposit", FINE, asset is Asset.QUOTE, BROUGHT[asset], person, sender=person)
    square.pool.must("add_liquidity", KWH, 6 * GCM, 0, PEOPLE[0], LATE, sender=PEOPLE[0])


class Street:
    """The chain and its model. The model begins with what the chain shows."""

    def __init__(self, square: Square, tally: Counter[tuple[str, str]]) -> None:
        self.square, self.tally = square, tally
        self.book = Book(TERMS, now=START, beneficiary=BENEFICIARY)
        self.shares = Shares()
        self.shares.energy[PEOPLE[0]], self.shares.money[PEOPLE[0]] = KWH, 6 * GCM
        self.shares.add(KWH, 6 * GCM, 0, PEOPLE[0], PEOPLE[0])
        self.frozen: set[bytes] = set()
        for person in PEOPLE:
            base, quote, *_ = square.vault.view("account", FINE, person)
            self.book.deposit(person, Asset.BASE, base)
            self.book.deposit(person, Asset.QUOTE, quote)
            self.shares.energy[person], self.shares.money[person] = square.holding(person)
        self.whole = self.sums()

    # carrying out

    def do(
        self, contract: Contract, function: str, *args: Any, sender: bytes, model: Callable[[], Any], name: str = ""
    ) -> Any:
        """Both do it, or both refuse for the same reason. Returns what the model says, None when it refuses."""
        expected, answer = "ok", None
        try:
            answer = model()
        except Refused as refusal:
            expected = refusal.reason
        outcome = contract.call(function, *args, sender=sender)
        actual = "ok" if outcome.ok else outcome.reason
        self.tally[name or function, expected] += 1
        assert actual == expected, f"{function} {args}: {actual!r} instead of {expected!r}"
        return answer

    def market(self, kind: Kind, levels: int, *, pool: bool = True) -> Market:
        """What stands for a taker."""
        side = Side.BID if kind.selling else Side.ASK
        usable = levels if not self.book.halted else 0
        stand = [Level(TERMS.price(level.tick), self.book.depth(level)) for level in self.book.levels(side)[:usable]]
        return Market(TERMS.lot, TAKER_BPS, stand, self.shares.pool if pool and not self.shares.paused else None)

    def route(self, who: bytes, to: bytes, kind: Kind, amount: int, levels: int, *, tight: bool) -> Way | None:
        """A quote, held against the best of all splits and against either alone; then the trade, exactly so."""
        found = self.square.quote(FINE, kind, amount, levels)
        market = self.market(kind, levels)
        ways = market.every_way(kind, amount)
        if isinstance(found, str):
            assert found == "router: too little to trade with"
            assert not ways
            limit = 0 if kind.exact_in else 2**200
        else:
            assert no_worse(kind, found, best(kind, ways), market.slack(kind, ways))
            assert no_worse(kind, found, market.in_book_alone(kind, amount))
            assert no_worse(kind, found, market.in_pool_alone(kind, amount))
            limit = found.gotten + tight if kind.exact_in else found.given - tight
        order = self.square.order(FINE, kind, amount, limit, levels=levels, to=to)

        def model() -> Way:
            need(who not in self.frozen and to not in self.frozen, "router: account is frozen")
            need(not isinstance(found, str), "router: too little to trade with")
            assert isinstance(found, Way)
            need(not tight, f"router: {'less than the minimum' if kind.exact_in else 'more than the maximum'}")
            self.take(who, to, kind, found)
            self.swap(who, to, kind, found)
            return found

        name = f"route {kind.name.lower()}"
        way: Way | None = self.do(self.square.router, "trade", order, sender=who, model=model, name=name)
        assert self.square.kept(FINE) == (0, 0, 0, 0)
        for person in {who, to}:
            assert self.square.holding(person) == (self.shares.energy[person], self.shares.money[person])
        if way is not None:
            self.tally["route", f"{'book' if way.lots else ''}{'pool' if way.pool_in else ''}"] += 1
        return way

    def take(self, who: bytes, to: bytes, kind: Kind, way: Way) -> None:
        """The book's part, through the router's account; not past the trader's own best price."""
        if not way.lots:
            return
        side = Side.ASK if kind.selling else Side.BID
        level = self.book.levels(side.other)[way.levels - 1]
        own = self.book.own[who, side.other]
        need(not own.count or own.rank > rank(side.other, level.tick), "router: self-trade")
        gives, wants = (Asset.BASE, Asset.QUOTE) if kind.selling else (Asset.QUOTE, Asset.BASE)
        self.book.deposit(ROUTER, gives, way.book_in)
        self.book.take(ROUTER, side, level.tick, way.lots, least=way.lots, levels=way.levels)
        self.book.withdraw(ROUTER, wants, way.book_out)
        assert self.book.free[ROUTER, Asset.BASE] == self.book.free[ROUTER, Asset.QUOTE] == 0
        wallets = {Asset.BASE: self.shares.energy, Asset.QUOTE: self.shares.money}
        wallets[gives][who] -= way.book_in
        wallets[wants][to] += way.book_out

    def swap(self, who: bytes, to: bytes, kind: Kind, way: Way) -> None:
        """The pool's part."""
        if way.pool_in:
            amount = way.pool_in if kind.exact_in else way.pool_out
            trade = self.shares.trade(kind.formula, amount, way.pool_out if kind.exact_in else way.pool_in, who, to)
            moved = (trade.energy, trade.money) if kind.selling else (trade.money, trade.energy)
            assert moved == (way.pool_in, way.pool_out)

    # what happens beside

    def place(self, who: bytes, n: int, side: Side, life: Any, tick: int, lots: int) -> None:
        """An order, by an account of its own."""
        args = (who, n, side, life, 0, tick, lots)
        self.do(
            self.square.book, "place", FINE, n, side, life, 0, tick, lots,
            sender=who, model=lambda: self.book.place(*args) and None,
        )  # fmt: skip

    def close(self, who: bytes, n: int, *, cancelling: bool) -> None:
        """Cancel, or claim by a stranger."""
        if cancelling:
            self.do(self.square.book, "cancel", n, sender=who, model=lambda: self.book.cancel(who, n))
        else:
            self.do(self.square.book, "claim", who, n, sender=STRANGER, model=lambda: self.book.claim(who, n))

    def stop(self, what: str, *, stopped: bool) -> None:
        """A stop by a guardian, an end of it by the owner."""
        guard, square = self.square.guard, self.square
        if what == "pool" and stopped != self.shares.paused:
            guard.must("pause" if stopped else "unpause", square.pool.address, sender=GUARDIAN if stopped else OWNER)
            self.shares.paused = stopped
        if what == "book" and stopped != self.book.halted:
            name, sender = ("halt", GUARDIAN) if stopped else ("resume", OWNER)
            square.book.must(name, FINE, sender=sender)
            self.book.halted = stopped

    def freeze(self, who: bytes, *, frozen: bool) -> None:
        """By a guardian; for the router only."""
        if frozen != (who in self.frozen):
            self.square.guard.must("freeze" if frozen else "unfreeze", who, sender=GUARDIAN)
            self.frozen ^= {who}

    def pass_time(self, seconds: int) -> None:
        """Move both clocks."""
        self.book.now += seconds
        boa.env.timestamp = self.book.now

    # comparison

    def sums(self) -> tuple[int, int]:
        """All energy and all money, wherever they are."""
        vault = self.square.holding(self.square.vault.address)
        pool = self.square.holding(self.square.pool.address)
        wallets = [self.square.holding(person) for person in (*PEOPLE, BENEFICIARY, self.square.router.address)]
        return sum(w[0] for w in wallets) + vault[0] + pool[0], sum(w[1] for w in wallets) + vault[1] + pool[1]

    def compare(self, person: bytes) -> None:
        """One person's wallet and account, both sides of the book, the reserves, and that the router has nothing."""
        square = self.square
        assert square.kept(FINE) == (0, 0, 0, 0)
        assert square.pool.view("reserves") == (self.shares.pool.energy, self.shares.pool.money)
        assert square.holding(person) == (self.shares.energy[person], self.shares.money[person])
        base, quote, *_ = square.vault.view("account", FINE, person)
        assert (base, quote) == (self.book.free[person, Asset.BASE], self.book.free[person, Asset.QUOTE])
        for side in Side:
            shown = [
                (word >> 56 & 65_535, word >> 72, word & 2**56 - 1)
                for word in square.book.view("depth", FINE, side, 64, 2**200)
            ]
            assert shown == [(level.tick, level.life, self.book.depth(level)) for level in self.book.levels(side)]
