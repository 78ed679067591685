# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Votes on chain against a model in Python: who counts with how much, what is executed, and what guardians can't stop."""

from collections import Counter
from dataclasses import dataclass, field

import boa
from eth_hash.auto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from bench.contracts import artifact
from tests.contracts.fuzz.market import Compared, need, operation, search
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, STRANGER, Contract

HOUR, DAY = 3_600, 86_400
THRESHOLD, FLOOR, BPS, DELAY, PERIOD, WAIT, GRACE = 100, 250, 2_000, DAY, DAY, DAY, 14 * DAY
RULES = (THRESHOLD, FLOOR, BPS, DELAY, PERIOD)
GIVEN = 500
PENDING, ACTIVE, DEFEATED, SUCCEEDED, QUEUED, EXECUTED, EXPIRED, CANCELLED = range(1, 9)
BOTH, TOO_MUCH, GO_ON, MIXED = range(4)

voters = st.sampled_from(PEOPLE)
choices = st.sampled_from((0, 1, 1, 1, 2, 3))
plans = st.sampled_from((BOTH, BOTH, TOO_MUCH, GO_ON, MIXED))
numbers = st.integers(0, 5)


@dataclass
class Proposal:
    """One proposal."""

    proposer: bytes
    plan: int
    value: int
    snapshot: int
    ends: int
    quorum: int
    votes: Counter[int] = field(default_factory=Counter)
    voted: set[bytes] = field(default_factory=set)
    ready: int = 0
    executed: bool = False
    cancelled: bool = False

    def state(self, now: int) -> int:
        """By the clock."""
        if self.cancelled:
            return CANCELLED
        if self.executed:
            return EXECUTED
        if self.ready:
            return EXPIRED if now > self.ready + GRACE else QUEUED
        if now <= self.ends:
            return PENDING if now <= self.snapshot else ACTIVE
        won = self.votes[1] > self.votes[0] and self.votes[1] + self.votes[2] >= self.quorum
        return DEFEATED if not won else EXPIRED if now > self.ends + GRACE else SUCCEEDED


