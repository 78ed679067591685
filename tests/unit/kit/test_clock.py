# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One clock that every process computes alike."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import AcceleratedClock, FixedClock, SystemClock, clock_from


@given(st.floats(0, 4e9), st.floats(0, 4e9), st.floats(0.001, 1e5))
def test_a_clock_survives_its_text(origin: float, wall: float, speed: float) -> None:
    clock = AcceleratedClock(round(origin, 3), round(wall, 3), round(speed, 3))
    text = str(clock)
    if "e" not in text:
        assert clock_from(text) == clock


@pytest.mark.parametrize("text", ["x", "1@2", "1@2x0", "-1@2x3", "1@2x3 ", "now@1x2", "1e9@1x2"])
def test_another_form_is_no_clock(text: str) -> None:
    with pytest.raises(ValueError, match="is no clock"):
        clock_from(text)


def test_an_accelerated_clock_runs_from_where_it_was_set() -> None:
    clock = clock_from(f"1000000000@{time.time() - 2!r}x900")
    passed = clock.now() - datetime.fromtimestamp(1_000_000_000, UTC)
    assert 1_800 <= passed.total_seconds() < 1_900


async def test_sleep_is_in_the_clocks_own_seconds() -> None:
    clock = AcceleratedClock(0, time.time(), 900)
    began = time.perf_counter()
    await clock.sleep(45)
    assert 0.04 < time.perf_counter() - began < 1
    fixed = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    await fixed.sleep(90)
    assert fixed.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)


def test_the_system_clock_is_utc() -> None:
    assert isinstance(clock_from(""), SystemClock)
    assert abs(clock_from("").now().timestamp() - time.time()) < 5
    assert clock_from("").now().tzinfo is UTC
