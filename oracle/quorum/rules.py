# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Turns, quorums and the order of signatures: pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from kit.units import SLOT_SECONDS


def newest_closed_slot(unix_seconds: float, close_delay_seconds: int) -> int:
    """The newest slot that ended at least `close_delay_seconds` ago."""
    return int((unix_seconds - close_delay_seconds) // SLOT_SECONDS) - 1


def rank(position: int, slot: int, nodes: int) -> int:
    """How many nodes come before this one as proposer of a slot; `position` is the node's place in the signer set.

    Each slot another node is first, so one that is down or lies delays every n-th slot only.
    """
    if not 0 <= position < nodes:
        raise ValueError(f"position {position} is outside a set of {nodes}")
    return (position - slot) % nodes


def faulty_tolerated(nodes: int, needed: int) -> int:
    """The most faulty nodes for which two quorums of `needed` still share an honest one: 2k − n − 1, at least 0."""
    return max(2 * needed - nodes - 1, 0)


def is_quorum(signatures: Mapping[bytes, bytes], signers: Sequence[bytes], needed: int) -> bool:
    """True if at least `needed` of the set's signers (20 bytes each) have signed."""
    return sum(signer in signatures for signer in signers) >= needed


def in_contract_order(signatures: Mapping[bytes, bytes], signers: Sequence[bytes], needed: int) -> list[bytes]:
    """Exactly `needed` signatures by address, in ascending order of their signers, as the Oracle contract wants them.

    Raises ValueError if there are fewer.
    """
    chosen = [signatures[signer] for signer in sorted(signers) if signer in signatures][:needed]
    if len(chosen) < needed:
        raise ValueError(f"{len(chosen)} of {needed} signatures")
    return chosen


def most_signed(counts: Mapping[bytes, int], own: bytes | None) -> bytes | None:
    """The content to propose again for a slot: the one with most signatures; between equals the own, then the least hash.

    `counts` tells signatures by content hash, `own` is what this node has signed. None if nobody signed anything.
    """
    if not counts:
        return None
    return min(counts, key=lambda content: (-counts[content], content != own, content))


def majority_value(votes: Iterable[bytes], needed: int) -> bytes | None:
    """The value that at least `needed` voters gave, the most frequent one; None if there is none such."""
    counts: dict[bytes, int] = {}
    for vote in votes:
        counts[vote] = counts.get(vote, 0) + 1
    best = max(counts, key=lambda value: (counts[value], value), default=None)
    return best if best is not None and counts[best] >= needed else None
