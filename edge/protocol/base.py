# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What intervals, envelopes and receipts share: the error, the forms of texts, the check of a signature, the topics."""

import hashlib
import re
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SLOT_SECONDS = 900
BATCH_MAX = 1_000
TEXT_MAX = 64
DEVICES_MAX = 64

TEXT = re.compile(r"[\x21-\x7e][\x20-\x7e]*")
HASH = re.compile(r"0x[0-9a-fA-F]{64}")
SIGN = re.compile(r"0x[0-9a-fA-F]{128}")


class ProtocolError(ValueError):
    """A payload that does not say what the protocol lets it say.

    `code` is stable and machine-readable, `field` names the JSON field (or is empty), the message tells a person what
    to change.
    """

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def key_id(public_key: bytes) -> str:
    """Eight hexadecimal digits that tell keys apart in logs; not an identity."""
    return hashlib.sha256(public_key).hexdigest()[:8]


def topic_intervals(home_id: UUID) -> str:
    """The MQTT topic on which a station publishes."""
    return f"greencore/v1/{home_id}/intervals"


def topic_receipts(home_id: UUID) -> str:
    """The MQTT topic on which a station hears its receipts."""
    return f"greencore/v1/{home_id}/receipts"


def verified(key: bytes, signature: bytes, body: bytes) -> bool:
    """True if `key`, a raw Ed25519 public key, signed `body`."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except (InvalidSignature, ValueError):
        return False
    return True


def checked_text(field: str, value: str) -> str:
    """The value, if it is a name that canonical bytes can hold. Raises ProtocolError `telemetry.malformed`."""
    if len(value) > TEXT_MAX or not TEXT.fullmatch(value):
        raise ProtocolError("telemetry.malformed", f"{field} must be 1 to {TEXT_MAX} printable ASCII characters", field)
    return value
