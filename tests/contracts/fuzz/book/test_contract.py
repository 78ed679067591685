# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contract is the reference book, after any order of everything that traders can do."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import boa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.chain import SWEEPER, TERMS, TRADERS, Chain
from tests.contracts.fuzz.book.pair import Pair
from tests.contracts.fuzz.book.terms import LEVELS_MAX, TICKS, Asset, Life, Order, Side
from tests.contracts.fuzz.book.trading import MIDDLE, PLACES, Trading, sides, traders
from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.world import GUARDIAN, OWNER

EXAMPLES, STEPS = {"default": 70, "nightly": 1_470}, 60
PURSES = {Asset.BASE: 400 * TERMS.lot, Asset.QUOTE: 400 * TERMS.price(MIDDLE)}
RICH = {Asset.BASE: 10**20, Asset.QUOTE: 10**20}
MAKERS = {"default": (1, 10, 100), "nightly": (1, 10, 100, 1_000)}
FULL_EVERY = 30  # steps between two comparisons of everything


class Exchange(Trading):
    """The contract beside the reference book."""

    chain: ClassVar[Chain]  # deployed once: every example trades on it and forgets
    halted: Pair  # the market that was halted last

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.pairs = [Pair(type(self).tally, chain, PURSES) for chain in (self.chain, self.chain.other)]
        self.pair = self.pairs[0]
        self.people = TRADERS
        self.guest = SWEEPER
        self.step = 0
        self.changed = False

    @property
    def book(self) -> Book:  # type: ignore[override]  # of the market in which they trade now
        return self.pair.book

    def teardown(self) -> None:
        try:
            for pair in self.pairs:
                pair.compare_all()
            held = self.chain.held()
            assert held == {asset: sum(pair.book.brought[asset] for pair in self.pairs) for asset in Asset}
        finally:
            self._anchor.__exit__(None, None, None)

    def perform(self, operation: str, **arguments: Any) -> None:
        if operation == "pass_time":
            for pair in self.pairs:
                pair.pass_time(**arguments)
            self.changed = True
        elif self.pair.perform(operation, **arguments):
            self.changed = True

    @rule()
    def to_the_other_market(self) -> None:
        """Everybody trades in the other market for a while, with other lots, ticks and fees."""
        self.contract_is_reference()
        self._cross()

    def _cross(self) -> None:
        self.pair = self.pairs[1 - self.pairs.index(self.pair)]

    @rule(who=traders, asset=st.sampled_from(Asset), share=st.sampled_from((1, 50, 100, 101)))
    def withdraw(self, who: int, asset: Asset, share: int) -> None:
        """A part of what is free and back again, or more than there is."""
        owner = self.people[who]
        amount = self.book.free[owner, asset] * share // 100 + (share > 100)
        if self.pair.perform("withdraw", owner=owner, asset=asset, amount=amount):
            self.pair.bring(owner, asset, amount)
            self.changed = True

    @rule(who=traders, asset=st.sampled_from(Asset), share=st.sampled_from((1, 50, 100, 101)), wrong=st.integers(0, 5))
    def move(self, who: int, asset: Asset, share: int, wrong: int) -> None:
        """A part of what is free goes to the other market, or more than there is, or as another token."""
        owner, other = self.people[who], self.pairs[1 - self.pairs.index(self.pair)]
        amount = self.book.free[owner, asset] * share // 100 + (share > 100)
        to = asset if wrong else Asset(1 - asset)
        args = (self.pair.chain.market, asset is Asset.QUOTE, other.chain.market, to is Asset.QUOTE, amount)
        outcome = self.chain.vault.call("move", *args, sender=owner)
        expected = "ok" if to is asset else "vault: another token"
        if to is asset:
            try:
                self.book.withdraw(owner, asset, amount)
                other.book.deposit(owner, asset, amount)
            except Refused as refused:
                expected = refused.reason
        self.tally["move", expected] += 1
        assert ("ok" if outcome.ok else outcome.reason) == expected
        for pair in self.pairs:
            pair.compare_account(owner)

    @rule(which=st.integers(0, 50), count=st.integers(1, 4), odd=st.booleans())
    def claim_several(self, which: int, count: int, odd: bool) -> None:
        """Orders of anybody, some of which have nothing to get, one of them twice."""
        orders = [order for who in range(3) for order in (self.open_orders if odd else self.claimable)(who)]
        chosen = [orders[(which + i) % len(orders)] for i in range(count)] if orders else []
        self.perform("claim_many", owners=[o.owner for o in chosen], ns=[o.n for o in chosen])

    @rule(who=traders, which=st.integers(0, 50), home=st.sampled_from((0, 1, 2**255)))
    def close(self, who: int, which: int, home: int) -> None:
        """Claim some, cancel some, and home with what is free, up to so much of each; then back again."""
        owner, orders = self.people[who], self.open_orders(who)
        claims = [order.n for order in orders[which % 3 :: 3]][:64]
        cancels = [*(order.n for order in orders[which % 4 :: 4][:2]), PLACES + 900]
        before = self.book.brought.copy()
        self.perform("close", owner=owner, claims=claims, cancels=cancels, most=dict.fromkeys(Asset, home))
        for asset in Asset:
            if self.book.brought[asset] < before[asset]:
                self.pair.bring(owner, asset, before[asset] - self.book.brought[asset])

    @rule(
        how=st.sampled_from(("halt", "pause", "freeze", "freeze")),
        who=traders,
        side=sides,
        away=st.integers(0, 2),
        which=st.integers(0, 50),
        elsewhere=st.booleans(),
    )
    def stopped(self, how: str, who: int, side: Side, away: int, which: int, elsewhere: bool) -> None:
        """While a market is halted, the book paused or a trader frozen: what must not go on, and what must."""
        self.contract_is_reference()  # now: comparing everything takes from every level, which a stop refuses
        self._stop(how, who, stop=True)
        if elsewhere:  # a halt is of one market, a pause and a freeze of all
            self._cross()
        self.quote(who, side, away, 4, Life.GTC)
        self.take(who, side, 0 if side is Side.ASK else TICKS - 1, 3, 256, 0, clean=bool(which % 2))
        self.trade(who, which % PLACES, side, MIDDLE, 4, Life.DAY, 256, clean=False)
        self.take_from_others(side, 5, 256)
        self.withdraw(who, Asset.BASE, 50)
        self.move(who, Asset.QUOTE, 50, 1)
        self.claim_one(who, which)
        self.cancel_one(who, which)
        orders = [*(order.n for order in self.open_orders(who)[:2]), PLACES + 900]
        self.perform("cancel_frozen", owner=self.people[who], ns=orders)
        self._stop(how, who, stop=False)

    def _stop(self, how: str, who: int, *, stop: bool) -> None:
        """Stop it, or let it go on; the Guard tells the book about frozen accounts."""
        guard, book, owner = self.chain.guard, self.chain.book, self.people[who]
        if how == "freeze":
            guard.must("freeze" if stop else "unfreeze", owner, sender=GUARDIAN)
            for pair in self.pairs:
                (pair.book.frozen.add if stop else pair.book.frozen.discard)(owner)
            return
        if how == "pause":
            guard.must("pause" if stop else "unpause", book.address, sender=GUARDIAN if stop else OWNER)
        else:
            self.halted = self.pair if stop else self.halted
            book.must(
                "halt" if stop else "resume", self.halted.chain.market, sender=GUARDIAN if stop else OWNER
            )  # fmt: skip
        for pair in self.pairs if how == "pause" else [self.halted]:
            pair.book.halted = stop

    @invariant()
    def contract_is_reference(self) -> None:
        """What an operation touched, and now and then everything. A refused operation touches nothing."""
        self.step += 1
        if self.step % FULL_EVERY == 0:
            self.pair.compare_all()
        elif self.changed:
            self.pair.compare()
        self.changed = False


