# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Words to energy: orders of bytes, scale factors, values that are not there."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.registers import MAPS, Absent, MapError, Value, decode, decode_words, load, parse, plan

SHAPES = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}

PLAIN = """
name: plain
title: a meter
origin: this test
registers:
  - {name: e, role: export, address: 10, type: uint32, unit: Wh}
"""


def words_of(map_name: str, values: dict[str, list[int]]) -> dict[int, int]:
    """Words by address, zero where a test says nothing."""
    found = load(map_name)
    words = {address: 0 for start, count in plan(found) for address in range(start, start + count)}
    for register in found.registers:
        words |= dict(enumerate(values.get(register.name, []), start=register.address))
    return words


@given(st.data())
def test_every_type_and_order_gives_back_the_number_that_was_packed(data):
    kind = data.draw(st.sampled_from(sorted(SHAPES)))
    bits = int(kind.lstrip("uint"))
    low = 0 if kind.startswith("u") else -(2 ** (bits - 1))
    number = data.draw(st.integers(low, low + 2**bits - 1))
    wire = struct.pack(">" + SHAPES[kind], number)
    abcd = [int.from_bytes(wire[i : i + 2], "big") for i in range(0, len(wire), 2)]
    swapped = [(word & 0xFF) << 8 | word >> 8 for word in abcd]
    orders = {"ABCD": abcd, "CDAB": abcd[::-1], "BADC": swapped, "DCBA": swapped[::-1]}
    for order, words in orders.items():
        assert decode_words(kind, order, words) == number


def test_the_letters_are_the_order_of_bytes_on_the_wire():
    """ABCD = 0x0A0B0C0D; the words below are written as they would arrive."""
    for order, words in {
        "ABCD": [0x0A0B, 0x0C0D], "CDAB": [0x0C0D, 0x0A0B], "BADC": [0x0B0A, 0x0D0C], "DCBA": [0x0D0C, 0x0B0A],
    }.items():  # fmt: skip
        assert decode_words("uint32", order, words) == 0x0A0B0C0D, order


class TestSunSpec:
    def test_the_scale_factor_is_signed_and_applied_once(self):
        words = words_of("sunspec-203", {"TotWhExp": [1, 2], "TotWhImp": [0, 5], "TotWh_SF": [0xFFFF]})
        assert decode(load("sunspec-203"), words) == {"TotWhExp": Value(65538, 5, -1), "TotWhImp": Value(5, 5, -1)}

    def test_an_accumulator_of_zero_is_no_value_and_a_large_one_is_not_negative(self):
        words = words_of("sunspec-203", {"TotWhExp": [0xFFFF, 0xFFFA]})
        assert decode(load("sunspec-203"), words) == {"TotWhExp": Value(4294967290, 6, 0), "TotWhImp": Absent("null")}

    @pytest.mark.parametrize(
        ("scale", "reason"), [(0x8000, "scale_null"), (0xFFF0, "scale_range"), (30, "scale_range")]
    )
    def test_no_scale_or_an_absurd_one_is_no_value(self, scale, reason):
        words = words_of("sunspec-203", {"TotWhExp": [0, 7], "TotWhImp": [0, 7], "TotWh_SF": [scale]})
        assert set(decode(load("sunspec-203"), words).values()) == {Absent(reason)}


class TestFloat:
    def test_it_counts_in_whole_steps_rounded_down(self):
        words = words_of("eastron-sdm630", {"export_kwh": [0x449A, 0x5000], "import_kwh": [0x3DCC, 0xCCCD]})
        assert decode(load("eastron-sdm630"), words) == {
            "import_kwh": Value(100_000, 3),  # float32 nearest to 0.1 kWh is a little above it
            "export_kwh": Value(1_234_500_000, 3),
        }

    @pytest.mark.parametrize(
        ("words", "reason"),
        [([0x7FC0, 0], "null"), ([0x7FBF, 0xFF80], "null"), ([0x7F80, 0], "not_finite"), ([0xBF80, 0], "negative")],
    )
    def test_what_is_no_energy_is_no_value(self, words, reason):
        found = decode(load("eastron-sdm630"), words_of("eastron-sdm630", {"export_kwh": words}))
        assert found["export_kwh"] == Absent(reason)


def test_a_64_bit_counter_that_says_nothing_or_too_much_is_no_value():
    words = words_of("meter-u64", {"export_wh": [0xFFFF] * 4, "import_wh": [0x7FFF, 0, 0, 0]})
    assert decode(load("meter-u64"), words) == {"export_wh": Absent("null"), "import_wh": Absent("range")}


def test_words_that_were_not_read_are_an_error_and_no_zero():
    with pytest.raises(KeyError):
        decode(load("meter-u64"), {100: 0, 101: 0, 102: 0, 103: 1})


@pytest.mark.parametrize("name", sorted(file.stem for file in MAPS.glob("*.yaml")))
def test_every_map_that_comes_with_the_agent_loads_and_says_where_it_is_from(name):
    found = load(name)
    assert found.name == name
    assert found.origin
    planned = {address for start, count in plan(found) for address in range(start, start + count)}
    assert all(register.address + i in planned for register in found.registers for i in range(register.count))


def test_requests_join_near_registers_and_respect_the_limits():
    spaced = PLAIN.replace(
        "  - {name: e",
        "  - {name: far, address: 200, type: uint16}\n  - {name: near, address: 20, type: uint16}\n  - {name: e",
    )
    assert plan(parse(spaced)) == [(10, 11), (200, 1)]
    assert plan(parse("max_hole: 4\n" + spaced)) == [(10, 2), (20, 1), (200, 1)]
    assert plan(parse("max_count: 5\n" + spaced)) == [(10, 2), (20, 1), (200, 1)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("unit: Wh", "unit: kvarh"), "unit 'kvarh'"),
        (("role: export", "role: exprot"), "'exprot' is unknown"),
        (("type: uint32", "type: acc99"), "acc99"),
        (("address: 10", "address: 65535"), "outside"),
        (("address: 10", "adress: 10"), "adress"),
        (("unit: Wh", "unit: Wh, scale: -7"), "finer"),
        (("unit: Wh", "unit: Wh, scale_register: SF"), "SF"),
        (("unit: Wh", "unit: Wh, modulus: 0"), "modulus"),
        (("role: export, ", ""), "nothing to measure"),
        (("name: e,", "name: 'a,b',"), "commas"),
        (("registers:", "registers: ["), "map"),
    ],
)
def test_a_map_that_would_make_wrong_numbers_is_refused(change, says):
    parse(PLAIN)
    with pytest.raises(MapError, match=says):
        parse(PLAIN.replace(*change))


def test_an_unknown_map_names_the_known_ones():
    with pytest.raises(MapError, match="sunspec-203"):
        load("no-such-meter")
