# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations with devices, for tests of the door."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import Interval, SignedInterval, sign
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from kit.units import slot_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENROLLED = datetime(2026, 2, 1, tzinfo=UTC)
LAST = slot_of(NOON) - 1
KWH = 10**9
TOKEN = "operator-token-of-the-tests"
OPERATOR = {"authorization": f"Bearer {TOKEN}"}


@dataclass
class Device:
    """A station's only meter."""

    station: UUID = field(default_factory=uuid4)
    owner: bytes = bytes(19) + b"\x01"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def signed(self, slot: int = LAST, uwh: int = KWH, **more: Any) -> SignedInterval:
        return sign(Interval(self.station, slot, {"meterWh": uwh}, bytes(32), **more), self.key)

    def enrol(self, session: AsyncSession) -> None:
        """What the registry's mirror writes for it."""
        session.add(
            EnergyStation(id=self.station, name="", owner=self.owner, tenure=1, since=ENROLLED, rated_w=40_000, block=1)
        )
        session.add(EnergyTenure(station=self.station, tenure=1, owner=self.owner, since=ENROLLED, rated_w=40_000))
        session.add(
            EnergyMeter(key=self.key.public_key().public_bytes_raw(), station=self.station, role=0, since=ENROLLED)
        )


def body(*intervals: SignedInterval) -> bytes:
    """A delivery of several."""
    return b"[" + b",".join(it.to_json() for it in intervals) + b"]"
