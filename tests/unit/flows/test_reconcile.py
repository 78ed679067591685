# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the books say of each way to be wrong."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.reconcile import Line, Reconciliation, findings_of

uwh = st.integers(0, 2**96 - 1)


def line(oracle: int, chain: int, indexed: int, station: int = 1) -> Line:
    return Line(UUID(int=station), 1, bytes(20), oracle, oracle, chain, indexed)


def books(*lines: Line, reserve: int = 0, burned: int = 0) -> Reconciliation:
    """Books that agree with their lines."""
    settled = sum(it.chain_uwh for it in lines)
    return Reconciliation(
        utility=1,
        block=9,
        slot=7,
        oracle_total_uwh=sum(it.oracle_uwh for it in lines),
        chain_minted_uwh=settled,
        chain_issued_uwh=settled - reserve,
        supply_units=settled - reserve - burned,
        lines=lines,
    )


@given(uwh, uwh, uwh)
def test_a_line_is_broken_exactly_if_too_much_was_settled_or_the_index_differs(
    oracle: int, chain: int, indexed: int
) -> None:
    verdict = line(oracle, chain, indexed).verdict
    assert (verdict == "broken") == (chain > oracle or indexed != chain)
    assert (verdict == "reconciled") == (oracle == chain == indexed)


@given(st.lists(st.tuples(uwh, st.floats(0, 1)), max_size=5))
def test_honest_books_have_no_findings(tenures: list[tuple[int, float]]) -> None:
    lines = [line(total, int(total * share) if share < 1 else total, 0, n) for n, (total, share) in enumerate(tenures)]
    lines = [replace(it, chain_uwh=min(it.chain_uwh, it.oracle_uwh)) for it in lines]
    lines = [replace(it, indexed_uwh=it.chain_uwh) for it in lines]
    made = books(*lines)
    assert findings_of(made, strangers=0) == ()
    assert made.verdict == ("waiting" if any(it.chain_uwh < it.oracle_uwh for it in lines) else "reconciled")


HONEST = books(line(10, 10, 10, 1), line(7, 5, 5, 2), reserve=1, burned=2)


@pytest.mark.parametrize(
    ("change", "strangers", "words"),
    [
        ({"chain_minted_uwh": 18, "chain_issued_uwh": 18}, 0, "minted more than the Oracle accepted"),
        ({"oracle_total_uwh": 16}, 0, "leaves sum up to 17, the Oracle's total is 16"),
        ({"chain_minted_uwh": 14}, 0, "tenures settled 15, the Treasury minted 14"),
        ({"supply_units": 15}, 0, "more tokens exist"),
        ({}, 3, "3 were minted for tenures without a leaf"),
    ],
    ids=["over the cap", "leaves", "settled", "supply", "strangers"],
)
def test_each_lie_is_found_by_name(change: dict[str, int], strangers: int, words: str) -> None:
    made = replace(HONEST, **change)
    found = findings_of(made, strangers=strangers)
    assert any(words in text for text in found), found
    assert replace(made, findings=found).verdict == "broken"
