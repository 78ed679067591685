# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Balances, supplies and settled registers as functions of the event tables.

Each is one query over a range of blocks whose result is added or, on a reorg, subtracted; over all blocks it is what the table must
hold. So applying, reverting and verifying share one definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Subquery, and_, case, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from indexer.errors import LogsMissing
from indexer.models import Balance, MintedRow, Settled, Supply, TransferRow
from kit.database import Amount, Base

NOBODY = bytes(20)
BLOCK_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Derivation:
    """A derived table: its key, its sums, and the query that computes them over a range of blocks."""

    model: type[Base]
    key: tuple[str, ...]
    sums: tuple[str, ...]

    def over(self, first: int, last: int) -> Subquery:
        """What the blocks of a range, ends included, add to each row."""
        return _QUERIES[self.model](first, last).subquery()


def _within(model: type[TransferRow] | type[MintedRow], first: int, last: int) -> ColumnElement[bool]:
    return model.block_number.between(first, last)


def _balances(first: int, last: int) -> Select[*tuple[Any, ...]]:
    within = _within(TransferRow, first, last)
    received = select(TransferRow.receiver.label("owner"), TransferRow.token_id, TransferRow.value.label("moved"))
    given = select(TransferRow.sender, TransferRow.token_id, -TransferRow.value)
    moves = union_all(
        received.where(within, TransferRow.receiver != NOBODY), given.where(within, TransferRow.sender != NOBODY)
    ).subquery()
    return select(moves.c.owner, moves.c.token_id, func.sum(moves.c.moved).label("balance")).group_by(
        moves.c.owner, moves.c.token_id
    )


def _supplies(first: int, last: int) -> Select[*tuple[Any, ...]]:
    zero = literal(0, Amount)
    minted = case((TransferRow.sender == NOBODY, TransferRow.value), else_=zero)
    burned = case((TransferRow.receiver == NOBODY, TransferRow.value), else_=zero)
    return (
        select(TransferRow.token_id, func.sum(minted).label("minted"), func.sum(burned).label("burned"))
        .where(_within(TransferRow, first, last), or_(TransferRow.sender == NOBODY, TransferRow.receiver == NOBODY))
        .group_by(TransferRow.token_id)
    )


def _settled(first: int, last: int) -> Select[*tuple[Any, ...]]:
    key = (MintedRow.utility, MintedRow.station, MintedRow.tenure)
    return (
        select(
            *key,
            func.sum(MintedRow.to_register - MintedRow.from_register).label("register"),
            func.sum(MintedRow.to_owner).label("to_owner"),
            func.sum(MintedRow.reserve).label("reserve"),
            func.count().label("mints"),
        )
        .where(_within(MintedRow, first, last))
        .group_by(*key)
    )


_QUERIES = {Balance: _balances, Supply: _supplies, Settled: _settled}

BALANCES = Derivation(Balance, ("owner", "token_id"), ("balance",))
SUPPLIES = Derivation(Supply, ("token_id",), ("minted", "burned"))
SETTLED = Derivation(Settled, ("utility", "station", "tenure"), ("register", "to_owner", "reserve", "mints"))
DERIVATIONS: Sequence[Derivation] = (BALANCES, SUPPLIES, SETTLED)


async def add(session: AsyncSession, first: int, last: int) -> None:
    """Add the blocks of a range, whose event rows are stored. Raises LogsMissing if the outcome is impossible."""
    for derivation in DERIVATIONS:
        await _merge(session, derivation, first, last, sign=1)
    await _check_balances(session, first, last)
    await _check_registers(session, first, last)


async def subtract(session: AsyncSession, first: int) -> None:
    """Take back the blocks from `first` on, while their event rows are still stored."""
    for derivation in DERIVATIONS:
        await _merge(session, derivation, first, BLOCK_MAX, sign=-1)


async def _merge(session: AsyncSession, derivation: Derivation, first: int, last: int, *, sign: int) -> None:
    moved = derivation.over(first, last)
    table = derivation.model.__table__
    columns = [moved.c[name] for name in derivation.key] + [moved.c[name] * sign for name in derivation.sums]
    added = insert(derivation.model).from_select([*derivation.key, *derivation.sums], select(*columns))
    await session.execute(
        added.on_conflict_do_update(
            index_elements=list(derivation.key),
            set_={name: table.c[name] + added.excluded[name] for name in derivation.sums},
        )
    )


async def _check_balances(session: AsyncSession, first: int, last: int) -> None:
    touched = (
        select(TransferRow.sender, TransferRow.token_id).where(_within(TransferRow, first, last)).distinct().subquery()
    )
    short = await session.execute(
        select(Balance.owner, Balance.token_id, Balance.balance)
        .join(touched, and_(touched.c.sender == Balance.owner, touched.c.token_id == Balance.token_id))
        .where(Balance.balance < 0)
        .limit(1)
    )
    for owner, token_id, balance in short:
        raise LogsMissing(
            "indexer.logs_missing",
            f"by the logs 0x{owner.hex()} would hold {balance} of token {token_id} at block {last}: "
            "the node leaves transfers out; use another one, then run `greencore indexer rebuild`",
        )


async def _check_registers(session: AsyncSession, first: int, last: int) -> None:
    """Every mint begins where the one before it ended, so the newest register is the sum of all stretches."""
    key = (MintedRow.utility, MintedRow.station, MintedRow.tenure)
    newest = (
        select(*key, func.max(MintedRow.to_register).label("told"))
        .where(_within(MintedRow, first, last))
        .group_by(*key)
        .subquery()
    )
    torn = await session.execute(
        select(Settled.station, Settled.tenure, Settled.register, newest.c.told)
        .join(newest, and_(*(newest.c[name] == getattr(Settled, name) for name in SETTLED.key)))
        .where(newest.c.told != Settled.register)
        .limit(1)
    )
    for station, tenure, register, told in torn:
        raise LogsMissing(
            "indexer.logs_missing",
            f"station {station}, tenure {tenure}: the chain tells a register of {told} µWh, its mints sum up to {register}: "
            "the node leaves logs out; use another one, then run `greencore indexer rebuild`",
        )


async def differences(session: AsyncSession, derivation: Derivation) -> list[str]:
    """Where a derived table is not what its events say, in words; rows of zeros count as absent."""
    truth = derivation.over(0, BLOCK_MAX)
    table: FromClause = derivation.model.__table__
    same_key = and_(*(truth.c[name] == table.c[name] for name in derivation.key))
    zero = literal(0, Amount)
    pairs = [(func.coalesce(truth.c[n], zero), func.coalesce(table.c[n], zero)) for n in derivation.sums]
    found = await session.execute(
        select(
            *(func.coalesce(truth.c[name], table.c[name]) for name in derivation.key),
            *(side for pair in pairs for side in pair),
        )
        .select_from(truth.join(table, same_key, full=True))
        .where(or_(*(told != held for told, held in pairs)))
    )
    return [_difference(derivation, tuple(row)) for row in found]


def _difference(derivation: Derivation, row: tuple[Any, ...]) -> str:
    width = len(derivation.key)
    where = ", ".join(f"{k} {_shown(v)}" for k, v in zip(derivation.key, row[:width], strict=True))
    sums = ", ".join(
        f"{column} is {int(row[width + 2 * i + 1])}, by the events {int(row[width + 2 * i])}"
        for i, column in enumerate(derivation.sums)
    )
    return f"{derivation.model.__tablename__}: {where}: {sums}"


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
