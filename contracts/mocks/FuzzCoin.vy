# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 whose transfers misbehave on demand
@custom:contract-name FuzzCoin
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. Everybody may mint. A transfer can answer no, keep a fee, or call back before it is done.
@custom:kill Never deployed outside tests.
"""


from ethereum.ercs import IERC20
from snekmate.auth import ownable
from snekmate.tokens import erc20

implements: IERC20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (
    erc20.balanceOf,
    erc20.allowance,
    erc20.totalSupply,
    erc20.approve,
)


# @dev Ways of a transfer: as it should be 0, answer no 1, keep one unit 2, call back first 3.
way: public(uint256)
target: public(address)
data: public(Bytes[1_024])


# @dev How often a call back was tried and went through.
tried: public(uint256)
went_through: public(uint256)


@deploy
def __init__():
    """
    @dev Nobody has any.
    """
    ownable.__init__()
    erc20.__init__("Fuzz coin", "FUZZ", 18, "Fuzz coin", "1")


@external
def give(account: address, amount: uint256):
    """
    @dev Makes tokens.
    @param account The 20-byte address.
    @param amount The amount.
    """
    erc20._mint(account, amount)


@external
def behave(way: uint256, target: address, data: Bytes[1_024]):
    """
    @dev Chooses how transfers are made from now on.
    @param way The way.
    @param target Whom a call back is made to.
    @param data The calldata of the call back.
    """
    self.way = way
    self.target = target
    self.data = data


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of the caller.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool False if it misbehaves so.
    """
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of an owner who allowed the caller to.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool False if it misbehaves so.
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens the way that was chosen.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool False if it misbehaves so.
    """
    if self.way == 1:
        return False
    if self.way == 3:
        self.tried += 1
        if raw_call(self.target, self.data, revert_on_failure=False):
            self.went_through += 1
    kept: uint256 = 1 if self.way == 2 else 0
    erc20._transfer(owner, to, amount - kept)
    return True
