# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Governor
@custom:contract-name Governor
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The owner of every parameter. Who has enough GCM locked proposes a list of calls; after a delay the votes of a
        snapshot are counted for a period; a proposal with more votes for than against and a quorum is queued, waits in
        the timelock, and is executed by anybody, all of its calls or none. Votes are GCM in the VotingLock: the lesser
        of what was locked at the snapshot and what is locked when the vote is cast, and it stays locked until the vote
        is over. Who has no gas votes by signature. Guardians of the Guard may cancel a proposal and stop proposing,
        queueing and executing; they change nothing. Proposals that only call the Guard they can neither cancel nor
        stop, so that they can't keep themselves in office or hold the house for ever.
@custom:security The timelock is snekmate's, used as a module: its states, ids and calls, without its roles, which
                 nobody can reach. The quorum is a share of the supply when a proposal is made, and at least a floor,
                 so that a young index with few tokens cannot be taken over. Whoever wins two votes in a row (dismiss
                 the guardians, then anything) is stopped by nobody; both waits are there to leave in.
@custom:kill `Guard.pause(governor)` stops proposals but those that only call the Guard. Nothing depends on it but the
             ability to change parameters.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from contracts.interfaces import IPausable
from contracts.interfaces import IVotingLock

implements: IPausable


interface IGuardians:
    def guardians(account: address) -> bool: view


interface IOwnable2Step:
    def accept_ownership(): nonpayable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import access_control
from snekmate.governance import timelock_controller
from snekmate.utils import eip712_domain_separator
from snekmate.utils import signature_checker

initializes: access_control
initializes: timelock_controller[access_control := access_control]
initializes: eip712_domain_separator

