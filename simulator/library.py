# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The series that come along, by name. Files are read by whoever starts the simulator: it gets profiles, not formats."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from simulator.profile import Profile, ProfileError, whole_steps

DATA = Path(__file__).parent / "data"
BUILTIN = ("pv", "household")

# a profile by what the configuration calls it: name or file, time zone, step in seconds, connection point
Loader = Callable[[str, str | None, int | None, str | None], Profile]


def load(source: str, timezone: str | None = None, step: int | None = None, nmi: str | None = None) -> Profile:
    """A series that comes along: `pv` or `household`; the other arguments are for files. Raises ProfileError for any other."""
    if source == "pv":
        return _pv(DATA / "pv-serf-east.csv")
    if source == "household":
        return _household(DATA / "household-month.csv")
    raise ProfileError(source, 0, 0, f"only {' and '.join(BUILTIN)} come along; `greencore simulator` reads files too")


def _pv(path: Path) -> Profile:
    """One line a day, 96 integers of W from local midnight (UTC−7); see data/README.md."""
    lines = path.read_text().splitlines()[1:]
    watts = [int(cell) for line in lines for cell in line.split(",")[1:]]
    return Profile(
        name="pv",
        start=_midnight(lines) + 7 * 3600,
        midnight_s=0,
        step=900,
        import_uwh=whole_steps([max(0, -value) * 900_000_000 for value in watts], 3600),
        export_uwh=whole_steps([max(0, value) * 900_000_000 for value in watts], 3600),
    )


def _household(path: Path) -> Profile:
    """Two lines a day, import and export, 288 integers of Wh from local midnight (UTC+10); see data/README.md."""
    lines = path.read_text().splitlines()[1:]
    return Profile(
        name="household",
        start=_midnight(lines) - 10 * 3600,
        midnight_s=0,
        step=300,
        import_uwh=tuple(_uwh(lines, "import")),
        export_uwh=tuple(_uwh(lines, "export")),
    )


def _midnight(lines: list[str]) -> int:
    return int(datetime.fromisoformat(lines[0].split(",")[0]).replace(tzinfo=UTC).timestamp())


def _uwh(lines: list[str], way: str) -> Iterable[int]:
    return (int(cell) * 1_000_000 for line in lines if line.split(",")[1] == way for cell in line.split(",")[2:])
