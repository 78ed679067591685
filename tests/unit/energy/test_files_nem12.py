# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NEM12 from the records to the slots: what is understood, what is refused and where, and real files beside another reader.

The three real files of the shared data are read always; a folder of more, such as the examples of the package `nemreader`,
is named by GREENCORE_NEM12_FOLDER (a folder `invalid` in it holds files that must be refused).
"""

import os
import warnings
import zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.files.model import ABSENT, FileFault, MeterFile
from energy.files.nem12 import read_nem12
from energy.files.slots import to_slots
from energy.files.source import read_bytes, read_path
from energy.files.summary import by_quality

SHARED = Path(__file__).parents[4] / "shared" / "data" / "nem12"
MARKET = timezone(timedelta(hours=10))
KWH = 10**9
# regular for us, for it is no NEM12: a 300 record broken over three lines, which the other reader skips with a message
BROKEN = "NEM12#Scenario10#ETSAMDP#NEMMCO.zip"


def day(date: str, value: str, quality: str = "A", count: int = 96) -> str:
    return ",".join(["300", date, *[value] * count, quality, "", "", "20250201000000", ""])


def channel(suffix: str, unit: str = "kWh", minutes: int = 15, nmi: str = "NMI0000001", configured: str = "") -> str:
    return f"200,{nmi},{configured or suffix},{suffix},{suffix},N1,SERIAL,{unit},{minutes},"


def file(*records: str) -> str:
    return "\n".join(["100,NEM12,202502010000,MDP,RET", *records, "900"]) + "\n"


def slots_of(text: str) -> list[tuple[int, int, str]]:
    """(µWh, number of the slot from the first one, quality)."""
    found = to_slots(read_nem12(text, "mine.csv"), "NMI0000001").complete
    return [(slot.measures["meterWh"], slot.number - found[0].number, slot.quality) for slot in found]


class TestWhatIsUnderstood:
    def test_a_day_begins_at_midnight_of_the_market_whatever_the_season(self) -> None:
        for date in ("20250131", "20250731"):
            found = to_slots(read_nem12(file(channel("E1"), day(date, "1")), "mine.csv"), "NMI0000001")
            midnight = datetime.strptime(date, "%Y%m%d").replace(tzinfo=MARKET)
            assert found.complete[0].number * 900 == midnight.timestamp()
            assert (len(found.complete), found.gaps) == (96, [])

    def test_import_counts_against_export_in_their_units_and_check_meters_are_left_out(self) -> None:
        text = file(
            channel("E1", configured="E1E2B1Q1F1"), day("20250131", "0.5"), channel("E2", "Wh"), day("20250131", "1.5"),
            channel("B1", "MWh"), day("20250131", ".001"), channel("Q1", "kVArh"), day("20250131", "7"),
            channel("F1"), day("20250131", "9"),
        )  # fmt: skip
        (slot, *_) = to_slots(read_nem12(text, "mine.csv"), "NMI0000001").complete
        assert slot.measures == {"importWh": 501_500_000, "exportWh": KWH, "meterWh": KWH - 501_500_000}
        assert slot.quality == "measured"

    def test_five_minutes_are_summed_and_a_null_makes_a_gap_of_the_quarter_hour(self) -> None:
        text = file(
            channel("B1", minutes=5), day("20250131", "0.1", "V", 288), "400,1,4,A,,", "400,5,5,N,,", "400,6,288,A,,"
        )
        found = to_slots(read_nem12(text, "mine.csv"), "NMI0000001")
        assert {slot.measures["exportWh"] for slot in found.complete} == {300_000_000}
        assert [number - found.complete[0].number for number in found.gaps] == [1]

    def test_half_an_hour_is_spread_exactly_and_never_called_measured(self) -> None:
        text = file(channel("B1", "Wh", minutes=30), day("20250131", "0.000003", count=48))
        assert slots_of(text)[:3] == [(1, 0, "integrated"), (2, 1, "integrated"), (1, 2, "integrated")]

    def test_only_what_every_channel_measured_is_measured(self) -> None:
        text = file(
            channel("E1", configured="E1B1"), day("20250131", "1", "V"), "400,1,2,F14,76,x", "400,3,96,A,,", "500,O,,,",
            channel("B1", configured="E1B1"), day("20250131", "2", "V"), "400,1,1,A,,", "400,2,4,S51,,", "400,5,96,A,,",
        )  # fmt: skip
        assert [quality for _, _, quality in slots_of(text)[:6]] == ["integrated"] * 4 + ["measured"] * 2

    def test_an_export_without_the_import_that_belongs_to_it_is_no_balance(self) -> None:
        alone = read_nem12(file(channel("B1", configured="B1E1Q1"), day("20250131", "1")), "mine.csv")
        assert to_slots(alone, "NMI0000001").complete == []
        assert {(row.channel, row.flag, row.values) for row in by_quality(alone)} == {
            ("B1", "A", 96),
            ("E1", ABSENT, 96),
        }
        both = file(
            channel("E1", configured="E1B1"), day("20250131", "1"), channel("B1", configured="E1B1"), day("20250131", "1"),
            channel("E1", configured="E1"), day("20250201", "1"),
        )  # fmt: skip
        assert len(slots_of(both)) == 192, "a channel that was taken off is not missed later"

    def test_the_length_may_change_from_day_to_day(self) -> None:
        text = file(channel("E1"), day("20250131", "1"), channel("E1", minutes=30), day("20250201", "2", count=48))
        assert Counter(quality for _, _, quality in slots_of(text)) == {"measured": 96, "integrated": 96}

    def test_rounding_never_makes_energy(self) -> None:
        text = file(
            channel("E1", "Wh", configured="E1B1"), day("20250131", "0.0000001"),
            channel("B1", "Wh", configured="E1B1"), day("20250131", "0.0000019"),
        )  # fmt: skip
        (slot, *_) = to_slots(read_nem12(text, "mine.csv"), "NMI0000001").complete
        assert slot.measures == {"importWh": 1, "exportWh": 1, "meterWh": 0}


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("200,X\n", 1, 1, "first record"),
        ("100,NEM13,200301011534,MDP1,Retailer1\n", 1, 2, "no intervals"),
        ("100,NEM12\n100,NEM12\n", 2, 1, "second header"),
        ("100,NEM12\n900\n", 2, 0, "no day of values"),
        ("100,NEM12\n300,20250131\n", 2, 1, "without a 200"),
        (file(channel("E1", minutes=10), day("20250131", "1", count=144)), 2, 9, "interval length"),
        (file(channel("1E")), 2, 5, "letter and a digit"),
        (file(channel("E1", "GWh"), day("20250131", "1")), 2, 8, "unit 'GWh'; channels E"),
        (
            file(channel("B1"), day("20250131", "1"), channel("E1", "kVArh", configured="B1E1"), day("20250131", "9")),
            4, 8, "in Wh, kWh or MWh",
        ),
        (file(channel("E1"), day("20250131", "1e30")), 3, 3, "is the unit right"),
        (file(channel("E1"), day("20250131", "1e")), 3, 3, "not a number"),
        (file(channel("E1"), day("20250230", "1")), 3, 2, "not a date"),
        (file(channel("E1"), day("20250131", "1", count=48)), 3, 55, "96 values"),
        (file(channel("E1"), day("20250131", "-1")), 3, 3, "zero or more"),
        (file(channel("E1"), day("20250131", "")), 3, 3, "no value"),
        (file(channel("E1"), day("20250131", "1", "S")), 3, 99, "method"),
        (file(channel("E1"), day("20250131", "1"), day("20250131", "1")), 4, 2, "stood in line 3"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,20,A,,"), 3, 0, "interval 21"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,20,A,,", "400,22,96,A,,"), 3, 0, "interval 21"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,97,A,,"), 4, 2, "of 96"),
        (file(channel("E1"), day("20250131", "1", "V"), "400,1,20,A,,", "400,20,96,A,,"), 5, 2, "do not go on"),
        (file(channel("E1"), day("20250131", "1"), channel("E1", "MWh"), day("20250201", "1")), 4, 8, "had kWh"),
        (file(channel("E1"), "301,1"), 3, 1, "not a record"),
        (file(channel("E1"), day("20250131", "1")) + "100,NEM12\n", 5, 1, "after the end"),
        (file(channel("E1"), day("20250131", "1")).replace("900\n", ""), 3, 0, "cut off"),
        (file(channel("E1"), '300,"broken'), 4, 0, "separated values"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_with_its_line(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(FileFault) as caught:
        read_nem12(text, "mine.csv")
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)
    assert says in caught.value.reason
    assert str(caught.value).startswith(f"mine.csv:{line}: ")


flags = st.sampled_from(["A", "N", "E52", "S14", "F55"])


@st.composite
def _days(draw: st.DrawFn) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Channels of a day: minutes, suffix, and a value and a flag for every interval, in runs."""
    made = []
    for suffix in draw(st.sets(st.sampled_from(["E1", "E2", "B1", "Q1"]), min_size=1)):
        minutes = draw(st.sampled_from([5, 15, 30]))
        count = 1440 // minutes
        cells: list[tuple[str, str]] = []
        while len(cells) < count:
            micro, run = draw(st.integers(0, 10**9)), draw(st.integers(1, count))
            cells += [(f"{micro // 10**6}.{micro % 10**6:06d}", draw(flags))] * run
        made.append((minutes, suffix, cells[:count]))
    return made


