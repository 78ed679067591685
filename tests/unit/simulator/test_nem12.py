# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NEM12: our strict reader, against samples of our own and against another reader on real files."""

import collections
import pathlib
import warnings

import pytest

from simulator.library import load, parse
from simulator.nem12 import read_nem12
from simulator.profile import ProfileError

REAL = pathlib.Path(__file__).parents[4] / "shared" / "data" / "nem12"


def day(date: str, value: str, quality: str = "A", count: int = 48) -> str:
    return ",".join(["300", date, *[value] * count, quality, "", "", "20250201000000", ""])


def file(*records: str) -> str:
    return "\n".join(["100,NEM12,202502010000,MDP,RET", *records, "900"]) + "\n"


def channel(suffix: str, unit: str = "kWh", minutes: int = 30, nmi: str = "NMI0000001") -> str:
    return f"200,{nmi},E1B1,{suffix},{suffix},{suffix},SERIAL,{unit},{minutes},"


def refusal(text: str, nmi: str | None = None) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        read_nem12(text, "mine.csv", nmi)
    return caught.value


class TestWhatIsUnderstood:
    def test_import_and_export_in_their_units(self):
        text = file(
            channel("E1"), day("20250131", "0.5"), channel("E2", "Wh"), day("20250131", "1.5"),
            channel("B1", "MWh"), day("20250131", ".001"), channel("Q1", "kVArh"), day("20250131", "7"),
        )  # fmt: skip
        profile = parse(text, "mine.csv")
        assert set(profile.import_uwh) == {501_500_000}
        assert set(profile.export_uwh) == {1_000_000_000}
        assert profile.step == 1800
        assert profile.start == 1_738_245_600  # 2025-01-30T14:00Z is midnight in UTC+10

    def test_missing_days_and_null_quality_are_gaps(self):
        text = file(channel("E1"), day("20250131", "1"), day("20250202", "1"), "500,O,,,", day("20250203", "0", "N"))
        profile = read_nem12(text, "mine.csv")
        assert [profile.import_uwh[index] is None for index in (0, 48, 96, 144)] == [False, True, False, True]
        assert profile.gaps == 96

    def test_a_channel_without_a_value_leaves_no_balance(self):
        text = file(channel("E1"), day("20250131", "1"), day("20250201", "1"), channel("B1"), day("20250131", "1"))
        assert read_nem12(text, "mine.csv").export_uwh[48:] == (None,) * 48
        assert read_nem12(text, "mine.csv").import_uwh[48:] == (None,) * 48

    def test_quality_by_range_is_kept_and_the_worst_channel_counts(self):
        text = file(
            channel("E1"), day("20250131", "1", "V"), "400,1,20,F14,76,", "400,21,48,A,,", "500,O,,,",
            channel("B1"), day("20250131", "1", "S14"),
        )  # fmt: skip
        profile = read_nem12(text, "mine.csv")
        assert profile.quality == ("S14",) * 48
        only = file(channel("E1"), day("20250131", "1", "V"), "400,1,20,F14,76,", "400,21,48,A,,")
        assert read_nem12(only, "mine.csv").quality == ("F14",) * 20 + ("A",) * 28

    def test_one_of_several_connection_points(self):
        text = file(channel("E1"), day("20250131", "1"), channel("E1", nmi="OTHER"), day("20250131", "2"))
        assert "choose one" in refusal(text).message
        assert "OTHER" in refusal(text, "NONE").message
        assert read_nem12(text, "mine.csv", "OTHER").import_uwh[0] == 2_000_000_000


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("200,X\n", 1, 1, "first record"),
        ("100,NEM13\n", 1, 2, "NEM12"),
        ("100,NEM12\n", 1, 0, "no end record"),
        (file(), 0, 0, "no channel of active energy"),
        (file() + "100,NEM12\n", 3, 1, "after the end"),
        (file("100,NEM12"), 2, 1, "second header"),
        (file("250,x"), 2, 1, "'250'"),
        (file("300,20250131"), 2, 1, "without a 200"),
        (file(channel("E1"), "400,1,2,A"), 3, 1, "without a 300"),
        (file("500,O"), 2, 1, "without a 300"),
        (file("200,NMI"), 2, 2, "10 fields"),
        (file(channel("E1", minutes=10)), 2, 9, "(5, 15, 30)"),
        (file(channel("E1", unit="kVArh")), 2, 8, "kWh"),
        (file(channel("11")), 2, 5, "suffix"),
        (file(channel("E1"), day("20250131", "1", count=47)), 3, 50, "'A' is not a number of zero or more; 48"),
        (file(channel("E1"), day("20250131", "1", count=47)[:-20]), 3, 49, "need 51 to 55"),
        (file(channel("E1"), day("20250231", "1")), 3, 2, "not a date"),
        (file(channel("E1"), day("20250131", "-1")), 3, 3, "zero or more"),
        (file(channel("E1"), day("20250131", "1", "X")), 3, 51, "quality"),
        (file(channel("E1"), day("20250131", "1"), day("20250131", "1")), 4, 2, "stood in line 3"),
        (file(channel("E1"), day("20250131", "1", "V")), 4, 0, "interval 1 is"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,20,A", "400,20,48,A"), 5, 2, "do not go on after 20"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,49,A"), 4, 2, "1 to 49"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,a,48,A"), 4, 2, "'a'"),
        (
            file(channel("E1"), day("20250131", "1"), channel("B1", minutes=15), day("20250131", "1", count=96)),
            4, 9, "15 minutes here",
        ),
        (file(channel("E1"), day("20250131", "1"), channel("E1", "Wh")), 4, 8, "line 2"),
    ],
)  # fmt: skip
def test_what_is_refused_with_line_and_column(text, line, column, says):
    error = refusal(text)
    assert says in error.message
    assert (error.line, error.column) == (line, column)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real NEM12 files at {REAL}")
def test_real_files_read_as_another_reader_reads_them():
    nemreader = pytest.importorskip("nemreader")
    for path in sorted(REAL.glob("*.csv")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            readings = nemreader.read_nem_file(str(path)).readings
        (channels,) = readings.values()
        sums: dict[str, dict[object, float]] = {
            "E": collections.defaultdict(float),
            "B": collections.defaultdict(float),
        }
        for suffix, found in channels.items():
            if suffix[0] in sums:
                for reading in found:
                    sums[suffix[0]][reading.t_start] += reading.read_value
        profile = load(str(path))
        for letter, ours in (("E", profile.import_uwh), ("B", profile.export_uwh)):
            theirs = [value for _, value in sorted(sums[letter].items())]
            if theirs:
                assert [value / 10**9 for value in ours] == pytest.approx(theirs, abs=1e-9), path.name
            else:
                assert set(ours) == {0}


def test_the_household_that_comes_along_delivers_more_than_it_draws():
    profile = load("household")
    assert len(profile.import_uwh) == 31 * 288
    assert profile.totals_uwh == (270_738_000_000, 589_172_000_000)
    assert set(profile.quality) == {"A"}


def test_the_plant_that_comes_along_draws_a_little_at_night():
    profile = load("pv")
    assert len(profile.export_uwh) == 40 * 96
    assert profile.totals_uwh == (1_371_750_000, 1_104_165_250_000)
    assert profile.import_uwh[0] == 3 * 250_000
    assert max(profile.export_uwh) < 6000 * 250_000
