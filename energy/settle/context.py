# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a register remembers of earlier slots: the last hours, what is still open, the gaps, and which meter measures what. Pure.

It is part of the state that nodes agree on, so its JSON form is exact and its size is bounded by the policy's horizon.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from edge.protocol import Interval
from energy.estimate.rules import Gap
from energy.quality.rules import Mark

FORM = 2
KEPT_SLOTS = 16  # of the newest slots; more than the longest run that a rule counts
METERS_MAX = 256  # of a tenure; every node keeps them all, and a device may invent as many names as it likes
EXPECTED_SLOTS = 192  # a meter that was silent for longer is not waited for
DAY_SLOTS = 96
_DISPUTED_DAYS = 8  # a memory of differences between main and check meter

_ENERGY = ("genWh", "auxWh", "lossWh", "importWh", "exportWh")
_KEPT = (*_ENERGY, "meterWh", "chargeWh", "dischargeWh", "importRegisterWh", "exportRegisterWh", "genRegisterWh")
_KEPT_SET = frozenset(_KEPT)
_ROLES = tuple(sorted(_ENERGY))
_COUNTERS = ("clockOffset", "syncAge", "powerFail")  # device counters that rules look at, s
_UWH, _COUNTED, _PROVISIONAL, _CORRECTED = 3, 4, 7, 9  # places in an entry's list


@dataclass(slots=True)
class Entry:
    """A slot that was read. `uwh` is its E_net, `counted` what the net register holds of it, `fired` who suspects it for good.

    `stand_in` tells that what is counted was estimated: another meter spoke for the boundary. `corrected` is what people added.
    """

    measures: dict[str, dict[str, int]]
    marks: dict[str, Mark]
    late_slots: int
    uwh: int = 0
    counted: int = 0
    quality: int = 0
    fired: list[str] = field(default_factory=list)
    provisional: bool = False
    stand_in: bool = False
    corrected: int = 0

    @property
    def withheld(self) -> int:
        """What the slot is worth and the net register does not hold, µWh."""
        return self.uwh + self.corrected - self.counted

    def add(self, readings: Iterable[Interval]) -> None:
        """Take other meters' readings of the same slot; what was found before no longer holds. Raises ValueError for a meter that
        is here already.
        """
        for reading in readings:
            if reading.meter in self.measures:
                raise ValueError(f"slot {reading.slot} of meter {reading.meter} was counted already")
            kept = {name: value for name, value in reading.measures.items() if name in _KEPT_SET}
            self.measures[reading.meter], self.marks[reading.meter] = kept, _mark(reading)
        if len(self.marks) > 1:  # the order of arrival must leave no trace
            self.measures, self.marks = dict(sorted(self.measures.items())), dict(sorted(self.marks.items()))
        self.fired = []

    def to_list(self) -> list[Any]:
        """JSON form: measures and marks as rows, what is absent at their ends left out."""
        return [
            {meter: _row([given.get(name) for name in _KEPT]) for meter, given in self.measures.items()},
            {meter: _row(list(mark)) for meter, mark in self.marks.items()},
            self.late_slots,
            self.uwh,
            self.counted,
            self.quality,
            self.fired,
            int(self.provisional),
            int(self.stand_in),
            self.corrected,
        ]

    @classmethod
    def from_list(cls, raw: Sequence[Any]) -> Self:
        """Read `to_list`."""
        measures, marks, late, uwh, counted, quality, fired, provisional, stand_in, corrected = raw
        return cls(
            {meter: _named(values) for meter, values in measures.items()},
            {meter: Mark(*values) for meter, values in marks.items()},
            late,
            uwh,
            counted,
            quality,
            list(fired),
            bool(provisional),
            bool(stand_in),
            corrected,
        )