def test_contract__any_trading__is_the_reference_book() -> None:
    Exchange.tally.clear()
    Exchange.chain = Chain(PURSES)
    wanted = run()
    run_state_machine_as_test(
        wanted.seeded(Exchange),
        settings=settings(wanted.settings, max_examples=EXAMPLES[profile()], stateful_step_count=STEPS),
    )
    operations = sum(Exchange.tally.values())
    print(wanted.summary(operations, Exchange.tally))
    assert operations >= wanted.operations_min
    for operation, outcomes in {
        "place": ("ok", "order_book: would cross", "order_book: session is not running", "order_book: halted"),
        "take": (
            "ok",
            "order_book: account is frozen",
            "order_book: too little to trade with",
            "order_book: self-trade",
        ),
        "trade": ("ok", "order_book: place is in use", "order_book: self-trade"),
        "cancel": ("ok", "order_book: no such order"),
        "claim": ("ok", "order_book: nothing to claim"),
        "refresh": ("ok", "order_book: not all orders"),
        "collect": ("ok",),
        "withdraw": ("ok", "order_book: not enough base", "vault: account is frozen"),
        "move": ("ok", "order_book: not enough base", "vault: another token", "vault: account is frozen"),
        "claim_many": ("ok", "order_book: nothing to claim"),
        "close": ("ok", "order_book: nothing to claim"),
        "cancel_frozen": ("ok", "order_book: account not frozen"),
    }.items():
        for outcome in outcomes:
            seen = Exchange.tally[operation, outcome]
            assert seen or not wanted.covers, f"the run never saw {operation}: {outcome}"


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A market in which everybody is rich."""
    with boa.env.anchor():
        yield Pair(Counter(), Chain(RICH), RICH)


def test_queue__longer_than_a_tree_node__every_order_is_the_references(pair: Pair) -> None:
    """More than 256 orders at one level, cancelled anywhere, and again and again where the tree of sums grows."""
    draw = random.Random(20_261_121)
    numbers = iter(range(1_000))

    def queue() -> list[Order]:
        return sorted((o for who in TRADERS for o in pair.book.open(who, Side.ASK)), key=lambda order: order.number)

    def place() -> None:
        n = next(numbers)
        terms = {"side": Side.ASK, "life": Life.GTC, "session": 0, "tick": MIDDLE, "lots": 2 + n % 5}
        assert pair.perform("place", owner=TRADERS[n % 3], n=n, **terms)

    def cancel(order: Order) -> None:
        assert pair.perform("cancel", owner=order.owner, n=order.n)

    longest = 0
    for length in (15, 16, 17, 18, 31, 33, 65, 255, 256, 257, 258, 275):
        for _ in range(length - longest):
            place()
        longest = length
        cancel(queue()[-1])
        cancel(draw.choice(queue()[1:-1]))
        place()
        cancel(draw.choice(queue()[1:-1]))
        cancel(queue()[0])
        take = {"side": Side.BID, "tick": MIDDLE, "lots": draw.randrange(1, 5), "least": 0, "levels": 1, "done": []}
        assert pair.perform("take", owner=SWEEPER, **take)
        pair.orders = draw.sample(pair.book.orders, min(len(pair.book.orders), 40))
        pair.compare()


@pytest.mark.parametrize("empties", [False, True])
def test_take__many_makers_at_one_price__costs_what_one_does(pair: Pair, empties: bool) -> None:
    """A taker pays for levels, not for makers."""
    costs = []
    for makers in MAKERS[profile()]:
        with boa.env.anchor():
            order = (1, Side.ASK, Life.GTC, 0, MIDDLE, 2)
            for n in range(makers):
                assert pair.chain.send("place", order[0], n, *order[1:], sender=TRADERS[0]).ok
            take: tuple[Any, ...] = (1, Side.BID, MIDDLE, 2 * makers - (not empties), 0, LEVELS_MAX, [])
            outcome = pair.chain.send("take", *take, sender=SWEEPER)
            assert outcome.ok
            costs.append(outcome.gas)
    assert max(costs) - min(costs) <= costs[0] // 50, costs