# Left out: roles, schedule, cancel and execute, because only what was voted is scheduled; `update_delay`, because
# `set_delay` has bounds; receivers, because nothing is kept here.
exports: (
    timelock_controller.get_timestamp,
    timelock_controller.get_minimum_delay,
    eip712_domain_separator.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A proposal was made. The calls are told in full, so that everybody can judge, queue and execute them.
event Proposed:
    proposal: indexed(uint256)
    proposer: indexed(address)
    snapshot: uint256
    ends: uint256
    quorum: uint256
    targets: DynArray[address, CALLS_MAX]
    payloads: DynArray[Bytes[1_024], CALLS_MAX]
    description: String[1_024]


# @dev A vote was cast.
event Voted:
    proposal: indexed(uint256)
    voter: indexed(address)
    choice: uint8
    votes: uint256


# @dev A proposal won and waits in the timelock.
event Queued:
    proposal: indexed(uint256)
    operation: indexed(bytes32)
    ready: uint256


# @dev A proposal's calls were made.
event Executed:
    proposal: indexed(uint256)
    operation: indexed(bytes32)


# @dev A proposal was cancelled, by its proposer before the vote or by a guardian.
event ProposalCancelled:
    proposal: indexed(uint256)
    by: indexed(address)


# @dev The rules of proposals to come changed.
event RulesChanged:
    old: Rules
    new: Rules


# @dev The Guard stopped proposals or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The most calls of a proposal; each has at most 1,024 bytes, as snekmate's timelock takes them.
CALLS_MAX: constant(uint256) = 16


# @dev Choices of a vote.
AGAINST: constant(uint8) = 0
IN_FAVOUR: constant(uint8) = 1
ABSTAIN: constant(uint8) = 2


# @dev States of a proposal.
PENDING: constant(uint8) = 1
ACTIVE: constant(uint8) = 2
DEFEATED: constant(uint8) = 3
SUCCEEDED: constant(uint8) = 4
QUEUED: constant(uint8) = 5
EXECUTED: constant(uint8) = 6
EXPIRED: constant(uint8) = 7
CANCELLED: constant(uint8) = 8


# @dev Bounds of the rules, in seconds. The votes of a snapshot must be over before they are counted, hence not 0.
VOTING_DELAY_MIN: constant(uint256) = 60
VOTING_DELAY_MAX: constant(uint256) = 30 * 86_400
VOTING_PERIOD_MIN: constant(uint256) = 3_600
VOTING_PERIOD_MAX: constant(uint256) = 60 * 86_400
DELAY_MIN: constant(uint256) = 3_600
DELAY_MAX: constant(uint256) = 30 * 86_400


# @dev The largest share that a quorum may be: half of the supply.
QUORUM_BPS_MAX: constant(uint256) = 5_000


# @dev How long a proposal that won may be queued, and how long one that is ready may be executed.
GRACE: constant(uint256) = 14 * 86_400


# @dev What a voter signs.
_VOTE_TYPE_HASH: constant(bytes32) = keccak256("Vote(uint256 proposal,uint8 choice,address voter)")


# @dev What makes a proposal.
struct Rules:
    # Votes that a proposer needs, at least 1.
    threshold: uint256
    # Votes that a quorum needs at least, at least 1.
    quorum_floor: uint256
    # The share of the supply that a quorum needs, in hundredths of a percent.
    quorum_bps: uint256
    # From the proposal to its snapshot, and from there to the end, in seconds.
    voting_delay: uint256
    voting_period: uint256


# @dev A proposal. Its calls are known by their hash.
struct Proposal:
    proposer: address
    snapshot: uint256
    ends: uint256
    quorum: uint256
    votes_against: uint256
    votes_for: uint256
    votes_abstain: uint256
    operation: bytes32
    guard_only: bool
    cancelled: bool


# @dev Where the votes are.
lock: public(immutable(address))


# @dev What votes are made of.
token: public(immutable(address))


# @dev The brake, and whose guardians may cancel.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while proposals that call anything but the Guard are stopped.
paused: public(bool)


# @dev The rules of proposals to come.
rules: public(Rules)


# @dev The number of proposals; they are numbered from 1.
count: public(uint256)


# @dev number → proposal.
proposals: public(HashMap[uint256, Proposal])


# @dev number → account → True if it voted.
voted: public(HashMap[uint256, HashMap[address, bool]])


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(lock_: address, guard_: address, delay: uint256, rules_: Rules):
    """
    @dev Nobody owns the Governor: what it is asked to change of itself must be voted, too.
    @param lock_ The 20-byte address of the VotingLock, made for this address.
    @param guard_ The 20-byte address of the Guard.
    @param delay The seconds that a proposal waits in the timelock.
    @param rules_ The rules of proposals.
    """
    assert staticcall IVotingLock(lock_).governor() == self, "governor: lock was made for another address"
    self._check_delay(delay)
    self._check_rules(rules_)
    access_control.__init__()
    timelock_controller.__init__(delay, [], [], empty(address))
    eip712_domain_separator.__init__("GreenCore Governor", "1")
    lock = lock_
    token = staticcall IVotingLock(lock_).token()
    guard = guard_
    self.rules = rules_
    log RulesChanged(old=empty(Rules), new=rules_)


# ------------------------------------------------------------------
#                               VOTERS
# ------------------------------------------------------------------


@external
def propose(
    targets: DynArray[address, CALLS_MAX], payloads: DynArray[Bytes[1_024], CALLS_MAX], description: String[1_024]
) -> uint256:
    """
    @dev Makes a proposal. What the caller has locked is held until the vote is over.
    @param targets The contracts that are called, in order.
    @param payloads The calldata of each call.
    @param description What it is for, in words.
    @return uint256 The number of the proposal.
    """
    assert len(targets) != 0 and len(targets) == len(payloads), "governor: not a list of calls"
    guard_only: bool = True
    for target: address in targets:
        assert target.is_contract, "governor: target is no contract"
        guard_only = guard_only and target == guard
    self._check_running(guard_only)
    rules: Rules = self.rules
    snapshot: uint256 = block.timestamp + rules.voting_delay
    ends: uint256 = snapshot + rules.voting_period
    # Votes of the second before: what is borrowed for a transaction was not there.
    votes: uint256 = extcall IVotingLock(lock).use(msg.sender, block.timestamp - 1, ends)
    assert votes >= rules.threshold, "governor: too few votes to propose"
    # A floor against a small supply; the share follows the supply of now.
    quorum: uint256 = max(rules.quorum_floor, staticcall IERC20(token).totalSupply() * rules.quorum_bps // 10_000)
    number: uint256 = self.count + 1
    self.count = number
    self.proposals[number] = Proposal(
        proposer=msg.sender,
        snapshot=snapshot,
        ends=ends,
        quorum=quorum,
        votes_against=0,
        votes_for=0,
        votes_abstain=0,
        operation=self._operation(number, targets, payloads),
        guard_only=guard_only,
        cancelled=False,
    )
    log Proposed(
        proposal=number,
        proposer=msg.sender,
        snapshot=snapshot,
        ends=ends,
        quorum=quorum,
        targets=targets,
        payloads=payloads,
        description=description,
    )
    return number


@external
def vote(number: uint256, choice: uint8) -> uint256:
    """
    @dev Casts all of the caller's votes. What the caller has locked is held until the vote is over.
    @param number The number of the proposal.
    @param choice Against 0, for 1, abstain 2.
    @return uint256 The votes that counted.
    """
    return self._vote(msg.sender, number, choice)


@external
def vote_by_signature(number: uint256, choice: uint8, voter: address, signature: Bytes[65]) -> uint256:
    """
    @dev Casts all of a voter's votes as the voter signed it (EIP-712; ERC-1271 for a contract). Anybody may bring it. A
         vote counts once, so nothing can be repeated.
    @param number The number of the proposal.
    @param choice Against 0, for 1, abstain 2.
    @param voter The 20-byte address of who signed.
    @param signature The signature.
    @return uint256 The votes that counted.
    """
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(_VOTE_TYPE_HASH, number, choice, voter))
    )
    assert (
        voter != empty(address) and signature_checker._is_valid_signature_now(voter, digest, signature)
    ), "governor: not signed by the voter"
    return self._vote(voter, number, choice)


