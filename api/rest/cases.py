# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Corrections and flags, for operators: people's words about intervals, on the record."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from api.auth import OPERATOR
from api.deps import ServicesDep
from api.rest.shapes import Amount, Hash
from edge.protocol import ReceiptLine, decode
from energy import corrections as books
from energy import flags as cases
from energy.corrections import Record
from energy.models_ingest import EnergyFlag
from kit.errors import Refused

router = APIRouter(prefix="/api/telemetry", tags=["telemetry"], dependencies=OPERATOR)

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CorrectionRequest(BaseModel):
    """A signed interval of the meter `correction:…` whose `profileHash` is the hash of the record (docs/protocol.md)."""

    interval: dict[str, Any]
    who: Line
    reason: Line
    evidence: Line


class CorrectionAnswer(BaseModel):
    """What became of it, as in a receipt."""

    hash: str
    status: str
    code: str
    detail: str


class Correction(BaseModel):
    """A correction that was let in. `deltaUwh` is what the slot is worth more, or less."""

    hash: Hash
    station: UUID
    slot: int
    deltaUwh: Amount
    who: str
    reason: str
    evidence: str
    createdAt: datetime


class FlagRequest(BaseModel):
    """What looks wrong, and who says so."""

    station: UUID
    slot: int = Field(ge=0, lt=2**31)
    who: Line
    reason: Line


class Finding(BaseModel):
    """What was found, and by whom."""

    who: Line
    finding: Line


class Flag(BaseModel):
    """A case about an interval; open until somebody says what was found. It stops nothing by itself."""

    id: int
    station: UUID
    slot: int
    who: str
    reason: str
    openedAt: datetime
    closedAt: datetime | None
    closedBy: str | None
    finding: str | None


Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("/corrections")
async def correct(services: ServicesDep, request: Request, given: CorrectionRequest) -> CorrectionAnswer:
    """Let a correction in. Nothing stored changes; a signed difference is added. Safe to repeat."""
    (signed, *more) = decode(orjson.dumps(given.interval))
    if more:
        raise Refused("correction.one", "one correction at a time")
    record = Record(given.who, given.reason, given.evidence)
    actor = f"operator:{request.client.host if request.client else ''}"
    async with services.database.transaction() as session:
        line: ReceiptLine = await books.accept(
            session, services.ingest, signed, record, at=services.clock.now(), actor=actor
        )
    return CorrectionAnswer(hash=line.hash, status=line.status, code=line.code, detail=line.detail)


@router.get("/corrections")
async def corrections(services: ServicesDep, station: UUID | None = None, limit: Limit = 100) -> list[Correction]:
    """Corrections with their records, the newest first."""
    async with services.database.transaction() as session:
        rows = await books.corrections(session, station=station, limit=limit)
    return [
        Correction(
            hash=row.hash,
            station=row.station,
            slot=row.slot,
            deltaUwh=row.delta_uwh,
            who=row.who,
            reason=row.reason,
            evidence=row.evidence,
            createdAt=row.created_at,
        )
        for row in rows
    ]


@router.post("/flags")
async def flag(services: ServicesDep, given: FlagRequest) -> Flag:
    """Open a case about an interval, for its owner. The same words of the same person are one case."""
    async with services.database.transaction() as session:
        row = await cases.open_flag(
            session,
            station=given.station,
            slot=given.slot,
            who=given.who,
            reason=given.reason,
            at=services.clock.now(),
        )
    return _flag(row)


@router.get("/flags")
async def flags(
    services: ServicesDep, station: UUID | None = None, closed: bool = False, limit: Limit = 100
) -> list[Flag]:
    """Open cases, or closed ones, the newest first."""
    async with services.database.transaction() as session:
        rows = await cases.flags(session, station=station, closed=closed, limit=limit)
    return [_flag(row) for row in rows]


@router.post("/flags/{id}/close")
async def close(services: ServicesDep, id: Annotated[int, Path(ge=1, lt=2**63)], given: Finding) -> Flag:  # noqa: A002
    """Close a case with what was found. A closed one keeps its first finding."""
    async with services.database.transaction() as session:
        row = await cases.close_flag(session, id, who=given.who, finding=given.finding, at=services.clock.now())
    return _flag(row)


def _flag(row: EnergyFlag) -> Flag:
    return Flag(
        id=row.id,
        station=row.station,
        slot=row.slot,
        who=row.who,
        reason=row.reason,
        openedAt=row.opened_at,
        closedAt=row.closed_at,
        closedBy=row.closed_by,
        finding=row.finding,
    )
