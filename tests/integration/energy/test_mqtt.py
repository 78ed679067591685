# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""MQTT on a real broker: from a meter's publish to a signed receipt, with duplicates, rubbish and a broker that goes away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from edge.protocol import Receipt, decode_receipts, sign_receipt, topic_intervals, topic_receipts
from energy.ingest.mqtt import MqttIngest, MqttPublisher, run_mqtt_ingest, sender_of
from energy.ingest.service import IngestService
from energy.models import EnergyReading, EnergyRejection
from greencore.embedded.nats import SERVICE_USER, Nats
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.stream import Message, connect, ensure_streams

HOST = "127.0.0.1"


class Server:
    """The receiving end: the key that signs receipts and the ingest behind it."""

    def __init__(self, clock: FixedClock) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw()
        self.service = IngestService(clock, Mode.LIVE)
        self._clock = clock

    def receipts(self, deliveries: Any, lines: Any) -> list[Receipt]:
        stations = {delivery.interval.home_id for delivery in deliveries}
        made = []
        for station in stations:
            mine = [line for it, line in zip(deliveries, lines, strict=True) if it.interval.home_id == station]
            made.append(sign_receipt(station, self._clock.now(), mine, self.key))
        return made


@pytest.fixture
def server(clock: FixedClock) -> Server:
    return Server(clock)


@pytest.fixture
async def running(nats_server: Nats, database: Database, server: Server) -> AsyncIterator[None]:
    client = await connect(nats_server.url, name="worker")
    await ensure_streams(client)
    password = urlsplit(nats_server.url).password
    async with MqttPublisher(HOST, nats_server.mqtt_port, user=SERVICE_USER, password=password) as publisher:
        task = asyncio.create_task(run_mqtt_ingest(client, database, server.service, publisher, server.receipts))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await client.close()


def meter(nats_server: Nats, name: str) -> aiomqtt.Client:
    password = urlsplit(nats_server.url).password
    return aiomqtt.Client(HOST, nats_server.mqtt_port, identifier=name, username=SERVICE_USER, password=password)


async def next_receipt(client: aiomqtt.Client) -> Receipt:
    async with asyncio.timeout(20):
        message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    (receipt,) = decode_receipts(message.payload)
    return receipt


@pytest.mark.usefixtures("running")
async def test_a_meter_gets_a_signed_receipt_for_every_delivery(
    nats_server: Nats, database: Database, server: Server, station: Any
) -> None:
    one, other = station.signed(-1), station.signed(0)
    array = b"[" + one.to_json() + b"," + other.to_json() + b"]"
    async with meter(nats_server, "meter") as client:
        await client.subscribe(topic_receipts(station.id), qos=1)
        await client.publish(
            topic_intervals(station.id), b'{"homeId": 7}', qos=1
        )  # nobody can be told, and nothing stops
        await client.publish(topic_intervals(station.id), array, qos=1)
        first = await next_receipt(client)
        await client.publish(topic_intervals(station.id), other.to_json(), qos=1)
        second = await next_receipt(client)
    assert first.signed_by(server.public)
    assert [(line.hash, line.status) for line in first.receipts] == [
        ("0x" + one.hash.hex(), "accepted"),
        ("0x" + other.hash.hex(), "accepted"),
    ]
    assert [line.status for line in second.receipts] == ["duplicate"]
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(EnergyReading)) == 2
        (kept,) = await session.scalars(select(EnergyRejection))
    assert (kept.code, kept.station, kept.payload) == ("telemetry.malformed", station.id, b'{"homeId": 7}')


class Broken:
    """A publisher that fails a few times, and then remembers what it sent."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.sent: list[tuple[str, Receipt]] = []

    async def publish(self, topic: str, payload: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise aiomqtt.MqttError("gone")
        self.sent.append((topic, *decode_receipts(payload)))


def message(station: Any, payload: bytes) -> Message:
    return Message(f"greencore.v1.{station}.intervals", payload, 1, 1)


async def test_a_broker_that_fails_after_the_commit_brings_the_batch_again(
    database: Database, server: Server, station: Any
) -> None:
    publisher = Broken(failures=1)
    handler = MqttIngest(database, server.service, publisher, server.receipts)
    batch = [message(station.id, station.signed().to_json())]
    with pytest.raises(aiomqtt.MqttError):
        await handler.handle(batch)
    await handler.handle(batch)
    ((topic, receipt),) = publisher.sent
    assert topic == topic_receipts(station.id)
    assert [line.status for line in receipt.receipts] == ["duplicate"]


async def test_nobody_refuses_another_stations_intervals(database: Database, server: Server, station: Any) -> None:
    publisher, thief = Broken(failures=0), uuid4()
    handler = MqttIngest(database, server.service, publisher, server.receipts)
    await handler.handle([message(thief, station.signed().to_json())])
    ((topic, receipt),) = publisher.sent
    assert topic == topic_receipts(thief)
    assert [(line.status, line.code) for line in receipt.receipts] == [("rejected", "telemetry.wrong_station")]


def test_a_subject_names_a_station_or_nobody() -> None:
    station = uuid4()
    assert sender_of(f"greencore.v1.{station}.intervals") == station
    assert sender_of("greencore.v1.nobody.intervals") is None
    assert sender_of("greencore.v1.intervals") is None
