# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Σ minted ≤ Σ signed, per tenure, per utility and for the grid, after any order of everything that can happen."""

import copy

import boa
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from tests.contracts.fuzz import strategies
from tests.contracts.fuzz.books import CLAIMED, SLOT
from tests.contracts.fuzz.profiles import Run, run
from tests.contracts.fuzz.stateful.base import changed
from tests.contracts.fuzz.stateful.claiming import Claiming
from tests.contracts.fuzz.stateful.holding import Holding
from tests.contracts.fuzz.stateful.reporting import LIES_OF_A_QUORUM, Reporting
from tests.contracts.fuzz.world import MODES, OWNER, RELAYER, STRANGER, remembered_recovery


class Conservation(Reporting, Claiming, Holding):
    """All operations together."""

    def __init__(self) -> None:
        super().__init__()
        self.seen_settled = dict(self.model.settled)
        self.seen_balances = dict(self.model.balances)
        self.seen_minted = dict.fromkeys(MODES, 0)

    @precondition(lambda self: not self.model.paused)
    @rule(utility=st.sampled_from((1, 4)), moves=strategies.moves, late=strategies.late, batch=st.booleans())
    def a_slot_closes(self, utility: int, moves: list[int], late: list[int], batch: bool) -> None:
        """An ordinary quarter hour: a report, then everybody's claim, some of them as the batch of this slot."""
        draft = self.make(utility, self.next_slot(utility, 1, 60), moves, late, 0)
        report, pairs = self.signed(draft)
        if self.submit("report", draft, report, pairs, self.known(report.epoch)):
            self.accept(draft)
            for place, leaf in enumerate(draft.leaves):
                as_batch = batch and place % 2 == 0
                name = "claim_batch" if as_batch else "claim"
                self.claim(name, leaf, place, draft.tree.proof(place), RELAYER, batch=as_batch)
            if batch:
                self.fuse(which=0, share=50, batch=True)

    @precondition(lambda self: self.published and not self.model.paused)
    @rule(step=st.sampled_from((1, 2, 5, 127, 128, 200)), moves=strategies.moves, place=st.integers(0, 11))
    def roots_die(self, step: int, moves: list[int], place: int) -> None:
        """A report that forbids the roots before it, or comes when the ring has gone round: old leaves are dead then,
        and the same registers are settled by the new ones."""
        old = self.pick(0, place)
        utility = old[0].utility
        draft = self.make(utility, self.next_slot(utility, step, 0), moves, [0], 1 if step == 1 else 0)
        if step == 1:
            draft = draft.with_content(valid_from=draft.content.slot)
        report, pairs = self.signed(draft)
        if self.submit("report", draft, report, pairs, self.known(report.epoch)):
            self.accept(draft)
            self.claim("claim of an old leaf", *old, STRANGER)
            self.claim("claim", *self.pick(0, place), STRANGER)

    @precondition(lambda self: not self.model.paused)
    @rule(
        utility=st.sampled_from((1, 1, 4, 2)),
        moves=strategies.moves,
        lie=st.sampled_from(LIES_OF_A_QUORUM),
        place=strategies.indices,
    )
    def lying_quorum(self, utility: int, moves: list[int], lie: str, place: int) -> None:
        """A quorum signs a row that nobody metered: what can be minted stays under the total, the ratings and the row."""
        draft = self.grid.lie(self.make(utility, self.next_slot(utility, 1, 0), moves, [0], 0), lie, place)
        report, pairs = self.signed(draft)
        if self.submit(f"lying report, {lie}", draft, report, pairs, self.known(report.epoch)):
            self.accept(draft)
            for at, leaf in enumerate(draft.leaves if MODES[utility] == CLAIMED else ()):
                self.claim("claim of a lie", leaf, at, draft.tree.proof(at), STRANGER)

    @precondition(lambda self: not self.model.paused)
    @rule(
        utility=st.sampled_from((1, 4)), slots=st.sampled_from((1, 2, 9)), moves=strategies.moves, stays=st.booleans()
    )
    def a_challenged_slot(self, utility: int, slots: int, moves: list[int], stays: bool) -> None:
        """A report under a challenge delay: nobody claims at first, everybody when it is over; perhaps it stays for others."""
        self.delay(slots * SLOT)
        draft = self.make(utility, self.next_slot(utility, 1, 60), moves, [0], 0)
        report, pairs = self.signed(draft)
        if self.submit("report", draft, report, pairs, self.known(report.epoch)):
            self.accept(draft)
            self.claim("claim of a young report", *self.pick(0, 0), STRANGER)
            self.pass_time(slots * SLOT)
            for place, leaf in enumerate(draft.leaves):
                self.claim("claim after the delay", leaf, place, draft.tree.proof(place), RELAYER)
        if not stays:
            self.delay(0)

    @precondition(lambda self: self.model.delay)
    @rule()
    def the_delay_ends(self) -> None:
        """The owner takes it back."""
        self.delay(0)

    def delay(self, seconds: int) -> None:
        """Set it on both sides."""
        self.do(
            "set_challenge_delay",
            self.world.oracle,
            "set_challenge_delay",
            seconds,
            sender=OWNER,
            model=lambda: self.model.set_challenge_delay(seconds),
        )

    @invariant()
    def chain_is_model(self) -> None:
        """After every operation: what it changed, and three other places that it should not have changed."""
        self.step += 1
        keys = self.tenure_keys()
        for key in {*changed(self.seen_settled, self.model.settled), keys[self.step % len(keys)]}:
            self.compare_settled(key)
        places = [(holder, token_id) for token_id in self.ids for holder in self.holders]
        for holder, token_id in {
            *changed(self.seen_balances, self.model.balances),
            places[self.step % len(places)],
            places[self.step * 7 % len(places)],
        }:
            self.compare_holding(holder, token_id)
        touched = {utility for utility in MODES if self.model.utilities[utility].minted != self.seen_minted[utility]}
        for utility in {*touched, list(MODES)[self.step % len(MODES)]}:
            self.compare_utility(utility)
        self.seen_settled = copy.copy(self.model.settled)
        self.seen_balances = dict(self.model.balances)
        self.seen_minted = {utility: book.minted for utility, book in self.model.utilities.items()}

    @invariant()
    def settled_only_grows(self) -> None:
        """No register goes back, and no utility un-mints."""
        for key, word in self.model.settled.items():
            before = self.seen_settled.get(key)
            assert before is None or word.register >= before.register


