# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How the deployment is doing, and whether its books agree."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import func, select

from api import cursors
from api.deps import Services, ServicesDep
from api.queries import ledger
from api.rest.shapes import Address, After, Amount, First, Hash, UtilityQuery
from flows.reconcile import Line, Verdict, reconcile, stored
from kit.errors import GreenCoreError
from kit.outbox import OutboxEvent
from kit.units import Utility, slot_of

router = APIRouter(prefix="/api", tags=["operation"])


class Indexed(BaseModel):
    """Up to which block the answers of this API are true, and how far the chain is ahead."""

    chainId: int
    block: int
    hash: Hash
    behind: int
    reorgs: int
    updatedAt: datetime


class Node(BaseModel):
    """An oracle node as it answers now."""

    url: str
    state: Literal["ok", "failed"]
    answer: Any = None


class Status(BaseModel):
    """The deployment at a glance. `chainHead` is null while the chain's node is silent."""

    mode: str
    time: datetime
    slot: int
    chainHead: int | None
    indexer: Indexed | None
    outboxWaiting: int
    nodes: list[Node]


class LineShown(BaseModel):
    """One tenure: its register as signed and as settled on chain, and the sum of what our index says was minted.

    Beside them, and no part of the verdict, what we make of its readings: slots, Σ E_net, and the surpluses alone.
    """

    station: UUID
    tenure: int
    owner: Address
    measuredUwh: Amount
    oracleUwh: Amount
    chainUwh: Amount
    indexedUwh: Amount
    meteredSlots: int
    meteredNetUwh: Amount
    meteredSurplusUwh: Amount
    verdict: Verdict


class ReconciliationShown(BaseModel):
    """`reconciled`: all agree; `waiting`: claims are open; `broken`: see `findings` and the lines. As of one block."""

    verdict: Verdict
    utility: int
    block: int
    slot: int | None
    oracleTotalUwh: Amount
    chainMintedUwh: Amount
    chainIssuedUwh: Amount
    supplyUnits: Amount
    findings: list[str]
    lines: list[LineShown]
    next: str | None


@router.get("/status")
async def status(services: ServicesDep) -> Status:
    """Clock, chain, indexer, events that wait to be published, oracle nodes."""
    async with services.database.transaction() as session:
        cursor = await ledger.head(session)
        waiting = await session.scalar(
            select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None))
        )
    head, nodes = await asyncio.gather(
        _chain_head(services), asyncio.gather(*(_node(services, url) for url in services.settings.oracle_nodes))
    )
    now = services.clock.now()
    indexed = None
    if cursor is not None:
        indexed = Indexed(
            chainId=cursor.chain_id,
            block=cursor.block_number,
            hash=cursor.block_hash,
            behind=max(0, (cursor.head if head is None else head) - cursor.block_number),
            reorgs=cursor.reorgs,
            updatedAt=cursor.updated_at,
        )
    return Status(
        mode=services.settings.mode.value,
        time=now,
        slot=slot_of(now),
        chainHead=head,
        indexer=indexed,
        outboxWaiting=waiting or 0,
        nodes=list(nodes),
    )


@router.get("/reconciliation", responses={404: {"description": "nothing is indexed yet"}})
async def reconciliation(
    services: ServicesDep,
    utility: UtilityQuery = Utility.E,
    first: First = 100,
    after: After = None,
    only: Annotated[Verdict | None, Query(description="lines with this verdict only")] = None,
) -> ReconciliationShown:
    """What the quorum signed, what the chain settled and what our index says, side by side for every tenure.

    Verdict and findings are of all tenures, whatever page of lines is asked for.
    """
    start = 0 if after is None else cursors.decode(after, 1)[0]
    size = min(first, services.settings.page_max)
    contracts = services.chain.contracts()
    async with services.database.transaction() as session:
        ours = await stored(session, utility=utility)
    books = await reconcile(ours, contracts.oracle, contracts.treasury, contracts.token)
    places = [place for place, line in enumerate(books.lines) if place >= start and only in (None, line.verdict)]
    page = cursors.page(places[: size + 1], size, lambda place: (place + 1,))
    return ReconciliationShown(
        verdict=books.verdict,
        utility=books.utility,
        block=books.block,
        slot=books.slot,
        oracleTotalUwh=books.oracle_total_uwh,
        chainMintedUwh=books.chain_minted_uwh,
        chainIssuedUwh=books.chain_issued_uwh,
        supplyUnits=books.supply_units,
        findings=list(books.findings),
        lines=[_line(books.lines[place]) for place in page.rows],
        next=page.next,
    )


def _line(line: Line) -> LineShown:
    return LineShown(
        station=line.station,
        tenure=line.tenure,
        owner=line.owner,
        measuredUwh=line.measured_uwh,
        oracleUwh=line.oracle_uwh,
        chainUwh=line.chain_uwh,
        indexedUwh=line.indexed_uwh,
        meteredSlots=line.metered.slots,
        meteredNetUwh=line.metered.net_uwh,
        meteredSurplusUwh=line.metered.surplus_uwh,
        verdict=line.verdict,
    )


async def _chain_head(services: Services) -> int | None:
    try:
        return await services.chain.rpc.block_number()
    except GreenCoreError:
        return None


async def _node(services: Services, url: str) -> Node:
    try:
        answer = await services.http.get(f"{url}/status", timeout=2)
        answer.raise_for_status()
        return Node(url=url, state="ok", answer=orjson.loads(answer.content))
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        return Node(url=url, state="failed", answer=type(error).__name__)
