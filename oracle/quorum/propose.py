# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Proposing: build a content or take up what others have signed already, collect signatures, bring the report to the chain."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace

from chain.client import MODE_DIRECT, SignerSet
from chain.signer import recover
from chain.transactions import Reverted, TransactionSender
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import GreenCoreError, Refused, Unavailable
from kit.units import SLOT_SECONDS
from oracle import repository
from oracle.chainview import ChainView, View
from oracle.follow import Follower
from oracle.peer import Peer, PeerRefused, Peers
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal, SignRequest
from oracle.quorum.rules import RETRY_CODES, by_most_signed, in_contract_order, is_quorum
from oracle.quorum.signing import SigningDesk
from oracle.recount.service import Recounter
from oracle.rules import Leaf, parse_leaves

log = logs.get(__name__)

_AGAIN_SECONDS = 0.25
_DEADLINE_MARGIN_SECONDS = 3_600
# the chain has a report of this slot or a later one: somebody else was faster
_OVERTAKEN = frozenset({"oracle.slot_is_not_after_the_last_one", "oracle.does_not_follow_the_last_report"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a peer did not sign."""

    peer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a proposal. `tx_hash` is empty unless this node brought the report to the chain."""

    utility: int
    slot: int
    content_hash: bytes
    signatures: int
    needed: int
    refusals: tuple[Refusal, ...]
    tx_hash: str = ""
    gas: int = 0

    @property
    def succeeded(self) -> bool:
        """True if there were enough signatures."""
        return self.signatures >= self.needed


class Proposer:
    """One node's proposals."""

    def __init__(
        self,
        *,
        database: Database,
        chain: ChainView,
        peers: Peers,
        desk: SigningDesk,
        follower: Follower,
        recounter: Recounter,
        sender: TransactionSender,
        clock: Clock,
        deadline_hours: int,
        collect_seconds: float,
    ) -> None:
        self._database = database
        self._chain = chain
        self._peers = peers
        self._desk = desk
        self._follower = follower
        self._recounter = recounter
        self._sender = sender
        self._clock = clock
        self._deadline_hours = deadline_hours
        self._collect_seconds = collect_seconds

    async def propose(self, slot: int, utility: int, lock: asyncio.Lock) -> Attempt | None:
        """Bring a slot to the chain. None if there is nothing to report: no station, no part in the signer set, the slot reported
        by others, or signed here for a head that the chain has left.

        `lock` is held while this node's own state is used, and not while others are asked, who may be asking us. Raises what
        signing and sending raise; that others were faster is no error.
        """
        requests = await self._peers.signed(utility, slot)
        async with lock:
            view = await self._follower.catch_up(utility)
            view.require_open(utility)
            signers = await self._chain.signers_for(slot, view)
            if view.head.slot >= slot or signers is None:
                return None
            requests = await self._candidates(slot, utility, view, signers, requests)
        attempt = None
        for request in requests:
            signatures, refusals = await self._collect(request, signers)
            attempt = Attempt(
                utility, slot, request.proposal.content.hash(), len(signatures), signers.k, tuple(refusals)
            )
            if is_quorum(signatures, signers.signers, signers.k):
                return await self._submit(attempt, request, view, signers, signatures)
            overtaken = all(refusal.code == "oracle.slot_reported" for refusal in refusals)
            (log.info if overtaken else log.warning)(
                "proposal.no_quorum",
                utility=utility,
                slot=slot,
                signatures=len(signatures),
                needed=signers.k,
                refusals=[f"{r.peer} {r.code}" for r in refusals],
            )
        return attempt

    async def _candidates(
        self, slot: int, utility: int, view: View, signers: SignerSet, others: Sequence[SignRequest]
    ) -> list[SignRequest]:
        """The requests to collect signatures for, one after another.

        What most have signed already comes first, so that a proposer that died is carried on. A content that this node would not
        sign is only carried on if this node is bound elsewhere anyway, or if nothing but the sending is missing: else one liar
        who signs early would keep honest proposers busy for ever.
        """
        own = await self._own(slot, utility)
        by_content: dict[bytes, list[SignRequest]] = {}
        for request in others:
            if self._is_usable(request, slot, utility, view) and self._desk.signatures_in(request, signers):
                by_content.setdefault(request.proposal.content.hash(), []).append(request)
        own_hash = None if own is None else own.content.hash()
        if own is not None and own.content.prev == view.head.content_hash:
            by_content.setdefault(own.content.hash(), [])
        counts = {
            content: len(self._signed_by(rs, signers)) + (content == own_hash) for content, rs in by_content.items()
        }
        chosen: list[SignRequest] = []
        for content in by_most_signed(counts, own_hash):
            variants = by_content[content]
            if own is not None and content == own_hash:
                chosen.append(await self._own_again(own, variants, signers))
                continue
            request = self._merged(max(variants, key=lambda r: r.deadline), variants, signers)
            if own is not None or len(request.signatures) >= signers.k:
                chosen.append(request)
                continue
            try:
                signature = await self._desk.sign(request)
            except GreenCoreError as error:
                log.warning("proposal.not_ours", slot=slot, code=error.code, detail=str(error))
                if error.code in RETRY_CODES:
                    # soon it may be ours; to propose something else now would split the votes
                    return chosen
                continue
            return [*chosen, replace(request, signatures=(*request.signatures, signature))]
        if own is None:
            new = await self._new(slot, utility, view, signers)
            if new is not None:
                chosen.append(new)
        return chosen

    def _signed_by(self, requests: Sequence[SignRequest], signers: SignerSet) -> set[bytes]:
        """Who else has signed."""
        found = {address for request in requests for address in self._desk.signatures_in(request, signers)}
        return found - {self._desk.address}

    async def _own_again(self, own: Proposal, variants: Sequence[SignRequest], signers: SignerSet) -> SignRequest:
        """The content that this node is bound to, under the deadline that others signed it with, if any did."""
        deadline = max((r.deadline for r in variants), default=self._deadline())
        request = self._merged(SignRequest(own, deadline, signers.epoch, ()), variants, signers)
        signature = await self._desk.seal(request, None)
        return replace(request, signatures=(*(s for s in request.signatures if s != signature), signature))

    async def _own(self, slot: int, utility: int) -> Proposal | None:
        async with self._database.transaction() as session:
            decision = await quorum_repository.decision(session, utility, slot)
            stored = None if decision is None else await quorum_repository.load_proposal(session, decision.content_hash)
        return None if stored is None else Proposal.from_json(stored)

    def _is_usable(self, request: SignRequest, slot: int, utility: int, view: View) -> bool:
        content = request.proposal.content
        alive = request.deadline > self._clock.now().timestamp() + _DEADLINE_MARGIN_SECONDS
        return (content.utility, content.slot, content.prev) == (utility, slot, view.head.content_hash) and alive

    def _merged(self, base: SignRequest, variants: Sequence[SignRequest], signers: SignerSet) -> SignRequest:
        """`base` with the signatures of all variants that sign the same bytes."""
        found: dict[bytes, bytes] = {}
        for variant in (base, *variants):
            if variant.report == base.report:
                found |= self._desk.signatures_in(variant, signers)
        return replace(base, signatures=tuple(found[address] for address in sorted(found)))

    async def _new(self, slot: int, utility: int, view: View, signers: SignerSet) -> SignRequest | None:
        async with self._database.transaction() as session:
            inputs = await self._recounter.load(session, utility, slot)
        if inputs.is_empty:
            return None
        try:
            row = await self._recounter.run(inputs, utility, slot)
            content = row.written.content(
                prev=view.head.content_hash,
                previous_total=view.head.total,
                valid_from=self._desk.valid_from(view),
                direct=view.mode == MODE_DIRECT,
            )
        except ValueError as error:
            raise Refused(
                "oracle.no_content_possible", f"slot {slot} can't be reported by this node: {error}"
            ) from error
        proposal = Proposal(content, self._recounter.version(slot, utility), row.lists)
        request = SignRequest(proposal, self._deadline(), signers.epoch, ())
        await self._desk.check(request.report, view, signers)
        self._desk.check_held(content)
        signature = await self._desk.seal(request, row)
        return replace(request, signatures=(signature,))

    def _deadline(self) -> int:
        """The same for all nodes within a slot, so that signatures collected by two proposers of a content fit together."""
        now = int(self._clock.now().timestamp())
        return (now // SLOT_SECONDS + 1) * SLOT_SECONDS + self._deadline_hours * 3_600

    async def _collect(self, request: SignRequest, signers: SignerSet) -> tuple[dict[bytes, bytes], list[Refusal]]:
        signatures = self._desk.signatures_in(request, signers)
        refusals: dict[str, Refusal] = {}
        enough = asyncio.Event()
        if is_quorum(signatures, signers.signers, signers.k):
            return signatures, []

        async def ask(peer: Peer) -> None:
            signature = await self._signature_of(peer, request, refusals)
            address = recover(self._chain.digest(request.report), signature)
            if address in signers.signers:
                signatures[address] = signature
                refusals.pop(peer.name, None)
            if is_quorum(signatures, signers.signers, signers.k):
                enough.set()

        tasks = [asyncio.create_task(_quietly(peer, ask(peer), refusals)) for peer in self._peers.all]
        everyone = asyncio.create_task(_all_of(tasks))
        waiter = asyncio.create_task(_set(enough))
        try:
            await asyncio.wait((waiter, everyone), timeout=self._collect_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiter, everyone, *tasks):
                task.cancel()
            await asyncio.gather(waiter, everyone, *tasks, return_exceptions=True)
        return signatures, list(refusals.values())

    async def _signature_of(self, peer: Peer, request: SignRequest, refusals: dict[str, Refusal]) -> bytes:
        """Ask until the answer is final. The last refusal of each peer is kept in `refusals`."""
        while True:
            try:
                return await peer.sign(request)
            except (PeerRefused, Unavailable) as error:
                refusals[peer.name] = Refusal(peer.name, error.code, str(error))
                if error.code not in RETRY_CODES:
                    # that others were faster is the ordinary end of a race
                    tell = log.info if error.code == "oracle.slot_reported" else log.warning
                    tell("proposal.refused", peer=peer.name, code=error.code, detail=str(error))
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _submit(
        self, attempt: Attempt, request: SignRequest, view: View, signers: SignerSet, signatures: Mapping[bytes, bytes]
    ) -> Attempt:
        leaves = await self._leaves(request) if view.mode == MODE_DIRECT else []
        ordered = in_contract_order(signatures, signers.signers, signers.k)
        to, data = await self._chain.submission(view.mode, request.report, signers.signers, ordered, leaves)
        try:
            receipt = await self._sender.send(to, data)
        except Reverted as error:
            if error.code in _OVERTAKEN:
                return attempt
            log.error(
                "report.refused", utility=attempt.utility, slot=attempt.slot, code=error.code, reason=error.reason
            )
            raise
        log.info(
            "report.accepted", utility=attempt.utility, slot=attempt.slot, tx=receipt.tx_hash, gas=receipt.gas_used
        )
        return replace(attempt, tx_hash=receipt.tx_hash, gas=receipt.gas_used)

    async def _leaves(self, request: SignRequest) -> list[Leaf]:
        data_hash = request.proposal.content.data_hash
        async with self._database.transaction() as session:
            data = await repository.load_leaves(session, data_hash)
        data = data or await self._peers.leaves(data_hash)
        if data is None:
            raise Unavailable("oracle.content_unknown", f"no node has the leaves 0x{data_hash.hex()}")
        return parse_leaves(data)


async def _quietly(peer: Peer, work: Awaitable[None], refusals: dict[str, Refusal]) -> None:
    """One peer's answer, whatever it is, must not stop the others."""
    try:
        await work
    except GreenCoreError as error:
        refusals.setdefault(peer.name, Refusal(peer.name, error.code, str(error)))


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)


async def _set(event: asyncio.Event) -> None:
    await event.wait()
