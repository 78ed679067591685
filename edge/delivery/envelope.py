# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Makes envelopes: many stored intervals under one signature (docs/protocol.md, "An envelope")."""

from collections.abc import Sequence
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.tables import Row, Seal
from edge.protocol import ProtocolError, SignedInterval, decode, encode, sign_envelope


def sealer(station: UUID, key: Ed25519PrivateKey, boot_id: str) -> Seal:
    """What the buffer calls with rows, the envelope's number and its predecessor's hash.

    The sealer raises ProtocolError if a stored interval is not the one that its hash names.
    """

    def seal(rows: Sequence[Row], seq: int, prev: bytes) -> tuple[bytes, bytes]:
        intervals = [decode(row.wire)[0] for row in rows]
        for row, signed in zip(rows, intervals, strict=True):
            if signed.hash != row.hash:
                raise ProtocolError("telemetry.malformed", f"interval {row.seq} is not what was stored")
        made = sign_envelope(station, [row.hash for row in rows], key, boot_id=boot_id, seq=seq, prev=prev)
        carried = [SignedInterval.enveloped(it.interval, it.body, it.hash, made) for it in intervals]
        return made.hash, encode(carried)

    return seal
