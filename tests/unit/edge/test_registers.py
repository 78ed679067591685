# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Words to energy: orders of bytes, scale factors, values that are not there."""

import json
import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.meters.registers import (
    Absent,
    MapError,
    Value,
    decode,
    decode_documents,
    decode_power,
    decode_status,
    decode_words,
    load,
    parse,
    parse_document,
    plan,
)

WIDTHS = ("int16", "uint16", "int32", "uint32", "int48", "uint48", "int64", "uint64", "acc16", "acc32", "acc64")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
UNITS = [  # role, unit, and how many millionths of the protocol's unit one of it is
    ("export", "Wh", Fraction(10**6)),
    ("import", "MWh", Fraction(10**12)),
    ("heat", "GJ", Fraction(10**9, 3600) * 1000),
    ("heat", "Gcal", Fraction(1163 * 10**6)),
    ("water_m3", "l", Fraction(1000)),
    ("devices.pump_h", "h", Fraction(10**6)),
]

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


def wire_words(data: bytes, order: str) -> list[int]:
    """Big-endian bytes as 16-bit words in a device's order: written apart from the decoder."""
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    return [(word & 0xFF) << 8 | word >> 8 for word in words] if order in ("BADC", "DCBA") else words


@given(st.data())
def test_every_integer_type_and_order_gives_back_the_number_that_was_packed(data):
    kind = data.draw(st.sampled_from(WIDTHS))
    bits, signed = int(kind.lstrip("uintac")), kind.startswith("int")
    number = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1))
    for order in ORDERS:
        assert decode_words(kind, order, wire_words(number.to_bytes(bits // 8, "big", signed=signed), order)) == number


@given(st.sampled_from([("float32", ">f"), ("float64", ">d")]), st.floats(allow_nan=False, width=32))
def test_every_float_type_and_order_gives_back_the_number_that_was_packed(kind, number):
    for order in ORDERS:
        assert decode_words(kind[0], order, wire_words(struct.pack(kind[1], number), order)) == number


@given(
    st.integers(0, 2**32 - 1),
    st.integers(-3, 3),
    st.sampled_from(["1", "0.1", "40", "1/3", "1.25", "0.0001", "7/11"]),
    st.sampled_from(UNITS),
    st.sampled_from(ORDERS),
)
def test_a_value_is_exact_to_the_millionth_whatever_ratio_and_unit_it_has(raw, scale, ratio, unit, order):
    role, name, micro = unit
    found = parse(
        f"{{name: m, title: t, origin: o, word_order: {order}, registers: [{{name: e, role: {role}, address: 0,"
        f" type: uint32, unit: {name}, scale: {scale}, multiply: '{ratio}'}}]}}"
    )
    value = decode(found, dict(enumerate(wire_words(raw.to_bytes(4, "big"), order))))["e"]
    exact = raw * micro * Fraction(10) ** scale * Fraction(ratio)
    if exact >= 2**63:
        assert value == Absent("range")
    else:
        assert (value.raw, value.micro) == (raw, math.floor(exact))


@given(st.integers(0, 2**32 - 1), st.integers(-10, 10))
def test_a_scale_register_is_applied_once_and_a_silent_one_is_no_value(raw, scale):
    words = words_of(
        "sunspec-203", {"TotWhExp": wire_words(raw.to_bytes(4, "big"), "ABCD"), "TotWh_SF": [scale & 0xFFFF]}
    )
    value = decode(load("sunspec-203"), words)["TotWhExp"]
    if raw == 0:
        assert value == Absent("null")
    elif not 0 <= 6 + scale <= 18 or raw * 10 ** (6 + scale) >= 2**63:
        assert isinstance(value, Absent)
    else:
        assert value == Value(raw, 6 + scale, scale)


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


PLACES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["uint16", "uint32", "uint64"])), min_size=1, max_size=12
)


@given(
    PLACES,
    st.integers(4, 125),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 410), st.integers(0, 9)), max_size=4),
    st.booleans(),
)
def test_a_plan_reads_everything_within_the_limits_and_nothing_forbidden(places, max_count, max_hole, ranges, alone):
    forbidden = [[first, first + length] for first, length in ranges]
    registers = [
        {"name": f"r{index}", "address": address, "type": kind}
        | ({"role": "export", "unit": "Wh"} if index == 0 else {})
        for index, (address, kind) in enumerate(places)
    ]
    text = json.dumps({
        "name": "m", "title": "t", "origin": "o", "registers": registers, "max_count": max_count, "max_hole": max_hole,
        "forbidden": forbidden, "one_request_per_field": alone,
    })  # fmt: skip
    try:
        found = parse(text)
    except MapError as error:
        assert "overlap" in str(error) or "forbidden" in str(error)  # noqa: PT017
        return
    blocks = plan(found)
    read = [address for start, count in blocks for address in range(start, start + count)]
    wanted = {it.address + i for it in found.registers for i in range(it.count)}
    assert len(read) == len(set(read))
    assert wanted <= set(read)
    assert all(1 <= count <= max_count for _, count in blocks)
    assert not any(first <= address <= last for address in read for first, last in forbidden)
    assert all(start in wanted and start + count - 1 in wanted for start, count in blocks)
    if alone:
        assert len(blocks) == len({it.address for it in found.registers})


@given(st.one_of(st.binary(max_size=200).map(lambda data: data.decode("latin-1")), st.text(max_size=200)))
def test_no_text_makes_the_parser_fail_but_by_its_own_error(text):
    with pytest.raises(MapError):
        parse(text)


