# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An EIP-2612 permit, built from the standard's text and not from the contract."""

from typing import Any

import ape
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi.abi import encode
from eth_account.messages import SignableMessage
from eth_hash.auto import keccak

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_PERMIT = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")


def permit(
    token: ContractInstance, owner: AccountAPI, spender: Any, amount: int, deadline: int | None = None
) -> tuple[Any, ...]:
    """What `permit` takes: owner, spender, amount, deadline (an hour from now unless given), v, r, s."""
    if deadline is None:
        deadline = int(ape.chain.blocks.head.timestamp) + 3_600
    domain = keccak(
        encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (_DOMAIN, keccak(token.name().encode()), keccak(b"1"), ape.chain.chain_id, token.address),
        )
    )
    body = keccak(
        encode(
            ("bytes32", "address", "address", "uint256", "uint256", "uint256"),
            (_PERMIT, owner.address, spender.address, amount, token.nonces(owner), deadline),
        )
    )
    signature = owner.sign_message(SignableMessage(b"\x01", domain, body))
    assert signature is not None
    return (
        owner,
        spender,
        amount,
        deadline,
        signature.v,
        bytes(signature.r).rjust(32, b"\0"),
        bytes(signature.s).rjust(32, b"\0"),
    )
