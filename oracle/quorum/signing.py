# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Signing: everything is checked, the decision is committed, and only then a signature leaves.

A node is bound to one content for each utility and slot, for ever. The binding is a row with a unique key that a trigger keeps from
being changed, so it holds between concurrent requests and across restarts.
"""

import asyncio
from collections.abc import Mapping, Sequence

from chain.client import MODE_DIRECT, SignerSet
from chain.signer import Signer, recover
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import Conflict, Forbidden, GreenCoreError, Malformed, Refused, Unavailable
from kit.ids import address_bytes
from kit.outbox import publish
from oracle import repository
from oracle.chainview import ChainView, View
from oracle.follow import Follower
from oracle.horizon import Horizon
from oracle.intake import Intake
from oracle.metrics import Metrics
from oracle.peer import Peers
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal, SignRequest
from oracle.quorum.rules import Situation, refusal
from oracle.recount.service import Recounter, Row
from oracle.rows import first_difference_of
from oracle.rules import Content, Leaf, LeavesError, Report

log = logs.get(__name__)


class Disagreement(Conflict):
    """A node computes something else. `extra` holds the first leaf that differs, as this node has it."""


class SigningDesk:
    """One node's signatures. `sign` and `seal` are called under the node's lock of the utility."""

    def __init__(
        self,
        *,
        database: Database,
        chain: ChainView,
        peers: Peers,
        intake: Intake,
        follower: Follower,
        recounter: Recounter,
        signer: Signer,
        clock: Clock,
        horizon: Horizon,
        close_delay: int,
        valid_from: int,
        hold_seconds: float,
        sign_from: int,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._chain = chain
        self._peers = peers
        self._intake = intake
        self._follower = follower
        self._recounter = recounter
        self._signer = signer
        self._clock = clock
        self._horizon = horizon
        self._close_delay = close_delay
        self._valid_from = valid_from
        self._hold_seconds = hold_seconds
        self._sign_from = sign_from
        self._metrics = metrics
        self._decided: dict[int, tuple[int, float]] = {}
        self.address = address_bytes(signer.address)

    async def sign(self, request: SignRequest) -> bytes:
        """Sign somebody's proposal, if this node's own recount gives the same.

        Raises Forbidden for a request that no node has signed, Disagreement with the leaf that differs, Conflict if another content
        of the slot was signed, Unavailable if the answer may be another one soon, and what `refusal` gives.
        """
        content = request.proposal.content
        view = await self._follower.catch_up(content.utility)
        view.require_open(content.utility)
        signers = await self._chain.signers(request.epoch, block=view.block)
        if not self.signatures_in(request, signers):
            raise Forbidden("oracle.not_a_node", "no signature in the request is of a node of the signer set")
        await self.check(request.report, view, signers)
        if await self._bound(content) == content.hash():
            return await self.seal(request, None)
        self.check_held(content)
        row = await self._recount(request.proposal)
        await self._compare(request.proposal, row, view)
        return await self.seal(request, row)

    async def check(self, report: Report, view: View, signers: SignerSet) -> None:
        """Raise what `refusal` says about a report on the chain's present head."""
        self.release(report.content.utility, view.head.slot)
        async with self._database.transaction() as session:
            mirrored = await self._horizon(session)
        problem = refusal(
            report,
            Situation(
                now=self._clock.now().timestamp(),
                close_delay=self._close_delay,
                head_slot=view.head.slot,
                head_total=view.head.total,
                head_hash=view.head.content_hash,
                mode=view.mode,
                valid_from=self.valid_from(view),
                set_from=signers.from_slot,
                set_until=signers.until_slot,
                mirrored_until=0 if mirrored is None else mirrored.timestamp(),
                sign_from=self._sign_from,
                delay=view.delay,
            ),
        )
        if problem is not None:
            raise problem

    def valid_from(self, view: View) -> int:
        """The validFrom of the next report: the chain's, or this deployment's setting where that is higher."""
        return max(view.valid_from, self._valid_from)

    def check_held(self, content: Content) -> None:
        """Raise Unavailable while a content of another slot, signed a moment ago, may still be on its way to the chain.

        Two contents on the same head exclude each other; signing both at once would waste one of the slots.
        """
        if self.is_held(content.utility, content.slot):
            raise Unavailable("oracle.busy", "another slot was signed a moment ago and is on its way")

    def is_held(self, utility: int, slot: int) -> bool:
        """True while a signature for another slot is fresh and not accepted yet."""
        other, at = self._decided.get(utility, (slot, 0.0))
        return other != slot and asyncio.get_running_loop().time() < at + self._hold_seconds

    def release(self, utility: int, accepted_slot: int) -> None:
        """The chain accepted a report: nothing up to its slot is on its way any more."""
        if utility in self._decided and self._decided[utility][0] <= accepted_slot:
            del self._decided[utility]

    async def seal(self, request: SignRequest, row: Row | None) -> bytes:
        """Commit the decision, then sign. `row` is the recount behind a new decision. Raises Conflict if bound otherwise."""
        content = request.proposal.content
        async with self._database.transaction() as session:
            bound = await quorum_repository.decide(session, request, self._clock.now())
            if bound != content.hash():
                raise Conflict(
                    "oracle.signed_other",
                    f"slot {content.slot}: this node has signed 0x{bound.hex()} and signs nothing else",
                )
            if row is not None:
                await quorum_repository.store_proposal(session, request.proposal)
                await repository.store_leaves(session, content.utility, content.slot, content.data_hash, row.data)
        if row is not None:
            self._decided[content.utility] = (content.slot, asyncio.get_running_loop().time())
        signature = await self._sign(self._chain.message(request.report))
        if recover(self._chain.digest(request.report), signature) != self.address:
            raise Refused("oracle.bad_signer", "the signer made a signature that is not of its own address")
        async with self._database.transaction() as session:
            await quorum_repository.keep_signature(session, request, signature)
        return signature

    async def _sign(self, message: bytes) -> bytes:
        try:
            with self._metrics.signer_seconds.time():
                return await self._signer.sign(message)
        except GreenCoreError as error:
            self._metrics.signer_failures.labels(error.code).inc()
            raise

    def signatures_in(self, request: SignRequest, signers: SignerSet) -> dict[bytes, bytes]:
        """The request's signatures that are of the set's signers, by address."""
        digest = self._chain.digest(request.report)
        found: dict[bytes, bytes] = {}
        for signature in request.signatures:
            try:
                address = recover(digest, signature)
            except Malformed:
                continue
            if address in signers.signers:
                found[address] = signature
        return found

    async def _bound(self, content: Content) -> bytes | None:
        async with self._database.transaction() as session:
            decision = await quorum_repository.decision(session, content.utility, content.slot)
        if decision is None:
            return None
        if decision.content_hash != content.hash():
            raise Conflict(
                "oracle.signed_other",
                f"slot {content.slot}: this node has signed 0x{decision.content_hash.hex()} and signs nothing else",
            )
        return decision.content_hash

    async def _recount(self, proposal: Proposal) -> Row:
        content = proposal.content
        hashes = proposal.all_hashes()
        async with self._database.transaction() as session:
            inputs = await self._recounter.load(session, content.utility, content.slot, hashes)
        if inputs.missing:
            await self._fetch(inputs.missing)
            async with self._database.transaction() as session:
                inputs = await self._recounter.load(session, content.utility, content.slot, hashes)
        if inputs.missing:
            raise Unavailable(
                "oracle.unknown_reading",
                f"{len(inputs.missing)} readings are not here, the first is 0x{inputs.missing[0].hex()}",
            )
        try:
            return await self._recounter.run(inputs, content.utility, content.slot)
        except ValueError as error:
            raise await self._disagree(proposal, str(error), None, None) from error

    async def _fetch(self, missing: Sequence[bytes]) -> None:
        async with self._database.transaction() as session:
            known = await repository.known_hashes(session, missing)
        if known:
            one = min(known)
            raise Conflict("oracle.reading_counted", f"reading 0x{one.hex()} is counted already, or is of a later slot")
        await self._peers.readings(missing, self._intake.take)

    async def _compare(self, proposal: Proposal, row: Row, view: View) -> None:
        content = proposal.content
        in_force = self._recounter.version(content.slot, content.utility)
        if proposal.policy != in_force:
            raise await self._disagree(
                proposal,
                f"policy {proposal.policy} is proposed, {in_force} is in force here",
                None,
                None,
            )
        if row.lists != proposal.readings:
            raise await self._disagree(proposal, "the readings are not listed in their order", None, None)
        if row.data_hash != content.data_hash:
            theirs = await self._peers.leaves(content.data_hash)
            mine, other = await asyncio.to_thread(_difference, row.data, theirs)
            raise await self._disagree(proposal, "the leaves differ", mine, other)
        try:
            own = row.written.content(
                prev=view.head.content_hash,
                previous_total=view.head.total,
                valid_from=self.valid_from(view),
                direct=view.mode == MODE_DIRECT,
            )
        except ValueError as error:
            raise await self._disagree(proposal, str(error), None, None) from error
        if own != content:
            raise await self._disagree(proposal, "the report does not say what its leaves say", None, None)

    async def _disagree(self, proposal: Proposal, detail: str, mine: Leaf | None, theirs: Leaf | None) -> Disagreement:
        content = proposal.content
        lines: Mapping[str, str | None] = {
            "mine": None if mine is None else mine.line(),
            "theirs": None if theirs is None else theirs.line(),
        }
        async with self._database.transaction() as session:
            new = await quorum_repository.record_disagreement(
                session,
                content,
                kind="proposal",
                code="oracle.disagree",
                detail=detail,
                mine=mine,
                theirs=theirs,
                at=self._clock.now(),
            )
            if new:
                event: dict[str, object] = {
                    "kind": "proposal",
                    "utility": content.utility,
                    "slot": content.slot,
                    "detail": detail,
                    **lines,
                }
                publish(session, "event.oracle.disagreement", event)
        log.error("proposal.disagreed", utility=content.utility, slot=content.slot, detail=detail, **lines)
        return Disagreement("oracle.disagree", detail, **lines)


def _difference(mine: bytes, theirs: bytes | None) -> tuple[Leaf | None, Leaf | None]:
    if theirs is None:
        return None, None
    try:
        return first_difference_of(mine, theirs) or (None, None)
    except LeavesError:
        return None, None
