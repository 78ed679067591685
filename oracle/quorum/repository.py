# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Queries of the quorum: the one content a slot, proposals by their hash, disagreements."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from oracle.models import OracleDisagreement, OracleProposal, OracleReport, OracleSignature
from oracle.quorum.messages import Proposal, SignRequest
from oracle.rules import Content, Leaf


async def decide(session: AsyncSession, request: SignRequest, at: datetime) -> bytes:
    """Bind this node to a content for its slot, unless it is bound already. Returns the hash of the content it is bound to.

    The row's lock is held until the caller commits, so of two requests at the same time the second sees the first one's decision.
    """
    content = request.proposal.content
    made = insert(OracleSignature).values(
        utility=content.utility,
        slot=content.slot,
        content_hash=content.hash(),
        deadline=request.deadline,
        epoch=request.epoch,
        signature=b"",
        decided_at=at,
    )
    await session.execute(made.on_conflict_do_nothing())
    bound = await session.scalar(
        select(OracleSignature.content_hash)
        .where(OracleSignature.utility == content.utility, OracleSignature.slot == content.slot)
        .with_for_update()
    )
    assert bound is not None
    return bytes(bound)


async def keep_signature(session: AsyncSession, request: SignRequest, signature: bytes) -> None:
    """Remember the newest signature, so that another proposer can go on with it."""
    content = request.proposal.content
    await session.execute(
        update(OracleSignature)
        .where(
            OracleSignature.utility == content.utility,
            OracleSignature.slot == content.slot,
            OracleSignature.content_hash == content.hash(),
        )
        .values(signature=signature, deadline=request.deadline, epoch=request.epoch)
    )


async def decision(session: AsyncSession, utility: int, slot: int) -> OracleSignature | None:
    """What this node is bound to for a slot."""
    return await session.get(OracleSignature, (utility, slot))


async def open_decision(session: AsyncSession, utility: int, after_slot: int) -> OracleSignature | None:
    """The newest decision about a slot after `after_slot`."""
    found: OracleSignature | None = await session.scalar(
        select(OracleSignature)
        .where(OracleSignature.utility == utility, OracleSignature.slot > after_slot)
        .order_by(OracleSignature.slot.desc())
        .limit(1)
    )
    return found


async def count_unaccepted(session: AsyncSession, utility: int, after_slot: int) -> int:
    """How many slots after one were signed here and have no accepted report: split votes, lost proposals, or still under way."""
    accepted = (
        select(OracleReport.slot)
        .where(OracleReport.utility == utility, OracleReport.slot == OracleSignature.slot)
        .exists()
    )
    rows = (
        select(func.count())
        .select_from(OracleSignature)
        .where(OracleSignature.utility == utility, OracleSignature.slot > after_slot, ~accepted)
    )
    return int(await session.scalar(rows) or 0)


async def store_proposal(session: AsyncSession, proposal: Proposal) -> None:
    """Keep a proposal; the same one again changes nothing."""
    content = proposal.content
    row = {"content_hash": content.hash(), "utility": content.utility, "slot": content.slot, "body": proposal.to_json()}
    await session.execute(insert(OracleProposal).values(row).on_conflict_do_nothing())


async def load_proposal(session: AsyncSession, content_hash: bytes) -> bytes | None:
    """A proposal's JSON by its content hash."""
    row = await session.get(OracleProposal, content_hash)
    return None if row is None else row.body


async def record_disagreement(
    session: AsyncSession,
    content: Content,
    *,
    kind: str,
    code: str,
    detail: str,
    mine: Leaf | None,
    theirs: Leaf | None,
    at: datetime,
) -> bool:
    """Write a disagreement down, once for each content and kind. Returns whether it is new."""
    made = (
        insert(OracleDisagreement)
        .values(
            kind=kind,
            utility=content.utility,
            slot=content.slot,
            content_hash=content.hash(),
            code=code,
            detail=detail,
            mine=None if mine is None else mine.line(),
            theirs=None if theirs is None else theirs.line(),
            at=at,
        )
        .on_conflict_do_nothing()
        .returning(OracleDisagreement.id)
    )
    return await session.scalar(made) is not None


async def disagreements(session: AsyncSession, *, limit: int = 20) -> list[OracleDisagreement]:
    """The newest disagreements."""
    return list(await session.scalars(select(OracleDisagreement).order_by(OracleDisagreement.id.desc()).limit(limit)))


async def count_disagreements(session: AsyncSession) -> dict[str, int]:
    """How many disagreements there are on record, by kind."""
    rows = await session.execute(select(OracleDisagreement.kind, func.count()).group_by(OracleDisagreement.kind))
    return {str(kind): int(count) for kind, count in rows}
