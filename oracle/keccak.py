# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""keccak-256 where millions are hashed: the C module `safe-pysha3` where it is installed, else what everything else uses.

Both give the same bytes; a leaf costs 1.5 µs with the first and 5 µs with the second.
"""

from collections.abc import Callable
from typing import Any

from eth_hash.auto import keccak as keccak_plain

try:
    from sha3 import keccak_256  # type: ignore[import-untyped]
except ImportError:
    from Crypto.Hash.keccak import Keccak_Hash

    def _begin() -> Any:
        return Keccak_Hash(b"", 32, True)

    keccak: Callable[[bytes], bytes] = keccak_plain
    IS_FAST = False
else:

    def _begin() -> Any:
        return keccak_256()

    def _keccak(data: bytes) -> bytes:
        digest: bytes = keccak_256(data).digest()
        return digest

    keccak = _keccak
    IS_FAST = True


class Hasher:
    """keccak-256 of what comes in pieces."""

    def __init__(self) -> None:
        self._state = _begin()

    def update(self, data: bytes) -> None:
        """Take a piece."""
        self._state.update(data)

    def digest(self) -> bytes:
        """The hash of all pieces, 32 bytes. Nothing more can be taken afterwards."""
        made: bytes = self._state.digest()
        return made
