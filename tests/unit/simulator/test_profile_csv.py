# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A person's own CSV: what is understood, and what is said about the rest."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.library import load, parse, parse_bytes
from simulator.profile import Profile, ProfileError, number
from simulator.profile_csv import read_csv

T0 = 1_760_486_400  # 2025-10-15T00:00:00Z


def read(text: str, **given_) -> Profile:
    return read_csv(text, "mine.csv", **given_)


def refusal(text: str, **given_) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        read(text, **given_)
    return caught.value


class TestWhatIsUnderstood:
    def test_power_becomes_energy_and_its_sign_the_direction(self):
        profile = read(
            "timestamp,power_w\n2025-10-15T00:00:00Z,1000\n2025-10-15T00:15:00Z,-4\n2025-10-15T00:30:00Z,0\n"
        )
        assert (profile.start, profile.step, profile.midnight_s) == (T0, 900, 0)
        assert profile.export_uwh == (250_000_000, 0, 0)
        assert profile.import_uwh == (0, 1_000_000, 0)

    def test_energy_in_other_columns_and_other_delimiters(self):
        profile = read(
            "id;Energy_Wh;x;TIMESTAMP\n1;1.5;;2025-10-15 02:00:00+02:00\n2;2.5;a;2025-10-15 03:00:00+02:00\n"
        )
        assert (profile.start, profile.step, profile.midnight_s) == (T0, 3600, 2 * 3600)
        assert profile.export_uwh == (1_500_000, 2_500_000)

    def test_gaps_are_missing_rows_and_empty_cells(self):
        text = "timestamp,energy_wh\n"
        for minute, cell in ((0, "1"), (15, ""), (30, "NaN"), (60, "2"), (75, "3")):
            text += f"2025-10-15T{minute // 60:02}:{minute % 60:02}:00Z,{cell}\n"
        assert read(text).export_uwh == (1_000_000, None, None, None, 2_000_000, 3_000_000)
        assert read(text).import_uwh == (0, None, None, None, 0, 0)

    def test_a_given_step_stands_for_one_that_cannot_be_seen(self):
        text = "timestamp,power_w\n2025-10-15T00:00:00Z,36\n"
        assert read(text, step=60).export_uwh == (600_000,)
        assert "give the step" in refusal(text).message

    def test_local_time_over_both_changes_of_the_clock(self):
        autumn = "".join(f"2025-10-26T{hour},1\n" for hour in ("01:00", "02:00", "02:00", "03:00"))
        profile = read("timestamp,energy_wh\n" + autumn, timezone="Europe/Berlin")
        assert (len(profile.export_uwh), profile.step, profile.midnight_s) == (4, 3600, 3600)
        spring = "".join(f"2025-03-30T{hour},1\n" for hour in ("00:00", "01:00", "03:00", "04:00"))
        assert read("timestamp,energy_wh\n" + spring, timezone="Europe/Berlin").gaps == 0


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "line", "column", "says"),
        [
            ("", 1, 0, "no column `timestamp`"),
            ("time,power_w\n", 1, 0, "found: time, power_w"),
            ("timestamp,power\n", 1, 0, "power_w"),
            ("timestamp,power_w,energy_wh\n", 1, 0, "keep one"),
            ("timestamp,power_w,power_w\n", 1, 2, "two columns"),
            ("timestamp,power_w\n", 1, 0, "no data"),
            ("timestamp,power_w\n2025-10-15T00:00:00,1\n", 2, 1, "no time zone"),
            ("timestamp,power_w\n15.10.2025,1\n", 2, 1, "is not a timestamp"),
            ("timestamp,power_w\n2025-10-15T00:00:00Z\n", 2, 1, "1 fields"),
            ("timestamp,power_w\n2025-10-15T00:00:00Z,1e\n", 2, 2, "not a number"),
            ("timestamp;power_w\n2025-10-15T00:00:00Z;1,5\n", 2, 2, "use a point"),
            ("timestamp,power_w\n2025-10-15T00:15:00Z,1\n2025-10-15T00:15:00Z,1\n", 3, 1, "the same instant"),
            ("timestamp,power_w\n2025-10-15T00:15:00Z,1\n2025-10-15T00:00:00Z,1\n", 3, 1, "earlier"),
            ("timestamp,power_w\n2025-10-15T00:00Z,\n2025-10-15T00:15Z,\n", 2, 0, "no row has a value"),
            (
                "timestamp,power_w\n2025-10-15T00:00Z,1\n2025-10-15T00:15Z,1\n2025-10-15T00:31Z,1\n",
                4, 0, "whole number of steps of 900 s",
            ),
            ("timestamp,power_w\n1999-10-15T00:00:00Z,1\n1999-10-15T00:00:01Z,1\n2099-01-01T00:00:00Z,1\n", 4, 0, "at most"),
            ('timestamp,power_w\n"2025-10-15T00:00:00Z,1\n', 2, 0, "not a CSV row"),
        ],
    )  # fmt: skip
    def test_with_line_and_column(self, text, line, column, says):
        error = refusal(text)
        assert (error.file, error.line, error.column) == ("mine.csv", line, column)
        assert says in error.message

    def test_an_hour_that_does_not_exist(self):
        error = refusal("timestamp,power_w\n2025-03-30T02:30:00,1\n", timezone="Europe/Berlin")
        assert (error.line, error.column) == (2, 1)
        assert "does not exist in Europe/Berlin" in error.message

    @pytest.mark.parametrize("zone", ["Nowhere/City", "../etc/passwd", "", "Europe"])
    def test_a_time_zone_that_is_none(self, zone):
        assert "time zone" in refusal("timestamp,power_w\n", timezone=zone).message

    @pytest.mark.parametrize(
        ("data", "line", "says"),
        [(b"timestamp,power_w\n\xff", 2, "UTF-8"), (b"a\nb\0", 2, "zero byte"), (b" \n", 0, "empty")],
    )
    def test_what_is_no_text(self, data, line, says):
        with pytest.raises(ProfileError, match=says) as caught:
            parse_bytes(data, "mine.csv")
        assert caught.value.line == line

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ProfileError, match=r"none\.csv: cannot be read"):
            load(str(tmp_path / "none.csv"))


