# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NEM12, the interval half of AEMO's Meter Data File Format (v1.06), read strictly.

Records 100 (header), 200 (channel), 300 (a day of values), 400 (quality of ranges of that day), 500 (B2B), 900 (end). Channels
E… are taken from the grid, B… sent to it; check meters, reactive energy, volts and all others are checked and left out. Times
are the market's: UTC+10, without daylight saving, so every day has the same number of values.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn

from energy.files.lines import records
from energy.files.model import (
    ABSENT,
    PLACES,
    VALUES_MAX,
    Channel,
    Direction,
    FileFault,
    MeterFile,
    Value,
    exact,
    not_exact,
)

MARKET_OFFSET_S = 10 * 3600
DAY_S = 86_400
LENGTHS = (5, 15, 30)
YEARS = (1990, 2100)

_DAY_MINUTES = 1440
_EPOCH = date(1970, 1, 1).toordinal()
_UNITS = {"wh": 10 ** (PLACES - 6), "kwh": 10 ** (PLACES - 9), "mwh": 10 ** (PLACES - 12)}
_DIRECTIONS: dict[str, Direction] = {"E": "import", "B": "export"}
_QUALITY = re.compile(r"A|N|V|[EFS]\d\d", re.ASCII)
_DATE = re.compile(r"\d{8}", re.ASCII)
_INTERVAL = re.compile(r"\d{1,4}", re.ASCII)
_SUFFIX = re.compile(r"[A-Z][0-9A-Z]", re.ASCII)
_CONFIGURATION = re.compile(r"([A-Z][0-9A-Z])+", re.ASCII)
_QUALITY_HELP = "A, N, or E, F, S with a method such as S14"


@dataclass(slots=True)
class _Stream:
    """What the last 200 record announced."""

    channel: Channel
    minutes: int
    configured: frozenset[str]


@dataclass(slots=True)
class _Day:
    """The last 300 record, until its 400 records are read."""

    line: int
    number: int
    values: list[int | None]
    flags: list[str]


@dataclass(slots=True)
class _Reader:
    name: str
    begun: bool = False
    channels: dict[tuple[str, str], Channel] = field(default_factory=dict)
    days: dict[tuple[str, str, int], int] = field(default_factory=dict)  # → line
    configured: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    stream: _Stream | None = None
    day: _Day | None = None
    ranged_to: int = 0  # how far 400 records have come in this day
    count: int = 0

    def fail(self, line: int, column: int, reason: str) -> NoReturn:
        """Refuse the file."""
        raise FileFault(self.name, line, column, reason)


def read_nem12(text: str, name: str) -> MeterFile:
    """What a NEM12 file says. Raises FileFault with the line of what is wrong."""
    reader = _Reader(name)
    ended = line = 0
    for line, fields in records(text, name, ","):
        if ended:
            reader.fail(line, 1, f"a record after the end (900) of line {ended}; one file is one delivery")
        kind = fields[0].strip()
        if not reader.begun and kind != "100":
            reader.fail(line, 1, "the first record must be 100,NEM12,…; the header is missing, fetch the file again")
        match kind:
            case "100":
                _header(reader, line, fields)
            case "200":
                _begin_stream(reader, line, fields)
            case "300":
                _begin_day(reader, line, fields)
            case "400":
                _range(reader, line, fields)
            case "500":
                if reader.day is None:
                    reader.fail(line, 1, "a 500 record without a 300 record before it")
            case "900":
                _close_day(reader)
                ended = line
            case _:
                reader.fail(line, 1, f"{kind[:20]!r} is not a record of NEM12 (100, 200, 300, 400, 500, 900)")
    if not ended:
        reader.fail(line, 0, "no end record (900); the file is cut off, fetch it again")
    if not reader.days:
        reader.fail(line, 0, "no day of values between header and end; ask the provider for the period that has some")
    _complete(reader)
    for channel in reader.channels.values():
        channel.values.sort(key=lambda value: value.start)
    return MeterFile(name, "NEM12", list(reader.channels.values()), MARKET_OFFSET_S)


