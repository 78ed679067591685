# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A station with a registered device, and intervals that it signs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.protocol import FIRST, Interval, SignedInterval, sign, sign_envelope
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from kit.clock import FixedClock
from kit.database import Database
from kit.units import slot_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENROLLED = datetime(2026, 2, 1, tzinfo=UTC)
KWH = 10**9


@dataclass
class Station:
    """A device and what it signs. `slot` 0 is the last slot that ended before noon."""

    rated_w: int = 40_000
    demo: bool = False
    id: UUID = field(default_factory=uuid4)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def interval(self, slot: int = 0, uwh: int = KWH, **more: Any) -> Interval:
        """An interval at the boundary, unsigned."""
        measures = {"meterWh": uwh, "importWh": max(-uwh, 0), "exportWh": max(uwh, 0)} | more.pop("measures", {})
        return Interval(self.id, slot_of(NOON) - 1 + slot, measures, bytes(32), **more)

    def signed(self, slot: int = 0, uwh: int = KWH, **more: Any) -> SignedInterval:
        """An interval as the device delivers it."""
        return sign(self.interval(slot, uwh, **more), self.key)

    def enveloped(
        self, *intervals: Interval, seq: int = 0, prev: bytes = FIRST, boot: str = "b"
    ) -> list[SignedInterval]:
        """Intervals as the device delivers them in one envelope."""
        signed = [sign(interval, self.key) for interval in intervals]
        envelope = sign_envelope(self.id, [one.hash for one in signed], self.key, boot_id=boot, seq=seq, prev=prev)
        return [SignedInterval.enveloped(one.interval, one.body, one.hash, envelope) for one in signed]

    async def enrol(self, database: Database) -> None:
        """What the registry's mirror writes for it."""
        key = self.key.public_key().public_bytes_raw()
        async with database.transaction() as session:
            session.add(
                EnergyStation(
                    id=self.id,
                    name="",
                    owner=bytes(20),
                    tenure=1,
                    since=ENROLLED,
                    rated_w=self.rated_w,
                    kind=0,
                    demo=self.demo,
                    k_safety_ppm=1_000_000,
                    block=1,
                )
            )
            session.add(EnergyTenure(station=self.id, tenure=1, owner=bytes(20), since=ENROLLED, rated_w=self.rated_w))
            session.add(EnergyMeter(key=key, station=self.id, role=0, since=ENROLLED))


@pytest.fixture
def clock() -> FixedClock:
    """Noon of a day in March, until a test moves it."""
    return FixedClock(NOON)


@pytest.fixture
def new_station() -> Callable[..., Station]:
    """Makes stations that are not enrolled yet."""
    return Station


@pytest.fixture
async def station(database: Database) -> Station:
    """An enrolled station."""
    made = Station()
    await made.enrol(database)
    return made
