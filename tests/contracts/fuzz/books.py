# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The words of the model: what it keeps, what it refuses, and the two formulas of the contracts as exact fractions."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from oracle.rules import ZERO_HASH

CLAIMED, DIRECT, POOLED = 1, 2, 3
BATCH = 1 << 255
RING = 128
SLOT = 900
DEPTH_DAYS = 31
NOBODY = bytes(20)
NEVER = 2**40 - 1  # the clock of a closed tenure's bucket


class Refused(Exception):
    """The operation reverts with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def need(condition: bool, reason: str) -> None:
    """Refuse unless."""
    if not condition:
        raise Refused(reason)


def filled(allowance: int, rated_w: int, seconds: int) -> int:
    """µWh that a bucket holds after some time: 1.25 × rated power, never more than 31 days of it, rounded down."""
    per_second = Fraction(5, 4) * rated_w * 1_000_000 / 3600
    return min(allowance + floor(per_second * seconds), floor(per_second * DEPTH_DAYS * 86_400))


def reserve_between(start: int, end: int, bps: int) -> int:
    """The reserve of a stretch of a register: the difference of two rounded-down shares, so that splits add up."""
    return floor(Fraction(end * bps, 10_000)) - floor(Fraction(start * bps, 10_000))


def batch_id(utility: int, slot: int) -> int:
    """The id of one slot's tokens."""
    return BATCH | utility << 32 | slot


@dataclass
class Tenure:
    """One ownership of a station."""

    owner: bytes
    since: int
    until: int
    rated_w: int


@dataclass
class Settled:
    """What a tenure has settled, and its bucket."""

    register: int
    allowance: int
    at: int
    rated_w: int


@dataclass
class Utility:
    """The Oracle's and the Treasury's books of one utility."""

    mode: int
    slot: int
    total: int = 0
    allowance_mwh: int = 0
    valid_from: int = 0
    reports: int = 0
    content: bytes = ZERO_HASH
    ring: dict[int, bytes] = field(default_factory=dict)
    accepted: dict[int, tuple[int, int]] = field(default_factory=dict)  # place in the ring → slot, when
    minted: int = 0
    reserve: int = 0
    paid_at: int = 0  # when a direct utility's row was paid last


@dataclass(frozen=True)
class SignerSet:
    """An epoch's nodes and the slots it may sign."""

    signers: tuple[bytes, ...]
    k: int
    from_slot: int
    until_slot: int


@dataclass(frozen=True)
class Signed:
    """A signature as the test knows it: who made it (None: nobody of any set), and whether its `s` is high."""

    signer: bytes | None
    high: bool = False


@dataclass(frozen=True)
class Mint:
    """One stretch of a register that became tokens."""

    station: int
    tenure: int
    owner: bytes
    start: int
    amount: int
    kept: int
    token_id: int
