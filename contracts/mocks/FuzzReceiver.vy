# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A receiver of tokens that behaves as it is told
@custom:contract-name FuzzReceiver
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only: accepts, refuses, lies, burns all gas, or calls back while it is being paid.
@custom:kill Nothing to stop: it is never deployed outside a test.
"""


ACCEPT: constant(uint8) = 0
REVERT: constant(uint8) = 1
LIE: constant(uint8) = 2
EAT_GAS: constant(uint8) = 3
REVERT_LOUDLY: constant(uint8) = 4
CALL_BACK: constant(uint8) = 5
INSIST: constant(uint8) = 6


_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev How it behaves.
behaviour: public(uint8)


# @dev Whom it calls back, and how.
target: public(address)
calldata: public(Bytes[8_192])


# @dev How many times a call back was tried, and how many times it went through.
tried: public(uint256)
went_through: public(uint256)


# @dev The words it writes before it accepts: to need gas that is known.
appetite: public(uint256)


_sink: HashMap[uint256, uint256]


@deploy
def __init__():
    """
    @dev It begins by accepting.
    """
    pass


@external
def behave(behaviour: uint8, target: address, calldata: Bytes[8_192]):
    """
    @dev Sets the behaviour.
    @param behaviour The 1-byte behaviour.
    @param target The 20-byte address that is called back.
    @param calldata The bytes of that call.
    """
    self.behaviour = behaviour
    self.target = target
    self.calldata = calldata


@external
def set_appetite(words: uint256):
    """
    @dev Sets how many fresh words an accepting receiver writes.
    @param words The number of words.
    """
    self.appetite = words


@external
def onERC1155Received(operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev The hook.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that they come from.
    @param id The 32-byte id.
    @param amount The amount.
    @param data Bytes without meaning.
    @return bytes4 What an accepting receiver answers, or not.
    """
    behaviour: uint8 = self.behaviour
    if behaviour == REVERT:
        raise "receiver: no"
    if behaviour == LIE:
        return 0xdeadbeef
    if behaviour == EAT_GAS:
        sink: uint256 = 1
        for i: uint256 in range(1_000_000_000):
            sink = unsafe_mul(sink, 3)
        self.tried = sink
    if behaviour == REVERT_LOUDLY:
        raw_revert(slice(concat(self.calldata, empty(bytes32)), 0, 4_096))
    if behaviour == CALL_BACK or behaviour == INSIST:
        self.tried += 1
        success: bool = raw_call(self.target, self.calldata, revert_on_failure=False)
        if success:
            self.went_through += 1
        assert success or behaviour == CALL_BACK, "receiver: insists"
    for i: uint256 in range(self.appetite, bound=64):
        self._sink[id ^ amount ^ i] = 1
    return _ACCEPTS
