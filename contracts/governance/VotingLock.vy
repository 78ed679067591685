# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title VotingLock
@custom:contract-name VotingLock
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Where GCM is locked for votes and for earnings. What an account has locked is remembered for every second in
        which it changed, so that a vote can count what stood there at its snapshot. A vote counts the lesser of then
        and now, and nothing can be unlocked until the votes that it was used in are over: tokens that were borrowed
        for a transaction count nowhere, and no token counts twice. Beside it stands the area: what was locked times
        the seconds for which it was, of each account and of all. Earnings are shared by areas of periods that are
        over, and an area of no seconds is 0. The locked tokens lie here and not in the Governor, because the Governor
        may call anything: no proposal can touch them.
        A second instance without a Governor locks the shares of a pool, for earnings alone.
@custom:security Nobody owns this contract. The Governor can hold tokens for a bounded time and can take none. Areas are
                 exact integers, and those of all accounts add up to that of all.
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


# @dev Fields of a checkpoint.
_U128: constant(uint256) = (1 << 128) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U32: constant(uint256) = (1 << 32) - 1


# @dev What is locked.
token: public(immutable(address))


# @dev Who may use votes; nobody if it is zero.
governor: public(immutable(address))


# @dev The second from which times are counted.
began: public(immutable(uint256))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev account → the second up to which it can unlock nothing.
held_until: public(HashMap[address, uint256])


# @dev account → number of its checkpoints. All accounts together stand at the zero address.
checkpoints: public(HashMap[address, uint256])


# @dev account → number from 0 → area up to the beginning of a second (128 bits) | locked from the end of that second on
# << 128 (96) | that second since `began` << 224 (32).
_checkpoint: HashMap[address, HashMap[uint256, uint256]]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(token_: address, governor_: address):
    """
    @dev Nobody owns the lock.
    @param token_ The 20-byte address of what is locked.
    @param governor_ The 20-byte address at which the Governor will stand; zero for a lock without votes.
    """
    token = token_
    governor = governor_
    # One before now, so that a time is never 0.
    began = block.timestamp - 1


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def lock(amount: uint256):
    """
    @dev Locks tokens of the caller, who allowed it. They count in votes whose snapshot comes later.
    @param amount The amount.
    """
    self._lock(amount)


@external
def lock_with_permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev `lock` with the allowance in the same transaction. A permit that somebody else brought first does no harm.
    @param amount The amount, which is what the permit is for.
    @param deadline The last unix second at which the permit counts.
    @param v The 1-byte part v of the permit.
    @param r The 32-byte part r of the permit.
    @param s The 32-byte part s of the permit.
    """
    # Whether it worked shows in the transfer.
    ignored: bool = raw_call(
        token,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    self._lock(amount)


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
    locked = unsafe_sub(locked, amount)
    # No borrow: what one has locked is a part of what all have.
    self._write(empty(address), unsafe_sub(self._locked(empty(address)), amount))
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
def total_locked() -> uint256:
    """
    @dev Returns what all have locked now.
    @return uint256 The amount.
    """
    return self._locked(empty(address))


@external
@view
def since(account: address) -> uint256:
    """
    @dev Returns when an account locked for the first time.
    @param account The 20-byte address; zero for all accounts together.
    @return uint256 The unix second; 0 if it never did.
    """
    if self.checkpoints[account] == 0:
        return 0
    return unsafe_add(began, self._checkpoint[account][0] >> 224)


@external
@view
def area(account: address, time: uint256) -> uint256:
    """
    @dev Returns what an account has had locked times the seconds for which it was, up to the beginning of a second.
    @param account The 20-byte address; zero for all accounts together.
    @param time The unix second, not after now.
    @return uint256 The area in units of the token times seconds.
    """
    assert time <= block.timestamp, "voting_lock: not over yet"
    if time <= began:
        return 0
    time_: uint256 = unsafe_sub(time, began)
    count: uint256 = self._until(account, time_)
    if count == 0:
        return 0
    word: uint256 = self._checkpoint[account][unsafe_sub(count, 1)]
    return self._area(word, time_)


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
def _lock(amount: uint256):
    """
    @dev Locks tokens of the caller.
    @param amount The amount.
    """
    assert amount != 0, "voting_lock: nothing to lock"
    assert unsafe_sub(block.timestamp, began) <= _U32, "voting_lock: end of time"
    total: uint256 = self._locked(empty(address)) + amount
    assert total <= _U96, "voting_lock: amount out of bounds"
    locked: uint256 = unsafe_add(self._locked(msg.sender), amount)
    self._write(empty(address), total)
    self._write(msg.sender, locked)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "voting_lock: token refuses"
    log Locked(account=msg.sender, amount=amount, locked=locked)


@internal
@view
def _locked(account: address) -> uint256:
    """
    @dev Returns what an account has locked now.
    @param account The 20-byte address; zero for all accounts together.
    @return uint256 The amount.
    """
    count: uint256 = self.checkpoints[account]
    if count == 0:
        return 0
    return (self._checkpoint[account][unsafe_sub(count, 1)] >> 128) & _U96


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
    if time <= began:
        return 0
    count: uint256 = self._until(account, unsafe_sub(time, began))
    if count == 0:
        return 0
    return min((self._checkpoint[account][unsafe_sub(count, 1)] >> 128) & _U96, self._locked(account))


@internal
@view
def _until(account: address, time: uint256) -> uint256:
    """
    @dev Returns how many checkpoints of an account are not after a second.
    @param account The 20-byte address; zero for all accounts together.
    @param time The second since `began`.
    @return uint256 The number.
    """
    low: uint256 = 0
    high: uint256 = self.checkpoints[account]
    # The first checkpoint after that second is in [low, high]; there are at most 2^32, one for each second.
    for _: uint256 in range(33):
        if low == high:
            break
        middle: uint256 = unsafe_div(unsafe_add(low, high), 2)
        if self._checkpoint[account][middle] >> 224 <= time:
            low = unsafe_add(middle, 1)
        else:
            high = middle
    return low


@internal
@pure
def _area(word: uint256, time: uint256) -> uint256:
    """
    @dev Goes on from a checkpoint to the beginning of a later second. 96 bits times fewer than 2^32 seconds are 128 bits.
    @param word The checkpoint.
    @param time The second since `began`, not before the checkpoint's.
    @return uint256 The area.
    """
    return unsafe_add(word & _U128, unsafe_mul((word >> 128) & _U96, unsafe_sub(time, word >> 224)))


@internal
def _write(account: address, locked: uint256):
    """
    @dev Remembers what an account has locked from this second on.
    @param account The 20-byte address; zero for all accounts together.
    @param locked The amount, below 2^96.
    """
    # After the last second nobody locks, and everybody can still unlock.
    time: uint256 = min(unsafe_sub(block.timestamp, began), _U32)
    count: uint256 = self.checkpoints[account]
    area: uint256 = 0
    if count != 0:
        last: uint256 = self._checkpoint[account][unsafe_sub(count, 1)]
        area = self._area(last, time)
        if last >> 224 == time:
            count = unsafe_sub(count, 1)
        else:
            self.checkpoints[account] = unsafe_add(count, 1)
    else:
        self.checkpoints[account] = 1
    self._checkpoint[account][count] = area | (locked << 128) | (time << 224)
