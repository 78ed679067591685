# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An operator looks at what was refused and tries it again: by REST and by the command, and strangers do not."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update

from edge.protocol import Interval, sign
from energy.ingest.service import IngestService
from energy.models import (
    EnergyInterval,
    EnergyMeter,
    EnergyPending,
    EnergyReading,
    EnergyRegister,
    EnergyStation,
    EnergyTenure,
)
from energy.quality.service import QualityService
from energy.settle.rules import Register
from greencore.cli import main
from kit.clock import FixedClock, SystemClock
from kit.database import Database
from kit.settings import Mode
from kit.units import slot_of
from tests.integration.api.world import NOON, OPERATOR, Device, body

JSON = {"content-type": "application/json"}


async def test_the_doors(client: httpx.AsyncClient, database: Database) -> None:
    device = Device()
    sent = device.signed()
    hashed = "0x" + sent.hash.hex()
    (line,) = (await client.post("/api/telemetry/intervals", content=body(sent), headers=JSON)).json()["receipts"]
    assert line["code"] == "telemetry.unknown_meter"
    for answer in (
        await client.get("/api/telemetry/parked"),
        await client.post(f"/api/telemetry/parked/{hashed}/replay"),
    ):
        assert answer.status_code == 401
    (row,) = (await client.get("/api/telemetry/parked", headers=OPERATOR)).json()
    assert (row["hash"], row["state"], row["station"], row["times"]) == (hashed, "waits", str(device.station), 1)
    assert "register" in row["advice"]
    again = f"/api/telemetry/parked/{hashed}/replay"
    assert (await client.post(again, headers=OPERATOR)).json()["code"] == "telemetry.unknown_meter"
    async with database.transaction() as session:
        device.enrol(session)
    for expected in ("accepted", "resolved"):
        assert (await client.post(again, headers=OPERATOR)).json()["status"] == expected
    assert (await client.get("/api/telemetry/parked", headers=OPERATOR)).json() == []
    strange = await client.post(f"/api/telemetry/parked/0x{'00' * 32}/replay", headers=OPERATOR)
    assert (strange.status_code, strange.json()["code"]) == (404, "telemetry.not_parked")
    assert (await client.post("/api/telemetry/parked/xyz/replay", headers=OPERATOR)).status_code == 422


@pytest.fixture
def command(database_url: str) -> Callable[..., Result]:
    """Runs `greencore …` on the test's database."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            main, arguments, env={"GREENCORE_DATABASE_URL": database_url, "GREENCORE_MODE": "live"}
        )

    return run


async def test_failed_intervals_are_shown_and_judged_again(
    database: Database, command: Callable[..., Result], device: Device
) -> None:
    clock = FixedClock(NOON)
    quality = QualityService(clock)

    async def judged() -> str:
        async with database.transaction() as session:
            await quality.evaluate(session)
        async with database.transaction() as session:
            versions = select(EnergyInterval.state).order_by(EnergyInterval.version.desc())
            return (await session.scalars(versions)).first() or ""

    async with database.transaction() as session:
        await IngestService(clock, Mode.LIVE).ingest(session, [device.signed()], "rest")
    assert await judged() == "STORED"
    async with database.transaction() as session:  # a fault in the queue: the same slot once more
        row = (await session.scalars(select(EnergyReading))).one()
        session.add(EnergyPending(queue="quality", station=row.station, slot=row.slot, meter=row.meter, hash=row.hash))
    assert await judged() == "FAILED"
    shown = await asyncio.to_thread(command, "energy", "parked")
    assert "counted already" in shown.output, shown.output
    assert "1 readings wait" in (await asyncio.to_thread(command, "energy", "replay", "--failed")).output
    assert await judged() == "FAILED"
    async with database.transaction() as session:  # somebody repairs the register
        await session.execute(update(EnergyRegister).values(register=Register().to_json()))
    await asyncio.to_thread(command, "energy", "replay", "--failed", "--station", str(device.station))
    assert await judged() == "STORED"


async def test_the_command(database: Database, command: Callable[..., Result]) -> None:
    async def call(*arguments: str) -> Result:
        return await asyncio.to_thread(command, "energy", *arguments)

    assert "Nothing waits" in (await call("parked")).output
    station, key = uuid4(), Ed25519PrivateKey.generate()
    now = datetime.now(UTC)
    sent = [sign(Interval(station, slot_of(now) - 2 - n, {"meterWh": 5}, bytes(32)), key) for n in range(2)]
    async with database.transaction() as session:
        await IngestService(SystemClock(), Mode.LIVE).ingest(session, sent, "rest")
    shown = await call("parked")
    for text in ("0x" + sent[0].hash.hex(), "telemetry.unknown_meter", str(station), "greencore register", "came once"):
        assert text in shown.output
    listed = json.loads((await call("parked", "--station", str(station), "--json")).output)
    assert {row["hash"] for row in listed} == {"0x" + one.hash.hex() for one in sent}
    assert json.loads((await call("parked", "--station", str(uuid4()), "--json")).output) == []
    refused = await call("replay", "0x" + sent[0].hash.hex())
    assert (refused.exit_code, "rejected" in refused.output) == (1, True)
    async with database.transaction() as session:
        since = now - timedelta(days=2)
        session.add(EnergyStation(id=station, owner=bytes(20), tenure=1, since=since, rated_w=40_000, block=1))
        session.add(EnergyTenure(station=station, tenure=1, owner=bytes(20), since=since, rated_w=40_000))
        session.add(EnergyMeter(key=key.public_key().public_bytes_raw(), station=station, since=since))
    healed = await call("replay", "--code", "telemetry.unknown_meter", "--json")
    assert healed.exit_code == 0, healed.output
    assert [row["status"] for row in json.loads(healed.output)] == ["accepted"] * 2
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(EnergyReading)) == 2
    assert (await call("replay", "0x" + sent[0].hash.hex())).exit_code == 0
    for wrong in (("replay",), ("replay", "12"), ("replay", "0x" + "00" * 32, "--code", "x")):
        assert (await call(*wrong)).exit_code == 2, wrong
    assert (await call("replay", "0x" + "00" * 32)).exit_code == 1
