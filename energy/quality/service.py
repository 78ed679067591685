# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The platform's own QA: every stored reading is judged by the rules that oracle nodes run, and shown as interval versions.

What mints is the quorum's recount, never this; the two differ at most in when they learnt of a reading.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import MICRO_MAX, Interval
from energy import repository, rollup
from energy.day.repository import mark_due
from energy.day.service import DayService
from energy.ingest.service import QUALITY
from energy.models import EnergyInterval, EnergyReading, EnergyStation, EnergyTenure
from energy.partitions import Partitions
from energy.policies.book import book
from energy.policy import ESTIMATED, QUALITY_NAMES, RAW, Policies, Verdict
from energy.repository import FAILED, STORED
from energy.settle.rules import SlotResult, advance, is_correction
from energy.wire import interval_of
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.units import Utility, slot_of

log = logs.get(__name__)

_BATCH = 1_000
_IDLE_SECONDS = 0.25


class QualityService:
    """Judges what ingest has queued."""

    def __init__(self, clock: Clock, policies: Policies | None = None) -> None:
        self._clock = clock
        self._policies = policies or book()
        self._partitions = Partitions()
        self.days = DayService(clock, self._policies)

    async def evaluate(self, session: AsyncSession, *, limit: int = _BATCH) -> int:
        """Take waiting readings and write the interval versions that follow. Returns how many were taken. Never commits."""
        taken = await repository.take_pending(session, QUALITY, limit)
        if not taken:
            return 0
        await rollup.mark(session, ((row.station, row.slot) for row in taken))
        ids = sorted({row.station for row in taken})
        stations, tenures = await repository.stations(session, ids), await repository.tenures(session, ids)
        for station, rows in groupby(taken, key=lambda row: row.station):
            held = tenures.get(station, [])
            by_tenure: dict[int, list[EnergyReading]] = {}
            for row in rows:
                tenure = repository.tenure_of(held, row.slot)
                if tenure is not None:
                    by_tenure.setdefault(tenure.tenure, []).append(row)
            for tenure in held:
                if tenure.tenure in by_tenure:
                    await self._evaluate_tenure(session, stations[station], tenure, by_tenure[tenure.tenure])
        return len(taken)

    async def _evaluate_tenure(
        self, session: AsyncSession, station: EnergyStation, tenure: EnergyTenure, rows: Sequence[EnergyReading]
    ) -> None:
        now = self._clock.now()
        stored, register = await repository.lock_register(session, Utility.E, station.id, tenure.tenure, now)
        readings = [interval_of(row.body) for row in rows]
        parameters = repository.parameters(tenure, station.kind, station.k_safety_ppm)
        slot = max(slot_of(now), *(reading.slot for reading in readings))
        try:
            step = advance(register, readings, slot=slot, parameters=parameters, policy=self._policies.at(slot))
            _check_fits(step.slots)
        except ValueError as error:  # a reading that the rules can't take must not stop those behind it
            log.error("quality.failed", station=str(station.id), error=str(error))
            failed = [SlotResult(number, 0, RAW, "none") for number in sorted({it.slot for it in readings})]
            await self._write(session, station, failed, readings, now, state=FAILED, reason=str(error))
            return
        stored.register, stored.updated_at = step.register.to_json(), now
        results = [*step.slots, *await self._corrected(session, station, step.verdicts)]
        await self._write(session, station, results, readings, now)

    async def _corrected(
        self, session: AsyncSession, station: EnergyStation, verdicts: Sequence[Verdict]
    ) -> list[SlotResult]:
        """Corrections of slots that the register remembers no longer: added to what was shown until now."""
        told = [verdict for verdict in verdicts if verdict.rule == "C" and "counted_uwh" in verdict.inputs]
        current = await repository.intervals_at(session, {(station.id, verdict.slot) for verdict in told})
        results: dict[int, SlotResult] = {}
        for verdict in told:
            before = current.get((station.id, verdict.slot))
            earlier = results.get(verdict.slot)
            if before is not None:
                worth = (earlier.e_net if earlier else before.e_net_uwh) + int(verdict.inputs["correction_uwh"])
                known = (*(earlier.verdicts if earlier else ()), verdict)
                results[verdict.slot] = SlotResult(verdict.slot, worth, ESTIMATED, "corrected", known)
        return list(results.values())

    async def _write(
        self,
        session: AsyncSession,
        station: EnergyStation,
        results: Sequence[SlotResult],
        readings: Sequence[Interval],
        now: datetime,
        *,
        state: str = STORED,
        reason: str = "",
    ) -> None:
        await self._partitions.ensure(session, (result.slot for result in results))
        current = await repository.intervals_at(session, ((station.id, result.slot) for result in results))
        measured = (reading for reading in readings if not is_correction(reading))
        main = {it.slot: it for it in sorted(measured, key=lambda it: (it.meter == "main", it.meter))}
        rows = []
        for result in results:
            before = current.get((station.id, result.slot))
            row = _row(station.id, result, before, main.get(result.slot), now)
            row |= {"demo": station.demo} | ({"state": state} if state == FAILED else {})
            if reason:
                row["qa"] = [{"rule": "error", "detail": reason}]
            if before is None or _differs(before, row):
                rows.append(row)
        for at in range(0, len(rows), _BATCH):
            await session.execute(insert(EnergyInterval), rows[at : at + _BATCH])
        await mark_due(session, ((station.id, row["slot"]) for row in rows), now)
        await rollup.mark(session, ((station.id, row["slot"]) for row in rows))


