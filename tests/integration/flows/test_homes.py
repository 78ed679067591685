# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A home's income: claims at the coefficient of their place on chain, adjustments that nobody can change, reorgs taken back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from chain.client import HomePolicyClient
from energy.models import EnergyStation
from flows.homes import service
from flows.mirror_homes import MirrorHomes, platform_projections
from flows.models import HomeCoefficient
from indexer.models import Balance, MintedRow
from indexer.projection import DecodedLog
from indexer.service import Indexer
from kit.clock import FixedClock
from kit.database import Database
from kit.errors import Malformed, NotFound
from kit.units import UWH_PER_WH, Utility
from tests.integration.flows.platform import Platform

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SINCE, UNTIL = NOW - timedelta(days=30), NOW + timedelta(seconds=1)
CLOCK = FixedClock(NOW)
TOKEN = 10**9
OWNER = bytes(19) + b"\x07"


def minted(home: EnergyStation, utility: int, units: int, *, block: int, **other: object) -> MintedRow:
    """A claim that paid the owner so many units."""
    values: dict[str, object] = {"tenure": 1, "block_time": NOW - timedelta(days=1), **other}
    return MintedRow(
        block_number=block,
        log_index=5,
        tx_hash=block.to_bytes(32, "big"),
        utility=utility,
        station=home.id,
        owner=OWNER,
        slot=1,
        from_register=0,
        to_register=units,
        to_owner=units,
        reserve=0,
        token_id=utility,
        mode=1,
        **values,
    )


def coefficient(utility: int, value: int, *, block: int, index: int = 0) -> HomeCoefficient:
    return HomeCoefficient(utility=utility, block_number=block, log_index=index, coefficient=value, at=NOW)


@pytest.fixture
async def home(database: Database) -> EnergyStation:
    made = EnergyStation(id=uuid4(), name="", owner=OWNER, tenure=1, since=SINCE, rated_w=5_000, block=1)
    async with database.transaction() as session:
        session.add(made)
    return made


async def the_income(session: AsyncSession, home: EnergyStation) -> service.Income:
    return await service.income(session, home, since=SINCE, until=UNTIL)


async def test_income__coefficient_of_the_claims_place(database: Database, home: EnergyStation) -> None:
    async with database.transaction() as session:
        session.add_all([coefficient(1, 2_000_000, block=10), coefficient(1, 3_000_000, block=20, index=6)])
        session.add(minted(home, 1, TOKEN, block=9))  # before there was a coefficient
        session.add(minted(home, 1, TOKEN, block=11))
        session.add(minted(home, 1, TOKEN, block=20))  # log 5, before the change in log 6 of the same block
        session.add(minted(home, 1, TOKEN, block=21))
        session.add(minted(home, Utility.CRB, TOKEN, block=22))
        session.add(minted(home, 1, 50 * TOKEN, block=23, tenure=2))
        session.add(minted(home, 1, 50 * TOKEN, block=24, block_time=UNTIL))
        session.add(minted(home, 1, 50 * TOKEN, block=25, block_time=SINCE - timedelta(seconds=1)))
    async with database.transaction() as session:
        found = await the_income(session, home)
    assert [(line.coefficient, line.units) for line in found.lines] == [
        (0, TOKEN),
        (2_000_000, 2 * TOKEN),
        (3_000_000, TOKEN),
    ]
    assert found.gcm_units == 7 * TOKEN


