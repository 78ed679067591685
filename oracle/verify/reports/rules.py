# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the reports are what the nodes signed, follow each other, and say what their leaves say. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from eth_hash.auto import keccak

from oracle.rules import ZERO_HASH, Content, Leaf, LeavesError, direct_root, parse_leaves
from oracle.tree import PackedTree
from oracle.verify.facts import DIRECT, POOLED, Facts, Finding, ReportSeen, Rotation, Severity

Tenure = tuple[int, int, int]
"""utility, station, tenure"""


def name_of(content: Content) -> str:
    """How findings call a report."""
    return f"utility {content.utility}, slot {content.slot}"


def check_chain(facts: Facts) -> Iterator[Finding]:
    """The chain of contents: every report follows the one before, and the contract's head is the last."""
    last: dict[int, Content] = {}
    for report in facts.reports:
        content, before = report.content, last.get(report.content.utility)
        here = name_of(content)
        if report.content_hash != content.hash():
            yield _tampered("chain", here, "the event's content hash is not the hash of what it says")
        prev = ZERO_HASH if before is None else before.hash()
        if content.prev != prev:
            after = "is the first and names one before" if before is None else f"does not follow slot {before.slot}"
            yield _tampered("chain", here, f"the report {after}: a report is missing, or was forged")
        if before is not None and content.slot <= before.slot:
            yield _tampered("chain", here, f"the slot is not after slot {before.slot}")
        total = (0 if before is None else before.total) + content.increase
        if content.total != total:
            yield _tampered("chain", here, f"the total is {content.total} µWh; with the increase it must be {total}")
        if content.utility not in facts.modes:
            yield _tampered("chain", here, "the utility was never opened")
        last[content.utility] = content
    for utility, head in facts.heads.items():
        newest = last.get(utility)
        where = f"utility {utility}"
        if newest is None:
            if head.content_hash != ZERO_HASH:
                yield _tampered("chain", where, "the contract has a newest report, the events have none")
        elif (head.slot, head.total, head.content_hash) != (newest.slot, newest.total, newest.hash()):
            yield _tampered(
                "chain", where, f"the contract's head is slot {head.slot}, the newest event's {newest.slot}"
            )


def check_signatures(facts: Facts) -> Iterator[Finding]:
    """The quorum of every report, from the transaction that brought it and the signer sets that were in force."""
    events: list[ReportSeen | Rotation] = sorted([*facts.rotations, *facts.reports], key=lambda event: event.at)
    sets: dict[int, tuple[Rotation, int]] = {}
    for event in events:
        if isinstance(event, Rotation):
            yield from _check_set(event)
            if event.epoch - 1 in sets:
                sets[event.epoch - 1] = (sets[event.epoch - 1][0], event.previous_until_slot)
            sets.pop(event.epoch - 2, None)
            sets[event.epoch] = (event, (1 << 32) - 1)
        else:
            yield from _check_quorum(event, sets)


def _check_set(rotation: Rotation) -> Iterator[Finding]:
    where = f"signer set of epoch {rotation.epoch}"
    if list(rotation.signers) != sorted(set(rotation.signers)) or bytes(20) in rotation.signers:
        yield _tampered("signatures", where, "the signers are not strictly ascending, or one is the zero address")
    if not len(rotation.signers) < 2 * rotation.k <= 2 * len(rotation.signers):
        yield _tampered("signatures", where, f"{rotation.k} of {len(rotation.signers)} is no majority")


def _check_quorum(report: ReportSeen, sets: Mapping[int, tuple[Rotation, int]]) -> Iterator[Finding]:
    here, call = name_of(report.content), report.call
    if call is None:
        yield Finding(
            "unchecked", "signatures", here, f"0x{report.tx.hex()} calls something that this check can't read"
        )
        return
    if report.epoch not in sets or call.epoch != report.epoch:
        yield _tampered("signatures", here, f"epoch {report.epoch} had no signer set in force")
        return
    terms, until = sets[report.epoch]
    if not terms.from_slot <= report.content.slot <= until:
        yield _tampered("signatures", here, f"the signer set of epoch {report.epoch} could not sign this slot")
    if call.content != report.content:
        yield _tampered("signatures", here, "what was signed is not what the event says")
    if call.signers != terms.signers:
        yield _tampered("signatures", here, f"the transaction names other signers than epoch {report.epoch} has")
    valid = {signer for signer in call.signed_by if signer in terms.signers}
    strangers = len(call.signed_by) - len([s for s in call.signed_by if s in terms.signers])
    if strangers:
        yield _tampered(
            "signatures", here, f"{strangers} of {len(call.signed_by)} signatures are of no signer of the set"
        )
    if len(valid) < terms.k:
        yield _tampered("signatures", here, f"{len(valid)} valid signatures where {terms.k} are needed")


