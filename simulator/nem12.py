# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NEM12 interval files (AEMO Meter Data File Format): a strict reader of our own.

Records 100 (header), 200 (channel), 300 (a day of values), 400 (quality of ranges), 500 (B2B), 900 (end). Channels E…
(taken from the grid) are import, B… (sent to it) are export; reactive and other channels are checked and left out. Times
are the market's: UTC+10, no daylight saving.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NoReturn

from simulator.profile import PLACES, STEPS_MAX, Profile, ProfileError, number, whole_steps

MARKET_TIME = timezone(timedelta(hours=10))
MINUTES_A_DAY = 1440
LENGTHS = (5, 15, 30)
# places to divide by, so that a number in units of 10^-18 becomes µWh
_DIVISOR = {"wh": 10 ** (PLACES - 6), "kwh": 10 ** (PLACES - 9), "mwh": 10 ** (PLACES - 12)}
_QUALITY = re.compile(r"A|N|V|[EFS]\d\d", re.ASCII)
_WORST = "NESFA"  # a step of several channels carries the worst flag
_DATE = re.compile(r"\d{8}", re.ASCII)
_SUFFIX = re.compile(r"[A-Z][0-9A-Z]", re.ASCII)


@dataclass(slots=True)
class _Day:
    line: int
    values: list[int]
    quality: list[str]


@dataclass(slots=True)
class _Channel:
    nmi: str
    suffix: str
    divisor: int | None  # None: not active energy
    minutes: int
    line: int
    days: dict[date, _Day] = field(default_factory=dict)


@dataclass(slots=True)
class _Parse:
    """Where the reader stands: the channel of the last 200 record, the day of the last 300 record."""

    name: str
    begun: bool = False
    channels: dict[tuple[str, str], _Channel] = field(default_factory=dict)
    channel: _Channel | None = None
    day: _Day | None = None
    ranged_to: int = 0  # how far 400 records have come in this day

    def fail(self, line: int, column: int, message: str) -> NoReturn:
        """Refuse the file."""
        raise ProfileError(self.name, line, column, message)


def read_nem12(text: str, name: str, nmi: str | None = None) -> Profile:
    """A profile from NEM12 text; `nmi` chooses a connection point where the file holds several. Raises ProfileError."""
    parse = _Parse(name)
    ended = line = 0
    for line, fields in _records(text, name):
        if ended:
            parse.fail(line, 1, f"a record after the end (900) of line {ended}; one file is one delivery")
        kind = fields[0].strip()
        if not parse.begun and kind != "100":
            parse.fail(line, 1, "the first record must be 100,NEM12,…")
        match kind:
            case "100":
                _header(parse, line, fields)
            case "200":
                _begin_channel(parse, line, fields)
            case "300":
                _day(parse, line, fields)
            case "400":
                _range(parse, line, fields)
            case "500":
                if parse.day is None:
                    parse.fail(line, 1, "a 500 record without a 300 record before it")
            case "900":
                _close_day(parse, line)
                ended = line
            case _:
                parse.fail(line, 1, f"{kind[:20]!r} is not a record of NEM12 (100, 200, 300, 400, 500, 900)")
    if not ended:
        parse.fail(line, 0, "no end record (900); the file is cut off, fetch it again")
    return _profile(parse, nmi)


