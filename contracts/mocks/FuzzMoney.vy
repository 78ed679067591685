# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 that behaves as it is told
@custom:contract-name FuzzMoney
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only: honest, silent, answering false, keeping a part, only saying so, or calling somebody back while
        it moves. Anybody mints.
@custom:kill Nothing to stop: it is never deployed outside a test.
"""


HONEST: constant(uint8) = 0
SILENT: constant(uint8) = 1
ANSWER_FALSE: constant(uint8) = 2
TAX: constant(uint8) = 3
LIE: constant(uint8) = 4
CALL_BACK: constant(uint8) = 5


balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


# @dev How it behaves.
behaviour: public(uint8)


# @dev Whom it calls back, and how.
target: public(address)
calldata: public(Bytes[8_192])


# @dev How many times a call back was tried, and how many times it went through.
tried: public(uint256)
went_through: public(uint256)


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
def mint(to: address, amount: uint256):
    """
    @dev Credits new money.
    @param to The 20-byte address.
    @param amount The amount.
    """
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @dev Sets an allowance.
    @param spender The 20-byte address.
    @param amount The amount.
    @return bool True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
@raw_return
def transfer(to: address, amount: uint256) -> Bytes[32]:
    """
    @dev Moves money.
    @param to The 20-byte address.
    @param amount The amount.
    @return Bytes[32] True, false or nothing.
    """
    return self._move(msg.sender, to, amount)


@external
@raw_return
def transferFrom(owner: address, to: address, amount: uint256) -> Bytes[32]:
    """
    @dev Moves money of somebody who allowed it.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that gets.
    @param amount The amount.
    @return Bytes[32] True, false or nothing.
    """
    assert self.allowance[owner][msg.sender] >= amount, "fuzz_money: allowance"
    if self.allowance[owner][msg.sender] != max_value(uint256):
        self.allowance[owner][msg.sender] -= amount
    return self._move(owner, to, amount)


@external
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Does nothing: as an ERC-1155 it never moves anything and never asks a receiver.
    @param owner Ignored.
    @param to Ignored.
    @param id Ignored.
    @param amount Ignored.
    @param data Ignored.
    """
    pass


@internal
def _move(owner: address, to: address, amount: uint256) -> Bytes[32]:
    """
    @dev Moves money, or does what it was told instead.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that gets.
    @param amount The amount.
    @return Bytes[32] What the function answers.
    """
    behaviour: uint8 = self.behaviour
    if behaviour == ANSWER_FALSE:
        return abi_encode(False)
    if behaviour == LIE:
        return abi_encode(True)
    assert self.balanceOf[owner] >= amount, "fuzz_money: balance"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - (amount // 100 + 1 if behaviour == TAX else 0)
    if behaviour == CALL_BACK:
        self.tried += 1
        success: bool = raw_call(self.target, self.calldata, revert_on_failure=False)
        if success:
            self.went_through += 1
    if behaviour == SILENT:
        return b""
    return abi_encode(True)
