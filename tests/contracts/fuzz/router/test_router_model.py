# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The router among people who place, cancel, claim, swap, stop and wait: always the best way, nothing kept, nothing lost."""

from collections import Counter
from typing import ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contracts.fuzz.book.terms import DAY_SECONDS, SLOT_SECONDS, TICKS, Life, Side
from tests.contracts.fuzz.pool.place import LATE
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.router.square import Square, fresh
from tests.contracts.fuzz.router.street import TERMS, Street, furnish
from tests.contracts.fuzz.router.twin import Kind
from tests.contracts.fuzz.world import PEOPLE, START

EXAMPLES, STEPS = {"default": (18, 60), "nightly": (1_700, 60)}[profile()]
PLACES = 5  # that one person uses

people = st.sampled_from(PEOPLE)
places = st.integers(0, PLACES - 1)
kinds = st.sampled_from(Kind)
rarely = st.sampled_from((False, False, False, False, True))
lots = st.integers(1, 25)
looks = st.sampled_from((64, 64, 3, 1, 0))


class Streets(RuleBasedStateMachine):
    """Everybody at once."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()
    furnished: ClassVar[Square]

    def __init__(self) -> None:
        super().__init__()
        self._chain = boa.env.anchor()
        self._chain.__enter__()
        boa.env.timestamp = START
        self.street = Street(self.furnished, self.tally)
        self.step = 0

    def teardown(self) -> None:
        try:
            for person in PEOPLE:
                self.street.compare(person)
            assert self.street.sums() == self.street.whole
        finally:
            self._chain.__exit__(None, None, None)

    def at_the_pool(self) -> int:
        """The tick that is the pool's price."""
        pool = self.street.shares.pool
        return min(max(pool.money * TERMS.lot // pool.energy - TERMS.base_price, 0) // TERMS.tick_size, TICKS - 100)

    @initialize(sizes=st.lists(lots, min_size=6, max_size=6))
    def begin(self, sizes: list[int]) -> None:
        """Both sides of the book stand around the pool's price."""
        for n, size in enumerate(sizes):
            side = Side(n % 2)
            away = 6 + 9 * (n // 2)
            tick = self.at_the_pool() + (away if side is Side.ASK else -away)
            self.street.place(PEOPLE[n % 3], n, side, Life.GTC, max(tick, 0), size)

    @rule(
        who=people,
        n=places,
        side=st.sampled_from(Side),
        life=st.sampled_from(Life),
        away=st.integers(-10, 60),
        size=lots,
    )
    def place(self, who: bytes, n: int, side: Side, life: Life, away: int, size: int) -> None:
        """Near the pool's price, so that the two compete."""
        tick = self.at_the_pool() + (away if side is Side.ASK else -away)
        self.street.place(who, n, side, life, max(tick, 0), size)

    @rule(
        who=people,
        to=people,
        kind=kinds,
        size=st.integers(1, 120),
        odd=st.sampled_from((0, 0, 1, 999_999)),
        look=looks,
        tight=rarely,
    )
    def route(self, who: bytes, to: bytes, kind: Kind, size: int, odd: int, look: int, *, tight: bool) -> None:
        """Around what stands in the book, in lots or in their worth."""
        unit = TERMS.lot if kind in (Kind.SELL, Kind.BUY) else TERMS.price(self.at_the_pool())
        self.street.route(who, to, kind, size * unit + odd, look, tight=tight)

    @rule(who=people, kind=kinds, part=st.integers(1, 40))
    def swap(self, who: bytes, kind: Kind, part: int) -> None:
        """In the pool, past the router."""
        street, pool = self.street, self.street.shares.pool
        amount = (pool.energy if kind in (Kind.SELL, Kind.BUY) else pool.money) * part // 1_000
        limit = 0 if kind.exact_in else 2**111
        trade = lambda: street.shares.trade(kind.formula, amount, limit, who, who) and None  # noqa: E731
        if who not in street.frozen:
            street.do(street.square.pool, kind.formula, amount, limit, who, LATE, sender=who, model=trade, name="swap")

    @rule(who=people, n=places, cancelling=st.booleans())
    def close(self, who: bytes, n: int, *, cancelling: bool) -> None:
        """Cancel or claim, whatever stands there."""
        self.street.close(who, n, cancelling=cancelling)

    @rule(which=st.integers(0, 50))
    def claim(self, which: int) -> None:
        """Somebody's order that has something to get."""
        book = self.street.book
        ready = [o for o in book.places.values() if not o.closed and (o.unclaimed or book.expired(o))]
        if ready:
            order = ready[which % len(ready)]
            self.street.close(order.owner, order.n, cancelling=False)

    @rule(what=st.sampled_from(("book", "pool")), kind=kinds, who=people, size=st.integers(1, 60))
    def a_stop(self, what: str, kind: Kind, who: bytes, size: int) -> None:
        """Meanwhile everything goes through the other one."""
        self.street.stop(what, stopped=True)
        self.route(who, who, kind, size, 1, 64, tight=False)
        self.street.stop(what, stopped=False)

    @rule(who=people, to=people, kind=kinds)
    def a_freeze(self, who: bytes, to: bytes, kind: Kind) -> None:
        """Nobody trades for a frozen account or to one."""
        self.street.freeze(to, frozen=True)
        self.route(who, to, kind, 5, 0, 64, tight=False)
        self.street.freeze(to, frozen=False)

    @rule(seconds=st.sampled_from((1, SLOT_SECONDS, DAY_SECONDS)), often=rarely)
    def pass_time(self, seconds: int, *, often: bool) -> None:
        """Sessions end, and what stood in them is not offered any more."""
        if often:
            self.street.pass_time(seconds)

    @invariant()
    def the_chain_is_the_model(self) -> None:
        """Now and then one person in turn; everybody and all sums at the end."""
        self.step += 1
        if self.step % 8 == 0:
            self.street.compare(PEOPLE[self.step // 8 % len(PEOPLE)])


def test_router__any_order_of_everything__is_the_best_way() -> None:
    Streets.tally.clear()
    asked = run()
    with boa.env.anchor():
        Streets.furnished = fresh()
        furnish(Streets.furnished)
        run_state_machine_as_test(
            asked.seeded(Streets), settings=settings(asked.settings, max_examples=EXAMPLES, stateful_step_count=STEPS)
        )
    print(asked.summary(sum(Streets.tally.values()), Streets.tally))
    for seen in (
        *((f"route {kind.name.lower()}", "ok") for kind in Kind),
        ("route", "book"),
        ("route", "pool"),
        ("route", "bookpool"),
        ("route sell", "router: less than the minimum"),
        ("route buy", "router: more than the maximum"),
        ("route buy", "router: self-trade"),
        ("route sell", "router: self-trade"),
        ("route buy", "router: account is frozen"),
        ("claim", "ok"),
        ("cancel", "ok"),
    ):
        assert Streets.tally[seen] or not asked.covers, f"the run never saw {seen}"
