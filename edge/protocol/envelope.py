# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Many intervals of one station under one signature: the envelope names their hashes, its predecessor and its own place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

from edge.protocol.base import BATCH_MAX, ProtocolError, checked_text, key_id, verified

FIRST = bytes(32)  # `prev` of a device's first envelope
_HEADER = "greencore.envelope.v1"
_FIELDS = ("bootId", "homeId", "keyId", "prev", "seq")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a device signed for many intervals at once. Make one by `sign_envelope`, `decode` or `Envelope.read`.

    `seq` is the device's own counter of envelopes, `prev` the hash of the envelope before, `boot_id` tells its starts apart.
    `wire` is the JSON that it was read from, if that carried every interval.
    """

    home_id: UUID
    key_id: str
    boot_id: str
    seq: int
    prev: bytes
    hashes: tuple[bytes, ...]
    body: bytes
    signature: bytes
    wire: bytes = field(default=b"", repr=False, compare=False)
    _names: frozenset[bytes] = field(default=frozenset(), init=False, repr=False, compare=False)
    _hash: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def hash(self) -> bytes:
        """keccak-256 of the canonical bytes, 32 bytes: what the next envelope's `prev` says."""
        if not self._hash:
            object.__setattr__(self, "_hash", keccak(self.body))
        return self._hash

    def names(self, interval_hash: bytes) -> bool:
        """True if the envelope speaks of this interval."""
        if not self._names:
            object.__setattr__(self, "_names", frozenset(self.hashes))
        return interval_hash in self._names

    def signed_by(self, key: bytes) -> bool:
        """True if `key` (a raw Ed25519 public key, 32 bytes) is the one that `key_id` hints at and signed the envelope."""
        return key_id(key) == self.key_id and verified(key, self.signature, self.body)

    @classmethod
    def read(cls, body: bytes, signature: bytes) -> "Envelope":
        """Canonical bytes back into an envelope. Raises ValueError unless they are exactly what a device signs."""
        header, *lines = body.decode().split("\n")
        fields = dict(zip(_FIELDS, (line.partition("=")[2] for line in lines), strict=False))
        hashes = lines[len(_FIELDS) : -1]
        if header != _HEADER or len(fields) != len(_FIELDS):
            raise ValueError("these are not the canonical bytes of an envelope")
        made = cls(
            home_id=UUID(fields["homeId"]),
            key_id=fields["keyId"],
            boot_id=fields["bootId"],
            seq=int(fields["seq"]),
            prev=bytes.fromhex(fields["prev"][2:]),
            hashes=tuple(bytes.fromhex(line[2:]) for line in hashes),
            body=body,
            signature=signature,
        )
        if canonical(made.home_id, made.key_id, made.boot_id, made.seq, made.prev, made.hashes) != body:
            raise ValueError("these are not the canonical bytes of an envelope")
        return made


def canonical(home_id: UUID, key: str, boot_id: str, seq: int, prev: bytes, hashes: Sequence[bytes]) -> bytes:
    """The bytes that are hashed and signed (docs/protocol.md, "An envelope")."""
    values = (boot_id, home_id, key, f"0x{prev.hex()}", seq)
    lines = [_HEADER, *(f"{name}={value}" for name, value in zip(_FIELDS, values, strict=True))]
    return ("\n".join([*lines, *(f"0x{hashed.hex()}" for hashed in hashes)]) + "\n").encode()


def sign_envelope(
    home_id: UUID, hashes: Sequence[bytes], key: Ed25519PrivateKey, *, boot_id: str, seq: int, prev: bytes = FIRST
) -> Envelope:
    """Sign for intervals of one station by their hashes, once; keep `body` and `signature`. `prev` is the last envelope's hash.

    Raises ProtocolError unless there are 1 to `BATCH_MAX` different hashes and `boot_id` is a name.
    """
    check_hashes(hashes)
    name = key_id(key.public_key().public_bytes_raw())
    body = canonical(home_id, name, checked_text("bootId", boot_id), seq, prev, hashes)
    return Envelope(home_id, name, boot_id, seq, prev, tuple(hashes), body, key.sign(body))


def check_hashes(hashes: Sequence[bytes]) -> None:
    """Raises ProtocolError unless there are 1 to `BATCH_MAX` different hashes."""
    if not hashes:
        raise ProtocolError("telemetry.malformed", "the envelope holds no interval", "intervals")
    if len(hashes) > BATCH_MAX:
        raise ProtocolError("telemetry.batch_too_large", f"{len(hashes)} intervals at once; send at most {BATCH_MAX}")
    if len(set(hashes)) < len(hashes):
        raise ProtocolError("telemetry.malformed", "the envelope names an interval twice", "intervals")