@given(st.lists(st.decimals(-(10**6), 10**6, places=9), min_size=2, max_size=50), st.sampled_from([60, 300, 900, 3600]))
def test_no_remainder_is_lost_between_steps(values, step):
    start = datetime.fromtimestamp(T0, UTC)
    rows = "".join(f"{(start + timedelta(seconds=step * i)).isoformat()},{v:f}\n" for i, v in enumerate(values))
    profile = read("timestamp,power_w\n" + rows)
    for found, sign in ((profile.export_uwh, 1), (profile.import_uwh, -1)):
        exact = sum((max(Fraction(0), sign * Fraction(value)) for value in values), Fraction(0)) * step * 10**6 / 3600
        assert sum(found) == exact.numerator // exact.denominator


@given(st.text(alphabet="0123456789.eE+-", max_size=20))
def test_a_number_is_read_exactly_or_not_at_all(text):
    found = number(text)
    if found is not None:
        assert Fraction(found, 10**18) == Fraction(text)


_CELL = st.one_of(
    st.sampled_from(
        ["timestamp", "power_w", "energy_wh", "2025-10-15T00:00:00Z", "2025-10-15T00:15:00", "1", "-2.5", "", "nan", "100", "NEM12",
         "200", "300", "400", "900", "E1", "B1", "kWh", "30", "20250101", "A", "V", "S14", '"', "9999-12-31", "1e99"]
    ),
    st.text(max_size=6),
)  # fmt: skip
_TABLE = st.lists(st.lists(_CELL, max_size=8).map(",".join), max_size=12).map("\n".join)


@given(
    st.one_of(st.binary(max_size=400), _TABLE.map(str.encode), _TABLE.map(lambda text: ("100,NEM12\n" + text).encode()))
)
def test_any_bytes_are_a_profile_or_a_message(data):
    profile, message = outcome(lambda: parse_bytes(data, "mine"))
    assert (profile is None) == bool(message)
    assert profile is None or len(profile.import_uwh) == len(profile.export_uwh) > 0


@given(_TABLE, st.sampled_from([None, "Europe/Berlin", "Australia/Lord_Howe"]), st.sampled_from([None, 1, 900]))
def test_any_table_is_a_profile_or_a_message(text, zone, step):
    table = "timestamp,power_w\n2025-10-26T00:00:00,1\n" + text
    profile, message = outcome(lambda: parse(table, "mine", zone, step))
    assert (profile is None) == bool(message)


def outcome(work) -> tuple[Profile | None, str]:
    try:
        return work(), ""
    except ProfileError as error:
        return None, error.message
