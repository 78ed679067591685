# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The story of a kilowatt-hour that becomes a token, from the report on.

Before it: an edge measured and signed (edge), ingest stored the reading (energy.ingest), a quorum of nodes recomputed and signed a
report, and the Oracle accepted it (oracle). Then, here:

1. The indexer saw ReportAccepted and told `event.indexer.report_accepted`. A job fetches the report's leaves from any node. They
   are stored only if their hash and their root are the ones on chain (`fetch_leaves`).
2. If enough slots passed since the last claim, a second job claims for every tenure whose register on chain is behind its leaf
   (`claim_due`). What is settled is read from the Treasury, never from our database; who is paid stands in the leaf that the chain
   checks. One job a utility at a time. A claim is a register's high-water mark, so to repeat one mints nothing.
3. The indexer saw Minted and told `event.indexer.minted`. A job marks the intervals that the claim covers MINTED with its
   transaction (`mark_minted`). If a reorg takes the mint back, so does `unmark_reverted`.

Every step may be repeated, and a sweep finds what a lost event left behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import httpx
import orjson
from procrastinate import App, RetryStrategy
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chain.client import OracleClient, TreasuryClient
from chain.contract import load_abi
from chain.rpc import RpcError
from chain.transactions import Receipt, Reverted, TransactionSender
from energy import repository as energy
from energy.models import EnergyInterval, EnergyTenure
from flows import leaves
from flows.leaves import Published
from indexer.events import MINTED, REPORT_ACCEPTED, REVERTED
from indexer.models import MintedRow, ReportRow
from kit import jobs, logs
from kit.database import Database
from kit.errors import Refused, Unavailable
from kit.ids import station_uuid
from kit.stream import Message
from kit.units import Utility
from oracle import repository as oracle
from oracle.models import OracleLeaves

log = logs.get(__name__)

QUEUE = "mint"
FETCH = "mint_energy.fetch_leaves"
CLAIM = "mint_energy.claim_due"
MARK = "mint_energy.mark_minted"
UNMARK = "mint_energy.unmark_reverted"

_RETRY = RetryStrategy(max_attempts=30, linear_wait=2)
_IN_FLIGHT = 8
_SWEEP_MAX = 100
CLOSED_AT = (1 << 40) - 1  # the Treasury's clock of a bucket that fills no more
_ROOTS_KEPT = 128  # the Oracle's ring: claims against older reports are refused

