# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A token bucket per caller: a steady rate, a burst, and no more memory than a bound."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

from api.problems import too_many

CALLERS_MAX = 100_000


class RateLimit:
    """`rate` tokens a second up to `burst`. The least recent caller is forgotten when there are too many, which fills its bucket.

    `time` gives seconds of a steady wall clock: a limit protects the machine, so simulated time does not count.
    """

    def __init__(self, *, rate: float, burst: int, time: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self.time = time
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, caller: Hashable, count: int) -> None:
        """Take `count` tokens, or raise TooMany with the seconds to wait."""
        now = self.time()
        level, at = self._buckets.pop(caller, (float(self.burst), now))
        level = min(self.burst, level + (now - at) * self.rate)
        enough = level >= count
        self._buckets[caller] = (level - count if enough else level, now)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
        if not enough:
            wait = math.ceil((count - level) / self.rate)
            raise too_many(
                f"more than {self.rate:g} a second with a burst of {self.burst}; wait {wait} s", retry_after=wait
            )
