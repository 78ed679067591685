# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the chain says, as the indexer stored it: head, reports, mints, balances, each newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Uuid, bindparam, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from api import cursors
from api.cursors import Page
from indexer.models import Balance, Cursor, MintedRow, ReportRow, Transaction
from kit.errors import Malformed


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: `first` of them after a cursor, of one utility if asked."""

    first: int
    after: str | None = None
    utility: int | None = None


def _place(after: str) -> tuple[int, int]:
    block, index = cursors.decode(after, 2)
    if not (0 <= block < 2**63 and 0 <= index < 2**31):
        raise Malformed("request.cursor", "that is no cursor of ours; take one from an answer")
    return block, index


async def head(session: AsyncSession) -> Cursor | None:
    """Up to which block everything here is true; None before the indexer's first batch."""
    return await session.scalar(select(Cursor).order_by(Cursor.block_number.desc()).limit(1))


async def reports(session: AsyncSession, wanted: Wanted) -> Page[ReportRow]:
    """Accepted reports."""
    row = ReportRow
    query = select(row).order_by(row.block_number.desc(), row.log_index.desc()).limit(wanted.first + 1)
    if wanted.utility is not None:
        query = query.where(row.utility == wanted.utility)
    if wanted.after is not None:
        query = query.where(tuple_(row.block_number, row.log_index) < tuple_(*_place(wanted.after)))
    rows = (await session.scalars(query)).all()
    return cursors.page(rows, wanted.first, lambda r: (r.block_number, r.log_index))


async def report(session: AsyncSession, *, utility: int, slot: int | None = None) -> ReportRow | None:
    """The report of a slot, or the newest."""
    query = select(ReportRow).where(ReportRow.utility == utility).order_by(ReportRow.slot.desc()).limit(1)
    return await session.scalar(query if slot is None else query.where(ReportRow.slot == slot))


async def mints(session: AsyncSession, wanted: Wanted, *, owner: bytes | None = None) -> Page[MintedRow]:
    """Mints of the grid, or of one owner."""
    row = MintedRow
    query = select(row).order_by(row.block_number.desc(), row.log_index.desc()).limit(wanted.first + 1)
    if owner is not None:
        query = query.where(row.owner == owner)
    if wanted.utility is not None:
        query = query.where(row.utility == wanted.utility)
    if wanted.after is not None:
        query = query.where(tuple_(row.block_number, row.log_index) < tuple_(*_place(wanted.after)))
    rows = (await session.scalars(query)).all()
    return cursors.page(rows, wanted.first, lambda r: (r.block_number, r.log_index))


async def mint_that_settled(
    session: AsyncSession, *, utility: int, station: UUID, tenure: int, slot: int
) -> MintedRow | None:
    """The first mint of a tenure against a report of `slot` or later; None if the indexer has none, or nothing was minted."""
    row = MintedRow
    query = select(row).where(row.utility == utility, row.station == station, row.tenure == tenure, row.slot >= slot)
    return await session.scalar(query.order_by(row.block_number, row.log_index).limit(1))


async def mints_of(session: AsyncSession, stations: Sequence[UUID], wanted: Wanted) -> list[Page[MintedRow]]:
    """A page of mints for each station, in the order asked."""
    row = aliased(MintedRow)
    parents = func.unnest(bindparam("stations", list(stations), ARRAY(Uuid))).table_valued("id").render_derived()
    query = select(row).where(row.station == parents.c.id)
    if wanted.utility is not None:
        query = query.where(row.utility == wanted.utility)
    if wanted.after is not None:
        query = query.where(tuple_(row.block_number, row.log_index) < tuple_(*_place(wanted.after)))
    each = query.order_by(row.block_number.desc(), row.log_index.desc()).limit(wanted.first + 1).subquery().lateral()
    found = aliased(MintedRow, each)
    by_station: dict[UUID, list[MintedRow]] = {station: [] for station in stations}
    for mint in await session.scalars(select(found).select_from(parents).join(each, true())):
        by_station[mint.station].append(mint)
    return [
        cursors.page(by_station[station], wanted.first, lambda r: (r.block_number, r.log_index)) for station in stations
    ]


async def balances_of(session: AsyncSession, owners: Sequence[bytes], wanted: Wanted) -> list[Page[Balance]]:
    """A page of balances above zero for each owner, by token id, in the order asked."""
    row = aliased(Balance)
    parents = func.unnest(bindparam("owners", list(owners), ARRAY(LargeBinary))).table_valued("owner").render_derived()
    query = select(row).where(row.owner == parents.c.owner, row.balance > 0)
    if wanted.after is not None:
        query = query.where(row.token_id > cursors.decode(wanted.after, 1)[0])
    each = query.order_by(row.token_id).limit(wanted.first + 1).subquery().lateral()
    found = aliased(Balance, each)
    by_owner: dict[bytes, list[Balance]] = {owner: [] for owner in owners}
    for balance in await session.scalars(select(found).select_from(parents).join(each, true())):
        by_owner[balance.owner].append(balance)
    return [cursors.page(by_owner[owner], wanted.first, lambda r: (r.token_id,)) for owner in owners]


async def transactions(session: AsyncSession, hashes: Sequence[bytes]) -> list[Transaction | None]:
    """Transactions in the order asked, None where the indexer keeps none."""
    rows = await session.scalars(select(Transaction).where(Transaction.hash.in_(hashes)))
    found = {row.hash: row for row in rows}
    return [found.get(one) for one in hashes]