Outcome = Literal["minted", "settled", "refused"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """How a claim ended. Amounts in µWh as the chain's event has them; `code` and `reason` say why it was refused."""

    station: UUID
    tenure: int
    slot: int
    outcome: Outcome
    tx_hash: str | None = None
    owner: bytes | None = None
    from_register: int = 0
    to_register: int = 0
    to_owner: int = 0
    reserve: int = 0
    gas_used: int = 0
    code: str = ""
    reason: str = ""


class Keeper:
    """Claims for everybody, with one key that pays the gas and receives nothing."""

    def __init__(self, oracle_client: OracleClient, treasury: TreasuryClient, sender: TransactionSender) -> None:
        self._oracle = oracle_client
        self._treasury = treasury
        self._sender = sender

    async def newest_claimable(self, utility: int, slots: Sequence[int]) -> int | None:
        """The newest of some reported slots, given newest first, whose challenge delay is over by the chain's own clock."""
        if not slots or await self._oracle.challenge_delay() == 0:
            return slots[0] if slots else None
        block = await self._oracle.rpc.block()
        if block is None:
            raise Unavailable("chain.no_block", "the chain's node shows no newest block")
        number, now = int(block["number"], 16), int(block["timestamp"], 16)
        claimable = await self._oracle.claimable_at_many(utility, slots, block=number)
        return next((slot for slot, at in zip(slots, claimable, strict=True) if at <= now), None)

    async def claim_outstanding(self, utility: int, slot: int, published: Published) -> list[Claimed]:
        """Claim every leaf that is ahead of what the Treasury has settled. A refused claim does not stop the others.

        Raises Unavailable if the chain does not answer or does not mine: what was claimed until then is found settled next time.
        """
        await self.check_root(utility, slot, published)
        places = [index for index, leaf in enumerate(published.leaves) if leaf.mintable > 0]
        tenures = [(published.leaves[index].station, published.leaves[index].tenure) for index in places]
        settled = await self._treasury.settled_many(utility, tenures)
        due = [
            index
            for index, done in zip(places, settled, strict=True)
            if published.leaves[index].mintable > done.register
        ]
        gate = asyncio.Semaphore(_IN_FLIGHT)

        async def one(index: int) -> Claimed:
            async with gate:
                return await self.claim(published, index)

        ended = await asyncio.gather(*(one(index) for index in due), return_exceptions=True)
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        return [result for result in ended if isinstance(result, Claimed)]

    async def stop_closed(self, utility: int, tenures: Sequence[tuple[int, int]]) -> int:
        """Stop the buckets of tenures that have ended, given as (station, tenure): one that settled while it was open goes on
        filling at the Treasury until somebody says that it is closed. Returns how many were still filling.
        """
        settled = await self._treasury.settled_many(utility, tenures) if tenures else []
        filling = [tenure for tenure, done in zip(tenures, settled, strict=True) if 0 < done.at < CLOSED_AT]
        for station, tenure in filling:
            call = self._treasury.abi.encode_call("refresh_rating", station, tenure)
            try:
                await self._sender.send(self._treasury.address, call)
            except Reverted as error:
                log.warning(
                    "tenure.still_filling", station=str(station_uuid(station)), tenure=tenure, reason=error.reason
                )
        return len(filling)

    async def claim(self, published: Published, index: int, *, batch: bool = False) -> Claimed:
        """Claim one leaf, as class tokens or as the batch of its slot. To repeat it is harmless."""
        leaf = published.leaves[index]
        station = station_uuid(leaf.station)
        encode = self._treasury.claim_batch_call if batch else self._treasury.claim_call
        call = encode(astuple(leaf), index, published.tree.proof(index))
        try:
            if not batch and await self._would_mint(call) == 0:
                return Claimed(station, leaf.tenure, leaf.slot, "settled")
            receipt = await self._sender.send(self._treasury.address, call)
        except Reverted as error:
            log.warning("claim.refused", station=str(station), tenure=leaf.tenure, slot=leaf.slot, reason=error.reason)
            return Claimed(
                station, leaf.tenure, leaf.slot, "refused", code=error.code, reason=error.reason or str(error)
            )
        return self._ended(station, leaf.tenure, leaf.slot, receipt)

    async def check_root(self, utility: int, slot: int, published: Published) -> None:
        """Raises Refused unless the chain takes claims against this report: its root stands there and is the leaves' own."""
        root = await self._oracle.root_of(utility, slot)
        if root != published.tree.root:
            gone = not any(root)
            code, why = ("mint.not_claimable", "takes no claims") if gone else ("mint.other_root", "has another root")
            raise Refused(code, f"the chain {why} for slot {slot}; a newer report settles it")

    async def _would_mint(self, call: bytes) -> int | None:
        """What a claim would mint now; None if only a transaction can tell why it would not."""
        try:
            answer = await self._treasury.rpc.call(self._treasury.address, call, sender=self._sender.signer.address)
        except RpcError:
            return None
        return int(self._treasury.abi.decode_result("claim", answer))

    def _ended(self, station: UUID, tenure: int, slot: int, receipt: Receipt) -> Claimed:
        args = minted_in(receipt, self._treasury.address)
        if args is None:
            return Claimed(station, tenure, slot, "settled", tx_hash=receipt.tx_hash, gas_used=receipt.gas_used)
        return Claimed(
            station,
            tenure,
            slot,
            "minted",
            tx_hash=receipt.tx_hash,
            owner=args["owner"],
            from_register=args["from_register"],
            to_register=args["to_register"],
            to_owner=args["to_owner"],
            reserve=args["reserve"],
            gas_used=receipt.gas_used,
        )


class MintEnergy:
    """The story's steps, for the worker. Without a keeper leaves are stored and nothing is claimed."""

    def __init__(
        self,
        database: Database,
        http: httpx.AsyncClient,
        *,
        nodes: Sequence[str],
        keeper: Callable[[], Awaitable[Keeper]] | None,
        every: int,
        on_claims: Callable[[Sequence[Claimed]], None] = lambda _: None,
    ) -> None:
        """`keeper` opens the one who claims, when it is needed: the contracts may not be deployed yet.

        `every`: claim when a report is so many slots past the last one that was claimed against. `on_claims` hears how
        each round ended.
        """
        self._database = database
        self._http = http
        self._nodes = tuple(nodes)
        self._keeper = keeper
        self._every = every
        self._on_claims = on_claims

    def register(self, app: App) -> None:
        """Make the steps known to the jobs' app."""
        app.task(name=FETCH, queue=QUEUE, retry=_RETRY)(self.fetch_leaves)
        app.task(name=CLAIM, queue=QUEUE, retry=_RETRY)(self.claim_due)
        app.task(name=MARK, queue=QUEUE, retry=_RETRY)(self.mark_minted)
        app.task(name=UNMARK, queue=QUEUE, retry=_RETRY)(self.unmark_reverted)

    async def on_events(self, messages: list[Message]) -> None:
        """Turn a batch of the indexer's events into jobs, in one transaction."""
        async with self._database.transaction() as session:
            for message in messages:
                told = orjson.loads(message.data)
                if message.subject == REPORT_ACCEPTED:
                    await defer_fetch(session, told["utility"], told["slot"])
                elif message.subject == MINTED:
                    await jobs.defer(session, MARK, queue=QUEUE, lock=f"mark:{told['station']}", told=told)
                elif message.subject == REVERTED:
                    await jobs.defer(session, UNMARK, queue=QUEUE, lock="unmark")

    async def fetch_leaves(self, utility: int, slot: int) -> None:
        """Store a report's leaves, and see whether a claim is due. Raises Unavailable while no node has them."""
        async with self._database.transaction() as session:
            report = await report_at(session, utility, slot)
            stored = report is not None and await oracle.load_leaves(session, report.data_hash) is not None
        if report is None or stored:
            return  # a reorg took the report back, or somebody was faster
        data = await leaves.fetch(
            self._http, self._nodes, utility=utility, slot=slot, data_hash=report.data_hash, root=report.root
        )
        async with self._database.transaction() as session:
            await leaves.store(session, utility, slot, report.data_hash, data)
            if utility == Utility.E:
                await energy.mark_processing(session, slot=slot, before=report.block_time)
            if await self._is_due(session, utility, slot):
                await jobs.defer(session, CLAIM, queue=QUEUE, lock=f"mint:{utility}", utility=utility, slot=slot)

    async def claim_due(self, utility: int, slot: int) -> None:
        """Claim all that a report lets claim, unless a newer report's leaves are here: one claim settles any number of slots."""
        if self._keeper is None:
            return
        async with self._database.transaction() as session:
            reports = await with_leaves(session, utility, _ROOTS_KEPT)
        slots = [report.slot for report in reports]
        try:
            keeper = await self._keeper()
            claimable = await keeper.newest_claimable(utility, slots)
            if claimable is None:
                if reports:
                    # no error and no retry: the next report, or the sweep, asks again
                    log.info("claim.waits", utility=utility, slot=slots[0])
                return
            report = reports[slots.index(claimable)]
            async with self._database.transaction() as session:
                published = await leaves.load(session, report)
                ended = await closed_tenures(session, report.block_time)
            claimed = await keeper.claim_outstanding(utility, report.slot, published)
            await keeper.stop_closed(utility, ended)
        except Refused as error:
            log.info("claim.skipped", utility=utility, slot=slot, code=error.code)
            return
        self._on_claims(claimed)
        if claimed:
            counts = {kind: sum(c.outcome == kind for c in claimed) for kind in ("minted", "settled", "refused")}
            minted = sum(c.to_owner + c.reserve for c in claimed)
            log.info("claim.done", utility=utility, slot=report.slot, minted_uwh=minted, **counts)

    async def mark_minted(self, told: dict[str, Any]) -> None:
        """Mark the intervals that a mint covers. One that the station's rating cut short covers its newest slots only later.

        Raises NotFound while the leaves that say what it covers are not here.
        """
        station = UUID(told["station"])
        async with self._database.transaction() as session:
            report = await report_at(session, told["utility"], told["slot"])
            if report is None or station.int == 0 or told["utility"] != Utility.E:
                return  # taken back by a reorg, a pool that has no stations, or not what intervals are the history of
            leaf = (await leaves.prove(session, report, station.int, told["tenure"])).leaf
            if int(told["to_register_uwh"]) >= leaf.mintable:
                tx_hash = bytes.fromhex(told["tx_hash"][2:])
                await energy.mark_minted(session, station=station, tenure=leaf.tenure, slot=leaf.slot, tx_hash=tx_hash)

    async def unmark_reverted(self) -> None:
        """The chain changed: intervals whose mint it took back wait for another one."""
        known = select(MintedRow.tx_hash).where(MintedRow.tx_hash == EnergyInterval.minted_tx)
        gone = select(EnergyInterval.minted_tx).where(EnergyInterval.minted_tx.is_not(None), ~known.exists()).distinct()
        async with self._database.transaction() as session:
            for tx_hash in await session.scalars(gone):
                if tx_hash is not None:
                    await energy.unmark_minted(session, tx_hash=tx_hash)

    async def sweep(self) -> int:
        """Enqueue what lost events left behind: leaves that are missing, claims that are due. Returns the number of jobs."""
        async with self._database.transaction() as session:
            absent = await leaves.missing(session, _SWEEP_MAX)
            for report in absent:
                await defer_fetch(session, report.utility, report.slot)
            utilities = (await session.scalars(select(ReportRow.utility).distinct())).all()
            due = 0
            for utility in utilities:
                newest = await newest_with_leaves(session, utility)
                if newest is not None and await self._is_due(session, utility, newest.slot):
                    await jobs.defer(
                        session, CLAIM, queue=QUEUE, lock=f"mint:{utility}", utility=utility, slot=newest.slot
                    )
                    due += 1
        return len(absent) + due

    async def _is_due(self, session: AsyncSession, utility: int, slot: int) -> bool:
        """Only a schedule, so our own copy of the events will do; amounts are asked of the chain."""
        if self._keeper is None:
            return False
        last = await session.scalar(select(func.max(MintedRow.slot)).where(MintedRow.utility == utility))
        return last is None or slot - last >= self._every


async def defer_fetch(session: AsyncSession, utility: int, slot: int) -> None:
    """Enqueue the fetching of a report's leaves with this transaction."""
    await jobs.defer(session, FETCH, queue=QUEUE, lock=f"leaves:{utility}:{slot}", utility=utility, slot=slot)


async def report_at(session: AsyncSession, utility: int, slot: int) -> ReportRow | None:
    """The accepted report of a slot as the indexer has it."""
    found: ReportRow | None = await session.scalar(
        select(ReportRow).where(ReportRow.utility == utility, ReportRow.slot == slot)
    )
    return found


async def newest_with_leaves(session: AsyncSession, utility: int) -> ReportRow | None:
    """The newest accepted report whose leaves are stored."""
    return next(iter(await with_leaves(session, utility, 1)), None)


async def with_leaves(session: AsyncSession, utility: int, limit: int) -> list[ReportRow]:
    """Accepted reports whose leaves are stored, the newest first."""
    have = select(OracleLeaves.data_hash)
    rows = select(ReportRow).where(ReportRow.utility == utility, ReportRow.data_hash.in_(have))
    return list(await session.scalars(rows.order_by(ReportRow.slot.desc()).limit(limit)))


async def closed_tenures(session: AsyncSession, before: datetime) -> list[tuple[int, int]]:
    """Station and tenure of every ownership that had ended at an instant."""
    rows = select(EnergyTenure.station, EnergyTenure.tenure).where(EnergyTenure.until < before)
    return [(station.int, tenure) for station, tenure in await session.execute(rows)]


def minted_in(receipt: Receipt, treasury: str) -> dict[str, Any] | None:
    """The arguments of the Minted event in a claim's receipt, or None if the claim minted nothing."""
    abi = load_abi("Treasury")
    for entry in receipt.logs:
        if entry["address"].lower() == treasury.lower():
            decoded = abi.decode_log(entry)
            if decoded is not None and decoded[0] == "Minted":
                return decoded[1]
    return None
