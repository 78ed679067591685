# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""No Wh stands in two certificates, whatever is issued, split, moved, used, revoked or left to expire, in any order."""

from itertools import pairwise

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.contracts.fuzz.certificates.book import PENDING, VALID, WH, Ask
from tests.contracts.fuzz.certificates.desk import HOLDERS, VALIDATOR, Desk, Request
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.strategies import indices, shares
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, STRANGER, remembered_recovery

OPERATOR = STRANGER
USE = (PEOPLE[3], "Mill Lane 4", "charging the bus", 1_790_000_000, 1_790_086_400)
EXAMPLES, STEPS = {"default": (80, 60), "nightly": (1_650, 60)}[profile()]
moves = st.lists(st.sampled_from((0, 999_999, 1_500_001, 40 * WH + 1, 700 * WH - 1)), min_size=3, max_size=3)
rarely = st.sampled_from((False, False, False, False, True))


class Certificates(Desk):
    """All operations together."""

    def __init__(self) -> None:
        super().__init__()
        self.brakes = 0

    def pick(self, which: int) -> tuple[bytes, int, int]:
        """Somebody who holds some of a certificate, four times in five of a VALID one; low numbers are the newest."""
        held = [(holder, made, amount) for (holder, made), amount in self.book.balances.items() if amount]
        good = [row for row in held if self.book.state(row[1]) == VALID]
        rows = good if good and which % 5 else held
        return rows[-1 - which // 5 % len(rows)] if rows else (STRANGER, 1, 0)

    @initialize()
    def a_first_slot(self) -> None:
        """Something to hold for everybody, and one that nobody looked at yet."""
        self.a_slot_closes(1, [700 * WH + 1] * 3, 0, 9)
        self.issue_some(0, 1, 0, "all", 1, False, False)

    @rule(step=st.sampled_from((1, 1, 1, 1, 2, 128)), moves=moves, estimated=st.sampled_from((0, 0, 7)), who=indices)
    def a_slot_closes(self, step: int, moves: list[int], estimated: int, who: int) -> None:
        """A report, and the claims of some owners; then those certify all they can, and it is validated."""
        self.report(step, moves, estimated)
        for place in range(3):
            if who >> place & 1 or who % 3 == 0:
                self.claim(place)
        self.issue_some(0, 0, 0, "all", 1 + who % 3, False, False)
        self.issue_some(0, 1, 0, "half", 1, False, False)
        ids = [made for made in self.book.certificates if self.book.state(made) == PENDING]
        if ids and who % 4:
            self.validate_some(ids, VALIDATOR)

    @rule(
        which=st.one_of(st.just(0), st.integers(0, 3)),
        place=st.integers(0, 2),
        skip=st.sampled_from((0, 0, 0, 3, -1, -50)),
        size=st.sampled_from(("all", "half", "one", "too much", "none")),
        count=st.integers(1, 4),
        lie=rarely,
        thief=rarely,
    )
    def issue_some(self, which: int, place: int, skip: int, size: str, count: int, lie: bool, thief: bool) -> None:
        """Ranges of one register, one behind the other, in one call."""
        _, told = self.ask(which, place, 0, 0, lie=lie)
        start = max(0, self.book.certified[told.register] + skip)
        limit = max(start, min(told.measured, told.settled) // WH)
        end = {"all": limit, "half": (start + limit) // 2, "one": start + 1, "too much": limit + 1, "none": start}[size]
        cuts = sorted({start, *(start + (end - start) * i // count for i in range(1, count)), end})
        pairs: list[tuple[Request, Ask]] = [
            self.ask(which, place, low, high, lie=lie)
            for low, high in (pairwise(cuts) if len(cuts) > 1 else [(start, end)])
        ]
        sender = OPERATOR if thief else told.owner
        made: list[int] = []
        self.do(
            "issue",
            "issue",
            [request for request, _ in pairs],
            sender=sender,
            model=lambda: made.extend(self.book.issue(sender, [asked for _, asked in pairs])),
        )
        self.touched |= set(made)

    @rule(step=st.sampled_from((1, 128)), place=st.integers(0, 1))
    def a_slot_nobody_claims(self, step: int, place: int) -> None:
        """What is not settled has no certificate, and a root that the ring forgot proves nothing."""
        self.report(step, [700 * WH - 1] * 3, 0)
        self.issue_some(0, place, 0, "too much", 2, False, False)
        self.issue_some(1, place, 0, "one", 1, False, False)

    @rule(picks=st.lists(indices, min_size=1, max_size=3), wrong=rarely)
    def validate(self, picks: list[int], wrong: bool) -> None:
        """Any certificates, whatever their state, by a validator or not."""
        ids = list(self.book.certificates)
        self.validate_some([ids[-1 - pick % len(ids)] for pick in picks], STRANGER if wrong else VALIDATOR)

    def validate_some(self, ids: list[int], sender: bytes) -> None:
        """Send it to both sides."""
        self.do("validate", "validate", ids, sender=sender, model=lambda: self.book.validate(sender, ids))
        self.touched |= set(ids)

    @rule(which=indices, wrong=rarely, silent=rarely)
    def revoke(self, which: int, wrong: bool, silent: bool) -> None:
        """Any certificate, an origin or a part."""
        ids = list(self.book.certificates)
        made, sender, reason = ids[which % len(ids)], STRANGER if wrong else VALIDATOR, "" if silent else "bridged"
        self.do("revoke", "revoke", made, reason, sender=sender, model=lambda: self.book.revoke(sender, made, reason))
        self.touched |= {one for one in ids if self.book.certificates[one].origin == made} | {made}

    @rule(which=indices, to=indices, share=shares, thief=rarely)
    def transfer(self, which: int, to: int, share: int, thief: bool) -> None:
        """Some of a certificate, to anybody."""
        owner, made, amount = self.pick(which)
        amount = amount * share // 100
        receiver, sender = HOLDERS[to % len(HOLDERS)], OPERATOR if thief else owner
        self.do(
            "transfer", "safeTransferFrom", owner, receiver, made, amount, b"", sender=sender,
            model=lambda: self.book.transfer(sender, owner, receiver, [(made, amount)]),
        )  # fmt: skip
        self.touched.add(made)

    @rule(which=indices, other=indices, to=indices, share=shares, operator=st.booleans())
    def transfer_several(self, which: int, other: int, to: int, share: int, operator: bool) -> None:
        """Several in one call, the same one twice; one that is not VALID stops all."""
        owner, made, amount = self.pick(which)
        ids = [made, list(self.book.certificates)[other % len(self.book.certificates)], made]
        amounts = [amount * share // 200, self.book.balances[owner, ids[1]] * share // 400, amount * share // 300]
        receiver, sender = HOLDERS[to % len(HOLDERS)], OPERATOR if operator else owner
        self.do(
            "transfer several", "safeBatchTransferFrom", owner, receiver, ids, amounts, b"", sender=sender,
            model=lambda: self.book.transfer(sender, owner, receiver, list(zip(ids, amounts, strict=True))),
        )  # fmt: skip
        self.touched |= {one for one in ids if one in self.book.certificates}

    @rule(which=indices, share=shares, thief=rarely)
    def split(self, which: int, share: int, thief: bool) -> None:
        """The back of a certificate, by whoever holds some of it."""
        owner, made, amount = self.pick(which)
        amount = amount * share // 100
        sender = OPERATOR if thief else owner
        self.do(
            "split", "split", owner, made, amount, sender=sender,
            model=lambda: self.book.split(sender, owner, made, amount),
        )  # fmt: skip
        self.touched |= {made, *list(self.book.certificates)[-1:]}

    @rule(which=indices, share=shares, thief=rarely)
    def retire(self, which: int, share: int, thief: bool) -> None:
        """The front of a certificate, by whoever holds some of it."""
        owner, made, amount = self.pick(which)
        amount = amount * share // 100
        sender = OPERATOR if thief else owner
        before = len(self.book.retirements)
        self.do(
            "retire", "retire", owner, made, amount, USE, sender=sender,
            model=lambda: self.book.retire(sender, owner, made, amount),
        )  # fmt: skip
        self.touched.add(made)
        if len(self.book.retirements) > before:
            told = self.on.view("retirement", before + 1)
            assert told[0] == made
            self.used.append((self.book.certificates[made].register, told[1], told[2]))

    @rule(which=indices, approved=st.booleans())
    def approve(self, which: int, approved: bool) -> None:
        """A holder lets the operator act, or no longer."""
        owner = PEOPLE[which % len(PEOPLE)]
        self.on.must("setApprovalForAll", OPERATOR, approved, sender=owner)
        (self.book.approved.add if approved else self.book.approved.discard)((owner, OPERATOR))

    @precondition(lambda self: self.brakes < 2)
    @rule(which=indices, operator=st.booleans())
    def freeze(self, which: int, operator: bool) -> None:
        """While a holder or the operator is frozen, what it holds or touches stays."""
        owner, _, _ = self.pick(which)
        frozen = OPERATOR if operator else owner
        self.world.guard.must("freeze", frozen, sender=GUARDIAN)
        self.book.frozen = {frozen}
        self.braked(which)
        self.world.guard.must("unfreeze", frozen, sender=GUARDIAN)
        self.book.frozen = set()

    @precondition(lambda self: self.brakes < 2)
    @rule(which=indices)
    def stop(self, which: int) -> None:
        """While the Guard stops it nothing moves."""
        self.world.guard.must("pause", self.on.address, sender=GUARDIAN)
        self.book.paused = True
        self.braked(which)
        self.world.guard.must("unpause", self.on.address, sender=OWNER)
        self.book.paused = False

    def braked(self, which: int) -> None:
        """All that a brake may hinder."""
        self.brakes += 1
        for thief in (False, True):
            self.transfer(which, which, 50, thief)
            self.split(which, 50, thief)
            self.retire(which, 50, thief)
            self.issue_some(0, which % 3, 0, "all", 1, False, thief)

    @rule(seconds=st.sampled_from((1, 900, 86_400, 10 * 86_400, 31 * 86_400)))
    def wait(self, seconds: int) -> None:
        """Time passes; certificates expire."""
        self.pass_time(seconds)

    @invariant()
    def chain_is_book(self) -> None:
        """What was touched, and one more; then every register's ranges, from the chain's own numbers."""
        ids = list(self.book.certificates)
        more = {ids[(len(ids) * 7 + self.book.now // 900) % len(ids)]} if ids else set()
        self.compare(sorted((self.touched | more) & set(ids)))
        self.touched = set()

    @invariant()
    def no_wh_stands_twice(self) -> None:
        """Live and used ranges of a register do not meet, add up to what was issued, and end below what is certified."""
        for register in self.book.issued:
            rows = sorted((low, high) for of, low, high in (*self.ranges.values(), *self.used) if of == register)
            rows = [(low, high) for low, high in rows if low != high]
            assert all(one[1] <= other[0] for one, other in pairwise(rows)), "a Wh stands twice"
            assert sum(high - low for low, high in rows) == self.book.issued[register], "Wh were made or lost"
            certified = self.on.view("certified", *register)
            assert rows[-1][1] <= certified <= min(self.settled[register[1]], self.measured[register[1]]) // WH
            assert certified >= self.seen_certified[register], "certified fell"
            self.seen_certified[register] = certified


def test_certificates__any_order_of_everything__no_wh_twice() -> None:
    Certificates.tally.clear()
    profiled = run()
    chosen = settings(profiled.settings, max_examples=EXAMPLES, stateful_step_count=STEPS)
    with remembered_recovery(active=profiled.remember), boa.env.anchor():
        Certificates.deploy()
        run_state_machine_as_test(profiled.seeded(Certificates), settings=chosen)
    tally = Certificates.tally
    operations = sum(tally.values())
    print(profiled.summary(operations, tally))
    assert operations >= profiled.operations_min
    for outcome in (
        *((name, "ok") for name in ("issue", "validate", "revoke", "transfer", "transfer several", "split", "retire")),
        *((name, "certificates: not valid") for name in ("transfer", "transfer several", "split", "retire")),
        *((name, "certificates: account is frozen") for name in ("transfer", "split", "retire")),
        *((name, "certificates: paused") for name in ("issue", "transfer", "split", "retire")),
        ("issue", "certificates: certified already"),
        ("issue", "certificates: more than was measured"),
        ("issue", "certificates: more than is settled"),
        ("issue", "certificates: no such report"),
        ("issue", "certificates: leaf not in the report"),
        ("issue", "certificates: kind of plant is not certified"),
        ("issue", "certificates: caller is not owner or approved"),
        ("validate", "certificates: not pending"),
        ("revoke", "certificates: revoked already"),
    ):
        assert tally[outcome] or not profiled.covers, f"the run never saw {outcome}"
