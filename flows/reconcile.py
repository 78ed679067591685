# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The books side by side: what the quorum signed, what the chain settled, what our index says; and whether they agree.

Everything is read as of one block, so that a claim in flight is no finding: the indexer's cursor, or the block before the newest
report while the leaves of that one are on their way. Amounts in µWh.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, and_, any_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chain.client import BATCH_BIT, EnergyTokenClient, OracleClient, TreasuryClient
from energy.models import EnergyInterval, EnergyTenure
from energy.repository import in_force
from flows import leaves as published
from indexer.models import Balance, Cursor, MintedRow, ReportRow, Supply
from kit.errors import NotFound
from kit.ids import station_uuid
from kit.units import SLOT_SECONDS, Utility
from oracle.models import OracleLeaves
from oracle.rules import Leaf

Verdict = Literal["reconciled", "waiting", "broken"]


@dataclass(frozen=True, slots=True)
class Metered:
    """What we make of a tenure's readings up to the newest report: how many slots, the sum of E_net, and of its surpluses alone.

    Shown beside the registers and no part of the verdict: a register is a high-water mark of the running sum, so it lies at or
    above the sum and below the surpluses, and a reading may have come after the report.
    """

    slots: int = 0
    net_uwh: int = 0
    surplus_uwh: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One tenure: its newest signed register, what the Treasury settled of it, and the sum of our Minted rows."""

    station: UUID
    tenure: int
    owner: bytes
    measured_uwh: int
    oracle_uwh: int
    chain_uwh: int
    indexed_uwh: int
    metered: Metered = Metered()

    @property
    def verdict(self) -> Verdict:
        """`broken` if more was settled than signed or the index differs from the chain, `waiting` if a claim is open."""
        if self.chain_uwh > self.oracle_uwh or self.indexed_uwh != self.chain_uwh:
            return "broken"
        return "waiting" if self.chain_uwh < self.oracle_uwh else "reconciled"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A utility's books at a block. `slot` is the newest report's there. `findings` say what is wrong, for people."""

    utility: int
    block: int
    slot: int | None
    oracle_total_uwh: int
    chain_minted_uwh: int
    chain_issued_uwh: int
    supply_units: int
    lines: Sequence[Line] = ()
    findings: Sequence[str] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """The worst of the lines and of the grid's sums."""
        verdicts = {line.verdict for line in self.lines}
        if self.findings or "broken" in verdicts:
            return "broken"
        return "waiting" if "waiting" in verdicts else "reconciled"


@dataclass(frozen=True, slots=True)
class Stored:
    """What our database says. `indexed` holds what was minted up to `block` by station and tenure.

    The supply, and the class tokens `held` by the leaves' owners, are as of `cursor`.
    """

    utility: int
    cursor: int
    block: int
    slot: int | None
    leaves: Sequence[Leaf]
    indexed: Mapping[tuple[UUID, int], int]
    supply_units: int
    metered: Mapping[tuple[UUID, int], Metered] = field(default_factory=dict)
    held: Mapping[bytes, int] = field(default_factory=dict)


async def stored(session: AsyncSession, *, utility: int) -> Stored:
    """Our side of the comparison: at the cursor, or before the first report whose leaves did not come yet.

    Raises NotFound if nothing is indexed or no block is told whole, Conflict if the stored leaves are not what their report says.
    """
    cursor = await session.scalar(select(func.max(Cursor.block_number)))
    if cursor is None:
        raise NotFound("indexer.empty", "nothing is indexed yet; ask again soon")
    report = await _newest_with_leaves(session, utility)
    block = await _block_before_the_next(session, utility, report)
    if report is not None and block is not None and block < report.block_number:
        raise NotFound("oracle.leaves_pending", "two reports came in one block and the leaves of one are not here yet")
    leaves = () if report is None else (await published.load(session, report)).leaves
    return Stored(
        utility=utility,
        cursor=cursor,
        block=cursor if block is None else min(block, cursor),
        slot=None if report is None else report.slot,
        leaves=leaves,
        indexed=await _indexed(session, utility, cursor if block is None else block),
        supply_units=await _supply(session, utility),
        metered={} if report is None or utility != Utility.E else await _metered(session, report.slot),
        held=await _held(session, utility, {leaf.owner for leaf in leaves}),
    )


async def reconcile(
    ours: Stored, oracle: OracleClient, treasury: TreasuryClient, token: EnergyTokenClient | None = None
) -> Reconciliation:
    """Compare our side with the chain as of the same block; with `token`, what owners hold as well.

    Raises Unavailable if the chain does not answer.
    """
    tenures = [(leaf.station, leaf.tenure) for leaf in ours.leaves]
    settled = await treasury.settled_many(ours.utility, tenures, block=ours.block)
    indexed = dict(ours.indexed)
    lines = [
        Line(
            station=station_uuid(leaf.station),
            tenure=leaf.tenure,
            owner=leaf.owner,
            measured_uwh=leaf.measured,
            oracle_uwh=leaf.mintable,
            chain_uwh=done.register,
            indexed_uwh=indexed.pop((station_uuid(leaf.station), leaf.tenure), 0),
            metered=ours.metered.get((station_uuid(leaf.station), leaf.tenure), Metered()),
        )
        for leaf, done in zip(ours.leaves, settled, strict=True)
    ]
    made = Reconciliation(
        utility=ours.utility,
        block=ours.block,
        slot=ours.slot,
        oracle_total_uwh=(await oracle.head(ours.utility, block=ours.block)).total,
        chain_minted_uwh=await treasury.minted(ours.utility, block=ours.block),
        chain_issued_uwh=await treasury.issued(ours.utility, block=ours.cursor),
        supply_units=ours.supply_units,
        lines=lines,
    )
    wrong = [] if token is None else await _wrong_holdings(ours, token)
    return replace(made, findings=(*findings_of(made, strangers=sum(indexed.values())), *wrong))


