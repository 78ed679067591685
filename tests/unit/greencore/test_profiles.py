# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A person's file as what a simulated meter replays. How files are read is told in tests/unit/energy/test_files_*."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.files.source import read_bytes
from greencore.profiles import load, profile_of
from simulator.library import load as builtin
from simulator.profile import Profile, ProfileError

REAL = Path(__file__).parents[4] / "shared" / "data" / "nem12"
T0 = 1_760_486_400  # 2025-10-15T00:00:00Z


def profile(text: str, timezone: str | None = None, step: int | None = None, nmi: str | None = None) -> Profile:
    return profile_of(read_bytes(text.encode(), "mine.csv", timezone, step), nmi)


def day(date: str, value: str, quality: str = "A", count: int = 48) -> str:
    return ",".join(["300", date, *[value] * count, quality, "", "", "20250201000000", ""])


def nem12(*records: str) -> str:
    return "\n".join(["100,NEM12,202502010000,MDP,RET", *records, "900"]) + "\n"


def channel(suffix: str, minutes: int = 30, nmi: str = "NMI0000001") -> str:
    return f"200,{nmi},E1B1,{suffix},{suffix},{suffix},SERIAL,kWh,{minutes},"


def test_power_becomes_energy_and_its_sign_the_direction() -> None:
    found = profile("timestamp,power_w\n2025-10-15T00:00Z,1000\n2025-10-15T00:15Z,-4\n2025-10-15T00:30Z,0\n")
    assert (found.start, found.step, found.midnight_s) == (T0, 900, 0)
    assert found.export_uwh == (250_000_000, 0, 0)
    assert found.import_uwh == (0, 1_000_000, 0)


def test_the_time_of_day_is_the_files_own() -> None:
    rows = "2025-10-15 02:00:00+02:00,1.5\n2025-10-15 03:00:00+02:00,2.5\n"
    found = profile("timestamp,energy_wh\n" + rows)
    assert (found.start, found.step, found.midnight_s) == (T0, 3600, 2 * 3600)
    local = profile("timestamp,energy_wh\n2025-10-15T02:00,1\n2025-10-15T03:00,1\n", "Europe/Berlin")
    assert (local.start, local.midnight_s) == (T0, 2 * 3600)
    market = profile(nem12(channel("E1"), day("20250131", "1"), channel("B1"), day("20250131", "1")))
    assert (market.start, market.midnight_s) == (1_738_245_600, 0)


def test_gaps_are_missing_rows_empty_cells_and_channels_without_a_value() -> None:
    text = "timestamp,energy_wh\n"
    for minute, cell in ((0, "1"), (15, ""), (30, "NaN"), (60, "2"), (75, "3")):
        text += f"2025-10-15T{minute // 60:02}:{minute % 60:02}:00Z,{cell}\n"
    assert profile(text).export_uwh == (1_000_000, None, None, None, 2_000_000, 3_000_000)
    apart = profile(
        nem12(channel("E1"), day("20250131", "1"), day("20250202", "1"), channel("B1"), day("20250131", "1"))
    )
    assert [it is None for it in apart.export_uwh[::48]] == [False, True, False]
    null = nem12(
        channel("E1"), day("20250131", "1"), channel("B1"), day("20250131", "1", "V"), "400,1,2,N,,", "400,3,48,A,,"
    )
    assert profile(null).gaps == 2


def test_a_given_step_stands_for_one_that_cannot_be_seen() -> None:
    assert profile("timestamp,power_w\n2025-10-15T00:00:00Z,36\n", step=60).export_uwh == (600_000,)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("timestamp,power_w\n2025-10-15T00:00Z,\n2025-10-15T00:15Z,\n", 2, "no row has a value"),
        ("timestamp,power_w\n1999-10-15T00:00Z,1\n1999-10-15T00:00:01Z,1\n2099-01-01T00:00Z,1\n", 0, "at most"),
        (nem12(channel("Q1"), day("20250131", "1")), 0, "no channel of active energy"),
        (
            nem12(channel("E1"), day("20250131", "1"), channel("E1", 15), day("20250201", "1", count=96)),
            5,
            "cut the file",
        ),
        (nem12(channel("E1"), day("20250131", "1"), channel("E1", nmi="OTHER"), day("20250131", "1")), 0, "choose one"),
    ],
)
def test_what_cannot_be_replayed_is_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(ProfileError, match=says) as caught:
        load(str(path))
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_names_come_along_and_files_are_read(tmp_path: Path) -> None:
    assert load("pv") == builtin("pv")
    with pytest.raises(ProfileError, match=r"none\.csv: can't be read"):
        load(str(tmp_path / "none.csv"))


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real NEM12 files at {REAL}")
def test_the_household_that_comes_along_is_the_file_that_it_was_made_of() -> None:
    read, kept = load(str(REAL / "Example_NEM12_month_solar.csv")), builtin("household")
    assert (read.start, read.step, read.midnight_s) == (kept.start, kept.step, kept.midnight_s)
    assert (read.import_uwh, read.export_uwh) == (kept.import_uwh, kept.export_uwh)


@given(st.lists(st.integers(-(10**15), 10**15), min_size=2, max_size=50), st.sampled_from([60, 300, 900, 3600]))
def test_no_remainder_is_lost_between_steps(nanowatts: list[int], step: int) -> None:
    start = datetime.fromtimestamp(T0, UTC)
    rows = "".join(
        f"{(start + timedelta(seconds=step * at)).isoformat()},{'-' if it < 0 else ''}{abs(it) // 10**9}.{abs(it) % 10**9:09}\n"
        for at, it in enumerate(nanowatts)
    )
    found = profile("timestamp,power_w\n" + rows)
    for series, sign in ((found.export_uwh, 1), (found.import_uwh, -1)):
        whole = sum(max(0, sign * it) for it in nanowatts) * Fraction(step, 3600 * 1000)
        assert sum(it or 0 for it in series) == whole.numerator // whole.denominator
