# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds without power by quarter hour, from a meter's status bit."""

from hypothesis import given
from hypothesis import strategies as st

from edge.meters.registers import decode_status, parse
from edge.outage import SEEN_MS, SLOT_MS, SLOTS_KEPT, SPAN_MAX_MS, Outage

START = 1_956_096 * SLOT_MS


def after(*reads: tuple[int, bool | None]) -> Outage:
    outage = Outage()
    for seconds, failing in reads:
        outage.take(START + seconds * 1000, failing)
    return outage


def test_what_holds_from_read_to_read_is_counted_and_split_at_the_quarter_hour():
    outage = after((880, False), (890, True), (900, True), (910, True), (920, False), (930, False))
    assert outage.devices(START // SLOT_MS) == {"powerFail": 20_000_000}
    assert outage.devices(START // SLOT_MS + 1) == {"powerFail": 20_000_000}


def test_a_meter_without_failure_or_without_the_bit_says_nothing():
    assert after((0, False), (10, False)).devices(START // SLOT_MS) == {}
    assert after((0, None), (10, None)).devices(START // SLOT_MS) == {}
    assert after((5, True), (15, None)).devices(START // SLOT_MS) == {"powerFail": SEEN_MS * 1000}


def test_a_long_silence_counts_as_a_minute_and_a_clock_that_goes_back_as_nothing():
    assert after((0, False), (600, True)).devices(START // SLOT_MS) == {"powerFail": SPAN_MAX_MS * 1000}
    assert after((600, False), (500, True)).devices(START // SLOT_MS) == {}


@given(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from([True, False, None])), min_size=1, max_size=50))
def test_no_slot_has_more_seconds_than_it_has_and_no_more_is_kept_than_is_used(steps):
    outage, at = Outage(), START
    for step, failing in steps:
        at += step
        outage.take(at, failing)
    assert all(0 < span <= SLOT_MS for span in outage.spans_ms.values())
    assert sum(outage.spans_ms.values()) <= at - START + SEEN_MS
    assert len(outage.spans_ms) <= SLOTS_KEPT


def test_a_bit_field_of_ones_is_no_failure():
    found = parse(
        "{name: m, title: t, origin: o, registers: [{name: e, role: export, address: 0, type: uint16, unit: Wh},"
        " {name: Evt, role: status, address: 1, type: bitfield32, bits: {power_failure: 2}}]}"
    )
    assert decode_status(found, {0: 0, 1: 0, 2: 4}) == {"power_failure": True}
    assert decode_status(found, {0: 0, 1: 0xFFFF, 2: 0xFFFB}) == {"power_failure": False}
    assert decode_status(found, {0: 0, 1: 0xFFFF, 2: 0xFFFF}) == {}
