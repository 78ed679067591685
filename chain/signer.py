# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Keys that sign reports and transactions.

A `Signer` may be a key in memory, an encrypted keystore file, a hardware module or a remote service. Signatures are EIP-2098
compact: 32 bytes r, then 32 bytes of s with the recovery bit on top; s is always low.
"""

import asyncio
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson
from eth_account import Account
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError

from kit.errors import Malformed, NotFound, Refused, Unauthorised
from kit.ids import address_bytes

SIGNATURE_BYTES = 64
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_LOW_S_MAX = _ORDER // 2
_RECOVERY_BIT = 1 << 255
# scrypt with 128 × n × r bytes = 256 MiB and about a second: what a file on a stolen disk costs an attacker per guess
_SCRYPT_N = 1 << 18


class Signer(Protocol):
    """Whatever holds a secp256k1 key."""

    @property
    def address(self) -> str:
        """The key's address, checksummed."""
        ...

    async def sign(self, message: bytes) -> bytes:
        """The compact signature, 64 bytes with low s, of a message's keccak-256. Takes the message and not its hash, because that
        is what remote signers take. Raises Unavailable if the key can't be reached.
        """
        ...

    async def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction, ready to be sent. Raises Unavailable if the key can't be reached."""
        ...

    async def close(self) -> None:
        """Give back what was opened for it."""
        ...


class LocalSigner:
    """A key in this process's memory."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes. Raises Malformed for bytes that are no private key."""
        try:
            self._key = PrivateKey(key)
        except (ValidationError, ValueError) as error:
            raise Malformed("chain.bad_key", "this is no private key of secp256k1") from error
        self._address = to_checksum_address(self._key.public_key.to_canonical_address())

    def __repr__(self) -> str:
        return f"LocalSigner({self._address})"

    @property
    def address(self) -> str:
        """The key's address, checksummed."""
        return self._address

    async def sign_digest(self, digest: bytes) -> bytes:
        """The compact signature of a 32-byte digest; deterministic (RFC 6979). Raises ValueError for another length."""
        if len(digest) != 32:
            raise ValueError("a digest has 32 bytes")
        signature = self._key.sign_msg_hash(digest)
        return compact(signature.r, signature.s, signature.v)

    async def sign(self, message: bytes) -> bytes:
        """The compact signature of a message's keccak-256."""
        return await self.sign_digest(keccak(message))

    async def close(self) -> None:
        """Nothing is open."""

    async def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction, ready to be sent."""
        return bytes(Account.sign_transaction(dict(transaction), self._key.to_bytes()).raw_transaction)


def create_keystore(path: Path, password: str, *, key: bytes | None = None, scrypt_n: int = _SCRYPT_N) -> str:
    """Write a new encrypted key (Web3 Secret Storage version 3, scrypt) with mode 0600 and return its address.

    An existing file is never overwritten: that raises Refused, as does an empty password.
    """
    if not password:
        raise Refused("chain.empty_password", "a keystore needs a password")
    secret = key if key is not None else bytes(Account.create().key)
    stored = Account.encrypt(secret, password, kdf="scrypt", iterations=scrypt_n)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused("chain.keystore_exists", f"{path} exists; a key is never overwritten") from error
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(stored))
        file.flush()
        os.fsync(file.fileno())
    return str(to_checksum_address(address_bytes(stored["address"])))


async def open_keystore(path: Path, password: str) -> LocalSigner:
    """`decrypt_keystore` in a thread, for it takes about a second. Raises what that raises."""
    return await asyncio.to_thread(decrypt_keystore, path, password)


def decrypt_keystore(path: Path, password: str) -> LocalSigner:
    """Decrypt a keystore file. The decrypted key stays in memory only.

    Raises NotFound without a file, Refused if others may read it, Malformed if it is no keystore, Unauthorised for a
    wrong password.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise NotFound("chain.no_keystore", f"{path}: no keystore can be read here") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused("chain.keystore_open", f"{path} is open to others; chmod 600 it, and think about who has read it")
    try:
        stored = orjson.loads(data)
        if stored["version"] != 3 or "ciphertext" not in stored["crypto"]:
            raise ValueError("not version 3")
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("chain.bad_keystore", f"{path} is no keystore of version 3") from error
    try:
        key = Account.decrypt(stored, password)
    except ValueError as error:
        raise Unauthorised("chain.wrong_password", f"the password does not open {path}") from error
    return LocalSigner(bytes(key))


def compact(r: int, s: int, v: int) -> bytes:
    """EIP-2098: r, then s with the recovery bit `v` (0 or 1) on top. A high s is turned into its low twin."""
    if s > _LOW_S_MAX:
        s, v = _ORDER - s, v ^ 1
    return r.to_bytes(32, "big") + (s | (v << 255)).to_bytes(32, "big")


def recover(digest: bytes, signature: bytes) -> bytes:
    """The address, 20 bytes, whose key made a compact signature of a digest.

    Raises Malformed for a wrong length, a high s, or bytes that no key can have made: what the Oracle contract refuses.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise Malformed("chain.bad_signature", f"a compact signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    vs = int.from_bytes(signature[32:], "big")
    s = vs & (_RECOVERY_BIT - 1)
    if s > _LOW_S_MAX:
        raise Malformed("chain.high_s", "the signature's s is high; only its low twin is accepted")
    try:
        made = Signature(vrs=(vs >> 255, int.from_bytes(signature[:32], "big"), s))
        return bytes(made.recover_public_key_from_msg_hash(digest).to_canonical_address())
    except (BadSignature, ValidationError, ValueError) as error:
        raise Malformed("chain.bad_signature", "no key can have made this signature") from error
