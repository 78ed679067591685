# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The filter never hides an event, and seldom speaks of one that was not there."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.bloom import Witness, bits_of

ADDRESSES = st.binary(min_size=20, max_size=20)
TOPICS = st.binary(min_size=32, max_size=32)
EVENTS = st.tuples(ADDRESSES, TOPICS)


def text(event: tuple[bytes, bytes]) -> tuple[str, str]:
    return "0x" + event[0].hex(), "0x" + event[1].hex()


def bloom(events: list[tuple[bytes, bytes]]) -> str:
    held = 0
    for address, topic in events:
        held |= bits_of(address) | bits_of(topic)
    return f"0x{held:0512x}"


@given(events=st.lists(EVENTS, min_size=1, max_size=10), other=EVENTS)
def test_event_that_was_not_told__contradicted(events: list[tuple[bytes, bytes]], other: tuple[bytes, bytes]) -> None:
    witness = Witness([text(events[0])])
    told = {text(event) for event in events[1:]} - {text(events[0])}
    assert witness.contradicts(bloom(events), told)
    assert not witness.contradicts(bloom(events), {*told, text(events[0])})
    assert not witness.contradicts("0x" + "00" * 256, set())
