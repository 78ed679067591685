# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Income_home = α·E + β·H + γ·W + δ·EFF + ε·DATA + ζ·SRV − penalties + bonuses, in integers. Pure.

Amounts are units of 10⁻⁹ GCM, tokens units of 10⁻⁹ token, coefficients millionths of a GCM per token. A line is rounded once, down:
floor(units × coefficient ÷ 10⁶). So an income is at most six units below the exact sum, and never above it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kit.units import Utility

IN_INCOME = (Utility.E, Utility.H, Utility.W, Utility.SRV, Utility.DATA, Utility.EFF)
COEFFICIENT_ONE = 10**6
GCM_ONE = 10**9

Kind = Literal["penalty", "bonus"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one utility brought at one coefficient."""

    utility: Utility
    units: int
    coefficient: int

    @property
    def gcm_units(self) -> int:
        """Rounded down."""
        return self.units * self.coefficient // COEFFICIENT_ONE


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A penalty or a bonus, always above zero."""

    kind: Kind
    gcm_units: int

    @property
    def signed(self) -> int:
        """As it counts."""
        return self.gcm_units if self.kind == "bonus" else -self.gcm_units


def lines_of(minted: Iterable[tuple[int, int, int]]) -> list[Line]:
    """One line a utility and coefficient from (utility, coefficient, units) in any order and pieces; none of AGR, CRB, DEV."""
    sums: dict[tuple[int, int], int] = {}
    for utility, coefficient, units in minted:
        if utility in IN_INCOME:
            sums[utility, coefficient] = sums.get((utility, coefficient), 0) + units
    return [Line(Utility(utility), units, coefficient) for (utility, coefficient), units in sorted(sums.items())]


def total(lines: Sequence[Line], adjustments: Sequence[Adjustment]) -> int:
    """The income; below zero where penalties outweigh what was made."""
    return sum(line.gcm_units for line in lines) + sum(adjustment.signed for adjustment in adjustments)
