# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-1155 that moves less than it is asked to, and says so
@custom:contract-name ShortThings
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only: the receiver's hook hears the truth, several times if wanted. Everybody has as much as is asked.
@custom:kill Never deployed outside tests.
"""


# @dev What a receiver of ERC-1155 answers to.
interface Receiver:
    def onERC1155Received(
        operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]
    ) -> bytes4: nonpayable


# @dev How much of the amount does not move.
missing: public(uint256)


# @dev How many times the hook is called.
times: public(uint256)


@deploy
def __init__():
    """
    @dev It begins honest.
    """
    self.times = 1


@external
def behave(missing: uint256, times: uint256):
    """
    @dev Sets what it leaves out.
    @param missing How much of the amount does not move.
    @param times How many times the hook is called.
    """
    self.missing = missing
    self.times = times


@external
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Tells the receiver what came.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param id The 32-byte id.
    @param amount The amount that is asked for.
    @param data For the receiver.
    """
    for i: uint256 in range(self.times, bound=8):
        extcall Receiver(to).onERC1155Received(msg.sender, owner, id, amount - self.missing, data)
