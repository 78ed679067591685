# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A contract that holds tokens, does what it is told, and calls back while it is paid in a batch
@custom:contract-name FuzzHolder
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only.
@custom:kill Nothing to stop: it is never deployed outside a test.
"""


# @dev Whom it calls back, and how; nobody while there is no calldata.
target: public(address)
calldata: public(Bytes[2_048])


# @dev How many call backs were tried, and how many went through.
tried: public(uint256)
went_through: public(uint256)


@deploy
def __init__():
    """
    @dev It begins without calling anybody back.
    """
    pass


@external
def act(target: address, calldata: Bytes[2_048]):
    """
    @dev Calls a contract; reverts with its reason.
    @param target The 20-byte address.
    @param calldata The bytes of the call.
    """
    raw_call(target, calldata)


@external
def prepare(target: address, calldata: Bytes[2_048]):
    """
    @dev Says whom to call back.
    @param target The 20-byte address.
    @param calldata The bytes of the call; empty for none.
    """
    self.target = target
    self.calldata = calldata


@external
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, 128],
    amounts: DynArray[uint256, 128],
    data: Bytes[1_024],
) -> bytes4:
    """
    @dev The hook: calls back, and accepts whatever came of it.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that they come from.
    @param ids The ids.
    @param amounts The amounts.
    @param data Bytes without meaning.
    @return bytes4 What an accepting receiver answers.
    """
    if len(self.calldata) != 0:
        self.tried += 1
        if raw_call(self.target, self.calldata, revert_on_failure=False):
            self.went_through += 1
    return method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)
