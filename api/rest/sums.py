# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Hourly and daily sums of a station or of the grid, as far as they are summed: a few seconds behind the readings."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from api.deps import ServicesDep
from api.rest.shapes import Amount
from energy import rollup
from energy.models_ingest import EnergyRollupDay, EnergyRollupHour
from energy.rollup import GRID, SECONDS, Unit
from kit.errors import Refused

router = APIRouter(prefix="/api/telemetry", tags=["telemetry"])

BUCKETS_MAX = 1_000


class Sums(BaseModel):
    """Sums of an hour or a day, µWh; `eNetUwh` of the intervals in force, the others of all meters' readings.

    `raw`, `validated` and `estimated` count intervals by quality, `readings` what devices sent.
    """

    start: datetime
    end: datetime
    eNetUwh: Amount
    importUwh: Amount
    exportUwh: Amount
    genUwh: Amount
    raw: int
    validated: int
    estimated: int
    readings: int
    updatedAt: datetime


@router.get("/sums")
async def sums(
    services: ServicesDep,
    since: Annotated[AwareDatetime, Query(description="an instant within the first bucket")],
    until: Annotated[AwareDatetime, Query(description="an instant within the last one")],
    unit: Unit = "day",
    station: Annotated[UUID | None, Query(description="the grid if left out")] = None,
) -> list[Sums]:
    """Sums by hour or by UTC day, in order; a bucket of which nothing is known is left out."""
    seconds = SECONDS[unit]
    first, last = (int(at.timestamp()) // seconds for at in (since, until))
    if not 0 <= first <= last < 2**31 or last - first >= BUCKETS_MAX:
        raise Refused("sums.range", f"ask for 1 to {BUCKETS_MAX} buckets, the first before the last")
    async with services.database.transaction() as session:
        rows = await rollup.sums(session, unit, station or GRID, first, last)
    return [_shown(row, seconds) for row in rows]


def _shown(row: EnergyRollupHour | EnergyRollupDay, seconds: int) -> Sums:
    number = row.hour if isinstance(row, EnergyRollupHour) else row.day
    return Sums(
        start=datetime.fromtimestamp(number * seconds, UTC),
        end=datetime.fromtimestamp((number + 1) * seconds, UTC),
        eNetUwh=row.e_net_uwh,
        importUwh=row.import_uwh,
        exportUwh=row.export_uwh,
        genUwh=row.gen_uwh,
        raw=row.raw,
        validated=row.validated,
        estimated=row.estimated,
        readings=row.readings,
        updatedAt=row.updated_at,
    )
