# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The agent's clock: the system's, or one that runs faster, for demonstrations and tests.

Time is integer milliseconds since 1970 in UTC, so that a boundary at `900 · n` seconds is met exactly.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

_SPEC = re.compile(r"(\d{1,12}(?:\.\d+)?)@(\d{1,12}(?:\.\d+)?)x(\d{1,6}(?:\.\d+)?)", re.ASCII)


class ClockError(ValueError):
    """The text in GREENCORE_CLOCK is not a clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`simulated = sim0 + (wall - wall0) · speed`; the system clock is the one with speed 1 and no offset.

    Instants are integer nanoseconds and speed is counted in billionths, so two processes with the same text agree exactly.
    """

    sim0_ns: int = 0
    wall0_ns: int = 0
    speed_nano: int = 1_000_000_000
    wall_ns: Callable[[], int] = time.time_ns

    @classmethod
    def parse(cls, spec: str) -> Self:
        """Read `<sim_epoch_seconds>@<wall_epoch_seconds>x<speed>`; empty text is the system clock. Raises ClockError."""
        if not spec.strip():
            return cls()
        found = _SPEC.fullmatch(spec.strip())
        if found is None or not (speed := _nano(found[3])):
            raise ClockError(
                f"{spec!r} is not a clock; write <simulated epoch s>@<wall epoch s>x<speed>, speed above 0"
            )
        return cls(_nano(found[1]), _nano(found[2]), speed)

    @property
    def speed(self) -> float:
        """Simulated seconds per wall second."""
        return self.speed_nano / 1_000_000_000

    def now_ms(self) -> int:
        """The simulated instant, unix milliseconds."""
        passed_ns = (self.wall_ns() - self.wall0_ns) * self.speed_nano // 1_000_000_000
        return (self.sim0_ns + passed_ns) // 1_000_000

    def now(self) -> datetime:
        """The simulated instant, UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many simulated seconds."""
        await asyncio.sleep(max(0.0, seconds / self.speed))

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep until a simulated instant; returns at once if it has passed."""
        await self.sleep((at_ms - self.now_ms()) / 1000)


def _nano(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + (part + "0" * 9)[:9])
