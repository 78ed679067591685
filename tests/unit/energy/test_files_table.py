# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A person's CSV: columns, days on which clocks change, and what is refused with its line."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.files.model import FileFault, exact
from energy.files.slots import Slots, kept_as, to_slots
from energy.files.source import read_bytes
from energy.files.table import read_table

BERLIN = ZoneInfo("Europe/Berlin")


def slots(text: str, timezone: str | None = None) -> Slots:
    return to_slots(read_table(text, "mine.csv", timezone), "")


def rows(*values: str, columns: str = "timestamp,energy_wh", minutes: int = 15) -> str:
    start = datetime(2025, 1, 31, tzinfo=UTC)
    lines = [f"{(start + timedelta(minutes=minutes * at)).isoformat()},{value}" for at, value in enumerate(values)]
    return "\n".join([columns, *lines]) + "\n"


class TestWhatIsUnderstood:
    def test_a_balance_has_a_sign_and_no_ways(self) -> None:
        found = slots(rows("1.5", "-2", ""))
        assert [dict(slot.measures) for slot in found.complete] == [{"meterWh": 1_500_000}, {"meterWh": -2_000_000}]
        assert [slot.quality for slot in found.complete] == ["measured", "measured"]
        assert len(found.gaps) == 1

    def test_import_and_export_stand_beside_each_other(self) -> None:
        text = rows("0.001;2", "0;0", columns="timestamp;export_kwh;import_wh").replace(",", ";")
        assert slots(text).complete[0].measures == {"meterWh": -1_000_000, "exportWh": 1_000_000, "importWh": 2_000_000}

    def test_power_times_time_is_never_called_measured(self) -> None:
        found = slots(rows("4", "-4", columns="timestamp,power_kw"))
        assert [(slot.measures["meterWh"], slot.quality) for slot in found.complete] == [
            (10**9, "integrated"),
            (-(10**9), "integrated"),
        ]

    def test_minutes_are_summed_and_hours_are_spread_and_marked(self) -> None:
        minutes = slots(rows(*["1"] * 31, minutes=1))
        assert [slot.measures["meterWh"] for slot in minutes.complete] == [15_000_000, 15_000_000]
        assert len(minutes.gaps) == 1, "one minute is no quarter hour"
        hours = slots(rows("0.000010", "1", minutes=60))
        assert [slot.measures["meterWh"] for slot in hours.complete[:4]] == [2, 3, 2, 3]
        assert {slot.quality for slot in hours.complete} == {"integrated"}

    def test_the_same_slot_is_the_same_bytes_whatever_else_is_in_the_file(self) -> None:
        values = ["0.0000007", "0.0000007", "0.0000017"]
        of_all = slots(rows(*values)).complete[2]
        later = rows(*values).splitlines(keepends=True)
        assert slots("".join([later[0], *later[2:]])).complete[1].measures == of_all.measures
        assert slots("".join([later[0], *later[2:]])).complete[1].reads == of_all.reads

    @pytest.mark.parametrize(
        ("flag", "kept"),
        [
            ("A", "measured"), ("validated", "measured"), ("", "measured"), ("interpolated", "interpolated"),
            ("E", "integrated"), ("S14", "integrated"), ("F55", "integrated"), ("Estimated", "integrated"),
        ],
    )  # fmt: skip
    def test_quality_words(self, flag: str, kept: str) -> None:
        text = rows(f"1,{flag}", f"1,{flag}", columns="timestamp,energy_wh,quality")
        assert {slot.quality for slot in slots(text).complete} == {kept}

    def test_a_value_that_is_called_missing_is_none(self) -> None:
        found = slots(rows("1,A", "1,N", "1,A", columns="timestamp,energy_wh,quality"))
        assert (len(found.complete), len(found.gaps)) == (2, 1)


