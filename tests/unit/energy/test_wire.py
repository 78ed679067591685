# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Canonical bytes tell everything back."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import MEASURES, MICRO_MAX, Interval, SignedInterval
from energy.wire import interval_of, signed_of

micro = st.integers(-MICRO_MAX, MICRO_MAX)
names = st.from_regex(r"[\x21-\x7e][\x20-\x7e]{0,20}", fullmatch=True)
intervals = st.builds(
    Interval,
    home_id=st.uuids(),
    slot=st.integers(0, 5_000_000),
    measures=st.fixed_dictionaries({"meterWh": micro}, optional=dict.fromkeys(MEASURES[1:], micro)),
    profile_hash=st.binary(min_size=32, max_size=32),
    meter_id=st.none() | names,
    seq=st.none() | st.integers(0, 2**63 - 1),
    devices=st.none() | st.dictionaries(names, micro, min_size=1, max_size=4),
    quality=st.sampled_from([None, "measured", "interpolated", "integrated", "missing"]),
    source=st.sampled_from([None, "edge", "demo"]),
)


@given(intervals)
def test_what_was_signed_is_read_back_whole(interval: Interval) -> None:
    body = interval.canonical()
    assert interval_of(body) == interval
    assert signed_of(body, b"s") == SignedInterval(interval, body, b"s")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"x=1\n",
        lambda body: body.replace(b"v1", b"v2"),
        lambda body: body.replace(b"meterWh=5", b"meterWh=+5"),
        lambda body: body.replace(b"meterWh=5\n", b""),
        lambda body: body.replace(b"profileHash", b"profileHush"),
        lambda body: body.replace(b"quality=measured", b"quality=great"),
        lambda body: b"\n".join([body.split(b"\n")[0], *sorted(body.split(b"\n")[1:-1], reverse=True), b""]),
    ],
)
def test_other_bytes_are_no_interval(change: object) -> None:
    body = Interval(UUID(int=1), 9, {"meterWh": 5}, bytes(32), quality="measured").canonical()
    assert callable(change)
    changed = change(body)
    assert changed != body
    with pytest.raises(ValueError, match=r"canonical|invalid"):
        interval_of(changed)
