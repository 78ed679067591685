# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A person's file as a profile that the simulator can replay: read by the same reader as an import."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from energy.files.model import ABSENT, Channel, FileFault, MeterFile
from energy.files.slots import kept_as
from energy.files.source import read_path
from simulator import library
from simulator.profile import DAY_S, STEPS_MAX, Profile, ProfileError, whole_steps


def load(source: str, timezone: str | None = None, step: int | None = None, nmi: str | None = None) -> Profile:
    """A profile by built-in name, or from a file of NEM12 or CSV; `nmi` chooses where a file has several. Raises ProfileError."""
    if source in library.BUILTIN:
        return library.load(source)
    try:
        return profile_of(read_path(Path(source), timezone, step), nmi)
    except FileFault as fault:
        raise ProfileError(source, fault.line, fault.column, fault.reason) from fault


def profile_of(file: MeterFile, nmi: str | None = None) -> Profile:
    """Import and export of a connection point, step by step. Raises FileFault.

    A step of which a channel says that it has no value is a gap. A channel that is not told of at all is taken for none: an import
    must not think so, a replay may.
    """
    channels = _chosen(file, nmi)
    values = [value for channel in channels for value in channel.values if value.flag != ABSENT]
    step = values[0].seconds
    for value in values:
        if value.seconds != step:
            raise FileFault(
                file.name, value.line, 0, f"{value.seconds} s a value here, {step} s before; cut the file into parts"
            )
    start = min(value.start for value in values)
    count = (max(value.start for value in values) - start) // step + 1
    if count > STEPS_MAX:
        raise FileFault(file.name, 0, 0, f"{count} steps of {step} s; at most {STEPS_MAX}, cut the file into parts")
    rows = [_row(channel, start, step) for channel in channels]
    known = [
        any(index in row for row in rows) and all(row.get(index, 0) is not None for row in rows)
        for index in range(count)
    ]
    if not any(known):
        raise FileFault(file.name, values[0].line, 0, "no row has a value")
    drawn: list[int | None] = [0 if it else None for it in known]
    given = list(drawn)
    for channel, row in zip(channels, rows, strict=True):
        for total, sign in ((drawn, -1), (given, 1)):
            for index, part in enumerate(_part(channel, row, known, sign)):
                total[index] = None if part is None else (total[index] or 0) + part
    return Profile(file.name, start, (start + file.offset_s) % DAY_S, step, tuple(drawn), tuple(given))


def _chosen(file: MeterFile, nmi: str | None) -> list[Channel]:
    points = file.points
    if not points:
        raise FileFault(file.name, 0, 0, "no channel of active energy (E… or B… in Wh, kWh or MWh)")
    if nmi is None and len(points) > 1:
        raise FileFault(file.name, 0, 0, f"several connection points ({', '.join(points[:10])}); choose one")
    if nmi is not None and nmi not in points:
        raise FileFault(file.name, 0, 0, f"no connection point {nmi!r}; there is {', '.join(points[:10])}")
    point = points[0] if nmi is None else nmi
    return [channel for channel in file.channels if channel.counts and channel.point == point]


def _row(channel: Channel, start: int, step: int) -> dict[int, int | None]:
    return {
        (value.start - start) // step: None if kept_as(value.flag) == "missing" else value.exact
        for value in channel.values
        if value.flag != ABSENT
    }


def _part(channel: Channel, row: Mapping[int, int | None], known: Sequence[bool], sign: int) -> tuple[int | None, ...]:
    """What a channel adds to what is drawn (-1) or delivered (+1), µWh."""
    signed = {"import": -1, "export": 1}.get(channel.direction, 0)
    masked: list[int | None] = []
    for index, is_known in enumerate(known):
        value = row.get(index) or 0
        if not is_known:
            masked.append(None)
        elif signed:
            masked.append(value if signed == sign else 0)
        else:
            masked.append(max(0, value * sign))
    return whole_steps(masked, channel.divisor or 1)
