# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Turns, refusals and the order of signatures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.units import SLOT_SECONDS
from oracle.quorum.rules import (
    RETRY_CODES,
    Situation,
    by_most_signed,
    in_contract_order,
    is_quorum,
    newest_closed_slot,
    rank,
    refusal,
)
from oracle.rules import ZERO_HASH, Content, Report

SLOT = 2_000_000
END = (SLOT + 1) * SLOT_SECONDS
CONTENT = Content(1, SLOT, b"p" * 32, b"r" * 32, 5, 105, 2, b"d" * 32, 0)
REPORT = Report(CONTENT, END + 48 * 3_600, 1)
SITUATION = Situation(END + 900, 900, SLOT - 3, 100, b"p" * 32, 1, 0, 0, 2**32 - 1, END)


@given(st.integers(2, 32), st.integers(0, 2**32 - 1))
def test_every_slot_has_one_node_of_each_rank_and_every_node_is_first_in_turn(nodes: int, slot: int) -> None:
    assert sorted(rank(p, slot, nodes) for p in range(nodes)) == list(range(nodes))
    assert {next(p for p in range(nodes) if rank(p, slot + i, nodes) == 0) for i in range(nodes)} == set(range(nodes))


@given(st.integers(0, 2**32), st.integers(0, 86_400))
def test_a_closed_slot_ended_long_enough_ago_and_the_next_one_did_not(now: int, delay: int) -> None:
    slot = newest_closed_slot(now, delay)
    assert (slot + 1) * SLOT_SECONDS + delay <= now < (slot + 2) * SLOT_SECONDS + delay


def test_what_follows_the_chain_and_the_clock_is_not_refused() -> None:
    assert refusal(REPORT, SITUATION) is None
    assert refusal(REPORT, replace(SITUATION, delay=900)) is None
    assert refusal(REPORT, replace(SITUATION, mode=2)) is None


@pytest.mark.parametrize(
    ("report", "situation", "code"),
    [
        ({}, {"mode": 0}, "oracle.utility_not_open"),
        ({}, {"mode": 3}, "oracle.utility_not_open"),
        ({}, {"mode": 2, "delay": 900}, "oracle.challenge_delay"),
        ({}, {"head_slot": SLOT}, "oracle.slot_reported"),
        ({}, {"sign_from": SLOT + 1}, "oracle.silent"),
        ({}, {"now": END + 899}, "oracle.slot_open"),
        ({}, {"mirrored_until": END - 1}, "oracle.behind"),
        ({}, {"head_hash": ZERO_HASH}, "oracle.wrong_prev"),
        ({"increase": 6}, {}, "oracle.wrong_total"),
        ({"total": 106}, {}, "oracle.wrong_total"),
        ({"valid_from": 1}, {}, "oracle.wrong_valid_from"),
        ({}, {"set_from": SLOT + 1}, "oracle.wrong_epoch"),
        ({}, {"set_until": SLOT - 1}, "oracle.wrong_epoch"),
    ],
)
def test_whatever_does_not_fit_is_refused_by_its_name(
    report: dict[str, int], situation: dict[str, int], code: str
) -> None:
    made = refusal(replace(REPORT, content=replace(CONTENT, **report)), replace(SITUATION, **situation))  # type: ignore[arg-type]
    assert made is not None
    assert made.code == code


@pytest.mark.parametrize("deadline", [END + 900, END + 900 + 32 * 86_400])
def test_a_deadline_in_the_past_or_far_away_is_refused(deadline: int) -> None:
    made = refusal(replace(REPORT, deadline=deadline), SITUATION)
    assert made is not None
    assert made.code == "oracle.wrong_deadline"


def test_only_what_time_may_change_is_asked_again() -> None:
    assert {"oracle.slot_open", "oracle.behind", "oracle.unknown_reading"} <= RETRY_CODES
    assert not {"oracle.disagree", "oracle.signed_other", "oracle.not_a_node", "oracle.slot_reported"} & RETRY_CODES


def test_signatures_go_to_the_contract_in_the_order_of_their_signers_and_no_more_than_needed() -> None:
    signers = [bytes([n]) * 20 for n in (4, 1, 3, 2)]
    signed = {signers[0]: b"four", signers[1]: b"one", signers[3]: b"two", b"x" * 20: b"stranger"}
    assert is_quorum(signed, signers, 3)
    assert not is_quorum(signed, signers, 4)
    assert in_contract_order(signed, signers, 2) == [b"one", b"two"]
    with pytest.raises(ValueError, match="3 of 4"):
        in_contract_order(signed, signers, 4)


def test_the_most_signed_content_comes_first_and_the_own_one_between_equals() -> None:
    assert by_most_signed({b"a": 1, b"b": 2, b"c": 2}, b"c") == [b"c", b"b", b"a"]
    assert by_most_signed({b"a": 1, b"b": 1}, None) == [b"a", b"b"]
    assert by_most_signed({}, b"a") == []
