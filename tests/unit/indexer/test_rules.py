# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The fork point, and how many blocks to ask for."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.rules import SPAN_MAX, Position, common, next_span


def block(number: int, fork: int) -> Position:
    return Position(number, bytes([fork]) * 32)


@given(length=st.integers(1, 40), shared=st.integers(0, 40))
def test_common__is_the_newest_shared_block(length: int, shared: int) -> None:
    ours = [block(n, 1) for n in range(length, 0, -1)]
    theirs = {n: block(n, 1 if n <= shared else 2).hash for n in range(1, length + 1)}
    kept = common(ours, theirs)
    assert kept == (block(min(shared, length), 1) if shared else None)


def test_common__block_that_the_node_lacks__not_shared() -> None:
    assert common([block(9, 1), block(8, 1)], {8: block(8, 1).hash}) == block(8, 1)


@given(density=st.integers(1, 50_000), span=st.integers(1, SPAN_MAX))
def test_next_span__settles_at_the_wanted_number_of_events(density: int, span: int) -> None:
    for _ in range(40):
        span = next_span(span, span * density, 10_000)
    assert span == max(1, 10_000 // density)


@given(span=st.integers(1, SPAN_MAX), events=st.integers(0, 10**7))
def test_next_span__at_most_doubles_or_halves(span: int, events: int) -> None:
    after = next_span(span, events, 10_000)
    assert 1 <= after <= SPAN_MAX
    assert span // 2 <= after <= span * 2
