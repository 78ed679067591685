# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""When to read: at a steady pace, and densely around every quarter hour."""

from edge.intervals import SLOT_MS

TAIL_STEPS = 3  # reads after the boundary: the first one brackets it, the second confirms the first, one may fail


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
