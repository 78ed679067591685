# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""When to read: at a steady pace, and densely around every quarter hour. When to deliver: not all stations at once."""

import hashlib
from uuid import UUID

from edge.intervals import SLOT_MS

TAIL_STEPS = 3  # reads after the boundary: the first one brackets it, the second confirms the first, one may fail
FLUSH_MS = 12 * 3_600_000  # twice a day, from midnight UTC
FLUSH_SPREAD_MS = 30 * 60_000  # to either side
JITTER_S = 300.0


def next_read_ms(now_ms: int, poll_ms: int, lead_ms: int, step_ms: int) -> int:
    """The next instant to read, after `now_ms`.

    Dense reads stand at half steps on both sides of the boundary, so that it lies one step wide between two of them. They
    begin early enough that a late wake-up still leaves one before it.
    """
    steady = (now_ms // poll_ms + 1) * poll_ms
    boundary = now_ms // SLOT_MS * SLOT_MS
    for _ in range(2):  # the one behind, whose last dense reads may be due, and the one ahead
        first = boundary - max(1, lead_ms // step_ms) * step_ms + step_ms // 2
        dense = max(first, first + ((now_ms - first) // step_ms + 1) * step_ms)
        if dense <= boundary + TAIL_STEPS * step_ms:
            return min(steady, dense)
        boundary += SLOT_MS
    return steady


def upload_ms(now_ms: int, station: UUID, jitter_ms: int) -> int:
    """When to begin a delivery that could begin now: later in this quarter hour, if the station's turn is still to come.

    The turn is another one in every quarter hour, evenly spread over stations: a million of them are 3,333 a second in 300 s.
    """
    boundary = now_ms // SLOT_MS * SLOT_MS
    turn = boundary + _spread(f"{station}/{boundary}", jitter_ms)
    return max(now_ms, turn)


def flush_ms(now_ms: int, station: UUID) -> tuple[int, int]:
    """The station's last flush at or before `now_ms`, and the next one: 00:00 and 12:00 UTC, half an hour more or less."""
    shift = _spread(str(station), 2 * FLUSH_SPREAD_MS) - FLUSH_SPREAD_MS
    last = (now_ms - shift) // FLUSH_MS * FLUSH_MS + shift
    return last, last + FLUSH_MS


def jitter_ms(jitter_s: float | None, at_once: bool) -> int:
    """The width of the turns; what nobody set is 300 s, or none where data need not be spread."""
    if jitter_s is None:
        jitter_s = 0.0 if at_once else JITTER_S
    return round(1000 * jitter_s)


def _spread(text: str, width: int) -> int:
    """A number from 0 to `width` - 1 that is always the same for the same text; 0 if there is no width."""
    if width <= 0:
        return 0
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % width
