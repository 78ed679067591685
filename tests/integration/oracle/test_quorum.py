# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The quorum's ways: everyone agrees, some are away, one lies, two think otherwise."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from energy.models import EnergyIncluded
from energy.policies.book import book
from energy.settle.rules import Advance, advance
from kit.errors import Conflict, Refused
from kit.units import UWH_PER_WH
from oracle.models import OracleDisagreement
from oracle.peer import PeerRefused
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import SignRequest
from tests.integration.oracle.grid import E, Grid, Member, account


def doubled(*arguments: Any, **named: Any) -> Advance:
    """The step of a node that credits twice what was measured."""
    step = advance(*arguments, **named)
    return replace(step, register=replace(step.register, mintable=2 * step.register.mintable))


async def disagreements(member: Member) -> list[OracleDisagreement]:
    async with member.database.transaction() as session:
        return await quorum_repository.disagreements(session)


async def request_of(member: Member, slot: int) -> SignRequest:
    """What a node has signed for a slot, as a request that can be sent to others."""
    async with member.database.transaction() as session:
        decision = await quorum_repository.decision(session, E, slot)
        assert decision is not None
    proposal = await member.node.proposer._own(slot, E)
    assert proposal is not None
    return SignRequest(proposal, decision.deadline, decision.epoch, (decision.signature,))


async def test_four_nodes_agree_and_the_chain_pays_what_was_measured(grid: Grid) -> None:
    sunny, house = await grid.add_station(), await grid.add_station(owner=9)
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(sunny.reading(slot, 250), house.reading(slot, -40))

    attempt = await grid.report(slot)

    assert attempt.succeeded
    head = await grid.oracle.head(E)
    assert (head.slot, head.total, head.reports) == (slot, 250 * UWH_PER_WH, 1)
    expected = {sunny.id.int: 250 * UWH_PER_WH, house.id.int: 0}
    assert {leaf.station: leaf.mintable for leaf in await grid.leaves(slot)} == expected
    first, *others = await grid.states()
    assert first
    assert all(state == first for state in others)
    await grid.claim(slot, sunny)
    assert (await grid.treasury.settled(E, sunny.id.int, 1)).register == 250 * UWH_PER_WH


async def test_one_node_down_does_not_matter_and_it_catches_up_with_readings_it_never_heard(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    away = grid.members[3]
    await away.stop()
    first, second = grid.pass_slots(), grid.pass_slots()
    for slot, wh in ((first, 100), (second, 60)):
        for member in grid.members[:3]:
            await member.hear(station.reading(slot, wh))
    grid.close(first)
    attempt = await grid.members[0].node.propose(E, first)
    assert attempt is not None
    assert attempt.signatures == 3
    grid.close(second)
    assert (await grid.members[1].node.propose(E, second)) is not None
    # a month later the readings are too old for a delivery; what the quorum counted is still taken over
    grid.pass_slots(32 * 96)
    await away.start()

    await grid.follow()

    states = await grid.states()
    assert states[0]
    assert all(state == states[0] for state in states)
    assert await disagreements(away) == []


async def test_a_node_that_lies_is_refused_with_the_leaf_that_differs_and_the_honest_ones_go_on(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    liar = grid.members[0]
    await liar.stop()
    liar.advance = doubled
    await liar.start()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 70))
    grid.close(slot)

    lie = await liar.node.propose(E, slot)

    assert lie is not None
    assert (lie.signatures, lie.tx_hash) == (1, "")
    assert {refusal.code for refusal in lie.refusals} == {"oracle.disagree"}
    (record,) = await disagreements(grid.members[1])
    assert record.mine is not None
    assert record.theirs is not None
    assert (record.mine.split(",")[7], record.theirs.split(",")[7]) == (str(70 * UWH_PER_WH), str(140 * UWH_PER_WH))

    truth = await grid.members[1].node.propose(E, slot)
    assert truth is not None
    assert truth.succeeded
    assert (await grid.oracle.head(E)).total == 70 * UWH_PER_WH
    # the liar's own recount says otherwise, and it must go on from what the chain has
    await grid.follow()
    assert [r.kind for r in await disagreements(liar)] == ["accepted"]
    async with liar.database.transaction() as session:
        report = await session.scalar(text("SELECT agreed FROM oracle_report"))
    assert report is False