def _header(reader: _Reader, line: int, fields: Sequence[str]) -> None:
    if reader.begun:
        reader.fail(line, 1, "a second header (100); one file is one delivery, cut it in two")
    version = fields[1].strip() if len(fields) > 1 else ""
    if version == "NEM13":
        reader.fail(
            line, 2, "NEM13 holds meter readings months apart, no intervals; ask the provider for interval data (NEM12)"
        )
    if version != "NEM12":
        reader.fail(line, 2, f"version {version[:20]!r}; only NEM12 holds intervals")
    reader.begun = True


def _begin_stream(reader: _Reader, line: int, fields: Sequence[str]) -> None:
    _close_day(reader)
    if len(fields) < 9:
        reader.fail(line, len(fields), f"a 200 record has 10 fields, this one {len(fields)}")
    point, configuration, suffix, unit, length = (fields[index].strip() for index in (1, 2, 4, 7, 8))
    suffix = suffix.upper()
    if not 1 <= len(point) <= 11 or not point.isascii() or not point.isalnum():
        reader.fail(line, 2, f"NMI {point[:20]!r} is not 1 to 11 letters and digits")
    if not _SUFFIX.fullmatch(suffix):
        reader.fail(line, 5, f"channel suffix {suffix[:20]!r} is not a letter and a digit, such as E1 or B1")
    direction = _DIRECTIONS.get(suffix[0], "other")
    divisor = _UNITS.get(unit.lower()) if direction != "other" else None
    if direction != "other" and divisor is None:
        # left out, an import in a unit that nobody knows would make its export the balance
        reader.fail(line, 8, f"unit {unit[:20]!r}; channels E… and B… are active energy in Wh, kWh or MWh")
    if not _INTERVAL.fullmatch(length) or int(length) not in _lengths(divisor is not None):
        reader.fail(line, 9, f"interval length {length[:20]!r}; NEM12 has {', '.join(map(str, LENGTHS))} minutes")
    channel = reader.channels.get((point, suffix))
    if channel is None:
        channel = reader.channels[point, suffix] = Channel(point, suffix, direction, unit, divisor)
    elif channel.divisor != divisor:
        reader.fail(line, 8, f"unit {unit[:20]!r}, but channel {suffix} had {channel.unit} above; cut the file in two")
    named = configuration.upper()
    suffixes = [named[at : at + 2] for at in range(0, len(named), 2)] if _CONFIGURATION.fullmatch(named) else []
    reader.stream = _Stream(channel, int(length), frozenset(suffixes))


def _lengths(energy: bool) -> Iterator[int]:
    # of what we don't read, such as volts, any regular length will do
    return iter(LENGTHS) if energy else (minutes for minutes in range(1, 61) if _DAY_MINUTES % minutes == 0)


def _begin_day(reader: _Reader, line: int, fields: Sequence[str]) -> None:
    _close_day(reader)
    stream = reader.stream
    if stream is None:
        reader.fail(line, 1, "a 300 record without a 200 record before it")
    count = _DAY_MINUTES // stream.minutes
    if not count + 3 <= len(fields) <= count + 7:
        reader.fail(
            line,
            len(fields),
            f"{len(fields)} fields; {count} values ({stream.minutes} min) need {count + 3} to {count + 7}",
        )
    number = _date(reader, line, fields[1].strip())
    channel = stream.channel
    before = reader.days.setdefault((channel.point, channel.name, number), line)
    if before != line:
        reader.fail(line, 2, f"{fields[1].strip()} of channel {channel.name} stood in line {before}; keep one of them")
    values: list[int | None] = []
    for column, cell in enumerate(fields[2 : count + 2], start=3):
        value = exact(cell) if cell.strip() else None
        if (value is None and cell.strip()) or (value is not None and value < 0):
            why = not_exact(cell) if value is None else ""
            reader.fail(line, column, f"{cell.strip()[:40]!r} {why or 'is not a number of zero or more'}")
        values.append(value)
    flag = fields[count + 2].strip()
    if not _QUALITY.fullmatch(flag):
        reader.fail(line, count + 3, f"quality {flag[:20]!r}; it is {_QUALITY_HELP}, or V before 400 records")
    reader.count += count
    if reader.count > VALUES_MAX:
        reader.fail(line, 0, f"more than {VALUES_MAX} values; cut the file into parts")
    reader.day = _Day(line, number, values, [flag] * count)
    reader.ranged_to = 0


