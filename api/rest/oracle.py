# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the quorum signed: leaves and proofs for everybody, and the operator's request for a report."""

from typing import Annotated, Any
from uuid import UUID

import httpx
import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.auth import OPERATOR
from api.deps import Services, ServicesDep
from api.queries import ledger
from api.rest.shapes import SLOT_MAX, Address, Amount, Hash, SlotPath, SlotQuery, UtilityPath, UtilityQuery
from flows import leaves
from indexer.models import ReportRow
from kit.errors import NotFound, Unavailable
from kit.units import Utility
from oracle.files import serve_file
from oracle.rules import Leaf

router = APIRouter(prefix="/api/oracle", tags=["oracle"])

HashPath = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$")]


class LeafShown(BaseModel):
    """One tenure in one report (docs/protocol.md, "A leaf")."""

    utility: int
    station: UUID
    tenure: int
    owner: Address
    slot: int
    energyUwh: Amount
    measuredUwh: Amount
    mintableUwh: Amount
    quality: int
    profileHash: Hash


class ReportShown(BaseModel):
    """An accepted report and the transaction that brought it."""

    utility: int
    slot: int
    contentHash: Hash
    prev: Hash
    root: Hash
    dataHash: Hash
    increaseUwh: Amount
    totalUwh: Amount
    stations: int
    validFrom: int
    epoch: int
    blockNumber: int
    txHash: Hash


class Proof(BaseModel):
    """What a claim needs. The siblings stand from the leaf up; bit *i* of `index` set: the sibling of level *i* stands left."""

    leaf: LeafShown
    leafHash: Hash
    index: int
    proof: list[Hash]
    root: Hash
    report: ReportShown


class SignRequest(BaseModel):
    """Which utility, and which closed slot; the newest if it is left out."""

    utility: Utility = Utility.E
    slot: Annotated[int | None, Query(ge=0, le=SLOT_MAX)] = None


class NodeAnswer(BaseModel):
    """What one node said: how many signed what it proposed, and why others did not. `attempt` null: nothing to report."""

    node: str
    status: int | None
    attempt: dict[str, Any] | None = None
    problem: Any = None


class Signed(BaseModel):
    """The report that a quorum signed, and what every asked node answered. Not `done`: the answers say why not."""

    done: bool
    utility: int
    slot: int | None = None
    contentHash: str | None = None
    signatures: int = 0
    needed: int | None = None
    txHash: str | None = None
    content: dict[str, Any] | None = None
    answers: list[NodeAnswer]


def report_shown(row: ReportRow) -> ReportShown:
    """A report as it is shown."""
    return ReportShown(
        utility=row.utility,
        slot=row.slot,
        contentHash=row.content_hash,
        prev=row.prev,
        root=row.root,
        dataHash=row.data_hash,
        increaseUwh=row.increase,
        totalUwh=row.total,
        stations=row.stations,
        validFrom=row.valid_from,
        epoch=row.epoch,
        blockNumber=row.block_number,
        txHash=row.tx_hash,
    )


def leaf_shown(leaf: Leaf) -> LeafShown:
    """A leaf as it is shown."""
    return LeafShown(
        utility=leaf.utility,
        station=UUID(int=leaf.station),
        tenure=leaf.tenure,
        owner=leaf.owner,
        slot=leaf.slot,
        energyUwh=leaf.energy,
        measuredUwh=leaf.measured,
        mintableUwh=leaf.mintable,
        quality=leaf.quality,
        profileHash=leaf.profile_hash,
    )


async def published_at(services: Services, utility: Utility, slot: int | None) -> tuple[ReportRow, leaves.Published]:
    """A report with its leaves, the newest if no slot is named. Raises NotFound."""
    async with services.database.transaction() as session:
        report = await report_wanted(session, utility, slot)
        return report, await leaves.load(session, report)


async def report_wanted(session: AsyncSession, utility: Utility, slot: int | None) -> ReportRow:
    """A report, the newest if no slot is named. Raises NotFound."""
    report = await ledger.report(session, utility=utility, slot=slot)
    if report is None:
        which = "yet" if slot is None else f"for slot {slot}"
        raise NotFound("oracle.no_report", f"no report of utility {utility.name} was accepted {which}")
    return report