class LeavesCheck:
    """Goes through the published files in the reports' order and remembers the last leaf of every tenure."""

    def __init__(self, claimed: Collection[tuple[int, int]], modes: Mapping[int, int]) -> None:
        """`claimed` are the (utility, slot) whose leaves are needed again: what was claimed against them. `modes` by utility."""
        self._claimed = claimed
        self._modes = modes
        self.newest: dict[Tenure, Leaf] = {}
        self.rows: dict[tuple[int, int], dict[tuple[int, int], tuple[bytes, int, int]]] = {}
        """(utility, slot) → (station, tenure) → owner, mintable, energy"""
        self.missing: list[tuple[int, int]] = []
        self._gap: set[int] = set()

    def take(self, report: ReportSeen, data: bytes | None) -> Iterator[Finding]:
        """Check one report's file; None if nobody publishes it."""
        content = report.content
        here = name_of(content)
        if data is None:
            self.missing.append((content.utility, content.slot))
            self._gap.add(content.utility)
            yield Finding(
                "unchecked", "leaves", here, f"no file of leaves with the hash 0x{content.data_hash.hex()} was found"
            )
            return
        if keccak(data) != content.data_hash:
            yield _tampered("leaves", here, "the published file is not the one that was signed: its hash differs")
            self._gap.add(content.utility)
            return
        try:
            leaves = parse_leaves(data)
        except LeavesError as error:
            yield _tampered("leaves", here, f"the signed file can't be read: {error}")
            self._gap.add(content.utility)
            return
        yield from self._check_row(content, leaves)
        yield from self._check_progress(content, leaves)
        if (content.utility, content.slot) in self._claimed:
            self.rows[content.utility, content.slot] = {
                (leaf.station, leaf.tenure): (leaf.owner, leaf.mintable, leaf.energy) for leaf in leaves
            }
        self.newest |= {(content.utility, leaf.station, leaf.tenure): leaf for leaf in leaves}
        self._gap.discard(content.utility)

    def _check_row(self, content: Content, leaves: Sequence[Leaf]) -> Iterator[Finding]:
        here = name_of(content)
        if not leaves or self._root_of(content.utility, leaves) != content.root:
            yield _tampered("leaves", here, "the leaves do not give the report's root")
        if len(leaves) != content.stations:
            yield _tampered("leaves", here, f"{len(leaves)} leaves, the report says {content.stations}")
        if any((leaf.utility, leaf.slot) != (content.utility, content.slot) for leaf in leaves):
            yield _tampered("leaves", here, "a leaf is of another utility or slot")
        total = sum(leaf.mintable for leaf in leaves)
        if total != content.total:
            yield _tampered("leaves", here, f"the leaves sum up to {total} µWh, the report says {content.total}")

    def _root_of(self, utility: int, leaves: Sequence[Leaf]) -> bytes:
        if self._modes.get(utility) == DIRECT:
            return direct_root(leaves)
        return PackedTree.build(b"".join([leaf.hash() for leaf in leaves])).root

    def _check_progress(self, content: Content, leaves: Sequence[Leaf]) -> Iterator[Finding]:
        present = set()
        for leaf in leaves:
            key = (content.utility, leaf.station, leaf.tenure)
            present.add(key)
            if leaf.measured > leaf.mintable:
                yield _tampered("leaves", _where(content, leaf), "more was measured than may be minted")
            before = self.newest.get(key)
            grown = leaf.mintable if before is None else leaf.mintable - before.mintable
            if before is not None and (grown < 0 or leaf.measured < before.measured):
                yield _tampered("leaves", _where(content, leaf), f"a register fell since slot {before.slot}")
            if before is not None and leaf.owner != before.owner:
                yield _tampered("leaves", _where(content, leaf), "the owner of a tenure changed")
            if leaf.energy > max(grown, 0) and content.utility not in self._gap:
                yield _tampered(
                    "leaves",
                    _where(content, leaf),
                    f"the slot's energy is {leaf.energy} µWh, the register grew by {grown}",
                )
        for key, before in self.newest.items():
            if key[0] == content.utility and key not in present:
                yield _tampered(
                    "leaves", name_of(content), f"the leaf of station {before.line().split(',')[1]} vanished"
                )


def _where(content: Content, leaf: Leaf) -> str:
    return f"{name_of(content)}, station {UUID(int=leaf.station)}, tenure {leaf.tenure}"


def needs_leaves(facts: Facts, report: ReportSeen) -> bool:
    """False for a pooled utility: its data are readings in the transaction, not leaves."""
    return facts.modes.get(report.content.utility) != POOLED


def _tampered(check: str, where: str, what: str) -> Finding:
    severity: Severity = "tampering"
    return Finding(severity, check, where, what)