def _date(reader: _Reader, line: int, text: str) -> int:
    """Days since 1970."""
    try:
        if _DATE.fullmatch(text) and YEARS[0] <= int(text[:4]) <= YEARS[1]:
            return date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal() - _EPOCH
    except ValueError:
        pass
    reader.fail(line, 2, f"{text[:20]!r} is not a date; NEM12 writes 20250131")


def _range(reader: _Reader, line: int, fields: Sequence[str]) -> None:
    day = reader.day
    if day is None:
        reader.fail(line, 1, "a 400 record without a 300 record before it")
    if len(fields) < 4:
        reader.fail(line, len(fields), f"a 400 record has 6 fields, this one {len(fields)}")
    for column in (2, 3):
        if not _INTERVAL.fullmatch(fields[column - 1].strip()):
            reader.fail(line, column, f"{fields[column - 1].strip()[:20]!r} is not the number of an interval")
    first, last = int(fields[1]), int(fields[2])
    if not reader.ranged_to < first <= last <= len(day.values):
        reader.fail(line, 2, f"intervals {first} to {last} do not go on after {reader.ranged_to} of {len(day.values)}")
    flag = fields[3].strip()
    if not _QUALITY.fullmatch(flag) or flag == "V":
        reader.fail(line, 4, f"quality {flag[:20]!r}; it is {_QUALITY_HELP}")
    day.flags[first - 1 : last] = [flag] * (last - first + 1)
    reader.ranged_to = last


def _close_day(reader: _Reader) -> None:
    """Take the day over: every interval needs a quality of its own, and a value unless that is N."""
    day, stream, reader.day = reader.day, reader.stream, None
    if day is None or stream is None:
        return
    if "V" in day.flags:
        missing = day.flags.index("V") + 1
        reader.fail(day.line, 0, f"quality is V, and no 400 record says what interval {missing} is")
    for index, (value, flag) in enumerate(zip(day.values, day.flags, strict=True)):
        if value is None and flag != "N":
            reader.fail(day.line, index + 3, f"no value, and quality {flag}; only N may be empty")
    seconds = stream.minutes * 60
    midnight = day.number * DAY_S - MARKET_OFFSET_S
    stream.channel.values += [
        Value(midnight + index * seconds, seconds, None if flag == "N" else value, flag, day.line)
        for index, (value, flag) in enumerate(zip(day.values, day.flags, strict=True))
    ]
    reader.configured.setdefault((stream.channel.point, day.number), set()).update(stream.configured)


def _complete(reader: _Reader) -> None:
    """A channel of active energy that the connection point has, and a day does not tell of, is absent there.

    Without it nobody knows the balance: a file with the export only would make energy of somebody's consumption.
    """
    present = [key for key, channel in reader.channels.items() if channel.counts]
    for (point, number), configured in sorted(reader.configured.items()):
        told = {suffix for other, suffix in present if other == point and (point, suffix, number) in reader.days}
        line = min((reader.days[point, suffix, number] for suffix in told), default=0)
        expected = {suffix for suffix in configured if suffix[0] in _DIRECTIONS} if told else set()
        for suffix in sorted(expected - told):
            channel = reader.channels.get((point, suffix))
            if channel is None:
                kwh = _UNITS["kwh"]
                channel = reader.channels[point, suffix] = Channel(point, suffix, _DIRECTIONS[suffix[0]], "kWh", kwh)
            if not channel.counts:
                continue
            midnight = number * DAY_S - MARKET_OFFSET_S
            channel.values += [Value(midnight + at, 900, None, ABSENT, line) for at in range(0, DAY_S, 900)]
