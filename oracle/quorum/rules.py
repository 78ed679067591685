# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Turns, quorums and the order of signatures: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.errors import Conflict, GreenCoreError, Refused, Unavailable
from kit.units import SLOT_SECONDS
from oracle.rules import Report

DEADLINE_SLACK_SECONDS = 31 * 86_400
_CLAIMED, _DIRECT = 1, 2

# answers that may be another one soon: the proposer asks again
RETRY_CODES = frozenset(
    {
        "oracle.slot_open",
        "oracle.behind",
        "oracle.busy",
        "oracle.unknown_reading",
        "oracle.content_unknown",
        "oracle.peer_unavailable",
        "oracle.wrong_prev",
        "chain.unavailable",
    }
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a node knows when it is asked to sign. Instants are unix seconds of the deployment's clock; `head_*` is the newest
    accepted report; `set_*` are the terms of the signer set of the report's epoch; `mirrored_until` is how far the node has
    read the registry; `sign_from` the first slot that its operator lets it sign; `delay` the chain's challenge delay, seconds.
    """

    now: float
    close_delay: int
    head_slot: int
    head_total: int
    head_hash: bytes
    mode: int
    valid_from: int
    set_from: int
    set_until: int
    mirrored_until: float
    sign_from: int = 0
    delay: int = 0


def refusal(report: Report, situation: Situation) -> GreenCoreError | None:
    """Why a report must not be signed, before anything is recounted; or None. What the Oracle contract refuses is refused here."""
    content, s = report.content, situation
    end = (content.slot + 1) * SLOT_SECONDS
    if s.mode not in (_CLAIMED, _DIRECT):
        return Refused("oracle.utility_not_open", f"utility {content.utility} is not open to reports of leaves")
    if s.mode == _DIRECT and s.delay:
        return Refused("oracle.challenge_delay", "while there is a challenge delay nobody is paid with a report")
    if content.slot < s.sign_from:
        return Refused("oracle.silent", f"this node's operator lets it sign from slot {s.sign_from} on only")
    if content.slot <= s.head_slot:
        return Conflict("oracle.slot_reported", f"slot {content.slot} is not after the accepted slot {s.head_slot}")
    if s.now < end + s.close_delay:
        return Unavailable(
            "oracle.slot_open", f"slot {content.slot} closes {end + s.close_delay - s.now:.0f} s from now"
        )
    if s.mirrored_until < end:
        return Unavailable("oracle.behind", f"the registry is known here up to {s.mirrored_until:.0f}, not up to {end}")
    if content.prev != s.head_hash:
        return Conflict(
            "oracle.wrong_prev", f"the report follows 0x{content.prev.hex()}, the chain has 0x{s.head_hash.hex()}"
        )
    if content.total != s.head_total + content.increase:
        return Refused("oracle.wrong_total", "the running total is not the chain's total and the increase")
    if content.valid_from != s.valid_from:
        return Refused("oracle.wrong_valid_from", f"validFrom is {content.valid_from}, here {s.valid_from}")
    if not s.set_from <= content.slot <= s.set_until:
        return Refused("oracle.wrong_epoch", f"the signer set of epoch {report.epoch} may not sign slot {content.slot}")
    if not s.now < report.deadline <= s.now + DEADLINE_SLACK_SECONDS:
        return Refused("oracle.wrong_deadline", f"the deadline {report.deadline} has passed or is too far away")
    return None


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


def by_most_signed(counts: Mapping[bytes, int], own: bytes | None) -> list[bytes]:
    """Contents in the order in which to collect signatures: most signed first; between equals the own, then the least hash.

    `counts` tells signatures by content hash, `own` is what this node has signed.
    """
    return sorted(counts, key=lambda content: (-counts[content], content != own, content))
