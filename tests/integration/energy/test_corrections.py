# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A correction is let in by its key alone, changes nothing that was stored, and moves the register forward only."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update

from edge import keys
from edge.protocol import sign
from energy import audit, corrections
from energy.corrections import CORRECTOR, Record, accept, prepare
from energy.ingest.parked import replay
from energy.ingest.service import IngestService
from energy.models import EnergyInterval, EnergyMeter, EnergyReading, EnergyRegister
from energy.models_ingest import EnergyCorrection
from energy.quality.service import QualityService
from energy.settle.rules import Register
from greencore.cli import main
from kit.clock import FixedClock
from kit.database import Database
from kit.errors import Refused
from kit.settings import Mode
from tests.integration.energy.conftest import NOON

KWH = 10**9
RECORD = Record("Ada", "the meter was mounted the wrong way round", "protocol 17")


@pytest.fixture
def service(clock: FixedClock) -> IngestService:
    return IngestService(clock, Mode.LIVE)


@pytest.fixture
async def corrector(database: Database, station: Any) -> Ed25519PrivateKey:
    return await appoint(database, station.id, Ed25519PrivateKey.generate())


async def appoint(database: Database, station: Any, key: Ed25519PrivateKey) -> Ed25519PrivateKey:
    """A corrector is registered after what it corrects."""
    async with database.transaction() as session:
        public = key.public_key().public_bytes_raw()
        session.add(EnergyMeter(key=public, station=station, role=CORRECTOR, since=NOON))
    return key


async def brought(database: Database, service: IngestService, signed: Any, record: Record = RECORD) -> tuple[str, str]:
    async with database.transaction() as session:
        line = await accept(session, service, signed, record, at=NOON, actor="test")
    return line.status, line.code


async def test_only_the_correctors_key_corrects_and_it_does_nothing_else(
    database: Database, service: IngestService, station: Any, corrector: Ed25519PrivateKey
) -> None:
    slot = station.interval().slot
    right = prepare(station.id, slot, -KWH, RECORD, corrector)
    by_device = sign(right.interval, station.key)
    measured = sign(station.interval(), corrector)
    more = sign(replace(right.interval, measures={"meterWh": -KWH, "genWh": 5}), corrector)
    async with database.transaction() as session:
        lines = await service.ingest(session, [by_device, measured, more], "rest")
    assert {(line.status, line.code) for line in lines} == {("rejected", "telemetry.corrector")}
    old = prepare(station.id, slot - 96 * 401, -KWH, RECORD, corrector)
    assert (await brought(database, service, old))[0] == "rejected"
    assert await brought(database, service, right) == ("accepted", "")
    assert await brought(database, service, right) == ("duplicate", "")
    with pytest.raises(Refused, match="something else was signed"):
        await brought(database, service, right, replace(RECORD, reason="another"))
    with pytest.raises(Refused, match="begins with"):
        await brought(database, service, station.signed())
    async with database.transaction() as session:
        await session.execute(update(EnergyMeter).where(EnergyMeter.role == CORRECTOR).values(until=NOON))
    retired = prepare(station.id, slot, -2 * KWH, RECORD, corrector)
    assert await brought(database, service, retired) == ("rejected", "telemetry.inactive_meter")
    async with database.transaction() as session:
        (row,) = await corrections.corrections(session, station=station.id)
        assert (row.hash, row.delta_uwh, row.who) == (right.hash, -KWH, "Ada")
        assert len(await audit.trail(session, str(station.id))) == 4


async def test_the_record_is_kept_also_if_the_reading_came_in_by_another_way(
    database: Database, service: IngestService, station: Any
) -> None:
    """The corrector's appointment was read late: the correction is refused, replayed, and brought again with its record."""
    corrector = Ed25519PrivateKey.generate()
    signed = prepare(station.id, station.interval().slot, -KWH, RECORD, corrector)
    assert await brought(database, service, signed) == ("rejected", "telemetry.signature")
    await appoint(database, station.id, corrector)
    async with database.transaction() as session:
        (outcome,) = await replay(session, service, at=NOON, actor="test", hashes=[signed.hash])
        assert outcome.status == "accepted"
    assert await brought(database, service, signed) == ("duplicate", "")
    async with database.transaction() as session:
        (row,) = await corrections.corrections(session, station=station.id)
    assert (row.hash, row.who, row.evidence) == (signed.hash, RECORD.who, RECORD.evidence)


def test_a_record_is_three_lines_and_a_correction_says_something() -> None:
    for wrong in ("", "a\nb", "x" * 501):
        with pytest.raises(Refused):
            Record("Ada", wrong, "e").hash()
    with pytest.raises(Refused, match="already"):
        prepare(UUID(int=7), 1, 0, RECORD, Ed25519PrivateKey.generate())


