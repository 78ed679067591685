# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The virtual meter is a function of time; its faults are too; and its words say what its registers hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.meters.registers import Absent, Value, decode, known, load
from simulator.clock import Clock
from simulator.encode import EncodeError, Image
from simulator.faults import Fault, FaultyMeter
from simulator.meter import Registers, VirtualMeter
from simulator.profile import Profile
from simulator.server import ConfigError, read_config

EPOCH = 1_760_486_400 + 3 * 3600  # three in the morning of simulated time
DAY_MS = 86_400_000
MODBUS = [name for name in known() if load(name).transport == "modbus"]


def profile(values, step=3600, midnight_s=0) -> Profile:
    return Profile("test", 0, midnight_s, step, tuple(None if v is None else 2 * v for v in values), tuple(values))


def constant(power_wh: int = 3_600_000_000) -> VirtualMeter:
    return VirtualMeter(profile([power_wh] * 24), EPOCH, 0, 0)


class TestMeter:
    def test_it_starts_where_it_is_told_and_follows_the_profile_at_its_time_of_day(self):
        meter = VirtualMeter(profile(range(0, 24_000, 1000)), EPOCH, 7, 9)
        assert meter.at(EPOCH * 1000) == Registers(7, 9)
        assert meter.at(EPOCH * 1000 + 1_800_000) == Registers(7 + 3000, 9 + 1500)
        assert meter.at(EPOCH * 1000 + DAY_MS) == Registers(7 + 552_000, 9 + 276_000)
        assert meter.at(0) == Registers(7, 9)

    def test_outside_the_data_it_is_silent_and_stands_still(self):
        meter = VirtualMeter(profile([1000, None, 1000], midnight_s=2 * 3600), EPOCH)
        hours = [meter.at((EPOCH + 3600 * hour) * 1000 + 1) for hour in range(4)]
        assert [it.silent for it in hours] == [True, False, True, True]
        assert meter.at((EPOCH + 3 * 3600) * 1000).export_uwh == 1000
        assert meter.at((EPOCH + 3600 * 30) * 1000).export_uwh == 3000

    @given(
        st.lists(st.one_of(st.none(), st.integers(0, 10**12)), min_size=1, max_size=40),
        st.sampled_from([60, 300, 900, 1800, 3600, 7000]),
        st.integers(0, 86_399),
        st.lists(st.integers(0, 90 * DAY_MS), min_size=2, max_size=20),
    )
    def test_it_never_runs_backwards_and_repeats_to_the_microwatthour(self, values, step, midnight, times):
        meter = VirtualMeter(profile(values, step, midnight), EPOCH, 5, 5)
        seen = [meter.at(EPOCH * 1000 + at) for at in sorted(times)]
        assert all(a.export_uwh <= b.export_uwh and a.import_uwh <= b.import_uwh for a, b in zip(seen, seen[1:]))  # noqa: B905, RUF007
        period = -(-len(values) * step // 86_400) * DAY_MS
        total = sum(value or 0 for value in values)
        for at, found in zip(sorted(times), seen, strict=True):
            assert meter.at(EPOCH * 1000 + at + period).export_uwh == found.export_uwh + total


class TestFaults:
    def at(self, faults, *seconds):
        meter = FaultyMeter(constant(), EPOCH, faults)
        return [meter.read((EPOCH + second) * 1000) for second in seconds]

    def test_a_gap_is_silence(self):
        found = self.at([Fault("gap", 100, 50, every_s=1000)], 99, 100, 149, 150, 1099, 1120, 1150)
        assert [it.silent for it in found] == [False, True, True, False, False, True, False]

    def test_a_spike_is_one_read(self):
        found = self.at([Fault("spike", 100, 60, wh=5, every_s=500)], 99, 101, 102, 610, 700)
        assert [it.export_uwh // 10**6 for it in found] == [99, 106, 102, 615, 700]

    def test_a_frozen_register_stands_still_and_jumps(self):
        found = self.at([Fault("frozen", 100, 50)], 99, 120, 149, 150)
        assert [it.export_uwh // 10**6 for it in found] == [99, 100, 100, 150]

    def test_a_reset_begins_near_zero(self):
        found = self.at([Fault("reset", 100)], 99, 100, 4000)
        assert [it.export_uwh // 10**6 for it in found] == [99, 1, 3901]
        assert [it.import_uwh // 10**6 for it in found] == [198, 1, 7801]


class TestWords:
    @given(
        st.sampled_from(["sunspec-203", "meter-u64", "meter-u64-mwh"]), st.integers(1, 10**15), st.integers(1, 10**15)
    )
    def test_the_agent_reads_what_the_meter_holds(self, name, imported, exported):
        image, found = Image(name), load(name)
        words = image.constants()
        image.write(Registers(imported, exported), words)
        values = decode(found, dict(enumerate(words, start=image.start)))
        for register in found.counters():
            value = values[register.name]
            held = imported if register.role == "import" else exported
            raw = held // 10 ** (3 if register.unit == "mWh" else 6)
            raw %= register.modulus or 2**64
            assert (
                value == Value(raw, 3 if register.unit == "mWh" else 6, 0 if register.scale_register else None)
                or raw == 0
            )

    @given(st.sampled_from(MODBUS), st.integers(0, 10**15), st.integers(0, 10**15))
    def test_every_map_is_read_as_it_was_written_to_one_step_of_its_register(self, name, imported, exported):
        image, found = Image(name), load(name)
        words = image.constants()
        image.write(Registers(imported, exported), words)
        values = decode(found, dict(enumerate(words, start=image.start)))
        for register in found.counters():
            if register.role not in ("import", "export", "gen"):
                continue
            held = imported if register.role == "import" else exported
            exponent, factor = register.weight
            step = factor * 10**exponent
            value = values[register.name]
            if isinstance(value, Absent):
                assert (value.reason, held // step % (register.modulus or 2**64)) == ("null", 0)
            elif register.is_float:
                assert abs(value.micro - held) <= step + held / 2 ** (23 if register.bit_count == 32 else 52)
            else:
                assert value.raw == held // step % (register.modulus or 2**64)

    def test_a_float_is_the_nearest_one(self):
        image = Image("eastron-sdm630")
        words = image.constants()
        image.write(Registers(1_500_000_000, 2_250_000_000), words)
        values = decode(load("eastron-sdm630"), dict(enumerate(words, start=image.start)))
        assert values == {"import_kwh": Value(1_500_000, 3), "export_kwh": Value(2_250_000, 3)}

    def test_marks_of_the_device_stand_where_the_agent_looks(self):
        image = Image("sunspec-203")
        words = image.constants()
        for expectation in load("sunspec-203").expect:
            offset = expectation.address - image.start
            assert words[offset : offset + len(expectation.words)] == expectation.words

    def test_a_map_without_modulus_cannot_roll_over(self):
        assert Image("sunspec-203").modulus_uwh() == 2**32 * 10**6
        with pytest.raises(EncodeError, match="modulus"):
            Image("meter-u64").modulus_uwh()
        with pytest.raises(EncodeError, match="no register map"):
            Image("nothing")


class TestConfiguration:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"epoch": "x"}, "epoch"),
            ({"stations": [{"name": "a"}]}, "port"),
            (
                {"stations": [{"name": "a", "port": 1, "profile": "pv", "faults": [{"kind": "fire", "at_s": 1}]}]},
                "fire",
            ),
            (
                {"stations": [{"name": "a", "port": 1, "profile": "pv", "faults": [{"kind": "gap", "at_s": -1}]}]},
                "at_s",
            ),
            ({"colour": 1}, "colour"),
            ({"clock": "fast"}, "not a clock"),
        ],
    )
    def test_a_wrong_one_is_refused_with_its_place(self, tmp_path, change, says):
        path = tmp_path / "c.json"
        path.write_text(json.dumps({"epoch": 0, "stations": []} | change))
        with pytest.raises(ConfigError, match=says):
            read_config(path)

    def test_the_clock_is_the_one_of_everybody(self):
        assert Clock.parse("1.5@2.25x0.1") == Clock(1_500_000_000, 2_250_000_000, 100_000_000)
        with pytest.raises(ValueError, match="not a clock"):
            Clock.parse("900")
