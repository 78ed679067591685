# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a person wants to see of a file: values and energy per channel and quality, slots, gaps. Pure."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from energy.files.model import MeterFile
from energy.files.slots import Slots, kept_as
from kit.units import SLOT_SECONDS


@dataclass(frozen=True, slots=True)
class Row:
    """One quality of one channel: `flag` as it stands in the file, `kept` what it means here; None: not active energy."""

    point: str
    channel: str
    direction: str
    unit: str
    seconds: int
    flag: str
    kept: str | None
    values: int
    uwh: int | None


def by_quality(file: MeterFile) -> list[Row]:
    """Rows by point, channel, length and flag. Sums are rounded down once, at the end."""
    rows = []
    for channel in sorted(file.channels, key=lambda it: (it.point, it.name)):
        sums: dict[tuple[int, str], tuple[int, int]] = {}
        for value in channel.values:
            count, total = sums.get((value.seconds, value.flag), (0, 0))
            sums[value.seconds, value.flag] = count + 1, total + (value.exact or 0)
        for (seconds, flag), (count, total) in sorted(sums.items()):
            uwh = total // channel.divisor if channel.counts and channel.divisor else None
            kept = kept_as(flag)
            rows.append(
                Row(channel.point, channel.name, channel.direction, channel.unit, seconds, flag, kept, count, uwh)
            )
    return rows


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers as (first, how many)."""
    for _, group in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in group]
        yield members[0], len(members)


def instant(slot: int) -> str:
    """The beginning of a slot as people and programs read it."""
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC).isoformat().replace("+00:00", "Z")


def described(file: MeterFile, slots: dict[str, Slots]) -> dict[str, Any]:
    """The same as one JSON object: energy in µWh, integers as they are."""
    points = {}
    for point, found in slots.items():
        kinds = [slot.quality for slot in found.complete]
        points[point] = {
            "slots": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
            "first": instant(found.complete[0].number) if found.complete else None,
            "last": instant(found.complete[-1].number) if found.complete else None,
            "uwh": sum(slot.measures["meterWh"] for slot in found.complete),
            "gaps": [{"start": instant(first), "slots": count} for first, count in runs(found.gaps)],
        }
    return {
        "file": file.name,
        "format": file.format,
        "channels": [asdict(row) for row in by_quality(file)],
        "points": points,
    }
