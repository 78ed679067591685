# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the rules are told: a station's parameters, the thresholds in force, and the form of what they answer. Pure.

The numbers themselves stand in `energy/policies/policies.toml`, each with its source and its reason.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, Self
from uuid import UUID

from kit.units import rated_uwh_per_slot

PPM = 1_000_000
RAW, VALIDATED, ESTIMATED = 1, 2, 3
QUALITY_NAMES = {RAW: "raw", VALIDATED: "validated", ESTIMATED: "estimated"}

Result = Literal["warn", "suspect", "gap", "hold"]


@dataclass(frozen=True, slots=True)
class StationParameters:
    """What the registry says of a station. `rated_w` in W; `k_safety_ppm` ≥ 1,000,000 is the safety factor on losses, ppm.

    `ratings` are (first slot, W) of every rating the station ever had, in order; without them `rated_w` holds for all slots.
    """

    station: UUID
    rated_w: int
    kind: int = 0
    k_safety_ppm: int = PPM
    ratings: tuple[tuple[int, int], ...] = ()

    def cap_uwh(self, slot: int) -> int:
        """Energy of a slot at the power that was rated when it began, µWh. Before the first rating, the first one holds."""
        if not self.ratings:
            return rated_uwh_per_slot(self.rated_w)
        at = bisect_right(self.ratings, slot, key=lambda rating: rating[0])
        return rated_uwh_per_slot(self.ratings[max(at - 1, 0)][1])


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers for one class of station. `_ppm` are shares in millionths, `_uwh` energies, `_slots` quarter hours.

    A threshold of 0 turns its rule off. What each is for and where it comes from stands beside it in policies.toml.
    """

    mint_estimated: bool
    mint_check: bool
    mint_node: bool
    mint_corrected: bool
    whole_station: bool
    hold_late: bool
    late_slots: int
    horizon_slots: int
    clock_warn_ms: int
    clock_max_ms: int
    sync_max_s: int
    capacity_ppm: int
    draw_ppm: int
    draw_floor_uwh: int
    register_uwh: int
    register_ppm: int
    spike_ppm: int
    spike_floor_ppm: int
    spike_near_slots: int
    flat_slots: int
    flat_clipped_slots: int
    flat_floor_ppm: int
    clip_ppm: int
    check_ppm: int
    check_uwh: int
    check_days: int
    balance_ppm: int
    balance_uwh: int
    gap_slots: int
    gap_capacity_ppm: int
    long_by_register: bool
    over_day_slots: int
    over_month_slots: int
    day_spike_ppm: int
    day_spike_floor_ppm: int
    hampel_slots: int
    hampel_mad_ppm: int
    zero_slots: int
    zero_sibling_ppm: int
    high_ppm: int
    low_ppm: int
    like_days: int
    like_within_days: int
    like_weekday: bool
    like_haircut_ppm: int

    def draw_uwh(self, cap_uwh: int) -> int:
        """The most that a station is believed to draw in a slot, µWh. The registry knows only what it can deliver."""
        return max(cap_uwh * self.draw_ppm // PPM, self.draw_floor_uwh)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of all thresholds: in force for reports from the slot `effective_from` on, until a later version is.

    The numbers are policies with a reason, not claims of conformance with any market's standard. Nodes sign `version`; `digest`
    tells two files apart that give one version different numbers.
    """

    version: int
    effective_from: int
    default: Thresholds
    classes: Mapping[str, Thresholds]
    kinds: Mapping[int, str]

    def class_of(self, kind: int) -> str:
        """The class of a station by its kind in the registry; a kind that nobody described is generic."""
        return self.kinds.get(kind, "generic")

    def of(self, kind: int) -> Thresholds:
        """The thresholds for a kind of station."""
        return self.classes.get(self.class_of(kind), self.default)

    def at(self, slot: int) -> Self:
        """Itself: one version can stand where a book of versions is asked for."""
        del slot
        return self

    @property
    def newest(self) -> Self:
        """Itself, as `at`."""
        return self

    def changed(self, *, version: int | None = None, **numbers: Any) -> "Policy":
        """The same policy with other numbers in every class: for what-if runs and tests. Nodes agree on versions only."""
        return replace(
            self,
            version=self.version if version is None else version,
            default=replace(self.default, **numbers),
            classes={name: replace(given, **numbers) for name, given in self.classes.items()},
        )

    @property
    def digest(self) -> str:
        """SHA-256 over every number of every class, hex. What is 0 is left out, so that a new threshold changes no old version."""
        content = {
            "version": self.version,
            "effective_from": self.effective_from,
            "kinds": {str(kind): name for kind, name in self.kinds.items()},
            "default": _said(self.default),
            "classes": {name: _said(given) for name, given in self.classes.items()},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _said(given: Thresholds) -> dict[str, int]:
    return {name: int(value) for name, value in asdict(given).items() if value}


class Policies(Protocol):
    """Whatever knows which policy a report of a slot is counted by."""

    def at(self, slot: int) -> Policy:
        """The policy in force for a report of this slot."""
        ...

    @property
    def newest(self) -> Policy:
        """The version that came last."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that fired. `warn` is for people; `suspect` keeps a surplus from being minted; `gap` tells of missing slots;
    `hold` keeps an estimate from being minted.

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
