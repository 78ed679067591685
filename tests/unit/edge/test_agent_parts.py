# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The small parts: clock, key, schedule, and the interval that is signed."""

import dataclasses
import os
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from edge import keys
from edge.clock import Clock, ClockError
from edge.clock_step import ClockStep, steady_ns
from edge.intervals import SLOT_MS, Limits, Slot
from edge.measure import has_balance, interval_of, limits_of, profile_bytes
from edge.meters.registers import load, parse
from edge.protocol import decode, sign
from edge.schedule import next_read_ms

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
GEN = """
name: gen
title: a generation meter
origin: this test
registers:
  - {name: g, role: gen, address: 0, type: uint32, unit: Wh, modulus: 1000000}
  - {name: a, role: aux, address: 2, type: uint32, unit: Wh}
  - {name: w, role: water_m3, address: 4, type: uint32, unit: l}
"""


class TestClock:
    def test_it_runs_faster_from_a_given_instant(self):
        wall = [1_000_000_000_500_000_000]
        clock = Clock.parse("1760486400.0@1000000000.0000000x900.0")
        clock = dataclasses.replace(clock, wall_ns=lambda: wall[0])
        assert clock.now_ms() == 1_760_486_400_000 + 450_000
        assert clock.now().isoformat() == "2025-10-15T00:07:30+00:00"

    def test_fractions_and_the_system_clock(self):
        assert Clock.parse("1.5@2.25x0.1") == Clock(1_500_000_000, 2_250_000_000, 100_000_000)
        assert Clock.parse(" ") == Clock()

    @pytest.mark.parametrize("text", ["900", "1@2", "1@2x0", "1@2x-1", "a@bxc", "1@2x3x4", "@x"])
    def test_what_is_no_clock_is_refused(self, text):
        with pytest.raises(ClockError, match="not a clock"):
            Clock.parse(text)


class TestClockStep:
    @pytest.mark.parametrize(("step_s", "seen_ms"), [(0, 0), (0.9, 0), (61, 61_000), (-86_400, -86_400_000)])
    def test_what_one_clock_does_alone_is_a_step(self, step_s, seen_ms):
        wall, steady = [10**18], [5 * 10**9]
        step = ClockStep(dataclasses.replace(Clock(), wall_ns=lambda: wall[0]), lambda: steady[0])
        wall[0] += 10 * 10**9
        steady[0] += 10 * 10**9
        assert step.since_last_ms() == 0
        wall[0] += round((10 + step_s) * 10**9)
        steady[0] += 10 * 10**9
        assert step.since_last_ms() == seen_ms
        assert step.since_last_ms() == 0

    def test_a_moment_without_the_processor_is_no_step_in_a_fast_simulation(self):
        wall = [10**18]
        clock = dataclasses.replace(Clock.parse("1760486400@1000000000x900"), wall_ns=lambda: wall[0])
        step = ClockStep(clock, lambda: 0)
        wall[0] += 5 * 10**8
        assert step.since_last_ms() == 0
        assert steady_ns() <= steady_ns()


class TestKey:
    def test_it_is_made_once_and_belongs_to_its_owner(self, tmp_path):
        first = keys.load_or_create(tmp_path / "new")
        path = tmp_path / "new" / keys.KEY_FILE
        assert path.stat().st_mode & 0o777 == 0o600
        assert keys.public_hex(keys.load_or_create(tmp_path / "new")) == keys.public_hex(first)
        assert os.listdir(tmp_path / "new") == [keys.KEY_FILE]

    def test_a_key_that_others_can_read_or_that_is_none_is_refused(self, tmp_path):
        keys.load_or_create(tmp_path)
        path = tmp_path / keys.KEY_FILE
        path.chmod(0o640)
        with pytest.raises(keys.DeviceKeyError, match="chmod 600"):
            keys.load_or_create(tmp_path)
        path.chmod(0o600)
        path.write_text("")
        with pytest.raises(keys.DeviceKeyError, match="backup"):
            keys.load_or_create(tmp_path)
        assert path.read_text() == ""


class TestSchedule:
    @given(
        st.integers(0, 3 * SLOT_MS),
        st.sampled_from([1000, 10_000, 60_000, 300_000, 900_000, 7_777]),
        st.sampled_from([5000, 45_000, 120_000]),
        st.sampled_from([1000, 5000]),
    )
    def test_it_always_moves_on_and_brackets_every_boundary_tightly(self, start, poll, lead, step):
        now, seen = start, []
        while now < start + 2 * SLOT_MS + 2 * lead:
            following = next_read_ms(now, poll, lead, step)
            assert now < following <= now + poll
            seen.append(now := following)
        first = -(-(start + lead) // SLOT_MS)
        for boundary in (first * SLOT_MS, (first + 1) * SLOT_MS):
            if boundary + 2 * step > seen[-1]:
                continue
            assert boundary - max(at for at in seen if at < boundary) <= step
            after = [at for at in seen if at >= boundary]
            assert after[1] - boundary <= 2 * step

    def test_between_boundaries_it_reads_at_a_steady_pace(self):
        assert next_read_ms(100_001, 60_000, 45_000, 5_000) == 120_000
        assert next_read_ms(840_000, 60_000, 45_000, 5_000) == 857_500
        assert next_read_ms(897_500, 60_000, 45_000, 5_000) == 900_000
        assert next_read_ms(900_000, 60_000, 45_000, 5_000) == 902_500
        assert next_read_ms(912_500, 60_000, 45_000, 5_000) == 960_000


class TestMeasure:
    def test_at_a_boundary_meter_the_balance_is_export_less_import(self):
        slot = Slot(
            10, {"TotWhExp": 5_000_000, "TotWhImp": 7_000_000}, {"TotWhExp": 50_000_000, "TotWhImp": 70_000_000},
            "interpolated", ((1, "TotWhExp", 5),),
        )  # fmt: skip
        interval = interval_of(slot, load("sunspec-203"), HOME, "main", "demo", 3)
        assert dict(interval.measures) == {
            "meterWh": -2_000_000,
            "exportWh": 5_000_000,
            "exportRegisterWh": 50_000_000,
            "importWh": 7_000_000,
            "importRegisterWh": 70_000_000,
        }
        assert (interval.meter_id, interval.seq, interval.quality, interval.source) == (None, 3, "interpolated", "demo")
        assert keccak(profile_bytes(slot)) == interval.profile_hash
        signed = sign(interval, Ed25519PrivateKey.generate())
        assert decode(signed.to_json())[0].body == signed.body

    def test_a_generation_meter_sells_what_it_generates(self):
        found = parse(GEN)
        slot = Slot(10, {"g": 9, "a": 2, "w": 1000}, {"g": 90, "a": 20, "w": 9000}, "measured", ())
        interval = interval_of(slot, found, HOME, "pv-2", "edge", 1)
        assert dict(interval.measures) == {"meterWh": 9, "genWh": 9, "genRegisterWh": 90, "auxWh": 2, "waterM3": 1000}
        assert interval.meter_id == "pv-2"
        assert has_balance(slot, found)
        assert not has_balance(Slot(10, {"a": 2}, {"a": 2}, "measured", ()), found)

    def test_powers_bound_the_direction_they_are_about(self):
        limits = limits_of(parse(GEN), rated_w=5000, load_w=None)
        assert limits == {"g": Limits(1_000_000, 5000), "a": Limits(), "w": Limits()}
