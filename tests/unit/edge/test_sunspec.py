# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""SunSpec discovery against chains that a test lays out, that pysunspec2 lays out, and that nobody could mean."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import get_model_def
from sunspec2.file.client import FileClientModel

from edge.meters.modbus import MeterError
from edge.meters.registers import Absent, Value, decode, plan
from edge.meters.sunspec import BASES, MODELS_MAX, NoSunSpec, SunSpecError, discover, map_of, read_chain
from edge.meters.sunspec_models import MODELS

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "sunspec"
MARKER = [0x5375, 0x6E53]
END = [0xFFFF, 0]


def text(value: str, registers: int) -> list[int]:
    data = value.encode().ljust(2 * registers, b"\0")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def common(length: int = 66, maker: str = "Maker") -> list[int]:
    body = [*text(maker, 16), *text("Model 7", 16), *text("", 8), *text("1.2", 8), *text("SN-1", 16), 1, 0x8000]
    return [1, length, *body[:length]]


def model(number: int, length: int | None = None, **points: list[int]) -> list[int]:
    """A model's words: zeros, and the words of its points by offset, `p38=[…]`."""
    length = MODELS[number].length if length is None else length
    words = [number, length, *[0] * length]
    for name, value in points.items():
        words[int(name[1:]) : int(name[1:]) + len(value)] = value
    return words


class Device:
    """Registers from `base` on; everything else is refused, or what a test says."""

    def __init__(self, words: list[int], base: int = 40000, elsewhere: str = "exception") -> None:
        self.words, self.base, self.elsewhere = words, base, elsewhere
        self.reads = 0

    async def read(self, address: int, count: int) -> list[int]:
        self.reads += 1
        start = address - self.base
        if start < 0 or start + count > len(self.words):
            raise MeterError(self.elsewhere, f"{count} registers at {address}", 2)
        return self.words[start : start + count]

    def memory(self) -> dict[int, int]:
        return dict(enumerate(self.words, start=self.base))


def chain(*models: list[int]) -> list[int]:
    return [*MARKER, *(word for it in models for word in it), *END]


METER = model(203, p38=[1, 2], p46=[0, 5], p54=[0xFFFF])


@pytest.mark.parametrize("base", BASES)
async def test_a_meter_is_found_wherever_the_chain_begins(base):
    device = Device(chain(common(), METER), base)
    found = await discover(device.read)
    assert found.name == "sunspec-203"
    assert decode(found, device.memory()) == {"TotWhExp_203": Value(65538, 5, -1), "TotWhImp_203": Value(5, 5, -1)}
    assert [(it.role, it.modulus, it.optional) for it in found.counters()] == [
        ("export", 2**32, True), ("import", 2**32, True),
    ]  # fmt: skip
    assert [it.words for it in found.expect] == [MARKER, [203, 105]]


async def test_the_device_says_who_it_is_and_strange_text_does_no_harm():
    device = Device(chain(common(65, "Fro\nnius\x1b[2J\xff"), METER))
    said = await read_chain(device.read)
    assert (said.manufacturer, said.model, said.version, said.serial) == ("Fronius[2Jÿ", "Model 7", "1.2", "SN-1")
    assert "\n" not in str(said)


ROLES = {
    (103,): {"gen": "WH_103"},
    (113,): {"gen": "WH_113"},
    (701,): {"export": "TotWhInj_701", "import": "TotWhAbs_701"},
    (103, 701): {"export": "TotWhInj_701", "import": "TotWhAbs_701"},
    (103, 203): {"export": "TotWhExp_203", "import": "TotWhImp_203", "gen": "WH_103"},
    (701, 203): {"export": "TotWhExp_203", "import": "TotWhImp_203", "gen": "TotWhInj_701"},
    (213, 203): {"export": "TotWhExp_203", "import": "TotWhImp_203"},
    (213,): {"export": "TotWhExp_213", "import": "TotWhImp_213"},
    (120, 103, 160, 64110): {"gen": "WH_103"},
    (203, 203): {"export": "TotWhExp_203", "import": "TotWhImp_203"},
}


@pytest.mark.parametrize("ids", ROLES, ids=str)
async def test_which_counters_a_chain_gives(ids):
    parts = [METER if it == 203 else model(it) if it in MODELS else model(it, 20) for it in ids]
    if ids.count(203) > 1:
        parts[-1] = model(203)
    device = Device(chain(common(), *parts))
    found = await discover(device.read)
    assert {it.role: it.name for it in found.counters()} == ROLES[ids]
    if 203 in ids:  # the first meter is taken, and where it stands
        assert decode(found, device.memory())["TotWhExp_203"] == Value(65538, 5, -1)


async def test_a_float_meter_of_126_registers_takes_no_request_that_is_too_long():
    device = Device(chain(common(), model(213, p60=[0x449A, 0x5000], p68=[0x7FBF, 0xFF80])))
    found = await discover(device.read)
    assert decode(found, device.memory()) == {"TotWhExp_213": Value(1_234_500, 3), "TotWhImp_213": Absent("null")}
    assert all(count <= 125 for _, count in plan(found))


async def test_a_64_bit_counter_of_zero_is_zero_and_all_ones_is_none():
    device = Device(chain(common(), model(701, p19=[0, 0, 0, 0], p23=[0xFFFF] * 4, p120=[3])))
    found = await discover(device.read)
    assert decode(found, device.memory()) == {"TotWhInj_701": Value(0, 9, 3), "TotWhAbs_701": Absent("null")}


