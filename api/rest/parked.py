# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings that were refused, for operators: why each waits, and another attempt."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from api.auth import OPERATOR
from api.deps import ServicesDep
from api.rest.shapes import Hash
from energy.ingest import parked as books
from energy.ingest.parked import Parked
from kit.errors import Malformed, NotFound
from kit.units import slot_start

router = APIRouter(prefix="/api/telemetry", tags=["telemetry"], dependencies=OPERATOR)


class ParkedReading(BaseModel):
    """A refused reading that was not accepted since. `state` is `waits` while it is tried again by itself, else `parked`."""

    hash: Hash
    state: str
    code: str
    detail: str
    advice: str
    station: UUID | None
    meter: str | None
    start: datetime | None
    firstAt: datetime
    lastAt: datetime
    times: int
    attempts: int
    retryAt: datetime | None
    replayable: bool


class ReplayedReading(BaseModel):
    """What another attempt came to: accepted, duplicate, conflict or rejected; resolved if it was accepted before; unreadable."""

    hash: Hash
    status: str
    code: str
    detail: str


@router.get("/parked")
async def parked(
    services: ServicesDep,
    station: UUID | None = None,
    code: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_.]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[ParkedReading]:
    """What was refused and not accepted since, the newest first, each with what would help."""
    async with services.database.transaction() as session:
        found = await books.parked(session, station=station, code=code, limit=limit)
    return [_shown(one) for one in found]


@router.post("/parked/{hash}/replay")
async def replay(services: ServicesDep, request: Request, hash: str) -> ReplayedReading:  # noqa: A002 - the path's name
    """Try a refused reading again now. Safe to repeat; it is in the audit trail."""
    try:
        wanted = bytes.fromhex(hash.removeprefix("0x"))
    except ValueError as error:
        raise Malformed("request.hash", "a hash is 0x and 64 hexadecimal digits") from error
    actor = f"operator:{request.client.host if request.client else ''}"
    async with services.database.transaction() as session:
        (outcome,) = await books.replay(session, services.ingest, at=services.clock.now(), actor=actor, hashes=[wanted])
    if outcome.status == "unknown":
        raise NotFound("telemetry.not_parked", "no reading with this hash was refused")
    return ReplayedReading(hash=outcome.hash, status=outcome.status, code=outcome.code, detail=outcome.detail)


def _shown(one: Parked) -> ParkedReading:
    return ParkedReading(
        hash=one.hash,
        state=one.state,
        code=one.code,
        detail=one.detail,
        advice=one.advice,
        station=one.station,
        meter=one.meter,
        start=None if one.slot is None else slot_start(one.slot),
        firstAt=one.first_at,
        lastAt=one.last_at,
        times=one.times,
        attempts=one.attempts,
        retryAt=one.retry_at,
        replayable=one.replayable,
    )
