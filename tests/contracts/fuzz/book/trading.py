# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Random traders: what they try, in any order, at a handful of prices so that they meet. A subclass carries it out."""

from collections import Counter
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.terms import DAY_SECONDS, SLOT_SECONDS, TICKS, Asset, Life, Order, Side

PLACES = 6  # that one trader uses
MIDDLE = 30_000  # the tick around which they trade

traders = st.integers(0, 2)
sides = st.sampled_from(Side)
lives = st.sampled_from(Life)
# Near the middle, now and then in another word of a bitmap or at an end of the band.
near = st.integers(MIDDLE - 4, MIDDLE + 4)
ticks = st.one_of(*[near] * 9, st.sampled_from((0, MIDDLE - 256, MIDDLE + 300, TICKS - 1)))
lots = st.one_of(*[st.integers(1, 9)] * 4, st.sampled_from((0, 40)))
places = st.integers(0, PLACES - 1)
walks = st.sampled_from((1, 2, 256, 256))
seconds = st.sampled_from((1, 60, SLOT_SECONDS - 1, SLOT_SECONDS, 7_200, DAY_SECONDS))


class Trading(RuleBasedStateMachine):
    """The traders. `perform` does an operation on the reference book and on whatever it is compared with."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()  # (operation, "ok" or the reason) over a whole run
    book: Book
    people: tuple[bytes, ...]
    guest: bytes  # who never has an order

    def perform(self, operation: str, **arguments: Any) -> None:
        """Carry it out on both sides."""
        raise NotImplementedError

    def open_orders(self, who: int) -> list[Order]:
        """A trader's orders that are not closed."""
        return [order for side in Side for order in self.book.open(self.people[who], side)]

    def claimable(self, who: int) -> list[Order]:
        """Those of them that have something to get."""
        return [order for order in self.open_orders(who) if order.unclaimed or self.book.expired(order)]

    @rule(who=traders, n=places, side=sides, tick=ticks, size=lots, life=lives, session=st.sampled_from((None, 0, -1)))
    def place(self, who: int, n: int, side: Side, tick: int, size: int, life: Life, session: int | None) -> None:
        """An order anywhere; often it would cross, or its place is taken. Sometimes it names the last session."""
        named = life.session(self.book.now) + session if life and session is not None else 0
        self.perform("place", owner=self.people[who], n=n, side=side, life=life, session=named, tick=tick, lots=size)

    @rule(who=traders, side=sides, away=st.integers(0, 3), size=lots, life=lives)
    def quote(self, who: int, side: Side, away: int, size: int, life: Life) -> None:
        """An order in a free place that does not cross, some ticks from the other side's best."""
        best = self.book.best(side.other)
        middle = MIDDLE if best is None else best + (1 if side is Side.ASK else -1)
        tick = min(max(middle + (away if side is Side.ASK else -away), 0), TICKS - 1)
        used = {order.n for order in self.open_orders(who)}
        free = next((n for n in range(PLACES) if n not in used), PLACES)
        if free < PLACES:
            self.perform("place", owner=self.people[who], n=free, side=side, life=life, session=0, tick=tick, lots=size)

    @rule(who=traders, side=sides, away=st.integers(0, 1), count=st.integers(2, 6), life=lives)
    def crowd(self, who: int, side: Side, away: int, count: int, life: Life) -> None:
        """Many small orders at one price: a queue outgrows one node of a tree of cancellations."""
        best = self.book.best(side.other)
        middle = MIDDLE if best is None else best + (1 if side is Side.ASK else -1)
        tick = min(max(middle + (away if side is Side.ASK else -away), 0), TICKS - 1)
        first = max([PLACES, *(order.n for order in self.open_orders(who))]) + 1
        for n in range(first, first + count if first < PLACES + 60 else first):
            size = self.book.terms.size_min + n % 3
            self.perform("place", owner=self.people[who], n=n, side=side, life=life, session=0, tick=tick, lots=size)

    @rule(who=traders, side=sides, tick=ticks, size=lots, levels=walks, least=st.integers(0, 12), clean=st.booleans())
    def take(self, who: int, side: Side, tick: int, size: int, levels: int, least: int, *, clean: bool) -> None:
        """Anything that a taker may ask for, with its own filled orders claimed before or not."""
        done = [order.n for order in self.open_orders(who)][:16] if clean else []
        self.perform(
            "take",
            owner=self.people[who],
            side=side,
            tick=tick,
            lots=size,
            least=least if least <= size else 0,
            levels=levels,
            done=done,
        )

    @rule(side=sides, size=lots, levels=walks)
    def take_from_others(self, side: Side, size: int, levels: int) -> None:
        """Somebody without an order at the best prices takes what is there."""
        reached = self.book.levels(side.other)[:2]
        makers = {order.owner for level in reached for order in self.book.queues[level]}
        taker = next((one for one in self.people if one not in makers), self.people[0])
        tick = reached[-1].tick if reached else MIDDLE
        self.perform("take", owner=taker, side=side, tick=tick, lots=size, least=0, levels=levels, done=[])

    @rule(who=traders, n=places, side=sides, tick=near, size=lots, life=lives, levels=walks, clean=st.booleans())
    def trade(
        self, who: int, n: int, side: Side, tick: int, size: int, life: Life, levels: int, *, clean: bool
    ) -> None:
        """A limit order that may cross."""
        done = [order.n for order in self.open_orders(who)][:16] if clean else []
        self.perform(
            "trade",
            owner=self.people[who],
            n=n,
            side=side,
            life=life,
            session=0,
            tick=tick,
            lots=size,
            levels=levels,
            done=done,
        )

    @rule(
        who=traders,
        side=sides,
        away=st.integers(0, 2),
        size=st.integers(2, 12),
        life=lives,
        share=st.sampled_from((1, 50, 99, 100, 150)),
        then=st.sampled_from(("claim", "claim", "cancel", "come late", "forget")),
    )
    def meet(self, who: int, side: Side, away: int, size: int, life: Life, share: int, then: str) -> None:
        """A trader offers, another one takes a part of it or more, and the first one comes for what is due."""
        best = self.book.best(side.other)
        middle = MIDDLE if best is None else best + (1 if side is Side.ASK else -1)
        tick = min(max(middle + (away if side is Side.ASK else -away), 0), TICKS - 1)
        used = {order.n for order in self.open_orders(who)}
        n = next(n for n in range(1_000) if n not in used)
        maker, taker = self.people[who], self.people[(who + 1) % 3]
        self.perform("place", owner=maker, n=n, side=side, life=life, session=0, tick=tick, lots=size)
        done = [order.n for order in self.claimable((who + 1) % 3)][:16]
        wanted = max(size * share // 100, 1)
        self.perform("take", owner=taker, side=side.other, tick=tick, lots=wanted, least=0, levels=256, done=done)
        if then == "come late":
            self.perform("pass_time", seconds=SLOT_SECONDS)
        if then != "forget":
            self.perform("cancel" if then == "cancel" else "claim", owner=maker, n=n)

    @rule(side=sides, where=st.sampled_from((0, 0, 1, -1)), share=st.sampled_from((30, 60, 100)))
    def thin_out(self, side: Side, where: int, share: int) -> None:
        """An order leaves a queue, first, later or last, and a part of the others is taken."""
        level = next((level for level in self.book.levels(side) if len(self.book.queues[level]) > 1), None)
        if level:
            order = self.book.queues[level][where]
            self.perform("cancel", owner=order.owner, n=order.n)
            before = sum(self.book.depth(better) for better in self.book.levels(side) if better < level)
            wanted = before + max(self.book.depth(level) * share // 100, 1)
            self.perform(
                "take", owner=self.guest, side=side.other, tick=level.tick, lots=wanted, least=0, levels=256, done=[]
            )

    @rule(who=traders, n=places)
    def cancel(self, who: int, n: int) -> None:
        """Any place, often one without an order."""
        self.perform("cancel", owner=self.people[who], n=n)

    @rule(who=traders, which=st.integers(0, 50))
    def cancel_one(self, who: int, which: int) -> None:
        """An open order of the trader, wherever it stands in its queue."""
        standing = self.open_orders(who)
        if standing:
            self.perform("cancel", owner=self.people[who], n=standing[which % len(standing)].n)

    @rule(who=traders, n=places)
    def claim(self, who: int, n: int) -> None:
        """Any place, and at once again."""
        for _ in range(2):
            self.perform("claim", owner=self.people[who], n=n)

    @rule(who=traders, which=st.integers(0, 50))
    def claim_one(self, who: int, which: int) -> None:
        """An order that has something to get, and at once again."""
        ready = self.claimable(who)
        if ready:
            for _ in range(2):
                self.perform("claim", owner=self.people[who], n=ready[which % len(ready)].n)

    @rule(
        who=traders, side=sides, how=st.sampled_from(("all", "all but one", "all but one", "one twice", "a closed one"))
    )
    def refresh(self, who: int, side: Side, how: str) -> None:
        """Show the open orders, or say something else."""
        if not self.book.open(self.people[who], side):
            side = side.other
        shown = sorted(order.n for order in self.book.open(self.people[who], side))
        if how == "all but one":
            shown = shown[1:]
        elif how == "one twice":
            shown = shown[1:] + shown[-1:]
        elif how == "a closed one":
            shown = [PLACES, *shown[1:]]
        self.perform("refresh", owner=self.people[who], side=side, ns=shown)

    @precondition(lambda self: any(self.book.fees.values()))
    @rule(asset=st.sampled_from(Asset))
    def collect(self, asset: Asset) -> None:
        """Fees in one of the assets go to the beneficiary."""
        self.perform("collect", asset=asset)

    @rule(by=seconds)
    def pass_time(self, by: int) -> None:
        """Sessions end."""
        self.perform("pass_time", seconds=by)