@pytest.mark.parametrize(("date", "count"), [("2025-03-30", 92), ("2025-10-26", 100), ("2025-07-01", 96)])
def test_a_local_day_has_as_many_slots_as_its_clock_lets_it(date: str, count: int) -> None:
    start = datetime.fromisoformat(date).replace(tzinfo=BERLIN).timestamp()
    stamps = [datetime.fromtimestamp(start + 900 * at, BERLIN).replace(tzinfo=None) for at in range(count)]
    text = "timestamp,energy_wh\n" + "".join(f"{stamp.isoformat()},{at}\n" for at, stamp in enumerate(stamps))
    found = slots(text, "Europe/Berlin")
    assert [slot.number for slot in found.complete] == [int(start) // 900 + at for at in range(count)]
    assert [slot.measures["meterWh"] for slot in found.complete] == [at * 10**6 for at in range(count)]
    assert stamps[-1].hour == 23
    assert found.gaps == []


def test_a_utc_day_has_96_slots_on_the_day_clocks_change() -> None:
    start = int(datetime(2025, 3, 30, tzinfo=UTC).timestamp())
    lines = [f"{datetime.fromtimestamp(start + 900 * at, BERLIN).isoformat()},1\n" for at in range(96)]
    assert len(slots("timestamp,energy_wh\n" + "".join(lines)).complete) == 96


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a,b\n", 1, 0, "no column `timestamp`"),
        ("timestamp,b\n", 1, 0, "no column of energy"),
        ("timestamp,energy_wh,energy_wh\n", 1, 2, "two columns"),
        ("timestamp,energy_wh,power_w\n", 1, 0, "same thing twice"),
        ("timestamp,import_wh,import_kwh\n", 1, 0, "same thing twice"),
        ("timestamp,energy_wh\n", 1, 0, "no rows"),
        (rows("1"), 2, 0, "one row only"),
        ("timestamp,energy_wh\n2025-01-31T00:00,1\n", 2, 1, "no time zone"),
        ("timestamp,energy_wh\nyesterday,1\n", 2, 1, "not a timestamp"),
        (rows("1", "x"), 3, 2, "not a number"),
        ('timestamp,energy_wh\n2025-01-31T00:00Z,"1,5"\n', 2, 2, "use a point"),
        (rows("1", "-1", columns="timestamp,import_wh"), 3, 2, "negative"),
        (rows("1", "1") + rows("1").split("\n")[1] + "\n", 4, 1, "earlier than"),
        (rows("1", "1", "1", minutes=7), 2, 0, "fit no quarter hours"),
        (rows("1,A", "1,perhaps", columns="timestamp,energy_wh,quality"), 3, 0, "is not known"),
        (rows("1", "99999999999999"), 3, 2, "13 digits before the point"),
        (rows("1", "99999999999", columns="timestamp,energy_kwh"), 3, 0, "is the unit right"),
        ("timestamp,energy_wh\n2025-01-31T00:00Z\n", 2, 1, "the header 2"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_with_its_line(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(FileFault) as caught:
        slots(text)
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)
    assert says in caught.value.reason


def test_a_local_time_that_never_was_is_refused() -> None:
    with pytest.raises(FileFault, match=r"mine.csv:2: .*does not exist in Europe/Berlin"):
        slots("timestamp,energy_wh\n2025-03-30T02:30,1\n", "Europe/Berlin")
    with pytest.raises(FileFault, match="not a time zone"):
        slots("timestamp,energy_wh\n2025-03-30T02:30,1\n", "Europe/Nowhere")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"<feed xmlns='http://naesb.org/espi'>", "Green Button"),
        (b"timestamp,energy_wh\n\xff\n", "not UTF-8"),
        (b"timestamp,energy_wh\n\0\n", "zero byte"),
    ],
)
def test_what_is_no_text_of_ours_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(FileFault, match=says):
        read_bytes(data, "mine.csv")


@given(st.integers(-(10**30), 10**30), st.integers(-9, 9))
def test_numbers_are_exact(units: int, power: int) -> None:
    digits = f"{abs(units):019d}"
    text = f"{'-' if units < 0 else ''}{digits[:-18]}.{digits[-18:]}"
    assert exact(text) == units
    scaled = units * 10 ** max(power, 0)
    if abs(scaled) < 10**31 and power >= 0:
        assert exact(f"{text}e{power}") == scaled


@given(st.text(max_size=45))
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert exact(text) is None or abs(exact(text) or 0) < 10**31
    assert kept_as(text) in (None, "measured", "interpolated", "integrated", "missing")


@given(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=40), st.sampled_from([1, 3, 5, 15, 30, 60]))
def test_complete_slots_hold_what_their_rows_hold(values: list[int], minutes: int) -> None:
    text = rows(*(f"{'-' if it < 0 else ''}{abs(it) // 10**6}.{abs(it) % 10**6:06d}" for it in values), minutes=minutes)
    found = slots(text)
    counted = values if minutes >= 15 else values[: len(values) * minutes // 15 * 15 // minutes]
    assert sum(slot.measures["meterWh"] for slot in found.complete) == sum(counted)
    assert len(found.complete) == len(counted) * minutes // 15
