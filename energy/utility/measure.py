# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What one reading says of one utility, in token units, and which rules hold it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.protocol import Interval
from energy.utility.policy import UtilityPolicy
from energy.utility.table import MILLIONTH, ONE
from kit.units import SLOT_SECONDS, Utility

NEGATIVE, OVER, UNMEASURED, OTHER_UNIT = "U1", "U2", "U3", "U4"
_DEVICE = re.compile(r"(agr_kg|agr_h|srv_ops|dev_h)(?:-[A-Za-z0-9_-]+)?")
_PREFIXES = {Utility.AGR: ("agr_kg", "agr_h"), Utility.SRV: ("srv_ops",), Utility.DEV: ("dev_h",)}
_DEVICE_SLOT_MAX = ONE * SLOT_SECONDS // 3_600  # a device works a quarter hour in a quarter hour


@dataclass(frozen=True, slots=True)
class Said:
    """A reading's worth: `units` (signed), the declared `source` where a station may choose one, the rules that hold it."""

    units: int
    source: str
    held: tuple[str, ...]
    inputs: Mapping[str, Any]


def said(utility: Utility, reading: Interval, declared: str, policy: UtilityPolicy) -> Said | None:
    """What a reading says of H, W, AGR, SRV, DATA or DEV; None if nothing. `declared` is the source this station used so far.

    Rules: U1 below zero, U2 above what a slot can hold, U3 integrated and not measured, U4 another source than declared.
    """
    if reading.quality == "missing":
        return None
    if utility is Utility.DATA:
        return Said(ONE, "", (), {})
    found = _counted(utility, reading, policy)
    if not found:
        return None
    source = declared if declared in found else next(iter(found))
    parts = found[source]
    units = sum(parts)
    held = []
    if any(part < 0 for part in parts):
        held.append(NEGATIVE)
    if units > policy.slot_max[utility] * ONE or (utility is Utility.DEV and max(parts) > _DEVICE_SLOT_MAX):
        held.append(OVER)
    if reading.quality == "integrated":
        held.append(UNMEASURED)
    if declared and source != declared:
        held.append(OTHER_UNIT)
    return Said(units, source, tuple(held), {"units": units, "source": source, "declared": declared})


def _counted(utility: Utility, reading: Interval, policy: UtilityPolicy) -> dict[str, list[int]]:
    """Units by source, the preferred source first."""
    measures = reading.measures
    if utility is Utility.W:
        return {"waterM3": [measures["waterM3"] * MILLIONTH]} if "waterM3" in measures else {}
    if utility is Utility.H:
        found = {"heat": [measures["heat"] * MILLIONTH]} if "heat" in measures else {}
        return found | ({"gasM3": [measures["gasM3"] * policy.gas_wh_per_m3]} if "gasM3" in measures else {})
    parts: dict[str, list[int]] = {}
    for name, value in sorted((reading.devices or {}).items()):
        match = _DEVICE.fullmatch(name)
        if match is not None and match[1] in _PREFIXES[utility]:
            parts.setdefault(match[1], []).append(value * MILLIONTH)
    return {prefix: parts[prefix] for prefix in _PREFIXES[utility] if prefix in parts}
