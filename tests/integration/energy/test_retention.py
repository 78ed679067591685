# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Months leave whole, late, and only when nothing in them is open; books of errors are pruned and evidence in use stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from energy.ingest.service import IngestService
from energy.models import EnergyConflict, EnergyInterval, EnergyReading, EnergyRejection
from energy.models_ingest import EnergyEnvelope
from energy.partitions import Partitions
from energy.quality.service import QualityService
from energy.retention import Retention, detach_old, prune
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode


async def tables(database: Database) -> set[str]:
    async with database.transaction() as session:
        return set(
            await session.scalars(
                text(
                    "SELECT relname::text FROM pg_class WHERE relname ~ '^energy_(reading|interval)_p[0-9_]+(_detached)?$'"
                )
            )
        )


async def detach(database: Database, clock: FixedClock, years: int) -> list[str]:
    async with database.transaction() as session:
        return await detach_old(session, clock.now(), Retention(reading_years=years))


async def test_a_month_is_detached_when_its_years_are_over_and_all_is_minted(
    database: Database, clock: FixedClock, station: Any
) -> None:
    async with database.transaction() as session:
        await IngestService(clock, Mode.LIVE).ingest(session, [station.signed(), station.signed(-96 * 12)], "rest")
    clock.at += timedelta(days=365 * 3)
    assert await detach(database, clock, 2) == []  # still waits for quality
    clock.at -= timedelta(days=365 * 3)
    async with database.transaction() as session:
        await QualityService(clock).evaluate(session)
    clock.at += timedelta(days=365 * 3)
    assert await detach(database, clock, 2) == []  # stored, not minted
    async with database.transaction() as session:
        await session.execute(update(EnergyInterval).values(state="MINTED"))
    assert await detach(database, clock, 0) == await detach(database, clock, 5) == []
    before = await tables(database)
    assert await detach(database, clock, 2) == ["energy_reading_p2026_02_detached", "energy_interval_p2026_02_detached"]
    assert len(await detach(database, clock, 2)) == 2
    assert await detach(database, clock, 2) == []
    assert await tables(database) == {name + "_detached" for name in before}
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(EnergyReading)) == 0
        kept = "SELECT count(*) FROM energy_reading_p2026_02_detached"
        assert await session.scalar(text(kept)) == 1
        await Partitions().ensure(session, [station.interval(-96 * 12).slot])  # the month can come again
    assert "energy_reading_p2026_02" in await tables(database)


def test_readings_are_never_kept_for_a_year_only() -> None:
    with pytest.raises(ValueError, match="2 years"):
        Retention(reading_years=1)


async def test_months_are_there_before_they_are_needed(database: Database, clock: FixedClock) -> None:
    async with database.transaction() as session:
        await Partitions().ahead(session, clock.now(), months=10)
    names = {name for name in await tables(database) if "reading" in name}
    wanted = [(2026, month) for month in range(3, 13)] + [(2027, 1)]
    assert names == {f"energy_reading_p{year}_{month:02}" for year, month in wanted}


async def test_books_of_errors_are_pruned_and_evidence_that_is_needed_stays(
    database: Database, clock: FixedClock, station: Any, new_station: Callable[..., Any]
) -> None:
    lost = new_station()
    service = IngestService(clock, Mode.LIVE)
    async with database.transaction() as session:
        await service.ingest(session, station.enveloped(station.interval()), "rest")
        await service.ingest(session, [station.signed(0, 7)], "rest")
        await service.ingest(session, [station.signed(0, 10**12)], "rest")  # over rating: parked at once
        await service.ingest(session, lost.enveloped(lost.interval()), "rest")  # waits for its meter
    assert await left(database) == (1, 2, 2, 1)
    rules = Retention(rejection_days=90, conflict_days=400)
    clock.at += timedelta(days=91)
    await pruned(database, clock, rules)
    assert await left(database) == (1, 1, 2, 1)  # what is still tried again stays, and its envelope
    async with database.transaction() as session:
        await session.execute(update(EnergyRejection).values(retry_at=None))
    await pruned(database, clock, rules)
    await pruned(database, clock, rules)
    assert await left(database) == (1, 0, 1, 1)
    clock.at += timedelta(days=400)
    await pruned(database, clock, Retention(conflict_days=0))
    assert await left(database) == (1, 0, 1, 1)
    await pruned(database, clock, rules)
    assert await left(database) == (1, 0, 1, 0)  # readings and what proves them stay for ever


async def pruned(database: Database, clock: FixedClock, rules: Retention) -> None:
    async with database.transaction() as session:
        await prune(session, clock.now(), rules)


async def left(database: Database) -> tuple[int, ...]:
    async with database.transaction() as session:
        tables = (EnergyReading, EnergyRejection, EnergyEnvelope, EnergyConflict)
        return tuple([await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables])
