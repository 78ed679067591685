# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Planning a rotation: no plan is made that could let two reports through, whatever is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Refused
from oracle.rotation.rules import InForce, Plan, plan

A, B, C, D, N = (bytes([n]) * 20 for n in (1, 2, 3, 4, 9))
NOW = InForce(3, 3, (A, B, C, D))
addresses = st.sets(st.integers(1, 60).map(lambda n: n.to_bytes(20, "big")), max_size=36)


def make(before: InForce | None = NOW, **wanted: object) -> Plan:
    return plan(before, running_slot=500, head_slot=490, **wanted)  # type: ignore[arg-type]


def test_a_node_leaves_and_one_joins_and_no_slot_is_left_without_signers() -> None:
    made = make(add=[N], remove=[B])
    assert (made.epoch, made.signers, made.k, made.faulty) == (4, (A, C, D, N), 3, 1)
    assert (made.joining, made.leaving) == ((N,), (B,))
    assert (made.from_slot, made.previous_until_slot) == (501, 500)
    assert made.warnings() == []


def test_a_discarded_set_signs_nothing_and_the_new_one_everything_that_waits() -> None:
    made = make(add=[N], remove=[B, C], discard=True)
    assert (made.from_slot, made.previous_until_slot) == (491, 0)
    assert made.k == 2
    assert any("signed again" in said for said in made.warnings())
    assert any("so many leave" in said for said in made.warnings())
    assert any("one lying" in said for said in made.warnings())
    assert make(None, signers=[D, A, C, B]).epoch == 1


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"add": [A]}, "already"),
        ({"remove": [N]}, "not in the present set"),
        ({"remove": [A, B, C, D]}, "1 to 32"),
        ({"signers": [A, A]}, "twice"),
        ({"signers": [A, bytes(20)]}, "zero address"),
        ({"signers": [A], "add": [B]}, "not both"),
        ({"add": [N], "k": 3, "faulty": 1}, "at least 4"),
        ({"add": [N], "k": 6}, "can't be had"),
        ({"k": 2, "faulty": 0}, "they share 0 signers"),
        ({"faulty": 4}, "no honest one"),
        ({"from_slot": 0, "add": [N]}, "no slot 0"),
        ({"from_slot": 1 << 32, "add": [N]}, "no slot"),
        ({}, "already"),
    ],
)
def test_what_is_unsafe_or_changes_nothing_is_refused_in_words(wanted: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        make(NOW, **wanted)


@given(addresses, addresses, st.none() | st.integers(0, 40), st.none() | st.integers(-1, 40))
def test_two_quorums_of_any_plan_share_an_honest_signer(
    add: set[bytes], remove: set[bytes], k: int | None, faulty: int | None
) -> None:
    before = InForce(1, 24, tuple(n.to_bytes(20, "big") for n in range(1, 33)))
    try:
        made = make(before, add=add - set(before.signers), remove=remove & set(before.signers), k=k, faulty=faulty)
    except Refused:
        return
    count = len(made.signers)
    assert 0 <= made.faulty < count <= 32
    assert made.k <= count
    assert 2 * made.k - count > made.faulty
    assert list(made.signers) == sorted(set(made.signers))
