# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A virtual meter: cumulative registers as a pure function of time, so that a killed simulator goes on as if nothing was.

The profile repeats in whole days and keeps its time of day: its local midnight is put on the UTC midnight of the day of
`epoch`. Within a step energy flows evenly. In a gap the registers stand still and the meter is silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from simulator.profile import DAY_S, Profile


@dataclass(frozen=True, slots=True)
class Registers:
    """What the registers hold, µWh; `silent` if the meter does not answer, `failing` if it says that its supply fails."""

    import_uwh: int
    export_uwh: int
    silent: bool = False
    failing: bool = False


class VirtualMeter:
    """Registers that hold the given values at `epoch` (unix seconds) and follow the profile from there."""

    def __init__(self, profile: Profile, epoch: int, import_uwh: int = 0, export_uwh: int = 0) -> None:
        length = len(profile.import_uwh) * profile.step
        self._period_ms = -(-length // DAY_S) * DAY_S * 1000
        self._step_ms = profile.step * 1000
        self._origin_ms = (epoch // DAY_S * DAY_S + profile.midnight_s) * 1000
        self._gaps = [value is None for value in profile.import_uwh]
        self._import = _Series(profile.import_uwh, self._step_ms, self._period_ms)
        self._export = _Series(profile.export_uwh, self._step_ms, self._period_ms)
        self._epoch_ms = epoch * 1000
        since = self._epoch_ms - self._origin_ms
        self._base = (import_uwh - self._import.total(since), export_uwh - self._export.total(since))

    def at(self, at_ms: int) -> Registers:
        """The registers at an instant, unix milliseconds; before `epoch` they hold their first values."""
        since = max(at_ms, self._epoch_ms) - self._origin_ms
        index = since % self._period_ms // self._step_ms
        return Registers(
            self._base[0] + self._import.total(since),
            self._base[1] + self._export.total(since),
            silent=index >= len(self._gaps) or self._gaps[index],
        )


class _Series:
    """The running sum of a repeated series."""

    def __init__(self, steps: Sequence[int | None], step_ms: int, period_ms: int) -> None:
        self._steps = [value or 0 for value in steps]
        self._sums = [0, *accumulate(self._steps)]
        self._step_ms = step_ms
        self._period_ms = period_ms

    def total(self, since_ms: int) -> int:
        """µWh from the series' first step to an offset (which may be negative), rounded down."""
        rounds, offset = divmod(since_ms, self._period_ms)
        index, within = divmod(offset, self._step_ms)
        if index >= len(self._steps):
            return (rounds + 1) * self._sums[-1]
        return rounds * self._sums[-1] + self._sums[index] + self._steps[index] * within // self._step_ms