@pytest.mark.parametrize(("scale", "reason"), [(0x8000, "scale_null"), (11, "scale_range"), (0xFFF5, "scale_range")])
async def test_a_scale_factor_is_minus_ten_to_ten_or_none(scale, reason):
    device = Device(chain(common(), model(203, p38=[0, 7], p46=[0, 7], p54=[scale])))
    assert set(decode(await discover(device.read), device.memory()).values()) == {Absent(reason)}


HOSTILE = {
    "over the last register": ([*MARKER, *common(), 64001, 0xFFFF], "over the last register"),
    "no end": ([*MARKER, *common(), *[word for _ in range(MODELS_MAX + 5) for word in (64001, 0)]], "more than 100"),
    "a shorter model than there is": (chain(common(), model(203, 40)), "says that it has 40 registers; it has 105"),
    "no model 0": ([*MARKER, *common(), 0, 0], "breaks at 40070"),
    "nothing that counts": (chain(common(), model(120, 26)), "no model with energy counters"),
    "no common model": (chain(METER), "no model 1"),
    "a common model of another length": (chain([1, 80, *[0] * 80], METER), "no model 1"),
    "another mark": ([1, 2, 3, 4], "no SunSpec marker"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_chain_that_cannot_be_is_refused_with_its_place(name):
    words, says = HOSTILE[name]
    device = Device(words)
    with pytest.raises(SunSpecError, match=says):
        await discover(device.read)
    assert device.reads < 2 * MODELS_MAX


async def test_a_chain_without_its_end_mark_counts_if_what_it_names_is_whole():
    device = Device(chain(common(), METER)[:-2])
    assert (await discover(device.read)).name == "sunspec-203"
    device.elsewhere = "timeout"
    with pytest.raises(MeterError):
        await discover(device.read)


async def test_an_end_mark_without_a_length_is_an_end():
    assert (await discover(Device(chain(common(), METER)[:-1]).read)).name == "sunspec-203"


@pytest.mark.parametrize(
    ("elsewhere", "raised"), [("exception", NoSunSpec), ("timeout", MeterError), ("unreachable", MeterError)]
)
async def test_no_device_and_no_sunspec_are_told_apart(elsewhere, raised):
    with pytest.raises(raised):
        await discover(Device([], elsewhere=elsewhere).read)


@given(
    st.lists(st.integers(0, 0xFFFF), max_size=300),
    st.booleans(),
    st.lists(st.sampled_from([*MODELS, 1, 64001]), max_size=6),
)
async def test_no_words_make_discovery_fail_but_by_its_own_errors(words, marked, ids):
    begun = [word for it in ids for word in (common() if it == 1 else model(it, 20) if it not in MODELS else model(it))]
    device = Device([*(MARKER if marked else []), *begun, *words])
    try:
        found = await discover(device.read)
    except (SunSpecError, MeterError):
        return
    memory = {
        address: device.memory().get(address, 0)
        for start, count in plan(found)
        for address in range(start, start + count)
    }
    assert decode(found, memory)


class TestAgainstPySunSpec:
    @pytest.mark.parametrize("number", sorted(MODELS))
    def test_every_offset_is_that_of_the_published_model(self, number):
        places, offset = {}, 0
        for point in get_model_def(number)["group"]["points"]:
            places[point["name"]] = (offset, point["type"], point.get("sf"))
            offset += point["size"]
        mine = MODELS[number]
        assert mine.length == offset - 2
        if mine.events is not None:
            assert places["Evt"][:2] == (mine.events, "bitfield32")
            events = next(it for it in get_model_def(number)["group"]["points"] if it["name"] == "Evt")
            first = events["symbols"][0]
            assert (first["name"].endswith("Power_Failure"), first["value"]) == (True, 2)
        for point in (mine.out, mine.taken):
            if point is not None:
                assert (point.offset, point.type) == places[point.name][:2]
                assert places[point.name][2] == (point.scale[0] if point.scale else None)
                if point.scale is not None:
                    assert places[point.scale[0]][:2] == (point.scale[1], "sunssf")

    @pytest.mark.skipif(not SHARED.is_dir(), reason="the SunSpec device images are not beside this checkout")
    async def test_a_published_device_image_is_read_as_pysunspec_reads_it(self):
        models = json.loads((SHARED / "device_1547.json").read_text())["models"]
        made = [FileClientModel(it["ID"], 0, None, None, it) for it in models if it["ID"] != 0xFFFF]
        words = [
            int.from_bytes(data[i : i + 2], "big")
            for it in made
            for data in [it.get_mb()]
            for i in range(0, len(data), 2)
        ]
        words[1] = 66  # the image's model 1 leaves its length to the library
        device = Device([*MARKER, *words, *END])
        said = await read_chain(device.read)
        assert [it.id for it in said.models] == [it.model_id for it in made]
        assert (said.manufacturer, said.model, said.serial) == ("SunSpecTest", "Test-1547-1", "sn-123456789")
        values = decode(map_of(said), device.memory())
        der = made[1].points
        assert values["TotWhInj_701"] == Value(der["TotWhInj"].value, 6 + der["TotWh_SF"].value, der["TotWh_SF"].value)
        assert values["TotWhInj_701"].micro == der["TotWhInj"].cvalue * 10**6
