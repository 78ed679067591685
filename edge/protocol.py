# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What travels between a station and the server: intervals, receipts, and the bytes that are signed.

The only door of `edge`: servers, oracle nodes and tests import this module and nothing else of the package.
The format is told in `docs/protocol.md`. Numbers stay exact from the wire to the signature: Decimal, then integer
millionths.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from eth_hash.auto import keccak

SLOT_SECONDS = 900
BATCH_MAX = 1_000
TEXT_MAX = 64
DEVICES_MAX = 64
DIGITS_MAX = 40
MICRO_MAX = 2**63 - 1  # of one slot of one station; 64 bits hold 9.2 TWh

Status = Literal["accepted", "duplicate", "conflict", "rejected"]
Quality = Literal["measured", "interpolated", "integrated", "missing"]
Source = Literal["edge", "demo"]

MEASURES = (
    "meterWh",
    "genWh",
    "auxWh",
    "lossWh",
    "importWh",
    "exportWh",
    "chargeWh",
    "dischargeWh",
    "waterM3",
    "gasM3",
    "heat",
    "importRegisterWh",
    "exportRegisterWh",
    "genRegisterWh",
)

_YEAR_10000 = 253_402_300_800  # unix seconds
_TEXT = re.compile(r"[\x21-\x7e][\x20-\x7e]*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_SIGN = re.compile(r"0x[0-9a-fA-F]{128}")


class ProtocolError(ValueError):
    """A payload that does not say what the protocol lets it say.

    `code` is stable and machine-readable, `field` names the JSON field (or is empty), the message tells a person what
    to change.
    """

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class IntervalPayload(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The JSON object as it stands on the wire; field names are the protocol's."""

    homeId: str
    start: datetime
    end: datetime
    meterWh: Decimal
    profileHash: str
    sign: str
    meterId: str | None = None
    seq: int | None = None
    genWh: Decimal | None = None
    auxWh: Decimal | None = None
    lossWh: Decimal | None = None
    importWh: Decimal | None = None
    exportWh: Decimal | None = None
    chargeWh: Decimal | None = None
    dischargeWh: Decimal | None = None
    waterM3: Decimal | None = None
    gasM3: Decimal | None = None
    heat: Decimal | None = None
    importRegisterWh: Decimal | None = None
    exportRegisterWh: Decimal | None = None
    genRegisterWh: Decimal | None = None
    devices: dict[str, Decimal] | None = None
    quality: Quality | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """One slot of one meter, in exact integers.

    A measure that is absent was not sent; its value is in millionths of its unit (µWh for energy).
    """

    home_id: UUID
    slot: int
    measures: Mapping[str, int]
    profile_hash: bytes
    meter_id: str | None = None
    seq: int | None = None
    devices: Mapping[str, int] | None = None
    quality: Quality | None = None
    source: Source | None = None

    @property
    def meter(self) -> str:
        """The meter's name, `main` where the payload names none."""
        return self.meter_id or "main"

    @property
    def meter_uwh(self) -> int:
        """The interval's energy by the meter, µWh, signed."""
        return self.measures["meterWh"]

    @property
    def start(self) -> datetime:
        """The instant at which the slot begins."""
        return datetime.fromtimestamp(self.slot * SLOT_SECONDS, UTC)

    @property
    def end(self) -> datetime:
        """The instant at which the slot ends, excluded."""
        return datetime.fromtimestamp((self.slot + 1) * SLOT_SECONDS, UTC)

    def canonical(self) -> bytes:
        """The bytes that are hashed and signed (docs/protocol.md, "An interval")."""
        lines = [
            f"end={(self.slot + 1) * SLOT_SECONDS}",
            f"homeId={self.home_id}",
            f"profileHash=0x{self.profile_hash.hex()}",
            f"start={self.slot * SLOT_SECONDS}",
        ]
        lines += [f"{name}={value}" for name, value in self.measures.items()]
        lines += [f"devices.{name}={value}" for name, value in (self.devices or {}).items()]
        for name, value in (
            ("meterId", self.meter_id),
            ("seq", self.seq),
            ("quality", self.quality),
            ("source", self.source),
        ):
            if value is not None:
                lines.append(f"{name}={value}")
        return ("greencore.interval.v1\n" + "\n".join(sorted(lines)) + "\n").encode()


@dataclass(frozen=True, slots=True)
class SignedInterval:
    """An interval with the exact bytes that its device signed."""

    interval: Interval
    body: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        """keccak-256 of the canonical bytes, 32 bytes: the interval's identity."""
        return keccak(self.body)

    def signed_by(self, key: bytes) -> bool:
        """True if `key` (a raw Ed25519 public key, 32 bytes) signed these bytes."""
        return _verified(key, self.signature, self.body)

    def to_json(self) -> bytes:
        """The wire form. Values print exactly; reading it back gives the same canonical bytes."""
        return _encoder.encode(self.payload())

    def payload(self) -> IntervalPayload:
        """The wire form as a typed object."""
        it = self.interval
        measures = {name: _decimal(value) for name, value in it.measures.items()}
        return IntervalPayload(
            homeId=str(it.home_id),
            start=it.start,
            end=it.end,
            profileHash="0x" + it.profile_hash.hex(),
            sign="0x" + self.signature.hex(),
            meterId=it.meter_id,
            seq=it.seq,
            devices=None if it.devices is None else {name: _decimal(v) for name, v in it.devices.items()},
            quality=it.quality,
            source=it.source,
            **measures,
        )


_encoder = msgspec.json.Encoder(decimal_format="number")
_decode_one = msgspec.json.Decoder(IntervalPayload, float_hook=Decimal)
_decode_many = msgspec.json.Decoder(list[IntervalPayload], float_hook=Decimal)


def decode(data: bytes) -> list[SignedInterval]:
    """Read one interval or an array of at most `BATCH_MAX` from JSON bytes.

    Raises ProtocolError: `telemetry.malformed` for JSON or fields that don't fit, `telemetry.batch_too_large`, and what
    `read` raises.
    """
    many = data.lstrip()[:1] == b"["
    try:
        payloads = _decode_many.decode(data) if many else [_decode_one.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("telemetry.malformed", str(error)) from error
    if not payloads:
        raise ProtocolError("telemetry.malformed", "the array holds no interval")
    if len(payloads) > BATCH_MAX:
        raise ProtocolError("telemetry.batch_too_large", f"{len(payloads)} intervals at once; send at most {BATCH_MAX}")
    return [read(payload) for payload in payloads]


def read(payload: IntervalPayload) -> SignedInterval:
    """Turn a wire object into exact integers and canonical bytes.

    Raises ProtocolError: `telemetry.malformed`, `telemetry.misaligned` (not a quarter hour in UTC), `telemetry.length`
    (not 900 s), `telemetry.precision` (more than six places), `telemetry.range`.
    """
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
        _text("meterId", payload.meterId)
    measures = {name: _micro(name, value) for name in MEASURES if (value := getattr(payload, name)) is not None}
    devices = None
    if payload.devices is not None:
        if len(payload.devices) > DEVICES_MAX:
            raise ProtocolError("telemetry.range", f"more than {DEVICES_MAX} devices", "devices")
        devices = {_text("devices", name): _micro(f"devices.{name}", value) for name, value in payload.devices.items()}
    if not _HASH.fullmatch(payload.profileHash):
        raise ProtocolError("telemetry.malformed", "profileHash must be 0x and 64 hexadecimal digits", "profileHash")
    if not _SIGN.fullmatch(payload.sign):
        raise ProtocolError("telemetry.malformed", "sign must be 0x and 128 hexadecimal digits (Ed25519)", "sign")
    try:
        home_id = UUID(payload.homeId)
    except ValueError as error:
        raise ProtocolError("telemetry.malformed", "homeId is not a UUID", "homeId") from error
    interval = Interval(
        home_id=home_id,
        slot=int(seconds) // SLOT_SECONDS,
        measures=measures,
        profile_hash=bytes.fromhex(payload.profileHash[2:]),
        meter_id=payload.meterId,
        seq=payload.seq,
        devices=devices,
        quality=payload.quality,
        source=payload.source,
    )
    return SignedInterval(interval, interval.canonical(), bytes.fromhex(payload.sign[2:]))


def sign(interval: Interval, key: Ed25519PrivateKey) -> SignedInterval:
    """Sign an interval once; keep the result's `body` and never build it again."""
    body = interval.canonical()
    return SignedInterval(interval, body, key.sign(body))


def profile_hash(reads: Sequence[tuple[int, str, int]]) -> bytes:
    """keccak-256 over the raw reads `(unix milliseconds, register name, raw integer)` that made an interval."""
    lines = "".join(f"{at_ms},{register},{raw}\n" for at_ms, register, raw in reads)
    return keccak(b"greencore.profile.v1\n" + lines.encode())


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
        return bool(_SIGN.fullmatch(self.sign)) and _verified(key, bytes.fromhex(self.sign[2:]), body)

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


def key_id(public_key: bytes) -> str:
    """Eight hexadecimal digits that tell keys apart in logs; not an identity."""
    return hashlib.sha256(public_key).hexdigest()[:8]


def topic_intervals(home_id: UUID) -> str:
    """The MQTT topic on which a station publishes."""
    return f"greencore/v1/{home_id}/intervals"


def topic_receipts(home_id: UUID) -> str:
    """The MQTT topic on which a station hears its receipts."""
    return f"greencore/v1/{home_id}/receipts"


def _verified(key: bytes, signature: bytes, body: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _micro(name: str, value: Decimal) -> int:
    if not value.is_finite():
        raise ProtocolError("telemetry.malformed", f"{name} is not a number", name)
    _, digits, exponent = value.as_tuple()
    if len(digits) > DIGITS_MAX or value.adjusted() > DIGITS_MAX:
        raise ProtocolError("telemetry.range", f"{name} is out of range", name)
    # integers only: Decimal arithmetic would round to its context and hide a digit
    micro, shift = int("".join(map(str, digits))), int(exponent) + 6
    if shift < 0:
        micro, rest = divmod(micro, 10**-shift) if -shift <= DIGITS_MAX else (0, micro)
        if rest:
            raise ProtocolError("telemetry.precision", f"{name} has more than six decimal places", name)
    else:
        micro *= 10**shift
    if micro > MICRO_MAX:
        raise ProtocolError("telemetry.range", f"{name} is out of range", name)
    return -micro if value.is_signed() else micro


def _decimal(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-6)


def _text(field: str, value: str) -> str:
    if len(value) > TEXT_MAX or not _TEXT.fullmatch(value):
        raise ProtocolError("telemetry.malformed", f"{field} must be 1 to {TEXT_MAX} printable ASCII characters", field)
    return value
