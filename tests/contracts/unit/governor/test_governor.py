# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Governor: proposals that are voted, wait and are executed whole; guardians stop and change nothing."""

from typing import Any

import ape
import pytest
from ape.api import AccountAPI

from tests.contracts.house import Contracts, refuses
from tests.contracts.votes import ABSTAIN, AGAINST, DAY, FOR, WAIT, Vote

PENDING, ACTIVE, DEFEATED, SUCCEEDED, QUEUED, EXECUTED, EXPIRED, CANCELLED = range(1, 9)


def test_proposal__won__is_executed_after_the_timelock(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """From the proposal to its effect, with everything that is told on the way."""
    governor, calls = vote.governor, vote.coefficients(7, 8)
    receipt = governor.propose(*calls, "homes earn", sender=prosumer)
    (proposed,) = receipt.decode_logs(governor.Proposed)
    assert (proposed.proposal, proposed.proposer, proposed.quorum) == (1, prosumer, 400)
    assert proposed.description == "homes earn"
    assert (proposed.snapshot, proposed.ends) == (receipt.timestamp + DAY, receipt.timestamp + 4 * DAY)
    assert vote.state(1) == PENDING
    refuses("governor: no vote is open", governor.vote, 1, FOR, sender=prosumer)
    vote.wait(DAY + 1)
    assert vote.state(1) == ACTIVE
    governor.vote(1, FOR, sender=prosumer)
    receipt = governor.vote(1, ABSTAIN, sender=neighbour)
    (voted,) = receipt.decode_logs(governor.Voted)
    assert (voted.voter, voted.choice, voted.votes) == (neighbour, ABSTAIN, 150)
    refuses("governor: voted already", governor.vote, 1, FOR, sender=prosumer)
    refuses("governor: no votes", governor.vote, 1, FOR, sender=stranger)
    refuses("governor: proposal did not succeed", governor.queue, 1, sender=stranger)
    vote.wait(3 * DAY)
    assert vote.state(1) == SUCCEEDED
    refuses("governor: proposal is not queued", governor.execute, 1, *calls, sender=stranger)
    receipt = governor.queue(1, sender=stranger)
    (queued,) = receipt.decode_logs(governor.Queued)
    assert queued.ready == receipt.timestamp + WAIT
    refuses("timelock_controller: operation is not ready", governor.execute, 1, *calls, sender=stranger)
    vote.wait(WAIT)
    others = vote.coefficients(7, 9)
    refuses("governor: not the calls that were proposed", governor.execute, 1, *others, sender=stranger)
    receipt = governor.execute(1, *calls, sender=stranger)
    assert len(receipt.decode_logs(governor.Executed)) == 1
    assert list(vote.homes.coefficients())[1:4] == [7, 8, 0]
    assert vote.state(1) == EXECUTED
    refuses("governor: proposal is not queued", governor.execute, 1, *calls, sender=stranger)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ((FOR, None, None), DEFEATED),  # 300 of 400: no quorum
        ((FOR, ABSTAIN, None), SUCCEEDED),  # 450 with the abstention
        ((FOR, FOR, AGAINST), DEFEATED),  # 450 against 450
        ((AGAINST, None, FOR), SUCCEEDED),
        ((FOR, AGAINST, None), DEFEATED),  # 450 voted, but votes against make no quorum
        ((ABSTAIN, ABSTAIN, ABSTAIN), DEFEATED),
    ],
)
def test_state__counts(
    vote: Vote,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
    choices: tuple[int | None, ...],
    expected: int,
) -> None:
    """More for than against, and a quorum of those who are not against."""
    number = vote.propose(prosumer, vote.coefficients(1))
    voters = (prosumer, neighbour, buyer)
    vote.decide(number, [(voter, choice) for voter, choice in zip(voters, choices, strict=True) if choice is not None])
    assert vote.state(number) == expected


