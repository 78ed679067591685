# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limits import CALLERS_MAX, RateLimit
from kit.errors import TooMany


def test_a_burst_then_the_steady_rate() -> None:
    now = 0.0
    limit = RateLimit(rate=2, burst=10, time=lambda: now)
    limit.take("a", 10)
    with pytest.raises(TooMany) as caught:
        limit.take("a", 3)
    assert caught.value.extra == {"retry_after": 2}
    limit.take("b", 10)
    now = 1.5
    limit.take("a", 3)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 20)), max_size=50))
def test_never_more_than_burst_and_rate_allow(steps: list[tuple[float, int]]) -> None:
    now, taken = 0.0, 0
    limit = RateLimit(rate=3, burst=20, time=lambda: now)
    for pause, count in steps:
        now += pause
        try:
            limit.take("a", count)
        except TooMany:
            continue
        taken += count
    assert taken <= 20 + 3 * now + 1e-6


def test_memory_is_bounded() -> None:
    limit = RateLimit(rate=1, burst=1, time=lambda: 0.0)
    for caller in range(CALLERS_MAX + 10):
        limit.take(caller, 1)
    assert len(limit._buckets) == CALLERS_MAX
