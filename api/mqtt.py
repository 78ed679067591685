# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The MQTT door: what the broker stored of stations' deliveries goes through ingest, and receipts go back to their topics.

Receipts leave only after the commit, as MQTT with quality of service 1, so that a station that is away hears them later. A delivery
is taken from the stream only after its receipts left; if that fails it comes again and its receipts say `duplicate`.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import aiomqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.metrics import Metrics
from api.receipts import receipts
from api.settings import WorkerSettings
from edge.protocol import ProtocolError, Receipt, SignedInterval, decode, topic_receipts
from energy.ingest.service import IngestService
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import Unavailable
from kit.stream import Message

log = logs.get(__name__)

DURABLE = "ingest"
_INTERVALS_PER_TRANSACTION = 2_000
_CONNECT_SECONDS = 20.0
_PUBLISH_SECONDS = 10.0


class ReceiptPublisher:
    """Holds a connection to the broker's MQTT listener in `run`; `publish` waits for it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._client: aiomqtt.Client | None = None
        self._connected = asyncio.Event()

    async def run(self) -> None:
        """Connect, and connect again whenever the connection ends."""
        pause = 0.5
        while True:
            try:
                async with self._new_client() as client:
                    self._client = client
                    self._connected.set()
                    pause = 0.5
                    async for _ in client.messages:  # nothing is subscribed; ends with the connection
                        pass
            except aiomqtt.MqttError as error:
                log.warning("mqtt.disconnected", error=str(error), again_in_s=pause)
            finally:
                self._client = None
                self._connected.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)

    async def publish(self, made: Receipt) -> None:
        """Send a receipt to its station's topic. Raises Unavailable if the broker does not take it."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._connected.wait()
            client = self._client
            if client is None:
                raise Unavailable("mqtt.disconnected", "the broker went away")
            topic = topic_receipts(UUID(made.homeId))
            await client.publish(topic, made.to_json(), qos=1, timeout=_PUBLISH_SECONDS)
        except TimeoutError as error:
            raise Unavailable("mqtt.disconnected", "the broker's MQTT listener can't be reached") from error
        except aiomqtt.MqttError as error:
            raise Unavailable("mqtt.failed", str(error)) from error

    def _new_client(self) -> aiomqtt.Client:
        password = self._settings.mqtt_password
        return aiomqtt.Client(
            self._settings.mqtt_host,
            self._settings.mqtt_port,
            username=self._settings.mqtt_user,
            password=None if password is None else password.get_secret_value(),
            identifier=f"greencore-worker-{socket.gethostname()}-{os.getpid()}",
            protocol=aiomqtt.ProtocolVersion.V311,
            max_queued_outgoing_messages=0,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that could be read: the station whose topic it came on, and its intervals."""

    sender: UUID
    intervals: Sequence[SignedInterval]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One message that could not: its bytes and why."""

    sender: UUID | None
    data: bytes
    error: ProtocolError


class TelemetryConsumer:
    """Handles batches of the TELEMETRY stream."""

    def __init__(
        self,
        database: Database,
        ingest: IngestService,
        publisher: ReceiptPublisher,
        *,
        clock: Clock,
        key: Ed25519PrivateKey,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._ingest = ingest
        self._publisher = publisher
        self._clock = clock
        self._key = key
        self._metrics = metrics

    async def handle(self, messages: list[Message]) -> None:
        """Store what the messages hold, a bounded number of intervals a transaction, and send the receipts."""
        waiting: list[Delivery | Unreadable] = []
        size = 0
        for message in messages:
            found = read(message)
            waiting.append(found)
            size += len(found.intervals) if isinstance(found, Delivery) else 1
            if size >= _INTERVALS_PER_TRANSACTION:
                await self._settle(waiting)
                waiting, size = [], 0
        if waiting:
            await self._settle(waiting)

    async def _settle(self, found: Sequence[Delivery | Unreadable]) -> None:
        deliveries = [one for one in found if isinstance(one, Delivery)]
        unreadable = [one for one in found if isinstance(one, Unreadable)]
        intervals = [interval for delivery in deliveries for interval in delivery.intervals]
        senders = [delivery.sender for delivery in deliveries for _ in delivery.intervals]
        async with self._database.transaction() as session:
            for one in unreadable:
                await self._ingest.refuse(session, one.data, one.error, "mqtt", sender=one.sender)
            lines = await self._ingest.ingest(session, intervals, "mqtt", senders=senders) if intervals else []
        for one in unreadable:
            self._metrics.malformed.labels("mqtt", one.error.code).inc()
        for (status, code), count in Counter((line.status, line.code) for line in lines).items():
            self._metrics.intervals.labels("mqtt", status, code).inc(count)
        at, start = self._clock.now(), 0
        for delivery in deliveries:
            part = lines[start : start + len(delivery.intervals)]
            start += len(delivery.intervals)
            # a line about another station's interval is in the books as rejected; that station never asked
            for receipt in receipts(delivery.intervals, part, at=at, key=self._key):
                if UUID(receipt.homeId) == delivery.sender:
                    await self._publisher.publish(receipt)


def read(message: Message) -> Delivery | Unreadable:
    """What a message of the stream holds. Its subject is `greencore.v1.{station}.intervals`."""
    level = message.subject.split(".")[2] if message.subject.count(".") >= 3 else ""
    try:
        sender = UUID(level)
    except ValueError:
        error = ProtocolError("telemetry.topic", "the topic names no station")
        return Unreadable(None, message.data, error)
    try:
        return Delivery(sender, decode(message.data))
    except ProtocolError as error:
        return Unreadable(sender, message.data, error)
