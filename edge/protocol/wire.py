# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From JSON bytes to exact integers, canonical bytes and proofs. Refused when anything is doubtful, never rounded."""

import re
from decimal import Context, Decimal, Inexact
from uuid import UUID

import msgspec
from eth_hash.auto import keccak

from edge.protocol.base import BATCH_MAX, DEVICES_MAX, HASH, SIGN, SLOT_SECONDS, ProtocolError, checked_text
from edge.protocol.envelope import Envelope, canonical, check_hashes
from edge.protocol.interval import Interval, SignedInterval
from edge.protocol.payloads import MEASURES, EnvelopePayload, IntervalContent, IntervalPayload

DIGITS_MAX = 40
MICRO_MAX = 2**63 - 1  # of one slot of one station; 64 bits hold 9.2 TWh

_YEAR_10000 = 253_402_300_800  # unix seconds
_KEY_ID = re.compile(r"[0-9a-f]{8}")
# a digit that does not fit is an error, not a rounding
_EXACT = Context(prec=DIGITS_MAX + 1, traps=[Inexact])


class _Probe(msgspec.Struct):
    """Tells an envelope from an interval."""

    intervals: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_one = msgspec.json.Decoder(IntervalPayload, float_hook=Decimal)
_decode_many = msgspec.json.Decoder(list[IntervalPayload], float_hook=Decimal)
_decode_envelope = msgspec.json.Decoder(EnvelopePayload, float_hook=Decimal)
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw])
_decode_probe = msgspec.json.Decoder(_Probe)


