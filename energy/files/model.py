# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a file of measurements says, before anybody decides what it is worth. Pure, exact integers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Literal

PLACES = 18  # numbers of a file are kept in units of 10^-18 of what stands there
VALUES_MAX = 2_200_000  # two years of minutes in two columns
ABSENT = "absent"  # the flag of a value that a channel should have, and the file does not hold

Direction = Literal["import", "export", "net", "other"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_DIGITS_MAX = 40
_WHOLE_MAX = 10 ** (PLACES + 13)
_CONTEXT = Context(prec=80)


class FileFault(ValueError):
    """A file that can't be taken: where, why, and what to do. `line` and `column` count from 1, 0 is unknown.

    `column` counts fields, as a spreadsheet does.
    """

    def __init__(self, file: str, line: int, column: int, reason: str) -> None:
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {f'field {column}: ' if column else ''}{reason}")
        self.file = file
        self.line = line
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Value:
    """What was measured from `start` (unix seconds) for `seconds`, in units of 10^-18 of the channel's; None if nothing was.

    `flag` is the file's own word for its quality, `line` where it stands.
    """

    start: int
    seconds: int
    exact: int | None
    flag: str
    line: int


@dataclass(slots=True)
class Channel:
    """One row of values of a connection point. `divisor` turns their unit into µWh; None: this is not active energy.

    `integrated`: the file has power, and its energy is power times time.
    """

    point: str
    name: str
    direction: Direction
    unit: str
    divisor: int | None
    integrated: bool = False
    values: list[Value] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether energy can be taken from it."""
        return self.divisor is not None and self.direction != "other"


@dataclass(frozen=True, slots=True)
class MeterFile:
    """A file as it was understood. A channel's values ascend in time and don't overlap. `offset_s`: how far its local time is
    ahead of UTC at the first value, seconds.
    """

    name: str
    format: Literal["NEM12", "CSV"]
    channels: Sequence[Channel]
    offset_s: int = 0

    @property
    def points(self) -> list[str]:
        """Connection points with active energy, in order; the CSV's only one is called by the empty text."""
        return sorted({channel.point for channel in self.channels if channel.counts})


def exact(text: str) -> int | None:
    """A decimal number in units of 10^-18, exactly; None if it is none, or has more places or 13 digits before the point."""
    text = text.strip()
    if len(text) > _DIGITS_MAX or not _NUMBER.fullmatch(text):
        return None
    scaled = Decimal(text).scaleb(PLACES, _CONTEXT)
    if scaled != scaled.to_integral_value() or abs(scaled) >= _WHOLE_MAX:
        return None
    return int(scaled)


def not_exact(text: str) -> str:
    """Why `exact` refuses a text, for people; empty where it is no number at all."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return ""
    return f"has more than {PLACES} decimal places or 13 digits before the point; is the unit right?"
