# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator's SunSpec words: every layout is that of the published model, every counter is what the meter holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import get_model_def
from sunspec2.mb import point_type_info

from edge.meters.registers import Value, decode, decode_status, load
from edge.meters.sunspec import discover
from simulator.encode import EncodeError, image_of
from simulator.meter import Registers

MODELS = (103, 203, 213, 701)


def models_of(words: list[int]) -> dict[int, list[int]]:
    found, at = {}, 2
    while words[at] != 0xFFFF:
        found[words[at]] = words[at : at + 2 + words[at + 1]]
        at += 2 + words[at + 1]
    return found


@pytest.mark.parametrize("number", MODELS)
def test_a_point_that_a_meter_has_not_says_so_in_its_own_type(number):
    words = models_of(image_of(f"sunspec:{number}").constants())[number]
    points, at, held = get_model_def(number)["group"]["points"], 0, []
    for point in points:
        taken = words[at : at + point["size"]]
        at += point["size"]
        if point["name"] in ("ID", "L"):
            continue
        info = point_type_info[point["type"]]
        data = b"".join(word.to_bytes(2, "big") for word in taken)
        if point["type"] not in ("string", "pad") and info.is_impl(info.data_to(data)):
            held.append(point["name"])
    assert at == len(words)
    assert set(held) <= {"Hz", "Hz_SF", "WH_SF", "TotWh_SF", "Evt"}
    assert "Hz" in held


@given(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1), st.permutations(MODELS))
async def test_discovery_reads_what_the_meter_holds(exported, imported, order):
    image = image_of("sunspec:" + ",".join(map(str, order)))
    words = image.constants()
    image.write(Registers(imported * 10**6, exported * 10**6), words)

    async def read(address: int, count: int) -> list[int]:
        return words[address - image.start : address - image.start + count]

    found = await discover(read)
    values = decode(found, dict(enumerate(words, start=image.start)))
    assert {it.role: values[it.name] for it in found.counters()} == {
        "export": Value(exported, 6, 0), "import": Value(imported, 6, 0), "gen": Value(exported, 6, 0),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["sunspec:203", "sunspec:213", "plc-template"])
@pytest.mark.parametrize("failing", [True, False])
async def test_a_meter_says_when_its_supply_fails(name, failing):
    image = image_of(name)
    words = image.constants()
    image.write(Registers(1, 1, failing=failing), words)

    async def read(address: int, count: int) -> list[int]:
        return words[address - image.start : address - image.start + count]

    found = await discover(read) if name.startswith("sunspec") else load(name)
    assert decode_status(found, dict(enumerate(words, start=image.start)))["power_failure"] is failing


def test_the_fixed_map_of_model_203_reads_the_chain_too():
    image = image_of("sunspec-203")
    words = image.constants()
    image.write(Registers(5_000_000, 2**32 * 10**6 + 9_000_000), words)
    memory = dict(enumerate(words, start=image.start))
    found = load("sunspec-203")
    assert all([memory[it.address + i] for i in range(len(it.words))] == it.words for it in found.expect)
    assert decode(found, memory) == {"TotWhExp": Value(9, 6, 0), "TotWhImp": Value(5, 6, 0)}
    assert image.modulus_uwh() == 2**32 * 10**6


@pytest.mark.parametrize("name", ["sunspec:", "sunspec:999", "sunspec:x", "sunspec:203;103", "shelly-pro-3em"])
def test_what_cannot_be_served_is_refused(name):
    with pytest.raises(EncodeError):
        image_of(name)


@pytest.mark.parametrize(("name", "rolls"), [("sunspec:203", True), ("sunspec:213,701", False)])
def test_only_counters_of_32_bits_roll_over(name, rolls):
    if rolls:
        assert image_of(name).modulus_uwh() == 2**32 * 10**6
    else:
        with pytest.raises(EncodeError, match="rolls over"):
            image_of(name).modulus_uwh()
