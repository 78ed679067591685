# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A broker that acknowledged and then lost everything: its acknowledgement was never a receipt, so nothing is lost."""

import asyncio
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiomqtt
import pytest
from structlog.testing import capture_logs

from edge.buffer.store import Buffer
from edge.clock import Clock
from edge.delivery.mqtt import MqttTransport
from edge.delivery.sender import Delivery
from edge.delivery.transports import transport_of
from edge.intervals import BuilderState
from edge.keys import load_or_create
from edge.protocol import decode, topic_receipts
from edge.settings import EdgeSettings
from edge.status import Status
from tests.integration.edge.buffer_child import FIRST, HOME, draft


class Acknowledged(MqttTransport):
    """Counts what the broker has acknowledged, by looking at what the client library was told."""

    published = 0

    def _new_client(self) -> aiomqtt.Client:
        client = super()._new_client()
        publish = client.publish

        async def counted(*args, **kwargs):
            await publish(*args, **kwargs)  # returns with the PUBACK
            self.published += 1

        client.publish = counted
        return client


@pytest.fixture
def nats(processes, tmp_path, free_port, wait_for_port):
    """Starts the broker on the same port, as often as it is called; its store may be gone in between."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        pytest.skip(f"{binary} is missing; install the dependency group `embedded`")
    mqtt_port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'server_name: "test"\nhost: "127.0.0.1"\nport: {free_port()}\n'
        f'jetstream {{ store_dir: "{tmp_path / "jetstream"}" }}\n'
        f'mqtt {{ host: "127.0.0.1", port: {mqtt_port} }}\n'
    )

    def start():
        process = processes.start("nats", [str(binary), "-c", str(config)])
        wait_for_port(mqtt_port)
        return process

    start.port = mqtt_port
    return start


async def test_what_a_broker_acknowledged_and_lost_is_sent_again(nats, tmp_path, receiver, eventually):
    broker = nats()
    settings = EdgeSettings(
        station=HOME,
        receipt_key=receiver.books.public_hex,
        transport="mqtt",
        mqtt_port=nats.port,
        upload_jitter_s=0,
        delivery_timeout_s=1.5,
        retry_base_s=0.1,
        retry_max_s=0.5,
    )
    folder = tmp_path / "edge"
    key = load_or_create(folder)
    with capture_logs(), ThreadPoolExecutor(1) as writer, Buffer(folder) as buffer:
        delivery = Delivery(settings, buffer, writer, Clock(), Status(folder, {}), key)
        delivery.transport = transport = Acknowledged(settings, delivery.receive)
        buffer.store([draft(slot, key) for slot in range(FIRST, FIRST + 5)], BuilderState(), "map")
        pending = lambda: len(writer.submit(buffer.pending, 10).result())  # noqa: E731
        tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(transport.run())]
        try:
            await eventually(lambda: transport.published >= 1, 20)
            assert pending() == 5  # acknowledged by the broker, and no server listens
            broker.kill()
            broker.wait()
            shutil.rmtree(tmp_path / "jetstream")
            nats()
            serving = asyncio.create_task(serve(nats.port, receiver.books))
            tasks.append(serving)
            await eventually(lambda: pending() == 0, 30)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    kept = receiver.books.intervals(HOME)
    assert [signed.interval.seq for signed in kept] == [1, 2, 3, 4, 5]
    assert receiver.books.conflicts == 0


async def serve(port: int, books) -> None:
    """A server that hears intervals and signs receipts."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="server", clean_session=False) as client:
        await client.subscribe("greencore/v1/+/intervals", qos=1)
        async for message in client.messages:
            receipt = books.take(message.payload)
            await client.publish(topic_receipts(decode(message.payload)[0].interval.home_id), receipt, qos=1)


async def test_without_a_broker_rest_takes_over_and_the_broker_is_used_again_when_it_is_back(
    nats, tmp_path, receiver, eventually
):
    settings = EdgeSettings(
        station=HOME,
        receipt_key=receiver.books.public_hex,
        transport="mqtt",
        mqtt_port=nats.port,
        api_url=receiver.url,
        fallback_s=1,
        upload_jitter_s=0,
        delivery_timeout_s=2,
        retry_base_s=0.1,
        retry_max_s=0.3,
    )
    folder = tmp_path / "edge"
    key = load_or_create(folder)
    by_rest = 0

    def count(_payload: bytes) -> None:
        nonlocal by_rest
        by_rest += 1

    receiver.fault = count
    with capture_logs(), ThreadPoolExecutor(1) as writer, Buffer(folder) as buffer:
        delivery = Delivery(settings, buffer, writer, Clock(), Status(folder, {}), key)
        delivery.transport = transport_of(settings, delivery.receive, delivery.reachable)
        store = lambda *slots: writer.submit(  # noqa: E731
            buffer.store, [draft(slot, key) for slot in slots], BuilderState(), "map"
        ).result()
        pending = lambda: len(writer.submit(buffer.pending, 10).result())  # noqa: E731
        tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(delivery.transport.run())]
        try:
            store(FIRST, FIRST + 1)
            delivery.wake()
            await eventually(lambda: pending() == 0, 20)
            assert by_rest == 1
            nats()
            tasks.append(asyncio.create_task(serve(nats.port, receiver.books)))
            slot = FIRST + 2
            while receiver.books.deliveries == by_rest:  # until one came by the broker
                assert slot < FIRST + 60
                store(slot)
                delivery.wake()
                await eventually(lambda: pending() == 0, 20)
                await asyncio.sleep(0.3)
                slot += 1
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    kept = receiver.books.intervals(HOME)
    assert [signed.interval.seq for signed in kept] == list(range(1, slot - FIRST + 1))
    assert receiver.books.conflicts == 0
