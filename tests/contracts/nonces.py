# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where contracts will stand, for those that must know each other before they are there."""

import rlp  # type: ignore[import-untyped]
from ape.api import AccountAPI
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address


def address_after(account: AccountAPI, deployments: int) -> str:
    """Where the account's contract will stand after so many others: the hash of RLP [sender, nonce]."""
    made = rlp.encode([to_canonical_address(account.address), account.nonce + deployments])
    return str(to_checksum_address(keccak(made)[12:]))
