# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One oracle node: follows the chain, signs what it can recompute, proposes when it is its turn."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chain.client import MODE_CLOSED, MODE_DIRECT
from chain.deployment import Deployment
from chain.nonces import DatabaseNonceLock
from chain.rpc import Rpc
from chain.signer import Signer
from chain.transactions import GWEI, GasPolicy, TransactionSender
from energy.policy import Policies
from energy.settle.rules import advance
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import GreenCoreError, Refused, Unavailable
from kit.settings import Mode
from oracle import repository
from oracle.chainview import ChainView
from oracle.follow import Follower
from oracle.horizon import Horizon, indexed_until
from oracle.intake import Intake
from oracle.metrics import Metrics
from oracle.peer import Peers
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import SignRequest
from oracle.quorum.propose import Attempt, Proposer
from oracle.quorum.rules import RETRY_CODES, newest_closed_slot, rank
from oracle.quorum.signing import SigningDesk
from oracle.recount.rules import Advancer
from oracle.recount.service import Recounter
from oracle.settings import OracleSettings
from oracle.watch import Watch

log = logs.get(__name__)

_SEEN_MAX = 16


@dataclass(frozen=True, slots=True)
class Parts:
    """What a node is made of that its role owns and closes."""

    database: Database
    rpc: Rpc
    deployment: Deployment
    signer: Signer
    clock: Clock
    mode: Mode
    policies: Policies


