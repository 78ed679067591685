# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at days that are over: findings for people, and estimates of what is missing. It never touches a register."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from energy import repository as energy
from energy.day import repository
from energy.day.like import LikeDays, like_estimate
from energy.day.rules import DAY_SLOTS, ENOUGH_SLOTS, Day, judge_day
from energy.models import EnergyReading, EnergyStation, EnergyTenure
from energy.models_quality import EnergyEstimate, EnergyFinding
from energy.net.rules import NetEnergy, register_energy, start_counters, station_net
from energy.policies.book import book
from energy.policy import Policies, Policy, Thresholds
from energy.wire import interval_of
from kit.clock import Clock

Sunshine = Mapping[int, Sequence[int | None]]

_UNSHAPED = ("E5", "E6")  # methods of gaps whose slots have no value of their own
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class _Station:
    row: EnergyStation
    tenures: Sequence[EnergyTenure]
    policy: Policy

    @property
    def thresholds(self) -> Thresholds:
        return self.policy.of(self.row.kind)

    def cap_uwh(self, slot: int) -> int:
        tenure = energy.tenure_of(self.tenures, slot) or self.tenures[-1]
        return energy.parameters(tenure, self.row.kind, self.row.k_safety_ppm).cap_uwh(slot)

    def lacks(self, slot: int) -> bool:
        """True if nothing of the slot was read although somebody held the station."""
        return energy.tenure_of(self.tenures, slot) is not None


