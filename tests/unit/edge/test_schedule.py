# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""When stations deliver: spread after a quarter hour, and twice a day whatever the link costs."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from edge.schedule import FLUSH_MS, FLUSH_SPREAD_MS, flush_ms, jitter_ms, upload_ms

NOW = st.integers(1_700_000_000_000, 1_900_000_000_000)
HOUR = 3_600_000


@given(NOW, st.uuids(), st.integers(0, 840_000))
def test_a_delivery_waits_for_its_turn_in_this_quarter_hour_and_no_longer(now, station, jitter):
    at = upload_ms(now, station, jitter)
    assert now <= at
    assert at == now or at // 900_000 == now // 900_000
    assert at - now // 900_000 * 900_000 < jitter or at == now
    assert upload_ms(at, station, jitter) == at


@given(NOW, st.uuids())
def test_two_flushes_a_day_half_an_hour_around_midnight_and_noon(now, station):
    last, following = flush_ms(now, station)
    assert last <= now < following == last + FLUSH_MS
    assert (last + FLUSH_SPREAD_MS) % FLUSH_MS < 2 * FLUSH_SPREAD_MS
    assert flush_ms(following, station)[0] == following


def test_stations_are_spread_evenly():
    boundary = 1_956_096 * 900_000
    turns = [upload_ms(boundary, UUID(int=n), 300_000) - boundary for n in range(3_000)]
    per_minute = [sum(turn // 60_000 == minute for turn in turns) for minute in range(5)]
    assert min(per_minute) > 500
    flushes = {flush_ms(boundary, UUID(int=n))[1] // 60_000 for n in range(3_000)}
    assert len(flushes) == 60


def test_what_nobody_set_is_five_minutes_and_nothing_for_a_demonstration():
    assert (jitter_ms(None, False), jitter_ms(None, True), jitter_ms(7.5, True)) == (300_000, 0, 7_500)
