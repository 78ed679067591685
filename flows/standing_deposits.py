# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The story of a standing order: whose station's tokens are deposited into the index as they are minted.

A holder calls `GCM.set_standing` for a tenure and approves GCM at the EnergyToken, once. Then, here:

1. The indexer saw Minted and told `event.indexer.minted`. If our copy of the chain knows an order of that tenure, a job is made.
2. The job asks the chain, never our copy: is the order still there, and is the settled register ahead of the one up to which it
   was carried out? Then it calls `GCM.deposit_minted`, with the key that pays for claims; the GCM goes to who left the order.
3. GCM remembers the register in the same transaction. So a repetition, a second worker, or a mint that a reorg took back finds
   nothing to deposit, and what one failure left behind the next deposit takes along.

A refusal (no approval, a closed utility, a stop, a frozen account) is logged and costs no gas; a sweep asks again. A tenure whose
newest tokens were sold by hand has nothing to deposit, and its order waits for the next mint.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson
from procrastinate import App, RetryStrategy
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from chain.client import Contract, TreasuryClient
from chain.transactions import Receipt, Reverted, TransactionSender
from indexer.events import MINTED
from indexer.models import OtherRow
from kit import jobs, logs
from kit.database import Database
from kit.ids import station_uuid
from kit.stream import Message

log = logs.get(__name__)

QUEUE = "mint"
DEPOSIT = "standing_deposits.deposit"

_RETRY = RetryStrategy(max_attempts=30, linear_wait=2)
_NOTHING_NEW = "gcm: nothing newly minted"
_NOBODY = bytes(20)

