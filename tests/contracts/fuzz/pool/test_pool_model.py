# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The pool after any order of everything: E·M never falls in a trade, a share's value never, and every sum of parts holds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.pool.place import LATE, E, Place
from tests.contracts.fuzz.pool.twin import DEAD, MAX, Book
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, PEOPLE

KWH, GCM = 10**9, 10**18
START_ENERGY, START_MONEY = 10**6 * KWH, 10**7 * GCM
EXAMPLES, STEPS = {"default": (79, 60), "nightly": (1_580, 60)}[profile()]

FULL_EVERY = 8

people = st.sampled_from(PEOPLE)
names = st.sampled_from(("sell", "sell_for", "buy", "buy_with"))
shares_of = st.sampled_from((50, 0, 1, 3, 50, 200, 400, 999, 1_000, 1_001))  # thousandths of a reserve or a balance
dust = st.sampled_from((0, 0, 0, 1, 2, 1_000))
sloppy = st.sampled_from((False, False, False, True))


class Pools(RuleBasedStateMachine):
    """The chain and the book side by side."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()
    deployed: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self._chain = boa.env.anchor()
        self._chain.__enter__()
        self.place = self.deployed
        self.book = Book()
        for person in PEOPLE:
            self.place.fund(person, START_ENERGY, START_MONEY)
            self.book.energy[person] += START_ENERGY
            self.book.money[person] += START_MONEY
        self.seen = self.book.pool
        self.compared: Any = None
        self.step = 0

    def teardown(self) -> None:
        try:
            for person in PEOPLE:
                self.compare(person)
        finally:
            self._chain.__exit__(None, None, None)

    def compare(self, person: bytes) -> None:
        """What somebody has, on chain and in the book."""
        assert self.place.holding(person) == (self.book.energy[person], self.book.money[person])
        assert self.place.pool.view("balanceOf", person) == self.book.shares[person]

    def do(self, function: str, *args: Any, sender: bytes, model: Callable[[], Any]) -> Any:
        """Both do it with the same numbers, or both refuse for the same reason."""
        expected, answer = "ok", None
        before = self.book.pool
        try:
            answer = model()
        except Refused as refusal:
            expected = refusal.reason
            assert self.book.pool == before
        outcome = self.place.pool.call(function, *args, sender=sender)
        self.tally[function, expected] += 1
        assert (outcome.reason or "ok" if not outcome.ok else "ok") == expected, (function, outcome.reason, expected)
        if answer is not None:
            assert self.place.pool.artifact.functions[function].result(outcome.output) == answer
        return answer

    @initialize(who=people, empty=sloppy)
    def begin(self, who: bytes, *, empty: bool) -> None:
        """Most runs begin with a price, and with what it must refuse."""
        if not empty:
            self.do(
                "add_liquidity", 500 * KWH, 3_000 * GCM, 0, who, LATE,
                sender=who, model=lambda: self.book.add(500 * KWH, 3_000 * GCM, 0, who, who),
            )  # fmt: skip
            self.trade("sell", who, who, 50, 0, tight=True)
            self.trade("buy", who, who, 50, 0, tight=True)
            self.trade("buy", who, who, 1_000, 0, tight=False)
            self.remove(who, who, 50, 0, tight=True)
            self.remove(who, who, 1_001, 0, tight=False)

    @rule(name=names, who=people, to=people, part=shares_of, more=dust, tight=sloppy)
    def trade(self, name: str, who: bytes, to: bytes, part: int, more: int, *, tight: bool) -> None:
        """A trade of a part of the reserve; sometimes with a limit one unit too tight."""
        pool = self.book.pool
        side = pool.energy if name in ("sell", "buy") else pool.money
        amount = side * part // 1_000 // (4 if name in ("sell", "buy_with") else 1) + more
        exact_in = name in ("sell", "buy_with")
        limit = 0 if exact_in else MAX
        try:
            trade = getattr(pool, name)(amount)
            counter = trade.money if name in ("sell", "buy") else trade.energy
            limit = counter + (int(tight) if exact_in else -int(tight))
        except Refused:
            pass

        def model() -> int:
            made = self.book.trade(name, amount, limit, who, to)
            return made.money if name in ("sell", "buy") else made.energy

        self.do(name, amount, limit, to, LATE, sender=who, model=model)

    @rule(who=people, to=people, part=shares_of, skew=st.sampled_from((1, 900, 1_000, 1_000, 1_200)), more=dust)
    def add(self, who: bytes, to: bytes, part: int, skew: int, more: int) -> None:
        """Both sides, in proportion or not."""
        energy = (self.book.pool.energy or 500 * KWH) * part // 1_000 + more
        money = (self.book.pool.money or 3_000 * GCM) * part * skew // 1_000_000 + more
        self.do(
            "add_liquidity", energy, money, 0, to, LATE,
            sender=who, model=lambda: self.book.add(energy, money, 0, who, to),
        )  # fmt: skip

    @rule(who=people, to=people, part=shares_of, more=dust, tight=sloppy)
    def remove(self, who: bytes, to: bytes, part: int, more: int, *, tight: bool) -> None:
        """A part of somebody's shares."""
        shares = self.book.shares[who] * part // 1_000 + more
        energy = self.book.pool.remove(shares)[0] + int(tight) if self.book.pool.supply else 0
        self.do(
            "remove_liquidity", shares, energy, 0, to, LATE,
            sender=who, model=lambda: self.book.remove(shares, energy, 0, who, to),
        )  # fmt: skip

    @rule(who=people, part=shares_of)
    def add_and_remove(self, who: bytes, part: int) -> None:
        """In and out at once never profits on either side."""
        before = self.book.energy[who], self.book.money[who]
        energy, money = (side * part // 1_000 + 1 for side in (self.book.pool.energy, self.book.pool.money))
        made = self.do(
            "add_liquidity", energy, money, 0, who, LATE,
            sender=who, model=lambda: self.book.add(energy, money, 0, who, who),
        )  # fmt: skip
        if made:
            self.do(
                "remove_liquidity", made[0], 0, 0, who, LATE,
                sender=who, model=lambda: self.book.remove(made[0], 0, 0, who, who),
            )  # fmt: skip
            assert self.book.energy[who] <= before[0]
            assert self.book.money[who] <= before[1]

    @rule(
        kind=st.sampled_from(("donate", "move_shares", "collect", "set_fees")),
        who=people,
        to=people,
        part=shares_of,
        fees=st.sampled_from(((0, 0), (25, 5), (50, 50), (100, 0))),
    )
    def between_trades(self, kind: str, who: bytes, to: bytes, part: int, fees: tuple[int, int]) -> None:
        """What happens beside trades, each without a trace in the reserves."""
        self.tally[kind, "tried"] += 1
        if kind == "donate":
            self.donate(who, GCM * part)
        elif kind == "move_shares":
            self.move_shares(who, to, self.book.shares[who] * part // 1_000)
        elif kind == "collect":
            assert self.place.pool.must("collect_fees", sender=who).number == self.book.owed
            self.book.money[BENEFICIARY] += self.book.owed
            self.book.owed = 0
        else:
            self.place.pool.must("set_fees", *fees, sender=OWNER)
            self.book.pool = replace(self.book.pool, lp_bps=fees[0], treasury_bps=fees[1])

    def donate(self, who: bytes, amount: int) -> None:
        """Money sent unasked changes nothing; energy sent unasked is refused."""
        if self.book.money[who] >= amount:
            self.place.money.must("transfer", self.place.pool.address, amount, sender=who)
            self.book.money[who] -= amount
            self.book.donated += amount
        outcome = self.place.energy.call("safeTransferFrom", who, self.place.pool.address, E, 1, b"", sender=who)
        assert outcome.reason == "pool: not asked for"

    def move_shares(self, who: bytes, to: bytes, amount: int) -> None:
        """Shares change hands, if there are so many."""
        outcome = self.place.pool.call("transfer", to, amount, sender=who)
        assert outcome.ok == (amount <= self.book.shares[who]), outcome.reason
        if outcome.ok:
            self.book.shares[who] -= amount
            self.book.shares[to] += amount

    @rule(name=names, who=people, part=shares_of)
    def a_stop(self, name: str, who: bytes, part: int) -> None:
        """While the Guard stops the pool nobody trades or adds, and everybody can leave."""
        self.place.guard.must("pause", self.place.pool.address, sender=GUARDIAN)
        self.book.paused = True
        self.trade(name, who, who, part, 1, tight=False)
        self.add(who, who, part, 1_000, 1)
        self.remove(who, who, part, 0, tight=False)
        self.place.guard.must("unpause", self.place.pool.address, sender=OWNER)
        self.book.paused = False

    @invariant()
    def value_never_falls(self) -> None:
        """√(E·M) of a share never falls; E·M itself only when shares are given back."""
        old, new = self.seen, self.book.pool
        self.seen = new
        if old.supply:
            assert new.product * old.supply**2 >= old.product * new.supply**2
            assert new.supply < old.supply or new.product >= old.product
            assert new.energy > 0
            assert new.money > 0

    @invariant()
    def parts_are_the_whole(self) -> None:
        """Reserves, balances and shares: the chain's are the book's, and nothing came or went."""
        book, place, pool = self.book, self.place, self.book.pool
        self.step += 1
        assert pool.supply == sum(book.shares.values())
        assert sum(book.energy.values()) + pool.energy == len(PEOPLE) * START_ENERGY
        assert sum(book.money.values()) + pool.money + book.owed + book.donated == len(PEOPLE) * START_MONEY
        now = (pool, book.owed, book.donated, tuple(book.shares.values()))
        if now == self.compared and self.step % FULL_EVERY:
            return  # what is refused changes nothing
        self.compared = now
        assert place.pool.view("reserves") == (pool.energy, pool.money)
        assert place.pool.view("treasury_owed") == book.owed
        assert place.pool.view("totalSupply") == pool.supply
        assert place.holding(place.pool.address) == (pool.energy, pool.money + book.owed + book.donated)
        self.compare(PEOPLE[self.step % len(PEOPLE)])
        assert place.pool.view("balanceOf", DEAD) == book.shares[DEAD]


def test_pool__any_order_of_everything__is_the_book() -> None:
    Pools.tally.clear()
    asked = run()
    with boa.env.anchor():
        Pools.deployed = Place()
        run_state_machine_as_test(
            asked.seeded(Pools), settings=settings(asked.settings, max_examples=EXAMPLES, stateful_step_count=STEPS)
        )
    operations = sum(Pools.tally.values())
    print(asked.summary(operations, Pools.tally))
    assert operations >= asked.operations_min
    for seen in (
        ("sell", "ok"),
        ("sell_for", "ok"),
        ("buy", "ok"),
        ("buy_with", "ok"),
        ("sell", "pool: less than the minimum"),
        ("buy", "pool: more than the maximum"),
        ("buy", "pool: more than the reserve"),
        ("sell", "pool: paused"),
        ("add_liquidity", "ok"),
        ("add_liquidity", "pool: paused"),
        ("remove_liquidity", "ok"),
        ("remove_liquidity", "pool: less than the minimum"),
        ("remove_liquidity", "pool: amount exceeds balance"),
    ):
        assert Pools.tally[seen] or not asked.covers, f"the run never saw {seen}"
