# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Claims on an operator's word, and what the treasury gave to whom."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field

from api.auth import OPERATOR
from api.deps import Services, ServicesDep
from api.queries import ledger
from api.rest.oracle import ReportShown, published_at, report_shown
from api.rest.shapes import SLOT_MAX, Address, After, Amount, First, Hash, Listed, UtilityQuery
from flows.mint_energy import Claimed
from indexer.models import MintedRow
from kit import idempotency
from kit.errors import Refused, Unavailable
from kit.units import Utility

router = APIRouter(prefix="/api/treasury", tags=["treasury"])

_OPERATION = "treasury.mint"


class MintRequest(BaseModel):
    """Whose register to settle. Without a slot the newest report is taken; `batch` asks for tokens of exactly that slot."""

    station: UUID
    utility: Utility = Utility.E
    slot: Annotated[int | None, Field(ge=0, le=SLOT_MAX)] = None
    tenure: Annotated[int | None, Field(ge=1)] = None
    batch: bool = False


class MintResult(BaseModel):
    """How the claim ended: `minted` now, or `settled` before, by the transaction that is named if we know it.

    Amounts as that transaction's event has them.
    """

    station: UUID
    tenure: int
    slot: int
    outcome: str
    txHash: str | None
    owner: str | None
    fromRegisterUwh: Amount
    toRegisterUwh: Amount
    toOwnerUwh: Amount
    reserveUwh: Amount
    gasUsed: int


class Distribution(BaseModel):
    """One settlement: how much went to the owner and how much to the reserve."""

    station: UUID
    owner: Address
    tenure: int
    slot: int
    utility: int
    fromRegisterUwh: Amount
    toRegisterUwh: Amount
    toOwnerUwh: Amount
    reserveUwh: Amount
    tokenId: Amount
    mode: int
    blockNumber: int
    blockTime: datetime
    txHash: Hash


class Reserve(BaseModel):
    """The treasury's sums on chain at this moment."""

    mintedUwh: Amount
    issuedUwh: Amount
    reserveUwh: Amount


class Reports(Listed[ReportShown]):
    """A page of reports, the distributions of as many settlements, and the treasury's sums; null if the chain is silent."""

    distributions: Listed[Distribution]
    treasury: Reserve | None


@router.post(
    "/mint",
    dependencies=OPERATOR,
    responses={
        400: {"description": "the chain refused; `code` begins with the contract's name"},
        404: {"description": "no such report or leaf"},
        409: {"description": "this Idempotency-Key was used for another request"},
        503: {"description": "the chain does not answer or does not mine; send it again with the same key"},
    },
)
async def mint(
    services: ServicesDep,
    wanted: MintRequest,
    key: Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=idempotency.KEY_MAX)],
) -> MintResult:
    """Claim a station's leaf; its owner is paid, whoever asks.

    Amount and owner stand in the leaf, which the chain checks. The answer is kept under the key; and a claim that did go through is
    found settled, so to repeat mints nothing twice.
    """
    request = wanted.model_dump(mode="json")
    async with services.database.transaction() as session:
        known = await idempotency.begin(session, _OPERATION, key, request)
    if known is not None:
        return MintResult.model_validate(known)
    keeper = await services.chain.keeper()
    report, published = await published_at(services, wanted.utility, wanted.slot)
    await keeper.check_root(wanted.utility, report.slot, published)
    claimed = await keeper.claim(published, published.index_of(wanted.station.int, wanted.tenure), batch=wanted.batch)
    services.metrics.note_claims([claimed])
    if claimed.outcome == "refused":
        raise Refused(claimed.code, claimed.reason)
    result = _result(claimed)
    async with services.database.transaction() as session:
        if claimed.outcome == "settled":
            earlier = await ledger.mint_that_settled(
                session, utility=wanted.utility, station=wanted.station, tenure=claimed.tenure, slot=claimed.slot
            )
            result = result if earlier is None else _settled_by(earlier, result)
        await idempotency.finish(session, _OPERATION, key, result.model_dump(mode="json"))
    return result


@router.get("/reports")
async def reports(
    services: ServicesDep,
    utility: UtilityQuery = Utility.E,
    first: First = 50,
    after: After = None,
    distributionsAfter: Annotated[  # noqa: N803  (the parameter's public name)
        str | None, Query(max_length=400, description="`next` of the distributions before")
    ] = None,
) -> Reports:
    """Accepted reports and distributions, newest first, and the reserve."""
    size = min(first, services.settings.page_max)
    async with services.database.transaction() as session:
        page = await ledger.reports(session, ledger.Wanted(size, after, utility))
        mints = await ledger.mints(session, ledger.Wanted(size, distributionsAfter, utility))
    return Reports(
        items=[report_shown(row) for row in page.rows],
        next=page.next,
        distributions=Listed(items=[_distribution(row) for row in mints.rows], next=mints.next),
        treasury=await _reserve(services, utility),
    )


async def _reserve(services: Services, utility: Utility) -> Reserve | None:
    try:
        treasury = services.chain.contracts().treasury
        return Reserve(
            mintedUwh=await treasury.minted(utility),
            issuedUwh=await treasury.issued(utility),
            reserveUwh=await treasury.reserve(utility),
        )
    except Unavailable:
        return None


def _distribution(row: MintedRow) -> Distribution:
    return Distribution(
        station=row.station,
        owner=row.owner,
        tenure=row.tenure,
        slot=row.slot,
        utility=row.utility,
        fromRegisterUwh=row.from_register,
        toRegisterUwh=row.to_register,
        toOwnerUwh=row.to_owner,
        reserveUwh=row.reserve,
        tokenId=row.token_id,
        mode=row.mode,
        blockNumber=row.block_number,
        blockTime=row.block_time,
        txHash=row.tx_hash,
    )


def _settled_by(row: MintedRow, result: MintResult) -> MintResult:
    return result.model_copy(
        update={
            "txHash": "0x" + row.tx_hash.hex(),
            "owner": "0x" + row.owner.hex(),
            "fromRegisterUwh": row.from_register,
            "toRegisterUwh": row.to_register,
            "toOwnerUwh": row.to_owner,
            "reserveUwh": row.reserve,
        }
    )


def _result(claimed: Claimed) -> MintResult:
    return MintResult(
        station=claimed.station,
        tenure=claimed.tenure,
        slot=claimed.slot,
        outcome=claimed.outcome,
        txHash=claimed.tx_hash,
        owner=None if claimed.owner is None else "0x" + claimed.owner.hex(),
        fromRegisterUwh=claimed.from_register,
        toRegisterUwh=claimed.to_register,
        toOwnerUwh=claimed.to_owner,
        reserveUwh=claimed.reserve,
        gasUsed=claimed.gas_used,
    )
