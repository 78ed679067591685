# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Governor: proposals that are voted, wait and are executed whole; guardians stop and change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi.abi import encode
from eth_account.messages import SignableMessage
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address

from scripts._house import container
from tests.contracts.house import Contracts, refuses
from tests.contracts.permit import permit

DAY = 86_400
AGAINST, FOR, ABSTAIN = 0, 1, 2
PENDING, ACTIVE, DEFEATED, SUCCEEDED, QUEUED, EXECUTED, EXPIRED, CANCELLED = range(1, 9)
RULES = (100, 200, 2_000, DAY, 3 * DAY)  # threshold, floor, 20 % of 2,000 = 400, delay, period
WAIT = 2 * DAY


@dataclass(frozen=True)
class Vote:
    """The Governor with its lock and its token."""

    governor: ContractInstance
    lock: ContractInstance
    coin: ContractInstance
    homes: ContractInstance

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        ape.chain.mine(timestamp=int(ape.chain.blocks.head.timestamp) + seconds)

    def coefficients(self, *values: int) -> tuple[list[str], list[bytes]]:
        """Calls that set what E, H, W … earn."""
        calls = [self.homes.set_coefficient.encode_input(utility, value) for utility, value in enumerate(values, 1)]
        return [self.homes.address] * len(calls), [bytes(call) for call in calls]

    def propose(self, by: AccountAPI, calls: tuple[list[str], list[bytes]]) -> int:
        """Make a proposal and return its number."""
        self.governor.propose(*calls, "why", sender=by)
        return int(self.governor.count())

    def decide(self, number: int, votes: Sequence[tuple[AccountAPI, int]]) -> None:
        """Open the vote, cast votes, let the period pass."""
        self.wait(DAY + 1)
        for voter, choice in votes:
            self.governor.vote(number, choice, sender=voter)
        self.wait(3 * DAY + 1)

    def pass_(self, by: AccountAPI, calls: tuple[list[str], list[bytes]], *voters: AccountAPI) -> int:
        """Propose, win and queue."""
        number = self.propose(by, calls)
        self.decide(number, [(voter, FOR) for voter in (by, *voters)])
        self.governor.queue(number, sender=by)
        return number

    def state(self, number: int) -> int:
        """The state by the chain's clock."""
        return int(self.governor.state(number))


