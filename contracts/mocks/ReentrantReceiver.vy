# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A contract that calls back while it is paid
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. Its hook makes one prepared call, remembers whether it succeeded, and accepts.
@custom:kill Never deployed outside tests.
"""


# @dev The prepared call.
target: public(address)
data: public(Bytes[4_096])


# @dev How often the hook ran, and how often the prepared call succeeded in it.
calls: public(uint256)
successes: public(uint256)


@external
def prepare(target: address, data: Bytes[4_096]):
    """
    @dev Prepares the call.
    @param target The 20-byte address of the contract to call.
    @param data The call's data.
    """
    self.target = target
    self.data = data


@external
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Makes the prepared call and accepts.
    @param operator Ignored.
    @param sender Ignored.
    @param id Ignored.
    @param amount Ignored.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    self.calls += 1
    if raw_call(self.target, self.data, revert_on_failure=False):
        self.successes += 1
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)