async def run_quality(database: Database, service: QualityService) -> None:
    """Evaluate for ever, a transaction a batch; days that are over when nothing else waits."""
    pause = _IDLE_SECONDS
    while True:
        try:
            async with database.transaction() as session:
                taken = await service.evaluate(session)
            busy = taken == _BATCH
            if not taken:
                async with database.transaction() as session:
                    busy = await service.days.evaluate(session) > 0
            pause = 0 if busy else _IDLE_SECONDS
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker
            log.warning("quality.again", error=repr(error))
            pause = min(max(pause * 2, 0.5), 10)
        await asyncio.sleep(pause)


def _row(
    station: UUID, result: SlotResult, before: EnergyInterval | None, reading: Interval | None, now: datetime
) -> dict[str, Any]:
    # a new verdict about the same reading keeps the state; an original that replaces an estimate, or a failure, starts anew
    keeps = before is not None and before.quality != "estimated" and before.state != FAILED
    profile, water, gas = bytes(32), None, None
    if reading is not None:
        profile = reading.profile_hash
        water, gas = reading.measures.get("waterM3"), reading.measures.get("gasM3")
    elif before is not None:
        profile, water, gas = before.profile_hash, before.water_um3, before.gas_um3
    return {
        "station": station,
        "slot": result.slot,
        "version": 1 if before is None else before.version + 1,
        "e_net_uwh": result.e_net,
        "quality": QUALITY_NAMES[result.quality],
        "state": before.state if before is not None and keeps else STORED,
        "method": result.method,
        "qa": [verdict.to_dict() for verdict in result.verdicts],
        "profile_hash": profile,
        "water_um3": water,
        "gas_um3": gas,
        "created_at": now,
        "minted_tx": before.minted_tx if before is not None and keeps else None,
    }


def _check_fits(results: Sequence[SlotResult]) -> None:
    """Raises ValueError for what the column does not hold: measures are bounded one by one, and meters are not counted."""
    for result in results:
        if abs(result.e_net) > MICRO_MAX:
            raise ValueError(f"slot {result.slot} is worth {result.e_net} µWh, which is beyond 64 bits")


def _differs(before: EnergyInterval, row: dict[str, Any]) -> bool:
    names = ("e_net_uwh", "quality", "method", "profile_hash", "water_um3", "gas_um3", "qa")
    return any(getattr(before, name) != row[name] for name in names)
