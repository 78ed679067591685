# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The next signer set as a pure function of the present one and of what the owner wants."""

from collections.abc import Collection
from dataclasses import dataclass

from kit.errors import Refused
from oracle.rules import quorum_needed

SIGNERS_MAX = 32
_ZERO = bytes(20)
_SLOT_MAX = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class InForce:
    """The present signer set; `signers` ascend."""

    epoch: int
    k: int
    signers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A rotation as `Oracle.rotate` takes it. `signers` ascend; `before` is the set in force now, None for the first rotation."""

    before: InForce | None
    signers: tuple[bytes, ...]
    k: int
    faulty: int
    from_slot: int
    previous_until_slot: int

    @property
    def epoch(self) -> int:
        """The number that the new set gets."""
        return 1 if self.before is None else self.before.epoch + 1

    @property
    def joining(self) -> tuple[bytes, ...]:
        """Who was not in the set before."""
        known = () if self.before is None else self.before.signers
        return tuple(signer for signer in self.signers if signer not in known)

    @property
    def leaving(self) -> tuple[bytes, ...]:
        """Who is no longer in the set."""
        return () if self.before is None else tuple(s for s in self.before.signers if s not in self.signers)

    def warnings(self) -> list[str]:
        """What is allowed and may not be meant."""
        said = []
        if self.before is not None:
            if self.previous_until_slot + 1 < self.from_slot and self.previous_until_slot:
                said.append(
                    f"nobody may sign slots {self.previous_until_slot + 1} to {self.from_slot - 1}: their energy comes with the "
                    "next report, their batch ids never"
                )
            if not self.previous_until_slot:
                said.append(f"what epoch {self.before.epoch} has signed and not brought yet must be signed again")
            if len(self.leaving) > len(self.before.signers) - self.before.k:
                said.append("so many leave that the others can't finish a slot of the old set without them")
        if self.faulty == 0:
            said.append("no signer may be faulty: one lying or stolen key can split the quorum")
        return said


def plan(
    before: InForce | None,
    *,
    add: Collection[bytes] = (),
    remove: Collection[bytes] = (),
    signers: Collection[bytes] | None = None,
    k: int | None = None,
    faulty: int | None = None,
    running_slot: int,
    head_slot: int,
    from_slot: int | None = None,
    discard: bool = False,
) -> Plan:
    """The next set: the named `signers`, or the present ones with some added and removed.

    `faulty` is a third less one unless given, `k` the least that is safe with it. The new set signs from the slot after the
    running one on and the old one up to it, unless another `from_slot` is named; with `discard` the old set signs nothing more and
    the new one everything after the newest report. Raises Refused, in words, for what the contract would refuse, and for what
    changes nothing.
    """
    chosen = _chosen(before, set(add), set(remove), signers)
    count = len(chosen)
    f = (count - 1) // 3 if faulty is None else faulty
    needed = quorum_needed(count, f) if k is None else k
    _check(count, needed, f)
    first = from_slot if from_slot is not None else head_slot + 1 if discard else running_slot + 1
    until = 0 if discard or before is None else first - 1
    if not 0 < first <= _SLOT_MAX:
        raise Refused("oracle.bad_rotation", f"there is no slot {first}")
    if before is not None and (chosen, needed) == (before.signers, before.k) and not discard:
        raise Refused("oracle.bad_rotation", f"epoch {before.epoch} has these signers and {needed} signatures already")
    return Plan(before, chosen, needed, f, first, until)


def _chosen(
    before: InForce | None, add: set[bytes], remove: set[bytes], signers: Collection[bytes] | None
) -> tuple[bytes, ...]:
    if signers is not None and (add or remove):
        raise Refused("oracle.bad_rotation", "name all signers, or those to add and remove, not both")
    present = set() if before is None else set(before.signers)
    if signers is not None:
        chosen = set(signers)
        if len(chosen) != len(signers):
            raise Refused("oracle.bad_rotation", "a signer is named twice")
    else:
        if strangers := remove - present:
            raise Refused("oracle.bad_rotation", f"{_shown(strangers)} is not in the present set")
        if known := add & present:
            raise Refused("oracle.bad_rotation", f"{_shown(known)} is in the present set already")
        chosen = (present | add) - remove
    if _ZERO in chosen:
        raise Refused("oracle.bad_rotation", "the zero address can't sign")
    if not 0 < len(chosen) <= SIGNERS_MAX:
        raise Refused("oracle.bad_rotation", f"a set has 1 to {SIGNERS_MAX} signers, not {len(chosen)}")
    return tuple(sorted(chosen))


def _check(count: int, k: int, faulty: int) -> None:
    if not 0 <= faulty < count:
        raise Refused("oracle.bad_rotation", f"{faulty} faulty signers of {count} leave no honest one")
    least = quorum_needed(count, faulty)
    if k > count:
        raise Refused(
            "oracle.bad_rotation",
            f"{k} signatures of {count} signers can't be had" + (f"; {least} would be needed" if least > count else ""),
        )
    if k < least:
        raise Refused(
            "oracle.bad_rotation",
            f"with {k} of {count} two quorums could sign two different reports while {faulty} signers are faulty: "
            f"they share {max(2 * k - count, 0)} signers, and one of these must be honest; at least {least} signatures are needed",
        )


def _shown(addresses: set[bytes]) -> str:
    return ", ".join("0x" + address.hex() for address in sorted(addresses))