async def test_adjustments__count_and_stay(database: Database, home: EnergyStation) -> None:
    async with database.transaction() as session:
        for kind, units in (("penalty", 5), ("bonus", 2)):
            await service.adjust(
                session,
                CLOCK,
                home.id,
                kind=kind,  # type: ignore[arg-type]
                gcm_units=units,
                policy="GC-7",
                reason="lost seal",
                by="an inspector",
            )
    async with database.transaction() as session:
        found = await the_income(session, home)
    assert found.gcm_units == -3
    assert [(row.kind, row.policy, row.reason) for row in found.adjustments] == [
        ("penalty", "GC-7", "lost seal"),
        ("bonus", "GC-7", "lost seal"),
    ]
    for statement in ("UPDATE home_adjustment SET amount = 1", "DELETE FROM home_adjustment"):
        with pytest.raises(DBAPIError, match="stays"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_adjust__nonsense__is_refused(database: Database, home: EnergyStation) -> None:
    good = {"kind": "bonus", "gcm_units": 1, "policy": "p", "reason": "r", "by": "b"}
    for bad in ({"gcm_units": 0}, {"gcm_units": -1}, {"kind": "gift"}, {"reason": " "}, {"policy": "x" * 501}):
        with pytest.raises(Malformed):
            async with database.transaction() as session:
                await service.adjust(session, CLOCK, home.id, **(good | bad))  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        async with database.transaction() as session:
            await service.adjust(session, CLOCK, uuid4(), **good)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "until"), [(NOW, NOW), (NOW, SINCE), (NOW - timedelta(days=401), NOW), (NOW.replace(tzinfo=None), NOW)]
)
async def test_income__of_no_period__is_refused(
    database: Database, home: EnergyStation, since: datetime, until: datetime
) -> None:
    with pytest.raises(Malformed):
        async with database.transaction() as session:
            await service.income(session, home, since=since, until=until)


async def test_view__the_protocols_balances(database: Database, home: EnergyStation) -> None:
    async with database.transaction() as session:
        session.add(Balance(owner=OWNER, token_id=Utility.W, balance=1_234_567_891))
        session.add(Balance(owner=OWNER, token_id=1 << 255 | 1 << 32, balance=5))
    async with database.transaction() as session:
        rows = (await session.execute(text("SELECT home_id, token_code, balance FROM utility_balances"))).all()
    assert {code for _, code, _ in rows} == {code.name for code in Utility}
    assert {(str(balance)) for home_id, code, balance in rows if code == "W" and home_id == home.id} == {"1.234567891"}
    assert sum(balance for _, code, balance in rows if code != "W") == 0


async def test_mirror__takes_back_what_a_reorg_takes_back(database: Database) -> None:
    def log(block: int, value: int) -> DecodedLog:
        args = {"utility": 2, "old": 0, "new": value}
        return DecodedLog("HomePolicy", "CoefficientChanged", args, OWNER, block, bytes(32), NOW, bytes(32), 0)

    mirror = MirrorHomes()
    async with database.transaction() as session:
        await mirror.apply(session, [log(5, 1), log(6, 2)])
        await mirror.apply(session, [log(6, 2)])
        await mirror.revert(session, 6)
        rows = (await session.execute(text("SELECT block_number, coefficient FROM home_coefficient"))).all()
    assert [tuple(row) for row in rows] == [(5, 1)]


async def test_from_the_contract_to_an_income(platform: Platform) -> None:
    """The deployed coefficient of E is 1 GCM; the DAO doubles it; a claim after that earns twice what its tokens are."""
    grid = platform.grid
    policy = HomePolicyClient(grid.rpc, grid.deployment)
    assert (await policy.coefficients())[1] == 10**6
    await grid.sender(0).send(policy.address, policy.abi.encode_call("set_coefficient", 1, 2 * 10**6))
    platform.indexer = Indexer(
        platform.database, grid.rpc_url, grid.deployment, platform_projections(grid.deployment), grid.clock
    )
    station = await platform.add_station()
    slot = grid.pass_slots()
    await platform.hear(station.reading(slot, 1_000))
    await grid.report(slot)
    await platform.settle()
    # the registry's mirror is at work here too, so the station's row is the chain's
    async with platform.database.transaction() as session:
        home = await session.get_one(EnergyStation, station.id)
        now = grid.clock.now()
        found = await service.income(session, home, since=now - timedelta(days=1), until=now + timedelta(days=1))
    kwh = 1_000 * UWH_PER_WH
    assert [(line.coefficient, line.units) for line in found.lines] == [(2 * 10**6, kwh - kwh * 200 // 10_000)]
    assert found.gcm_units == 2 * (kwh - kwh * 200 // 10_000)