class Entries:
    """The slots that were read, by number. One is decoded when it is looked at: most are only carried along."""

    __slots__ = ("_known", "_raw")

    def __init__(self, rows: Iterable[Sequence[Any]] = ()) -> None:
        self._raw: dict[int, Sequence[Any]] = {row[0]: row[1] for row in rows}
        self._known: dict[int, Entry] = {}

    def __contains__(self, slot: int) -> bool:
        return slot in self._raw or slot in self._known

    def __getitem__(self, slot: int) -> Entry:
        entry = self._known.get(slot)
        if entry is None:
            entry = self._known[slot] = Entry.from_list(self._raw[slot])
        return entry

    def __setitem__(self, slot: int, entry: Entry) -> None:
        self._known[slot] = entry

    def get(self, slot: int) -> Entry | None:
        """The entry of a slot, or None."""
        if slot not in self:
            return None
        return self[slot]

    def slots(self) -> set[int]:
        """Every slot that is remembered."""
        return self._raw.keys() | self._known.keys()

    def uwh(self, slot: int) -> int | None:
        """E_net of a slot, µWh, or None if it is not remembered."""
        known = self._known.get(slot)
        if known is not None:
            return known.uwh
        raw = self._raw.get(slot)
        return None if raw is None else int(raw[_UWH])

    def waiting(self) -> list[int]:
        """The slots about which a verdict waits for a neighbour."""
        known = self._known
        found = [slot for slot, row in self._raw.items() if row[_PROVISIONAL] and slot not in known]
        return found + [slot for slot, entry in known.items() if entry.provisional]

    def meters(self, slot: int) -> Collection[str]:
        """The meters that spoke in a slot."""
        known = self._known.get(slot)
        return known.measures.keys() if known is not None else self._raw[slot][0].keys()

    def forget(self, slot: int) -> int:
        """Remember a slot no longer. Returns what of its worth the net register does not hold, µWh."""
        raw, known = self._raw.pop(slot, None), self._known.pop(slot, None)
        if known is not None:
            return known.withheld
        return 0 if raw is None else int(raw[_UWH] + raw[_CORRECTED] - raw[_COUNTED])

    def to_rows(self) -> list[list[Any]]:
        """JSON form: what was never looked at goes back as it came."""
        known, raw = self._known, self._raw
        return [[slot, known[slot].to_list() if slot in known else raw[slot]] for slot in sorted(self.slots())]


def _mark(reading: Interval) -> Mark:
    devices = reading.devices
    if not devices:
        return Mark(reading.quality, reading.seq)
    return Mark(reading.quality, reading.seq, *(devices.get(name) for name in _COUNTERS))


def _row(values: list[Any]) -> list[Any]:
    while values and values[-1] is None:
        values.pop()
    return values


def _named(values: Sequence[int | None]) -> dict[str, int]:
    return {name: value for name, value in zip(_KEPT, values, strict=False) if value is not None}


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
    """The newest slot that a meter was heard in, and for each of its measures the first and the newest."""

    last: int
    roles: dict[str, tuple[int, int]]

    def expected(self, slot: int, *, from_first: bool) -> list[str]:
        """What it should have measured in a slot. A measure that is gone for two days was taken out on purpose."""
        found = []
        for role in _ROLES:
            if role in self.roles:
                first, last = self.roles[role]
                if last > slot - EXPECTED_SLOTS and (first <= slot or not from_first):
                    found.append(role)
        return found


