# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a gap is worth: the ladder E3, E5, E6 in exact integers. An estimate never passes for a measurement.

| method | when | what |
|---|---|---|
| E3+E5 | at most `gap_slots`, registers on both sides | a line between the neighbours, scaled so that the sum is the register's |
| E3 | at most `gap_slots`, neighbours on both sides, no registers | the line |
| E5 | longer, registers on both sides | the register's total; its shape is a matter of like days (`energy.estimate.days`) |
| E6 | anything else | zero in every slot |

E1 and E2 fill no gaps: something was read, but not the boundary (`energy.net.rules.station_net`). E4, the like day, is for
reports to people and changes nothing that is minted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from energy.net.rules import register_energy
from energy.policy import PPM, Thresholds

_DAY = 96  # slots


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing slots `first` to `last`. Registers at their outer edges and E_net of the validated neighbours, where known."""

    first: int
    last: int
    before: Mapping[str, int] | None = None
    after: Mapping[str, int] | None = None
    left_uwh: int | None = None
    right_uwh: int | None = None

    @property
    def slots(self) -> int:
        """How many are missing."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Energy of every slot of a gap, µWh, and of the whole by the registers (None where they don't tell)."""

    values: tuple[int, ...]
    method: str
    total: int | None

    def counted(self, *, mint: bool) -> int:
        """What the net register takes: the whole if estimates may be minted, else only a deficit, µWh."""
        if self.method == "E6":
            return min(self.total or 0, 0)
        drawn = sum(self.values) if self.total is None else self.total
        return drawn if mint else min(drawn, 0)


def estimate(gap: Gap, *, cap_uwh: int, policy: Thresholds) -> Estimate:
    """Estimate a gap. `cap_uwh` is a slot at rated power; a register's total beyond what the policy allows is not believed."""
    total = register_energy(gap.before, gap.after) if gap.before is not None and gap.after is not None else None
    if total is not None:
        a_slot = cap_uwh * policy.gap_capacity_ppm // PPM if total > 0 else policy.draw_uwh(cap_uwh)
        if abs(total) > a_slot * gap.slots:
            total = None
    if total is not None and gap.slots > policy.gap_slots and policy.long_by_register:
        return Estimate((0,) * gap.slots, "E5", total)
    if gap.slots <= policy.gap_slots:
        shape = _line(gap)
        if total is not None:
            return Estimate(scale(shape or (1,) * gap.slots, total), "E3+E5" if shape else "E5", total)
        if shape is not None:
            return Estimate(shape, "E3", None)
    return Estimate((0,) * gap.slots, "E6", total)


def over_estimated(gap: Gap, missing: Callable[[int, int], int], policy: Thresholds) -> dict[str, int] | None:
    """V17: what shows that too much of a gap's days, or of the 30 days up to its end, is missing for an estimate to be minted.

    `missing` tells how many of the slots from one to another lie in gaps.
    """
    if policy.over_day_slots:
        for day in range(gap.first // _DAY, gap.last // _DAY + 1):
            gone = missing(day * _DAY, day * _DAY + _DAY - 1)
            if gone > policy.over_day_slots:
                return {"day": day, "missing": gone, "max": policy.over_day_slots}
    if policy.over_month_slots:
        gone = missing(gap.last - 30 * _DAY + 1, gap.last)
        if gone > policy.over_month_slots:
            return {"days": 30, "missing": gone, "max": policy.over_month_slots}
    return None


def scale(shape: Sequence[int], total: int) -> tuple[int, ...]:
    """A shape made to sum to `total` exactly, in integers.

    Multiplied where the shape has one sign throughout and it is the total's; else lifted evenly, so that no slot blows up.
    Remainders go where the running sum passes the next integer.
    """
    weight = sum(shape)
    one_sign = weight != 0 and (min(shape) >= 0 or max(shape) <= 0) and (weight > 0) == (total > 0)
    values = []
    seen = given = 0
    for number, part in enumerate(shape, start=1):
        seen += part
        due = total * seen // weight if one_sign else seen + (total - weight) * number // len(shape)
        values.append(due - given)
        given = due
    return tuple(values)


def _line(gap: Gap) -> tuple[int, ...] | None:
    if gap.left_uwh is None or gap.right_uwh is None:
        return None
    left, rise, parts = gap.left_uwh, gap.right_uwh - gap.left_uwh, gap.slots + 1
    return tuple(left + rise * number // parts for number in range(1, parts))