def _records(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ProfileError(name, reader.line_num, 0, f"not a CSV row: {error}") from error
        if any(cell.strip() for cell in fields):
            yield reader.line_num, fields


def _header(parse: _Parse, line: int, fields: list[str]) -> None:
    if parse.begun:
        parse.fail(line, 1, "a second header (100); one file is one delivery")
    version = fields[1].strip() if len(fields) > 1 else ""
    if version != "NEM12":
        parse.fail(line, 2, f"version {version[:20]!r}; only NEM12 holds intervals")
    parse.begun = True


def _begin_channel(parse: _Parse, line: int, fields: list[str]) -> None:
    _close_day(parse, line)
    if len(fields) < 9:
        parse.fail(line, len(fields), f"a 200 record has 10 fields, this one {len(fields)}")
    nmi, suffix, unit, length = (fields[index].strip() for index in (1, 4, 7, 8))
    if not 1 <= len(nmi) <= 11:
        parse.fail(line, 2, f"NMI {nmi[:20]!r} is not 1 to 11 characters")
    if not _SUFFIX.fullmatch(suffix.upper()):
        parse.fail(line, 5, f"channel suffix {suffix[:20]!r} is not a letter and a digit, such as E1 or B1")
    if length not in map(str, LENGTHS):
        parse.fail(line, 9, f"interval length {length[:20]!r}; NEM12 has {LENGTHS} minutes")
    active = suffix[0].upper() in "EB"
    divisor = _DIVISOR.get(unit.lower()) if active else None
    if active and divisor is None:
        parse.fail(line, 8, f"unit {unit[:20]!r} of an energy channel; one of Wh, kWh, MWh")
    key = (nmi, suffix.upper())
    channel = parse.channels.get(key)
    if channel is None:
        channel = parse.channels[key] = _Channel(nmi, suffix.upper(), divisor, int(length), line)
    elif (channel.divisor, channel.minutes) != (divisor, int(length)):
        parse.fail(line, 8, f"channel {suffix} has another unit or length than in line {channel.line}")
    parse.channel = channel


def _day(parse: _Parse, line: int, fields: list[str]) -> None:
    _close_day(parse, line)
    channel = parse.channel
    if channel is None:
        parse.fail(line, 1, "a 300 record without a 200 record before it")
    count = MINUTES_A_DAY // channel.minutes
    if not count + 3 <= len(fields) <= count + 7:
        parse.fail(line, len(fields), f"{len(fields)} fields; {count} values need {count + 3} to {count + 7}")
    day = _date(parse, line, fields[1].strip())
    if day in channel.days:
        parse.fail(line, 2, f"{day} of channel {channel.suffix} stood in line {channel.days[day].line}; keep one")
    values = []
    for column, cell in enumerate(fields[2 : count + 2], start=3):
        value = number(cell)
        if value is None or value < 0:
            parse.fail(
                line, column, f"{cell.strip()[:40]!r} is not a number of zero or more; {count} of them make a day"
            )
        values.append(value)
    quality = fields[count + 2].strip()
    if not _QUALITY.fullmatch(quality):
        parse.fail(line, count + 3, f"quality {quality[:20]!r}; A, N, V, or E, F, S with a method such as S14")
    parse.day = channel.days[day] = _Day(line, values, [quality] * count)
    parse.ranged_to = 0


def _date(parse: _Parse, line: int, text: str) -> date:
    try:
        if _DATE.fullmatch(text) and 1990 <= int(text[:4]) <= 2100:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        pass
    parse.fail(line, 2, f"{text[:20]!r} is not a date; NEM12 writes 20250131")


def _range(parse: _Parse, line: int, fields: list[str]) -> None:
    day = parse.day
    if day is None:
        parse.fail(line, 1, "a 400 record without a 300 record before it")
    if len(fields) < 4:
        parse.fail(line, len(fields), f"a 400 record has 6 fields, this one {len(fields)}")
    for column in (2, 3):
        if not re.fullmatch(r"\d{1,3}", fields[column - 1].strip(), re.ASCII):
            parse.fail(line, column, f"{fields[column - 1].strip()[:20]!r} is not the number of an interval")
    first, last = int(fields[1]), int(fields[2])
    if not parse.ranged_to < first <= last <= len(day.values):
        parse.fail(line, 2, f"intervals {first} to {last} do not go on after {parse.ranged_to} of {len(day.values)}")
    quality = fields[3].strip()
    if not _QUALITY.fullmatch(quality) or quality == "V":
        parse.fail(line, 4, f"quality {quality[:20]!r}; A, N, or E, F, S with a method such as S14")
    day.quality[first - 1 : last] = [quality] * (last - first + 1)
    parse.ranged_to = last


def _close_day(parse: _Parse, line: int) -> None:
    """A day whose quality varies (V) needs 400 records for every interval."""
    day, parse.day = parse.day, None
    if day is not None and "V" in day.quality:
        missing = day.quality.index("V") + 1
        parse.fail(line, 0, f"quality V in line {day.line}, and no 400 record says what interval {missing} is")


def _profile(parse: _Parse, nmi: str | None) -> Profile:
    energy = [channel for channel in parse.channels.values() if channel.divisor is not None and channel.days]
    nmis = sorted({channel.nmi for channel in energy})
    if not nmis:
        parse.fail(0, 0, "no channel of active energy (E… or B… in Wh, kWh or MWh)")
    if nmi is None and len(nmis) > 1:
        parse.fail(0, 0, f"several connection points ({', '.join(nmis[:10])}); choose one")
    chosen = [channel for channel in energy if channel.nmi == (nmi or nmis[0])]
    if not chosen:
        parse.fail(0, 0, f"no connection point {nmi!r}; there is {', '.join(nmis[:10])}")
    minutes = chosen[0].minutes
    for channel in chosen:
        if channel.minutes != minutes:
            parse.fail(channel.line, 9, f"{channel.minutes} minutes here, {minutes} in line {chosen[0].line}")
    first = min(min(channel.days) for channel in chosen)
    last = max(max(channel.days) for channel in chosen)
    per_day = MINUTES_A_DAY // minutes
    if ((last - first).days + 1) * per_day > STEPS_MAX:
        parse.fail(0, 0, f"{first} to {last} is more than {STEPS_MAX} intervals; cut the file into parts")
    days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
    quality = _quality(chosen, days, per_day)
    return Profile(
        name=parse.name,
        start=int(datetime(first.year, first.month, first.day, tzinfo=MARKET_TIME).astimezone(UTC).timestamp()),
        midnight_s=0,
        step=minutes * 60,
        import_uwh=_energy([channel for channel in chosen if channel.suffix[0] == "E"], days, quality),
        export_uwh=_energy([channel for channel in chosen if channel.suffix[0] == "B"], days, quality),
        quality=quality,
    )


def _quality(channels: list[_Channel], days: list[date], per_day: int) -> tuple[str, ...]:
    """The worst flag of every step; N where a channel has no value, for then the balance is not known."""
    flags: list[str] = []
    for day in days:
        rows = [channel.days.get(day) for channel in channels]
        for index in range(per_day):
            found = ["N" if row is None else row.quality[index] for row in rows]
            flags.append(min(found, key=lambda flag: (_WORST.index(flag[0]), flag)))
    return tuple(flags)


def _energy(channels: list[_Channel], days: list[date], quality: tuple[str, ...]) -> tuple[int | None, ...]:
    """The sum of channels in µWh, one entry per flag, None where the flag is N."""
    total: list[int | None] = [None if flag == "N" else 0 for flag in quality]
    for channel in channels:
        per_day = MINUTES_A_DAY // channel.minutes
        exact: list[int | None] = []
        for day in days:
            row = channel.days.get(day)
            exact += [None] * per_day if row is None else row.values
        known = [None if flag == "N" else value for flag, value in zip(quality, exact, strict=True)]
        for index, value in enumerate(whole_steps(known, channel.divisor or 1)):
            if value is not None:
                total[index] = (total[index] or 0) + value
    return tuple(total)
