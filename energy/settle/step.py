# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One step of a register: place readings among slots and gaps, judge what they touch, estimate what is missing. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edge.protocol import Interval
from energy.estimate.rules import Estimate, Gap, estimate
from energy.net.rules import NetEnergy, e_net, start_counters
from energy.policy import ESTIMATED, PPM, RAW, VALIDATED, Policy, StationParameters, Verdict
from energy.quality.rules import Seen, View, judge
from energy.settle.context import KEPT_SLOTS, Context, Entry, Hole


@dataclass(frozen=True, slots=True)
class SlotResult:
    """What a slot is worth after a step, µWh, signed. `quality` is 1 raw, 2 validated, 3 estimated."""

    slot: int
    e_net: int
    quality: int
    method: str
    verdicts: tuple[Verdict, ...] = ()


class Step:
    """The working of `energy.settle.rules.advance`. `measured` and `estimated` are what the step adds to the net register, µWh."""

    def __init__(self, context: Context, slot: int, parameters: StationParameters, policy: Policy) -> None:
        self.context = context
        self.measured = 0
        self.estimated = 0
        self.verdicts: list[Verdict] = []
        self.results: dict[int, SlotResult] = {}
        self._slot = slot
        self._parameters = parameters
        self._policy = policy
        self._touched: set[int] = set()
        self._judged: set[int] = set()
        self._new_holes: set[Hole] = set()
        self._split: set[int] = set()  # first slots of holes that were part of one before
        self._nets: dict[int, NetEnergy] = {}

    def take(self, slot: int, readings: Sequence[Interval]) -> None:
        """Place all new readings of a slot. Raises ValueError for a meter that was counted already."""
        entry = self.context.entries.get(slot)
        if entry is None:
            if not self._place(slot):
                self._closed(slot, readings)
                return
            entry = self.context.entries[slot] = Entry({}, {}, max(self._slot - slot, 0))
        for reading in readings:
            if reading.meter in entry.measures:
                raise ValueError(f"slot {slot} of meter {reading.meter} was counted already")
            entry.add(reading)
        entry.uwh = self._net(slot).uwh
        self.context.hear(slot, entry)
        self._touched.add(slot)

    def judge(self) -> None:
        """Let the rules look at every slot that is new, next to a new one, or in one row of equal values with it."""
        entries = self.context.entries
        for slot in self._touched:
            near = {slot, slot - 1, slot + 1} & entries.keys()
            self._judged |= near | self._row(slot)
        for slot in sorted(self._judged):
            self._judge(slot)

    def estimate(self) -> None:
        """Estimate the gaps that are new or whose neighbours changed."""
        for hole in sorted(self.context.holes, key=lambda hole: hole.gap.first):
            fresh = hole in self._new_holes
            if fresh or {hole.gap.first - 1, hole.gap.last + 1} & self._judged:
                prior = None if fresh else self._estimate(hole.gap)
                hole.gap = self._bounded(hole.gap)
                found = self._estimate(hole.gap)
                counted = found.counted(mint=self._policy.mint_estimated)
                self.estimated += counted - hole.counted
                hole.counted = counted
                self._tell(hole.gap, found, prior, fresh)

    def _place(self, slot: int) -> bool:
        """Make room for a slot: extend the row at either end or cut a gap. False if the slot is closed."""
        context = self.context
        if context.first is None or context.through is None:
            context.first = context.through = slot
            return True
        if slot > context.through:
            self._open(context.through + 1, slot - 1)
            context.through = slot
            return True
        if slot < context.first:
            if context.first not in context.entries:
                return False
            self._open(slot + 1, context.first - 1)
            context.first = slot
            return True
        hole = context.hole_of(slot)
        if hole is None:
            return False
        context.holes.remove(hole)
        self.estimated -= hole.counted
        gap, told = hole.gap, hole not in self._new_holes or hole.gap.first in self._split
        for part in (
            replace(gap, last=slot - 1, after=None, right_uwh=None),
            replace(gap, first=slot + 1, before=None, left_uwh=None),
        ):
            if part.slots > 0:
                self._open_gap(part)
                if told:
                    self._split.add(part.first)
        return True

    def _open(self, first: int, last: int) -> None:
        if first <= last:
            self._open_gap(Gap(first, last))

    def _open_gap(self, gap: Gap) -> None:
        hole = Hole(gap)
        self.context.holes.append(hole)
        self._new_holes.add(hole)

    def _closed(self, slot: int, readings: Iterable[Interval]) -> None:
        """A further meter of a slot that is no longer kept: only what lowers the register still counts."""
        by_boundary = any({"importWh", "exportWh"} & set(meter.roles) for meter in self.context.meters.values())
        lowers = 0
        for reading in readings:
            aux, loss = (max(reading.measures.get(name, 0), 0) for name in ("auxWh", "lossWh"))
            lowers -= aux - (-loss * self._parameters.k_safety_ppm // PPM)
        if by_boundary:
            lowers = 0
        self.measured += lowers
        self.verdicts.append(Verdict("V3", 1, slot, "suspect", {"closed": True, "counted_uwh": lowers}))

    def _row(self, slot: int) -> set[int]:
        """The slots in a row around one that have exactly its energy; zeros, every night, make no row."""
        entries = self.context.entries
        energy, row = entries[slot].uwh, {slot}
        for direction in (-1, 1) if energy else ():
            other = slot + direction
            while other in entries and entries[other].uwh == energy:
                row.add(other)
                other += direction
        return row

    def _judge(self, slot: int) -> None:
        entry, net = self.context.entries[slot], self._net(slot)
        verdicts = judge(self._view(slot))
        suspicions = [verdict for verdict in verdicts if verdict.result == "suspect"]
        firm = {verdict.rule for verdict in suspicions if not verdict.provisional}
        # a neighbour that is no longer kept can't clear what was found while it was there
        entry.fired = sorted(firm | set(entry.fired))
        entry.provisional = any(verdict.provisional for verdict in suspicions)
        quality = RAW if entry.fired or entry.provisional else VALIDATED
        counted = net.uwh if net.uwh < 0 or quality == VALIDATED else 0
        if slot in self._touched or quality != entry.quality or counted != entry.counted:
            self.results[slot] = SlotResult(slot, net.uwh, quality, net.method, verdicts)
            self.verdicts.extend(verdicts)
        self.measured += counted - entry.counted
        entry.counted, entry.quality = counted, quality

    def _view(self, slot: int) -> View:
        entries, context = self.context.entries, self.context
        before, after = slot - 1, slot + 1
        return View(
            here=self._seen(slot),
            before=self._seen(before) if before in entries else None,
            after=self._seen(after) if after in entries else None,
            before_waits=context.due(before),
            after_waits=context.due(after),
            run=len(self._row(slot)),
            near=[entries[other].uwh for other in entries if other != slot and abs(other - slot) <= KEPT_SLOTS],
            roles={name: meter.expected(slot) for name, meter in context.meters.items()},
            cap_uwh=self._parameters.cap_uwh,
            policy=self._policy,
        )

    def _seen(self, slot: int) -> Seen:
        entry = self.context.entries[slot]
        said = {meter: given["meterWh"] for meter, given in entry.measures.items()}
        return Seen(slot, self._net(slot), entry.marks, entry.roles(), said, entry.late_slots)

    def _net(self, slot: int) -> NetEnergy:
        if slot not in self._nets:
            self._nets[slot] = e_net(self.context.entries[slot].measures, self._parameters.k_safety_ppm)
        return self._nets[slot]

    def _bounded(self, gap: Gap) -> Gap:
        """The gap with what its neighbours say now. A neighbour that is suspect is no end of a line."""
        left, right = self.context.entries.get(gap.first - 1), self.context.entries.get(gap.last + 1)
        if left is not None:
            net = self._net(gap.first - 1)
            gap = replace(gap, before=net.counters or None, left_uwh=net.uwh if left.quality == VALIDATED else None)
        if right is not None:
            net = self._net(gap.last + 1)
            gap = replace(
                gap, after=start_counters(net) or None, right_uwh=net.uwh if right.quality == VALIDATED else None
            )
        return gap

    def _estimate(self, gap: Gap) -> Estimate:
        return estimate(gap, cap_uwh=self._parameters.cap_uwh, policy=self._policy)

    def _tell(self, gap: Gap, found: Estimate, prior: Estimate | None, fresh: bool) -> None:
        known = not fresh or gap.first in self._split
        if known and (gap.slots > self._policy.gap_slots or (prior is not None and prior.values == found.values)):
            return  # its slots were told before and are worth the same
        inputs = {"first": gap.first, "last": gap.last, "method": found.method, "register_uwh": found.total}
        if not known:
            self.verdicts.append(Verdict("V5", 1, gap.first, "gap", inputs))
        for slot, value in enumerate(found.values, start=gap.first):
            verdict = Verdict("V5", 1, slot, "gap", inputs)
            self.results[slot] = SlotResult(slot, value, ESTIMATED, found.method, (verdict,))
