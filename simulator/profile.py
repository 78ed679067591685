# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A profile: what a station drew and delivered, step by step, in exact µWh. From a person's own file or a built-in one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STEPS_MAX = 1_100_000  # two years of minutes
FILE_BYTES_MAX = 128 * 1024 * 1024
DAY_S = 86_400
PLACES = 18  # decimal places that a number in a file may have

_NUMBER = re.compile(r"([+-]?)(\d{0,13})(?:\.(\d{0,20}))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)


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
    quality: tuple[str, ...] = ()

    @property
    def gaps(self) -> int:
        """Steps without data."""
        return sum(value is None for value in self.import_uwh)

    @property
    def totals_uwh(self) -> tuple[int, int]:
        """Import and export over the whole profile, µWh."""
        return sum(value or 0 for value in self.import_uwh), sum(value or 0 for value in self.export_uwh)


def number(text: str) -> int | None:
    """A decimal number in units of 10^-18, exactly; None if it is not one, or has more places or 13 digits before them."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None or not (found[2] or found[3]):
        return None
    sign, whole, part, power = found[1], found[2] or "", found[3] or "", int(found[4] or 0)
    shift = PLACES - len(part) + power
    digits = int(whole + part)
    if shift < 0:
        digits, rest = divmod(digits, int(10**-shift))
        if rest:
            return None
    else:
        digits *= int(10**shift)
    if digits >= 10 ** (PLACES + 13):
        return None
    return -digits if sign == "-" else digits


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


def read_text(path: Path) -> str:
    """A file's text. Raises ProfileError if it cannot be read, is too large, or is not UTF-8."""
    try:
        data = path.read_bytes() if path.stat().st_size <= FILE_BYTES_MAX else None
    except OSError as error:
        raise ProfileError(str(path), 0, 0, f"cannot be read: {error.strerror or error}") from error
    if data is None:
        raise ProfileError(str(path), 0, 0, f"larger than {FILE_BYTES_MAX // 2**20} MiB; cut it into parts")
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    """Bytes as text. Raises ProfileError with the line where UTF-8 ends."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ProfileError(name, line, 0, "not UTF-8 text; save the file as CSV with encoding UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ProfileError(name, line, 0, "holds a zero byte; this is not a text file, export it as CSV")
    return text
