# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reports: honest, late, with gaps and corrections, signed again after a rotation; and every way to lie with one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bench.contracts import artifact
from chain.direct import Seat, row_words
from oracle.rules import ZERO_HASH, Report
from tests.contracts.fuzz import strategies
from tests.contracts.fuzz.books import CLAIMED, DIRECT, POOLED, SLOT, Refused, Signed
from tests.contracts.fuzz.grid import Draft, pack
from tests.contracts.fuzz.model import Register
from tests.contracts.fuzz.stateful.base import House
from tests.contracts.fuzz.world import (
    MODES,
    OWNER,
    RELAYER,
    STRANGER,
    flat,
    high_s,
    malleated,
    report_words,
    sign,
    signers,
)

FAULTS = (
    "too few",
    "duplicate",
    "unsorted",
    "garbage",
    "foreign",
    "high s",
    "malleated",
    "of another content",
    "stale epoch",
    "unborn epoch",
    "expired",
    "fork",
    "replay",
    "future",
    "refuses itself",
    "no root",
    "wrong total",
    "short list",
    "impossible energy",
    "not opened",
)

LIES_OF_A_QUORUM = (
    "total understated",
    "total understated",
    "unknown tenure",
    "unknown station",
    "nobody's",
    "somebody else's",
    "far too much",
    "far too much",
    "twice",
)


