# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a register remembers of earlier slots: the last hours, what is still open, the gaps, and which meter measures what. Pure.

It is part of the state that nodes agree on, so its JSON form is exact and its size is bounded by the policy's horizon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from edge.protocol import Interval
from energy.estimate.rules import Gap

FORM = 1
KEPT_SLOTS = 16  # of the newest slots; more than the longest run that a rule counts
EXPECTED_SLOTS = 192  # a meter that was silent for longer is not waited for

_ENERGY = ("genWh", "auxWh", "lossWh", "importWh", "exportWh")
_KEPT = (*_ENERGY, "meterWh", "chargeWh", "dischargeWh", "importRegisterWh", "exportRegisterWh", "genRegisterWh")


@dataclass(slots=True)
class Entry:
    """A slot that was read. `uwh` is its E_net, `counted` what the net register holds of it, `fired` who suspects it for good."""

    measures: dict[str, dict[str, int]]
    marks: dict[str, tuple[str | None, int | None]]
    late_slots: int
    uwh: int = 0
    counted: int = 0
    quality: int = 0
    fired: list[str] = field(default_factory=list)
    provisional: bool = False

    def add(self, reading: Interval) -> None:
        """Take another meter's reading of the same slot; what was found before no longer holds."""
        self.measures[reading.meter] = {name: value for name, value in reading.measures.items() if name in _KEPT}
        self.marks[reading.meter] = (reading.quality, reading.seq)
        self.fired = []

    def roles(self) -> dict[str, list[str]]:
        """Which energies each meter measured."""
        return {meter: sorted(set(given) & set(_ENERGY)) for meter, given in self.measures.items()}

    def to_list(self) -> list[Any]:
        """JSON form."""
        marks = {meter: list(mark) for meter, mark in self.marks.items()}
        return [
            self.measures,
            marks,
            self.late_slots,
            self.uwh,
            self.counted,
            self.quality,
            self.fired,
            self.provisional,
        ]

    @classmethod
    def from_list(cls, raw: Iterable[Any]) -> Self:
        """Read `to_list`."""
        measures, marks, late, uwh, counted, quality, fired, provisional = raw
        return cls(
            {meter: dict(given) for meter, given in measures.items()},
            {meter: (mark[0], mark[1]) for meter, mark in marks.items()},
            late,
            uwh,
            counted,
            quality,
            list(fired),
            provisional,
        )


@dataclass(slots=True, eq=False)
class Hole:
    """A gap and what the net register holds of it. Two holes are the same only if they are one."""

    gap: Gap
    counted: int = 0

    def to_list(self) -> list[Any]:
        """JSON form."""
        gap = self.gap
        before = None if gap.before is None else dict(gap.before)
        after = None if gap.after is None else dict(gap.after)
        return [gap.first, gap.last, before, after, gap.left_uwh, gap.right_uwh, self.counted]

    @classmethod
    def from_list(cls, raw: list[Any]) -> Self:
        """Read `to_list`."""
        return cls(Gap(*raw[:6]), raw[6])


@dataclass(slots=True)
class Meter:
    """The newest slot that a meter was heard in, and that each of its measures was in."""

    last: int
    roles: dict[str, int]

    def expected(self, slot: int) -> list[str]:
        """What it should have measured in a slot. A measure that is gone for two days was taken out on purpose."""
        return sorted(role for role, last in self.roles.items() if last > slot - EXPECTED_SLOTS)


@dataclass(slots=True)
class Context:
    """The memory itself. `first` and `through` are the oldest and the newest slot ever read."""

    first: int | None = None
    through: int | None = None
    entries: dict[int, Entry] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    meters: dict[str, Meter] = field(default_factory=dict)

    def due(self, slot: int) -> bool:
        """True if the slot is missing and expected. Before the first one that was read, nothing is."""
        if self.first is None or self.through is None or slot < self.first:
            return False
        return slot > self.through or self.hole_of(slot) is not None

    def hole_of(self, slot: int) -> Hole | None:
        """The gap that holds a slot."""
        return next((hole for hole in self.holes if hole.gap.first <= slot <= hole.gap.last), None)

    def hear(self, slot: int, entry: Entry) -> None:
        """Remember which meter measures what."""
        for meter, roles in entry.roles().items():
            known = self.meters.setdefault(meter, Meter(slot, {}))
            known.last = max(known.last, slot)
            known.roles |= {role: max(known.roles.get(role, slot), slot) for role in roles}

    def prune(self, horizon_slots: int) -> None:
        """Forget what no rule needs any more. Gaps older than the horizon are closed: what was counted for them stays."""
        if self.through is None:
            return
        oldest = self.through - horizon_slots
        expected = {name for name, meter in self.meters.items() if meter.last > self.through - EXPECTED_SLOTS}
        kept = {slot for slot in self.entries if slot > self.through - KEPT_SLOTS}
        for slot, entry in self.entries.items():
            if slot >= oldest:
                if entry.provisional:
                    kept |= {slot - 1, slot, slot + 1}
                if not expected <= entry.measures.keys():
                    kept.add(slot)
        if self.first is not None and self.first >= oldest:
            kept.add(self.first)  # an earlier one may still come, and its gap needs this end
        self.entries = {slot: entry for slot, entry in self.entries.items() if slot in kept}
        self.holes = [hole for hole in self.holes if hole.gap.last >= oldest]

    def to_json(self) -> dict[str, Any]:
        """JSON form, in which equal memories are equal."""
        return {
            "form": FORM,
            "first": self.first,
            "through": self.through,
            "slots": {str(slot): entry.to_list() for slot, entry in sorted(self.entries.items())},
            "holes": [hole.to_list() for hole in sorted(self.holes, key=lambda hole: hole.gap.first)],
            "meters": {name: [meter.last, meter.roles] for name, meter in sorted(self.meters.items())},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read `to_json`; an empty mapping is an empty memory. Raises ValueError for the form of another version."""
        if not raw:
            return cls()
        if raw["form"] != FORM:
            raise ValueError(f"a register's context of form {raw['form']} can't be read; this version writes {FORM}")
        return cls(
            raw["first"],
            raw["through"],
            {int(slot): Entry.from_list(entry) for slot, entry in raw["slots"].items()},
            [Hole.from_list(hole) for hole in raw["holes"]],
            {name: Meter(last, dict(roles)) for name, (last, roles) in raw["meters"].items()},
        )
