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

from tests.contracts.fuzz.book.chain import SWEEPER, TERMS, TRADERS, Chain
from tests.contracts.fuzz.book.pair import Pair
from tests.contracts.fuzz.book.terms import LEVELS_MAX, Asset, Life, Order, Side
from tests.contracts.fuzz.book.trading import MIDDLE, Trading, traders
from tests.contracts.fuzz.profiles import profile, run

EXAMPLES, STEPS = {"default": 30, "nightly": 2_000}, 60
OPERATIONS_MIN = {"default": 1_500, "nightly": 100_000}
PURSES = {Asset.BASE: 400 * TERMS.lot, Asset.QUOTE: 400 * TERMS.price(MIDDLE)}
RICH = {Asset.BASE: 10**20, Asset.QUOTE: 10**20}
MAKERS = {"default": (1, 10, 100), "nightly": (1, 10, 100, 1_000)}
FULL_EVERY = 30  # steps between two comparisons of everything


class Exchange(Trading):
    """The contract beside the reference book."""

    chain: ClassVar[Chain]  # deployed once: every example trades on it and forgets

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.pair = Pair(type(self).tally, self.chain, PURSES)
        self.book = self.pair.book
        self.people = TRADERS
        self.guest = SWEEPER
        self.step = 0
        self.changed = False

    def teardown(self) -> None:
        try:
            self.pair.compare_all()
        finally:
            self._anchor.__exit__(None, None, None)

    def perform(self, operation: str, **arguments: Any) -> None:
        if operation == "pass_time":
            self.pair.pass_time(**arguments)
            self.changed = True
        elif self.pair.perform(operation, **arguments):
            self.changed = True

    @rule(who=traders, asset=st.sampled_from(Asset), share=st.sampled_from((1, 50, 100, 101)))
    def withdraw(self, who: int, asset: Asset, share: int) -> None:
        """A part of what is free and back again, or more than there is."""
        owner = self.people[who]
        amount = self.book.free[owner, asset] * share // 100 + (share > 100)
        if self.pair.perform("withdraw", owner=owner, asset=asset, amount=amount):
            self.pair.bring(owner, asset, amount)
            self.changed = True

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
    assert operations >= OPERATIONS_MIN[profile()]
    for operation, outcomes in {
        "place": ("ok", "order_book: would cross", "order_book: session is not running"),
        "take": ("ok", "order_book: too little to trade with", "order_book: self-trade"),
        "trade": ("ok", "order_book: place is in use", "order_book: self-trade"),
        "cancel": ("ok", "order_book: no such order"),
        "claim": ("ok", "order_book: nothing to claim"),
        "refresh": ("ok", "order_book: not all orders"),
        "collect": ("ok",),
        "withdraw": ("ok", "order_book: not enough base"),
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
