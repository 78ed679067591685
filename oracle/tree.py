# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of a row of leaves in 32 bytes a node: the same roots and proofs as `oracle.rules.Tree`, for a million leaves.

The padding is not stored: a missing node of a level is the root of an empty subtree of that height, which is known beforehand.
Levels stand one after another in one row of bytes, from the leaves up, so a tree that is stored somewhere gives a proof from
`siblings` and a few reads of 32 bytes.
"""

from collections.abc import Sequence
from itertools import accumulate

from oracle.keccak import keccak
from oracle.rules import EMPTY_LEAF, PROOF_MAX

NODE_BYTES = 32


def _empty_roots() -> tuple[bytes, ...]:
    return tuple(accumulate(range(PROOF_MAX), lambda below, _: keccak(b"\x01" + below + below), initial=EMPTY_LEAF))


EMPTY_ROOTS = _empty_roots()
"""Roots of trees of nothing but padding, by height."""


class PackedTree:
    """The tree over leaf hashes that stand in one row of bytes. `levels` are all its nodes, `leaves` their number at the bottom."""

    __slots__ = ("leaves", "levels")

    def __init__(self, levels: bytes, leaves: int) -> None:
        """A tree that was built before. Raises ValueError if so many bytes are no tree of so many leaves."""
        if leaves < 1 or len(levels) != NODE_BYTES * sum(counts(leaves)):
            raise ValueError(f"{len(levels)} bytes are no tree of {leaves} leaves")
        self.levels = levels
        self.leaves = leaves

    @classmethod
    def build(cls, hashes: bytes) -> "PackedTree":
        """Hash a row of leaf hashes, 32 bytes each, up to the root. Raises ValueError for an empty row or a broken one."""
        if not hashes or len(hashes) % NODE_BYTES:
            raise ValueError("a tree needs at least one leaf of 32 bytes")
        level, made, height = hashes, [hashes], 0
        one, hashed = b"\x01", keccak
        while len(level) > NODE_BYTES:
            if len(level) % (2 * NODE_BYTES):
                level += EMPTY_ROOTS[height]
            level = b"".join([hashed(one + level[at : at + 64]) for at in range(0, len(level), 64)])
            made.append(level)
            height += 1
        return cls(b"".join(made), len(hashes) // NODE_BYTES)

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self.levels[-NODE_BYTES:]

    def proof(self, index: int) -> list[bytes]:
        """The siblings from the leaf up. Raises IndexError outside the padded row."""
        return [
            EMPTY_ROOTS[height] if at is None else self.levels[at : at + NODE_BYTES]
            for height, at in enumerate(siblings(self.leaves, index))
        ]


def counts(leaves: int) -> list[int]:
    """How many nodes each level holds, from the leaves up."""
    found = [leaves]
    while found[-1] > 1:
        found.append((found[-1] + 1) // 2)
    return found


def siblings(leaves: int, index: int) -> Sequence[int | None]:
    """Where a leaf's siblings stand in the bytes of the levels, from the leaf up; None where the sibling is padding.

    Raises IndexError outside the padded row.
    """
    rows = counts(leaves)
    if not 0 <= index < 1 << (len(rows) - 1):
        raise IndexError(f"no leaf {index} in a row of {1 << (len(rows) - 1)}")
    found: list[int | None] = []
    start = 0
    for height, count in enumerate(rows[:-1]):
        sibling = (index >> height) ^ 1
        found.append(start + NODE_BYTES * sibling if sibling < count else None)
        start += NODE_BYTES * count
    return found
