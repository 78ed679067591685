# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One clock for a deployment: the system's, or an accelerated one that every process computes alike.

`GREENCORE_CLOCK` is empty for the system clock, or `<simulated unix seconds>@<wall unix seconds>x<speed>`: at that wall
instant the simulated clock showed the first number, and it has run at `speed` since.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

_FORM = re.compile(r"(\d+(?:\.\d+)?)@(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)")


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """`speed` simulated seconds pass in one of the wall's. `origin` and `wall_origin` are unix seconds."""

    origin: float
    wall_origin: float
    speed: float

    def now(self) -> datetime:
        """The present simulated instant, UTC."""
        return datetime.fromtimestamp(self.origin + (time.time() - self.wall_origin) * self.speed, UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many simulated seconds."""
        await asyncio.sleep(seconds / self.speed)

    def __str__(self) -> str:
        return f"{self.origin!r}@{self.wall_origin!r}x{self.speed!r}"


@dataclass(slots=True)
class FixedClock:
    """A clock that a test moves."""

    at: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Move on at once by so many seconds."""
        self.at = datetime.fromtimestamp(self.at.timestamp() + seconds, UTC)
        await asyncio.sleep(0)


def clock_from(text: str) -> Clock:
    """The clock that a setting names. Raises ValueError for text of another form or a speed of zero."""
    if not text:
        return SystemClock()
    match = _FORM.fullmatch(text)
    if match is None or float(match[3]) == 0:
        raise ValueError(f"{text!r} is no clock; leave it empty, or write <simulated>@<wall>x<speed> in unix seconds")
    return AcceleratedClock(float(match[1]), float(match[2]), float(match[3]))
