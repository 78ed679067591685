# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Days on a real database: findings that are superseded, estimates with their donors, originals that end them, corrections."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from edge.protocol import SignedInterval, sign
from energy import repository
from energy.corrections import CORRECTOR, Record, accept, prepare
from energy.ingest.service import IngestService
from energy.models import EnergyMeter, EnergyRegister, EnergyStation
from energy.models_quality import EnergyDayDue, EnergyEstimate, EnergyFinding
from energy.quality.service import QualityService
from energy.settle.rules import Register
from greencore.cli import main
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.units import slot_of, slot_start

WH = 10**6
DAYS = 5


def shape(at: int) -> int:
    """A roof's day in UTC: nothing by night, a hill around noon. Wh of a slot."""
    return max(0, 2_000 - (at - 48) ** 2 * 3)


def signed(station: Any, slot: int, wh: int, total: int) -> SignedInterval:
    registers = {"exportRegisterWh": total * WH, "importRegisterWh": 0}
    first = station.interval(0, wh * WH, measures=registers)
    return sign(replace(first, slot=slot), station.key)


def month(station: Any, today: int, *, gap: range = range(0), dark: range = range(0)) -> dict[int, SignedInterval]:
    """Some days up to yesterday; a gap in which the register ran on, and hours in which nothing came out."""
    made, total = {}, 10_000
    for slot in range((today - DAYS) * 96, today * 96):
        wh = 0 if slot in dark else shape(slot % 96) * (100 + slot // 96 % 3) // 100
        total += wh
        if slot not in gap:
            made[slot] = signed(station, slot, wh, total)
    return made


async def deliver(database: Database, clock: FixedClock, readings: Mapping[int, SignedInterval]) -> None:
    async with database.transaction() as session:
        lines = await IngestService(clock, Mode.LIVE).ingest(session, list(readings.values()), "rest")
    assert {line.status for line in lines} == {"accepted"}


async def judge(database: Database, clock: FixedClock) -> int:
    service = QualityService(clock)
    async with database.transaction() as session:
        assert await service.evaluate(session) < 1_000
    async with database.transaction() as session:
        return await service.days.evaluate(session)


async def as_kind(database: Database, station: Any, kind: int) -> None:
    async with database.transaction() as session:
        await session.execute(update(EnergyStation).where(EnergyStation.id == station.id).values(kind=kind))


async def test_a_long_gap_is_estimated_from_like_days_and_its_originals_end_that(
    database: Database, clock: FixedClock, station: Any
) -> None:
    await as_kind(database, station, 1)
    today = slot_of(clock.at) // 96
    gap = range((today - 1) * 96 + 30, (today - 1) * 96 + 60)
    whole = month(station, today)
    missing = {slot: whole[slot] for slot in gap}
    await deliver(database, clock, month(station, today, gap=gap))
    assert await judge(database, clock) == DAYS
    async with database.transaction() as session:
        rows = list(await session.scalars(select(EnergyEstimate).order_by(EnergyEstimate.slot)))
        findings = list(await session.scalars(select(EnergyFinding)))
        register = Register.from_json((await session.scalars(select(EnergyRegister.register))).one())
    assert [row.slot for row in rows] == list(gap)
    assert {(row.method, tuple(row.donors), row.version) for row in rows} == {
        ("E4+E5", (today - 4, today - 3, today - 2), 1)
    }
    gone = sum(it.interval.meter_uwh for it in missing.values())
    assert sum(row.e_uwh for row in rows) == gone  # the registers' own sum
    assert max(abs(row.e_uwh - missing[row.slot].interval.meter_uwh) for row in rows) < 40 * WH
    assert [(row.day, row.rule, row.inputs) for row in findings] == [
        (today - 1, "V5", {"expected": 96, "missing": len(gap)})
    ]
    measured = sum(it.interval.meter_uwh for slot, it in whole.items() if slot not in gap)
    assert register.net == register.mintable == measured  # an estimate mints nothing

    assert await judge(database, clock) == 0  # nothing changed, nothing to do
    await deliver(database, clock, missing)
    assert await judge(database, clock) == 1
    async with database.transaction() as session:
        assert (await session.scalars(select(EnergyEstimate).where(EnergyEstimate.superseded_at.is_(None)))).all() == []
        assert [row.superseded_at for row in await session.scalars(select(EnergyFinding))] == [clock.at]
        register = Register.from_json((await session.scalars(select(EnergyRegister.register))).one())
        history = await repository.history(session, station.id, gap[0])
    assert register.net == measured + gone
    assert [(row.version, row.quality, row.method) for row in history] == [
        (1, "estimated", "E5"),
        (2, "validated", "boundary"),
    ]


async def test_a_roof_in_the_dark_is_found_by_what_its_sibling_saw(
    database: Database, clock: FixedClock, station: Any, new_station: Any
) -> None:
    other_station = new_station()
    await other_station.enrol(database)
    today = slot_of(clock.at) // 96
    dark = range((today - 1) * 96 + 36, (today - 1) * 96 + 60)
    for one in (station, other_station):
        await as_kind(database, one, 1)
    await deliver(database, clock, month(other_station, today))
    await deliver(database, clock, month(station, today, dark=dark))
    await judge(database, clock)
    async with database.transaction() as session:
        found = list(await session.scalars(select(EnergyFinding).where(EnergyFinding.station == station.id)))
    assert {(row.day, row.rule, row.result) for row in found} >= {
        (today - 1, "V12", "suspect"),
        (today - 1, "V13", "warn"),
    }
    assert next(row.inputs["slots"] for row in found if row.rule == "V12") >= 16


async def test_a_correction_of_a_slot_of_days_ago_is_a_new_version_of_what_was_shown(
    database: Database, clock: FixedClock, station: Any
) -> None:
    await as_kind(database, station, 1)
    today = slot_of(clock.at) // 96
    await deliver(database, clock, month(station, today))
    await judge(database, clock)
    corrector, record, slot = Ed25519PrivateKey.generate(), Record("Ada", "a test lamp", "ticket 7"), today * 96 - 150
    async with database.transaction() as session:
        public = corrector.public_key().public_bytes_raw()
        session.add(EnergyMeter(key=public, station=station.id, role=CORRECTOR, since=clock.at))
        before = Register.from_json((await session.scalars(select(EnergyRegister.register))).one())
    for delta in (-300 * WH, -200 * WH):
        async with database.transaction() as session:
            signed = prepare(station.id, slot, delta, record, corrector)
            line = await accept(session, IngestService(clock, Mode.LIVE), signed, record, at=clock.at, actor="test")
        assert (line.status, line.code) == ("accepted", "")
        await judge(database, clock)
    async with database.transaction() as session:
        after = Register.from_json((await session.scalars(select(EnergyRegister.register))).one())
        history = await repository.history(session, station.id, slot)
    assert (after.net, after.mintable) == (before.net - 500 * WH, before.mintable)
    first = history[0].e_net_uwh
    assert [(row.e_net_uwh - first, row.quality, row.method) for row in history] == [
        (0, "validated", "boundary"),
        (-300 * WH, "estimated", "corrected"),
        (-500 * WH, "estimated", "corrected"),
    ]


async def test_an_operator_asks_what_a_day_came_to(
    database: Database, database_url: str, clock: FixedClock, station: Any
) -> None:
    today = slot_of(clock.at) // 96
    gap = range((today - 1) * 96 + 30, (today - 1) * 96 + 60)
    await deliver(database, clock, month(station, today, gap=gap))
    await judge(database, clock)
    day = slot_start((today - 1) * 96).date().isoformat()
    environment = {"GREENCORE_DATABASE_URL": database_url, "GREENCORE_MODE": "live"}

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["energy", "day", *arguments], env=environment)

    told = await asyncio.to_thread(ask, str(station.id), day)
    assert told.exit_code == 0, told.output
    assert f"{day} UTC: 66 of 96 quarter hours read" in told.output
    assert "estimated   30 slots" in told.output
    assert "V5 gap" in told.output
    wrong = await asyncio.to_thread(ask, str(station.id), day, "--timezone", "Mars")
    assert (wrong.exit_code, "try Europe/Berlin" in wrong.output) == (2, True)


async def test_a_day_is_looked_at_when_it_is_over(database: Database, clock: FixedClock, station: Any) -> None:
    today = slot_of(clock.at) // 96
    await deliver(database, clock, {0: station.signed(0, WH)})
    assert await judge(database, clock) == 0
    async with database.transaction() as session:
        due = (await session.scalars(select(EnergyDayDue))).one()
    assert due.day == today
    clock.at = due.due_at - timedelta(seconds=1)
    assert await judge(database, clock) == 0
    clock.at = due.due_at
    assert await judge(database, clock) == 1