# ------------------------------------------------------------------
#                              ANYBODY
# ------------------------------------------------------------------


@external
def queue(number: uint256):
    """
    @dev Puts a proposal that won into the timelock.
    @param number The number of the proposal.
    """
    assert self._state(number) == SUCCEEDED, "governor: proposal did not succeed"
    self._check_running(self.proposals[number].guard_only)
    operation: bytes32 = self.proposals[number].operation
    timelock_controller._schedule(operation, timelock_controller.get_minimum_delay)
    log Queued(proposal=number, operation=operation, ready=timelock_controller.get_timestamp[operation])


@external
def execute(
    number: uint256, targets: DynArray[address, CALLS_MAX], payloads: DynArray[Bytes[1_024], CALLS_MAX]
):
    """
    @dev Makes the calls of a proposal whose time in the timelock is over, all or none.
    @param number The number of the proposal.
    @param targets The contracts as they were proposed.
    @param payloads The calldata as it was proposed.
    """
    assert self._state(number) == QUEUED, "governor: proposal is not queued"
    self._check_running(self.proposals[number].guard_only)
    operation: bytes32 = self._operation(number, targets, payloads)
    assert operation == self.proposals[number].operation, "governor: not the calls that were proposed"
    timelock_controller._before_call(operation, empty(bytes32))
    for i: uint256 in range(len(targets), bound=CALLS_MAX):
        timelock_controller._execute(targets[i], 0, payloads[i])
    timelock_controller._after_call(operation)
    log Executed(proposal=number, operation=operation)


@external
def accept_ownership_of(target: address):
    """
    @dev Takes over a contract whose owner offered it. Whoever asks for it: the offer is the owner's.
    @param target The 20-byte address of the contract.
    """
    extcall IOwnable2Step(target).accept_ownership()


# ------------------------------------------------------------------
#                      PROPOSERS AND GUARDIANS
# ------------------------------------------------------------------


@external
def cancel(number: uint256):
    """
    @dev Cancels a proposal: its proposer until the vote opens, a guardian until it is executed unless it only calls
         the Guard.
    @param number The number of the proposal.
    """
    state: uint8 = self._state(number)
    assert state != EXECUTED and state != CANCELLED, "governor: proposal is closed"
    if msg.sender != self.proposals[number].proposer or state != PENDING:
        assert staticcall IGuardians(guard).guardians(msg.sender), "governor: access is denied"
        assert not self.proposals[number].guard_only, "governor: guardians do not judge themselves"
    self.proposals[number].cancelled = True
    operation: bytes32 = self.proposals[number].operation
    if timelock_controller._is_operation_pending(operation):
        timelock_controller.get_timestamp[operation] = 0
        log timelock_controller.Cancelled(id=operation)
    log ProposalCancelled(proposal=number, by=msg.sender)


# ------------------------------------------------------------------
#                             ITS OWN CALLS
# ------------------------------------------------------------------


# @dev Open while a proposal is executed: only the Governor itself can call it, and only so.
@external
@reentrant
def set_rules(rules_: Rules):
    """
    @dev Sets the rules of proposals to come. By proposal only.
    @param rules_ The rules.
    """
    assert msg.sender == self, "governor: access is denied"
    self._check_rules(rules_)
    log RulesChanged(old=self.rules, new=rules_)
    self.rules = rules_


# @dev Open while a proposal is executed: only the Governor itself can call it, and only so.
@external
@reentrant
def set_delay(delay: uint256):
    """
    @dev Sets how long proposals that are queued from now on wait in the timelock. By proposal only.
    @param delay The time in seconds.
    """
    assert msg.sender == self, "governor: access is denied"
    self._check_delay(delay)
    log timelock_controller.MinimumDelayChange(old_duration=timelock_controller.get_minimum_delay, new_duration=delay)
    timelock_controller.get_minimum_delay = delay


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


