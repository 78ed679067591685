# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the live table shows: each agent's own status file, and one look into the platform's database. Never decides anything."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from edge.status import STATUS_FILE
from energy import repository as energy
from energy.models import EnergyInterval
from flows import leaves as published
from greencore.demo.stations import Station, edge_folder
from greencore.demo.trading.day import read_status
from greencore.stack import Stack
from indexer.models import MintedRow, ReportRow, Transaction
from kit.database import Database
from kit.errors import GreenCoreError
from kit.ids import station_uuid
from kit.units import Utility, slot_of


@dataclass(frozen=True, slots=True)
class Row:
    """One station's figures. Energies in µWh, gas in units."""

    name: str
    built: int = 0
    delivered: int = 0
    pending: int = 0
    last_slot: int = 0
    validated: int = 0
    raw: int = 0
    estimated: int = 0
    rejected: int = 0
    conflicting: int = 0
    accepted: int = 0
    marks: str = ""
    signed_uwh: int = 0
    minted_uwh: int = 0
    gas: int = 0
    events: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """The whole grid: reports and what they cost."""

    reports: int = 0
    slot: int = 0
    report_gas: int = 0


@dataclass(slots=True)
class View:
    """The last that was seen. What can't be asked right now keeps its last value: processes may be down, that is the point."""

    rows: dict[str, Row] = field(default_factory=dict)
    grid: Grid = field(default_factory=Grid)
    stale: bool = False
    market: dict[str, Any] = field(default_factory=dict)


async def look(view: View, database: Database, stations: Sequence[Station], stack: Stack) -> None:
    """Bring the view up to date."""
    view.market = read_status(stack.folder.root)
    ids = {station.id: station for station in stations}
    try:
        async with database.transaction() as session:
            counts = await energy.counts(session, list(ids))
            qualities, marks = await _qualities(session, ids), await _marks(session, ids)
            signed = await _signed(session)
            minted = await _minted(session)
            view.grid = await _grid(session)
    except (SQLAlchemyError, OSError):
        view.stale = True
        for station in stations:
            agent = status_of(station, stack)
            old = view.rows.get(station.name, Row(station.name))
            view.rows[station.name] = _with_agent(old, agent)
        return
    view.stale = False
    for station in stations:
        count = counts[station.id]
        quality = qualities.get(station.id, {})
        uwh, gas = minted.get(station.id, (0, 0))
        row = Row(
            station.name,
            validated=quality.get("validated", 0),
            raw=quality.get("raw", 0),
            estimated=count.estimated,
            rejected=count.rejected,
            conflicting=count.conflicting,
            accepted=count.accepted,
            marks=" ".join(f"{rule}×{number}" for rule, number in sorted(marks.get(station.id, {}).items())),
            signed_uwh=signed.get(station.id, 0),
            minted_uwh=uwh,
            gas=gas,
        )
        view.rows[station.name] = _with_agent(row, status_of(station, stack))


def status_of(station: Station, stack: Stack) -> dict[str, Any]:
    """What the station's agent last wrote of itself, `last_slot` as a number; next to nothing before its first start."""
    path = edge_folder(station, stack) / STATUS_FILE
    told = dict(json.loads(path.read_text())) if path.exists() else {}
    last = told.get("last_slot")
    told["last_slot"] = slot_of(datetime.fromisoformat(last)) if last else 0
    return told


def _with_agent(row: Row, agent: dict[str, Any]) -> Row:
    values = {name: getattr(row, name) for name in Row.__slots__}
    values |= {name: agent.get(name) or 0 for name in ("built", "delivered", "pending", "last_slot")}
    events: dict[str, int] = agent.get("events", {})
    values["events"] = " ".join(f"{kind}×{number}" for kind, number in sorted(events.items()))
    return Row(**values)


async def _qualities(session: AsyncSession, stations: dict[UUID, Station]) -> dict[UUID, dict[str, int]]:
    current = energy.in_force().where(EnergyInterval.station.in_(stations)).subquery()
    query = select(current.c.station, current.c.quality, func.count()).group_by(current.c.station, current.c.quality)
    found: dict[UUID, dict[str, int]] = {}
    for station, quality, number in await session.execute(query):
        found.setdefault(station, {})[quality] = number
    return found


async def _marks(session: AsyncSession, stations: dict[UUID, Station]) -> dict[UUID, dict[str, int]]:
    current = energy.in_force().where(EnergyInterval.station.in_(stations)).subquery()
    verdict = func.jsonb_array_elements(current.c.qa, type_=JSONB).table_valued("value")
    rule = func.jsonb_extract_path_text(verdict.c.value, "rule")
    query = select(current.c.station, rule, func.count()).join(verdict, true()).group_by(current.c.station, rule)
    found: dict[UUID, dict[str, int]] = {}
    for station, name, number in await session.execute(query):
        found.setdefault(station, {})[name] = number
    return found


async def _signed(session: AsyncSession) -> dict[UUID, int]:
    """The newest signed register of each station whose leaves are here."""
    newest = select(ReportRow).where(ReportRow.utility == Utility.E).order_by(ReportRow.slot.desc()).limit(3)
    for report in await session.scalars(newest):
        try:
            found = await published.load(session, report)
        except GreenCoreError:
            continue  # its leaves are still on their way: show the one before
        return {station_uuid(leaf.station): leaf.mintable for leaf in found.leaves}
    return {}


async def _minted(session: AsyncSession) -> dict[UUID, tuple[int, int]]:
    query = (
        select(
            MintedRow.station,
            func.sum(MintedRow.to_register - MintedRow.from_register),
            func.sum(Transaction.gas_used),
        )
        .join(Transaction, Transaction.hash == MintedRow.tx_hash)
        .group_by(MintedRow.station)
    )
    return {station: (int(uwh), int(gas)) for station, uwh, gas in await session.execute(query)}


async def _grid(session: AsyncSession) -> Grid:
    query = select(func.count(), func.max(ReportRow.slot), func.sum(Transaction.gas_used)).join(
        Transaction, Transaction.hash == ReportRow.tx_hash
    )
    reports, slot, gas = (await session.execute(query)).one()
    return Grid(int(reports), int(slot or 0), int(gas or 0))
