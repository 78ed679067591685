# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Two ways to the server: the second one takes over when the first has brought no receipt for long."""

import asyncio
import time
from collections.abc import Callable

import structlog

from edge.delivery.sender import NotDelivered, Transport

log = structlog.get_logger("edge.fallback")


class FallbackTransport:
    """Sends by `first`; by `second` after `after_s` seconds of wall time without a receipt, and tries `first` again as often."""

    def __init__(
        self, first: Transport, second: Transport, after_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._second = second
        self._after_s = after_s
        self._monotonic = monotonic
        self._silent_since: float | None = None
        self._first_again_at = 0.0

    async def run(self) -> None:
        """Hold both connections."""
        await asyncio.gather(self._first.run(), self._second.run())

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        """Send by the one whose turn it is. Raises NotDelivered, Refused."""
        now = self._monotonic()
        silent = self._silent_since is not None and now - self._silent_since >= self._after_s
        if not silent or now >= self._first_again_at:
            try:
                await self._first.send(payload, hashes)
            except NotDelivered as error:
                if self._silent_since is None:
                    self._silent_since = now
                if self._monotonic() - self._silent_since < self._after_s:
                    raise
                self._first_again_at = now + self._after_s
                log.warning("by_the_second_way", error=str(error), silent_s=round(now - self._silent_since))
            else:
                self._silent_since = None
                return
        await self._second.send(payload, hashes)