class Node:
    """A node without its server. `peers` are the URLs of the others."""

    def __init__(
        self,
        parts: Parts,
        settings: OracleSettings,
        *,
        peers: list[str],
        horizon: Horizon = indexed_until,
        advance: Advancer = advance,
    ) -> None:
        self.settings = settings
        self.database = parts.database
        self.clock = parts.clock
        self.metrics = Metrics()
        self.chain = ChainView(parts.rpc, parts.deployment, confirmations=settings.confirmations)
        self.intake = Intake(parts.database, parts.clock, parts.mode, utilities=settings.utilities)
        self.peers = Peers(peers, timeout_seconds=settings.peer_timeout_seconds, signer=parts.signer)
        self.recounter = Recounter(parts.policies, advance=advance, took=self.metrics.recount_seconds.observe)
        self.follower = Follower(
            database=parts.database,
            chain=self.chain,
            peers=self.peers,
            intake=self.intake,
            recounter=self.recounter,
            clock=parts.clock,
            horizon=horizon,
            undo_reports=settings.undo_reports,
        )
        self.desk = SigningDesk(
            database=parts.database,
            chain=self.chain,
            peers=self.peers,
            intake=self.intake,
            follower=self.follower,
            recounter=self.recounter,
            signer=parts.signer,
            clock=parts.clock,
            horizon=horizon,
            close_delay=settings.close_delay,
            valid_from=settings.valid_from,
            hold_seconds=settings.patience,
            sign_from=settings.sign_from,
            metrics=self.metrics,
        )
        self.watch = Watch(self.metrics, parts.rpc, self.chain, parts.database, parts.clock, horizon, self.desk.address)
        self.proposer = Proposer(
            database=parts.database,
            chain=self.chain,
            peers=self.peers,
            desk=self.desk,
            follower=self.follower,
            recounter=self.recounter,
            sender=TransactionSender(
                parts.rpc,
                parts.signer,
                chain_id=parts.deployment.chain_id,
                gas=GasPolicy(settings.tip_gwei * GWEI, settings.fee_gwei_max * GWEI, settings.stuck_seconds),
                lock=DatabaseNonceLock(parts.database),
            ),
            clock=parts.clock,
            deadline_hours=settings.deadline_hours,
            collect_seconds=settings.collect_seconds,
        )
        self._locks = {utility: asyncio.Lock() for utility in settings.utilities}
        self._open: dict[int, bool] = {}
        for utility in settings.utilities:  # a series that is absent can't be watched
            self.metrics.head_slot.labels(utility)
            self.metrics.closed_slot.labels(utility)
        self._seen: OrderedDict[tuple[int, int], float] = OrderedDict()
        self._tries: dict[tuple[int, int], int] = {}
        self.last_attempt: Attempt | None = None
        self.last_error: tuple[str, str] | None = None
        self.last_loop_wall = time.time()

    async def close(self) -> None:
        """Close the connections to the peers."""
        await self.peers.close()

    async def run(self) -> None:
        """Work for ever. An error of one round is logged, counted and tried again in the next.

        Raises Refused if the chain's node is of another network, or has no Oracle where the deployment says.
        """
        await self._wait_for_chain()
        while True:
            for utility in self.settings.utilities:
                try:
                    await self.tick(utility)
                    self.last_error = None
                except asyncio.CancelledError:
                    raise
                except GreenCoreError as error:
                    self._failed(utility, error.code, str(error))
                except Exception as error:  # the outermost loop of a worker
                    self._failed(utility, "oracle.internal", repr(error))
            self.last_loop_wall = time.time()
            self.metrics.loop_seconds.set(self.last_loop_wall)
            await asyncio.sleep(self.settings.poll_seconds)

    async def _wait_for_chain(self) -> None:
        while True:
            try:
                await self.chain.check_chain()
                return
            except Unavailable as error:
                self._failed(self.settings.utilities[0], error.code, str(error))
            await asyncio.sleep(self.settings.poll_seconds)

    async def tick(self, utility: int) -> Attempt | None:
        """One round: follow the chain, and propose the newest closed slot if it is this node's turn."""
        async with self._locks[utility]:
            view = await self.follower.catch_up(utility)
            self._open[utility] = view.mode != MODE_CLOSED
            self.desk.release(utility, view.head.slot)
        slot = newest_closed_slot(self.clock.now().timestamp(), self.settings.close_delay)
        self.metrics.head_slot.labels(utility).set(view.head.slot)
        self.metrics.closed_slot.labels(utility).set(slot)
        await self.watch.look(view, utility)
        if slot <= view.head.slot or view.mode == MODE_CLOSED or (view.mode == MODE_DIRECT and view.delay):
            return None
        signers = await self.chain.signers_for(slot, view)
        if signers is None or self.desk.address not in signers.signers:
            return None
        if self.desk.is_held(utility, slot):
            return None
        position = sorted(signers.signers).index(self.desk.address)
        if not self._is_turn(utility, slot, rank(position, slot, len(signers.signers)), len(signers.signers)):
            return None
        try:
            return await self.propose(utility, slot)
        except GreenCoreError as error:
            if error.code in RETRY_CODES:
                # nothing was tried: the turn is not over
                self._tries[utility, slot] -= 1
            raise

    async def propose(self, utility: int, slot: int | None = None) -> Attempt | None:
        """Propose a slot now, whoever's turn it is; the newest closed one unless named. Raises as `Proposer.propose` does."""
        if utility not in self._locks:
            raise Refused("oracle.utility_not_served", f"this node does not work on utility {utility}")
        if slot is None:
            slot = newest_closed_slot(self.clock.now().timestamp(), self.settings.close_delay)
        attempt = await self.proposer.propose(slot, utility, self._locks[utility])
        if attempt is not None:
            self.last_attempt = attempt
            self.metrics.proposals.labels("quorum" if attempt.succeeded else "no_quorum").inc()
            if attempt.tx_hash:
                self.metrics.reports.labels(utility).inc()
                self.metrics.report_gas.labels(utility).set(attempt.gas)
        async with self._locks[utility]:
            view = await self.follower.catch_up(utility)
            self.desk.release(utility, view.head.slot)
        return attempt

    async def sign(self, request: SignRequest) -> bytes:
        """Sign a peer's proposal. Raises as `SigningDesk.sign` does, and Refused for a utility that the node does not serve."""
        utility = request.proposal.content.utility
        lock = self._locks.get(utility)
        try:
            if lock is None:
                raise Refused("oracle.utility_not_served", f"this node does not work on utility {utility}")
            async with lock:
                signature = await self.desk.sign(request)
        except GreenCoreError as error:
            self.metrics.refused.labels(error.code).inc()
            raise
        self.metrics.signed.labels(utility).inc()
        return signature

    async def is_node(self, address: bytes) -> bool:
        """True if an address is in the present signer set, or in the one before."""
        view = await self.chain.view(self.settings.utilities[0])
        for epoch in (view.epoch, view.epoch - 1):
            if epoch > 0 and address in (await self.chain.signers(epoch, block=view.block)).signers:
                return True
        return False

    async def status(self) -> dict[str, Any]:
        """What an operator wants to see; every value is JSON."""
        utilities = []
        async with self.database.transaction() as session:
            waiting = await repository.count_waiting(session)
            for utility in self.settings.utilities:
                applied = await repository.newest_report(session, utility)
                newest = await quorum_repository.open_decision(session, utility, -1)
                utilities.append(
                    {
                        "utility": utility,
                        "open": self._open.get(utility),
                        "appliedSlot": None if applied is None else applied.slot,
                        "stations": None if applied is None else applied.stations,
                        "appliedContent": None if applied is None else "0x" + applied.content_hash.hex(),
                        "totalUwh": None if applied is None else str(applied.total),
                        "signedSlot": None if newest is None else newest.slot,
                    }
                )
            recent = await quorum_repository.disagreements(session)
        closed = newest_closed_slot(self.clock.now().timestamp(), self.settings.close_delay)
        attempt = self.last_attempt
        return {
            "address": "0x" + self.desk.address.hex(),
            "index": self.settings.index,
            "policy": self.recounter.version(closed),
            "now": self.clock.now().isoformat(),
            "closedSlot": closed,
            "waitingReadings": waiting,
            "utilities": utilities,
            "disagreements": [
                {"kind": d.kind, "slot": d.slot, "detail": d.detail, "mine": d.mine, "theirs": d.theirs} for d in recent
            ],
            "lastAttempt": None if attempt is None else attempt_json(attempt),
            "lastError": None
            if self.last_error is None
            else {"code": self.last_error[0], "detail": self.last_error[1]},
        }

    def _is_turn(self, utility: int, slot: int, place: int, nodes: int) -> bool:
        """The node of place r waits r × patience; after a failed try it is its turn again when all others had theirs."""
        now = asyncio.get_running_loop().time()
        key = (utility, slot)
        first = self._seen.setdefault(key, now)
        while len(self._seen) > _SEEN_MAX:
            self._tries.pop(self._seen.popitem(last=False)[0], None)
        tries = self._tries.get(key, 0)
        if now < first + (place + tries * nodes) * self.settings.patience:
            return False
        self._tries[key] = tries + 1
        return True

    def _failed(self, utility: int, code: str, detail: str) -> None:
        self.metrics.loop_failures.labels(code).inc()
        if self.last_error != (code, detail):
            level = "info" if code in RETRY_CODES else "warning"
            getattr(log, level)("node.round_failed", utility=utility, code=code, detail=detail)
        self.last_error = (code, detail)


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """An attempt as JSON."""
    return {
        "utility": attempt.utility,
        "slot": attempt.slot,
        "contentHash": "0x" + attempt.content_hash.hex(),
        "signatures": attempt.signatures,
        "needed": attempt.needed,
        "tx": attempt.tx_hash or None,
        "refusals": [{"peer": r.peer, "code": r.code, "detail": r.detail} for r in attempt.refusals],
    }
