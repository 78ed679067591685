# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title VotingLock
@custom:contract-name VotingLock
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Where GCM is locked for votes. What an account has locked is remembered for every second in which it changed, so
        that a vote can count what stood there at its snapshot. A vote counts the lesser of then and now, and nothing
        can be unlocked until the votes that it was used in are over: tokens that were borrowed for a transaction count
        nowhere, and no token counts twice. The locked tokens lie here and not in the Governor, because the Governor
        may call anything: no proposal can touch them.
@custom:security Nobody owns this contract. The Governor can hold tokens for a bounded time and can take none.
@custom:kill Nothing here needs to be stopped: who is not held can unlock, whatever else is stopped.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from contracts.interfaces import IVotingLock

implements: IVotingLock


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev Tokens were locked.
event Locked:
    account: indexed(address)
    amount: uint256
    locked: uint256


# @dev Tokens were unlocked.
event Unlocked:
    account: indexed(address)
    amount: uint256
    locked: uint256


# @dev Votes were used; nothing of the account can be unlocked before `until`.
event Held:
    account: indexed(address)
    votes: uint256
    until: uint256


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The longest time ahead that a use may hold an account: longer than any vote with its delay.
HOLD_MAX: constant(uint256) = 91 * 86_400


# @dev The low half of a word.
_U128: constant(uint256) = (1 << 128) - 1


# @dev What is locked.
token: public(immutable(address))


# @dev Who may use votes.
governor: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev Σ of what is locked.
total_locked: public(uint256)


# @dev account → the second up to which it can unlock nothing.
held_until: public(HashMap[address, uint256])


# @dev account → number of its checkpoints.
checkpoints: public(HashMap[address, uint256])


# @dev account → number from 0 → time << 128 | locked from the end of that second on.
_checkpoint: HashMap[address, HashMap[uint256, uint256]]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(token_: address, governor_: address):
    """
    @dev Nobody owns the lock.
    @param token_ The 20-byte address of what is locked.
    @param governor_ The 20-byte address at which the Governor will stand.
    """
    token = token_
    governor = governor_


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def lock(amount: uint256):
    """
    @dev Locks tokens of the caller, who allowed it. They count in votes whose snapshot comes later.
    @param amount The amount.
    """
    assert amount != 0, "voting_lock: nothing to lock"
    total: uint256 = self.total_locked + amount
    assert total <= _U128, "voting_lock: amount out of bounds"
    self.total_locked = total
    locked: uint256 = self._locked(msg.sender) + amount
    self._write(msg.sender, locked)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "voting_lock: token refuses"
    log Locked(account=msg.sender, amount=amount, locked=locked)


@external
def unlock(amount: uint256):
    """
    @dev Gives tokens back to the caller once the votes that they were used in are over.
    @param amount The amount.
    """
    assert amount != 0, "voting_lock: nothing to unlock"
    assert block.timestamp > self.held_until[msg.sender], "voting_lock: held by a vote"
    locked: uint256 = self._locked(msg.sender)
    assert amount <= locked, "voting_lock: amount exceeds what is locked"
    locked -= amount
    self.total_locked -= amount
    self._write(msg.sender, locked)
    assert extcall IERC20(token).transfer(msg.sender, amount, default_return_value=True), "voting_lock: token refuses"
    log Unlocked(account=msg.sender, amount=amount, locked=locked)


# ------------------------------------------------------------------
#                              GOVERNOR
# ------------------------------------------------------------------


@external
def use(account: address, time: uint256, until: uint256) -> uint256:
    """
    @dev Returns an account's votes and holds all that it has locked.
    @param account The 20-byte address of the voter.
    @param time The second whose end counts, before now.
    @param until The second up to which nothing of the account can be unlocked, at most 91 days ahead.
    @return uint256 The lesser of what was locked then and what is locked now.
    """
    assert msg.sender == governor, "voting_lock: access is denied"
    assert until <= block.timestamp + HOLD_MAX, "voting_lock: held for too long"
    votes: uint256 = self._votes(account, time)
    self.held_until[account] = max(self.held_until[account], until)
    log Held(account=account, votes=votes, until=until)
    return votes


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def locked(account: address) -> uint256:
    """
    @dev Returns what an account has locked now.
    @param account The 20-byte address.
    @return uint256 The amount.
    """
    return self._locked(account)


@external
@view
def votes(account: address, time: uint256) -> uint256:
    """
    @dev Returns what an account's votes would be now in a vote of a past snapshot.
    @param account The 20-byte address.
    @param time The second whose end counts, before now.
    @return uint256 The lesser of what was locked then and what is locked now.
    """
    return self._votes(account, time)


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _locked(account: address) -> uint256:
    """
    @dev Returns what an account has locked now.
    @param account The 20-byte address.
    @return uint256 The amount.
    """
    count: uint256 = self.checkpoints[account]
    if count == 0:
        return 0
    return self._checkpoint[account][unsafe_sub(count, 1)] & _U128


@internal
@view
def _votes(account: address, time: uint256) -> uint256:
    """
    @dev Returns the lesser of what was locked at the end of a second and what is locked now.
    @param account The 20-byte address.
    @param time The second, before now: what this second still brings is not known yet.
    @return uint256 The amount.
    """
    assert time < block.timestamp, "voting_lock: not over yet"
    low: uint256 = 0
    high: uint256 = self.checkpoints[account]
    # The first checkpoint after that second is in [low, high]; 128 halvings are more than there can be.
    for _: uint256 in range(128):
        if low == high:
            break
        middle: uint256 = unsafe_div(unsafe_add(low, high), 2)
        if self._checkpoint[account][middle] >> 128 <= time:
            low = unsafe_add(middle, 1)
        else:
            high = middle
    if low == 0:
        return 0
    return min(self._checkpoint[account][unsafe_sub(low, 1)] & _U128, self._locked(account))


@internal
def _write(account: address, locked: uint256):
    """
    @dev Remembers what an account has locked from this second on.
    @param account The 20-byte address.
    @param locked The amount, below 2^128.
    """
    count: uint256 = self.checkpoints[account]
    if count == 0 or self._checkpoint[account][unsafe_sub(count, 1)] >> 128 != block.timestamp:
        self.checkpoints[account] = unsafe_add(count, 1)
    else:
        count = unsafe_sub(count, 1)
    self._checkpoint[account][count] = (block.timestamp << 128) | locked
