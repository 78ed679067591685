# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where a profile comes from: a built-in series by name, or a person's own file."""

import re
from datetime import UTC, datetime
from pathlib import Path

from simulator.nem12 import read_nem12
from simulator.profile import Profile, ProfileError, decode_text, read_text, whole_steps
from simulator.profile_csv import read_csv

DATA = Path(__file__).parent / "data"
BUILTIN = ("pv", "household")
_NEM12 = re.compile(r"\s*\"?[1-9]00\"?,")


def load(source: str, timezone: str | None = None, step: int | None = None, nmi: str | None = None) -> Profile:
    """A profile by built-in name (`pv`, `household`) or from a file of CSV or NEM12. Raises ProfileError."""
    if source == "pv":
        return _pv(DATA / "pv-serf-east.csv")
    path = DATA / "household-month.nem12.csv" if source == "household" else Path(source)
    return parse(read_text(path), str(path), timezone, step, nmi)


def parse_bytes(data: bytes, name: str) -> Profile:
    """A profile from a file's bytes, as `load` reads it. Raises ProfileError."""
    return parse(decode_text(data, name), name)


def parse(
    text: str, name: str, timezone: str | None = None, step: int | None = None, nmi: str | None = None
) -> Profile:
    """A profile from text: NEM12 if its first record has such a number, else CSV. Raises ProfileError."""
    if not text.strip():
        raise ProfileError(name, 0, 0, "the file is empty")
    if _NEM12.match(text):
        return read_nem12(text, name, nmi)
    return read_csv(text, name, timezone, step)


def _pv(path: Path) -> Profile:
    """The compact series: one line a day, 96 integers of W from local midnight (UTC−7); see data/README.md."""
    lines = read_text(path).splitlines()[1:]
    watts = [int(cell) for line in lines for cell in line.split(",")[1:]]
    first = datetime.fromisoformat(lines[0].split(",")[0]).replace(tzinfo=UTC)
    return Profile(
        name="pv",
        start=int(first.timestamp()) + 7 * 3600,
        midnight_s=0,
        step=900,
        import_uwh=whole_steps([max(0, -value) * 900_000_000 for value in watts], 3600),
        export_uwh=whole_steps([max(0, value) * 900_000_000 for value in watts], 3600),
    )
