# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How long a meter says that its supply failed, by quarter hour: what QA looks at as `devices.powerFail`, seconds.

A meter's status bit `power_failure` holds between two reads that say so, a minute at most: what happened in a longer
silence nobody knows. Nothing of it is kept over a restart. Pure.
"""

from dataclasses import dataclass, field

FAILURE_BIT = "power_failure"  # the name that a register map gives the bit
DEVICE = "powerFail"
SPAN_MAX_MS = 60_000
SEEN_MS = 1_000  # a failure seen once, with nothing to measure it by
SLOT_MS = 900_000
SLOTS_KEPT = 4  # an interval is built within two slots of its end


@dataclass(slots=True)
class Outage:
    """What the reads of one meter said so far."""

    failing: bool = False
    last_ms: int | None = None
    spans_ms: dict[int, int] = field(default_factory=dict)

    def take(self, at_ms: int, failing: bool | None) -> None:
        """One more read; None where the meter has no such bit or says nothing."""
        if failing or (self.failing and failing is not None):
            before = at_ms - SEEN_MS if self.last_ms is None else max(self.last_ms, at_ms - SPAN_MAX_MS)
            self._add(before, at_ms)
        self.failing, self.last_ms = bool(failing), at_ms

    def devices(self, slot: int) -> dict[str, int]:
        """The slot's seconds without power in millionths, as a device's counter; empty if there were none."""
        found = self.spans_ms.get(slot, 0)
        return {DEVICE: found * 1_000} if found else {}

    def _add(self, since_ms: int, until_ms: int) -> None:
        while since_ms < until_ms:
            slot = since_ms // SLOT_MS
            end_ms = min(until_ms, (slot + 1) * SLOT_MS)
            self.spans_ms[slot] = self.spans_ms.get(slot, 0) + end_ms - since_ms
            since_ms = end_ms
        newest = max(self.spans_ms, default=0)
        self.spans_ms = {slot: span for slot, span in self.spans_ms.items() if slot > newest - SLOTS_KEPT}
