# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Following the chain: what it accepted is applied to this node's registers, and taken back when the chain takes it back.

The chain is the truth. A node whose own recount differs raises an alarm and goes on from the accepted leaves.
"""

import asyncio
from collections.abc import Sequence

from chain.client import MODE_CLOSED
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import Unavailable
from kit.outbox import publish
from kit.units import Utility, slot_end
from oracle import repository
from oracle.accepted import AcceptedReport
from oracle.chainview import ChainView, View
from oracle.horizon import Horizon
from oracle.intake import Intake
from oracle.keccak import keccak
from oracle.models import OracleReport
from oracle.peer import Peers
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal
from oracle.recount.rules import Outcome, adopt, first_difference
from oracle.recount.service import Inputs, Recounter, Row
from oracle.rows import readings_of
from oracle.rules import ZERO_HASH, Content, Leaf, LeavesError, order, parse_leaves
from oracle.utilities import open_queue

log = logs.get(__name__)

_MOVED_BLOCKS = 1_000  # a reorganisation may bring the same report in another block, also in an earlier one


class Follower:
    """Keeps one node's state at the chain's head. Its methods are called under the node's lock of the utility."""

    def __init__(
        self,
        *,
        database: Database,
        chain: ChainView,
        peers: Peers,
        intake: Intake,
        recounter: Recounter,
        clock: Clock,
        horizon: Horizon,
        undo_reports: int,
    ) -> None:
        self._database = database
        self._chain = chain
        self._peers = peers
        self._intake = intake
        self._recounter = recounter
        self._clock = clock
        self._horizon = horizon
        self._undo_reports = undo_reports
        self._opened = {int(Utility.E)}

    async def catch_up(self, utility: int) -> View:
        """Bring this node to the chain's head and return what the chain said.

        Raises Unavailable if it can't: no answer from the chain, the registry not read far enough, or the readings behind an
        accepted content not to be had from any peer.
        """
        view = await self._chain.view(utility)
        if utility not in self._opened and view.mode != MODE_CLOSED:
            opened_slot = await self._chain.opened_slot(utility)
            async with self._database.transaction() as session:
                await open_queue(session, utility, opened_slot)
            self._opened.add(utility)
        while True:
            async with self._database.transaction() as session:
                mine = await repository.newest_report(session, utility)
            known = ZERO_HASH if mine is None else mine.content_hash
            if known == view.head.content_hash:
                return view
            if mine is not None and not await self._is_accepted(mine, view.block):
                log.warning("report.reorganised", utility=utility, slot=mine.slot)
                async with self._database.transaction() as session:
                    await repository.undo_report(session, await session.merge(mine))
                continue
            await self._apply_after(utility, mine, view)
            view = await self._chain.view(utility)

    async def _is_accepted(self, mine: OracleReport, block: int) -> bool:
        first = max(mine.block_number - _MOVED_BLOCKS, 0)
        found = await self._chain.accepted(
            mine.utility, from_block=first, to_block=block, content_hash=mine.content_hash
        )
        return bool(found)

    async def _apply_after(self, utility: int, mine: OracleReport | None, view: View) -> None:
        first = 0 if mine is None else max(mine.block_number - _MOVED_BLOCKS, 0)
        accepted = await self._chain.accepted(utility, from_block=first, to_block=view.block)
        prev = ZERO_HASH if mine is None else mine.content_hash
        new = [report for report in accepted if mine is None or report.content.slot > mine.slot]
        if not new:
            raise Unavailable("oracle.behind", "the chain's node shows a new head and not its event yet")
        for report in new:
            if report.content.prev != prev:
                raise Unavailable(
                    "oracle.behind", f"the chain's node does not show all reports up to {report.content.slot}"
                )
            await self._apply(report)
            prev = report.content.hash()

    async def _apply(self, report: AcceptedReport) -> None:
        content = report.content
        data = await self._file(content.data_hash)
        try:
            proposal = await self._proposal(report, readings_of(data))
        except LeavesError as error:
            raise _no_file(content, error) from error
        inputs = await self._inputs(proposal)
        alarm = ""
        try:
            row: Row | None = await self._recounter.run(inputs, content.utility, content.slot)
        except ValueError as error:
            row, alarm = None, str(error)
        outcomes: Sequence[Outcome] = () if row is None else row.outcomes
        agreed = row is not None and row.data_hash == content.data_hash
        if not agreed:
            inputs, outcomes = await self._dispute(report, proposal, data, alarm)
        async with self._database.transaction() as session:
            await quorum_repository.store_proposal(session, proposal)
            await repository.store_leaves(session, content.utility, content.slot, content.data_hash, data)
            await repository.apply_report(
                session, report, outcomes, inputs.readings, agreed=agreed, at=self._clock.now()
            )
            await repository.undo_depth(session, content.utility, self._undo_reports)
            await repository.forget_drafts(session, content.utility, self._undo_reports)
        log.info(
            "report.applied", utility=content.utility, slot=content.slot, increase_uwh=content.increase, agreed=agreed
        )

    async def _file(self, data_hash: bytes) -> bytes:
        async with self._database.transaction() as session:
            data = await repository.load_leaves(session, data_hash)
        data = data or await self._peers.leaves(data_hash)
        if data is None or keccak(data) != data_hash:
            raise Unavailable("oracle.content_unknown", f"no node has the leaves 0x{data_hash.hex()}")
        return data

    async def _proposal(self, report: AcceptedReport, readings: bytes) -> Proposal:
        async with self._database.transaction() as session:
            stored = await quorum_repository.load_proposal(session, report.content.hash())
        proposal = None if stored is None else Proposal.from_json(stored)
        if proposal is None:
            proposal = await self._peers.proposal(report.content, readings)
        if proposal is None:
            raise Unavailable("oracle.content_unknown", f"no node has the readings of slot {report.content.slot}")
        return proposal

    async def _inputs(self, proposal: Proposal) -> Inputs:
        """The inputs of a recount, with what was missing fetched from peers as far as it can be."""
        content = proposal.content
        hashes = proposal.all_hashes()
        async with self._database.transaction() as session:
            until = await self._horizon(session)
            inputs = await self._recounter.load(session, content.utility, content.slot, hashes)
        if until is None or until < slot_end(content.slot):
            raise Unavailable("oracle.behind", f"the registry is not read up to the end of slot {content.slot} yet")
        if not inputs.missing:
            return inputs
        unheard = await self._peers.readings(inputs.missing, self._intake.take_counted)
        if unheard:
            # to go on without them would be a disagreement for ever, and they would be counted again when they come
            raise Unavailable(
                "oracle.content_unknown",
                f"{len(unheard)} readings of slot {content.slot} are not here, and not every peer answers",
            )
        async with self._database.transaction() as session:
            return await self._recounter.load(session, content.utility, content.slot, hashes)

    async def _dispute(
        self, report: AcceptedReport, proposal: Proposal, data: bytes, alarm: str
    ) -> tuple[Inputs, list[Outcome]]:
        """Write down that the chain accepted something else than this node computes, and go on from what the chain has."""
        content = report.content
        try:
            accepted = await asyncio.to_thread(parse_leaves, data)
        except LeavesError as error:
            raise _no_file(content, error) from error
        async with self._database.transaction() as session:
            inputs = await self._recounter.load(
                session, content.utility, content.slot, proposal.all_hashes(), whole=True
            )
        outcomes: Sequence[Outcome] = ()
        if not alarm:
            outcomes = (await self._recounter.run(inputs, content.utility, content.slot)).outcomes
        difference = first_difference([o.leaf for o in outcomes], accepted) or (None, None)
        detail = alarm or (
            f"{len(inputs.missing)} readings are refused here"
            if inputs.missing
            else "the accepted leaves differ from the recount"
        )
        log.error("report.disputed", utility=content.utility, slot=content.slot, detail=detail)
        async with self._database.transaction() as session:
            await quorum_repository.record_disagreement(
                session,
                content,
                kind="accepted",
                code="oracle.accepted_otherwise",
                detail=detail,
                mine=difference[0],
                theirs=difference[1],
                at=self._clock.now(),
            )
            publish(session, "event.oracle.disagreement", {"kind": "accepted", "slot": content.slot, "detail": detail})
        return inputs, _adopted(inputs, outcomes, accepted)


def _no_file(content: Content, error: LeavesError) -> Unavailable:
    """K nodes signed for something that is no file: nobody can follow, and nobody can claim."""
    return Unavailable("oracle.content_unknown", f"the accepted file of slot {content.slot} is none: {error}")


def _adopted(inputs: Inputs, outcomes: Sequence[Outcome], accepted: Sequence[Leaf]) -> list[Outcome]:
    own = {order(outcome.leaf): outcome for outcome in outcomes}
    before = {(state.station.int, state.tenure): state for state in inputs.states}
    adopted = []
    for leaf in accepted:
        outcome = own.get(order(leaf))
        if outcome is None:
            state = before.get(order(leaf))
            if state is None:
                # a tenure that the registry does not have: nothing here to keep, and the Treasury pays no such leaf
                continue
            outcome = Outcome(leaf, state.register, changed=True)
        adopted.append(adopt(outcome, leaf) if outcome.leaf != leaf else outcome)
    return adopted
