# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Energy from power where there is no counter: flagged, exact for what changes evenly, and nothing over a gap."""

import itertools
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.integrate import GAP_MAX_MS, Power, PowerState, take_power
from edge.intervals import SLOT_MS, Slot
from edge.measure import has_balance, interval_of
from edge.meters.doors import Doors
from edge.meters.registers import MapError, load, parse
from edge.settings import EdgeSettings

B0 = 1_000_000 * SLOT_MS
HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
POWER = parse("""
name: inverter
title: power only
origin: this test
registers:
  - {name: w, role: power, address: 0, type: int16, unit: W}
""")


def feed(reads, limit_w=None, steps=()):
    """(second, watts) through the rules."""
    state, slots, events = PowerState(), [], []
    for second, watts in reads:
        read = Power(B0 + int(second * 1000), watts, watts * 10**6)
        state, new, seen = take_power(state, read, "w", limit_w, dict(steps).get(second, 0))
        slots += new
        events += seen
    return slots, events


def every(step: int, start: int, stop: int, watts):
    return [(second, watts(second)) for second in range(start, stop, step)]


def test_even_power_is_exact_and_says_how_it_was_made():
    slots, _ = feed(every(10, -5, 2000, lambda _: 3600))
    assert [(slot.slot - 1_000_000, dict(slot.deltas), slot.quality) for slot in slots] == [
        (0, {"export": 900 * 10**6, "import": 0}, "integrated"),
        (1, {"export": 900 * 10**6, "import": 0}, "integrated"),
    ]
    assert (len(slots[0].profile), slots[0].profile[0], slots[0].profile[-1]) == (
        92, (B0 - 5000, "w", 3600), (B0 + 905_000, "w", 3600),
    )  # fmt: skip


def test_what_is_delivered_and_what_is_drawn_are_apart():
    slots, _ = feed(every(10, 0, 1000, lambda second: 7200 - 16 * second))  # through zero at 450 s
    assert slots[0].deltas == {"export": 450 * 10**6, "import": 450 * 10**6}


@pytest.mark.parametrize("gap_s", [20, 21])
def test_a_gap_is_not_bridged(gap_s):
    reads = every(10, -5, 400, lambda _: 3600) + every(10, 395 + gap_s, 2000, lambda _: 3600)
    slots, _ = feed(reads)
    assert [slot.slot - 1_000_000 for slot in slots] == ([0, 1] if gap_s * 1000 <= GAP_MAX_MS else [1])


def test_the_quarter_hour_of_the_start_and_of_a_set_clock_are_missing():
    assert feed(every(10, 5, 1800, lambda _: 3600))[0] == []
    slots, events = feed(every(10, -5, 2000, lambda _: 3600), steps=[(405, 61_000)])
    assert [slot.slot - 1_000_000 for slot in slots] == [1]
    assert [event.kind for event in events] == ["clock_break"]


def test_a_read_that_the_station_cannot_deliver_is_dropped():
    reads = every(10, -5, 1000, lambda second: 32767 if second == 405 else 3600)
    slots, events = feed(reads, limit_w=5000)
    assert [slot.deltas["export"] for slot in slots] == [900 * 10**6]
    assert [event.kind for event in events] == ["spike"]


@given(st.lists(st.tuples(st.integers(1, 12_000), st.integers(-9000, 9000)), min_size=20, max_size=300))
def test_the_balance_is_the_area_under_the_line(steps):
    at_ms, reads = B0 - 1, [(B0 - 1, 0)]
    for elapsed, watts in steps:
        at_ms += elapsed
        reads.append((at_ms, watts))
    state, slots = PowerState(), []
    for when, watts in reads:
        state, new, _ = take_power(state, Power(when, watts, watts * 10**6), "w", None)
        slots += new
    for slot in slots:
        start, end = slot.slot * SLOT_MS, (slot.slot + 1) * SLOT_MS
        area = Fraction(0)
        for (t0, p0), (t1, p1) in itertools.pairwise(reads):
            low, high = max(t0, start), min(t1, end)
            if low < high:
                at = lambda t: Fraction(p0) + Fraction((p1 - p0) * (t - t0), t1 - t0)  # noqa: B023, E731
                area += (at(low) + at(high)) / 2 * (high - low)
        assert abs((slot.deltas["export"] - slot.deltas["import"]) - area * 10**6 / 3_600_000) <= 3
        assert min(slot.deltas.values()) >= 0


def test_the_interval_has_a_balance_and_no_registers():
    slot = Slot(10, {"export": 9, "import": 4}, {}, "integrated", ())
    assert has_balance(slot, POWER)
    interval = interval_of(slot, POWER, HOME, "main", "edge", 1)
    assert dict(interval.measures) == {"meterWh": 5, "exportWh": 9, "importWh": 4}
    assert interval.quality == "integrated"


def test_seldom_reads_make_no_energy():
    settings = EdgeSettings(station=HOME, receipt_key="00" * 32, poll_s=11)
    with pytest.raises(MapError, match="no counter, and power makes energy only at poll_s 10"):
        Doors(settings, {"main": POWER}, lambda: 0).meter(settings.all_meters[0])
    Doors(settings, {"main": load("meter-u64")}, lambda: 0).meter(settings.all_meters[0])
