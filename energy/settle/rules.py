# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The register of a station's tenure: what every oracle node and the platform compute alike from the same readings.

The net register is the sum of what is known: a deficit always counts, a surplus once the rules have passed it, a gap as its
estimate says (decision 0007). The mintable register is the high-water mark of that sum over reports, so +5, −3, +4 kWh in
three reports mint 5, 0 and 1. Late readings, gaps that close and verdicts that are cleared move the net register, never the
mark downwards.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Self

from edge.protocol import Interval
from energy.policy import ESTIMATED, PPM, QUALITY_NAMES, RAW, VALIDATED, Policy, StationParameters, Verdict
from energy.settle.context import Context
from energy.settle.step import SlotResult, Step

__all__ = [
    "ESTIMATED",
    "PPM",
    "QUALITY_NAMES",
    "RAW",
    "VALIDATED",
    "Advance",
    "Policy",
    "Register",
    "SlotResult",
    "StationParameters",
    "Verdict",
    "advance",
]


CORRECTION = "correction"  # how the meter's name of a correction begins


@dataclass(frozen=True, slots=True)
class Register:
    """A tenure's running sums, µWh. `net` and `net_measured` may fall and be negative; `mintable` and `measured` never fall.

    `context` is what the rules must remember of earlier slots; opaque to others, small, and part of the agreed state.
    """

    net: int = 0
    net_measured: int = 0
    mintable: int = 0
    measured: int = 0
    context: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Canonical JSON text: two equal registers give the same text."""
        return json.dumps(
            {
                "net": self.net,
                "net_measured": self.net_measured,
                "mintable": self.mintable,
                "measured": self.measured,
                "context": self.context,
            },
            sort_keys=True,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote. Raises ValueError or KeyError for anything else."""
        raw = json.loads(text)
        return cls(raw["net"], raw["net_measured"], raw["mintable"], raw["measured"], raw["context"])


@dataclass(frozen=True, slots=True)
class Advance:
    """A step: the new register; what goes into the leaf of this slot; every slot whose worth changed.

    `energy` is what the report's own slot added to `mintable`, µWh; `quality` and `profile_hash` are of that slot's interval
    (0 and 32 zero bytes if nothing was read).
    """

    register: Register
    verdicts: tuple[Verdict, ...]
    energy: int
    quality: int
    profile_hash: bytes
    slots: tuple[SlotResult, ...]


def is_correction(reading: Interval) -> bool:
    """True for what people sign to correct a slot: `meterWh` is what it is worth more, or less."""
    return reading.meter.startswith(CORRECTION)


def advance(
    register: Register,
    readings: Sequence[Interval],
    *,
    slot: int,
    parameters: StationParameters,
    policy: Policy,
) -> Advance:
    """Count `readings` (all of slots ≤ `slot`, in any order, none counted before) into the register.

    Pure and deterministic: the same register, readings, slot, parameters and policy give the same result on every machine.
    Raises ValueError for a reading of another station, of a slot after `slot`, or given twice.
    """
    for reading in readings:
        if reading.home_id != parameters.station:
            raise ValueError(f"a reading of {reading.home_id} does not belong to {parameters.station}")
        if reading.slot > slot:
            raise ValueError(f"a reading of slot {reading.slot} can't be counted in the report of slot {slot}")
    ordered = sorted(
        (reading for reading in readings if not is_correction(reading)),
        key=lambda reading: (reading.slot, reading.meter != "main", reading.meter),
    )
    thresholds = policy.of(parameters.kind)
    step = Step(Context.from_json(register.context), slot, parameters, thresholds)
    for number, group in groupby(ordered, key=lambda reading: reading.slot):
        step.take(number, list(group))
    for reading in sorted(filter(is_correction, readings), key=lambda reading: (reading.slot, reading.meter)):
        step.correct(reading.slot, reading.meter_uwh)
    step.judge()
    step.estimate()
    net, net_measured = register.net + step.measured + step.estimated, register.net_measured + step.measured
    mintable = max(register.mintable, net)
    # certificates never cite more than may be minted, even while an estimated deficit waits for its original
    measured = max(register.measured, min(net_measured, mintable))
    own = step.context.entries.get(slot)
    fresh = [reading for reading in ordered if reading.slot == slot]
    counted = own.counted if own is not None and fresh else 0
    step.context.prune(thresholds.horizon_slots)
    return Advance(
        register=Register(net, net_measured, mintable, measured, step.context.to_json()),
        verdicts=tuple(step.verdicts),
        energy=max(0, mintable - max(register.mintable, net - counted)),
        quality=own.quality if own is not None and fresh else 0,
        profile_hash=fresh[0].profile_hash if fresh else bytes(32),
        slots=tuple(step.results[number] for number in sorted(step.results)),
    )
