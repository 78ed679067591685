# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Decisions of the indexer that need neither a node nor a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SPAN_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Position:
    """A block: its number and its hash of 32 bytes."""

    number: int
    hash: bytes


def common(ours: Sequence[Position], theirs: Mapping[int, bytes]) -> Position | None:
    """The newest of our blocks that is theirs too. `ours` is in descending order."""
    return next((block for block in ours if theirs.get(block.number) == block.hash), None)


def next_span(span: int, events: int, wanted: int) -> int:
    """How many blocks to ask for next, when `span` blocks brought `events` and `wanted` are wanted.

    Follows the density, but at most doubles or halves, so that one odd range does not throw it far off.
    """
    fitting = span * 2 if events == 0 else span * wanted // events
    return max(1, min(max(fitting, span // 2), span * 2, SPAN_MAX))
