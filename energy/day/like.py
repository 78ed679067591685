# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""E4: what a gap was probably worth, from like days, with the days it was taken from. Pure, integers.

The mean of the nearest days whose slots were all validated; of the same class of weekday where people live by the week; scaled by
the sun where it was measured on both days; and, where registers bracket the gap, scaled so that the sum is theirs (E4+E5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.day.rules import DAY_SLOTS, Values
from energy.estimate.rules import scale
from energy.policy import PPM, Thresholds

_SUN_MAX_PPM = 4_000_000  # a donor under thick cloud says little of a clear day: it is not blown up more than this


@dataclass(frozen=True, slots=True)
class LikeDays:
    """Energy of every slot of a gap, µWh; the method; the days that gave it; what would be taken off if it were minted, ppm."""

    values: tuple[int, ...]
    method: str
    donors: tuple[int, ...]
    haircut_ppm: int


def like_estimate(
    first: int,
    last: int,
    days: Mapping[int, Values],
    policy: Thresholds,
    *,
    total: int | None = None,
    sun: Mapping[int, Values] | None = None,
) -> LikeDays | None:
    """Estimate slots `first` to `last`. `days` are validated E_net by day, None where a slot is not validated; `total` is what
    registers say of the whole gap, µWh; `sun` is full power's share by day and slot, ppm. None if a day finds no donor.
    """
    values: list[int] = []
    donors: set[int] = set()
    for day in range(first // DAY_SLOTS, last // DAY_SLOTS + 1):
        places = range(max(first - day * DAY_SLOTS, 0), min(last - day * DAY_SLOTS, DAY_SLOTS - 1) + 1)
        chosen = nearest(day, places, days, policy)
        if not chosen:
            return None
        factors = [_sunshine(day, donor, places, sun or {}) for donor in chosen]
        for at in places:
            given = [(days[donor][at] or 0) * factor // PPM for donor, factor in zip(chosen, factors, strict=True)]
            values.append(sum(given) // len(given))
        donors.update(chosen)
    if total is not None:
        values = list(fitted(values, total))
    method = "E4" if total is None else "E4+E5"
    return LikeDays(tuple(values), method, tuple(sorted(donors)), policy.like_haircut_ppm)


def fitted(shape: Sequence[int], total: int) -> tuple[int, ...]:
    """A day's shape made to sum to `total` exactly. What a plant takes by night stays; what it gives by day is multiplied.

    Where that can't be, the whole is lifted evenly (`energy.estimate.rules.scale`).
    """
    given, taken = [max(value, 0) for value in shape], [min(value, 0) for value in shape]
    rest = total - sum(taken)
    if rest <= 0 or not any(given):
        return scale(shape, total)
    return tuple(one + other for one, other in zip(scale(given, rest), taken, strict=True))


def nearest(day: int, places: Sequence[int], days: Mapping[int, Values], policy: Thresholds) -> list[int]:
    """The nearest like days whose slots at these places were all validated, the nearest first; of two as near the earlier."""
    fit = (
        other
        for other in days
        if 0 < abs(other - day) <= policy.like_within_days
        and (not policy.like_weekday or _works(other) == _works(day))
        and all(days[other][at] is not None for at in places)
    )
    return sorted(fit, key=lambda other: (abs(other - day), other))[: policy.like_days]


def _works(day: int) -> bool:
    return (day + 3) % 7 < 5  # day 0 was a Thursday


def _sunshine(day: int, donor: int, places: Sequence[int], sun: Mapping[int, Values]) -> int:
    """How much stronger the sun was than on the donor's day, over the slots for which both are known, ppm."""
    here, there = sun.get(day), sun.get(donor)
    if here is None or there is None:
        return PPM
    pairs = [(here[at], there[at]) for at in places]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    given = sum(other for _, other in known)
    if not given or len(known) * 2 < len(pairs):
        return PPM
    return min(sum(one for one, _ in known) * PPM // given, _SUN_MAX_PPM)
