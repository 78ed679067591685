# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A bank's credit as the gateway signs it for FiatEscrow."""

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_hash.auto import keccak

DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
CREDIT = keccak(b"Credit(bytes32 lock,bytes32 payment,bytes3 currency,uint128 amount)")


def lock_id(seller: bytes, reference: bytes) -> bytes:
    """The number of a seller's lock; both arguments are raw bytes, 20 and 32 of them."""
    return keccak(encode(("address", "bytes32"), (seller, reference)))


@dataclass(frozen=True)
class Credit:
    """What was credited, in minor units, for which lock, by which entry of the bank."""

    lock: bytes
    payment: bytes
    currency: bytes
    amount: int

    @property
    def args(self) -> tuple[bytes, bytes, bytes, int]:
        """The first arguments of `attest`."""
        return self.lock, self.payment, self.currency, self.amount

    def digest(self, *, chain_id: int, escrow: bytes) -> bytes:
        """What is signed (EIP-712); `escrow` is the contract's 20 bytes."""
        domain = encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (DOMAIN, keccak(b"GreenCore FiatEscrow"), keccak(b"1"), chain_id, escrow),
        )
        content = encode(("bytes32", "bytes32", "bytes32", "bytes3", "uint128"), (CREDIT, *self.args))
        return keccak(b"\x19\x01" + keccak(domain) + keccak(content))
