# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""CSV: a column `timestamp`, columns of energy or power, and if there is one, a column `quality`.

| column | meaning |
|---|---|
| `import_wh`, `import_kwh`, `export_wh`, `export_kwh` | energy through the boundary, each way, zero or more |
| `energy_wh`, `energy_kwh` | the balance: positive is delivered, negative is drawn |
| `power_w`, `power_kw` | mean power, the same sign: its energy is power times time, which is never called measured |

A row stands for the time that begins at its timestamp and lasts as long as the smallest distance of two rows. A timestamp
without an offset needs a time zone; where a local hour happens twice, the order of rows tells which one is meant.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy.files.lines import records
from energy.files.model import PLACES, VALUES_MAX, Channel, Direction, FileFault, MeterFile, Value, exact, not_exact

DAY_S = 86_400
YEARS = (1990, 2100)
MEASURED = "A"  # a row without a quality says that it was measured

_NO_DATA = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
_WH, _KWH = 10 ** (PLACES - 6), 10 ** (PLACES - 9)
# column → direction, unit, divisor into µWh, whether it is power
_COLUMNS: dict[str, tuple[Direction, str, int, bool]] = {
    "import_wh": ("import", "Wh", _WH, False),
    "import_kwh": ("import", "kWh", _KWH, False),
    "export_wh": ("export", "Wh", _WH, False),
    "export_kwh": ("export", "kWh", _KWH, False),
    "energy_wh": ("net", "Wh", _WH, False),
    "energy_kwh": ("net", "kWh", _KWH, False),
    "power_w": ("net", "W", _WH, True),
    "power_kw": ("net", "kW", _KWH, True),
}
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the columns stand, counted from 0; `quality` is -1 where there is none."""

    time: int
    quality: int
    values: Sequence[tuple[int, str]]
    width: int


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    at: int
    flag: str
    values: Sequence[int | None]


def read_table(text: str, name: str, timezone: str | None = None, step: int | None = None) -> MeterFile:
    """What a CSV says; `timezone` is an IANA name, `step` how long a row lasts, seconds, where rows don't show it.

    Raises FileFault with the line of what is wrong.
    """
    zone = _zone(timezone, name)
    if step is not None and not 1 <= step <= DAY_S:
        raise FileFault(name, 0, 0, f"a step of {step} s is not between 1 s and one day")
    first = text.lstrip().partition("\n")[0]
    lines = records(text, name, max(",;\t", key=first.count))
    line, names = next(lines, (1, []))
    header = _header(names, line, name)
    rows: list[_Row] = []
    offset_s = 0
    for line, fields in lines:
        if len(fields) < header.width:
            raise FileFault(name, line, len(fields), f"the row has {len(fields)} fields, the header {len(names)}")
        stamp = _timestamp(fields[header.time], name, line, header.time + 1)
        at = _instant(stamp, zone, rows[-1].at if rows else None, name, line, header.time + 1)
        if rows and at <= rows[-1].at:
            fault = "the same instant as" if at == rows[-1].at else "earlier than"
            raise FileFault(
                name,
                line,
                header.time + 1,
                f"{fault} the row before (line {rows[-1].line}); sort rows, keep one of each",
            )
        if not rows:
            local = datetime.fromtimestamp(at, zone or stamp.tzinfo)
            offset_s = int((local.utcoffset() or timedelta()).total_seconds())
        flag = fields[header.quality].strip() or MEASURED if header.quality >= 0 else MEASURED
        values = [_value(fields[column], column_name, name, line, column + 1) for column, column_name in header.values]
        rows.append(_Row(line, at, flag, values))
        if len(rows) * len(values) > VALUES_MAX:
            raise FileFault(name, line, 0, f"more than {VALUES_MAX} values; cut the file into parts")
    if not rows:
        raise FileFault(name, line, 0, "no rows after the header")
    return MeterFile(name, "CSV", _channels(header, rows, _step(rows, name, step)), offset_s)


def _channels(header: _Header, rows: Sequence[_Row], step: int) -> list[Channel]:
    channels = []
    for index, (_, column) in enumerate(header.values):
        direction, unit, divisor, power = _COLUMNS[column]
        channel = Channel("", column, direction, unit, divisor * _HOUR_S if power else divisor, power)
        factor = step if power else 1
        for row in rows:
            value = row.values[index]
            channel.values.append(Value(row.at, step, None if value is None else value * factor, row.flag, row.line))
        channels.append(channel)
    return channels


def _header(cells: Sequence[str], line: int, name: str) -> _Header:
    names = [cell.strip().lower() for cell in cells]
    for column in (*_COLUMNS, "timestamp", "quality"):
        if names.count(column) > 1:
            raise FileFault(name, line, names.index(column) + 1, f"two columns are called {column}; keep one")
    shown = ", ".join(names)[:200] or "nothing"
    if "timestamp" not in names:
        raise FileFault(name, line, 0, f"no column `timestamp` (found: {shown}); name the column of time so")
    values = [(names.index(column), column) for column in _COLUMNS if column in names]
    directions = [_COLUMNS[column][0] for _, column in values]
    if not values:
        raise FileFault(name, line, 0, f"no column of energy (found: {shown}); name it one of {', '.join(_COLUMNS)}")
    if len(set(directions)) < len(directions) or ("net" in directions and len(directions) > 1):
        told = ", ".join(column for _, column in values)
        raise FileFault(
            name, line, 0, f"{told} say the same thing twice; keep one balance, or one import and one export"
        )
    time, quality = names.index("timestamp"), names.index("quality") if "quality" in names else -1
    return _Header(time, quality, values, max(time, quality, *(index for index, _ in values)) + 1)


def _timestamp(text: str, name: str, line: int, column: int) -> datetime:
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        example = "2025-10-15T08:00:00+02:00"
        raise FileFault(name, line, column, f"{text.strip()[:40]!r} is not a timestamp; write {example}") from error
    if not YEARS[0] <= stamp.year <= YEARS[1] or stamp.microsecond:
        raise FileFault(name, line, column, f"{stamp.isoformat()} has a fraction, or a year outside {YEARS}")
    return stamp


def _instant(stamp: datetime, zone: ZoneInfo | None, before: int | None, name: str, line: int, column: int) -> int:
    """Unix seconds."""
    if stamp.tzinfo is not None:
        seconds = stamp.timestamp()
        if seconds != int(seconds):
            raise FileFault(name, line, column, "the offset has a fraction of a second")
        return int(seconds)
    if zone is None:
        hint = "write an offset (2025-10-15T08:00:00+02:00 or …Z), or give --timezone, such as Europe/Berlin"
        raise FileFault(name, line, column, f"no time zone; {hint}")
    first = int(stamp.replace(tzinfo=zone, fold=0).timestamp())
    second = int(stamp.replace(tzinfo=zone, fold=1).timestamp())
    if datetime.fromtimestamp(first, zone).replace(tzinfo=None) != stamp:
        fault = f"{stamp.isoformat()} does not exist in {zone.key}: clocks go forward there; is the zone right?"
        raise FileFault(name, line, column, fault)
    return second if before is not None and first <= before < second else first


def _value(text: str, column_name: str, name: str, line: int, column: int) -> int | None:
    if text.strip().lower() in _NO_DATA:
        return None
    value = exact(text)
    if value is None:
        hint = "use a point for decimals" if "," in text else "write a number such as 12.5, or leave the cell empty"
        why = not_exact(text) or f"is not a number; {hint}"
        raise FileFault(name, line, column, f"{text.strip()[:40]!r} {why}")
    if value < 0 and _COLUMNS[column_name][0] != "net":
        raise FileFault(name, line, column, f"{text.strip()[:40]} is negative; use energy_wh for a balance")
    return value


def _step(rows: Sequence[_Row], name: str, given: int | None) -> int:
    """What was given, or the smallest distance of two rows, seconds; every row stands a whole number of them after the first."""
    if len(rows) == 1 and given is None:
        raise FileFault(name, rows[0].line, 0, "one row only; two are needed to see how long each lasts")
    step = given or min(later.at - earlier.at for earlier, later in itertools.pairwise(rows))
    if step > DAY_S:
        raise FileFault(name, rows[1].line, 0, f"the rows are {step} s apart, more than a day")
    for row in rows:
        if (row.at - rows[0].at) % step:
            raise FileFault(
                name, row.line, 0, f"not a whole number of steps of {step} s after the first row; is one late?"
            )
    return step


def _zone(timezone: str | None, name: str) -> ZoneInfo | None:
    if timezone is None:
        return None
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FileFault(name, 0, 0, f"{timezone!r} is not a time zone; write one such as Europe/Berlin") from error
