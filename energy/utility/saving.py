# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""EFF: what a home did not draw, against a baseline of its own readings that every node computes alike. Pure.

The baseline is part of the register: it is collected from the readings that accepted reports counted, in their order, and is
fixed once there are enough. So no node can know another one, and a new version of the policy begins a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from energy.utility.policy import UtilityPolicy
from energy.utility.table import ONE
from kit.units import SLOTS_PER_DAY

PER_CENT = 100


@dataclass(slots=True)
class Baseline:
    """Sums and counts for each quarter hour of the day (UTC); `fixed` is the newest slot that it was made of, once it is fixed."""

    version: int
    sums: list[int] = field(default_factory=lambda: [0] * SLOTS_PER_DAY)
    counts: list[int] = field(default_factory=lambda: [0] * SLOTS_PER_DAY)
    newest: int = 0
    fixed: int | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any], policy: UtilityPolicy) -> Self:
        """Read `to_json`; a new one where there is none, or where it is of another version."""
        if not raw or raw["version"] != policy.baseline_version:
            return cls(policy.baseline_version)
        return cls(raw["version"], list(raw["sums"]), list(raw["counts"]), raw["newest"], raw["fixed"])

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "version": self.version,
            "sums": self.sums,
            "counts": self.counts,
            "newest": self.newest,
            "fixed": self.fixed,
        }

    def take(self, slot: int, drawn_uwh: int, policy: UtilityPolicy) -> int | None:
        """Count what was drawn in a slot. Units saved (negative: drawn more), or None while the slot is part of the baseline."""
        if self.fixed is not None:
            return self._saved(slot, drawn_uwh) if slot > self.fixed else None
        place = slot % SLOTS_PER_DAY
        self.sums[place] += drawn_uwh
        self.counts[place] += 1
        self.newest = max(self.newest, slot)
        if sum(self.counts) >= policy.baseline_days * SLOTS_PER_DAY:
            self.fixed = self.newest
        return None

    def usual(self, slot: int) -> int | None:
        """What the home usually draws in a slot, µWh, rounded down; None where the baseline knows nothing or nothing is drawn."""
        place = slot % SLOTS_PER_DAY
        return self.sums[place] // self.counts[place] or None if self.counts[place] else None

    def _saved(self, slot: int, drawn_uwh: int) -> int | None:
        usual = self.usual(slot)
        if usual is None:
            return None
        share = max(usual - drawn_uwh, -usual)
        saved: int = share * PER_CENT * ONE // (usual * SLOTS_PER_DAY)
        return saved
