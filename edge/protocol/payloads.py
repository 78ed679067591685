# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON objects as they stand on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

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


class IntervalContent(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an interval says, as it stands within an envelope; field names are the protocol's."""

    homeId: str
    start: datetime
    end: datetime
    meterWh: Decimal
    profileHash: str
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


class IntervalPayload(IntervalContent, kw_only=True):
    """An interval with the device's signature of its own."""

    sign: str


class EnvelopePayload(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Many intervals under one signature. One that is not carried stands as its hash."""

    homeId: str
    keyId: str
    bootId: str
    seq: int
    prev: str
    intervals: list[IntervalContent | str]
    sign: str
