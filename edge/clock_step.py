# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Notices that the system clock was set, by a clock that nobody can set.

The second clock goes on while the machine is suspended, so a lid that was closed is no step.
"""

import time
from collections.abc import Callable

from edge.clock import Clock

STEP_MIN_S = 1.0  # of wall time: a fast simulation makes minutes out of a moment in which the process did not run


def steady_ns() -> int:
    """Nanoseconds since the machine started, suspension included where the system counts it."""
    clock_id: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock_id)


class ClockStep:
    """Compares two clocks from one call to the next."""

    def __init__(self, clock: Clock, steady: Callable[[], int] = steady_ns) -> None:
        self._clock = clock
        self._steady = steady
        self._last = (clock.wall_ns(), steady())

    def since_last_ms(self) -> int:
        """By how many milliseconds of the agent's clock it was set since the last call; 0 for what may be chance."""
        wall_ns, steady_now_ns = self._clock.wall_ns(), self._steady()
        step_ns = (wall_ns - self._last[0]) - (steady_now_ns - self._last[1])
        self._last = (wall_ns, steady_now_ns)
        return 0 if abs(step_ns) < STEP_MIN_S * 1e9 else round(step_ns * self._clock.speed / 1e6)