class DayService:
    """Judges days that changed."""

    def __init__(self, clock: Clock, policies: Policies | None = None) -> None:
        self._clock = clock
        self._policies = policies or book()

    async def evaluate(self, session: AsyncSession, *, limit: int = 50) -> int:
        """Take days that are due and write what is found. Returns how many were taken. Never commits."""
        now = self._clock.now()
        due = await repository.take_due(session, now, limit)
        rows = await energy.stations(session, list(due))
        tenures = await energy.tenures(session, list(due))
        for station, days in due.items():
            if station in rows and tenures.get(station):
                policy = self._policies.at(max(days) * DAY_SLOTS + DAY_SLOTS - 1)
                await self._station(session, _Station(rows[station], tenures[station], policy), days, now)
        return sum(len(days) for days in due.values())

    async def _station(self, session: AsyncSession, station: _Station, days: Sequence[int], now: datetime) -> None:
        policy, ident = station.thresholds, station.row.id
        back = policy.like_within_days
        first, last = min(days) * DAY_SLOTS, max(days) * DAY_SLOTS + DAY_SLOTS - 1
        rows = await repository.intervals(session, ident, first, last)
        totals: Mapping[int, int] = {}
        if policy.high_ppm or policy.low_ppm:
            totals = await repository.day_totals(session, ident, min(days) - back, max(days), ENOUGH_SLOTS)
        gaps = _runs(slot for slot, row in rows.items() if row.quality == "estimated" and row.method in _UNSHAPED)
        sun = await self._sun(session, station, days) if _may_be_dark(rows, policy) else {}
        found = [
            EnergyFinding(
                station=ident,
                day=day,
                rule=rule.id,
                rule_version=rule.version,
                policy=station.policy.version,
                result=result,
                inputs=inputs,
                created_at=now,
            )
            for day in days
            for rule, (result, inputs) in judge_day(_day(station, day, rows, totals, sun), policy)
        ]
        await _replace(session, ident, days, found, now)
        estimates = await self._estimates(session, station, gaps) if gaps and policy.like_days else {}
        await _supersede(session, station, first, last, estimates, now)

    async def _sun(self, session: AsyncSession, station: _Station, days: Collection[int]) -> Sunshine:
        if not station.thresholds.zero_slots:
            return {}  # not a plant that lives by the sun
        kinds = [kind for kind in station.policy.kinds if station.policy.class_of(kind) == "pv"]
        return await repository.sunshine(session, station.row, kinds, days)

    async def _estimates(
        self, session: AsyncSession, station: _Station, gaps: Sequence[range]
    ) -> dict[int, tuple[int, LikeDays]]:
        """What each missing slot was probably worth, and how that was found."""
        policy, ident, back = station.thresholds, station.row.id, station.thresholds.like_within_days * DAY_SLOTS
        rows = await repository.intervals(session, ident, gaps[0][0] - back, gaps[-1][-1] + back)
        days: dict[int, list[int | None]] = {}
        for slot, row in rows.items():
            if row.quality == "validated":
                days.setdefault(slot // DAY_SLOTS, [None] * DAY_SLOTS)[slot % DAY_SLOTS] = row.e_net_uwh
        missing = _runs(slot for slot, row in rows.items() if row.quality == "estimated" and row.method in _UNSHAPED)
        whole = [gap for gap in missing if any(gap[0] <= part[-1] and part[0] <= gap[-1] for part in gaps)]
        ends = {slot for gap in whole for slot in (gap[0] - 1, gap[-1] + 1)}
        registers = await repository.readings(session, ident, ends)
        found: dict[int, tuple[int, LikeDays]] = {}
        for gap in whole:
            total = _bracket(registers.get(gap[0] - 1), registers.get(gap[-1] + 1), station.row.k_safety_ppm)
            like = like_estimate(gap[0], gap[-1], days, policy, total=total)
            if like is not None:
                touched = range(gap[0] // DAY_SLOTS, gap[-1] // DAY_SLOTS + 1)
                sun = await self._sun(session, station, {*touched, *like.donors})
                like = like_estimate(gap[0], gap[-1], days, policy, total=total, sun=sun) or like
                found |= {slot: (value, like) for slot, value in zip(gap, like.values, strict=True)}
        return found


def _day(
    station: _Station,
    number: int,
    rows: Mapping[int, repository.Shown],
    totals: Mapping[int, int],
    sun: Sunshine,
) -> Day:
    slots = range(number * DAY_SLOTS, (number + 1) * DAY_SLOTS)
    measured = {slot: row for slot, row in rows.items() if row.quality != "estimated"}
    weekly = station.thresholds.like_weekday
    alike = (day for day in totals if day < number and (not weekly or (day + 3) % 7 // 5 == (number + 3) % 7 // 5))
    nearest = sorted(alike, reverse=True)[: station.thresholds.like_days]
    return Day(
        number=number,
        values=[measured[slot].e_net_uwh if slot in measured else None for slot in slots],
        missing=sum(slot not in measured and station.lacks(slot) for slot in slots),
        cap_uwh=station.cap_uwh(slots[0]),
        sun=sun.get(number, ()),
        like=[totals[day] for day in nearest],
    )


def _may_be_dark(rows: Mapping[int, repository.Shown], policy: Thresholds) -> bool:
    # a whole night is dark too; only what is dark for longer is worth asking others about
    nothing = sum(row.e_net_uwh <= 0 for row in rows.values() if row.quality != "estimated")
    return nothing > DAY_SLOTS // 2 + policy.zero_slots // 2


def _runs(slots: Iterable[int]) -> list[range]:
    runs: list[range] = []
    for slot in sorted(slots):
        if runs and runs[-1][-1] + 1 == slot:
            runs[-1] = range(runs[-1][0], slot + 1)
        else:
            runs.append(range(slot, slot + 1))
    return runs


def _bracket(
    before: Sequence[EnergyReading] | None, after: Sequence[EnergyReading] | None, k_safety_ppm: int
) -> int | None:
    """What the registers on both sides say of a gap, µWh."""
    if not before or not after:
        return None
    return register_energy(_net(before, k_safety_ppm).counters, start_counters(_net(after, k_safety_ppm)))


def _net(readings: Sequence[EnergyReading], k_safety_ppm: int) -> NetEnergy:
    meters = {row.meter: interval_of(row.body).measures for row in readings}
    return station_net(meters, k_safety_ppm, boundary_due=False)


async def _replace(
    session: AsyncSession, station: UUID, days: Sequence[int], found: Sequence[EnergyFinding], now: datetime
) -> None:
    """Supersede what no longer holds, add what is new, leave what is the same."""
    known = {_essence(row): row for row in await repository.findings(session, station, days)}
    fresh = {_essence(row): row for row in found}
    for essence, row in known.items():
        if essence not in fresh:
            row.superseded_at = now
    session.add_all(row for essence, row in fresh.items() if essence not in known)
    await session.flush()


def _essence(row: EnergyFinding) -> tuple[Any, ...]:
    return row.day, row.rule, row.rule_version, row.policy, row.result, str(sorted(row.inputs.items()))


async def _supersede(
    session: AsyncSession,
    station: _Station,
    first: int,
    last: int,
    found: Mapping[int, tuple[int, LikeDays]],
    now: datetime,
) -> None:
    """A new version where an estimate changed; an original that came, or a gap that no donor fits, ends the old one."""
    low, high = min([first, *found]), max([last, *found])
    known = await repository.estimates(session, station.row.id, low, high)
    rows = []
    for slot, (value, like) in found.items():
        before = known.pop(slot, None)
        content = {"e_uwh": value, "method": like.method, "donors": list(like.donors)}
        if before is not None and before.superseded_at is None:
            if all(getattr(before, name) == it for name, it in content.items()):
                continue
            before.superseded_at = now
        version = 1 if before is None else before.version + 1
        row = {"station": station.row.id, "slot": slot, "version": version, **content}
        rows.append(row | {"haircut_ppm": like.haircut_ppm, "policy": station.policy.version, "created_at": now})
    for slot, before in known.items():
        if before.superseded_at is None and first <= slot <= last:
            before.superseded_at = now
    await session.flush()
    for at in range(0, len(rows), _ROWS):
        await session.execute(insert(EnergyEstimate), rows[at : at + _ROWS])
