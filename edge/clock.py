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

_SPEC = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)@(\d{1,12}(?:\.\d{1,3})?)x(\d{1,6}(?:\.\d{1,3})?)")


class ClockError(ValueError):
    """The text in GREENCORE_CLOCK is not a clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`simulated = sim0 + (wall - wall0) · speed`; the system clock is the one with speed 1 and no offset.

    Milliseconds are integers and speed is counted in thousandths, so two processes with the same text agree exactly.
    """

    sim0_ms: int = 0
    wall0_ms: int = 0
    speed_milli: int = 1000
    wall_ns: Callable[[], int] = time.time_ns

    @classmethod
    def parse(cls, spec: str) -> Self:
        """Read `<sim_epoch_seconds>@<wall_epoch_seconds>x<speed>`; empty text is the system clock. Raises ClockError."""
        if not spec.strip():
            return cls()
        found = _SPEC.fullmatch(spec.strip())
        if found is None or not (speed := _milli(found[3])):
            raise ClockError(
                f"{spec!r} is not a clock; write <simulated epoch s>@<wall epoch s>x<speed>, speed above 0"
            )
        return cls(_milli(found[1]), _milli(found[2]), speed)

    @property
    def speed(self) -> float:
        """Simulated seconds per wall second."""
        return self.speed_milli / 1000

    def now_ms(self) -> int:
        """The simulated instant, unix milliseconds."""
        return self.sim0_ms + (self.wall_ns() - self.wall0_ms * 1_000_000) * self.speed_milli // 1_000_000_000

    def now(self) -> datetime:
        """The simulated instant, UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many simulated seconds."""
        await asyncio.sleep(max(0.0, seconds / self.speed))

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep until a simulated instant; returns at once if it has passed."""
        await self.sleep((at_ms - self.now_ms()) / 1000)


def _milli(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 1000 + int((part + "000")[:3])
