# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of estimates in real series: gaps of known content, filled by every method. Gaps of up to half a day begin by day."""

from collections.abc import Iterator, Mapping
from random import Random

from bench.qa_data import CAP, Series
from energy.day.like import fitted, like_estimate
from energy.day.rules import DAY_SLOTS, Values
from energy.estimate.rules import Gap, estimate, scale
from energy.policies.book import book
from energy.policy import Thresholds

LENGTHS = (1, 2, 4, 8, 12, 24, 48, 96, 192, 288)  # slots: a quarter of an hour to three days
GAPS = 120


def errors(series: Series, chance: Random) -> dict[int, dict[str, tuple[float, int]]]:
    """By length of the gap and method: the mean absolute error, % of the series' peak, and over how many gaps."""
    days = _by_day(series.values)
    sun = _by_day(series.sun)
    policy = book().newest.of(series.kind)
    told: dict[int, dict[str, tuple[float, int]]] = {}
    for length in LENGTHS:
        sums: dict[str, float] = {}
        count = 0
        for first in _places(series, length, chance):
            truth = [series.values[slot] for slot in range(first, first + length)]
            made = dict(_estimates(first, length, series.values, days, sun, policy, sum(truth)))
            if "like" not in made:
                continue  # every method is judged by the same gaps
            count += 1
            for name, values in made.items():
                off = sum(abs(one - other) for one, other in zip(values, truth, strict=True)) / length
                sums[name] = sums.get(name, 0.0) + off
        if count:
            told[length] = {name: (100 * total / count / series.peak, count) for name, total in sums.items()}
    return told


def _estimates(
    first: int,
    length: int,
    values: Mapping[int, int],
    days: Mapping[int, Values],
    sun: Mapping[int, Values],
    policy: Thresholds,
    total: int,
) -> Iterator[tuple[str, tuple[int, ...]]]:
    last = first + length - 1
    ends = (values[first - 1], values[last + 1])
    line = tuple(ends[0] + (ends[1] - ends[0]) * number // (length + 1) for number in range(1, length + 1))
    yield "line", line
    exact = estimate(Gap(first, last, {"genWh": 0}, {"genWh": max(total, 0)}, *ends), cap_uwh=CAP, policy=policy)
    yield "line+register", exact.values if exact.method == "E3+E5" else scale(line, total)
    hidden = _without(days, first, last)
    like = like_estimate(first, last, hidden, policy)
    if like is None:
        return
    yield "like", like.values
    yield "like+register", fitted(like.values, total)
    if sun:
        sunny = like_estimate(first, last, hidden, policy, sun=sun)
        if sunny is not None:
            yield "like+sun", sunny.values
            yield "like+sun+register", fitted(sunny.values, total)


def _by_day(values: Mapping[int, int]) -> dict[int, list[int | None]]:
    days: dict[int, list[int | None]] = {}
    for slot, value in values.items():
        days.setdefault(slot // DAY_SLOTS, [None] * DAY_SLOTS)[slot % DAY_SLOTS] = value
    return days


def _without(days: Mapping[int, Values], first: int, last: int) -> dict[int, Values]:
    hidden = dict(days)
    for day in range(first // DAY_SLOTS, last // DAY_SLOTS + 1):
        begin = day * DAY_SLOTS
        hidden[day] = [None if first <= begin + at <= last else it for at, it in enumerate(days.get(day, [None] * 96))]
    return hidden


def _places(series: Series, length: int, chance: Random) -> list[int]:
    values, least = series.values, series.peak // 20
    slots = sorted(values)
    chance.shuffle(slots)
    chosen: list[int] = []
    for slot in slots:
        if len(chosen) == GAPS:
            break
        if (length > 48 or values[slot] > least) and all(it in values for it in range(slot - 1, slot + length + 1)):
            chosen.append(slot)
    return chosen
