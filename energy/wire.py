# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stored canonical bytes back into intervals. Pure: nothing but the bytes that were signed is needed."""

from uuid import UUID

from eth_hash.auto import keccak

from edge.protocol import MEASURES, SLOT_SECONDS, Envelope, Interval, Quality, SignedInterval, Source

_HEADER = "greencore.interval.v1"
_QUALITIES: dict[str, Quality] = {
    "measured": "measured",
    "interpolated": "interpolated",
    "integrated": "integrated",
    "missing": "missing",
}
_SOURCES: dict[str, Source] = {"edge": "edge", "demo": "demo"}
_DEVICE = "devices."


def interval_of(body: bytes) -> Interval:
    """Read canonical bytes (docs/protocol.md, "An interval"). Raises ValueError unless they are exactly what a device signs."""
    lines = body.decode().split("\n")
    if lines[0] != _HEADER or lines[-1] != "":
        raise ValueError("these are not the canonical bytes of an interval")
    fields: dict[str, str] = {}
    for line in lines[1:-1]:
        # a device's name may hold an equals sign, its value can't; with texts it is the other way round
        name, _, value = line.rpartition("=") if line.startswith(_DEVICE) else line.partition("=")
        fields[name] = value
    devices = {name.removeprefix(_DEVICE): int(fields[name]) for name in fields if name.startswith(_DEVICE)}
    try:
        interval = Interval(
            home_id=UUID(fields["homeId"]),
            slot=int(fields["start"]) // SLOT_SECONDS,
            measures={name: int(fields[name]) for name in MEASURES if name in fields},
            profile_hash=bytes.fromhex(fields["profileHash"][2:]),
            meter_id=fields.get("meterId"),
            seq=int(fields["seq"]) if "seq" in fields else None,
            devices=devices or None,
            quality=_QUALITIES[fields["quality"]] if "quality" in fields else None,
            source=_SOURCES[fields["source"]] if "source" in fields else None,
        )
    except KeyError as error:
        raise ValueError(f"the canonical bytes hold no usable {error}") from error
    if interval.canonical() != body or "meterWh" not in interval.measures:
        raise ValueError("these are not the canonical bytes of an interval")
    return interval


def signed_of(body: bytes, signature: bytes | None, envelope: Envelope | None = None) -> SignedInterval:
    """A stored reading as it was delivered: with its own signature, or the envelope that proves it.

    Raises ValueError as `interval_of` does, or if there is neither proof.
    """
    if envelope is not None:
        return SignedInterval.enveloped(interval_of(body), body, keccak(body), envelope)
    if signature is None:
        raise ValueError("a reading without a proof")
    return SignedInterval(interval_of(body), body, signature)
