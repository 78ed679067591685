# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The rules that turn reads into intervals, played against meters that are known exactly."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.intervals import SLOT_MS, BuilderState, Event, Limits, Mark, Read, Slot, Track, advance, take

B0 = 1_000_000 * SLOT_MS  # a boundary
WH = 6  # exponent of a register in Wh


def feed(reads, limits=None, required=("export",), state=None):
    """All samples through the rules; a sample is {register: Read}."""
    state = state or BuilderState()
    slots: list[Slot] = []
    events: list[Event] = []
    for sample in reads:
        step = take(state, sample, {name: limits or Limits() for name in sample}, required)
        state = step.state
        slots += step.slots
        events += step.events
    return slots, events, state


def at(seconds: float, raw: int, exponent: int = WH) -> dict[str, Read]:
    return {"export": Read(B0 + int(seconds * 1000), raw, exponent)}


def steady(power_w: int, until_s: int, every_s: int = 10, start_s: int = -30, base: int = 50_000):
    return [at(second, base + power_w * (second - start_s) // 3600) for second in range(start_s, until_s, every_s)]


class TestOneQuarterHour:
    def test_energy_is_the_difference_of_interpolated_registers(self):
        slots, events, _ = feed([at(-10, 100), at(10, 120), at(890, 700), at(910, 740), at(920, 741)])
        assert [(slot.slot, slot.deltas, slot.quality) for slot in slots] == [
            (1_000_000, {"export": (720 - 110) * 10**6}, "measured")
        ]
        assert slots[0].registers == {"export": 720 * 10**6}
        assert events == []

    def test_a_read_on_the_boundary_is_exact(self):
        slots, _, _ = feed([at(0, 100), at(450, 300), at(900, 500), at(1000, 501)])
        assert slots[0].deltas == {"export": 400 * 10**6}
        assert slots[0].quality == "measured"

    def test_the_profile_holds_the_reads_around_both_ends_and_the_scale(self):
        def read(second: int, raw: int) -> dict[str, Read]:
            return {"export": Read(B0 + second * 1000, raw, 5, scale_raw=-1)}

        slots, _, _ = feed(
            [read(-10, 100), read(10, 120), read(450, 300), read(890, 700), read(910, 740), read(911, 740)]
        )
        names = [(at_ms - B0, name, raw) for at_ms, name, raw in slots[0].profile]
        assert names == [
            (-10_000, "export", 100), (-10_000, "export.scale", -1),
            (10_000, "export", 120), (10_000, "export.scale", -1),
            (890_000, "export", 700), (890_000, "export.scale", -1),
            (910_000, "export", 740), (910_000, "export.scale", -1),
        ]  # fmt: skip


class TestSpan:
    def test_up_to_a_minute_is_measured_and_more_is_interpolated(self):
        for gap, quality in ((60, "measured"), (61, "interpolated"), (900, "interpolated")):
            reads = [at(-5, 0), at(5, 1), at(895, 9), at(895 + gap, 11), at(1900, 12)]
            assert [slot.quality for slot in feed(reads)[0]] == [quality], gap

    def test_beyond_a_quarter_hour_nothing_is_built(self):
        slots, _, _ = feed([at(-5, 0), at(5, 1), at(895, 9), at(895 + 901, 11), at(1800, 12)])
        assert slots == []

    def test_a_missed_stretch_is_not_invented_but_bracketed_by_registers(self):
        before = [at(-5, 0), at(5, 1), at(895, 90), at(905, 91)]
        after = [at(4495, 450), at(4505, 451), at(5395, 540), at(5405, 541), at(5415, 542)]
        slots, _, _ = feed(before + after)
        assert [slot.slot - 1_000_000 for slot in slots] == [0, 5]
        start_of_last = slots[1].registers["export"] - slots[1].deltas["export"]
        assert start_of_last - slots[0].registers["export"] == (450 - 90) * 10**6


class TestBrokenReads:
    def test_a_spike_is_dropped_even_at_the_boundary(self):
        reads = [*steady(3600, 896), at(901, 9_999_999), *steady(3600, 1000)[94:]]
        slots, events, _ = feed(reads)
        assert [event.kind for event in events] == ["spike"]
        assert [slot.deltas["export"] for slot in slots] == [900 * 10**6]

    def test_a_dip_to_zero_is_dropped_however_often_within_a_minute(self):
        reads = steady(3600, 1000)
        dips = [at(second, 0) for second in (401, 402, 403, 404)]
        ordered = sorted(reads + dips, key=lambda sample: sample["export"].at_ms)
        slots, events, _ = feed(ordered)
        assert [event.kind for event in events] == ["spike"]
        assert [slot.deltas["export"] for slot in slots] == [900 * 10**6]

    def test_a_jump_beyond_the_station_power_ends_the_run(self):
        reads = steady(1000, 450) + [at(second, 90_000_000 + second) for second in range(460, 2000, 10)]
        slots, events, _ = feed(reads, Limits(cap_w=5000))
        assert [event.kind for event in events] == ["reset"]
        assert [slot.slot - 1_000_000 for slot in slots] == [1]


class TestNewMeter:
    def test_a_fall_that_stays_is_a_new_meter_and_costs_its_quarter_hour_only(self):
        reads = steady(3600, 450, base=50_000) + [at(second, second - 450) for second in range(460, 2800, 10)]
        slots, events, _ = feed(reads)
        assert [event.kind for event in events] == ["reset"]
        assert [(slot.slot - 1_000_000, slot.deltas["export"]) for slot in slots] == [
            (1, 900 * 10**6),
            (2, 900 * 10**6),
        ]
        assert slots[0].registers["export"] == (1800 - 450) * 10**6

    @pytest.mark.parametrize(("before", "after"), [(6, 7), (7, 6), (6, 9), (8, 6)])
    def test_another_scale_factor_costs_nothing(self, before, after):
        def shown(second: int) -> dict[str, Read]:
            exponent = before if second < 455 else after
            return {
                "export": Read(B0 + second * 1000, (5_000_500 + second) * 10**6 // 10**exponent, exponent, 6 - exponent)
            }

        slots, events, _ = feed([shown(second) for second in range(-30, 3700, 10)])
        assert [event.kind for event in events] == ["scale_changed"]
        assert [slot.slot - 1_000_000 for slot in slots] == [0, 1, 2, 3]
        unit = 10 ** max(before, after)
        assert all(abs(slot.deltas["export"] - 900 * 10**6) <= unit for slot in slots)
        assert abs(sum(slot.deltas["export"] for slot in slots) - 3600 * 10**6) <= unit
        seen = {(at_ms, name): raw for slot in slots for at_ms, name, raw in slot.profile}
        for (at_ms, name), raw in seen.items():
            if name == "export":
                assert raw == shown((at_ms - B0) // 1000)["export"].raw  # the profile holds what the device showed

    def test_a_scale_factor_that_was_misread_once_is_a_spike(self):
        reads = steady(3600, 1000)
        wrong = {"export": Read(B0 + 455_000, 50_485, 8)}
        slots, events, _ = feed(sorted([*reads, wrong], key=lambda sample: sample["export"].at_ms))
        assert [event.kind for event in events] == ["scale_changed", "scale_changed", "spike"]
        assert [slot.deltas["export"] for slot in slots] == [900 * 10**6]

    def test_a_register_rolls_over_in_the_unit_it_shows(self):
        modulus = 100_000
        truth = [(second, 999_000 + second) for second in range(-30, 3000, 10)]  # Wh; shown in tens from 400 s on
        reads = [
            {"export": Read(B0 + second * 1000, wh // 10 % modulus if second >= 400 else wh, 7 if second >= 400 else 6)}
            for second, wh in truth
        ]
        slots, events, _ = feed(reads, Limits(modulus, cap_w=4000))
        assert [event.kind for event in events] == ["scale_changed", "rollover"]
        assert [slot.slot - 1_000_000 for slot in slots] == [0, 1, 2]
        assert abs(slots[2].registers["export"] - (999_000 + 2700) * 10**6) <= 10**7


class TestRollover:
    def test_the_register_goes_on_over_the_modulus(self):
        modulus = 2**32
        reads = [at(second, (modulus - 200 + second) % modulus) for second in range(-30, 2000, 10)]
        slots, events, _ = feed(reads, Limits(modulus, cap_w=4000))
        assert [event.kind for event in events] == ["rollover"]
        assert [slot.deltas["export"] for slot in slots] == [900 * 10**6, 900 * 10**6]
        assert slots[1].registers["export"] - slots[0].registers["export"] == 900 * 10**6

    def test_a_fall_from_the_middle_is_no_rollover(self):
        reads = steady(3600, 450) + [at(second, second) for second in range(460, 1900, 10)]
        _, events, _ = feed(reads, Limits(2**32))
        assert [event.kind for event in events] == ["reset"]

    def test_a_fall_that_would_need_more_than_the_station_power_is_no_rollover(self):
        reads = [at(second, 960_000 + second // 10) for second in range(-30, 450, 10)]
        reads += [at(second, 500_000 + second // 10) for second in range(460, 1900, 10)]
        _, events, _ = feed(reads, Limits(1_000_000, cap_w=5000))
        assert [event.kind for event in events] == ["reset"]


class TestClock:
    def test_a_small_step_back_is_waited_out(self):
        reads = [*steady(3600, 400), at(380, 50_410), at(395, 50_425), *steady(3600, 1000)[44:]]
        slots, events, _ = feed(reads)
        assert {event.kind for event in events} == {"clock_back"}
        assert [slot.deltas["export"] for slot in slots] == [900 * 10**6]

    def test_a_large_step_back_ends_the_run_and_intervals_go_on_at_once(self):
        reads = steady(3600, 400) + [at(second, 51_000 + second + 86_400) for second in range(-86_400, -84_000, 10)]
        slots, events, _ = feed(reads)
        assert [(event.kind, event.detail) for event in events] == [("clock_break", "the clock was set by -86790 s")]
        assert [(slot.slot - 1_000_000 + 96, slot.deltas["export"]) for slot in slots] == [
            (0, 900 * 10**6),
            (1, 900 * 10**6),
        ]

    @pytest.mark.parametrize("step_s", [61, 600, 86_400, -61, -86_400])
    def test_a_step_gives_up_the_open_interval_and_moves_no_energy(self, step_s):
        """The clock is set at 1,350 s, in the second interval; the meter delivers 1 Wh a second all the time."""
        state, slots, events = BuilderState(), [], []
        for second in range(-30, 6000, 10):
            shown = second + (step_s if second > 1350 else 0)
            stepped = step_s * 1000 if second == 1360 else 0
            step = take(state, at(shown, 50_000 + second), {"export": Limits()}, ("export",), stepped)
            state = step.state
            slots += step.slots
            events += step.events
        assert [event.kind for event in events] == ["clock_break"]
        assert all(slot.deltas == {"export": 900 * 10**6} for slot in slots)
        assert all(slot.quality == "measured" for slot in slots)
        before = [slot.slot - 1_000_000 for slot in slots if slot.registers["export"] <= (50_000 + 1350) * 10**6]
        after = [slot.slot - 1_000_000 for slot in slots if slot.registers["export"] > (50_000 + 1350) * 10**6]
        first = -(-(1360 + step_s) // 900)  # the first boundary that the new time line sees
        assert (before, after[:2]) == ([0], [first, first + 1])

    @pytest.mark.parametrize("step_s", [60, -60])
    def test_a_step_of_a_minute_is_bridged_and_nothing_is_lost(self, step_s):
        state, slots, events = BuilderState(), [], []
        for second in range(-30, 6000, 10):
            shown = second + (step_s if second > 895 else 0)
            step = take(state, at(shown, 50_000 + second), {"export": Limits()}, ("export",), 0)
            state = step.state
            slots += step.slots
            events += step.events
        assert {event.kind for event in events} <= {"clock_back"}
        assert [slot.slot - 1_000_000 for slot in slots] == [0, 1, 2, 3, 4, 5]
        joined = itertools.pairwise(slots)
        assert all(
            later.registers["export"] - earlier.registers["export"] == later.deltas["export"]
            for earlier, later in joined
        )

    def test_a_step_forgets_no_rollover(self):
        modulus = 2**32
        state, slots = BuilderState(), []
        for second in range(-30, 4000, 10):
            step = take(
                state, at(second + (600 if second > 1000 else 0), (modulus - 500 + second) % modulus),
                {"export": Limits(modulus)}, (), 600_000 if second == 1010 else 0,
            )  # fmt: skip
            state = step.state
            slots += step.slots
        registers = [slot.registers["export"] for slot in slots]
        assert registers == sorted(registers)
        assert registers[-1] > modulus * 10**6


class TestSeveralRegisters:
    def test_a_slot_waits_for_every_required_register(self):
        def both(second: int, export: int, imported: int | None) -> dict[str, Read]:
            sample = at(second, export)
            if imported is not None:
                sample["import"] = Read(B0 + second * 1000, imported, WH)
            return sample

        reads = [both(s, 100 + s, 7 if s < 800 or s > 1300 else None) for s in range(-30, 2000, 10)]
        slots, _, _ = feed(reads, required=("export", "import"))
        assert [(slot.slot - 1_000_000, slot.quality) for slot in slots] == [(0, "interpolated"), (1, "interpolated")]
        assert all(slot.deltas["import"] == 0 for slot in slots)

    def test_a_register_that_was_never_there_is_left_out_unless_required(self):
        assert feed(steady(3600, 1000), required=())[0][0].deltas == {"export": 900 * 10**6}
        assert feed(steady(3600, 1000), required=("export", "import"))[0] == []

    def test_a_register_that_appears_later_makes_no_energy_out_of_nothing(self):
        reads = steady(3600, 2800)
        for sample in reads:
            read = sample["export"]
            if read.at_ms > B0 + 450_000:
                sample["import"] = Read(read.at_ms, 5_000_000, WH)
        slots, _, _ = feed(reads, required=())
        assert [(slot.slot - 1_000_000, dict(slot.deltas)) for slot in slots] == [
            (1, {"export": 900 * 10**6, "import": 0}),
            (2, {"export": 900 * 10**6, "import": 0}),
        ]


@st.composite
def _readings(draw):
    """A register that only grows, read at irregular instants, some of them far apart; modulus small enough to wrap."""
    modulus = draw(st.sampled_from([None, 10**6]))
    second, total = draw(st.integers(-900, 900)) * 1000, draw(st.integers(0, 999_999))
    reads = []
    for _ in range(draw(st.integers(3, 60))):
        second += draw(st.one_of(st.integers(1, 120_000), st.integers(1, 1_000_000), st.integers(1, 6_000_000)))
        total += draw(st.integers(0, 20_000))
        reads.append((B0 + second, total))
    return modulus, reads


@given(_readings())
def test_intervals_sum_to_the_register_exactly_and_never_twice(case):
    modulus, truth = case
    samples = [{"export": Read(at_ms, total % modulus if modulus else total, WH)} for at_ms, total in truth]
    slots, events, _ = feed(samples, Limits(modulus))
    assert {event.kind for event in events} <= {"rollover"}
    numbers = [slot.slot for slot in slots]
    assert numbers == sorted(set(numbers))
    start = truth[0][1] % modulus if modulus else truth[0][1]
    lost = truth[0][1] - start  # whole moduli before the first read
    previous, number = None, -1
    for slot in slots:
        begin = slot.registers["export"] - slot.deltas["export"]
        assert slot.deltas["export"] >= 0
        if previous is not None:
            assert begin >= previous  # a gap is bracketed; without one the registers touch
            if slot.slot == number + 1:
                assert begin == previous
        previous, number = slot.registers["export"], slot.slot
        # the register at the end lies between the true readings around it
        end_ms = (slot.slot + 1) * SLOT_MS
        below = max(total for at_ms, total in truth if at_ms <= end_ms)
        above = min(total for at_ms, total in truth if at_ms >= end_ms)
        assert (below - lost) * 10**6 <= slot.registers["export"] <= (above - lost) * 10**6
    quality = {slot.quality for slot in slots}
    assert quality <= {"measured", "interpolated"}


@given(_readings(), st.data())
def test_a_restart_anywhere_changes_nothing(case, data):
    """The state after any sample, written and read back, gives the same slots as an agent that never stopped."""
    modulus, truth = case
    samples = [{"export": Read(at_ms, total % modulus if modulus else total, WH)} for at_ms, total in truth]
    cut = data.draw(st.integers(0, len(samples)))
    whole, _, _ = feed(samples, Limits(modulus))
    first, _, state = feed(samples[:cut], Limits(modulus))
    revived = msgspec.json.decode(msgspec.json.encode(state), type=BuilderState)
    second, _, _ = feed(samples[cut:], Limits(modulus), state=revived)
    assert first + second == whole


@given(_readings(), st.data())
def test_a_device_that_changes_its_scale_at_every_read_loses_nothing(case, data):
    """Registers of 1 Wh shown in units of 0.1 to 100 Wh: what is built touches, never falls, and lies within one unit."""
    _, truth = case
    exponents = data.draw(st.lists(st.sampled_from([5, 6, 7, 8]), min_size=len(truth), max_size=len(truth)))
    samples = [
        {"export": Read(at_ms, total * 10**6 // 10**exponent, exponent)}
        for (at_ms, total), exponent in zip(truth, exponents, strict=True)
    ]
    slots, events, _ = feed(samples, Limits(cap_w=80_000_000))
    assert {event.kind for event in events} <= {"scale_changed"}
    assert sum(event.kind == "scale_changed" for event in events) == sum(
        a != b for a, b in itertools.pairwise(exponents)
    )
    assert [slot.slot for slot in slots] == [slot.slot for slot in feed(
        [{"export": Read(at_ms, total, WH)} for at_ms, total in truth], Limits(cap_w=80_000_000)
    )[0]]  # fmt: skip
    for earlier, later in itertools.pairwise(slots):
        begin = later.registers["export"] - later.deltas["export"]
        assert begin >= earlier.registers["export"]
        assert later.slot > earlier.slot + 1 or begin == earlier.registers["export"]
    for slot in slots:
        end_ms = (slot.slot + 1) * SLOT_MS
        below = max(total for at_ms, total in truth if at_ms <= end_ms)
        above = min(total for at_ms, total in truth if at_ms >= end_ms)
        assert (below - 100) * 10**6 <= slot.registers["export"] <= above * 10**6
        assert slot.deltas["export"] >= 0


@given(_readings(), st.data())
def test_single_spikes_and_dips_do_not_reach_an_interval(case, data):
    modulus, truth = None, case[1]
    samples = [{"export": Read(at_ms, total, WH)} for at_ms, total in truth]
    clean, _, _ = feed(samples, Limits(modulus))
    position = data.draw(st.integers(2, len(samples) - 1))
    before, after = truth[position - 1], truth[position]
    if after[0] - before[0] < 2 or len(truth) - position < 2:
        return
    wrong = data.draw(st.sampled_from([0, before[1] + 10**9]))
    if wrong >= before[1] and wrong <= after[1]:
        return
    bad = {"export": Read((before[0] + after[0]) // 2, wrong, WH)}
    dirty, events, _ = feed([*samples[:position], bad, *samples[position:]], Limits(modulus))
    assert [event.kind for event in events] == ["spike"]
    assert [(slot.slot, slot.deltas) for slot in dirty] == [(slot.slot, slot.deltas) for slot in clean]


def test_advance_needs_two_reads_before_it_believes_a_first_one():
    track, marks, events = advance(Track(), Read(B0, 10, WH), Limits())
    assert (track.base, marks, events) == (None, [], [])
    track, marks, events = advance(track, Read(B0 + 1000, 11, WH), Limits())
    assert track.base == Read(B0, 10, WH)
    assert marks == [Mark(1_000_000, 10, WH, 0, 0, Read(B0, 10, WH), Read(B0, 10, WH))]
    assert events == []


@given(st.integers(1, 999), st.integers(1, 999), st.lists(st.integers(0, 50), min_size=60, max_size=60))
def test_a_ratio_that_is_no_power_of_ten_adds_up_to_the_millionth(multiplier, divisor, steps):
    raws = itertools.accumulate(steps, initial=7_000)
    reads = [
        {"export": Read(B0 + 50_000 * (index - 3), raw, WH, None, multiplier, divisor)}
        for index, raw in enumerate(raws)
    ]
    slots, _, _ = feed(reads)
    ends = [slot.registers["export"] for slot in slots]
    assert len(slots) == 3
    assert [end - slot.deltas["export"] for end, slot in zip(ends[1:], slots[1:], strict=True)] == ends[:-1]
    exact = {raw * 10**WH * multiplier // divisor for raw in range(7_000 + sum(steps) + 1)}
    assert set(ends) <= exact