def decode(data: bytes) -> list[SignedInterval]:
    """Read an interval, an envelope, or an array of them, from JSON bytes: at most `BATCH_MAX` intervals.

    Raises ProtocolError: `telemetry.malformed` for JSON or fields that don't fit, `telemetry.batch_too_large`, and what
    `read` raises. One interval that can't be read refuses all.
    """
    many = data.lstrip()[:1] == b"["
    try:
        if b'"intervals"' in data:
            return _mixed(_decode_raw.decode(data) if many else [msgspec.Raw(data)])
        payloads = _decode_many.decode(data) if many else [_decode_one.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("telemetry.malformed", str(error)) from error
    if not payloads:
        raise ProtocolError("telemetry.malformed", "the array holds no interval")
    _at_most(len(payloads))
    return [read(payload) for payload in payloads]


def read(payload: IntervalPayload) -> SignedInterval:
    """Turn a wire object into exact integers and canonical bytes.

    Raises ProtocolError: `telemetry.malformed`, `telemetry.misaligned` (not a quarter hour in UTC), `telemetry.length`
    (not 900 s), `telemetry.precision` (more than six places), `telemetry.range`.
    """
    interval = _interval(payload)
    return SignedInterval(interval, interval.canonical(), _signature(payload.sign))


def read_envelope(payload: EnvelopePayload, wire: bytes = b"") -> list[SignedInterval]:
    """The intervals that an envelope carries, each proven by it. Raises ProtocolError as `read` does."""
    home_id = _uuid(payload.homeId)
    if not _KEY_ID.fullmatch(payload.keyId):
        raise ProtocolError("telemetry.malformed", "keyId must be 8 hexadecimal digits, lower case", "keyId")
    checked_text("bootId", payload.bootId)
    if not 0 <= payload.seq < 2**63:
        raise ProtocolError("telemetry.range", "seq must be from 0 to 2^63-1", "seq")
    prev = _hash("prev", payload.prev)
    carried: list[tuple[Interval, bytes, bytes]] = []
    hashes: list[bytes] = []
    for entry in payload.intervals:
        if isinstance(entry, str):
            hashes.append(_hash("intervals", entry))
            continue
        interval = _interval(entry)
        if interval.home_id != home_id:
            raise ProtocolError("telemetry.malformed", "an interval of another station is in the envelope", "homeId")
        body = interval.canonical()
        hashes.append(hashed := keccak(body))
        carried.append((interval, body, hashed))
    check_hashes(hashes)
    if not carried:
        raise ProtocolError("telemetry.malformed", "the envelope carries no interval, only hashes", "intervals")
    signed = canonical(home_id, payload.keyId, payload.bootId, payload.seq, prev, hashes)
    envelope = Envelope(
        home_id,
        payload.keyId,
        payload.bootId,
        payload.seq,
        prev,
        tuple(hashes),
        signed,
        _signature(payload.sign),
        wire if len(carried) == len(hashes) else b"",
    )
    return [SignedInterval.enveloped(interval, body, hashed, envelope) for interval, body, hashed in carried]


def _mixed(items: list[msgspec.Raw]) -> list[SignedInterval]:
    found: list[SignedInterval] = []
    for item in items:
        if _decode_probe.decode(item).intervals is msgspec.UNSET:
            found.append(read(_decode_one.decode(item)))
        else:
            found += read_envelope(_decode_envelope.decode(item), bytes(item))
        _at_most(len(found))
    return found


def _at_most(count: int) -> None:
    if count > BATCH_MAX:
        raise ProtocolError("telemetry.batch_too_large", f"{count} intervals at once; send at most {BATCH_MAX}")


def _interval(payload: IntervalContent) -> Interval:
    for name, instant in (("start", payload.start), ("end", payload.end)):
        if instant.tzinfo is None:
            raise ProtocolError("telemetry.malformed", f"{name} has no time zone; send 2025-10-15T08:00:00Z", name)
    seconds = payload.start.timestamp()
    if seconds % SLOT_SECONDS:
        raise ProtocolError("telemetry.misaligned", f"{payload.start.isoformat()} is not a UTC quarter hour", "start")
    length = payload.end.timestamp() - seconds
    if length != SLOT_SECONDS:
        raise ProtocolError("telemetry.length", f"the interval is {length:g} s long, not {SLOT_SECONDS} s", "end")
    if not 0 <= seconds < _YEAR_10000 - SLOT_SECONDS:  # an offset may lead out of what a calendar holds
        raise ProtocolError("telemetry.range", "start must lie between 1970 and 9999, UTC", "start")
    if payload.seq is not None and not 0 <= payload.seq < 2**63:
        raise ProtocolError("telemetry.range", "seq must be from 0 to 2^63-1", "seq")
    if payload.meterId is not None:
        checked_text("meterId", payload.meterId)
    measures = {name: _micro(name, value) for name in MEASURES if (value := getattr(payload, name)) is not None}
    devices = None
    if payload.devices is not None:
        if len(payload.devices) > DEVICES_MAX:
            raise ProtocolError("telemetry.range", f"more than {DEVICES_MAX} devices", "devices")
        devices = {
            checked_text("devices", name): _micro(f"devices.{name}", value) for name, value in payload.devices.items()
        }
    return Interval(
        home_id=_uuid(payload.homeId),
        slot=int(seconds) // SLOT_SECONDS,
        measures=measures,
        profile_hash=_hash("profileHash", payload.profileHash),
        meter_id=payload.meterId,
        seq=payload.seq,
        devices=devices,
        quality=payload.quality,
        source=payload.source,
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ProtocolError("telemetry.malformed", "homeId is not a UUID", "homeId") from error


def _hash(field: str, text: str) -> bytes:
    if not HASH.fullmatch(text):
        raise ProtocolError("telemetry.malformed", f"{field} must be 0x and 64 hexadecimal digits", field)
    return bytes.fromhex(text[2:])


def _signature(text: str) -> bytes:
    if not SIGN.fullmatch(text):
        raise ProtocolError("telemetry.malformed", "sign must be 0x and 128 hexadecimal digits (Ed25519)", "sign")
    return bytes.fromhex(text[2:])


def _micro(name: str, value: Decimal) -> int:
    if not value.is_finite():
        raise ProtocolError("telemetry.malformed", f"{name} is not a number", name)
    if value.adjusted() > DIGITS_MAX:
        raise ProtocolError("telemetry.range", f"{name} is out of range", name)
    try:
        micro = int(_EXACT.to_integral_exact(_EXACT.scaleb(value, 6)))
    except Inexact:
        if len(value.as_tuple().digits) > DIGITS_MAX:
            raise ProtocolError("telemetry.range", f"{name} is out of range", name) from None
        raise ProtocolError("telemetry.precision", f"{name} has more than six decimal places", name) from None
    if not -MICRO_MAX <= micro <= MICRO_MAX:
        raise ProtocolError("telemetry.range", f"{name} is out of range", name)
    return micro
