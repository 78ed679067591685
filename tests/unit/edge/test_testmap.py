# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What test-map says of words that fit, that are one off, that move too fast, or that stand in a file."""

import json

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from edge.command import cli
from edge.meters.registers import known, load
from edge.scan.command import parse_units
from edge.scan.testmap import LIKELY_W_MAX, examine, verdict_of

U64 = load("meter-u64")


def counters(export: int, imported: int = 7) -> dict[int, int]:
    data = export.to_bytes(8, "big") + imported.to_bytes(8, "big")
    return {100 + i: int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(8)}


def test_map(name: str, image: str, tmp_path) -> Result:
    path = tmp_path / "image"
    path.write_text(image)
    return CliRunner().invoke(cli, ["test-map", name, "--image", str(path)])


test_map.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("after", "apart_s", "fits", "says"),
    [
        (5_000_050, 10, True, "then 5000050 Wh: 18000 W"),
        (5_000_000, 10, True, "stood still for 10 s"),
        (4_999_999, 10, False, "it fell"),
        (5_000_000 + LIKELY_W_MAX, 10, False, "too fast"),
    ],
)
def test_a_second_read_speaks_for_or_against_a_map(after, apart_s, fits, says):
    findings = examine(U64, counters(5_000_000), counters(after), apart_s)
    export = next(finding for finding in findings if finding.name == "export_wh")
    assert export.fits == fits
    assert says in f"{export.moved} {export.reading.why}"
    assert bool(verdict_of(findings)) == (not fits)


def test_a_counter_at_zero_is_neither_right_nor_wrong():
    export = examine(U64, counters(0))[0]
    assert (export.fits, export.reading.verdict) == (True, "zero")


def test_an_optional_counter_that_is_not_there_is_no_fault():
    found = load("sunspec-203")
    words = {40108: 0, 40109: 0, 40116: 0, 40117: 5, 40124: 0, 40000: 0x5375, 40001: 0x6E53, 40070: 203, 40071: 105}
    assert not verdict_of(examine(found, words))
    assert "marks" in verdict_of(examine(found, words | {40070: 204}))


@given(
    st.dictionaries(st.integers(0, 65535), st.integers(0, 65535), max_size=60),
    st.sampled_from(known()),
    st.floats(0, 100),
)
def test_any_words_get_a_verdict(words, name, apart_s):
    found = load(name)
    if found.transport == "modbus":
        everywhere = dict.fromkeys(range(16), 0x7FC0) | words
        findings = examine(found, everywhere, words, apart_s)
        assert all(finding.reading.value for finding in findings)
        assert bool(verdict_of(findings)) == any(not finding.fits for finding in findings)


class TestImages:
    def test_words_of_a_file_are_shown_with_their_meaning(self, tmp_path):
        shown = test_map(
            "carlo-gavazzi-em340", "{0x34: [0xd687, 18], 78: ['0001', 0], 0: [2301, 0], 51: [500]}", tmp_path
        )
        assert shown.exit_code == 0
        assert "import_kwh  input 52-53 (0x0034) int32 CDAB  raw d687 0012\n    = 123456.7 kWh" in shown.output

    def test_a_file_may_lack_what_a_map_needs(self, tmp_path):
        shown = test_map("carlo-gavazzi-em340", "{0x34: [1, 0]}", tmp_path)
        assert (shown.exit_code, "export_kwh" in shown.output.splitlines()[-1]) == (1, True)

    def test_a_saved_document_is_read_by_an_http_map(self, tmp_path):
        shown = test_map("shelly-pro-3em", json.dumps({"total_act": 1.5, "total_act_ret": 2}), tmp_path)
        assert (shown.exit_code, "= 1.5 Wh" in shown.output) == (0, True)
        assert test_map("shelly-pro-3em", '{"total_act": 1.5}', tmp_path).exit_code == 1

    @pytest.mark.parametrize("image", ["", "[", "a: [1]", "1: x", "{1: [70000]}", "{-1: [1]}", "7"])
    def test_what_is_no_image_is_refused(self, image, tmp_path):
        refused = test_map("meter-u64", image, tmp_path)
        assert (refused.exit_code, "Error" in refused.output) == (2, True)

    @pytest.mark.parametrize("name", ["nothing", "sunspec"])
    def test_a_map_that_is_not_there_is_refused(self, name, tmp_path):
        assert test_map(name, "{1: [1]}", tmp_path).exit_code == 2

    def test_one_place_is_named(self, tmp_path):
        assert CliRunner().invoke(cli, ["test-map", "meter-u64"]).exit_code == 2
        assert CliRunner().invoke(cli, ["test-map", "meter-u64", "--host", "h", "--serial", "s"]).exit_code == 2


def test_the_list_of_maps_names_every_map_and_discovery():
    listed = CliRunner().invoke(cli, ["maps"]).output
    assert all(f"{name} " in listed for name in [*known(), "sunspec"])
    rows = json.loads(CliRunner().invoke(cli, ["maps", "--json"]).output)
    assert [row["name"] for row in rows] == known()


@given(st.lists(st.integers(0, 255), min_size=1, max_size=5), st.integers(0, 255))
def test_units_are_ids_and_ranges_each_once(units, low):
    text = ",".join(map(str, units)) + f",{low}-255"
    assert parse_units(text) == list(dict.fromkeys([*units, *range(low, 256)]))
