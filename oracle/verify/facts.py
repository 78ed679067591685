# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the check reads, as plain data. Energy in µWh, addresses of 20 bytes; `at` is (block, index of the log)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from oracle.rules import Content

Position = tuple[int, int]
Severity = Literal["tampering", "unchecked"]

CLAIMED, DIRECT, POOLED = 1, 2, 3
MINT_CLAIM, MINT_BATCH, MINT_DIRECT, MINT_POOL = 1, 2, 3, 4
BATCH_BIT = 1 << 255


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or that could not be looked at. `where` names it, `what` says it in a sentence."""

    severity: Severity
    check: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class SignedCall:
    """How a report came to the chain: deadline and signer list from the transaction, and who made each signature (None for one
    that nobody can have made).
    """

    deadline: int
    epoch: int
    content: Content
    signers: tuple[bytes, ...]
    signed_by: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class ReportSeen:
    """`ReportAccepted`, and the call behind it; None if the transaction calls something that this check can't read."""

    content: Content
    content_hash: bytes
    epoch: int
    at: Position
    tx: bytes
    call: SignedCall | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """`SignerSetRotated`."""

    epoch: int
    k: int
    signers: tuple[bytes, ...]
    from_slot: int
    previous_until_slot: int
    at: Position


@dataclass(frozen=True, slots=True)
class MintSeen:
    """`Treasury.Minted`."""

    utility: int
    station: int
    owner: bytes
    tenure: int
    slot: int
    from_register: int
    to_register: int
    to_owner: int
    reserve: int
    token_id: int
    mode: int
    at: Position
    tx: bytes


@dataclass(frozen=True, slots=True)
class ReserveSeen:
    """`ReserveCollected`."""

    utility: int
    beneficiary: bytes
    amount: int
    at: Position
    tx: bytes


@dataclass(frozen=True, slots=True)
class RateSeen:
    """`ReserveRateChanged`: the reserve's share from here on, hundredths of a per cent."""

    bps: int
    at: Position


@dataclass(frozen=True, slots=True)
class DelaySeen:
    """`ChallengeDelayChanged`: how long after its report a claim must wait from here on, seconds."""

    seconds: int
    at: Position


@dataclass(frozen=True, slots=True)
class TransferSeen:
    """One id of `TransferSingle` or `TransferBatch`."""

    sender: bytes
    receiver: bytes
    token_id: int
    amount: int
    at: Position
    tx: bytes


@dataclass(frozen=True, slots=True)
class FuseSeen:
    """`Fused`: batch tokens became class tokens."""

    owner: bytes
    batch_id: int
    class_id: int
    amount: int
    at: Position
    tx: bytes


@dataclass(frozen=True, slots=True)
class HeadSeen:
    """What the Oracle contract says is the newest report."""

    slot: int
    total: int
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class BooksSeen:
    """What the Treasury says of a utility: settled in all, and the reserve that is counted and not yet collected."""

    minted: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was read from the chain, as of one block. Events are in the chain's order."""

    chain_id: int
    block: int
    treasury: bytes
    modes: Mapping[int, int]
    reports: Sequence[ReportSeen]
    rotations: Sequence[Rotation]
    mints: Sequence[MintSeen]
    reserves: Sequence[ReserveSeen]
    rates: Sequence[RateSeen]
    transfers: Sequence[TransferSeen]
    fuses: Sequence[FuseSeen]
    heads: Mapping[int, HeadSeen]
    books: Mapping[int, BooksSeen]
    settled: Mapping[tuple[int, int, int], int]
    supplies: Mapping[int, int]
    delays: Sequence[DelaySeen] = ()
    times: Mapping[int, int] = field(default_factory=dict)
    """Block → its unix seconds: of every report, mint and change of the delay, and of the newest, where there ever was a delay."""
    codes: Mapping[str, bool] = field(default_factory=dict)
    """Contract's name → whether its code is the one that was deployed."""
