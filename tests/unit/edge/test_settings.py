# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator writes into a station file, and what they are told when it is wrong."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.meters.bus import Pauses
from edge.meters.doors import Doors, map_of, pauses_of
from edge.meters.registers import MapError, load, parse
from edge.settings import EdgeSettings, MeterSettings, Rtu, SettingsError, Tcp

STATION = """
station: 6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f
receipt_key: "0000000000000000000000000000000000000000000000000000000000000000"
data_dir: data
poll_s: 20
meters:
  - {id: main, map: eastron-sdm630, unit: 1, rated_w: 30000, rtu: &line {device: /dev/ttyUSB0, parity: even}}
  - {id: pv, map: eastron-sdm630, unit: 2, rtu: *line}
  - {id: heat-pump, map: my-meter.yaml, tcp: {host: 192.0.2.7}}
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("STATION", "RECEIPT_KEY", "DATA_DIR", "CONFIG", "POLL_S", "METERS"):
        monkeypatch.delenv(f"GREENCORE_EDGE_{name}", raising=False)
    monkeypatch.delenv("GREENCORE_CLOCK", raising=False)


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "station.yaml"
        path.write_text(text)
        return path

    return write


def refusal(path) -> str:
    with pytest.raises(SettingsError) as caught:
        EdgeSettings.from_environment(path)
    return str(caught.value)


def test_meters_share_a_line_and_paths_are_beside_the_file(written, tmp_path):
    settings = EdgeSettings.from_environment(written(STATION))
    line = Rtu(device="/dev/ttyUSB0", baud=9600, parity="even", stop_bits=1)
    assert [(meter.id, meter.unit, meter.door) for meter in settings.all_meters] == [
        ("main", 1, line),
        ("pv", 2, line),
        ("heat-pump", 1, Tcp(host="192.0.2.7", port=502)),
    ]
    assert settings.all_meters[2].map == str(tmp_path / "my-meter.yaml")
    assert (settings.data_dir, settings.poll_s) == (tmp_path / "data", 20)
    maps = {"main": load("eastron-sdm630"), "pv": load("eastron-sdm630"), "heat-pump": load("meter-u64")}
    doors = Doors(settings, maps, lambda: 0)
    first, second, third = (doors.meter(meter) for meter in settings.all_meters)
    assert first._bus is second._bus
    assert first._bus is not third._bus
    assert (first._bus.line.timeout_s, third._bus.line.timeout_s) == (1, 3)
    told = settings.model_copy(update={"modbus_timeout_s": 2.0})
    assert Doors(told, maps, lambda: 0).meter(settings.all_meters[0])._bus.line.timeout_s == 2


def test_a_variable_overrules_the_file_and_the_file_may_be_named_by_one(written, monkeypatch):
    monkeypatch.setenv("GREENCORE_EDGE_CONFIG", str(written(STATION)))
    monkeypatch.setenv("GREENCORE_EDGE_POLL_S", "5")
    monkeypatch.setenv("GREENCORE_CLOCK", "1@2x3")
    settings = EdgeSettings.from_environment()
    assert (settings.poll_s, settings.clock, len(settings.all_meters)) == (5, "1@2x3", 3)


def test_variables_alone_describe_one_meter_on_either_kind_of_line(monkeypatch):
    monkeypatch.setenv("GREENCORE_EDGE_STATION", "6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
    monkeypatch.setenv("GREENCORE_EDGE_RECEIPT_KEY", "00" * 32)
    (meter,) = EdgeSettings.from_environment().all_meters
    assert (meter.id, meter.map, meter.door) == ("main", "sunspec-203", Tcp(host="127.0.0.1", port=502))
    monkeypatch.setenv("GREENCORE_EDGE_MODBUS_DEVICE", "/dev/ttyS1")
    monkeypatch.setenv("GREENCORE_EDGE_MODBUS_STOP_BITS", "2")
    (meter,) = EdgeSettings.from_environment().all_meters
    assert meter.door == Rtu(device="/dev/ttyS1", stop_bits=2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("poll_s: 20", "poll_s: soon", "station.yaml: poll_s: Input should be a valid number"),
        ("parity: even", "parity: E", "station.yaml: meters[0].rtu.parity: Input should be 'none', 'even' or 'odd'"),
        ("unit: 2", "unit: 0", "station.yaml: meters[1]: unit is 1 to 247 on a serial line"),
        ("unit: 2", "unit: 1", "station.yaml: meters: pv is another meter's unit and map again"),
        ("id: pv", "id: main", "station.yaml: meters: every id stands once"),
        ("rtu: *line", "colour: red", "station.yaml: meters[1].colour: there is no such setting"),
        (", rtu: *line", "", "station.yaml: meters[1]: name one of tcp, rtu and http"),
        ("rtu: *line", "rtu: {device: /dev/ttyUSB0}", "one baud rate, parity and number of stop bits for all"),
        ("poll_s", "pol_s", "station.yaml: unknown keys: pol_s"),
        ("poll_s: 20", "map: meter-u64", "station.yaml: map: belongs to each entry of meters"),
        ("station:", "#", "GREENCORE_EDGE_STATION (or station in "),
        ("meters:", "meters: [", "station.yaml cannot be read"),
        (STATION, "- a list", "station.yaml: a station file is a list of `key: value`"),
        (STATION, "meters: []", "station.yaml: meters: name at least one"),
    ],
)
def test_a_fault_names_the_file_and_the_key(written, old, new, said):
    assert said in refusal(written(STATION.replace(old, new)))


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "nowhere.yaml cannot be read" in refusal(tmp_path / "nowhere.yaml")


def test_pauses_are_the_maps_or_the_meters_own():
    door = {"tcp": Tcp(host="192.0.2.7")}
    found = parse(
        "{name: m, title: t, origin: o, pause_ms: 20, connect_pause_ms: 1000, registers:"
        " [{name: a, role: export, address: 0, type: uint32, unit: Wh}]}"
    )
    assert pauses_of(MeterSettings(map="m", **door), found) == Pauses(1.0, 0.02, False)
    own = MeterSettings(map="m", pause_ms=0, connect_pause_ms=2000, close_after_read=True, **door)
    assert pauses_of(own, found) == Pauses(2.0, 0.0, True)


def test_a_meter_behind_the_boundary_has_the_role_of_its_place():
    place = {"map": "eastron-sdm630", "id": "pv", "tcp": Tcp(host="192.0.2.7")}
    names = [register.name for register in load("eastron-sdm630").counters()]
    roles = dict(zip(names, ("aux", "gen"), strict=True))
    found = map_of(MeterSettings(roles=roles, **place))
    assert {register.name: register.role for register in found.counters()} == roles
    assert [register.name for register in map_of(MeterSettings(roles={names[0]: None}, **place)).counters()] == names[
        1:
    ]
    for roles, said in (
        ({"wh": "gen"}, f"meter pv: roles: map eastron-sdm630 has no wh; it has {names[0]}"),
        ({names[0]: "boss"}, "meter pv: roles.*'boss' is unknown"),
        ({names[0]: "gen", names[1]: "gen"}, "every role may stand once"),
        ({names[0]: "water_m3"}, "water_m3 takes"),
    ):
        with pytest.raises(MapError, match=said):
            map_of(MeterSettings(roles=roles, **place))


def test_a_map_for_another_kind_of_door_is_refused(written):
    settings = EdgeSettings.from_environment(
        written(STATION.replace("tcp: {host: 192.0.2.7}", "http: {url: 'http://x'}"))
    )
    doors = Doors(settings, {"heat-pump": load("meter-u64")}, lambda: 0)
    with pytest.raises(MapError, match="meter heat-pump: map meter-u64 is for modbus devices"):
        doors.meter(settings.all_meters[2])


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-1, 70_000)
    | st.sampled_from(["main", "none", "/dev/x", "m.yaml", "", "\0", "a b"])
)
parts = st.dictionaries(
    st.sampled_from(["device", "baud", "parity", "host", "port", "url", "stop_bits"]), scalars, max_size=4
)
meters = st.dictionaries(
    st.sampled_from(["id", "map", "unit", "tcp", "rtu", "http", "roles", "rated_w", 7]), scalars | parts, max_size=8
)
files = st.dictionaries(
    st.sampled_from(["station", "receipt_key", "meters", "poll_s", "data_dir", "config", "map", "clock", 7]),
    scalars | st.lists(meters | scalars, max_size=3) | meters,
    max_size=6,
)


@given(files | scalars, st.booleans())
def test_whatever_stands_in_a_file_is_settings_or_a_refusal_that_names_it(tmp_path_factory, told, whole):
    if whole and isinstance(told, dict):
        told = {**told, "station": "6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f", "receipt_key": "ab" * 32}
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_text(yaml.safe_dump(told))
    said = ""
    try:
        EdgeSettings.from_environment(path)
    except SettingsError as error:
        said = str(error)
    assert "fuzzed.yaml" in said or not said
