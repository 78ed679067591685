# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The rules that look at a whole day. Pure, integers, no clock. A day is `slot // 96`: UTC, like everything that counts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from energy.policy import PPM, Result, Thresholds

DAY_SLOTS = 96
ENOUGH_SLOTS = 90  # of a day, for what needs a whole one

Values = Sequence[int | None]
Finding = tuple[Result, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a station. `values` are E_net of its 96 slots, µWh, None where nothing was measured.

    `missing` are slots within the station's time that were not read. `sun` is what a sibling or an instrument says of each slot,
    ppm of full power, None where nobody knows. `like` are the totals of the nearest like days, µWh.
    """

    number: int
    values: Values
    missing: int
    cap_uwh: int
    sun: Values = ()
    like: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class DayRule:
    """One line of the table. A change of what `check` does takes a new `version`."""

    id: str
    version: int
    title: str
    check: Callable[[Day, Thresholds], Finding | None]


def judge_day(day: Day, policy: Thresholds) -> Iterator[tuple[DayRule, Finding]]:
    """Every rule that fires for a day, in the table's order."""
    for rule in DAY_RULES:
        finding = rule.check(day, policy)
        if finding is not None:
            yield rule, finding


def local_counts(readings: Callable[[int], bool], local: date, zone: ZoneInfo) -> tuple[int, int]:
    """How many slots a day has where people live, and how many were read: 92 or 100 when clocks change, 96 else.

    `readings` tells whether a slot was read.
    """
    first, last = (
        int(datetime(at.year, at.month, at.day, tzinfo=zone).timestamp()) // 900
        for at in (local, local + timedelta(days=1))
    )
    return last - first, sum(readings(slot) for slot in range(first, last))


def outliers(values: Values, *, window: int, mad_ppm: int, floor_uwh: int) -> list[int]:
    """Places whose distance from the median of their window is above so many scaled median deviations (Hampel 1974).

    The factor 1.4826 makes the median deviation comparable with a standard deviation. Distances up to `floor_uwh` are none.
    """
    found, half = [], window // 2
    for at, value in enumerate(values):
        around = sorted(it for it in values[max(at - half, 0) : at + half + 1] if it is not None)
        if value is None or len(around) < window // 2 + 1:
            continue
        middle = _median(around)
        spread = _median(sorted(abs(it - middle) for it in around))
        if abs(value - middle) > max(floor_uwh, spread * 14_826 // 10_000 * mad_ppm // PPM):
            found.append(at)
    return found


def _count(day: Day, policy: Thresholds) -> Finding | None:
    del policy
    return ("gap", {"expected": DAY_SLOTS, "missing": day.missing}) if day.missing else None


def _spike(day: Day, policy: Thresholds) -> Finding | None:
    known = sorted((value for value in day.values if value is not None), reverse=True)
    if policy.day_spike_ppm == 0 or len(known) < ENOUGH_SLOTS:
        return None
    highest, third = known[0], known[2]
    if highest * PPM <= day.cap_uwh * policy.day_spike_floor_ppm:
        return None
    if (highest - third) * PPM <= max(third, 0) * policy.day_spike_ppm:
        return None
    return "warn", {"highest_uwh": highest, "third_uwh": third, "slot": _slot(day, day.values.index(highest))}


def _hampel(day: Day, policy: Thresholds) -> Finding | None:
    if policy.hampel_slots == 0:
        return None
    floor = day.cap_uwh * policy.day_spike_floor_ppm // PPM
    found = outliers(day.values, window=policy.hampel_slots, mad_ppm=policy.hampel_mad_ppm, floor_uwh=floor)
    return ("warn", {"slots": [_slot(day, at) for at in found]}) if found else None


def _zero(day: Day, policy: Thresholds) -> Finding | None:
    if policy.zero_slots == 0 or not day.sun:
        return None
    longest = run = 0
    for value, sun in zip(day.values, day.sun, strict=True):
        dark = value is not None and value <= 0 and sun is not None and sun > policy.zero_sibling_ppm
        run = run + 1 if dark else 0
        longest = max(longest, run)
    return ("suspect", {"slots": longest, "max": policy.zero_slots - 1}) if longest >= policy.zero_slots else None


def _high_low(day: Day, policy: Thresholds) -> Finding | None:
    known = [value for value in day.values if value is not None]
    if len(known) < ENOUGH_SLOTS or len(day.like) < policy.like_days or not day.like:
        return None
    total, mean = sum(known), sum(day.like) // len(day.like)
    if mean <= 0:
        return None  # of a house that draws more than it gives the sign would be turned round
    inputs = {"day_uwh": total, "mean_uwh": mean, "days": len(day.like)}
    if policy.high_ppm and total * PPM > mean * policy.high_ppm:
        return "warn", inputs | {"max_ppm": policy.high_ppm}
    if policy.low_ppm and total * PPM < mean * policy.low_ppm:
        return "warn", inputs | {"min_ppm": policy.low_ppm}
    return None


def _median(ordered: Sequence[int]) -> int:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def _slot(day: Day, at: int) -> int:
    return day.number * DAY_SLOTS + at


DAY_RULES = (
    DayRule("V5", 1, "slots of a day", _count),
    DayRule("V10", 1, "highest of a day against the third highest", _spike),
    DayRule("V10h", 1, "outliers of a day (Hampel)", _hampel),
    DayRule("V12", 1, "nothing by day while others deliver", _zero),
    DayRule("V13", 1, "high or low day", _high_low),
)