def test_conservation__any_order_of_everything__holds() -> None:
    Conservation.tally.clear()
    profile: Run = run()
    with remembered_recovery(active=profile.remember), boa.env.anchor():
        Conservation.deploy()
        run_state_machine_as_test(profile.seeded(Conservation), settings=profile.settings)
    operations = sum(count for (_, outcome), count in Conservation.tally.items() if not outcome.startswith("("))
    print(profile.summary(operations, Conservation.tally))
    assert operations >= profile.operations_min
    for name, outcome in (
        ("report", "ok"),
        ("report", "oracle: more than the plants can make"),
        ("report of the old set", "ok"),
        ("report signed by the new set", "ok"),
        ("claim", "ok"),
        ("claim of an old leaf", "treasury: no such report"),
        ("claim of an old leaf", "ok"),
        ("claim again", "ok"),
        ("claim", "(cut by the rating)"),
        ("claim of a young report", "oracle: challenge delay is running"),
        ("claim after the delay", "ok"),
        ("direct", "oracle: a challenge delay stops paying with the report"),
        ("claim", "treasury: more than the oracle signed"),
        ("lying report, far too much", "ok"),
        ("claim", "(of a closed tenure)"),
        ("claim with call back", "ok"),
        ("claim_batch", "ok"),
        ("claim_batch", "treasury: not exactly one slot"),
        ("collect_reserve", "ok"),
        ("fuse", "ok"),
        ("burn", "ok"),
        ("transfer", "ok"),
        ("transfer", "energy_token: account is frozen"),
        ("transfer_several", "ok"),
        ("withdraw_pending", "ok"),
        ("hand_over", "ok"),
        ("pooled", "ok"),
    ):
        seen = [count for key, count in Conservation.tally.items() if key[0].startswith(name) and key[1] == outcome]
        assert seen or not profile.covers, f"the run never saw {name}: {outcome}"
