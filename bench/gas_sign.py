# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""People with keys, and what they sign (EIP-712)."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey, Signature

from bench.gas_chain import Contract
from greencore.embedded.anvil import CHAIN_ID

PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def key(name: str) -> PrivateKey:
    """The key of a person or a node."""
    return PrivateKey(keccak(b"bench " + name.encode()))


def address(signer: PrivateKey) -> bytes:
    """Its 20 bytes."""
    return signer.public_key.to_canonical_address()


def digest(domain: str, contract: bytes, kind: str, *values: Any) -> bytes:
    """What is signed. `kind` is the type as EIP-712 writes it; every field is one word."""
    fields = kind.partition("(")[2][:-1].split(",")
    types = ("bytes32", *(field.split(" ")[0] for field in fields))
    words = (_DOMAIN, keccak(domain.encode()), keccak(b"1"), CHAIN_ID, contract)
    head = keccak(encode(("bytes32", "bytes32", "bytes32", "uint256", "address"), words))
    return keccak(b"\x19\x01" + head + keccak(encode(types, (keccak(kind.encode()), *values))))


def permit(
    token: Contract, name: str, owner: PrivateKey, spender: bytes, value: int, nonce: int, deadline: int
) -> tuple[int, bytes, bytes]:
    """The signature of an ERC-2612 permit as v, r, s."""
    signed = owner.sign_msg_hash(digest(name, token.address, PERMIT, address(owner), spender, value, nonce, deadline))
    return signed.v + 27, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def compact(signers: Sequence[PrivateKey], signed: bytes) -> list[bytes]:
    """EIP-2098 words of several signers: r and vs of each."""
    words: list[bytes] = []
    for signer in signers:
        signature: Signature = signer.sign_msg_hash(signed)
        words += [signature.r.to_bytes(32, "big"), (signature.v << 255 | signature.s).to_bytes(32, "big")]
    return words
