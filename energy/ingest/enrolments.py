# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the registry's mirror says of stations, remembered until the mirror changes."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from energy.ingest.rules import Enrolment, Held, Key
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from energy.models_ingest import EnergyRegistryVersion

_STATIONS_MAX = 100_000


class Enrolments:
    """A cache that is never staler than the caller's transaction: one row counts the mirror's changes, and is read first."""

    def __init__(self) -> None:
        self._version = -1
        self._known: dict[UUID, Enrolment | None] = {}

    async def of(self, session: AsyncSession, stations: Collection[UUID]) -> dict[UUID, Enrolment]:
        """The enrolments of these stations; unknown ones are left out."""
        version = await session.scalar(select(EnergyRegistryVersion.version)) or 0
        if version > self._version or len(self._known) > _STATIONS_MAX:
            self._version, self._known = version, {}
        # whoever is slower than a change keeps what it read to itself
        known = self._known if version == self._version else {}
        missing = [station for station in stations if station not in known]
        if missing:
            found = await _load(session, missing)
            known.update({station: found.get(station) for station in missing})
        return {station: held for station in stations if (held := known[station]) is not None}


async def _load(session: AsyncSession, stations: Collection[UUID]) -> dict[UUID, Enrolment]:
    rows = await session.execute(
        select(
            EnergyStation.id,
            EnergyStation.demo,
            EnergyMeter.key,
            EnergyMeter.role,
            EnergyMeter.since,
            EnergyMeter.until,
            EnergyTenure.since,
            EnergyTenure.until,
            EnergyTenure.rated_w,
            EnergyTenure.ratings,
        )
        .outerjoin(EnergyMeter, EnergyMeter.station == EnergyStation.id)
        .outerjoin(EnergyTenure, EnergyTenure.station == EnergyStation.id)
        .where(EnergyStation.id.in_(list(stations)))
        .order_by(EnergyMeter.key, EnergyTenure.tenure)
    )
    demos: dict[UUID, bool] = {}
    keys: dict[UUID, dict[bytes, Key]] = {}
    tenures: dict[UUID, dict[datetime, Held]] = {}
    for station, demo, key, role, key_since, key_until, since, until, rated_w, ratings in rows:
        demos[station] = demo
        if key is not None:
            keys.setdefault(station, {})[key] = Key(key, key_since, key_until, role)
        if since is not None:
            tenures.setdefault(station, {})[since] = Held(
                since, until, rated_w, tuple((first, watts) for first, watts in ratings)
            )
    return {
        station: Enrolment(demo, list(keys.get(station, {}).values()), list(tenures.get(station, {}).values()))
        for station, demo in demos.items()
    }
