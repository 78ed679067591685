# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the rules are told: a station's parameters, the thresholds in force, and the form of what they answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from kit.units import rated_uwh_per_slot

PPM = 1_000_000
RAW, VALIDATED, ESTIMATED = 1, 2, 3
QUALITY_NAMES = {RAW: "raw", VALIDATED: "validated", ESTIMATED: "estimated"}

Result = Literal["warn", "suspect", "gap"]


@dataclass(frozen=True, slots=True)
class StationParameters:
    """What the registry says of a station. `rated_w` in W; `k_safety_ppm` ≥ 1,000,000 is the safety factor on losses, ppm."""

    station: UUID
    rated_w: int
    kind: int = 0
    k_safety_ppm: int = PPM

    @property
    def cap_uwh(self) -> int:
        """Energy of one slot at rated power, µWh."""
        return rated_uwh_per_slot(self.rated_w)


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the rules, versioned as one: a change of any number takes a new version. `_ppm` are shares in millionths.

    The numbers are policies with a reason, not claims of conformance with any market's standard; docs/energy.md tells where
    each comes from.
    """

    version: int = 1
    mint_estimated: bool = False
    hold_late: bool = False
    late_slots: int = 192  # 48 h, what an edge must be able to buffer
    horizon_slots: int = 3_360  # 35 days; ingest takes 31, the rest is slack for a report that comes late
    capacity_ppm: int = 1_100_000
    draw_ppm: int = 5_000_000  # a house draws more than its roof delivers,
    draw_floor_uwh: int = 25_000_000_000  # and a workshop under a small roof up to 100 kW
    register_uwh: int = 1_000_000  # one Wh: the coarsest register that an interval can be compared with
    register_ppm: int = 1_000
    spike_ppm: int = 2_800_000
    spike_floor_ppm: int = 100_000
    flat_slots: int = 4
    flat_clipped_slots: int = 8
    flat_floor_ppm: int = 10_000
    clip_ppm: int = 5_000
    balance_ppm: int = 20_000
    balance_uwh: int = 5_000_000_000
    gap_slots: int = 8  # 2 h: longer gaps are not drawn as a line
    gap_capacity_ppm: int = 1_250_000

    def draw_uwh(self, cap_uwh: int) -> int:
        """The most that a station is believed to draw in a slot, µWh. The registry knows only what it can deliver."""
        return max(cap_uwh * self.draw_ppm // PPM, self.draw_floor_uwh)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that fired. `warn` is for people; `suspect` keeps a surplus from being minted; `gap` tells of missing slots.

    `inputs` are the numbers the rule looked at; `provisional` says that a reading still to come may clear it.
    """

    rule: str
    version: int
    slot: int
    result: Result
    inputs: Mapping[str, Any]
    provisional: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON columns and answers."""
        return {
            "rule": self.rule,
            "version": self.version,
            "slot": self.slot,
            "result": self.result,
            "inputs": dict(self.inputs),
            "provisional": self.provisional,
        }