class Reporting(House):
    """The Oracle's door and the Treasury's two doors behind it."""

    def submit(
        self, name: str, draft: Draft, report: Report, pairs: list[Any], known: list[Signed], **changes: Any
    ) -> bool:
        """Bring a report through the door of its utility; True if it was accepted."""
        mode = changes.get("mode", MODES.get(draft.content.utility, CLAIMED))
        members = changes.get("members", [signer.address for signer in self.sets.get(report.epoch, signers()[:3])])
        sender = changes.get("sender", RELAYER)
        words, signatures = report_words(report), flat(pairs)
        before = self.model.utilities[draft.content.utility].reports if draft.content.utility in MODES else 0
        if mode == DIRECT:
            registers = [(leaf.station, leaf.tenure, leaf.mintable) for leaf in changes.get("leaves", draft.leaves)]
            seats, sat = self.seats(registers, draft.content.slot)
            seats, sat = changes.get("seats", seats), changes.get("before", sat)
            self.do(
                name,
                self.world.treasury,
                "direct",
                artifact("Oracle").functions["report"].calldata(words, members, signatures),
                row_words(registers, seats, sat),
                sender=sender,
                model=lambda: self.model.direct(report, members, known, registers, seats, sat),
            )
        elif mode == POOLED:
            packed = changes.get("packed", pack(draft.readings))
            self.do(
                name,
                self.world.treasury,
                "direct_packed",
                words,
                members,
                signatures,
                packed,
                sender=sender,
                model=lambda: self.model.pooled(report, members, known, draft.readings),
            )
        else:
            self.do(
                name,
                self.world.oracle,
                "report",
                words,
                members,
                signatures,
                sender=sender,
                model=lambda: self.model.report(report, members, known, draft.leaves),
            )
        return draft.content.utility in MODES and self.model.utilities[draft.content.utility].reports > before

    def seats(self, registers: Sequence[Register], slot: int) -> tuple[list[Seat], list[Seat]]:
        """The seats of a row, and who sat there before if it is seated anew. Now and then another rating goes unnoticed."""
        sitting = self.model.sitting
        places = [(station, tenure) for station, tenure, _ in registers]
        if slot % 3 == 0 and places == [(seat.station, seat.tenure) for seat in sitting]:
            return sitting, []
        seats = []
        for station, tenure in places:
            try:
                seats.append(self.model.seat(station, tenure))
            except Refused:
                seats.append(Seat(station, tenure, STRANGER, 10_000))
        return seats, [] if seats == sitting and slot % 5 else sitting

    def next_slot(self, utility: int, step: int, jitter: int) -> int:
        """The slot of the next report; time passes until it may be reported."""
        slot = self.model.utilities[utility].slot + step
        wait = slot * SLOT + jitter - self.model.now
        if wait > 0:
            self.pass_time(wait)
        return slot

    def make(self, utility: int, slot: int, moves: list[int], late: list[int], back: int) -> Draft:
        """A draft for the utility's mode; `back` is how many slots before this one stay claimable."""
        head = self.model.utilities[utility]
        if MODES[utility] == POOLED:
            return self.grid.pooled_draft(
                utility, slot, [abs(move) * (slot - head.slot) * 2_500 * 97 for move in moves]
            )
        valid_from = max(head.valid_from, slot - back) if back else 0
        return self.grid.draft(utility, slot, moves, late, min(valid_from, slot))

    @rule(
        utility=st.sampled_from((1, 1, 1, 4, 2, 2, 3)),
        step=strategies.steps,
        jitter=strategies.jitter,
        moves=strategies.moves,
        late=strategies.late,
        back=st.sampled_from((0, 0, 0, 1, 40)),
        again=st.booleans(),
    )
    def report(
        self, utility: int, step: int, jitter: int, moves: list[int], late: list[int], back: int, again: bool
    ) -> None:
        """An honest report; then perhaps the same once more, signed alike or anew."""
        draft = self.make(utility, self.next_slot(utility, step, jitter), moves, late, back)
        report, pairs = self.signed(draft)
        known = self.known(report.epoch)
        if not self.submit("report", draft, report, pairs, known):
            return
        self.accept(draft)
        if again:
            self.submit("report again", draft, report, pairs, known, sender=STRANGER)
            later = replace(report, deadline=report.deadline + 1)
            pairs = [sign(self.world.digest(later), signer) for signer in self.quorum(report.epoch)]
            self.submit("report signed anew", draft, later, pairs, known)

    @rule(
        fresh=st.integers(0, 3),
        count=st.sampled_from((1, 3, 4, 5)),
        overlap=st.sampled_from((-1, 0, 3)),
        utility=st.sampled_from((1, 2)),
        moves=strategies.moves,
    )
    def rotate_in_mid_slot(self, fresh: int, count: int, overlap: int, utility: int, moves: list[int]) -> None:
        """The signer set changes while a report is on its way: it counts while the old set may sign, else it is signed
        again with the same content."""
        draft = self.make(utility, self.next_slot(utility, 1, 0), moves, [0], 0)
        report, pairs = self.signed(draft)
        known = self.known(report.epoch)
        nodes = signers()[fresh : fresh + count]
        k = (count + (1 if count > 3 else 0)) // 2 + 1
        until = 0 if overlap < 0 else draft.content.slot + overlap
        self.do(
            "rotate",
            self.world.oracle,
            "rotate",
            [node.address for node in nodes],
            k,
            1 if count > 3 else 0,
            0,
            until,
            sender=OWNER,
            model=lambda: self.model.rotate([node.address for node in nodes], k, 0, until),
        )
        self.sets[len(self.model.epochs)] = nodes
        if self.submit("report of the old set", draft, report, pairs, known):
            self.accept(draft)
            return
        report, pairs = self.signed(draft)
        if self.submit("report signed by the new set", draft, report, pairs, self.known(report.epoch)):
            self.accept(draft)

    @rule(fault=st.sampled_from(FAULTS), utility=st.sampled_from((1, 1, 2, 3)), moves=strategies.moves)
    def false_report(self, fault: str, utility: int, moves: list[int]) -> None:
        """A report with one fault is refused with that fault's reason and changes nothing; then the true one counts."""
        epoch = len(self.model.epochs)
        draft = self.make(utility, self.next_slot(utility, 1, 0), moves, [0], 0)
        true = self.signed(draft)
        report, pairs, known, members = *true, self.known(epoch), list(self.model.epochs[epoch].signers)
        changes: dict[str, Any] = {}
        if fault == "too few":
            pairs, known = pairs[:-1], known[:-1]
        elif fault == "duplicate":
            pairs, known = [pairs[0], *pairs], [known[0], *known]
        elif fault == "unsorted":
            pairs, known = [*pairs[1:], *pairs], [*known[1:], *known]
        elif fault == "garbage":
            pairs, known = [*pairs[:-1], (bytes(32), bytes(32))], [*known[:-1], Signed(None)]
        elif fault == "high s":
            pairs, known = [*pairs[:-1], high_s(pairs[-1])], [*known[:-1], replace(known[-1], high=True)]
        elif fault == "malleated":
            pairs, known = [*pairs[:-1], malleated(pairs[-1])], [*known[:-1], Signed(None)]
        elif fault == "foreign":
            # The highest address of all: a set that ends below it has nobody after its own last node.
            stranger = next(node for node in reversed(signers()) if node.address not in members)
            pairs[-1] = sign(self.world.digest(report), stranger)
            known[-1] = Signed(stranger.address)
        elif fault == "short list":
            members = members[:-1]
        else:
            draft, report, pairs, known = self.lie(fault, draft, epoch, known)
            if draft.content.utility not in MODES:
                changes["mode"] = MODES[utility]
        changes["members"] = members
        if self.submit(f"report {fault}", draft, report, pairs, known, **changes):
            assert fault == "unsorted"  # one signature cannot be out of order
            assert len(pairs) == 1
            self.accept(draft)

    def lie(
        self, fault: str, draft: Draft, epoch: int, known: list[Signed]
    ) -> tuple[Draft, Report, list[Any], list[Signed]]:
        """A report whose content or frame is wrong, properly signed where that makes sense."""
        head = self.model.utilities[draft.content.utility]
        content = draft.content
        if fault == "of another content":
            report, _ = self.signed(draft)
            _, pairs = self.signed(draft.with_content(data_hash=ZERO_HASH))
            return draft, report, pairs, [Signed(None)] * len(pairs)
        if fault in ("stale epoch", "unborn epoch"):
            report = Report(content, self.model.now + 1, max(epoch - 2, 0) if fault == "stale epoch" else epoch + 1)
            return draft, report, [sign(self.world.digest(report), node) for node in self.quorum(epoch)], known
        changes: dict[str, dict[str, object]] = {
            "expired": {},
            "fork": {"prev": content.root},
            "replay": {"slot": head.slot},
            "future": {"slot": self.model.now // SLOT + 1},
            "refuses itself": {"valid_from": content.slot + 1},
            "no root": {"root": ZERO_HASH},
            "wrong total": {"total": content.total + 1},
            "impossible energy": {"increase": 2**96 - 1 - head.total, "total": 2**96 - 1},
            "not opened": {"utility": 9},
        }
        draft = draft.with_content(**changes[fault])
        report, pairs = self.signed(draft, deadline=self.model.now - 1 if fault == "expired" else None)
        return draft, report, pairs, known

    @rule(utility=st.sampled_from((1, 2, 3)), door=st.sampled_from((CLAIMED, DIRECT, POOLED)), moves=strategies.moves)
    def wrong_door(self, utility: int, door: int, moves: list[int]) -> None:
        """A bare report of a direct utility pays nobody and is refused; so is a claimed one through the Treasury."""
        if door == MODES[utility]:
            return
        draft = self.make(utility, self.next_slot(utility, 1, 0), moves, [0], 0)
        report, pairs = self.signed(draft)
        if door == DIRECT and not draft.leaves:
            return
        assert not self.submit("report at the wrong door", draft, report, pairs, self.known(report.epoch), mode=door)

    @precondition(lambda self: "treasury" not in self.model.paused and "oracle" not in self.model.paused)
    @rule(
        moves=strategies.moves,
        how=st.sampled_from(("missing", "swapped", "more", "other owner", "stronger", "other seats before")),
    )
    def false_leaves(self, moves: list[int], how: str) -> None:
        """A direct report with a row that is not the signed one, or with seats that are not the Registry's."""
        draft = self.make(2, self.next_slot(2, 1, 0), moves, [0], 0)
        report, pairs = self.signed(draft)
        first, *rest = draft.leaves
        registers = [(leaf.station, leaf.tenure, leaf.mintable) for leaf in draft.leaves]
        (seat, *others), sat = self.seats(registers, draft.content.slot)
        changes: dict[str, dict[str, Any]] = {
            "missing": {"leaves": tuple(rest), "before": []},
            "swapped": {"leaves": (*rest, first)},
            "more": {"leaves": (replace(first, mintable=first.mintable + 1), *rest)},
            "other owner": {"seats": [replace(seat, owner=STRANGER), *others]},
            "stronger": {"seats": [replace(seat, rated_w=2 * seat.rated_w + 1), *others]},
            "other seats before": {"before": [*sat, replace(seat, station=seat.station + 1)]},
        }
        assert not self.submit(f"direct, {how}", draft, report, pairs, self.known(report.epoch), **changes[how])

    @precondition(lambda self: "treasury" not in self.model.paused and "oracle" not in self.model.paused)
    @rule(readings=strategies.readings, how=st.sampled_from(("longer", "changed", "true")))
    def pooled_readings(self, readings: list[int], how: str) -> None:
        """Pooled readings that are not the signed ones, or that are."""
        draft = self.grid.pooled_draft(3, self.next_slot(3, 1, 0), readings)
        report, pairs = self.signed(draft)
        packed = pack(readings)
        if how == "true":
            if self.submit("pooled", draft, report, pairs, self.known(report.epoch)):
                self.accept(draft)
            return
        packed = packed + bytes(32) if how == "longer" else packed[:-1] + bytes([packed[-1] ^ 1])
        outcome = self.world.treasury.call(
            "direct_packed",
            report_words(report),
            [node.address for node in self.sets[report.epoch]],
            flat(pairs),
            packed,
            sender=RELAYER,
        )
        assert not outcome.ok
        assert outcome.reason in (
            "treasury: not the report's readings",
            "oracle: more than the plants can make",
            "oracle: a challenge delay stops paying with the report",
        )
