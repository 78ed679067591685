# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A contract that does not accept tokens, in one of three ways
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only.
@custom:kill Never deployed outside tests.
"""


# @dev How it refuses: 1 reverts, 2 answers something else, 3 burns all gas it gets.
way: public(uint256)


# @dev Written in the hook, to burn gas on.
waste: uint256


@deploy
def __init__(way_: uint256):
    """
    @dev Chooses the way.
    @param way_ 1 reverts, 2 answers something else, 3 burns all gas it gets.
    """
    self.way = way_


@external
def onERC1155Received(
    operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]
) -> Bytes[64]:
    """
    @dev Refuses.
    @param operator Ignored.
    @param sender Ignored.
    @param id Ignored.
    @param amount Ignored.
    @param data Ignored.
    @return Bytes Never the answer that accepts.
    """
    if self.way == 1:
        raise "mock: refuses"
    if self.way == 3:
        for i: uint256 in range(1_000_000_000):
            self.waste = i
    return b""


@external
def call(target: address, data: Bytes[1_024]):
    """
    @dev Calls on behalf of this contract, so that tests can act as it.
    @param target The 20-byte address of the contract to call.
    @param data The call's data.
    """
    raw_call(target, data)
