# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Enrolments are kept in memory and never staler than the database: what the mirror says counts from its commit on."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event, update

from energy.ingest.enrolments import Enrolments
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from kit.database import Database
from tests.integration.energy.conftest import NOON


async def look(database: Database, cache: Enrolments, *stations: Any) -> list[Any]:
    async with database.transaction() as session:
        found = await cache.of(session, [station.id for station in stations])
    return [found.get(station.id) for station in stations]


async def test_a_change_counts_from_its_commit_on_and_what_is_known_is_not_asked_again(
    database: Database, station: Any, new_station: Any
) -> None:
    cache, other = Enrolments(), new_station()
    asked: list[str] = []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement)
    )
    first = await look(database, cache, station, other)
    assert first[0] is not None
    assert first[1] is None
    asked.clear()
    assert await look(database, cache, station, other) == first
    assert [statement for statement in asked if "energy_meter" in statement] == []

    class Undone(Exception):
        pass

    try:
        async with database.transaction() as session:
            await session.execute(update(EnergyMeter).values(until=NOON))
            inside = (await cache.of(session, [station.id]))[station.id]
            assert inside.keys[0].until == NOON  # the transaction sees its own change
            raise Undone
    except Undone:
        pass
    assert (await look(database, cache, station))[0].keys[0].until is None  # and it is gone with it

    # one more change, as many as there were with the one that is gone: numbers do not come again
    async with database.transaction() as session:
        await session.execute(update(EnergyTenure).values(rated_w=5))
    (now,) = await look(database, cache, station)
    assert (now.keys[0].until, now.tenures[0].rated_w) == (None, 5)

    for table, change in (
        (EnergyMeter, {"until": NOON}),
        (EnergyTenure, {"rated_w": 7}),
        (EnergyStation, {"demo": True}),
    ):
        async with database.transaction() as session:
            await session.execute(update(table).values(**change))
    (now,) = await look(database, cache, station)
    assert (now.keys[0].until, now.tenures[0].rated_w, now.demo) == (NOON, 7, True)
    await other.enrol(database)
    assert (await look(database, cache, station, other))[1] is not None
    async with database.transaction() as session:
        await session.execute(update(EnergyTenure).values(since=NOON - timedelta(days=9)))
    assert (await look(database, cache, other))[0].tenures[0].since == NOON - timedelta(days=9)