def test_vote__locked_after_the_snapshot_or_unlocked_since__counts_the_lesser(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """Nobody buys votes once a vote has begun, nobody votes with tokens that are gone, nobody leaves before the end."""
    number = vote.propose(prosumer, vote.coefficients(1))
    held = "voting_lock: held by a vote"
    refuses(held, vote.lock.unlock, 1, sender=prosumer)
    vote.wait(DAY + 1)
    vote.lock.lock(50, sender=buyer)
    assert vote.governor.vote.call(number, FOR, sender=buyer) == 450
    vote.lock.unlock(400, sender=buyer)
    assert vote.governor.vote.call(number, FOR, sender=buyer) == 100
    vote.governor.vote(number, FOR, sender=neighbour)
    refuses(held, vote.lock.unlock, 1, sender=neighbour)
    vote.wait(3 * DAY + 1)
    vote.lock.unlock(150, sender=neighbour)
    assert vote.coin.balanceOf(neighbour) == 500
    assert vote.lock.total_locked() == vote.coin.balanceOf(vote.lock) == 400
    assert vote.state(number) == DEFEATED  # the 150 counted, and were no quorum


def test_propose__without_enough_that_stood_before__reverts(
    vote: Vote, owner: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """Too few votes, no calls, calls to nobody."""
    propose, calls = vote.governor.propose, vote.coefficients(1)
    refuses("governor: too few votes to propose", propose, *calls, "", sender=stranger)
    refuses("governor: not a list of calls", propose, [], [], "", sender=prosumer)
    refuses("governor: not a list of calls", propose, calls[0], [], "", sender=prosumer)
    refuses("governor: target is no contract", propose, [owner], [b""], "", sender=prosumer)


def test_execute__one_call_fails__none_is_made(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, relayer: AccountAPI
) -> None:
    """All calls or none, and the reason of the one that failed is told."""
    calls = vote.coefficients(7, 2_000_000_000)
    number = vote.pass_(prosumer, calls, neighbour)
    vote.wait(WAIT)
    refuses("home_policy: coefficient out of bounds", vote.governor.execute, number, *calls, sender=relayer)
    with ape.reverts():
        vote.governor.execute(number, *calls, sender=relayer, gas=1_000_000)
    assert vote.homes.coefficients()[1] == 0
    assert vote.state(number) == QUEUED
    vote.wait(14 * DAY + 1)
    assert vote.state(number) == EXPIRED


def test_guardian__cancels_and_stops_but_not_its_own_dismissal(
    vote: Vote,
    contracts: Contracts,
    owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    stranger: AccountAPI,
) -> None:
    """A guardian stops what was voted; the vote that dismisses it goes through all the same, and lets the house go on."""
    governor, guard = vote.governor, contracts.guard
    calls = vote.coefficients(7)
    number = vote.pass_(prosumer, calls, neighbour)
    refuses("governor: access is denied", governor.cancel, number, sender=stranger)
    refuses("governor: access is denied", governor.cancel, number, sender=prosumer)
    governor.cancel(number, sender=guardian)
    assert vote.state(number) == CANCELLED
    vote.wait(WAIT)
    refuses("governor: proposal is not queued", governor.execute, number, *calls, sender=stranger)
    refuses("governor: proposal is closed", governor.cancel, number, sender=guardian)

    guard.transfer_ownership(governor, sender=owner)
    governor.accept_ownership_of(guard, sender=stranger)
    guard.pause(governor, sender=guardian)
    refuses("governor: paused", governor.propose, *calls, "", sender=prosumer)
    dismiss = bytes(guard.set_guardian.encode_input(guardian, False))
    go_on = bytes(guard.unpause.encode_input(governor))
    mixed = [guard.address, vote.homes.address], [dismiss, calls[1][0]]
    refuses("governor: paused", governor.propose, *mixed, "", sender=prosumer)
    away = [guard.address, guard.address], [dismiss, go_on]
    number = vote.pass_(prosumer, away, neighbour)
    refuses("governor: guardians do not judge themselves", governor.cancel, number, sender=guardian)
    vote.wait(WAIT)
    governor.execute(number, *away, sender=stranger)
    assert not guard.guardians(guardian)
    assert not governor.paused()


def test_cancel__by_the_proposer__until_the_vote_opens(vote: Vote, prosumer: AccountAPI) -> None:
    """Who proposed may think again."""
    number = vote.propose(prosumer, vote.coefficients(1))
    receipt = vote.governor.cancel(number, sender=prosumer)
    (cancelled,) = receipt.decode_logs(vote.governor.ProposalCancelled)
    assert (cancelled.proposal, cancelled.by) == (number, prosumer)
    number = vote.propose(prosumer, vote.coefficients(1))
    vote.wait(DAY + 1)
    refuses("governor: access is denied", vote.governor.cancel, number, sender=prosumer)


def test_rules__by_proposal_within_bounds(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, owner: AccountAPI, guardian: AccountAPI
) -> None:
    """The Governor's own rules change as everything else does, and by nobody directly."""
    governor = vote.governor
    changed = (1, 2, 5_000, 60, 3_600)
    refuses("governor: access is denied", governor.set_rules, changed, sender=owner)
    refuses("governor: access is denied", governor.set_delay, DAY, sender=guardian)
    refuses("governor: access is denied", governor.set_paused, True, sender=guardian)
    refuses("voting_lock: access is denied", vote.lock.use, prosumer, 1, 1, sender=owner)

    def calls(rules: tuple[int, ...], delay: int) -> tuple[list[str], list[bytes]]:
        made = [governor.set_rules.encode_input(rules), governor.set_delay.encode_input(delay)]
        return [governor.address] * 2, [bytes(call) for call in made]

    wrong: list[tuple[str, Any, int]] = [
        ("governor: threshold out of bounds", (0, *changed[1:]), DAY),
        ("governor: threshold out of bounds", (1, 0, *changed[2:]), DAY),
        ("governor: quorum out of bounds", (1, 2, 5_001, 60, 3_600), DAY),
        ("governor: voting delay out of bounds", (1, 2, 5_000, 59, 3_600), DAY),
        ("governor: voting period out of bounds", (1, 2, 5_000, 60, 3_599), DAY),
        ("governor: delay out of bounds", changed, 3_599),
    ]
    for _, rules, delay in wrong:
        vote.propose(prosumer, calls(rules, delay))
    good = vote.propose(prosumer, calls(changed, DAY))
    vote.wait(DAY + 1)
    for number in range(1, good + 1):
        for voter in (prosumer, neighbour):
            governor.vote(number, FOR, sender=voter)
    vote.wait(3 * DAY)
    for number in range(1, good + 1):
        governor.queue(number, sender=owner)
    vote.wait(WAIT)
    for number, (reason, rules, delay) in enumerate(wrong, 1):
        refuses(reason, governor.execute, number, *calls(rules, delay), sender=owner)
    governor.execute(good, *calls(changed, DAY), sender=owner)
    assert tuple(governor.rules()) == changed
    assert governor.get_minimum_delay() == DAY
