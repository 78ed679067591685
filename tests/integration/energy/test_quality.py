# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The platform's QA on a real database: versions, states, estimates that originals replace, and the view that others know."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update

from edge.protocol import Interval, sign
from energy import repository
from energy.ingest.service import IngestService
from energy.models import EnergyInterval, EnergyReading, EnergyTenure
from energy.quality.service import QualityService
from energy.settle.rules import Register
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.units import slot_of

KWH = 10**9


@pytest.fixture
def last(clock: FixedClock) -> int:
    """The slot that ended at noon."""
    return slot_of(clock.at) - 1


async def deliver(database: Database, clock: FixedClock, *deliveries: Any) -> None:
    async with database.transaction() as session:
        lines = await IngestService(clock, Mode.LIVE).ingest(session, deliveries, "rest")
    assert {line.status for line in lines} == {"accepted"}


async def evaluate(database: Database, clock: FixedClock) -> int:
    async with database.transaction() as session:
        return await QualityService(clock).evaluate(session)


async def in_force(database: Database, station: Any, slots: range) -> dict[int, EnergyInterval]:
    async with database.transaction() as session:
        found = await repository.intervals_at(session, [(station.id, slot) for slot in slots])
        return {slot: row for (_, slot), row in found.items()}


async def test_a_sum_that_no_column_holds_stops_its_own_station_only(
    database: Database, clock: FixedClock, station: Any, new_station: Any, last: int
) -> None:
    """A device may name as many meters as it likes; each of them stays within what ingest takes."""
    other = new_station()
    await other.enrol(database)
    given = {"meterWh": 0, "lossWh": 2**56}
    absurd = [Interval(station.id, last, given, bytes(32), meter_id=f"m{n}") for n in range(200)]
    await deliver(database, clock, *(sign(one, station.key) for one in absurd), other.signed(0))
    assert await evaluate(database, clock) == 201
    assert (await in_force(database, other, range(last, last + 1)))[last].e_net_uwh == KWH
    (row,) = (await in_force(database, station, range(last, last + 1))).values()
    assert (row.state, row.qa[0]["rule"]) == ("FAILED", "error")


async def test_readings_become_intervals_once(database: Database, clock: FixedClock, station: Any, last: int) -> None:
    await deliver(database, clock, station.signed(-1, KWH), station.signed(0, -KWH, measures={"waterM3": 1_500_000}))
    assert await evaluate(database, clock) == 2
    assert await evaluate(database, clock) == 0
    rows = await in_force(database, station, range(last - 1, last + 1))
    assert [(row.e_net_uwh, row.quality, row.state, row.version) for row in rows.values()] == [
        (KWH, "validated", "STORED", 1),
        (-KWH, "validated", "STORED", 1),
    ]
    async with database.transaction() as session:
        (row,) = await session.execute(text("SELECT * FROM energy_intervals WHERE water_m3 IS NOT NULL"))
        assert (row.home_id, row.meter_wh, row.water_m3) == (station.id, Decimal(-1000), Decimal("1.5"))
        assert (row.end_ts, row.end_ts - row.start_ts) == (clock.at, timedelta(minutes=15))
        assert (row.quality, row.source, row.profile_hash) == ("validated", "edge", "0x" + "00" * 32)


async def test_an_estimate_is_shown_and_its_late_original_is_a_new_version(
    database: Database, clock: FixedClock, station: Any, last: int
) -> None:
    await deliver(database, clock, station.signed(-4, 4 * KWH), station.signed(0, 4 * KWH))
    await evaluate(database, clock)
    gap = await in_force(database, station, range(last - 3, last))
    assert {(row.quality, row.method, row.e_net_uwh) for row in gap.values()} == {("estimated", "E3", 4 * KWH)}
    assert all(row.qa[0]["rule"] == "V5" for row in gap.values())
    async with database.transaction() as session:
        assert await repository.counts(session, [station.id]) == {station.id: repository.Counts(2, 3, 0, 0)}
    await deliver(database, clock, station.signed(-2, 3 * KWH))
    await evaluate(database, clock)
    async with database.transaction() as session:
        first, second = await repository.history(session, station.id, last - 2)
    assert (first.quality, first.version, second.quality, second.version) == ("estimated", 1, "validated", 2)
    assert second.e_net_uwh == 3 * KWH


