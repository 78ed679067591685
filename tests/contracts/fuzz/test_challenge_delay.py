# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The challenge delay against a few lines of Python: after any changes of it, who may claim when, to the second."""

import boa
from hypothesis import given
from hypothesis import strategies as st

from oracle.rules import Leaf, Report, build_content
from tests.contracts.fuzz.books import RING, SLOT
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.test_receivers import Claim, claims
from tests.contracts.fuzz.world import (
    OWNER,
    PEOPLE,
    REGISTRAR,
    RELAYER,
    STRANGER,
    World,
    flat,
    remembered_recovery,
    report_words,
    sign,
    signers,
)

ENERGY = 1_000_000

steps = st.one_of(
    st.tuples(st.just("delay"), st.integers(0, 96)),
    st.tuples(st.just("report"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(1, 30 * SLOT)),
)


class Book:
    """When each report was accepted, what the delay is, and since when there has been one."""

    def __init__(self) -> None:
        self.delay = 0
        self.began = 0
        self.accepted: dict[int, int | None] = {}

    def change(self, seconds: int, now: int) -> None:
        """A report that came while there was no delay has no time; it counts from when there is one."""
        if self.delay == 0:
            self.began = now
        self.delay = seconds

    def claimable_at(self, slot: int) -> int:
        """The first second at which a claim is let through."""
        if self.delay == 0:
            return 0
        at = self.accepted[slot]
        return (self.began if at is None else at) + self.delay


def report(world: World, skipped: int) -> tuple[int, Claim]:
    """One more report of a station that made a little each time."""
    slot, total, content_hash, _ = world.oracle.view("head", 1)
    slot = max(slot + skipped, world.now // SLOT)
    world.pass_time(max(0, slot * SLOT - world.now))
    leaf = Leaf(1, 1, 1, PEOPLE[0], slot, ENERGY, total + ENERGY, total + ENERGY, 2, bytes(32))
    content, tree = build_content([leaf], utility=1, slot=slot, prev=content_hash, previous_total=total, valid_from=0)
    signed = Report(content, world.now + 1, 1)
    pairs = [sign(world.digest(signed), node) for node in signers()[:2]]
    members = [node.address for node in signers()[:3]]
    world.oracle.must("report", report_words(signed), members, flat(pairs), sender=RELAYER)
    return slot, claims([leaf], tree)[0]


@twin_settings
@given(plan=st.lists(steps, min_size=3, max_size=14))
def test_delay__any_changes__nobody_claims_a_second_too_early_and_everybody_on_time(
    world: World, plan: list[tuple[str, int]]
) -> None:
    with boa.env.anchor(), remembered_recovery(active=True):
        world.registry.must("register_station", 1, PEOPLE[0], 10_000, 1, False, sender=REGISTRAR)
        book, shown = Book(), dict[int, Claim]()
        for kind, number in plan:
            if kind == "delay":
                world.oracle.must("set_challenge_delay", number * SLOT, sender=OWNER)
                book.change(number * SLOT, world.now)
            elif kind == "wait":
                world.pass_time(number)
            else:
                slot, claim = report(world, number)
                shown[slot] = claim
                book.accepted[slot] = world.now if book.delay else None
            newest = max(shown, default=0)
            for slot in [slot for slot in shown if slot + RING > newest]:
                expected = book.claimable_at(slot)
                assert world.oracle.view("claimable_at", 1, slot) == expected
                with boa.env.anchor():
                    early = world.treasury.call("claim", *shown[slot].args(), sender=STRANGER)
                    assert early.ok == (world.now >= expected), early.reason
                    assert early.ok or early.reason == "oracle: challenge delay is running"
                with boa.env.anchor():
                    world.pass_time(max(0, expected - world.now))
                    world.treasury.must("claim", *shown[slot].args(), sender=STRANGER)
        if book.delay and shown:
            slot, _, _, _ = world.oracle.view("head", 1)
            assert world.oracle.view("root_of", 1, slot) != bytes(32)