Outcome = Literal["deposited", "nothing", "refused"]
Key = tuple[int, int, int]
"""Utility code, station number, tenure number."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """How a standing order was carried out. `amount` in units of 10⁻⁹ token, `minted` in 10⁻⁹ GCM."""

    outcome: Outcome
    owner: bytes = _NOBODY
    to_register: int = 0
    amount: int = 0
    minted: int = 0
    tx_hash: str | None = None
    reason: str = ""


class Depositor:
    """Carries out standing orders, with one key that pays the gas and receives nothing."""

    def __init__(self, gcm: Contract, treasury: TreasuryClient, sender: TransactionSender, *, least: int = 1) -> None:
        """`least`: how far the register must be ahead before a deposit is worth its gas, in units of 10⁻⁹ token."""
        self._gcm = gcm
        self._treasury = treasury
        self._sender = sender
        self._least = least

    async def due(self, orders: Sequence[Key]) -> list[Key]:
        """Which of these orders stand on chain and have newly minted tokens behind them. Raises Unavailable."""
        found = []
        for utility in sorted({order[0] for order in orders}):
            mine = [order for order in orders if order[0] == utility]
            calls = [self._gcm.abi.encode_call("standing_order", *order) for order in mine]
            answers = await self._gcm.rpc.calls(self._gcm.address, calls)
            settled = await self._treasury.settled_many(utility, [(station, tenure) for _, station, tenure in mine])
            for order, answer, done in zip(mine, answers, settled, strict=True):
                owner, start = self._gcm.abi.decode_result("standing_order", answer)
                if owner != _NOBODY and done.register - start >= self._least:
                    found.append(order)
        return found

    async def deposit(self, order: Key) -> Deposited:
        """Carry out one order. To repeat it is harmless. Raises Unavailable if the chain does not answer or does not mine."""
        if not await self.due([order]):
            return Deposited("nothing")
        try:
            receipt = await self._sender.send(self._gcm.address, self._gcm.abi.encode_call("deposit_minted", *order))
        except Reverted as error:
            if error.reason == _NOTHING_NEW:
                return Deposited("nothing", reason=error.reason)
            return Deposited("refused", reason=error.reason or str(error))
        told = self._told(receipt)
        return Deposited(
            "deposited",
            owner=told["owner"],
            to_register=told["to_register"],
            amount=told["amount"],
            minted=told["minted"],
            tx_hash=receipt.tx_hash,
        )

    def _told(self, receipt: Receipt) -> dict[str, Any]:
        for entry in receipt.logs:
            if entry["address"].lower() == self._gcm.address.lower():
                decoded = self._gcm.abi.decode_log(entry)
                if decoded is not None and decoded[0] == "StandingDeposited":
                    return decoded[1]
        raise AssertionError(f"{receipt.tx_hash} deposited and did not tell")


class StandingDeposits:
    """The story's steps, for the worker. Without a depositor nothing is done."""

    def __init__(self, database: Database, depositor: Callable[[], Awaitable[Depositor]] | None) -> None:
        """`depositor` opens the one who deposits, when it is needed: the index may not be deployed yet."""
        self._database = database
        self._depositor = depositor

    def register(self, app: App) -> None:
        """Make the steps known to the jobs' app."""
        app.task(name=DEPOSIT, queue=QUEUE, retry=_RETRY)(self.deposit)

    async def on_events(self, messages: list[Message]) -> None:
        """Turn mints of tenures that have an order into jobs, in one transaction."""
        if self._depositor is None:
            return
        minted = set()
        for message in messages:
            if message.subject == MINTED:
                told = orjson.loads(message.data)
                minted.add((int(told["utility"]), UUID(told["station"]).int, int(told["tenure"])))
        if minted:
            async with self._database.transaction() as session:
                for order in await known_orders(session, among=sorted(minted)):
                    await defer_deposit(session, order)

    async def deposit(self, utility: int, station: str, tenure: int) -> None:
        """Carry out an order, `station` by its UUID. Raises Unavailable if the chain does not answer; it is tried again."""
        if self._depositor is None:
            return
        depositor = await self._depositor()
        ended = await depositor.deposit((utility, UUID(station).int, tenure))
        if ended.outcome == "deposited":
            log.info(
                "standing.deposited",
                utility=utility,
                station=station,
                tenure=tenure,
                amount=ended.amount,
                gcm=ended.minted,
                tx=ended.tx_hash,
            )
        elif ended.outcome == "refused":
            log.warning("standing.refused", utility=utility, station=station, tenure=tenure, reason=ended.reason)

    async def sweep(self) -> int:
        """Enqueue what lost events and refusals left behind. Returns the number of jobs. Raises Unavailable."""
        if self._depositor is None:
            return 0
        async with self._database.transaction() as session:
            orders = await known_orders(session)
        due = await (await self._depositor()).due(orders) if orders else []
        async with self._database.transaction() as session:
            for order in due:
                await defer_deposit(session, order)
        return len(due)


async def defer_deposit(session: AsyncSession, order: Key) -> None:
    """Enqueue the carrying out of an order with this transaction; one order's jobs run one after another."""
    utility, station, tenure = order
    uuid = str(station_uuid(station))
    await jobs.defer(
        session,
        DEPOSIT,
        queue=QUEUE,
        lock=f"standing:{utility}:{uuid}:{tenure}",
        utility=utility,
        station=uuid,
        tenure=tenure,
    )


async def known_orders(session: AsyncSession, *, among: Sequence[Key] | None = None) -> list[Key]:
    """Every tenure whose newest change of an order, as the indexer has it, left one; only of those given, if any are."""
    args = OtherRow.args
    utility, station, tenure = (args[name].astext for name in ("utility", "station", "tenure"))
    newest = (
        select(
            utility.label("utility"),
            station.label("station"),
            tenure.label("tenure"),
            args["active"].astext.label("active"),
        )
        .where(OtherRow.contract == "GCM", OtherRow.event == "StandingChanged")
        .ext(distinct_on(utility, station, tenure))
        .order_by(utility, station, tenure, OtherRow.block_number.desc(), OtherRow.log_index.desc())
    )
    if among is not None:
        texts = [tuple(map(str, order)) for order in among]
        newest = newest.where(tuple_(utility, station, tenure).in_(texts))
    found = newest.subquery()
    rows = await session.execute(
        select(found.c.utility, found.c.station, found.c.tenure).where(found.c.active == "true")
    )
    return sorted((int(code), int(number), int(held)) for code, number, held in rows)
