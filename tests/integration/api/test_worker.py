# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The whole worker between a real broker and a real database: MQTT in, receipts back, events out, jobs of the dead revived."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from api.metrics import Metrics
from api.receipts import load_key, public_hex
from api.settings import WorkerSettings
from api.worker import _measure, _origin, _revive, run_worker
from edge.protocol import Receipt, decode_receipts, topic_intervals, topic_receipts
from energy.models import EnergyInterval, EnergyReading, EnergyRejection
from flows.mint_energy import Claimed
from greencore.embedded.nats import Nats
from kit import jobs, stream
from kit.database import Database
from kit.outbox import OutboxEvent, publish
from tests.integration.api.world import KWH, LAST, NOON, Device, body

WAIT = 30


@pytest.fixture
def worker_settings(database_url: str, nats_server: Nats, tmp_path: Path) -> WorkerSettings:
    url = urlsplit(nats_server.url)
    return WorkerSettings(
        database_url=SecretStr(database_url),
        nats_url=SecretStr(nats_server.url),
        rpc_url="http://127.0.0.1:9",
        deployment=tmp_path / "none.json",
        receipt_key=tmp_path / "receipt.key",
        mqtt_port=nats_server.mqtt_port,
        mqtt_user=url.username,
        mqtt_password=SecretStr(url.password or ""),
        clock=f"{NOON.timestamp()}@{time.time()}x1",
    )


@pytest.fixture
async def worker(worker_settings: WorkerSettings) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run_worker(worker_settings))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def station(worker_settings: WorkerSettings, worker: asyncio.Task[None], device: Device) -> AsyncIterator[Any]:
    """The station's side of MQTT: publishes, and hears its receipts."""
    password = worker_settings.mqtt_password
    assert password is not None
    async with aiomqtt.Client(
        "127.0.0.1",
        worker_settings.mqtt_port,
        username=worker_settings.mqtt_user,
        password=password.get_secret_value(),
        identifier="station",
        protocol=aiomqtt.ProtocolVersion.V311,
    ) as client:
        await client.subscribe(topic_receipts(device.station), qos=1)
        await until(lambda: streams_stand(worker_settings))
        yield client


async def streams_stand(worker_settings: WorkerSettings) -> bool:
    client = await stream.connect(worker_settings.nats_url.get_secret_value(), name="test")
    try:
        names = {info.config.name for info in await client.jetstream().streams_info()}
    finally:
        await client.close()
    return {stream.TELEMETRY, stream.EVENTS} <= names


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT):
        while not await condition():  # noqa: ASYNC110  (the state is another process's)
            await asyncio.sleep(0.1)


async def heard(client: aiomqtt.Client) -> Receipt:
    async with asyncio.timeout(WAIT):
        message = await anext(aiter(client.messages))
        assert isinstance(message.payload, bytes)
        (receipt,) = decode_receipts(message.payload)
        return receipt


async def count(database: Database, table: Any, *where: Any) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table).where(*where)) or 0


async def test_intervals_come_by_mqtt_and_receipts_go_back(
    worker_settings: WorkerSettings, station: aiomqtt.Client, device: Device, database: Database
) -> None:
    topic = topic_intervals(device.station)
    sent = device.signed()
    await station.publish(topic, sent.to_json(), qos=1)
    receipt = await heard(station)
    assert receipt.signed_by(bytes.fromhex(public_hex(load_key(worker_settings.receipt_key))))
    assert [(line.status, line.hash) for line in receipt.receipts] == [("accepted", "0x" + sent.hash.hex())]
    assert await count(database, EnergyReading, EnergyReading.transport == "mqtt") == 1

    await station.publish(topic, b'{"not": "an interval"}', qos=1)
    await station.publish(topic, Device().signed().to_json(), qos=1)  # another station's by this one's topic
    forged = replace(device.signed(LAST - 1), signature=bytes(64))
    await station.publish(topic, body(sent, device.signed(uwh=2 * KWH), forged, device.signed(LAST - 2)), qos=1)
    lines = (await heard(station)).receipts
    assert [line.status for line in lines] == ["duplicate", "conflict", "rejected", "accepted"]
    async with database.transaction() as session:
        codes = (await session.scalars(select(EnergyRejection.code).order_by(EnergyRejection.code))).all()
    assert codes == ["telemetry.malformed", "telemetry.signature", "telemetry.wrong_station"]

    published = [OutboxEvent.published_at.is_not(None)]
    await until(lambda: _equal(count(database, OutboxEvent, *published), 2))
    await until(lambda: _equal(count(database, EnergyInterval), 2))  # judged


async def _equal(value: Any, wanted: int) -> bool:
    return bool(await value >= wanted)


async def test_what_came_while_no_worker_ran_waits_for_the_next(
    worker_settings: WorkerSettings, worker: asyncio.Task[None], station: aiomqtt.Client, device: Device
) -> None:
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    sent = [device.signed(LAST - back) for back in range(5)]
    for one in sent:
        await station.publish(topic_intervals(device.station), one.to_json(), qos=1)
    second = asyncio.create_task(run_worker(worker_settings))
    try:
        lines = [(await heard(station)).receipts[0] for _ in sent]
        assert {line.hash for line in lines} == {"0x" + one.hash.hex() for one in sent}
        assert {line.status for line in lines} == {"accepted"}
    finally:
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)


async def test_a_job_whose_worker_died_runs_again(database_url: str, database: Database) -> None:
    app = jobs.make_app(database_url)
    done = asyncio.Event()

    @app.task(name="test.finish", queue="default")
    async def _finish() -> None:
        done.set()

    async with database.transaction() as session:
        await jobs.defer(session, "test.finish", lock="one")
        await session.execute(
            text(
                "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE "
                "VALUES (99, now() - interval '1 minute')"
            )
        )
        await session.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = 99"))
    async with app.open_async():
        await _revive(app)
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    assert done.is_set()


async def test_an_operator_can_ask_what_waits(database: Database) -> None:
    metrics = Metrics()
    async with database.transaction() as session:
        publish(session, "event.test", {})
        await jobs.defer(session, "test.nothing")
    await _measure(database, metrics)
    metrics.note_claims([Claimed(Device().station, 1, LAST, "minted", to_owner=98, reserve=2)])
    text = generate_latest(metrics.registry).decode()
    assert 'greencore_worker_waiting{what="event"} 1.0' in text
    assert 'greencore_worker_waiting{what="job_todo"} 1.0' in text
    assert 'greencore_keeper_claims_total{outcome="minted"} 1.0' in text
    assert "greencore_keeper_minted_uwh_total 100.0" in text


def test_message_ids_tell_databases_apart(worker_settings: WorkerSettings) -> None:
    other = worker_settings.model_copy(update={"database_url": SecretStr("postgresql+asyncpg://u@/other?host=/x")})
    assert _origin(other) == "other" != _origin(worker_settings)
