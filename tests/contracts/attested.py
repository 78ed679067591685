# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What banks and operators sign for the money contracts (EIP-712), written apart from the contracts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
CREDIT = "Credit(bytes32 reference,address account,uint256 amount,uint256 deadline)"
PAYOUT = "Payout(bytes32 reference,address account,uint256 amount,uint256 deadline)"
PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
WINDOW = "Window(bytes32 window,bytes32 obligations,bytes32 positions,uint256 deadline)"
NET_BITS = 92


@dataclass(frozen=True)
class Signing:
    """For whom something is signed."""

    name: str
    chain_id: int
    contract: bytes

    def digest(self, kind: str, *values: Any) -> bytes:
        """The bytes that are signed: `kind` is the type as EIP-712 writes it, its fields are one word each."""
        fields = kind.partition("(")[2][:-1].split(",")
        types = ("bytes32", *(field.split(" ")[0] for field in fields))
        domain = encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (DOMAIN, keccak(self.name.encode()), keccak(b"1"), self.chain_id, self.contract),
        )
        content = encode(types, (keccak(kind.encode()), *values))
        return keccak(b"\x19\x01" + keccak(domain) + keccak(content))


def position(index: int, party: bytes, net: int) -> int:
    """A net position: the currency's place (4 bits), the party, the amount in two's complement."""
    return index << 252 | int.from_bytes(party, "big") << NET_BITS | net % (1 << NET_BITS)


def positions_hash(currencies: Sequence[bytes], positions: Sequence[int]) -> bytes:
    """What a window's positions are known by."""
    return keccak(encode(("address[]", "uint256[]"), (list(currencies), list(positions))))