def _written(days: list[tuple[int, str, list[tuple[str, str]]]]) -> str:
    records = []
    for minutes, suffix, cells in days:
        records.append(channel(suffix, "Wh", minutes))
        records.append(",".join(["300", "20250131", *[value for value, _ in cells], "V", "", "", "", ""]))
        records += [f"400,{index},{index},{flag},," for index, (_, flag) in enumerate(cells, start=1)]
    return file(*records)


@given(_days())
def test_every_value_and_flag_that_was_written_is_read(days: list[tuple[int, str, list[tuple[str, str]]]]) -> None:
    read = {it.name: it for it in read_nem12(_written(days), "mine.csv").channels}
    assert read.keys() == {suffix for _, suffix, _ in days}
    for minutes, suffix, cells in days:
        values = read[suffix].values
        assert [value.flag for value in values] == [flag for _, flag in cells]
        assert [value.start - values[0].start for value in values] == [60 * minutes * at for at in range(len(cells))]
        for value, (text, flag) in zip(values, cells, strict=True):
            assert value.exact == (None if flag == "N" else int(text.replace(".", "")) * 10**12)


@given(_days())
def test_slots_hold_what_was_measured_and_no_µwh_more(days: list[tuple[int, str, list[tuple[str, str]]]]) -> None:
    energy = [it for it in days if it[1][0] in "EB"]
    read = read_nem12(_written(days), "mine.csv")
    if not energy:
        assert read.points == []
        return
    found = to_slots(read, "NMI0000001")
    # a recount of its own: in 5-minute thirds, a longer value's thirds belong to each other
    whole = set(range(96))
    for minutes, _, cells in energy:
        for at, (_, flag) in enumerate(cells):
            if flag == "N":
                whole -= set(range(at * minutes // 15, -(-(at + 1) * minutes // 15)))
    first = int(datetime(2025, 1, 31, tzinfo=MARKET).timestamp()) // 900
    assert {slot.number - first for slot in found.complete} == whole
    if whole == set(range(96)):
        sums = Counter[str]()
        for _, suffix, cells in energy:
            sums["importWh" if suffix[0] == "E" else "exportWh"] += sum(int(text.replace(".", "")) for text, _ in cells)
        for name, uwh in sums.items():
            assert sum(slot.measures[name] for slot in found.complete) == uwh
    for slot in found.complete:
        at = slot.number - first
        plain = all(
            minutes <= 15 and all(flag == "A" for _, flag in cells[at * 15 // minutes : (at + 1) * 15 // minutes])
            for minutes, _, cells in energy
        )
        assert (slot.quality == "measured") is plain


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file_or_a_fault_that_says_where(data: bytes) -> None:
    for begin in (
        b"",
        b"100,NEM12\n",
        b"100,NEM12\n200,N,E1,E1,E1,N1,S,kWh,15,\n",
        b"timestamp,energy_wh\n",
        b"PK\x03\x04",
    ):
        assert_read_or_refused(begin + data)


@given(st.data())
def test_a_damaged_file_is_a_file_or_a_fault_that_says_where(data: st.DataObject) -> None:
    text = bytearray(file(channel("E1", minutes=30), day("20250131", "1.5", "V", 48), "400,1,48,S14,,").encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_read_or_refused(bytes(text))


def assert_read_or_refused(data: bytes) -> None:
    fault = None
    try:
        read = read_bytes(data, "mine.csv", "Europe/Berlin")
        for point in read.points:
            to_slots(read, point)
    except FileFault as caught:
        fault = caught
    assert fault is None or (fault.reason and 0 <= fault.line <= data.count(b"\n") + data.count(b"\r") + 1)


Told = dict[tuple[str, str], list[tuple[int, int, str, int]]]  # (point, channel) → start, seconds, flag, millionths


def _other_reader(path: Path) -> Told:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nemreader import NEMFile  # noqa: PLC0415  (it loads pandas: half a second that other tests need not wait)

        readings = NEMFile(str(path)).nem_data().readings
    return {
        (nmi, suffix): sorted(
            (
                int(value.t_start.replace(tzinfo=MARKET).timestamp()),
                int((value.t_end - value.t_start).total_seconds()),
                value.quality_method,
                0 if value.quality_method == "N" else round(value.read_value * 10**6),
            )
            for value in values
        )
        for nmi, channels in readings.items()
        for suffix, values in channels.items()
    }


def _our_reader(read: MeterFile) -> Told:
    told = {
        (it.point, it.name): [
            (v.start, v.seconds, v.flag, (v.exact or 0) // 10**12) for v in it.values if v.flag != ABSENT
        ]
        for it in read.channels
    }
    return {key: values for key, values in told.items() if values}


def _files() -> tuple[list[Path], list[Path]]:
    folder = Path(os.environ.get("GREENCORE_NEM12_FOLDER", SHARED))
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".csv", ".zip"))
    bad = [path for path in paths if "invalid" in path.parts]
    return [path for path in paths if path not in bad], bad


@pytest.mark.skipif(not _files()[0], reason="no NEM12 files; set GREENCORE_NEM12_FOLDER to a folder that holds some")
def test_real_files_say_to_us_what_they_say_to_another_reader() -> None:
    good, bad = _files()
    compared = Counter[str]()
    for path in good:
        if "NEM13" in path.name.upper():
            with pytest.raises(FileFault, match="NEM13 holds meter readings"):
                read_path(path)
            compared["NEM13, refused"] += 1
        elif path.name == BROKEN:
            with pytest.raises(FileFault):
                read_path(path)
            compared["broken, refused"] += 1
        else:
            ours = _our_reader(read_path(path))
            assert ours == _other_reader(path), path.name
            compared["the same in both"] += 1
            compared["values"] += sum(map(len, ours.values()))
    for path in bad:
        with pytest.raises(FileFault):
            read_path(path)
        compared["malformed, refused"] += 1
    print(dict(compared))
    assert compared["the same in both"] >= 3


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    for names, says in (
        (["a.csv"], ""),
        (["a.csv", "b.csv"], "with 2 files"),
        ([], "with 0 files"),
    ):
        path = tmp_path / f"{len(names)}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in names:
                packed.writestr(name, file(channel("E1"), day("20250131", "1")))
        if says:
            with pytest.raises(FileFault, match=says):
                read_path(path)
        else:
            assert read_path(path).points == ["NMI0000001"]