@pytest.fixture(scope="session")
def vote(
    contracts: Contracts, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> Vote:
    """2,000 tokens: three people locked 300, 150 and 450, the rest lies elsewhere. The Governor owns a HomePolicy."""
    coin = owner.deploy(container("FuzzCoin"))
    preimage = b"\xd6\x94" + to_canonical_address(owner.address) + bytes([owner.nonce + 1])
    lock = owner.deploy(container("VotingLock"), coin, to_checksum_address(keccak(preimage)[12:]))
    governor = owner.deploy(container("Governor"), lock, contracts.guard, WAIT, RULES)
    homes = owner.deploy(container("HomePolicy"))
    homes.transfer_ownership(governor, sender=owner)
    governor.accept_ownership_of(homes, sender=owner)
    assert homes.owner() == governor
    for holder, amount in ((prosumer, 300), (neighbour, 150), (buyer, 450)):
        coin.give(holder, 500, sender=owner)
        coin.approve(lock, 500, sender=holder)
        lock.lock(amount, sender=holder)
    coin.give(owner, 500, sender=owner)
    vote = Vote(governor, lock, coin, homes)
    vote.wait(60)  # what is locked counts from the next second on
    return vote


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


def signed(governor: ContractInstance, voter: AccountAPI, number: int, choice: int) -> bytes:
    """A vote as a voter signs it (EIP-712), from the standard's text."""
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    domain = encode(
        ("bytes32", "bytes32", "bytes32", "uint256", "address"),
        (kind, keccak(b"GreenCore Governor"), keccak(b"1"), ape.chain.chain_id, governor.address),
    )
    body = encode(
        ("bytes32", "uint256", "uint8", "address"),
        (keccak(b"Vote(uint256 proposal,uint8 choice,address voter)"), number, choice, voter.address),
    )
    made = voter.sign_message(SignableMessage(b"\x01", keccak(domain), keccak(body)))
    assert made is not None
    return bytes(made.r).rjust(32, b"\0") + bytes(made.s).rjust(32, b"\0") + bytes([made.v])


def test_vote_by_signature__brought_by_anybody__counts_once(
    vote: Vote, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """Who has no gas votes all the same; nobody changes a word of it, and it holds what was locked."""
    governor = vote.governor
    number = vote.propose(prosumer, vote.coefficients(1))
    given = signed(governor, neighbour, number, FOR)
    refuses("governor: no vote is open", governor.vote_by_signature, number, FOR, neighbour, given, sender=stranger)
    vote.wait(DAY + 1)
    forged = "governor: not signed by the voter"
    for changed in ((number, AGAINST, neighbour), (number + 1, FOR, neighbour), (number, FOR, buyer)):
        refuses(forged, governor.vote_by_signature, *changed, given, sender=stranger)
    refuses(forged, governor.vote_by_signature, number, FOR, vote.coin, given, sender=stranger)
    refuses(forged, governor.vote_by_signature, number, FOR, "0x" + "0" * 40, b"", sender=stranger)
    receipt = governor.vote_by_signature(number, FOR, neighbour, given, sender=stranger)
    (voted,) = receipt.decode_logs(governor.Voted)
    assert (voted.proposal, voted.voter, voted.choice, voted.votes) == (number, neighbour, FOR, 150)
    again = "governor: voted already"
    refuses(again, governor.vote_by_signature, number, FOR, neighbour, given, sender=stranger)
    refuses(again, governor.vote, number, AGAINST, sender=neighbour)
    refuses("voting_lock: held by a vote", vote.lock.unlock, 1, sender=neighbour)
    governor.vote(number, AGAINST, sender=prosumer)
    given = signed(governor, prosumer, number, FOR)
    refuses(again, governor.vote_by_signature, number, FOR, prosumer, given, sender=stranger)


def test_lock_with_permit__and_areas(
    contracts: Contracts, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """One transaction without an approval; time counts from the second of the lock, for each and for all."""
    coin = owner.deploy(container("TaxedCoin"))
    lock = owner.deploy(container("VotingLock"), coin, "0x" + "0" * 40)
    for person in (prosumer, neighbour):
        coin.give(person, 100, sender=owner)
    assert (lock.area(prosumer, lock.began() - 1), lock.since(prosumer)) == (0, 0)
    first = lock.lock_with_permit(60, *permit(coin, prosumer, lock, 60)[3:], sender=prosumer).timestamp
    coin.approve(lock, 100, sender=neighbour)
    second = lock.lock(30, sender=neighbour).timestamp
    third = lock.unlock(20, sender=prosumer).timestamp
    ape.chain.mine(timestamp=third + 1_000)

    own = 60 * (third - first) + 40 * 1_000
    assert lock.area(prosumer, third + 1_000) == own
    assert lock.area("0x" + "0" * 40, third + 1_000) == own + 30 * (third + 1_000 - second)
    assert lock.area(prosumer, first) == lock.area(stranger, third) == 0
    assert (lock.since(prosumer), lock.total_locked()) == (first, 70)
    refuses("voting_lock: not over yet", lock.area, prosumer, third + 10**6, sender=stranger)
    refuses("erc20: insufficient allowance", lock.lock, 1, sender=prosumer)
    refuses("voting_lock: access is denied", lock.use, prosumer, first, third, sender=stranger)
    coin.give(prosumer, 1 << 97, sender=owner)
    coin.approve(lock, 1 << 97, sender=prosumer)
    refuses("voting_lock: amount out of bounds", lock.lock, (1 << 96) - 70, sender=prosumer)
    lock.lock((1 << 96) - 71, sender=prosumer)


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
