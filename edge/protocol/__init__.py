# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What travels between a station and the server: intervals, envelopes, receipts, and the bytes that are signed.

The only door of `edge`: servers, oracle nodes and tests import `edge.protocol` and nothing else of the package, none of the
modules below it either. The format is told in `docs/protocol.md`. Numbers stay exact from the wire to the signature:
Decimal, then integer millionths.
"""

from edge.protocol.base import (
    BATCH_MAX,
    DEVICES_MAX,
    SLOT_SECONDS,
    TEXT_MAX,
    ProtocolError,
    key_id,
    topic_intervals,
    topic_receipts,
    verified,
)
from edge.protocol.envelope import FIRST, Envelope, sign_envelope
from edge.protocol.interval import Interval, SignedInterval, encode, profile_hash, sign
from edge.protocol.payloads import MEASURES, EnvelopePayload, IntervalPayload, Quality, Source
from edge.protocol.receipt import Receipt, ReceiptLine, Status, decode_receipts, sign_receipt
from edge.protocol.wire import DIGITS_MAX, MICRO_MAX, decode, read

__all__ = [
    "BATCH_MAX",
    "DEVICES_MAX",
    "DIGITS_MAX",
    "FIRST",
    "MEASURES",
    "MICRO_MAX",
    "SLOT_SECONDS",
    "TEXT_MAX",
    "Envelope",
    "EnvelopePayload",
    "Interval",
    "IntervalPayload",
    "ProtocolError",
    "Quality",
    "Receipt",
    "ReceiptLine",
    "SignedInterval",
    "Source",
    "Status",
    "decode",
    "decode_receipts",
    "encode",
    "key_id",
    "profile_hash",
    "read",
    "sign",
    "sign_envelope",
    "sign_receipt",
    "topic_intervals",
    "topic_receipts",
    "verified",
]
