# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Simulator → agent → a real NATS server with its MQTT door on; the broker dies in between."""

import asyncio
import contextlib
import shutil
import sys
from pathlib import Path

import aiomqtt
import pytest

from edge.protocol import decode, topic_receipts


@pytest.fixture
def nats(processes, tmp_path, free_port, wait_for_port):
    """Starts the broker on the same port and store, as often as it is called."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        pytest.skip(f"{binary} is missing; install the dependency group `embedded`")
    mqtt_port, port = free_port(), free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'server_name: "test"\nhost: "127.0.0.1"\nport: {port}\n'
        f'jetstream {{ store_dir: "{tmp_path / "jetstream"}", sync_interval: always }}\n'
        f'mqtt {{ host: "127.0.0.1", port: {mqtt_port} }}\n'
    )

    def start():
        process = processes.start("nats", [str(binary), "-c", str(config)])
        wait_for_port(mqtt_port)
        return process

    start.port = mqtt_port
    yield start
    shutil.rmtree(tmp_path / "jetstream", ignore_errors=True)


class Server:
    """Takes intervals from the broker and publishes receipts, until it is stopped; a session of its own."""

    def __init__(self, books, port: int) -> None:
        self.books = books
        self.port = port
        self.lost_receipts = 0
        self.heard = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self.port, identifier="server", clean_session=False) as client:
                    await client.subscribe("greencore/v1/+/intervals", qos=1)
                    async for message in client.messages:
                        await self._take(client, message.payload)
            await asyncio.sleep(0.2)

    async def _take(self, client, payload: bytes) -> None:
        self.heard += 1
        receipt = self.books.take(payload)
        if self.heard % 4 == 2:  # the server dies between its commit and its receipt
            self.lost_receipts += 1
            return
        await client.publish(topic_receipts(decode(payload)[0].interval.home_id), receipt, qos=1)


async def test_intervals_survive_a_broker_that_is_killed(make_rig, receiver, eventually, nats):
    books, rig = receiver.books, make_rig(900)
    broker = nats()
    server = Server(books, nats.port)
    serving = asyncio.create_task(server.run())
    rig.simulate({"name": "home", "profile": "household"})
    rig.agent("home", books.public_hex, transport="mqtt", mqtt_port=nats.port, delivery_timeout_s=1.5)
    station = rig.stations["home"]
    tail = lambda: rig.log("home")[-4000:]  # noqa: E731
    try:
        await eventually(lambda: len(books.intervals(station)) >= 4, 40, tail)
        broker.kill()
        broker.wait()
        built = rig.status("home")["built"]
        await eventually(lambda: rig.status("home")["built"] >= built + 3, 20, tail)
        assert rig.status("home")["pending"] >= 2
        nats()
        await eventually(lambda: rig.status("home")["delivered"] >= built + 4, 40, tail)
        rig.pause_meter()

        def settled() -> bool:
            status = rig.status("home")
            return status["pending"] == 0 and status["built"] == status["delivered"] == len(books.intervals(station))

        await eventually(settled, 30, tail)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    status = rig.status("home")
    seqs = [signed.interval.seq for signed in books.intervals(station)]
    assert seqs == list(range(1, status["built"] + 1))
    assert status["delivered"] == status["built"]
    assert server.lost_receipts >= 1
    assert books.conflicts == 0