async def test_two_against_two_gives_no_report_and_the_next_slot_covers_it_after_repair(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    for member in grid.members[2:]:
        await member.stop()
        member.policy = book().version(1)
        await member.start()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 30))
    grid.close(slot)

    for member in (grid.members[0], grid.members[2]):
        attempt = await member.node.propose(E, slot)
        assert attempt is not None
        assert (attempt.signatures, attempt.needed) == (2, 3)
    assert (await grid.oracle.head(E)).reports == 0
    assert "policy 2 is proposed, 1 is in force" in (await disagreements(grid.members[2]))[0].detail

    for member in grid.members[2:]:
        await member.stop()
        member.policy = book().newest
        await member.start()
    # everybody is bound: this slot is lost for ever
    stuck = await grid.members[1].node.propose(E, slot)
    assert stuck is not None
    assert not stuck.succeeded
    await asyncio.sleep(0.3)
    later = grid.slot - 1
    await grid.everyone_hears(station.reading(later, 20))
    attempt = await grid.report(later, by=1)
    assert attempt.succeeded
    assert (await grid.leaf(later, station)).mintable == 50 * UWH_PER_WH


async def test_the_next_proposer_carries_on_what_a_dead_one_began(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10))
    for member in grid.members[2:]:
        await member.stop()
    grid.close(slot)
    begun = await grid.members[0].node.propose(E, slot)
    assert begun is not None
    assert begun.signatures == 2
    await grid.members[0].stop()
    for member in grid.members[2:]:
        await member.start()
    # what arrives meanwhile would give another content, if the new proposer made its own
    for member in grid.members[1:]:
        await member.hear(station.reading(slot - 1, 5))
    await asyncio.sleep(0.3)

    carried = await grid.members[3].node.propose(E, slot)

    assert carried is not None
    assert carried.succeeded
    assert carried.content_hash == begun.content_hash
    assert (await grid.oracle.head(E)).content_hash == begun.content_hash


