# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with meters, on schedule: simulated time decides, so every run is the same run.

| fault | what a reader sees |
|---|---|
| gap | no answer |
| spike | one read of the export counter is `wh` too high, the next is right again |
| frozen | the registers stand still and then jump to where they should be |
| rollover | the export counter passes its modulus at that instant (the server chooses the first value so) |
| reset | the registers begin anew near zero: a new meter |
| power_failure | the status bit of that name is set, where the map has one |
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from simulator.meter import Registers, VirtualMeter

RESET_TO_UWH = 1_000_000  # 1 Wh: a zero would say "not implemented" in some maps

Kind = Literal["gap", "spike", "frozen", "rollover", "reset", "power_failure"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault, `at_s` simulated seconds after the station's epoch; it comes again every `every_s` if that is given."""

    kind: Kind
    at_s: int
    duration_s: int = 900
    wh: int = 1_000_000
    every_s: int | None = None

    def __post_init__(self) -> None:
        if self.at_s < 0 or self.duration_s <= 0 or (self.every_s is not None and self.every_s <= self.duration_s):
            raise ValueError("at_s is not negative, duration_s is above 0, every_s is above duration_s")
        if self.every_s is not None and self.kind in ("rollover", "reset"):
            raise ValueError(f"{self.kind} happens once; leave every_s out")

    def begun(self, since_ms: int) -> int | None:
        """When the current occurrence began, ms after the epoch; None if there is none now."""
        start = self.at_s * 1000
        if since_ms < start:
            return None
        if self.every_s is not None:
            start += (since_ms - start) // (self.every_s * 1000) * self.every_s * 1000
        return start if since_ms < start + self.duration_s * 1000 else None


class FaultyMeter:
    """A virtual meter with faults. Remembers only which spikes it has shown."""

    def __init__(self, meter: VirtualMeter, epoch: int, faults: Sequence[Fault]) -> None:
        self._meter = meter
        self._epoch_ms = epoch * 1000
        self._faults = faults
        self._shown: set[tuple[int, int]] = set()

    def read(self, at_ms: int) -> Registers:
        """What one read at this instant is told."""
        since = at_ms - self._epoch_ms
        active = [(index, fault, fault.begun(since)) for index, fault in enumerate(self._faults)]
        seen_ms, spike_uwh, silent, failing = at_ms, 0, False, False
        for index, fault, begun in active:
            if begun is None:
                continue
            if fault.kind == "gap":
                silent = True
            elif fault.kind == "power_failure":
                failing = True
            elif fault.kind == "frozen":
                seen_ms = min(seen_ms, self._epoch_ms + begun)
            elif fault.kind == "spike" and (index, begun) not in self._shown:
                self._shown.add((index, begun))
                spike_uwh += fault.wh * 1_000_000
        true = self._meter.at(seen_ms)
        import_uwh, export_uwh = true.import_uwh, true.export_uwh
        resets = [fault.at_s * 1000 for fault in self._faults if fault.kind == "reset" and since >= fault.at_s * 1000]
        if resets:
            old = self._meter.at(self._epoch_ms + max(resets))
            import_uwh = max(0, import_uwh - old.import_uwh) + RESET_TO_UWH
            export_uwh = max(0, export_uwh - old.export_uwh) + RESET_TO_UWH
        return Registers(import_uwh, export_uwh + spike_uwh, silent or self._meter.at(at_ms).silent, failing)
