# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the server answers: signed receipts, the only thing that lets a device forget an interval."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.protocol.base import SIGN, ProtocolError, key_id, verified

Status = Literal["accepted", "duplicate", "conflict", "rejected"]


class ReceiptLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one interval."""

    hash: str
    meterId: str
    start: str
    status: Status
    code: str = ""
    detail: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """The server's signed answer to one delivery. Only `accepted` and `duplicate` let the edge delete."""

    homeId: str
    serverTime: str
    keyId: str
    receipts: list[ReceiptLine]
    sign: str = ""

    def canonical(self) -> bytes:
        """The bytes that the server signs (docs/protocol.md, "A receipt")."""
        at = int(datetime.fromisoformat(self.serverTime).timestamp())
        lines = "".join(f"{line.hash},{line.status},{line.code}\n" for line in self.receipts)
        return f"greencore.receipts.v1\n{self.homeId}\n{at}\n{lines}".encode()

    def signed_by(self, key: bytes) -> bool:
        """True if the server whose raw Ed25519 public key this is signed the receipt."""
        try:
            body = self.canonical()
        except ValueError:  # a serverTime that is no instant: nobody signed that
            return False
        return bool(SIGN.fullmatch(self.sign)) and verified(key, bytes.fromhex(self.sign[2:]), body)

    def to_json(self) -> bytes:
        """The wire form."""
        return msgspec.json.encode(self)


def sign_receipt(home_id: UUID, at: datetime, lines: list[ReceiptLine], key: Ed25519PrivateKey) -> Receipt:
    """Sign what the server has committed. `at` is the server's time, whole seconds are kept."""
    server_time = at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    receipt = Receipt(str(home_id), server_time, key_id(key.public_key().public_bytes_raw()), lines)
    return msgspec.structs.replace(receipt, sign="0x" + key.sign(receipt.canonical()).hex())


def decode_receipts(data: bytes) -> list[Receipt]:
    """Read a receipt, or an array of them, from JSON bytes. Raises ProtocolError `receipt.malformed`."""
    try:
        if data.lstrip()[:1] == b"[":
            return msgspec.json.decode(data, type=list[Receipt])
        return [msgspec.json.decode(data, type=Receipt)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("receipt.malformed", str(error)) from error
