# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Counter reads become quarter-hour intervals: pure rules, integers only.

One `Track` follows one cumulative register. A read counts once the next one confirms it, so that a single spike or dip
is dropped and a new meter is told from a broken read. Between two confirmed reads around a boundary the register's value
at the boundary is interpolated in whole register units, rounded down; the interval's energy is the difference of two such
values, so the sum of intervals is the difference of the register, to the unit. Nothing is invented: a boundary without
reads on both sides within 15 minutes has no value, and the slots it touches are not built. Registers travel with every
interval, so that whoever sees a hole can bracket it by measurements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

SLOT_MS = 900_000
MEASURED_SPAN_MS = 60_000
INTERPOLATED_SPAN_MS = 900_000
CAP_SLACK_MS = 60_000  # meters refresh their registers in steps; a minute's energy may show at once
CLOCK_STEP_MS = 60_000  # a clock that was set by more makes reads before and after share no time line
RESET_MS = 60_000  # a fall lasts so long before it is a new meter; busy devices answer zero for a while

EventKind = Literal["spike", "rollover", "reset", "scale_changed", "noise", "clock_back", "clock_break"]


@dataclass(frozen=True, slots=True)
class Read:
    """A register at an instant: `raw · 10^exponent · multiplier / divisor` millionths (µWh).

    `scale_raw` is the scale factor as read. The device showed `raw // 10^shift`: units are made finer where the device
    changed its scale factor, so that reads of before and after have one.
    """

    at_ms: int
    raw: int
    exponent: int
    scale_raw: int | None = None
    multiplier: int = 1
    divisor: int = 1
    shift: int = 0

    @property
    def shown(self) -> int:
        """The integer in the device's register."""
        return int(self.raw // 10**self.shift)

    def finer(self, by: int) -> "Read":
        """The same in units that are ten to the `by` times smaller."""
        return replace(self, raw=self.raw * 10**by, exponent=self.exponent - by, shift=self.shift + by)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one register can do. `cap_w` is the most power it can count, W; None means that nobody knows."""

    modulus: int | None = None
    cap_w: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A register at a boundary. Values of different `run`s are of different meters and never subtracted.

    `value` is in raw units and continues over a rollover; `span_ms` is the time between the reads around the boundary.
    """

    boundary: int
    value: int
    exponent: int
    run: int
    span_ms: int
    before: Read
    after: Read

    @property
    def micro(self) -> int:
        """The value in millionths (µWh), rounded down."""
        return int(self.value * 10**self.exponent * self.before.multiplier // self.before.divisor)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person should be able to see later."""

    at_ms: int
    kind: EventKind
    detail: str


@dataclass(frozen=True, slots=True)
class Track:
    """The state of one register: its last confirmed read, the one that waits, and what rollovers have added."""

    base: Read | None = None
    candidate: Read | None = None
    lift: int = 0  # raw units added by rollovers up to `base`
    run: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A finished quarter hour: deltas and end registers in millionths by register name, and the reads behind them."""

    slot: int
    deltas: Mapping[str, int]
    registers: Mapping[str, int]
    quality: Literal["measured", "interpolated", "integrated"]
    profile: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class BuilderState:
    """Everything that must survive a restart; it is stored in the transaction that stores the intervals."""

    tracks: dict[str, Track] = field(default_factory=dict)
    marks: dict[str, list[Mark]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What one sample did."""

    state: BuilderState
    slots: tuple[Slot, ...]
    events: tuple[Event, ...]


def forward(earlier: Read, later: Read, limits: Limits) -> tuple[int, bool] | None:
    """Raw units counted from one read to the next, and whether the register rolled over; None if `later` cannot follow.

    A fall is a rollover only from the last tenth of the modulus, and only if the energy fits what the station can do
    (or, where nobody knows that, if it ends in the first tenth).
    """
    if earlier.exponent != later.exponent:
        return None
    delta = later.raw - earlier.raw
    if delta >= 0:
        return (delta, False) if _fits(delta, earlier, later, limits) else None
    if limits.modulus is None:
        return None
    modulus = limits.modulus * 10**earlier.shift
    if earlier.raw * 10 <= modulus * 9 or later.raw >= modulus:
        return None
    delta += modulus
    if limits.cap_w is None and later.raw * 10 >= modulus:
        return None
    return (delta, True) if _fits(delta, earlier, later, limits) else None


def advance(track: Track, read: Read, limits: Limits) -> tuple[Track, list[Mark], list[Event]]:
    """Take one more read. Confirms the waiting one, drops it as a spike, or declares that the meter began anew."""
    track, read, changed = _aligned(track, read)
    moved, marks, events = _advance(track, read, limits)
    return moved, marks, changed + events


def _advance(track: Track, read: Read, limits: Limits) -> tuple[Track, list[Mark], list[Event]]:
    waiting = track.candidate
    if waiting is not None and read.at_ms <= waiting.at_ms:
        back = waiting.at_ms - read.at_ms  # a small step is waited out; `take` has seen to a large one
        return track, [], [Event(read.at_ms, "clock_back", f"{back} ms behind the last read")] if back else []
    if waiting is None:
        return replace(track, candidate=read), [], []
    follows_waiting = forward(waiting, read, limits)
    if track.base is None:
        if follows_waiting is None:
            return replace(track, candidate=read), [], [Event(read.at_ms, "noise", f"{waiting.raw} then {read.raw}")]
        marks = _marks(track, waiting, waiting, 0)
        return replace(track, base=waiting, candidate=read), marks, []
    base = track.base
    confirmed = forward(base, waiting, limits)
    if confirmed is not None and follows_waiting is not None:
        return _confirm(track, base, waiting, read, confirmed)
    if forward(base, read, limits) is not None:
        detail = f"{waiting.raw} between {base.raw} and {read.raw}"
        return replace(track, candidate=read), [], [Event(waiting.at_ms, "spike", detail)]
    if confirmed is not None:
        return _confirm(track, base, waiting, read, confirmed)
    if follows_waiting is not None:
        if read.at_ms - waiting.at_ms < RESET_MS:
            return track, [], []
        return _begin_anew(track, base, waiting, read)
    return replace(track, candidate=read), [], [Event(read.at_ms, "noise", f"{base.raw}, {waiting.raw}, {read.raw}")]


def take(
    state: BuilderState,
    sample: Mapping[str, Read],
    limits: Mapping[str, Limits],
    required: Sequence[str],
    stepped_ms: int = 0,
) -> Step:
    """Take one sample of all registers and give the slots it finished.

    A register that is absent from the sample keeps its state. A slot is built when every required register, and every
    other that has ever had a value, is known at both of its ends within one run. `stepped_ms` is by how much the clock
    was set since the sample before: by more than a minute either way, the open slots are given up and nothing that was
    read before is put on the new time line.
    """
    tracks, marks = dict(state.tracks), {name: list(found) for name, found in state.marks.items()}
    events: list[Event] = []
    if abs(stepped_ms) <= CLOCK_STEP_MS:
        stepped_ms = _step_back(tracks, sample)  # over a restart nobody else knows of a step
    if abs(stepped_ms) > CLOCK_STEP_MS and tracks:
        tracks = {name: _after_step(track, sample.get(name)) for name, track in tracks.items()}
        marks = {name: [] for name in marks}
        at_ms = max((read.at_ms for read in sample.values()), default=0)
        events.append(Event(at_ms, "clock_break", f"the clock was set by {stepped_ms / 1000:+.0f} s"))
    fresh: set[tuple[str, int]] = set()
    for name, read in sample.items():
        before = tracks.get(name, Track())
        tracks[name], new, seen = advance(before, read, limits.get(name, Limits()))
        events += [replace(event, detail=f"{name}: {event.detail}") for event in seen]
        marks[name] = marks.get(name, []) + new
        fresh |= {(name, mark.boundary) for mark in new}
    live = sorted(set(required) | set(marks))
    slots = _finish(marks, fresh, live)
    newest = max((mark.boundary for found in marks.values() for mark in found), default=0)
    # a mark may still wait for another register's, which comes within the interpolation limit or never
    kept = {name: [mark for mark in found if mark.boundary >= newest - 2] for name, found in marks.items()}
    return Step(BuilderState(tracks, kept), tuple(slots), tuple(events))


def _finish(marks: Mapping[str, list[Mark]], fresh: set[tuple[str, int]], live: Sequence[str]) -> list[Slot]:
    """The slots whose last mark is among the fresh ones; all others were built before or cannot be."""
    found = {name: {mark.boundary: mark for mark in marks.get(name, [])} for name in live}
    slots = []
    for number in sorted({boundary - back for _, boundary in fresh for back in (0, 1)}):
        ends = {name: (found[name].get(number), found[name].get(number + 1)) for name in live}
        pairs = {name: (start, end) for name, (start, end) in ends.items() if start is not None and end is not None}
        if len(pairs) == len(live) and all(start.run == end.run for start, end in pairs.values()):
            slots.append(_slot(number, pairs))
    return slots


def _slot(number: int, pairs: Mapping[str, tuple[Mark, Mark]]) -> Slot:
    profile: dict[tuple[int, str, int], None] = {}
    for name, (start, end) in pairs.items():
        for read in (start.before, start.after, end.before, end.after):
            profile[(read.at_ms, name, read.shown)] = None
            if read.scale_raw is not None:
                profile[(read.at_ms, f"{name}.scale", read.scale_raw)] = None
    longest = max(mark.span_ms for pair in pairs.values() for mark in pair)
    return Slot(
        slot=number,
        deltas={name: end.micro - start.micro for name, (start, end) in pairs.items()},
        registers={name: end.micro for name, (_, end) in pairs.items()},
        quality="measured" if longest <= MEASURED_SPAN_MS else "interpolated",
        profile=tuple(sorted(profile)),
    )


def _fits(delta: int, earlier: Read, later: Read, limits: Limits) -> bool:
    """A quarter above rated power is the hard limit; one unit more, since a register only shows whole ones."""
    if limits.cap_w is None:
        return True
    elapsed_ms = later.at_ms - earlier.at_ms + CAP_SLACK_MS
    # W · ms / 3.6e6 = Wh; in µWh times 1e6; 125 % of it
    counted = int((delta - 10 ** max(earlier.shift, later.shift)) * 10**later.exponent) * later.multiplier
    return counted * 360 <= limits.cap_w * elapsed_ms * 125 * later.divisor


def _aligned(track: Track, read: Read) -> tuple[Track, Read, list[Event]]:
    """Track and read in the finer unit of the two, and an event if the device shows another scale than before.

    A coarser register hides less than one of its units, so it may seem to have fallen by that much; it has not.
    """
    last = track.candidate or track.base
    if last is None:
        return track, read, []
    scale, before = read.exponent, last.exponent + last.shift
    detail = f"from {last.shown}e{before} to {read.raw}e{scale}"
    events = [Event(read.at_ms, "scale_changed", detail)] if scale != before else []
    if (by := last.exponent - read.exponent) > 0:
        base, waiting = (it.finer(by) if it is not None else None for it in (track.base, track.candidate))
        return replace(track, base=base, candidate=waiting, lift=track.lift * 10**by), read, events
    if by < 0:
        read = read.finer(-by)
        if 0 < last.raw - read.raw < 10**read.shift:
            read = replace(read, raw=last.raw)
    return track, read, events


def _marks(track: Track, earlier: Read, later: Read, delta: int) -> list[Mark]:
    """The boundaries after `earlier` up to `later` (and `earlier` itself for a first read), where they have a value."""
    marks = []
    span = later.at_ms - earlier.at_ms
    first = -(-earlier.at_ms // SLOT_MS) if track.base is None else earlier.at_ms // SLOT_MS + 1
    start = earlier.raw + track.lift
    if later.at_ms % SLOT_MS == 0 and span > INTERPOLATED_SPAN_MS:
        first = later.at_ms // SLOT_MS  # the read itself stands on the boundary: exact, however long the silence was
    elif span > INTERPOLATED_SPAN_MS:
        return []
    for boundary in range(first, later.at_ms // SLOT_MS + 1):
        at_ms = boundary * SLOT_MS
        exact = at_ms == later.at_ms
        value = start + (delta if exact else delta * (at_ms - earlier.at_ms) // span)
        before = later if exact else earlier
        marks.append(Mark(boundary, value, later.exponent, track.run, 0 if exact else span, before, later))
    return marks


def _confirm(
    track: Track, base: Read, waiting: Read, read: Read, step: tuple[int, bool]
) -> tuple[Track, list[Mark], list[Event]]:
    delta, rolled = step
    marks = _marks(track, base, waiting, delta)
    lift = track.lift + base.raw + delta - waiting.raw
    events = [Event(waiting.at_ms, "rollover", f"from {base.raw} to {waiting.raw}")] if rolled else []
    return replace(track, base=waiting, candidate=read, lift=lift), marks, events


def _begin_anew(track: Track, base: Read, waiting: Read, read: Read) -> tuple[Track, list[Mark], list[Event]]:
    """Two reads agree with each other and not with the past: another meter, or a reset."""
    fresh = Track(base=None, run=track.run + 1)
    marks = _marks(fresh, waiting, waiting, 0)
    event = Event(waiting.at_ms, "reset", f"from {base.raw}e{base.exponent} to {waiting.raw}e{waiting.exponent}")
    return replace(fresh, base=waiting, candidate=read), marks, [event]


def _step_back(tracks: Mapping[str, Track], sample: Mapping[str, Read]) -> int:
    """How far the sample lies before what was read already, as a negative number; 0 if it does not."""
    waiting = {name: track.candidate.at_ms for name, track in tracks.items() if track.candidate is not None}
    return min(0, *(read.at_ms - waiting.get(name, read.at_ms) for name, read in sample.items()), 0)


def _after_step(track: Track, read: Read | None) -> Track:
    """A new run of the same register. What rollovers have added stays, unless the register fell meanwhile."""
    base = track.base or track.candidate
    fell = read is not None and base is not None and (read.exponent != base.exponent or read.raw < base.raw)
    return Track(lift=0 if fell else track.lift, run=track.run + 1)