async def _wrong_holdings(ours: Stored, token: EnergyTokenClient) -> list[str]:
    owners = list(ours.held)
    calls = [token.abi.encode_call("balanceOf", owner, ours.utility) for owner in owners]
    answers = await token.rpc.calls(token.address, calls, block=ours.cursor)
    balances = [int(token.abi.decode_result("balanceOf", data)) for data in answers]
    return [
        f"0x{owner.hex()} holds {balance} on chain and {ours.held[owner]} by the index"
        for owner, balance in zip(owners, balances, strict=True)
        if balance != ours.held[owner]
    ]


def findings_of(made: Reconciliation, *, strangers: int) -> tuple[str, ...]:
    """What is wrong with the grid's sums, in words. `strangers`: what was minted for tenures that no leaf names."""
    signed = sum(line.oracle_uwh for line in made.lines)
    settled = sum(line.chain_uwh for line in made.lines)
    checks = (
        (made.chain_minted_uwh > made.oracle_total_uwh, "the Treasury minted more than the Oracle accepted"),
        (
            signed != made.oracle_total_uwh,
            f"the leaves sum up to {signed}, the Oracle's total is {made.oracle_total_uwh}",
        ),
        (settled != made.chain_minted_uwh, f"tenures settled {settled}, the Treasury minted {made.chain_minted_uwh}"),
        (made.supply_units > made.chain_issued_uwh, "more tokens exist than the Treasury issued"),
        (strangers != 0, f"{strangers} were minted for tenures without a leaf"),
    )
    return tuple(text for wrong, text in checks if wrong)


async def _newest_with_leaves(session: AsyncSession, utility: int) -> ReportRow | None:
    found: ReportRow | None = await session.scalar(
        select(ReportRow)
        .join(OracleLeaves, OracleLeaves.data_hash == ReportRow.data_hash)
        .where(ReportRow.utility == utility)
        .order_by(ReportRow.slot.desc())
        .limit(1)
    )
    return found


async def _block_before_the_next(session: AsyncSession, utility: int, report: ReportRow | None) -> int | None:
    """The last block in which `report` was the newest one; None if it still is."""
    later = select(func.min(ReportRow.block_number)).where(ReportRow.utility == utility)
    if report is not None:
        later = later.where(ReportRow.slot > report.slot)
    first: int | None = await session.scalar(later)
    return None if first is None else first - 1


async def _indexed(session: AsyncSession, utility: int, block: int) -> dict[tuple[UUID, int], int]:
    rows = await session.execute(
        select(MintedRow.station, MintedRow.tenure, func.sum(MintedRow.to_register - MintedRow.from_register))
        .where(MintedRow.utility == utility, MintedRow.block_number <= block)
        .group_by(MintedRow.station, MintedRow.tenure)
    )
    return {(station, tenure): int(total) for station, tenure, total in rows}


async def _metered(session: AsyncSession, slot: int) -> dict[tuple[UUID, int], Metered]:
    """By station and tenure, the intervals in force up to a slot. A slot belongs to the tenure that holds its first instant."""
    interval = aliased(EnergyInterval, in_force().where(EnergyInterval.slot <= slot).subquery())
    begins = func.to_timestamp(interval.slot * SLOT_SECONDS)
    within = and_(
        EnergyTenure.station == interval.station,
        EnergyTenure.since <= begins,
        or_(EnergyTenure.until.is_(None), begins < EnergyTenure.until),
    )
    rows = await session.execute(
        select(
            interval.station,
            EnergyTenure.tenure,
            func.count(),
            func.sum(interval.e_net_uwh),
            func.sum(func.greatest(interval.e_net_uwh, 0)),
        )
        .join(EnergyTenure, within)
        .group_by(interval.station, EnergyTenure.tenure)
    )
    return {(station, tenure): Metered(n, int(net), int(surplus)) for station, tenure, n, net, surplus in rows}


async def _held(session: AsyncSession, utility: int, owners: Collection[bytes]) -> dict[bytes, int]:
    """Class tokens of each owner, also of those without a row."""
    rows = await session.execute(
        select(Balance.owner, Balance.balance).where(
            Balance.token_id == utility, Balance.owner == any_(literal(sorted(owners), ARRAY(LargeBinary)))
        )
    )
    return dict.fromkeys(sorted(owners), 0) | {owner: balance for owner, balance in rows}  # noqa: C416 (a row is no pair to the type checker)


async def _supply(session: AsyncSession, utility: int) -> int:
    """Tokens of a utility that exist: the class, and every batch."""
    first = BATCH_BIT | utility << 32
    mine = (Supply.token_id == utility) | Supply.token_id.between(first, first | 0xFFFFFFFF)
    return int(await session.scalar(select(func.coalesce(func.sum(Supply.minted - Supply.burned), 0)).where(mine)) or 0)