# @dev Open while a proposal is executed: a vote may let the Governor go on by `Guard.unpause`.
@external
@reentrant
def set_paused(paused_: bool):
    """
    @dev Stops proposals that call anything but the Guard, or lets them go on. Votes go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "governor: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def state(number: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @param number The number of the proposal.
    @return uint8 Unknown 0, pending 1, active 2, defeated 3, succeeded 4, queued 5, executed 6, expired 7, cancelled 8.
    """
    return self._state(number)


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
def _vote(voter: address, number: uint256, choice: uint8) -> uint256:
    """
    @dev Casts all of a voter's votes.
    @param voter The 20-byte address of the voter.
    @param number The number of the proposal.
    @param choice Against 0, for 1, abstain 2.
    @return uint256 The votes that counted.
    """
    assert self._state(number) == ACTIVE, "governor: no vote is open"
    assert not self.voted[number][voter], "governor: voted already"
    self.voted[number][voter] = True
    votes: uint256 = extcall IVotingLock(lock).use(
        voter, self.proposals[number].snapshot, self.proposals[number].ends
    )
    assert votes != 0, "governor: no votes"
    if choice == IN_FAVOUR:
        self.proposals[number].votes_for += votes
    elif choice == AGAINST:
        self.proposals[number].votes_against += votes
    else:
        assert choice == ABSTAIN, "governor: no such choice"
        self.proposals[number].votes_abstain += votes
    log Voted(proposal=number, voter=voter, choice=choice, votes=votes)
    return votes


@internal
@view
def _state(number: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @param number The number of the proposal.
    @return uint8 The state, 0 if there is none.
    """
    snapshot: uint256 = self.proposals[number].snapshot
    if snapshot == 0:
        return 0
    if self.proposals[number].cancelled:
        return CANCELLED
    operation: bytes32 = self.proposals[number].operation
    if timelock_controller._is_operation_done(operation):
        return EXECUTED
    ready: uint256 = timelock_controller.get_timestamp[operation]
    if ready != 0:
        return EXPIRED if block.timestamp > ready + GRACE else QUEUED
    if block.timestamp <= snapshot:
        return PENDING
    ends: uint256 = self.proposals[number].ends
    if block.timestamp <= ends:
        return ACTIVE
    favour: uint256 = self.proposals[number].votes_for
    if (
        favour <= self.proposals[number].votes_against
        or favour + self.proposals[number].votes_abstain < self.proposals[number].quorum
    ):
        return DEFEATED
    return EXPIRED if block.timestamp > ends + GRACE else SUCCEEDED


@internal
@pure
def _operation(
    number: uint256, targets: DynArray[address, CALLS_MAX], payloads: DynArray[Bytes[1_024], CALLS_MAX]
) -> bytes32:
    """
    @dev Returns the timelock's id of a proposal's calls.
    @param number The number of the proposal: the same calls may be proposed again.
    @param targets The contracts.
    @param payloads The calldata.
    @return bytes32 The 32-byte id.
    """
    return keccak256(abi_encode(number, targets, payloads))


@internal
@view
def _check_running(guard_only: bool):
    """
    @dev Refuses while proposals are stopped.
    @param guard_only True if the proposal only calls the Guard.
    """
    assert guard_only or not self.paused, "governor: paused"


@internal
@pure
def _check_delay(delay: uint256):
    """
    @dev Refuses a timelock that nobody could react in, or that nobody would see the end of.
    @param delay The time in seconds.
    """
    assert delay >= DELAY_MIN and delay <= DELAY_MAX, "governor: delay out of bounds"


@internal
@pure
def _check_rules(rules: Rules):
    """
    @dev Refuses rules under which nobody could vote, or anybody could win.
    @param rules The rules.
    """
    assert rules.threshold != 0 and rules.quorum_floor != 0, "governor: threshold out of bounds"
    assert rules.quorum_bps <= QUORUM_BPS_MAX, "governor: quorum out of bounds"
    assert (
        rules.voting_delay >= VOTING_DELAY_MIN and rules.voting_delay <= VOTING_DELAY_MAX
    ), "governor: voting delay out of bounds"
    assert (
        rules.voting_period >= VOTING_PERIOD_MIN and rules.voting_period <= VOTING_PERIOD_MAX
    ), "governor: voting period out of bounds"
