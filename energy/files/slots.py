# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A file's values as slots of a quarter hour. Pure.

- Shorter values are summed, if all of a slot are there. A slot that lacks one, in any channel, is a gap and is not made up.
- Longer values are spread evenly over their slots; no meter measured those, so the slots are marked.
- A remainder below 1 µWh is rounded against the station: import up, export and balance down. A slot's energy never depends
  on what else is in the file, so that files that overlap agree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from edge.protocol import Interval, profile_hash
from energy.files.model import ABSENT, Channel, FileFault, MeterFile, Value
from kit.units import SLOT_SECONDS

Kept = Literal["measured", "interpolated", "integrated", "missing"]

_WORDS: dict[str, Kept] = {
    "a": "measured",
    "actual": "measured",
    "measured": "measured",
    "validated": "measured",
    "interpolated": "interpolated",
    "n": "missing",
    "null": "missing",
    "missing": "missing",
    ABSENT: "missing",
}
_INTEGRATED = frozenset({"integrated", "estimated", "substituted", "forecast"})
_METHODS = frozenset("efs")  # NEM12: estimated, final substituted, substituted; with two digits of method
_WORST: Sequence[Kept] = ("missing", "integrated", "interpolated", "measured")
_UWH_MAX = 2**56  # 72 GWh in a slot: what ingest takes, and far below what 64 bits hold


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of a connection point, µWh. `line` is where its first value stands, `reads` what its profile is made of."""

    number: int
    measures: Mapping[str, int]
    quality: Kept
    reads: Sequence[tuple[int, str, int]]
    line: int

    def interval(self, station: UUID, meter: str, *, demo: bool) -> Interval:
        """The interval to be signed. The same slot of the same file is always the same bytes."""
        return Interval(
            home_id=station,
            slot=self.number,
            measures=self.measures,
            profile_hash=profile_hash(self.reads),
            meter_id=None if meter == "main" else meter,
            quality=self.quality if self.quality != "missing" else None,
            source="demo" if demo else None,
        )


def kept_as(flag: str) -> Kept | None:
    """What a file's quality flag means for us; None for a word that nobody knows."""
    word = flag.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if word in _INTEGRATED or (word[:1] in _METHODS and (len(word) == 1 or (len(word) == 3 and word[1:].isdecimal()))):
        return "integrated"
    return None


@dataclass(frozen=True, slots=True)
class Slots:
    """What a connection point gives: complete slots in order, and the numbers of those between that lack a value."""

    complete: Sequence[Slot]
    gaps: Sequence[int]


@dataclass(slots=True)
class _Part:
    """One channel in one slot, as it is collected. `numerator` is µWh times the channel's divisor."""

    line: int
    numerator: int = 0
    seconds: int = 0
    quality: Kept = "measured"
    reads: list[tuple[int, str, int]] = field(default_factory=list)


def to_slots(file: MeterFile, point: str) -> Slots:
    """The slots of a connection point. Raises FileFault for values that fit no slot or say what no meter counts."""
    parts: dict[int, list[tuple[Channel, _Part]]] = {}
    for channel in file.channels:
        if channel.counts and channel.point == point:
            for number, part in _collect(file.name, channel).items():
                parts.setdefault(number, []).append((channel, part))
    complete = [slot for number in sorted(parts) if (slot := _slot(file.name, number, parts[number])) is not None]
    have = {slot.number for slot in complete}
    gaps = [number for number in range(min(parts), max(parts) + 1) if number not in have] if parts else []
    return Slots(complete, gaps)


def _collect(name: str, channel: Channel) -> dict[int, _Part]:
    parts: dict[int, _Part] = {}
    for value in channel.values:
        known_as = kept_as(value.flag)
        if known_as is None:
            known = "A, N, E…, S…, F… of NEM12, or measured, interpolated, integrated, estimated, missing"
            raise FileFault(name, value.line, 0, f"quality {value.flag[:40]!r} is not known; write {known}")
        quality: Kept = known_as if value.exact is not None else "missing"
        if channel.integrated or value.seconds > SLOT_SECONDS:
            quality = _worse(quality, "integrated")
        for number, numerator, seconds in _spread(name, channel, value):
            part = parts.setdefault(number, _Part(value.line))
            part.numerator += numerator
            part.seconds += seconds
            part.quality = _worse(part.quality, quality)
            part.reads.append((value.start * 1000, channel.name, value.exact or 0))
            if value.flag != "A":
                part.reads.append((value.start * 1000, f"{channel.name}.quality.{value.flag}", 1))
    return parts


def _worse(one: Kept, other: Kept) -> Kept:
    return min(one, other, key=_WORST.index)


def _spread(name: str, channel: Channel, value: Value) -> Iterator[tuple[int, int, int]]:
    """A value as (slot, µWh × divisor, seconds) of every slot that it touches."""
    number, rest = divmod(value.start, SLOT_SECONDS)
    if rest + value.seconds <= SLOT_SECONDS and rest % value.seconds == 0 and SLOT_SECONDS % value.seconds == 0:
        yield number, value.exact or 0, value.seconds
        return
    if rest or value.seconds % SLOT_SECONDS:
        why = f"{value.seconds} s from {rest} s after a quarter hour"
        raise FileFault(
            name, value.line, 0, f"{why} fit no quarter hours; export intervals of 1, 5, 15, 30 or 60 minutes"
        )
    divisor, count = channel.divisor or 1, value.seconds // SLOT_SECONDS
    uwh = _whole(channel, value.exact or 0)
    for index in range(count):
        share = uwh * (index + 1) // count - uwh * index // count
        yield number + index, share * divisor, SLOT_SECONDS


def _whole(channel: Channel, numerator: int) -> int:
    divisor = channel.divisor or 1
    return -(-numerator // divisor) if channel.direction == "import" else numerator // divisor


def _slot(name: str, number: int, parts: Sequence[tuple[Channel, _Part]]) -> Slot | None:
    quality = min((part.quality for _, part in parts), key=_WORST.index)
    if quality == "missing" or any(part.seconds != SLOT_SECONDS for _, part in parts):
        return None
    sums: dict[str, int] = {}
    line = min(part.line for _, part in parts)
    for channel, part in parts:
        sums[channel.direction] = sums.get(channel.direction, 0) + _whole(channel, part.numerator)
    if any(abs(uwh) > _UWH_MAX for uwh in sums.values()):
        raise FileFault(name, line, 0, "more energy than any meter counts in a quarter hour; is the unit right?")
    measures = {"meterWh": sums.get("net", 0) + sums.get("export", 0) - sums.get("import", 0)}
    measures |= {f"{direction}Wh": sums[direction] for direction in ("import", "export") if direction in sums}
    reads = sorted(read for _, part in parts for read in part.reads)
    return Slot(number, measures, quality, reads, line)
