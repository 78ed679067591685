# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A contract that accepts tokens
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. Remembers what its hook was told.
@custom:kill Never deployed outside tests.
"""


# @dev What the hook was told last.
operator: public(address)
sender: public(address)
id: public(uint256)
amount: public(uint256)


@external
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts.
    @param operator The 20-byte address of the caller of the token.
    @param sender The 20-byte address that gave, zero for a mint.
    @param id The 32-byte token id.
    @param amount The amount in µWh.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    self.operator = operator
    self.sender = sender
    self.id = id
    self.amount = amount
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
def call(target: address, data: Bytes[1_024]):
    """
    @dev Calls on behalf of this contract, so that tests can act as it.
    @param target The 20-byte address of the contract to call.
    @param data The call's data.
    """
    raw_call(target, data)
