# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The register of a station's tenure: what every oracle node and the platform compute alike from the same readings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from edge.protocol import Interval


@dataclass(frozen=True, slots=True)
class StationParameters:
    """What the registry says of a station. `rated_w` in W; `k_safety_ppm` ≥ 1,000,000 is the safety factor on losses, ppm."""

    station: UUID
    rated_w: int
    kind: int = 0
    k_safety_ppm: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the rules, versioned as one. Shares are in ppm of what their name says, times in slots."""

    version: int = 1
    mint_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that fired for a slot. `result` is `warn`, `suspect` or `gap`; `inputs` are what it looked at."""

    rule: str
    version: int
    slot: int
    result: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SlotResult:
    """What a slot is worth after this step, µWh, signed. `quality` is 1 raw, 2 validated, 3 estimated."""

    slot: int
    e_net: int
    quality: int
    method: str
    verdicts: tuple[Verdict, ...] = ()


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


def advance(
    register: Register,
    readings: Sequence[Interval],
    *,
    slot: int,
    parameters: StationParameters,
    policy: Policy,
) -> Advance:
    """Count `readings` (all of slots ≤ `slot`, in any order, none counted before) into the register.

    Pure and deterministic: the same register, readings, slot, parameters and policy give the same result on every machine. Raises
    ValueError for a reading of another station, of a slot after `slot`, or given twice.
    """
    raise NotImplementedError  # in the next commit
