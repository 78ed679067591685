# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A signer from a setting: a keystore file, a remote signer, or in development the bare key."""

from pathlib import Path

from chain.remote import RemoteSigner
from chain.signer import LocalSigner, Signer, open_keystore
from kit.errors import Malformed
from kit.ids import address_bytes

_REMOTE = ("http://", "https://")


def is_remote(source: str) -> bool:
    """True if a setting names a remote signer."""
    return source.startswith(_REMOTE)


async def open_signer(source: str, *, password: str = "", timeout_seconds: float = 5) -> Signer:
    """A signer from a setting: `https://…#0x<address>` is a remote signer, `0x` and 64 hexadecimal digits a key for development,
    anything else the path of a keystore.

    Raises what `RemoteSigner.open` and `open_keystore` raise, Malformed for a key or an address that is none.
    """
    if is_remote(source):
        url, _, name = source.partition("#")
        try:
            address = address_bytes(name) if name else None
        except ValueError as error:
            raise Malformed("chain.signer_url", f"{name} is no address") from error
        return await RemoteSigner.open(url, address=address, timeout_seconds=timeout_seconds)
    if source.startswith("0x") and len(source) == 66:
        try:
            return LocalSigner(bytes.fromhex(source[2:]))
        except ValueError as error:
            raise Malformed("chain.bad_key", "the key is not hexadecimal") from error
    return await open_keystore(Path(source), password)
