# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A person's CSV: `timestamp` and `power_w` or `energy_wh`; positive is delivered, negative is drawn.

A row stands for the step that begins at its timestamp. Other columns may stand in between and are not read.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator.profile import DAY_S, PLACES, STEPS_MAX, Profile, ProfileError, number, whole_steps

YEARS = (1990, 2100)
NO_DATA = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
MICRO = 10 ** (PLACES - 6)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    at: int
    value: int | None


def read_csv(text: str, name: str, timezone: str | None = None, step: int | None = None) -> Profile:
    """A profile from CSV text.

    `timezone` (an IANA name) is for timestamps without offset, and is refused where they are needed and missing. `step` in
    seconds is found from the timestamps if it is not given. Raises ProfileError.
    """
    zone = _zone(timezone, name)
    if step is not None and not 1 <= step <= DAY_S:
        raise ProfileError(name, 0, 0, f"a step of {step} s is not between 1 s and one day")
    lines = _lines(text, name)
    header_line, header = next(lines, (1, []))
    time_column, value_column, is_power = _columns(header, header_line, name)
    rows: list[_Row] = []
    midnight_s = 0
    for line, fields in lines:
        if not any(field.strip() for field in fields):
            continue
        if len(fields) <= max(time_column, value_column):
            raise ProfileError(name, line, len(fields), f"the row has {len(fields)} fields, the header {len(header)}")
        stamp = _timestamp(fields[time_column], name, line, time_column + 1)
        at = _instant(stamp, zone, rows[-1].at if rows else None, name, line, time_column + 1)
        if not rows:
            local = stamp if stamp.tzinfo is None or zone is None else stamp.astimezone(zone)
            midnight_s = local.hour * 3600 + local.minute * 60 + local.second
        elif at <= rows[-1].at:
            fault = "the same instant as" if at == rows[-1].at else "earlier than"
            raise ProfileError(
                name, line, time_column + 1, f"{fault} the row before; sort the rows and remove duplicates"
            )
        rows.append(_Row(line, at, _value(fields[value_column], name, line, value_column + 1)))
        if len(rows) > STEPS_MAX:
            raise ProfileError(name, line, 0, f"more than {STEPS_MAX} rows; cut the file into parts")
    if not rows:
        raise ProfileError(name, header_line, 0, "no data after the header")
    step = step or _step(rows, name)
    return _profile(rows, step, midnight_s, is_power, name)


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ProfileError(name, reader.line_num, 0, f"not a CSV row: {error}") from error
        yield reader.line_num, fields


def _columns(header: list[str], line: int, name: str) -> tuple[int, int, bool]:
    names = [field.strip().lower() for field in header]
    found = {column: names.index(column) for column in ("timestamp", "power_w", "energy_wh") if column in names}
    for column in found:
        if names.count(column) > 1:
            raise ProfileError(name, line, names.index(column) + 1, f"two columns are called {column}; keep one")
    if "timestamp" not in found:
        shown = ", ".join(names)[:200] or "nothing"
        raise ProfileError(name, line, 0, f"no column `timestamp` (found: {shown}); name the column of time so")
    values = [column for column in ("power_w", "energy_wh") if column in found]
    if len(values) != 1:
        fault = "both power_w and energy_wh; keep one" if values else "no column `power_w` or `energy_wh`; name it so"
        raise ProfileError(name, line, 0, fault)
    return found["timestamp"], found[values[0]], values[0] == "power_w"


def _timestamp(text: str, name: str, line: int, column: int) -> datetime:
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        example = "2025-10-15T08:00:00+02:00"
        raise ProfileError(name, line, column, f"{text.strip()[:40]!r} is not a timestamp; write {example}") from error
    if not YEARS[0] <= stamp.year <= YEARS[1] or stamp.microsecond:
        raise ProfileError(name, line, column, f"{stamp.isoformat()} has a fraction or a year outside {YEARS}")
    return stamp


def _instant(stamp: datetime, zone: ZoneInfo | None, before: int | None, name: str, line: int, column: int) -> int:
    """Unix seconds. Where a local hour happens twice, the order of rows tells which one is meant."""
    if stamp.tzinfo is not None:
        return _unix(stamp, name, line, column)
    if zone is None:
        message = (
            "no time zone; add an offset (2025-10-15T08:00:00+02:00 or …Z) or give the zone, such as Europe/Berlin"
        )
        raise ProfileError(name, line, column, message)
    first = int(stamp.replace(tzinfo=zone, fold=0).timestamp())
    second = int(stamp.replace(tzinfo=zone, fold=1).timestamp())
    if datetime.fromtimestamp(first, zone).replace(tzinfo=None) != stamp:
        raise ProfileError(
            name, line, column, f"{stamp.isoformat()} does not exist in {zone.key}: clocks go forward there"
        )
    return second if before is not None and first <= before < second else first


def _unix(stamp: datetime, name: str, line: int, column: int) -> int:
    seconds = stamp.timestamp()
    if seconds != int(seconds):
        raise ProfileError(name, line, column, "the offset has a fraction of a second")
    return int(seconds)


def _value(text: str, name: str, line: int, column: int) -> int | None:
    if text.strip().lower() in NO_DATA:
        return None
    value = number(text)
    if value is None:
        hint = "use a point for decimals" if "," in text else "write a number such as -12.5, or leave the cell empty"
        raise ProfileError(name, line, column, f"{text.strip()[:40]!r} is not a number; {hint}")
    return value


def _step(rows: list[_Row], name: str) -> int:
    """The smallest distance between two rows; all others must be multiples of it."""
    if len(rows) == 1:
        raise ProfileError(name, rows[0].line, 0, "one row only; give the step in seconds")
    step = min(later.at - earlier.at for earlier, later in itertools.pairwise(rows))
    if step > DAY_S:
        raise ProfileError(name, rows[1].line, 0, f"the rows are {step} s apart, more than a day")
    return step


def _profile(rows: list[_Row], step: int, midnight_s: int, is_power: bool, name: str) -> Profile:
    start = rows[0].at
    count = (rows[-1].at - start) // step + 1
    if count > STEPS_MAX:
        raise ProfileError(
            name, rows[-1].line, 0, f"{count} steps of {step} s; at most {STEPS_MAX}, cut the file into parts"
        )
    exact: list[int | None] = [None] * count
    for row in rows:
        index, rest = divmod(row.at - start, step)
        if rest:
            at = datetime.fromtimestamp(row.at, UTC).isoformat()
            raise ProfileError(
                name, row.line, 0, f"{at} is not a whole number of steps of {step} s after the first row"
            )
        if row.value is not None:
            exact[index] = row.value * step if is_power else row.value
    if all(value is None for value in exact):
        raise ProfileError(name, rows[0].line, 0, "no row has a value")
    divisor = 3600 * MICRO if is_power else MICRO
    drawn = [None if value is None else max(0, -value) for value in exact]
    delivered = [None if value is None else max(0, value) for value in exact]
    return Profile(name, start, midnight_s, step, whole_steps(drawn, divisor), whole_steps(delivered, divisor))


def _zone(timezone: str | None, name: str) -> ZoneInfo | None:
    if timezone is None:
        return None
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ProfileError(name, 0, 0, f"{timezone!r} is not a time zone; write one such as Europe/Berlin") from error