@router.get("/proof", responses={404: {"description": "no such report or leaf, or its leaves are not here yet"}})
async def proof(
    services: ServicesDep,
    station: UUID,
    slot: SlotQuery = None,
    utility: UtilityQuery = Utility.E,
    tenure: Annotated[int | None, Query(ge=1, description="the newest if left out")] = None,
) -> Proof:
    """A station's leaf in a report with its Merkle proof: all that a claim needs, for anybody who wants to send it."""
    async with services.database.transaction() as session:
        report = await report_wanted(session, utility, slot)
        proved = await leaves.prove(session, report, station.int, tenure)
    return Proof(
        leaf=leaf_shown(proved.leaf),
        leafHash=proved.leaf.hash(),
        index=proved.index,
        proof=proved.proof,
        root=proved.root,
        report=report_shown(report),
    )


@router.get(
    "/leaves/{utility}/{slot}",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "the file whose keccak-256 the report carries"},
        206: {"description": "the asked bytes of it"},
        304: {"description": "you have it"},
        404: {"description": "no such report, or its leaves are not here yet"},
    },
)
async def leaves_file(services: ServicesDep, request: Request, utility: UtilityPath, slot: SlotPath) -> Response:
    """The published leaves of a report, byte by byte. The ETag is the report's data hash: an accepted file never changes."""
    async with services.database.transaction() as session:
        report = await ledger.report(session, utility=utility, slot=slot)
    # a reorganisation may still replace a slot's report: the name is kept for a minute, the hash never changes its file
    found = None if report is None else await serve_file(services.database, report.data_hash, request, max_age=60)
    if found is None:
        raise NotFound("oracle.no_leaves", f"there are no leaves of utility {utility.name}, slot {slot}, here")
    return found


@router.get(
    "/files/{data_hash}",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "the file with that keccak-256; it never changes"},
        206: {"description": "the asked bytes of it"},
        304: {"description": "you have it"},
        404: {"description": "there is no such file here"},
    },
)
async def file_by_hash(services: ServicesDep, request: Request, data_hash: HashPath) -> Response:
    """A published file of leaves by the hash that its report carries: for mirrors and caches, whole, in ranges or compressed."""
    found = await serve_file(services.database, bytes.fromhex(data_hash[2:]), request)
    if found is None:
        raise NotFound("oracle.no_file", "there is no such file here")
    return found


@router.post("/sign", dependencies=OPERATOR, responses={503: {"description": "no node answers"}})
async def sign(services: ServicesDep, wanted: SignRequest) -> Signed:
    """Ask the oracle nodes, one after another, to propose a report now, until one has a quorum's signatures.

    A node recomputes everything itself: this door hurries, it can't make anybody sign. Safe to repeat: a slot has one report.
    """
    answers: list[NodeAnswer] = []
    for node in services.settings.oracle_nodes:
        answer = await _ask_for_report(services, node, wanted)
        answers.append(answer)
        attempt = answer.attempt
        if attempt is not None and attempt["signatures"] >= attempt["needed"]:
            return Signed(
                done=True,
                utility=attempt["utility"],
                slot=attempt["slot"],
                contentHash=attempt["contentHash"],
                signatures=attempt["signatures"],
                needed=attempt["needed"],
                txHash=attempt["tx"],
                content=await _content(services, node, attempt["contentHash"]),
                answers=answers,
            )
    if all(answer.status is None for answer in answers):
        raise Unavailable("oracle.no_nodes", "no oracle node answers", answers=[a.model_dump() for a in answers])
    return Signed(done=False, utility=wanted.utility, slot=wanted.slot, answers=answers)


async def _ask_for_report(services: Services, node: str, wanted: SignRequest) -> NodeAnswer:
    body = {"utility": int(wanted.utility)} | ({} if wanted.slot is None else {"slot": wanted.slot})
    headers = {"Authorization": f"Bearer {services.settings.node_token}"}
    try:
        answer = await services.http.post(
            f"{node}/propose", json=body, headers=headers, timeout=services.settings.propose_timeout_s
        )
        told = orjson.loads(answer.content)
    except httpx.HTTPError as error:
        return NodeAnswer(node=node, status=None, problem=type(error).__name__)
    except orjson.JSONDecodeError:
        return NodeAnswer(node=node, status=answer.status_code, problem=answer.text[:500])
    if not answer.is_success:
        return NodeAnswer(node=node, status=answer.status_code, problem=told)
    return NodeAnswer(node=node, status=answer.status_code, attempt=told["attempt"])


async def _content(services: Services, node: str, content_hash: str) -> dict[str, Any] | None:
    try:
        answer = await services.http.get(f"{node}/contents/{content_hash}")
        answer.raise_for_status()
        content: dict[str, Any] = orjson.loads(answer.content)["content"]
    except (httpx.HTTPError, orjson.JSONDecodeError, KeyError):
        return None
    return content