@dataclass(slots=True)
class Context:
    """The memory itself. `first` and `through` are the oldest and the newest slot ever read; `disputes` are days (slot // 96)
    on which main and check meter disagreed; `withheld` is what forgotten slots were worth and the net register does not hold,
    and what corrections say of slots that were not read yet, µWh.
    """

    first: int | None = None
    through: int | None = None
    entries: Entries = field(default_factory=Entries)
    holes: list[Hole] = field(default_factory=list)
    meters: dict[str, Meter] = field(default_factory=dict)
    disputes: set[int] = field(default_factory=set)
    withheld: dict[int, int] = field(default_factory=dict)

    def due(self, slot: int) -> bool:
        """True if the slot is missing and expected. Before the first one that was read, nothing is."""
        if self.first is None or self.through is None or slot < self.first:
            return False
        return slot > self.through or self.hole_of(slot) is not None

    def hole_of(self, slot: int) -> Hole | None:
        """The gap that holds a slot."""
        return next((hole for hole in self.holes if hole.gap.first <= slot <= hole.gap.last), None)

    def admitted(self, readings: Sequence[Interval]) -> list[Interval]:
        """The readings of known meters, and of new ones as long as there is room for them."""
        room = METERS_MAX - len(self.meters)
        found = []
        for reading in readings:
            if reading.meter not in self.meters:
                room -= 1
                if room < 0:
                    continue
            found.append(reading)
        return found

    def hear(self, slot: int, readings: Iterable[Interval]) -> None:
        """Remember which meter measures what."""
        for reading in readings:
            known = self.meters.setdefault(reading.meter, Meter(slot, {}))
            known.last = max(known.last, slot)
            for role in _ENERGY:
                if role in reading.measures:
                    first, last = known.roles.get(role, (slot, slot))
                    known.roles[role] = (min(first, slot), max(last, slot))

    def disputed_days(self, slot: int) -> int:
        """On how many days in a row, up to the day before this slot's, main and check meter disagreed."""
        day = slot // DAY_SLOTS
        return next(back for back in range(_DISPUTED_DAYS + 1) if day - back - 1 not in self.disputes)

    def missing(self, first: int, last: int) -> int:
        """How many of these slots lie in gaps."""
        overlaps = (min(hole.gap.last, last) - max(hole.gap.first, first) + 1 for hole in self.holes)
        return sum(overlap for overlap in overlaps if overlap > 0)

    def prune(self, horizon_slots: int) -> None:
        """Forget what no rule needs any more. Gaps older than the horizon are closed: what was counted for them stays."""
        if self.through is None:
            return
        oldest, recent, entries = self.through - horizon_slots, self.through - KEPT_SLOTS, self.entries
        aged = [slot for slot in entries.slots() if slot <= recent]
        if aged:
            expected = {name for name, meter in self.meters.items() if meter.last > self.through - EXPECTED_SLOTS}
            kept = {self.first}  # an earlier one may still come, and its gap needs this end
            for slot in entries.waiting():
                kept |= {slot - 1, slot, slot + 1}
            for slot in aged:
                if slot < oldest or (slot not in kept and expected <= set(entries.meters(slot))):
                    held = entries.forget(slot)
                    if held:
                        self.withheld[slot] = held
        self.holes = [hole for hole in self.holes if hole.gap.last >= oldest]
        self.withheld = {slot: uwh for slot, uwh in self.withheld.items() if slot >= oldest}
        self.disputes = {day for day in self.disputes if day > self.through // DAY_SLOTS - _DISPUTED_DAYS}

    def to_json(self) -> dict[str, Any]:
        """JSON form, in which equal memories are equal."""
        raw: dict[str, Any] = {
            "form": FORM,
            "first": self.first,
            "through": self.through,
            "slots": self.entries.to_rows(),
            "meters": {
                name: [meter.last, {role: list(span) for role, span in sorted(meter.roles.items())}]
                for name, meter in sorted(self.meters.items())
            },
        }
        if self.holes:
            raw["holes"] = [hole.to_list() for hole in sorted(self.holes, key=lambda hole: hole.gap.first)]
        if self.disputes:
            raw["disputes"] = sorted(self.disputes)
        if self.withheld:
            raw["withheld"] = [[slot, uwh] for slot, uwh in sorted(self.withheld.items())]
        return raw

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
            Entries(raw["slots"]),
            [Hole.from_list(hole) for hole in raw.get("holes", ())],
            {
                name: Meter(last, {role: (span[0], span[1]) for role, span in roles.items()})
                for name, (last, roles) in raw["meters"].items()
            },
            set(raw.get("disputes", ())),
            dict(raw.get("withheld", ())),
        )
