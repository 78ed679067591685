# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One step of a register: place readings among slots and gaps, judge what they touch, estimate what is missing. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from edge.protocol import Interval
from energy.estimate.rules import Estimate, Gap, estimate, over_estimated
from energy.net.rules import CHECK, NetEnergy, start_counters, station_net
from energy.policy import ESTIMATED, PPM, RAW, VALIDATED, StationParameters, Thresholds, Verdict
from energy.quality.rules import Seen, View, judge
from energy.settle.context import DAY_SLOTS, KEPT_SLOTS, Context, Entry, Hole

_BOUNDARY = frozenset({"importWh", "exportWh"})


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

    def __init__(self, context: Context, slot: int, parameters: StationParameters, policy: Thresholds) -> None:
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
        self._seen: dict[int, Seen] = {}

    def take(self, slot: int, readings: Sequence[Interval]) -> None:
        """Place all new readings of a slot. Raises ValueError for a meter that was counted already. Of meters beyond `METERS_MAX`
        only what lowers the register counts.
        """
        admitted = self.context.admitted(readings)
        if len(admitted) < len(readings):
            known = {reading.meter for reading in admitted}
            self._closed(slot, [reading for reading in readings if reading.meter not in known])
            if not admitted:
                return
            readings = admitted
        entry = self.context.entries.get(slot)
        if entry is None:
            if not self._place(slot):
                self._closed(slot, readings)
                return
            entry = self.context.entries[slot] = Entry({}, {}, max(self._slot - slot, 0))
            entry.corrected = self.context.withheld.pop(slot, 0)  # by a correction that came before its reading
        entry.add(readings)
        self.context.hear(slot, readings)
        self._touched.add(slot)

    def correct(self, slot: int, uwh: int) -> None:
        """People found that a slot is worth so much more, or less. What lowers the register counts at once, the rest by policy.

        A slot that was never read has an estimate, which can't be corrected: the correction waits for the reading.
        """
        entry = self.context.entries.get(slot)
        if entry is not None:
            entry.corrected += uwh
            self._touched.add(slot)
            self.verdicts.append(Verdict("C", 1, slot, "warn", {"correction_uwh": uwh}))
            return
        if not self._was_read(slot):
            self.context.withheld[slot] = self.context.withheld.get(slot, 0) + uwh
            self.verdicts.append(Verdict("C", 1, slot, "warn", {"correction_uwh": uwh, "never_read": True}))
            return
        held = self.context.withheld.pop(slot, 0) + uwh
        counted = held if self._policy.mint_corrected else min(held, 0)
        if held != counted:
            self.context.withheld[slot] = held - counted
        self._count(counted, stand_in=counted > 0)
        self.verdicts.append(Verdict("C", 1, slot, "warn", {"correction_uwh": uwh, "counted_uwh": counted}))

    def judge(self) -> None:
        """Let the rules look at every slot that is new, that a new one may change, or in one row of equal values with it."""
        entries = self.context.entries
        for slot in self._touched:
            entries[slot].uwh = self._look(slot).net.uwh
        for slot in self._touched:
            self._judged.update(self._row(slot))
            if slot + 1 in entries:
                self._judged.add(slot + 1)
            # what a slot adds to the one before it can only clear what waits there; version 1 looked again all the same
            if slot - 1 in entries and (entries[slot - 1].provisional or not self._policy.whole_station):
                self._judged.add(slot - 1)
        for slot in sorted(self._judged):
            self._judge(slot)

    def estimate(self) -> None:
        """Estimate the gaps that are new or whose neighbours changed."""
        if not self.context.holes:
            return
        mint = self._policy.mint_estimated
        for hole in sorted(self.context.holes, key=lambda hole: hole.gap.first):
            fresh = hole in self._new_holes
            if fresh or {hole.gap.first - 1, hole.gap.last + 1} & self._judged:
                prior = None if fresh else self._estimate(hole.gap)
                hole.gap = self._bounded(hole.gap)
                found = self._estimate(hole.gap)
                self._tell(hole.gap, found, prior, fresh)
            elif not mint:
                continue  # what a gap of its own is worth changes only with its neighbours
            counted = self._estimate(hole.gap).counted(mint=mint and self._over(hole.gap) is None)
            self.estimated += counted - hole.counted
            hole.counted = counted

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

    def _was_read(self, slot: int) -> bool:
        first, through = self.context.first, self.context.through
        return first is not None and through is not None and first <= slot <= through and not self.context.hole_of(slot)

    def _closed(self, slot: int, readings: Iterable[Interval]) -> None:
        """A further meter of a slot that is no longer kept: only what lowers the register still counts."""
        by_boundary = any(_BOUNDARY & meter.roles.keys() for meter in self.context.meters.values())
        lowers = 0
        for reading in readings:
            aux, loss = (max(reading.measures.get(name, 0), 0) for name in ("auxWh", "lossWh"))
            lowers -= aux - (-loss * self._parameters.k_safety_ppm // PPM)
        if by_boundary:
            lowers = 0
        self.measured += lowers
        self.verdicts.append(Verdict("V3", 1, slot, "suspect", {"closed": True, "counted_uwh": lowers}))

    def _row(self, slot: int) -> range:
        """The slots in a row around one that have exactly its energy; zeros, every night, make no row."""
        uwh_of = self.context.entries.uwh
        energy, first, last = uwh_of(slot), slot, slot
        if energy:
            while uwh_of(first - 1) == energy:
                first -= 1
            while uwh_of(last + 1) == energy:
                last += 1
        return range(first, last + 1)

    def _judge(self, slot: int) -> None:
        entry, net = self.context.entries[slot], self._look(slot).net
        entry.uwh = net.uwh
        verdicts = judge(self._view(slot))
        suspicions = [verdict for verdict in verdicts if verdict.result == "suspect"]
        firm = {verdict.rule for verdict in suspicions if not verdict.provisional}
        # a neighbour that is no longer kept can't clear what was found while it was there
        entry.fired = sorted(firm | set(entry.fired))
        entry.provisional = any(verdict.provisional for verdict in suspicions)
        quality = RAW if entry.fired or entry.provisional else ESTIMATED if net.estimated else VALIDATED
        counted = net.uwh if net.uwh < 0 or quality == VALIDATED or self._mints(net, quality) else 0
        if entry.corrected:
            worth, quality = net.uwh + entry.corrected, ESTIMATED
            counted = worth if self._policy.mint_corrected else min(worth, counted)
        if slot in self._touched or quality != entry.quality or counted != entry.counted:
            method = "corrected" if entry.corrected else net.method
            self.results[slot] = SlotResult(slot, net.uwh + entry.corrected, quality, method, verdicts)
            self.verdicts.extend(verdicts)
        if any(verdict.rule == "V14" for verdict in verdicts):
            self.context.disputes.add(slot // DAY_SLOTS)
        self._count(-entry.counted, stand_in=entry.stand_in)
        stand_in = net.estimated or bool(entry.corrected)
        self._count(counted, stand_in=stand_in)
        entry.counted, entry.quality, entry.stand_in = counted, quality, stand_in

    def _mints(self, net: NetEnergy, quality: int) -> bool:
        policy = self._policy
        return quality == ESTIMATED and (policy.mint_check if net.method == "E1" else policy.mint_node)

    def _count(self, uwh: int, *, stand_in: bool) -> None:
        if stand_in:
            self.estimated += uwh
        else:
            self.measured += uwh

    def _view(self, slot: int) -> View:
        context, policy = self.context, self._policy
        entries, before, after = context.entries, slot - 1, slot + 1
        return View(
            here=self._look(slot),
            before=self._look(before) if before in entries else None,
            after=self._look(after) if after in entries else None,
            before_waits=context.due(before),
            after_waits=context.due(after),
            run=len(self._row(slot)),
            near=partial(self._near, slot),
            roles={
                name: meter.expected(slot, from_first=policy.whole_station) for name, meter in context.meters.items()
            },
            cap_uwh=self._parameters.cap_uwh(slot),
            policy=policy,
            disputed_days=context.disputed_days(slot) if context.disputes else 0,
        )

    def _near(self, slot: int) -> list[int]:
        reach = self._policy.spike_near_slots or KEPT_SLOTS
        around = (self.context.entries.uwh(other) for other in range(slot - reach, slot + reach + 1))
        return [uwh for other, uwh in enumerate(around, slot - reach) if uwh is not None and other != slot]

    def _look(self, slot: int) -> Seen:
        """A slot as the rules see it. It is looked at only after every reading was placed."""
        seen = self._seen.get(slot)
        if seen is None:
            entry = self.context.entries[slot]
            due = self._policy.whole_station and self._boundary_due(slot)
            net = station_net(entry.measures, self._parameters.k_safety_ppm, boundary_due=due)
            seen = self._seen[slot] = Seen(slot, net, entry.marks, entry.measures, entry.late_slots)
        return seen

    def _boundary_due(self, slot: int) -> bool:
        return any(
            not _BOUNDARY.isdisjoint(meter.expected(slot, from_first=True))
            for name, meter in self.context.meters.items()
            if not name.startswith(CHECK)
        )

    def _bounded(self, gap: Gap) -> Gap:
        """The gap with what its neighbours say now. A neighbour that is suspect, or had no power, is no end of a line."""
        if gap.first - 1 in self.context.entries:
            net, straight = self._end(gap.first - 1)
            gap = replace(gap, before=net.counters or None, left_uwh=net.uwh if straight else None)
        if gap.last + 1 in self.context.entries:
            net, straight = self._end(gap.last + 1)
            gap = replace(gap, after=start_counters(net) or None, right_uwh=net.uwh if straight else None)
        return gap

    def _end(self, slot: int) -> tuple[NetEnergy, bool]:
        entry = self.context.entries[slot]
        dark = self._policy.whole_station and any(mark.fail_us for mark in entry.marks.values())
        return self._look(slot).net, entry.quality == VALIDATED and not dark

    def _estimate(self, gap: Gap) -> Estimate:
        return estimate(gap, cap_uwh=self._parameters.cap_uwh(gap.first), policy=self._policy)

    def _over(self, gap: Gap) -> dict[str, int] | None:
        return over_estimated(gap, self.context.missing, self._policy)

    def _tell(self, gap: Gap, found: Estimate, prior: Estimate | None, fresh: bool) -> None:
        known = not fresh or gap.first in self._split
        if known and (gap.slots > self._policy.gap_slots or (prior is not None and prior.values == found.values)):
            return  # its slots were told before and are worth the same
        inputs = {"first": gap.first, "last": gap.last, "method": found.method, "register_uwh": found.total}
        told = [Verdict("V5", 1, gap.first, "gap", inputs)]
        too_much = self._over(gap)
        if too_much is not None:
            told.append(Verdict("V17", 1, gap.first, "hold", too_much))
        if not known:
            self.verdicts.extend(told)
        for slot, value in enumerate(found.values, start=gap.first):
            verdicts = tuple(replace(verdict, slot=slot) for verdict in told)
            self.results[slot] = SlotResult(slot, value, ESTIMATED, found.method, verdicts)