async def test_it_is_a_new_version_and_the_mark_stays(
    database: Database, service: IngestService, station: Any, corrector: Ed25519PrivateKey, clock: FixedClock
) -> None:
    quality = QualityService(clock)
    async with database.transaction() as session:
        await service.ingest(session, [station.signed(-slot, KWH + slot * 10**7) for slot in range(12)], "rest")
    await evaluate(database, quality)
    marked = await register(database)
    slot = station.interval(-5).slot
    assert await brought(database, service, prepare(station.id, slot, -KWH // 2, RECORD, corrector)) == ("accepted", "")
    await evaluate(database, quality)
    after = await register(database)
    assert (after.net, after.mintable) == (marked.net - KWH // 2, marked.mintable)
    async with database.transaction() as session:
        versions = (
            await session.scalars(
                select(EnergyInterval).where(EnergyInterval.slot == slot).order_by(EnergyInterval.version)
            )
        ).all()
        assert [row.e_net_uwh for row in versions] == [KWH + 5 * 10**7, KWH // 2 + 5 * 10**7]
        assert versions[-1].method == "corrected"
        assert await session.scalar(select(func.count()).select_from(EnergyReading)) == 13


async def test_a_slot_that_was_never_read_is_not_shown_as_corrected(
    database: Database, service: IngestService, station: Any, corrector: Ed25519PrivateKey, clock: FixedClock
) -> None:
    """No node counts such a correction, so nobody may read it as counted."""
    quality = QualityService(clock)
    async with database.transaction() as session:
        await service.ingest(session, [station.signed(-2, KWH), station.signed(0, 3 * KWH)], "rest")
    await evaluate(database, quality)
    before, slot = await register(database), station.interval(-1).slot
    async with database.transaction() as session:
        assert await corrections.worth(session, station.id, slot) == 2 * KWH  # the line between its neighbours
    assert await brought(database, service, prepare(station.id, slot, -KWH, RECORD, corrector)) == ("accepted", "")
    await evaluate(database, quality)
    assert (await register(database)).net == before.net
    async with database.transaction() as session:
        assert await corrections.worth(session, station.id, slot) == 2 * KWH


async def evaluate(database: Database, quality: QualityService) -> None:
    async with database.transaction() as session:
        await quality.evaluate(session)


async def register(database: Database) -> Register:
    async with database.transaction() as session:
        return Register.from_json((await session.scalars(select(EnergyRegister.register))).one())


async def test_the_command(
    database: Database, database_url: str, service: IngestService, station: Any, clock: FixedClock, tmp_path: Path
) -> None:
    def run(*arguments: str) -> Result:
        environment = {
            "GREENCORE_DATABASE_URL": database_url,
            "GREENCORE_MODE": "live",
            "GREENCORE_CLOCK": f"{NOON.timestamp()}@{time.time()}x1",
        }
        return CliRunner().invoke(main, ["energy", "correct", *arguments], env=environment)

    async def call(*more: str, start: str = "2026-03-10T11:45:00Z") -> Result:
        base = (
            "--station",
            str(station.id),
            "--start",
            start,
            "--reason",
            "r",
            "--evidence",
            "e",
            "--key",
            str(tmp_path),
        )
        return await asyncio.to_thread(run, *base, *more)

    assert "no device.key" in (await call("--delta-wh", "1")).output
    key = keys.load_or_create(tmp_path)
    assert (await call("--delta-wh", "1")).exit_code == 2  # nothing is stored for the slot
    async with database.transaction() as session:
        await service.ingest(session, [station.signed()], "rest")
    await evaluate(database, QualityService(clock))
    refused = await call("--delta-wh", "-1")
    assert (refused.exit_code, f"--role {CORRECTOR}" in refused.output) == (1, True), refused.output
    await appoint(database, station.id, key)
    done = await call("--to-wh", "400.5")
    assert done.exit_code == 0, done.output
    assert "1000 Wh → 400.5 Wh" in done.output
    again = await call("--to-wh", "400.5")
    assert (again.exit_code, "duplicate" in again.output) == (0, True)
    await evaluate(database, QualityService(clock))
    assert "worth that already" in (await call("--to-wh", "400.5")).output
    for wrong in (("--delta-wh", "x"), ("--delta-wh", "1e-7"), (), ("--delta-wh", "1", "--to-wh", "2")):
        assert (await call(*wrong)).exit_code == 2, wrong
    assert (await call("--delta-wh", "1", start="2026-03-10T11:50:00Z")).exit_code == 2
    async with database.transaction() as session:
        await service.ingest(session, [station.signed(-2)], "rest")
    await evaluate(database, QualityService(clock))
    assert "never read" in (await call("--delta-wh", "1", start="2026-03-10T11:30:00Z")).output
    async with database.transaction() as session:
        (row,) = await session.scalars(select(EnergyCorrection))
        assert (row.delta_uwh, row.who.startswith("cli:")) == (-599_500_000, True)
        assert [it.detail["status"] for it in await audit.trail(session, str(station.id))] == [
            "duplicate",
            "accepted",
            "rejected",
        ]