class Votes(Compared):
    """Four holders, a guardian, a HomePolicy and the Guard that the Governor owns."""

    examples = 46

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[bytes, list[tuple[int, int]]] = {voter: [(0, 0)] for voter in PEOPLE}
        self.held: Counter[bytes] = Counter()
        self.made: list[Proposal] = []
        self.paused = False
        self.seen = 0
        self.coefficients = (0, 0)
        self.coin = Contract(artifact("FuzzCoin"), sender=OWNER)
        at = keccak(b"governor")[12:]
        self.lock = Contract(artifact("VotingLock"), self.coin.address, at, sender=OWNER)
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.governor = Contract(
            artifact("Governor"), self.lock.address, self.guard.address, WAIT, RULES, sender=OWNER, at=at
        )
        self.homes = Contract(artifact("HomePolicy"), sender=OWNER)
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        for owned in (self.guard, self.homes):
            owned.must("transfer_ownership", at, sender=OWNER)
            self.governor.must("accept_ownership_of", owned.address, sender=STRANGER)
        for voter, amount in zip(PEOPLE, (300, 120, 40, 0), strict=True):
            self.coin.must("give", voter, GIVEN, sender=OWNER)
            self.coin.must("approve", self.lock.address, 1 << 200, sender=voter)
            if amount:
                self.lock_more(voter, amount)
        boa.env.timestamp = self.now + 1

    # what the model knows

    def locked(self, voter: bytes) -> int:
        """Locked now."""
        return self.history[voter][-1][1]

    def at(self, voter: bytes, time: int) -> int:
        """Locked at the end of a second, and now at least as much."""
        return min([amount for when, amount in self.history[voter] if when <= time][-1], self.locked(voter))

    def calls(self, plan: int, value: int) -> tuple[list[bytes], list[bytes]]:
        """Targets and calldata of a plan."""
        set_ = artifact("HomePolicy").functions["set_coefficient"]
        go_on = artifact("Guard").functions["unpause"].calldata(self.governor.address)
        homes, guard = self.homes.address, self.guard.address
        return {
            BOTH: ([homes, homes], [set_.calldata(1, value), set_.calldata(2, value + 1)]),
            TOO_MUCH: ([homes, homes], [set_.calldata(1, value), set_.calldata(2, 1 << 40)]),
            GO_ON: ([guard], [go_on]),
            MIXED: ([guard, homes], [go_on, set_.calldata(1, value)]),
        }[plan]

    def running(self, plan: int) -> None:
        """A stop stops all but proposals that only call the Guard."""
        need(plan == GO_ON or not self.paused, "governor: paused")

    # operations

    @operation(voter=voters, amount=st.sampled_from((0, 1, 100, 400, 501)))
    def lock_more(self, voter: bytes, amount: int) -> None:
        """Lock."""

        def model() -> None:
            need(amount != 0, "voting_lock: nothing to lock")
            need(self.locked(voter) + amount <= GIVEN, "erc20: transfer amount exceeds balance")
            self.history[voter].append((self.now, self.locked(voter) + amount))

        self.both(model, self.lock, "lock", amount, sender=voter)

    @operation(voter=voters, amount=st.sampled_from((0, 1, 100, 400)))
    def unlock(self, voter: bytes, amount: int) -> None:
        """Unlock, when no vote holds it."""

        def model() -> None:
            need(amount != 0, "voting_lock: nothing to unlock")
            need(self.now > self.held[voter], "voting_lock: held by a vote")
            need(amount <= self.locked(voter), "voting_lock: amount exceeds what is locked")
            self.history[voter].append((self.now, self.locked(voter) - amount))

        self.both(model, self.lock, "unlock", amount, sender=voter)

    @operation(voter=voters, plan=plans, value=st.integers(1, 1_000))
    def propose(self, voter: bytes, plan: int, value: int) -> None:
        """Propose one of the plans."""

        def model() -> None:
            self.running(plan)
            need(self.at(voter, self.now - 1) >= THRESHOLD, "governor: too few votes to propose")
            snapshot = self.now + DELAY
            quorum = max(FLOOR, len(PEOPLE) * GIVEN * BPS // 10_000)
            self.made.append(Proposal(voter, plan, value, snapshot, snapshot + PERIOD, quorum))
            self.held[voter] = max(self.held[voter], snapshot + PERIOD)

        self.both(model, self.governor, "propose", *self.calls(plan, value), "", sender=voter)

    @operation(number=numbers, voter=voters, choice=choices)
    def vote(self, number: int, voter: bytes, choice: int) -> None:
        """Vote on one of the last proposals."""
        if not self.made:
            return
        number, proposal = self.picked(number)

        def model() -> None:
            need(proposal.state(self.now) == ACTIVE, "governor: no vote is open")
            need(voter not in proposal.voted, "governor: voted already")
            votes = self.at(voter, proposal.snapshot)
            need(votes != 0, "governor: no votes")
            need(choice in (0, 1, 2), "governor: no such choice")
            proposal.voted.add(voter)
            proposal.votes[choice] += votes
            self.held[voter] = max(self.held[voter], proposal.ends)

        self.both(model, self.governor, "vote", number, choice, sender=voter)

    @operation(number=numbers)
    def queue(self, number: int) -> None:
        """Queue what won."""
        if not self.made:
            return
        number, proposal = self.picked(number)

        def model() -> None:
            need(proposal.state(self.now) == SUCCEEDED, "governor: proposal did not succeed")
            self.running(proposal.plan)
            proposal.ready = self.now + WAIT

        self.both(model, self.governor, "queue", number, sender=STRANGER)

    @operation(number=numbers, other=st.integers(0, 9))
    def execute(self, number: int, other: int) -> None:
        """Execute what waited, now and then with other calls than those that were voted."""
        if not self.made:
            return
        number, proposal = self.picked(number)

        def model() -> None:
            need(proposal.state(self.now) == QUEUED, "governor: proposal is not queued")
            self.running(proposal.plan)
            need(other != 9, "governor: not the calls that were proposed")
            need(self.now >= proposal.ready, "timelock_controller: operation is not ready")
            need(proposal.plan != TOO_MUCH, "home_policy: coefficient out of bounds")
            proposal.executed = True
            first, second = self.coefficients
            if proposal.plan != GO_ON:
                first = proposal.value
            if proposal.plan == BOTH:
                second = proposal.value + 1
            self.coefficients = first, second
            self.paused = self.paused and proposal.plan == BOTH

        targets, payloads = self.calls(proposal.plan, proposal.value)
        if other == 9:
            payloads = [*payloads[:-1], payloads[-1] + b"\0"]
        self.both(model, self.governor, "execute", number, targets, payloads, sender=STRANGER)

    @operation(number=numbers, who=st.sampled_from((GUARDIAN, STRANGER, PEOPLE[0], PEOPLE[1])))
    def cancel(self, number: int, who: bytes) -> None:
        """A guardian, the proposer, or somebody cancels."""
        if not self.made:
            return
        number, proposal = self.picked(number)

        def model() -> None:
            state = proposal.state(self.now)
            need(state not in (EXECUTED, CANCELLED), "governor: proposal is closed")
            if who != proposal.proposer or state != PENDING:
                need(who == GUARDIAN, "governor: access is denied")
                need(proposal.plan != GO_ON, "governor: guardians do not judge themselves")
            proposal.cancelled = True

        self.both(model, self.governor, "cancel", number, sender=who)

    @operation(weight=4, plan=plans, value=st.integers(1, 1_000), choice=choices, stop=st.integers(0, 5))
    def a_proposal_runs(self, plan: int, value: int, choice: int, stop: int) -> None:
        """The whole way, if nobody stands in it."""
        before = len(self.made)
        self.propose(PEOPLE[0], plan, value)
        if len(self.made) == before:
            return
        self.time_passes(DELAY + 1)
        for voter, chosen in zip(PEOPLE, (1, choice, 1, 1), strict=True):
            self.vote(0, voter, chosen)
        self.vote(0, PEOPLE[1], 1)
        self.time_passes(PERIOD)
        if stop == 0:
            self.stop()
        if stop == 1:
            self.cancel(0, GUARDIAN)
        self.queue(0)
        self.time_passes(WAIT)
        self.execute(0, stop + 4)

    @operation()
    def stop(self) -> None:
        """A guardian stops the Governor."""
        self.guard.must("pause", self.governor.address, sender=GUARDIAN)
        self.paused = True

    @operation(when=lambda self: self.paused)
    def goes_on(self) -> None:
        """A proposal that only calls the Guard was executed."""
        self.guard.must("unpause", self.governor.address, sender=self.governor.address)
        self.paused = False

    @operation(seconds=st.sampled_from((1, HOUR, DAY, DAY, 14 * DAY)))
    def time_passes(self, seconds: int) -> None:
        """Time."""
        boa.env.timestamp = self.now + seconds

    def picked(self, back: int) -> tuple[int, Proposal]:
        """A proposal, counted from the newest."""
        number = len(self.made) - back % len(self.made)
        return number, self.made[number - 1]

    @invariant()
    def chain_is_model(self) -> None:
        """Locks are covered, states and votes are the model's, parameters are what was executed."""
        locked = {voter: self.locked(voter) for voter in PEOPLE}
        total = sum(locked.values())
        if not self.changed and not self.full:
            return
        assert self.lock.view("total_locked") == self.coin.view("balanceOf", self.lock.address) == total
        self.seen += 1
        for voter, amount in list(locked.items())[self.seen % 4 :][:1]:
            assert self.lock.view("locked", voter) == amount
            assert self.coin.view("balanceOf", voter) == GIVEN - amount
            time = self.made[-1].snapshot if self.made else self.now - 1
            if time < self.now:
                assert self.lock.view("votes", voter, time) == self.at(voter, time)
        assert tuple(self.homes.view("coefficients")[1:3]) == self.coefficients
        assert self.governor.view("paused") == self.paused
        for number, proposal in list(enumerate(self.made, 1))[-2:]:
            assert self.governor.view("state", number) == proposal.state(self.now)
            counted = self.governor.view("proposals", number)[4:7]
            assert counted == tuple(proposal.votes[choice] for choice in range(3))
            assert sum(counted) <= len(PEOPLE) * GIVEN


def test_votes__any_order_of_everything__count_once() -> None:
    search(
        Votes,
        (
            ("lock", "ok"),
            ("unlock", "ok"),
            ("unlock", "voting_lock: held by a vote"),
            ("propose", "ok"),
            ("propose", "governor: paused"),
            ("propose", "governor: too few votes to propose"),
            ("vote", "ok"),
            ("vote", "governor: no votes"),
            ("vote", "governor: voted already"),
            ("queue", "ok"),
            ("queue", "governor: paused"),
            ("queue", "governor: proposal did not succeed"),
            ("execute", "ok"),
            ("execute", "home_policy: coefficient out of bounds"),
            ("execute", "governor: not the calls that were proposed"),
            ("cancel", "ok"),
            ("cancel", "governor: guardians do not judge themselves"),
        ),
    )


def test_votes__borrowed_for_one_second__count_nowhere() -> None:
    """Lock, propose, vote, unlock within a second: too few votes to propose, and none at any snapshot."""
    house = Votes()
    try:
        borrower = PEOPLE[3]
        house.lock_more(borrower, 400)
        house.propose(borrower, BOTH, 1)
        assert not house.made
        house.propose(PEOPLE[0], BOTH, 1)
        house.unlock(borrower, 400)
        house.time_passes(DELAY)  # the very second of the snapshot
        house.lock_more(borrower, 400)
        house.vote(0, borrower, 1)
        house.unlock(borrower, 400)
        house.time_passes(1)
        house.vote(0, borrower, 1)
        assert house.made[0].votes[1] == 0
        house.chain_is_model()
    finally:
        house.teardown()
