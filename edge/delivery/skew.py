# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How far the agent's clock is from the server's, from the instants that signed receipts carry."""

from dataclasses import dataclass
from datetime import datetime

from edge.clock import Clock

ALARM_S = 5.0  # beyond it interpolation at a boundary is off by more than a dense read's distance
USELESS_S = 60.0  # an answer that took longer tells nothing about clocks


@dataclass(frozen=True, slots=True)
class Measured:
    """Server minus agent, in seconds, and by how much that may be wrong to either side."""

    offset_s: float
    uncertainty_s: float

    @property
    def alarming(self) -> bool:
        """True if the clocks are certainly apart."""
        return abs(self.offset_s) - self.uncertainty_s > ALARM_S


class Skew:
    """Remembers when a delivery left; its receipt was signed between then and now, and names whole seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent_ms = 0
        self._hashes: frozenset[bytes] = frozenset()

    def sending(self, hashes: frozenset[bytes]) -> None:
        """A delivery of these intervals leaves now."""
        self._sent_ms, self._hashes = self._clock.now_ms(), hashes

    def heard(self, server_time: str, hashes: set[bytes]) -> Measured | None:
        """A receipt came. None if it is not for the delivery that left last, or came too late to tell anything."""
        if not hashes & self._hashes:
            return None
        now_ms = self._clock.now_ms()
        server_ms = int(datetime.fromisoformat(server_time).timestamp()) * 1000
        earliest, latest = server_ms - now_ms, server_ms + 1000 - self._sent_ms
        self._hashes = frozenset()
        measured = Measured(round((earliest + latest) / 2000, 2), round((latest - earliest) / 2000, 2))
        return measured if 0 <= measured.uncertainty_s <= USELESS_S else None
