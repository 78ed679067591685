# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What could not be accepted: kept with its reason, tried again where time may heal it, parked for an operator where not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from energy.models import EnergyRejection

PAYLOAD_MAX = 8_192
DETAIL_MAX = 500
ATTEMPTS_MAX = 24
_FIRST = timedelta(minutes=1)
_LONGEST = timedelta(hours=6)
_HEALING = frozenset({"telemetry.unknown_meter", "telemetry.future"})
# a node reads the registry at its own pace: a key that it does not know yet looks like a bad signature; so does one to an
# attempt of ours that finds a station which it did not know before
_HEALING_LATE = _HEALING | {"telemetry.signature"}
_LATE = ("feed", "replay")


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something refused: what it was called, why, and its bytes as they came; of an envelope the id, and the canonical bytes."""

    hash: bytes
    code: str
    detail: str
    station: UUID | None
    meter: str | None
    slot: int | None
    payload: bytes
    transport: str
    envelope: bytes | None = None


async def keep_rejections(
    session: AsyncSession, rejected: Sequence[Rejected], at: datetime, *, again: bool = False
) -> None:
    """Store rejections; the same bytes with the same code are one row that counts. `again`: our own attempt does not."""
    rows: dict[tuple[bytes, str], dict[str, Any]] = {}
    for one in rejected:
        row = rows.get((one.hash, one.code))
        if row is None:
            rows[one.hash, one.code] = _row(one, at)
        else:
            row["times"] += 1
    ordered = [rows[key] for key in sorted(rows)]  # in one order everywhere, so that batches don't lock each other out
    for start in range(0, len(ordered), 500):
        statement = insert(EnergyRejection).values(ordered[start : start + 500])
        changes: dict[str, Any] = {"detail": statement.excluded.detail}
        if not again:
            changes |= {
                "times": EnergyRejection.times + statement.excluded.times,
                "last_at": statement.excluded.last_at,
            }
        await session.execute(statement.on_conflict_do_update(index_elements=["hash", "code"], set_=changes))


async def due_rejections(session: AsyncSession, now: datetime, limit: int) -> list[EnergyRejection]:
    """Rejections whose next attempt is due, locked until the caller commits; others who ask meanwhile get others."""
    rows = select(EnergyRejection).where(EnergyRejection.retry_at <= now).order_by(EnergyRejection.retry_at)
    return list(await session.scalars(rows.limit(limit).with_for_update(skip_locked=True)))


def postpone(row: EnergyRejection, now: datetime) -> None:
    """Wait twice as long before the next attempt; after the last one the row is parked until an operator replays it."""
    row.attempts += 1
    wait = min(_FIRST * 2 ** min(row.attempts, 16), _LONGEST)
    row.retry_at = now + wait if row.attempts < ATTEMPTS_MAX else None


def _storable(detail: str) -> str:
    # a reason may quote what a stranger sent; PostgreSQL's text takes no zero byte, UTF-8 no lone surrogate
    return detail[:DETAIL_MAX].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _row(one: Rejected, at: datetime) -> dict[str, Any]:
    healing = _HEALING_LATE if one.transport in _LATE else _HEALING
    return {
        "hash": one.hash,
        "code": one.code,
        "detail": _storable(one.detail),
        "station": one.station,
        "meter": one.meter,
        "slot": one.slot,
        "payload": one.payload[:PAYLOAD_MAX],
        "envelope": one.envelope,
        "size": len(one.payload),
        "transport": one.transport,
        "first_at": at,
        "last_at": at,
        "times": 1,
        "attempts": 0,
        "retry_at": at + _FIRST if one.code in healing and len(one.payload) <= PAYLOAD_MAX else None,
        "resolved_at": None,
    }