async def test_a_restarted_node_signs_nothing_else_and_neither_does_a_hurried_one(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    for member in grid.members[1:]:
        await member.stop()
    await grid.members[0].hear(station.reading(slot, 10))
    grid.close(slot)
    assert (await grid.members[0].node.propose(E, slot)) is not None
    one = await request_of(grid.members[0], slot)
    await grid.members[0].stop()
    await grid.members[1].start()
    await grid.members[1].hear(station.reading(slot, 10), station.reading(slot - 1, 10))
    assert (await grid.members[1].node.propose(E, slot)) is not None
    other = await request_of(grid.members[1], slot)
    assert one.proposal.content != other.proposal.content
    await grid.members[0].start()
    await grid.members[2].start()
    await grid.members[2].hear(station.reading(slot, 10), station.reading(slot - 1, 10))

    # both contents are right; only one of them gets this node's signature, also when they come at the same instant
    answers = await asyncio.gather(
        *(grid.members[2].node.sign(request) for request in (one, other)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [error.code for error in refused] == ["oracle.signed_other"]
    signed, unsigned = (one, other) if isinstance(answers[0], bytes) else (other, one)
    await grid.members[2].stop()
    await grid.members[2].start()
    assert await grid.members[2].node.sign(signed)
    with pytest.raises(Conflict, match="signs nothing else"):
        await grid.members[2].node.sign(unsigned)
    # a new deadline is no new content
    assert await grid.members[2].node.sign(await resealed(grid, signed, signed.deadline + 900))
    for statement in ("DELETE FROM oracle_signature", "UPDATE oracle_signature SET content_hash = '\\x00'"):
        with pytest.raises(DBAPIError, match="stays so"):
            async with grid.members[2].database.transaction() as session:
                await session.execute(text(statement))


async def resealed(grid: Grid, request: SignRequest, deadline: int) -> SignRequest:
    """The same content with another deadline, signed by whoever signed it first."""
    made = replace(request, deadline=deadline, signatures=())
    digest = grid.members[2].node.chain.digest(made.report)
    signers = [await account(n).sign_digest(digest) for n in (1, 2)]
    return replace(made, signatures=tuple(signers))


async def test_the_same_report_twice_counts_once(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10), station.reading(slot, 10))
    grid.close(slot)

    attempts = await asyncio.gather(*(member.node.propose(E, slot) for member in grid.members))
    again = await grid.members[2].node.propose(E, slot)

    assert again is None
    assert sum(attempt is not None and bool(attempt.tx_hash) for attempt in attempts) == 1
    head = await grid.oracle.head(E)
    assert (head.reports, head.total) == (1, 10 * UWH_PER_WH)
    await grid.follow()
    async with grid.members[1].database.transaction() as session:
        counted = list(await session.scalars(select(EnergyIncluded.hash)))
    assert counted == [station.reading(slot, 10).hash]


async def test_a_late_reading_raises_the_register_in_the_next_report_and_no_batch(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    early, late = grid.pass_slots(), grid.pass_slots()
    await grid.everyone_hears(station.reading(late, 40))
    await grid.report(late)
    await grid.everyone_hears(station.reading(early, 25))
    following = grid.slot - 1
    await asyncio.sleep(0.3)

    await grid.report(following, by=1)

    leaf = await grid.leaf(following, station)
    assert (leaf.mintable, leaf.energy, leaf.quality) == (65 * UWH_PER_WH, 0, 0)
    head = await grid.oracle.head(E)
    assert (head.total, head.reports) == (65 * UWH_PER_WH, 2)


async def test_a_handover_closes_one_register_and_opens_another(grid: Grid) -> None:
    station = await grid.add_station(owner=8)
    grid.pass_slots()
    first = grid.pass_slots()
    await grid.everyone_hears(station.reading(first, 80))
    await grid.report(first)
    await grid.hand_over(station, sender=8, receiver=9)
    changing = grid.pass_slots()
    new = grid.pass_slots()
    # the slot in which it changes hands is the old owner's, the next one the new owner's
    await grid.everyone_hears(station.reading(changing, 7), station.reading(new, 11))
    await asyncio.sleep(0.3)

    await grid.report(new, by=2)

    old_leaf, new_leaf = await grid.leaf(new, station, 1), await grid.leaf(new, station, 2)
    assert (old_leaf.mintable, new_leaf.mintable) == (87 * UWH_PER_WH, 11 * UWH_PER_WH)
    assert old_leaf.owner != new_leaf.owner
    await grid.claim(new, station, 1)
    await grid.claim(new, station, 2)
    assert await grid.treasury.minted(E) == 98 * UWH_PER_WH


async def test_the_quorum_is_wrong_and_the_honest_node_alarms_and_follows(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    for member in grid.members[1:]:
        await member.stop()
        member.advance = doubled
        await member.start()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10))

    await grid.report(slot, by=1)

    record, refused = await disagreements(grid.members[0])
    assert (record.kind, refused.kind) == ("accepted", "proposal")
    assert record.detail == "the accepted leaves differ from the recount"
    state = (await grid.states())[0][station.id, 1]
    assert '"mintable":20000000' in state
    assert '"net":10000000' in state
    async with grid.members[0].database.transaction() as session:
        events = list(await session.scalars(text("SELECT subject FROM kit_outbox")))
    assert events == ["event.oracle.disagreement"] * 2


async def test_the_chain_takes_a_report_back_and_the_nodes_do_too(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    first = grid.pass_slots()
    await grid.everyone_hears(station.reading(first, 10))
    await grid.report(first)
    kept = await grid.states()
    second = grid.slot - 1
    await grid.everyone_hears(station.reading(second, 15))
    await asyncio.sleep(0.3)
    mark = grid.chain.call("evm_snapshot")
    await grid.report(second, by=1)
    assert (await grid.leaf(second, station)).mintable == 25 * UWH_PER_WH

    grid.chain.call("evm_revert", mark)
    again = grid.chain.call("evm_snapshot")
    await grid.follow()

    assert await grid.states() == kept
    # the same content is signed for already and goes to the chain again
    attempt = await grid.members[3].node.propose(E, second)
    assert attempt is not None
    assert attempt.succeeded
    await grid.follow()
    assert (await grid.leaf(second, station)).mintable == 25 * UWH_PER_WH
    # a way back that is forgotten is no reason to guess
    async with grid.members[0].database.transaction() as session:
        await session.execute(text("DELETE FROM oracle_undo"))
    grid.chain.call("evm_revert", again)
    with pytest.raises(Refused, match="start a new database"):
        await grid.follow()


async def test_strangers_get_neither_signatures_nor_readings(grid: Grid) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10))
    grid.close(slot)
    for member in grid.members[1:]:
        await member.stop()
    await grid.members[0].node.propose(E, slot)
    await grid.members[1].start()
    request = await request_of(grid.members[0], slot)
    stranger = account(9)
    digest = grid.members[1].node.chain.digest(request.report)
    forged = replace(request, signatures=(await stranger.sign_digest(digest),))

    peer = grid.members[0].node.peers.all[0]
    with pytest.raises(PeerRefused) as refused:
        await peer.sign(forged)
    assert refused.value.code == "oracle.not_a_node"
    peer._signer = stranger
    with pytest.raises(PeerRefused) as refused:
        await peer.readings([station.reading(slot, 10).hash])
    assert refused.value.code == "oracle.not_a_node"
    peer._signer = account(1)
    (reading,) = await peer.readings([station.reading(slot, 10).hash])
    assert reading == station.reading(slot, 10)
