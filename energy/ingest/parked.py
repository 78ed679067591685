# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Refused readings as an operator sees them: why each waits, what would help, and another attempt on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from energy import audit
from energy.ingest.rejections import PAYLOAD_MAX
from energy.ingest.service import QUALITY, IngestService
from energy.models import EnergyInterval, EnergyPending, EnergyReading, EnergyRejection
from energy.repository import FAILED

REPLAY_MAX = 1_000

# what a person can do about a code; the rejection's own detail says what was found
ADVICE = {
    "telemetry.unknown_meter": "enter the station and its meter in the Registry (greencore register), then replay",
    "telemetry.signature": "compare the device's public key with the registered one; if the registry was late, replay",
    "telemetry.inactive_meter": "the key was retired on chain; if that was wrong, register a new key at the device",
    "telemetry.before_enrolment": "intervals from before the enrolment are not counted; nothing to do",
    "telemetry.wrong_station": "the device publishes on another station's topic; correct its configuration",
    "telemetry.demo_on_live": "a simulated station reached a live deployment; point it at its demo",
    "telemetry.live_on_demo": "a real station reached a demo; point it at the live deployment",
    "telemetry.future": "set the device's clock; the reading is tried again when its time has come",
    "telemetry.too_old": "older than what is counted; a correction can make up for it (greencore energy correct)",
    "telemetry.over_rating": "compare the meter's scale and the station's rated power in the Registry",
    "telemetry.range": "the meter counted nonsense; look at its register map",
    "telemetry.corrector": "only a key that is registered as the station's corrector signs corrections, and it signs nothing else",
}
_UNREADABLE = "the device sends what the protocol does not know; look at its version and settings"

State = Literal["waits", "parked"]


@dataclass(frozen=True, slots=True)
class Parked:
    """A refused reading that was not accepted since. `retry_at` is empty when only an operator's replay will try it again."""

    hash: bytes
    code: str
    detail: str
    advice: str
    station: UUID | None
    meter: str | None
    slot: int | None
    first_at: datetime
    last_at: datetime
    times: int
    attempts: int
    retry_at: datetime | None
    replayable: bool

    @property
    def state(self) -> State:
        """`waits` for the next attempt, or `parked` until somebody replays it."""
        return "parked" if self.retry_at is None else "waits"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What another attempt came to: accepted, duplicate, conflict, rejected; else resolved, unreadable or unknown."""

    hash: bytes
    status: str
    code: str = ""
    detail: str = ""


async def parked(
    session: AsyncSession, *, station: UUID | None = None, code: str | None = None, limit: int = 50
) -> list[Parked]:
    """What was refused and not accepted since, the newest first."""
    rows = select(EnergyRejection).where(EnergyRejection.resolved_at.is_(None))
    if station is not None:
        rows = rows.where(EnergyRejection.station == station)
    if code is not None:
        rows = rows.where(EnergyRejection.code == code)
    found = await session.scalars(rows.order_by(EnergyRejection.last_at.desc(), EnergyRejection.id.desc()).limit(limit))
    return [_shown(row) for row in found]


async def replay(
    session: AsyncSession,
    service: IngestService,
    *,
    at: datetime,
    actor: str,
    hashes: Sequence[bytes] = (),
    code: str | None = None,
    station: UUID | None = None,
) -> list[Replayed]:
    """Try refused readings again now: those named, or all that wait with a code (of a station), at most `REPLAY_MAX`.

    Idempotent: what was accepted meanwhile is told as `resolved`. Every attempt is in the audit trail. Never commits.
    """
    named = select(EnergyRejection).order_by(EnergyRejection.id).limit(REPLAY_MAX).with_for_update()
    if hashes:
        named = named.where(EnergyRejection.hash.in_(hashes))
    else:
        named = named.where(EnergyRejection.code == code, EnergyRejection.resolved_at.is_(None))
        if station is not None:
            named = named.where(EnergyRejection.station == station)
    rows = list(await session.scalars(named))
    due = [row for row in rows if row.resolved_at is None and _replayable(row)]
    for row in due:
        row.attempts = 0
    tried = await service.try_again(session, due)
    outcomes: dict[bytes, Replayed] = {}
    for row in rows:
        line = tried.get(row.id)
        if line is not None:
            outcomes[row.hash] = Replayed(row.hash, line.status, line.code, line.detail)
        elif row.hash not in outcomes:
            status = "unreadable" if row.resolved_at is None else "resolved"
            outcomes[row.hash] = Replayed(row.hash, status, row.code, row.detail)
    for one in outcomes.values():
        audit.note(session, at, actor, "replay", "0x" + one.hash.hex(), status=one.status, code=one.code)
    return [*outcomes.values(), *(Replayed(one, "unknown") for one in hashes if one not in outcomes)]


async def failed(session: AsyncSession, *, station: UUID | None = None, limit: int = 50) -> list[EnergyInterval]:
    """Intervals that the rules could not take, the newest slots first; `qa` says why."""
    rows = select(EnergyInterval).where(EnergyInterval.state == FAILED, ~_superseded())
    if station is not None:
        rows = rows.where(EnergyInterval.station == station)
    return list(await session.scalars(rows.order_by(EnergyInterval.slot.desc(), EnergyInterval.station).limit(limit)))


async def judge_again(session: AsyncSession, *, at: datetime, actor: str, station: UUID | None = None) -> int:
    """Put the readings behind failed intervals before the rules again, as after a repair. Returns how many. Never commits.

    Safe to repeat: what the register has counted already fails again and changes nothing.
    """
    places = select(EnergyInterval.station, EnergyInterval.slot).where(EnergyInterval.state == FAILED, ~_superseded())
    if station is not None:
        places = places.where(EnergyInterval.station == station)
    behind = select(
        literal(QUALITY), EnergyReading.station, EnergyReading.slot, EnergyReading.meter, EnergyReading.hash
    ).where(tuple_(EnergyReading.station, EnergyReading.slot).in_(places))
    names = ["queue", "station", "slot", "meter", "hash"]
    queued = insert(EnergyPending).from_select(names, behind).on_conflict_do_nothing().returning(EnergyPending.slot)
    count = len((await session.execute(queued)).all())
    audit.note(session, at, actor, "judge again", str(station or "all stations"), readings=count)
    return count


def _superseded() -> ColumnElement[bool]:
    newer = aliased(EnergyInterval)
    return (
        select(newer.version)
        .where(
            newer.station == EnergyInterval.station,
            newer.slot == EnergyInterval.slot,
            newer.version > EnergyInterval.version,
        )
        .exists()
    )


def _replayable(row: EnergyRejection) -> bool:
    return row.slot is not None and row.size <= PAYLOAD_MAX


def _shown(row: EnergyRejection) -> Parked:
    return Parked(
        hash=row.hash,
        code=row.code,
        detail=row.detail,
        advice=ADVICE.get(row.code, _UNREADABLE),
        station=row.station,
        meter=row.meter,
        slot=row.slot,
        first_at=row.first_at,
        last_at=row.last_at,
        times=row.times,
        attempts=row.attempts,
        retry_at=row.retry_at,
        replayable=_replayable(row),
    )
