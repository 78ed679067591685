# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Slots, micro-watt-hours and utility codes. Energy is an integer of µWh everywhere (docs/protocol.md)."""

from datetime import UTC, datetime
from enum import IntEnum

SLOT_SECONDS = 900
SLOTS_PER_DAY = 96
UWH_PER_WH = 10**6
UWH_PER_KWH = 10**9
REGISTER_MAX = 2**96 - 1  # µWh; what a register holds on chain


class Utility(IntEnum):
    """What is metered; the value is the class token's id and the code in leaves and reports."""

    E = 1
    H = 2
    W = 3
    AGR = 4
    SRV = 5
    CRB = 6
    DATA = 7
    EFF = 8
    DEV = 9


def slot_of(instant: datetime) -> int:
    """The slot that holds an instant. Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime names no slot")
    return int(instant.timestamp() // SLOT_SECONDS)


def slot_start(slot: int) -> datetime:
    """The first instant of a slot, UTC."""
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC)


def slot_end(slot: int) -> datetime:
    """The instant at which a slot ends, excluded, UTC."""
    return slot_start(slot + 1)


def rated_uwh_per_slot(rated_w: int) -> int:
    """Energy of one slot at rated power, µWh: W × 900 s / 3600 s/h × 10⁶, exact."""
    return rated_w * SLOT_SECONDS * UWH_PER_WH // 3600


def wh_text(uwh: int, places: int = 3) -> str:
    """µWh as Wh for people, rounded towards zero to `places` (0 to 6) decimals."""
    whole, rest = divmod(abs(uwh), UWH_PER_WH)
    sign = "-" if uwh < 0 else ""
    return f"{sign}{whole:,}" + (f".{rest:06d}"[: places + 1] if places else "")
