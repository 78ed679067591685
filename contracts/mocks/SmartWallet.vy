# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A wallet that is a contract
@custom:contract-name SmartWallet
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. One key acts for it and signs for it (ERC-1271), and may be replaced. It receives ERC-1155 tokens.
@custom:kill Never deployed outside tests.
"""


from snekmate.utils import ecdsa


# @dev What a wallet answers to a signature that counts (ERC-1271).
_COUNTS: constant(bytes4) = 0x1626ba7e


# @dev Whose signature counts.
key: public(address)


@deploy
def __init__(key_: address):
    """
    @dev Sets the key.
    @param key_ The 20-byte address of the key.
    """
    self.key = key_


@external
def replace(key_: address):
    """
    @dev Replaces the key. The key only.
    @param key_ The 20-byte address of the new key.
    """
    assert msg.sender == self.key, "wallet: access is denied"
    self.key = key_


@external
def call(target: address, data: Bytes[1_024]):
    """
    @dev Calls on behalf of this wallet. The key only.
    @param target The 20-byte address of the contract to call.
    @param data The call's data.
    """
    assert msg.sender == self.key, "wallet: access is denied"
    raw_call(target, data)


@external
@view
def isValidSignature(hash: bytes32, signature: Bytes[65]) -> bytes4:
    """
    @dev Tells whether the key signed a hash.
    @param hash The 32 bytes that were signed.
    @param signature The signature.
    @return bytes4 The answer of ERC-1271, or nothing.
    """
    if ecdsa._recover_sig(hash, signature) == self.key:
        return _COUNTS
    return empty(bytes4)


@external
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts.
    @param operator Ignored.
    @param sender Ignored.
    @param id Ignored.
    @param amount Ignored.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)
