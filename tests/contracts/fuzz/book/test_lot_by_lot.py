# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The reference book against a pile of single lots, and every invariant of DESIGN.md after every operation."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.invariants import a_second_claim_pays_nothing, check_all
from tests.contracts.fuzz.book.lots import Pile
from tests.contracts.fuzz.book.terms import Asset, Level, Life, Order, Side, Take, Terms, gives, rank, wants
from tests.contracts.fuzz.book.trading import Trading
from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.profiles import profile

START = 1_800_000_000
TERMS = Terms(base_price=7, tick_size=3, lot=1_000, size_min=2, maker_bps=13, taker_bps=27)
EXAMPLES = {"default": 40, "nightly": 4_000}


class Twins(Trading):
    """Both models side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(TERMS, now=START, beneficiary=b"d" * 20)
        self.pile = Pile()
        self.people = (b"a" * 20, b"b" * 20, b"c" * 20)
        self.guest = b"z" * 20
        for person in (*self.people, self.guest):
            self.book.deposit(person, Asset.BASE, 80_000)
            self.book.deposit(person, Asset.QUOTE, 6_000_000)

    def perform(self, operation: str, **arguments: Any) -> None:
        before = self.book.free.copy()
        reason = "ok"
        try:
            getattr(self, f"_{operation}")(**arguments)
        except Refused as refusal:
            reason = refusal.reason
            assert self.book.free == before
        type(self).tally[operation, reason] += 1

    def _place(self, **arguments: Any) -> None:
        self._offer(self.book.place(**arguments))

    def _take(self, owner: bytes, **arguments: Any) -> None:
        self._sell(self.book.take(owner, **arguments), arguments["levels"])

    def _trade(self, **arguments: Any) -> None:
        take, order = self.book.trade(**arguments)
        self._sell(take, arguments["levels"])
        if order:
            assert order.size == arguments["lots"] - take.lots
            self._offer(order)

    def _offer(self, order: Order) -> None:
        level = order.level
        self.pile.offer(
            order.number,
            is_ask=level.side is Side.ASK,
            price=level.tick,
            life=level.life,
            now=self.book.now,
            count=order.size,
        )

    def _sell(self, take: Take, levels: int) -> None:
        sold = self.pile.sold(asks=take.side is Side.BID, limit=take.tick, now=self.book.now, count=take.wanted)
        if len(take.levels) == levels:
            sold = sold[: take.lots]
        assert Counter({fill.order.number: fill.lots for fill in take.fills}) == Counter(lot.order for lot in sold)
        worth = {Asset.BASE: 1_000 * len(sold), Asset.QUOTE: sum(7 + 3 * lot.price for lot in sold)}
        assert (take.paid, take.received) == (worth[gives(take.side)], worth[wants(take.side)])
        self.pile.remove(sold)

    def _cancel(self, owner: bytes, n: int) -> None:
        order = self.book.standing(owner, n)
        assert self.book.cancel(owner, n)[1] == self.pile.withdraw(order.number)

    def _claim(self, owner: bytes, n: int) -> None:
        order = self.book.standing(owner, n)
        _, back = self.book.claim(owner, n)
        if order.closed:
            assert back == self.pile.withdraw(order.number)
        a_second_claim_pays_nothing(self.book, owner, n)

    def _refresh(self, owner: bytes, side: Side, ns: list[int]) -> None:
        self.book.refresh(owner, side, ns)
        ranks = [order.level.rank for order in self.book.open(owner, side)]
        assert not ranks or self.book.own[owner, side].rank == min(ranks)

    def _collect(self, asset: Asset) -> None:
        self.book.collect(asset)

    def _pass_time(self, seconds: int) -> None:
        self.book.now += seconds

    @invariant()
    def holds(self) -> None:
        now = self.book.now
        stands = self.pile.shown(now)
        levels = {
            Level(rank(Side(is_ask), price), Life(life), Life(life).session(now), Side(is_ask))
            for is_ask, price, life in stands
        }
        bids, asks = ([price for is_ask, price, _ in stands if is_ask is wanted] for wanted in (False, True))
        check_all(
            self.book,
            held=self.book.brought,
            bits=levels,
            bid=max(bids, default=None),
            ask=min(asks, default=None),
        )


def test_book__any_trading__sells_the_best_lots_first() -> None:
    Twins.tally.clear()
    run_state_machine_as_test(
        seed(20_261_121)(Twins),
        settings=settings(
            max_examples=EXAMPLES[profile()],
            stateful_step_count=50,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    for operation, outcomes in {
        "place": ("ok", "order_book: would cross", "order_book: session is not running"),
        "take": (
            "ok",
            "order_book: too little to trade with",
            "order_book: self-trade",
            "order_book: not enough quote",
        ),
        "trade": ("ok", "order_book: place is in use", "order_book: self-trade"),
        "cancel": ("ok", "order_book: no such order"),
        "claim": ("ok", "order_book: nothing to claim"),
        "refresh": ("ok", "order_book: not all orders"),
    }.items():
        for outcome in outcomes:
            assert Twins.tally[operation, outcome], f"the run never saw {operation}: {outcome}"
