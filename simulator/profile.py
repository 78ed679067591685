# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A profile: what a station drew and delivered, step by step, in exact µWh."""

from collections.abc import Sequence
from dataclasses import dataclass

STEPS_MAX = 1_100_000  # two years of minutes
DAY_S = 86_400


class ProfileError(ValueError):
    """A file that cannot be understood: where, and what to do about it. `line` and `column` count from 1; 0 is unknown.

    `column` counts fields, as a spreadsheet does.
    """

    def __init__(self, file: str, line: int, column: int, message: str) -> None:
        where = f"{file}, line {line}, column {column}" if column else f"{file}, line {line}" if line else file
        super().__init__(f"{where}: {message}")
        self.file = file
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class Profile:
    """Energy per step, µWh; None where nothing is known (a gap). `start` is unix seconds, `midnight_s` its local time of day."""

    name: str
    start: int
    midnight_s: int
    step: int
    import_uwh: tuple[int | None, ...]
    export_uwh: tuple[int | None, ...]

    @property
    def gaps(self) -> int:
        """Steps without data."""
        return sum(value is None for value in self.import_uwh)

    @property
    def totals_uwh(self) -> tuple[int, int]:
        """Import and export over the whole profile, µWh."""
        return sum(value or 0 for value in self.import_uwh), sum(value or 0 for value in self.export_uwh)


def whole_steps(exact: Sequence[int | None], divisor: int) -> tuple[int | None, ...]:
    """Integers whose running sum is the running sum of `exact / divisor`, rounded down: no step's remainder is lost."""
    steps: list[int | None] = []
    total = taken = 0
    for value in exact:
        if value is None:
            steps.append(None)
            continue
        total += value
        steps.append(total // divisor - taken)
        taken = total // divisor
    return tuple(steps)
