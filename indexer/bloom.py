# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A block's bloom filter as a witness: it can't hide an event that happened (Ethereum yellow paper, section 4.4.3).

The header's hash covers the filter, so a node that leaves logs out contradicts itself. What the filter seems to hold may be chance;
what it does not hold did not happen.
"""

from collections.abc import Collection, Iterable

from eth_hash.auto import keccak

_BITS = 2047


def bits_of(data: bytes) -> int:
    """The bits that a log's address or topic sets, as an integer of 2048 bits."""
    digest = keccak(data)
    made = 0
    for place in (0, 2, 4):
        made |= 1 << (int.from_bytes(digest[place : place + 2], "big") & _BITS)
    return made


class Witness:
    """Asks filters for the events of a set of contracts, each given as (address, topic) in 0x-hexadecimal."""

    def __init__(self, signatures: Iterable[tuple[str, str]]) -> None:
        self._bits = {
            (address, topic): bits_of(bytes.fromhex(address[2:])) | bits_of(bytes.fromhex(topic[2:]))
            for address, topic in signatures
        }

    def contradicts(self, bloom: str, told: Collection[tuple[str, str]]) -> bool:
        """True if the filter seems to hold an event of ours of which no log was told."""
        held = int(bloom, 16)
        return held != 0 and any(held & bits == bits and event not in told for event, bits in self._bits.items())
