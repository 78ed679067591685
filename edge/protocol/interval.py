# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An interval in exact integers, and what proves it: its device's signature over it, or over an envelope that names it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

from edge.protocol.base import SLOT_SECONDS, verified
from edge.protocol.envelope import Envelope
from edge.protocol.payloads import EnvelopePayload, IntervalContent, IntervalPayload, Quality, Source


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
    """An interval with its canonical bytes and its proof: the signature over them, or the envelope that names their hash.

    `signature` is empty where an envelope proves.
    """

    interval: Interval
    body: bytes
    signature: bytes
    envelope: Envelope | None = None
    _hash: bytes = field(default=b"", init=False, repr=False, compare=False)

    @classmethod
    def enveloped(cls, interval: Interval, body: bytes, hashed: bytes, envelope: Envelope) -> "SignedInterval":
        """An interval that an envelope proves; `hashed` is the keccak-256 of `body`, which the caller has at hand."""
        made = cls(interval, body, b"", envelope)
        object.__setattr__(made, "_hash", hashed)
        return made

    @property
    def hash(self) -> bytes:
        """keccak-256 of the canonical bytes, 32 bytes: the interval's identity."""
        if not self._hash:
            object.__setattr__(self, "_hash", keccak(self.body))
        return self._hash

    def signed_by(self, key: bytes) -> bool:
        """True if `key` (a raw Ed25519 public key, 32 bytes) signed these bytes, or an envelope that names them."""
        if self.envelope is None:
            return verified(key, self.signature, self.body)
        return self.envelope.names(self.hash) and self.envelope.signed_by(key)

    def to_json(self) -> bytes:
        """The wire form. Values print exactly; reading it back gives the same canonical bytes and the same proof."""
        return _encoder.encode(self.payload())

    def payload(self) -> IntervalPayload | EnvelopePayload:
        """The wire form as a typed object: the interval, or its envelope with the other intervals as their hashes."""
        if self.envelope is not None:
            return _envelope_payload(self.envelope, [self])
        return IntervalPayload(sign="0x" + self.signature.hex(), **_content(self.interval))


def sign(interval: Interval, key: Ed25519PrivateKey) -> SignedInterval:
    """Sign an interval once; keep the result's `body` and never build it again."""
    body = interval.canonical()
    return SignedInterval(interval, body, key.sign(body))


def encode(deliveries: Sequence[SignedInterval]) -> bytes:
    """The wire form of many: one object if one interval or envelope holds them all, else an array. `decode` reads it back,
    those with a signature of their own first.
    """
    items: list[IntervalPayload | EnvelopePayload] = []
    enveloped: dict[bytes, tuple[Envelope, list[SignedInterval]]] = {}
    for delivery in deliveries:
        if delivery.envelope is None:
            items.append(delivery.payload())
        else:
            enveloped.setdefault(delivery.envelope.hash, (delivery.envelope, []))[1].append(delivery)
    items += [_envelope_payload(envelope, carried) for envelope, carried in enveloped.values()]
    return _encoder.encode(items[0] if len(items) == 1 else items)


def profile_hash(reads: Sequence[tuple[int, str, int]]) -> bytes:
    """keccak-256 over the raw reads `(unix milliseconds, register name, raw integer)` that made an interval."""
    lines = "".join(f"{at_ms},{register},{raw}\n" for at_ms, register, raw in reads)
    return keccak(b"greencore.profile.v1\n" + lines.encode())


_encoder = msgspec.json.Encoder(decimal_format="number")


def _envelope_payload(envelope: Envelope, carried: Sequence[SignedInterval]) -> EnvelopePayload:
    contents = {one.hash: one.interval for one in carried}
    return EnvelopePayload(
        homeId=str(envelope.home_id),
        keyId=envelope.key_id,
        bootId=envelope.boot_id,
        seq=envelope.seq,
        prev="0x" + envelope.prev.hex(),
        intervals=[
            IntervalContent(**_content(contents[hashed])) if hashed in contents else "0x" + hashed.hex()
            for hashed in envelope.hashes
        ],
        sign="0x" + envelope.signature.hex(),
    )


def _content(it: Interval) -> dict[str, Any]:
    return {
        "homeId": str(it.home_id),
        "start": it.start,
        "end": it.end,
        "profileHash": "0x" + it.profile_hash.hex(),
        "meterId": it.meter_id,
        "seq": it.seq,
        "devices": None if it.devices is None else {name: _decimal(v) for name, v in it.devices.items()},
        "quality": it.quality,
        "source": it.source,
        **{name: _decimal(value) for name, value in it.measures.items()},
    }


def _decimal(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-6)
