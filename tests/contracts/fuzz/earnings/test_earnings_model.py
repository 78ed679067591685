# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Earnings and Funds after any order of everything: every unit is owed to somebody, and nobody earns what came before it."""

from collections import Counter
from typing import ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.contracts.fuzz.earnings.place import (
    ASSETS,
    COIN,
    GIVEN,
    GROUPS,
    NOBODY,
    PERIOD,
    Books,
    Place,
)
from tests.contracts.fuzz.market import Compared, need, operation
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, STRANGER, TREASURY

EXAMPLES, STEPS = {"default": (66, 90), "nightly": (1_300, 90)}[profile()]

CHECK_EVERY = 5  # no divisor of 2, 3 and 4: in turn it meets every asset, group and person

people = st.sampled_from(PEOPLE)
groups = st.sampled_from(GROUPS)
numbers = st.sampled_from(ASSETS)
amounts = st.one_of(st.sampled_from((1, 2, 3, 100, 10**9)), st.integers(1, 10**12))
to_lock = st.sampled_from((0, 1, 7, 1_000, 2_500, GIVEN + 1))
shares = st.sampled_from((((0, 10_000),), ((0, 3_333), (1, 3_334)), ((1, 1),), (), ((0, 2_500), (1, 7_500))))
wrong = st.sampled_from((((1, 1), (0, 1)), ((0, 0),), ((2, 1),), ((0, 9_999), (1, 2))))
waits = st.sampled_from((1, 3_600, PERIOD // 2, PERIOD, 3 * PERIOD))


class Earned(Compared):
    """The chain and the books side by side."""

    deployed: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.on = self.deployed
        boa.env.timestamp = self.now + 1
        self.books = Books()
        self.seen = 0
        for person, amount in zip(PEOPLE[:2], (1_000, 2_500), strict=True):
            for group in GROUPS:
                self.lock(person, group, amount)
        self.set_shares(((0, 5_000), (1, 2_500)))

    # people

    @operation(weight=2, person=people, group=groups, amount=to_lock)
    def lock(self, person: bytes, group: int, amount: int) -> None:
        """More weight from now on."""
        lock = self.books.locks[group]

        def model() -> None:
            need(amount != 0, "voting_lock: nothing to lock")
            need(lock.now(person) + amount <= GIVEN, "erc20: transfer amount exceeds balance")
            lock.change(person, self.now, amount)

        self.both(model, self.on.locks[group], "lock", amount, sender=person)

    @operation(person=people, group=groups, amount=to_lock)
    def unlock(self, person: bytes, group: int, amount: int) -> None:
        """Less from now on; what was earned stays."""
        lock = self.books.locks[group]

        def model() -> None:
            need(amount != 0, "voting_lock: nothing to unlock")
            need(amount <= lock.now(person), "voting_lock: amount exceeds what is locked")
            lock.change(person, self.now, -amount)

        self.both(model, self.on.locks[group], "unlock", amount, sender=person)

    @operation(weight=2, person=people, group=groups, chosen=st.lists(numbers, max_size=4))
    def claim(self, person: bytes, group: int, chosen: list[int]) -> None:
        """Anybody claims for somebody; the books say how much comes."""
        before = {number: self.on.balance(number, person) for number in set(chosen)}
        paid: Counter[int] = Counter()
        outcome = self.both(
            lambda: paid.update(self.books.claim(person, person, group, chosen)),
            self.on.earnings, "claim", person, group, chosen, sender=STRANGER,
        )  # fmt: skip
        if outcome.ok:
            assert {n: self.on.balance(n, person) - had for n, had in before.items()} == {n: paid[n] for n in before}

    @operation(person=people, receiver=people, group=groups, number=numbers)
    def claim_to(self, person: bytes, receiver: bytes, group: int, number: int) -> None:
        """To somebody else."""
        self.both(
            lambda: self.books.claim(person, receiver, group, [number]),
            self.on.earnings, "claim_to", group, [number], receiver, sender=person,
        )  # fmt: skip

    @operation(person=people, group=groups, number=numbers, amount=amounts)
    def distribute(self, person: bytes, group: int, number: int, amount: int) -> None:
        """Anybody gives."""

        def model() -> None:
            self.books.running("earnings")
            self.books.distribute(group, number, amount, self.now)
            if number != COIN and person in self.books.frozen:
                self.books.pots[group, number][self.now // PERIOD - 1] -= amount
                need(False, "energy_token: account is frozen")

        self.both(model, self.on.earnings, "distribute", group, number, amount, sender=person)

    # what comes

    @operation(person=people, number=numbers, amount=amounts)
    def fees_come(self, person: bytes, number: int, amount: int) -> None:
        """Pushed: counted at once with a hook, later without one."""
        if person in self.books.frozen:
            return
        self.tally["fees_come", "ok"] += 1
        self.on.hand_over(number, person, self.on.funds.address, amount)
        if number == COIN:
            self.books.uncounted[number] += amount
        else:
            self.books.came(number, amount, reserve=False)

    @operation(number=st.sampled_from(ASSETS[1:]), amount=amounts, waited=st.booleans())
    def reserve_comes(self, number: int, amount: int, *, waited: bool) -> None:
        """Minted to Funds, or fetched from where it waited."""
        self.tally["reserve_comes", "ok"] += 1
        if waited:
            self.on.from_treasury(number, amount)
        else:
            self.on.energy.must("mint_with_hook", self.on.funds.address, number - 1, amount, sender=TREASURY)
        self.books.came(number, amount, reserve=True)

    @operation(number=numbers)
    def count(self, number: int) -> None:
        """Anybody has it counted."""
        self.tally["count", "ok"] += 1
        fresh = self.books.uncounted[number]
        assert self.on.funds.must("count", number, sender=STRANGER).number == fresh
        self.books.came(number, 0, reserve=False)

    @operation(weight=3, number=numbers)
    def divide(self, number: int) -> None:
        """Anybody has it divided."""
        given: list[int] = []
        outcome = self.both(
            lambda: given.append(self.books.divide(number, self.now)),
            self.on.funds, "divide", number, sender=STRANGER,
        )  # fmt: skip
        assert not outcome.ok or outcome.number == given[0]

    # the DAO and the Guard

    @operation(parts=shares)
    def set_shares(self, parts: tuple[tuple[int, int], ...]) -> None:
        """Other shares from now on."""
        self.on.funds.must("set_shares", parts, sender=OWNER)
        self.books.shares = parts

    @operation(parts=wrong)
    def set_wrong_shares(self, parts: tuple[tuple[int, int], ...]) -> None:
        """Refused whoever asks."""
        assert not self.on.funds.call("set_shares", parts, sender=OWNER).ok
        self.tally["set_shares", "refused"] += 1

    @operation(number=numbers, part=st.sampled_from((0, 1, 2)), back=st.booleans())
    def move(self, number: int, part: int, *, back: bool) -> None:
        """Half, all, or one more than all from one of Funds' books to the other."""
        source, target = (self.books.kept, self.books.fees) if back else (self.books.fees, self.books.kept)
        amount = (source[number] // 2, source[number], source[number] + 1)[part]

        def model() -> None:
            need(amount <= source[number], "funds: more than there is")
            source[number] -= amount
            target[number] += amount

        self.both(model, self.on.funds, "release" if back else "set_aside", number, amount, sender=OWNER)

    @operation(number=numbers, to=people, part=st.sampled_from((0, 1, 2)), by=st.sampled_from((OWNER, OWNER, STRANGER)))
    def spend(self, number: int, to: bytes, part: int, by: bytes) -> None:
        """Of what is kept, by the owner."""
        kept = self.books.kept
        amount = (kept[number] // 2, kept[number], kept[number] + 1)[part]

        def model() -> None:
            need(by == OWNER, "ownable: caller is not the owner")
            self.books.running("funds")
            need(amount <= kept[number], "funds: more than there is")
            need(number == COIN or to not in self.books.frozen, "energy_token: account is frozen")
            kept[number] -= amount

        self.both(model, self.on.funds, "spend", number, amount, to, b"", sender=by)

    @operation(person=people)
    def freeze(self, person: bytes) -> None:
        """A guardian freezes somebody, or not any more."""
        if len(self.books.frozen) < 2 and person not in self.books.frozen:
            self.on.guard.must("freeze", person, sender=GUARDIAN)
            self.books.frozen.add(person)
        elif person in self.books.frozen:
            self.on.guard.must("unfreeze", person, sender=GUARDIAN)
            self.books.frozen.remove(person)

    @operation(when=lambda self: not self.books.paused, name=st.sampled_from(("earnings", "funds")))
    def stop(self, name: str) -> None:
        """A guardian stops one of them."""
        self.on.guard.must("pause", getattr(self.on, name).address, sender=GUARDIAN)
        self.books.paused.add(name)

    @operation(weight=3, when=lambda self: self.books.paused)
    def go_on(self) -> None:
        """The owner lets it go on."""
        name = self.books.paused.pop()
        self.on.guard.must("unpause", getattr(self.on, name).address, sender=OWNER)

    @operation(weight=3, seconds=waits)
    def time_passes(self, seconds: int) -> None:
        """Time, also to the very beginning of a period."""
        ahead = seconds if seconds != PERIOD else PERIOD - self.now % PERIOD
        boa.env.timestamp = self.now + ahead
        self.tally["time_passes", "ok"] += 1

    @invariant()
    def chain_is_books(self) -> None:
        """Every few operations, because reads are most of a run's time."""
        self.seen += 1
        if self.seen % CHECK_EVERY == 0:
            self.compare_some()

    def compare_some(self) -> None:
        """One asset, group and person at a time, in turn; balances of both contracts always cover what they owe."""
        number, group, person = ASSETS[self.seen % 3], self.seen % 2, PEOPLE[self.seen % 4]
        on, books = self.on, self.books
        assert on.earnings.view("earned", person, group, number) == books.due(person, group, number)
        owed = [books.owed(each, number) for each in GROUPS]
        assert on.earnings.view("owed", group, number) == owed[group]
        assert on.balance(number, on.earnings.address) == sum(owed)
        assert sum(books.due(each, group, number) for each in PEOPLE) <= owed[group]
        assert (on.funds.view("fees", number), on.funds.view("kept", number)) == (
            books.fees[number],
            books.kept[number],
        )
        here = books.fees[number] + books.kept[number] + books.uncounted[number]
        assert on.balance(number, on.funds.address) == here

    def teardown(self) -> None:
        """Everybody claims everything; less than a unit for each person and pot is left, and areas add up."""
        try:
            for self.seen in range(6):
                self.compare_some()
            self.everybody_claims()
        finally:
            super().teardown()

    def everybody_claims(self) -> None:
        """The end of a run."""
        while self.books.paused:
            self.go_on()
        for person in sorted(self.books.frozen):
            self.freeze(person)
        for group in GROUPS:
            for person in PEOPLE:
                self.claim(person, group, list(ASSETS))
                area = self.on.locks[group].view("area", person, self.now)
                assert area == self.books.locks[group].area(person, self.now)
            for number in ASSETS:
                assert self.on.earnings.view("owed", group, number) <= len(PEOPLE) * len(self.books.pots[group, number])
            total = sum(self.books.locks[group].area(person, self.now) for person in PEOPLE)
            assert self.on.locks[group].view("area", NOBODY, self.now) == total


def test_earnings__any_order_of_everything__owe_every_unit_once() -> None:
    asked = run()
    Earned.tally = Counter()
    with boa.env.anchor():
        Earned.deployed = Place()
        run_state_machine_as_test(
            asked.seeded(Earned), settings=settings(asked.settings, max_examples=EXAMPLES, stateful_step_count=STEPS)
        )
    print(asked.summary(sum(Earned.tally.values()), Earned.tally))
    assert sum(Earned.tally.values()) >= asked.operations_min
    must_see = (
        ("distribute", "ok"),
        ("distribute", "earnings: nobody was there to earn it"),
        ("distribute", "earnings: paused"),
        ("divide", "ok"),
        ("divide", "funds: paused"),
        ("claim", "ok"),
        ("claim", "earnings: account is frozen"),
        ("claim_to", "ok"),
        ("spend", "ok"),
        ("spend", "funds: more than there is"),
        ("set_aside", "ok"),
        ("release", "funds: more than there is"),
        ("unlock", "voting_lock: amount exceeds what is locked"),
    )
    missed = [outcome for outcome in must_see if not Earned.tally[outcome]]
    assert not missed or not asked.covers, f"the run never saw {missed}"
