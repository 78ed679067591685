# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 that everybody may mint and that shuts accounts out
@custom:contract-name OpenCoin
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only: the index token with nothing of its rules but the refusal of some accounts, and one call that a
        transfer makes before it is done, as a hostile token would.
@custom:kill Never deployed outside tests.
"""


from ethereum.ercs import IERC20
from snekmate.auth import ownable
from snekmate.tokens import erc20

implements: IERC20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.balanceOf,
    erc20.allowance,
    erc20.totalSupply,
    erc20.approve,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)


# @dev Accounts that can't receive.
shut: public(HashMap[address, bool])


# @dev What every transfer calls first, and how often that went through.
target: public(address)
data: public(Bytes[1_024])
tried: public(uint256)
went_through: public(uint256)


@deploy
def __init__():
    """
    @dev Nobody has any.
    """
    ownable.__init__()
    erc20.__init__("Open coin", "OPEN", 18, "Open coin", "1")


@external
def give(account: address, amount: uint256):
    """
    @dev Makes tokens.
    @param account The 20-byte address.
    @param amount The amount.
    """
    erc20._mint(account, amount)


@external
def shut_out(account: address, shut: bool):
    """
    @dev Lets an account receive no more, or again.
    @param account The 20-byte address.
    @param shut True to shut it out.
    """
    self.shut[account] = shut


@external
def prepare(target: address, data: Bytes[1_024]):
    """
    @dev Prepares the call that every transfer makes.
    @param target The 20-byte address that is called; zero for none.
    @param data The call's data.
    """
    self.target = target
    self.data = data


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves the caller's tokens.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool True.
    """
    self._before(to)
    erc20._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of an owner who approved the caller.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool True.
    """
    self._before(to)
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


@internal
def _before(to: address):
    """
    @dev Refuses who is shut out, and makes the prepared call.
    @param to The 20-byte address that receives.
    """
    assert not self.shut[to], "open_coin: shut out"
    if self.target != empty(address):
        self.tried += 1
        if raw_call(self.target, self.data, revert_on_failure=False):
            self.went_through += 1
