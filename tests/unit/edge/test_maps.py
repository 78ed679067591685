# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every map on an image of its device: words written by hand from the manual's encoding, values from its display."""

import pytest

from edge.meters.registers import MAPS, Value, decode, decode_documents, known, load, parse_document, plan
from edge.scan.testmap import examine, in_unit, verdict_of

EASTRON = {0: [0x4366, 0x3333], 70: [0x4248, 0x0000], 72: [0x449A, 0x51EC], 74: [0x42F6, 0x8000]}
SCHNEIDER = {
    3035: [0x436C, 0x7998],  # 236.475 V
    3109: [0x4248, 0x2F86],  # 50.05 Hz
    3203: [0, 0, 7, 31493],  # 7 · 65536 + 31493
    3207: [0, 0, 0, 6526],
}
# what a meter of each model sends, by address, and what its display shows
IMAGES: dict[str, tuple[dict[int, list[int]], dict[str, str]]] = {
    "abb-b23-b24": (
        {0x5000: [0, 0, 0x0001, 0xE240], 0x5004: [0, 0, 0, 0x0064], 0x5B00: [0, 2301], 0x5B2C: [5002]},
        {"import_kwh": "1234.56", "export_kwh": "1"},
    ),
    "carlo-gavazzi-em24": (
        {0: [2301, 0], 0x37: [500], 0x42: [0xD687, 0x0012], 0x5C: [0x0001, 0x0000]},
        {"import_kwh": "123456.7", "export_kwh": "0.1"},
    ),
    "carlo-gavazzi-em340": (
        {0: [2301, 0], 0x33: [500], 0x34: [0xD687, 0x0012], 0x4E: [0x0001, 0x0000]},
        {"import_kwh": "123456.7", "export_kwh": "0.1"},
    ),
    "chint-dtsu666": (
        {0x101E: [0x42F6, 0x8000], 0x1028: [0x3F80, 0], 0x2006: [0x450F, 0xC000], 0x2044: [0x459C, 0x4000]},
        {"import_kwh": "123.25", "export_kwh": "1"},
    ),
    "eastron-sdm120": (EASTRON, {"import_kwh": "1234.560058", "export_kwh": "123.25"}),
    "eastron-sdm630": (EASTRON, {"import_kwh": "1234.560058", "export_kwh": "123.25"}),
    "eastron-sdm72-v2": (EASTRON, {"import_kwh": "1234.560058", "export_kwh": "123.25"}),
    "huawei-sun2000": ({32069: [2301], 32085: [5002], 32106: [0, 20734]}, {"yield_kwh": "207.34"}),
    "janitza-umg": (
        {19000: [0x4366, 0x3333], 19050: [0x4248, 0], 19068: [0x4996, 0xB438], 19076: [0x4120, 0x0000]},
        {"import_wh": "1234567", "export_wh": "10"},
    ),
    "meter-u64": ({100: [0, 0, 1, 0], 104: [0, 0, 0, 9]}, {"export_wh": "65536", "import_wh": "9"}),
    "meter-u64-mwh": ({100: [1, 2, 0, 0], 104: [9, 0, 0, 0]}, {"export_mwh": "131073", "import_mwh": "9"}),
    "plc-template": (
        {0: [1, 2], 2: [0, 3], 4: [0, 801], 6: [0, 3600], 8: [0, 1500], 10: [77], 12: [0b1001], 60: [0xFFFF, 0xFFFE]},
        {
            "export_wh": "65538", "import_wh": "3", "pulses": "1001.25", "heat_gj": "3.6", "water_l": "1500",
            "pump_hours": "77",
        },
    ),
    "schneider-iem3155": (SCHNEIDER, {"import_wh": "490245", "export_wh": "6526"}),
    "schneider-pm5100": (SCHNEIDER, {"import_wh": "490245", "export_wh": "6526"}),
    "siemens-pac2200": (
        {1: [0x4366, 0x3333], 801: [0x4132, 0xD687, 0x8000, 0x0000], 809: [0x4059, 0, 0, 0]},
        {"import_wh": "1234567.5", "export_wh": "100"},
    ),
    "sunspec-203": (
        {40000: [0x5375, 0x6E53], 40070: [203, 105], 40108: [1, 2], 40116: [0, 5], 40124: [0xFFFF]},
        {"TotWhExp": "6553.8", "TotWhImp": "0.5"},
    ),
}  # fmt: skip
SHELLY = b'{"id":0,"a_total_act_energy":1.5,"total_act":1264.15,"total_act_ret":144792.28,"errors":[]}'


def words_of(image: dict[int, list[int]]) -> dict[int, int]:
    return {address + index: word for address, taken in image.items() for index, word in enumerate(taken)}


def test_every_map_that_speaks_modbus_has_an_image():
    assert sorted(IMAGES) == [name for name in known() if load(name).transport == "modbus"]


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_a_map_reads_what_the_display_shows(name):
    found, (image, shown) = load(name), IMAGES[name]
    values = decode(found, words_of(image))
    by_name = {register.name: register for register in found.registers}
    assert {key: in_unit(by_name[key], value) for key, value in values.items() if isinstance(value, Value)} == shown
    assert not verdict_of(examine(found, words_of(image)))


@pytest.mark.parametrize("name", sorted(set(IMAGES) - {"meter-u64", "meter-u64-mwh", "plc-template"}))
def test_a_map_doubts_a_device_whose_registers_are_one_off(name):
    shifted = {address + 1: word for address, word in words_of(IMAGES[name][0]).items()}
    assert verdict_of(examine(load(name), shifted))


def test_the_http_map_reads_a_saved_answer():
    found = load("shelly-pro-3em")
    values = decode_documents(found, dict.fromkeys(found.paths(), parse_document(SHELLY)))
    assert values == {"total_act": Value(1_264_150, 3), "total_act_ret": Value(144_792_280, 3)}


@pytest.mark.parametrize("name", sorted(file.stem for file in MAPS.glob("*.yaml")))
def test_a_map_names_its_document_and_its_plan_reads_it_all(name):
    found = load(name)
    assert found.name == name
    assert len(found.origin) > 20
    planned = {address for start, count in plan(found) for address in range(start, start + count)}
    if found.transport == "modbus":
        assert all(register.address + i in planned for register in found.registers for i in range(register.count))
