# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Energy's stations, tenures and meters are what the Registry says, also after it changes its mind."""

from sqlalchemy import select

from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from flows.mirror_registry import MirrorRegistry
from indexer.service import Indexer
from indexer.upkeep import rebuild
from kit.clock import SystemClock
from kit.database import Database
from tests.conftest import Deployed
from tests.integration.indexer.world import RATED_W, World


def _indexer(world: World, database: Database) -> Indexer:
    return Indexer(database, world.deployed.rpc_url, world.deployment, [MirrorRegistry()], SystemClock())


async def test_a_handover_a_rating_and_a_retired_meter_arrive_and_are_taken_back(
    deployment: Deployed, database: Database
) -> None:
    world = World(deployment)
    world.begin()
    station = world.station()
    first_owner = world.owners[station, 1]
    indexer = _indexer(world, database)
    await indexer.catch_up()
    assert await _seen(database) == ([(station, first_owner, 1, RATED_W)], [(1, first_owner, RATED_W, True)], [True])

    async with database.transaction() as session:
        (row,) = await session.scalars(select(EnergyStation))
        row.name, row.k_safety_ppm = "roof", 900_000
    mark = deployment.chain.call("evm_snapshot")
    registrar = world.owner_of("Registry")
    receiver = world.hand_over(station)
    world.send(registrar, "Registry", "set_rating", station.int, 7_000)
    async with database.transaction() as session:
        key = await session.scalar(select(EnergyMeter.key))
    world.send(registrar, "Registry", "retire_meter", key)
    second = world.meter(station)
    await indexer.catch_up()
    stations, tenures, meters = await _seen(database)
    assert stations == [(station, receiver, 2, 7_000)]
    assert tenures == [(1, first_owner, RATED_W, False), (2, receiver, 7_000, True)]
    assert sorted(meters) == [False, True]
    async with database.transaction() as session:
        (row,) = await session.scalars(select(EnergyStation))
        assert (row.name, row.k_safety_ppm) == ("roof", 900_000), "what energy keeps of its own stays"
        old, new = await session.scalars(select(EnergyTenure).order_by(EnergyTenure.tenure))
        assert old.until == new.since
        assert [rated_w for _, rated_w in new.ratings] == [RATED_W, 7_000]
        assert old.ratings == new.ratings
        assert new.ratings[0][0] <= new.ratings[1][0]
        assert await session.get(EnergyMeter, second) is not None

    deployment.chain.call("evm_revert", mark)
    deployment.chain.mine()
    await indexer.catch_up()
    assert await _seen(database) == ([(station, first_owner, 1, RATED_W)], [(1, first_owner, RATED_W, True)], [True])


async def test_a_rebuild_keeps_what_energy_has_of_its_own(deployment: Deployed, database: Database) -> None:
    world = World(deployment)
    world.begin()
    plain, named = world.station(), world.station()
    indexer = _indexer(world, database)
    await indexer.catch_up()
    before = await _seen(database)
    async with database.transaction() as session:
        row = await session.get_one(EnergyStation, named)
        row.name, row.k_safety_ppm = "roof", 900_000
    async with database.transaction() as session:
        await rebuild(session, [MirrorRegistry()])
    async with database.transaction() as session:
        assert await session.get(EnergyStation, plain) is None
        assert (await session.scalars(select(EnergyMeter))).all() == []
    await indexer.catch_up()
    assert await _seen(database) == before
    async with database.transaction() as session:
        row = await session.get_one(EnergyStation, named)
        assert (row.name, row.k_safety_ppm) == ("roof", 900_000)


async def _seen(database: Database) -> tuple[list[object], list[object], list[bool]]:
    """Stations, tenures (with whether they run) and whether each meter is in use."""
    async with database.transaction() as session:
        stations = await session.scalars(select(EnergyStation).order_by(EnergyStation.id))
        tenures = await session.scalars(select(EnergyTenure).order_by(EnergyTenure.station, EnergyTenure.tenure))
        meters = await session.scalars(select(EnergyMeter))
        return (
            [(row.id, row.owner, row.tenure, row.rated_w) for row in stations],
            [(row.tenure, row.owner, row.rated_w, row.until is None) for row in tenures],
            [row.until is None for row in meters],
        )
