# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator's clock: the same text as GREENCORE_CLOCK gives every process, the same instant in all of them."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_SPEC = re.compile(r"(\d{1,12}(?:\.\d+)?)@(\d{1,12}(?:\.\d+)?)x(\d{1,6}(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Clock:
    """`simulated = sim0 + (wall - wall0) · speed`, in integers; digits beyond the ninth place are cut off."""

    sim0_ns: int = 0
    wall0_ns: int = 0
    speed_nano: int = 1_000_000_000
    wall_ns: Callable[[], int] = time.time_ns

    @classmethod
    def parse(cls, spec: str) -> Self:
        """Read `<sim_epoch_seconds>@<wall_epoch_seconds>x<speed>`; empty text is the system clock. Raises ValueError."""
        if not spec.strip():
            return cls()
        found = _SPEC.fullmatch(spec.strip())
        if found is None or not (speed := _nano(found[3])):
            raise ValueError(
                f"{spec!r} is not a clock; write <simulated epoch s>@<wall epoch s>x<speed>, speed above 0"
            )
        return cls(_nano(found[1]), _nano(found[2]), speed)

    def now_ms(self) -> int:
        """The simulated instant, unix milliseconds."""
        passed_ns = (self.wall_ns() - self.wall0_ns) * self.speed_nano // 1_000_000_000
        return (self.sim0_ns + passed_ns) // 1_000_000


def _nano(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + (part + "0" * 9)[:9])