async def test_a_mint_marks_what_it_covers_and_can_be_taken_back(
    database: Database, clock: FixedClock, station: Any, last: int
) -> None:
    await deliver(database, clock, *(station.signed(-slot, KWH + slot) for slot in range(4)))
    await evaluate(database, clock)
    cut, tx_hash = clock.at + timedelta(minutes=1), bytes(31) + b"\1"
    clock.at += timedelta(minutes=2)
    await deliver(database, clock, station.signed(-4))
    await evaluate(database, clock)
    mark: dict[str, Any] = {"station": station.id, "tenure": 1, "slot": last - 1, "tx_hash": tx_hash}
    async with database.transaction() as session:
        assert await repository.mark_minted(session, **mark) == 0  # no report counted anything yet
        assert await repository.mark_processing(session, slot=last - 1, before=cut) == 3
        assert await repository.mark_minted(session, **mark) == 3
        assert await repository.mark_minted(session, **mark) == 0
        assert await repository.mark_minted(session, **{**mark, "tenure": 2}) == 0
    rows = await in_force(database, station, range(last - 4, last + 1))
    states = {slot - last: (row.state, row.minted_tx) for slot, row in rows.items()}
    minted = ("MINTED", tx_hash)
    assert states == {-4: ("STORED", None), -3: minted, -2: minted, -1: minted, 0: ("STORED", None)}
    async with database.transaction() as session:
        assert await repository.unmark_minted(session, tx_hash=tx_hash) == 3


async def test_two_tenures_have_registers_of_their_own(
    database: Database, clock: FixedClock, station: Any, last: int
) -> None:
    handover = clock.at - timedelta(minutes=20)  # within the slot before the last
    async with database.transaction() as session:
        await session.execute(update(EnergyTenure).values(until=handover))
        since = {"since": handover, "until": None, "rated_w": station.rated_w}
        session.add(EnergyTenure(station=station.id, tenure=2, owner=b"\1" * 20, **since))
    await deliver(database, clock, station.signed(-1, 2 * KWH), station.signed(0, 3 * KWH))
    await evaluate(database, clock)
    async with database.transaction() as session:
        nets = [(await repository.lock_register(session, 1, station.id, it, clock.at))[1].net for it in (1, 2)]
    assert nets == [2 * KWH, 3 * KWH]


async def test_two_evaluators_share_the_work_and_agree(
    database: Database, database_url: str, clock: FixedClock, station: Any, last: int
) -> None:
    other = Database(database_url)
    await deliver(database, clock, *(station.signed(-slot, KWH + slot) for slot in range(40)))

    async def some(where: Database) -> int:
        total = 0
        for _ in range(10):
            async with where.transaction() as session:
                total += await QualityService(clock).evaluate(session, limit=4)
        return total

    assert sum(await asyncio.gather(some(database), some(other))) == 40
    await other.close()
    rows = await in_force(database, station, range(last - 39, last + 1))
    assert {(row.quality, row.e_net_uwh - (last - slot)) for slot, row in rows.items()} == {("validated", KWH)}
    async with database.transaction() as session:
        _, register = await repository.lock_register(session, 1, station.id, 1, clock.at)
    assert register.net == register.net_measured == sum(KWH + slot for slot in range(40))


async def test_what_the_rules_cannot_take_is_parked_and_the_rest_goes_on(
    database: Database, clock: FixedClock, station: Any, last: int, new_station: Any
) -> None:
    sound = new_station()
    await sound.enrol(database)
    await deliver(database, clock, station.signed(-1), sound.signed(0))
    await evaluate(database, clock)
    async with database.transaction() as session:
        # the same slot once more, as a fault in the queue would have it
        row = (await session.scalars(select(EnergyReading).where(EnergyReading.station == station.id))).one()
        await session.execute(
            text("INSERT INTO energy_pending VALUES ('quality', :station, :slot, 'main', :hash)"),
            {"station": row.station, "slot": row.slot, "hash": row.hash},
        )
    await deliver(database, clock, sound.signed(-1))
    assert await evaluate(database, clock) == 2
    assert (await in_force(database, station, range(last - 1, last)))[last - 1].state == "FAILED"
    assert len(await in_force(database, sound, range(last - 1, last + 1))) == 2
    async with database.transaction() as session:
        _, register = await repository.lock_register(session, 1, station.id, 1, clock.at)
    assert register.net == KWH
    assert register != Register()