FIELDS = st.sampled_from(
    ["name", "address", "type", "role", "unit", "scale", "multiply", "null", "modulus", "bits", "pointer", "path"]
)
ODD = st.one_of(st.none(), st.integers(-(2**70), 2**70), st.text(max_size=5), st.sampled_from(
    ["export", "heat", "power", "status", "devices.x", "Wh", "GJ", "uint64", "float32", "sunssf", "1/0", "1e999", "0.1"]
), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))  # fmt: skip


@given(
    st.lists(st.dictionaries(FIELDS, ODD, max_size=8), min_size=1, max_size=3),
    st.lists(st.integers(0, 65535), min_size=8),
)
def test_what_the_parser_lets_pass_decodes_any_words(registers, words):
    base = {"name": "e", "address": 0, "type": "uint32", "role": "export", "unit": "Wh"}
    text = json.dumps({"name": "m", "title": "t", "origin": "o", "registers": [base | it for it in registers]})
    try:
        found = parse(text)
    except MapError:
        return
    memory = {
        address: words[address % len(words)] for start, count in plan(found) for address in range(start, start + count)
    }
    for value in [*decode(found, memory).values(), *decode_power(found, memory).values()]:
        assert isinstance(value, Absent) or abs(value.micro) < 2**63
    decode_status(found, memory)


class TestOtherRoles:
    FOUND = load("plc-template")

    def words(self, **values: list[int]) -> dict[int, int]:
        return words_of("plc-template", values)

    def test_power_is_signed_and_no_counter(self):
        words = self.words(power_w=[0xFFFF, 0xFF38])
        assert decode_power(self.FOUND, words) == {"power_w": Value(-200, 6)}
        assert "power_w" not in decode(self.FOUND, words)

    def test_status_bits_have_names(self):
        assert decode_status(self.FOUND, self.words(state=[0b1000])) == {"power_failure": False, "door_open": True}

    def test_a_ratio_keeps_the_raw_register_for_the_auditor(self):
        found = decode(self.FOUND, self.words(pulses=[0, 3], heat_gj=[0, 18]))
        assert found["pulses"] == Value(3, 6, None, 5, 4)
        assert found["pulses"].micro == 3_750_000
        assert found["heat_gj"].micro == 5_000_000  # 18 MJ are 5 kWh


class TestDocuments:
    MAP = """
    {name: h, title: t, origin: o, transport: http, path: /status, registers: [
      {name: out, role: export, pointer: /emeters/1/total_returned, unit: Wh, scale: -3},
      {name: water, role: water_m3, pointer: "/a~1b/c~0d", unit: l, path: /water, optional: true},
      {name: now, role: power, pointer: /power, unit: W, scale: -2}]}
    """

    def read(self, status: str, water: str = "{}") -> dict[str, Value | Absent]:
        documents = {"/status": parse_document(status.encode()), "/water": parse_document(water.encode())}
        return decode_documents(parse(self.MAP), documents)

    def test_numbers_are_exact_and_come_from_their_document(self):
        found = self.read('{"emeters":[{},{"total_returned":16777217.0005}],"power":-3.14159}', '{"a/b":{"c~d":"12"}}')
        assert found == {"out": Value(16777217000, 3), "water": Value(12, 3), "now": Value(-315, 4)}
        assert parse(self.MAP).paths() == ["/status", "/water"]

    @pytest.mark.parametrize(
        ("value", "reason"),
        [("null", "null"), ("true", "not_number"), ('"x"', "not_number"), ("[1]", "not_number"), ("1e999999", "range"),
         ("-1", "negative"), ('"NaN"', "null"), ('"inf"', "not_finite"), ("1e30", "range")],
    )  # fmt: skip
    def test_what_is_no_energy_is_no_value(self, value, reason):
        assert self.read(f'{{"emeters":[{{}},{{"total_returned":{value}}}]}}')["out"] == Absent(reason)

    @pytest.mark.parametrize("document", ["{}", "[]", '{"emeters":[{}]}', '{"emeters":{"1":7}}', "3"])
    def test_a_pointer_into_nothing_is_no_value(self, document):
        assert self.read(document)["out"] == Absent("null")

    @pytest.mark.parametrize("rubbish", [b"", b"{", b"NaN", b"[" * 100_000, b"\xff"], ids=range(5))
    def test_what_is_no_document_is_an_error(self, rubbish):
        with pytest.raises(ValueError, match="JSON"):
            parse_document(rubbish)


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
        (("unit: Wh", "unit: Wh, multiply: 0.1"), "multiply"),
        (("unit: Wh", "unit: Wh, multiply: '1/0'"), "no number"),
        (("unit: Wh", "unit: Wh, multiply: -2"), "never negative"),
        (("unit: Wh", "unit: Wh, multiply: 0"), "zero"),
        (("unit: Wh", "unit: Wh, pointer: /x"), "neither path nor pointer"),
        (("unit: Wh", "unit: Wh, bits: {pf: 1}"), "only a register with role status"),
        (
            ("unit: Wh}", "unit: Wh}\n  - {name: s, role: status, address: 20, type: uint16, bits: {pf: 16}}"),
            "below 16",
        ),
        (("title: a meter", "title: a meter\nforbidden: [[11, 11]]"), "forbidden range"),
        (("title: a meter", "title: a meter\ntransport: http"), "pointer"),
        (("type: uint32, unit: Wh}", "type: uint32, unit: Wh}\n  - {name: f, address: 11, type: uint32}"), "overlap"),
        (("title: a meter", "title: a meter\npause_ms: -1"), "pause"),
    ],
)
def test_a_map_that_would_make_wrong_numbers_is_refused(change, says):
    parse(PLAIN)
    with pytest.raises(MapError, match=says):
        parse(PLAIN.replace(*change))


def test_an_unknown_map_names_the_known_ones():
    with pytest.raises(MapError, match="sunspec-203"):
        load("no-such-meter")
