# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings that meters publish over MQTT: from the stream into the database, and receipts back after the commit.

The broker keeps what meters publish in the stream TELEMETRY. A batch is acknowledged there only after its rows are committed and
its receipts are on their way, so a crash at any point brings it again, and the second time everything is a duplicate.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

import aiomqtt
from nats.aio.client import Client

from edge.protocol import (
    BATCH_MAX,
    ProtocolError,
    Receipt,
    ReceiptLine,
    SignedInterval,
    decode,
    topic_receipts,
)
from energy.ingest.service import IngestService
from kit import logs
from kit.database import Database
from kit.stream import TELEMETRY, Message, consume

log = logs.get(__name__)

DURABLE = "energy_ingest"
_MESSAGES = 32  # a batch must be done well within the time after which the stream sends it again
_INTERVALS = 2 * BATCH_MAX  # of one transaction

MakeReceipts = Callable[[Sequence[SignedInterval], Sequence[ReceiptLine]], list[Receipt]]


class Publisher(Protocol):
    """Sends bytes to a topic with quality of service 1. Raises if the broker did not take them."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send and wait for the broker's acknowledgement."""
        ...


class MqttPublisher:
    """One connection to the broker, made when it is needed and again after it was lost. Use it as a context."""

    def __init__(self, host: str, port: int, *, user: str | None = None, password: str | None = None) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._client: aiomqtt.Client | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send with quality of service 1. Raises aiomqtt.MqttError; the next call connects again."""
        try:
            if self._client is None:
                client = aiomqtt.Client(self._host, self._port, username=self._user, password=self._password)
                await client.__aenter__()
                self._client = client
            await self._client.publish(topic, payload, qos=1)
        except aiomqtt.MqttError:
            await self._close()
            raise

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.__aexit__(None, None, None)
            except aiomqtt.MqttError as error:
                log.debug("mqtt.closing", error=str(error))


@dataclass(frozen=True, slots=True)
class _Delivered:
    sender: UUID | None
    delivery: SignedInterval


class MqttIngest:
    """The handler of the stream's consumer."""

    def __init__(
        self, database: Database, service: IngestService, publisher: Publisher, make_receipts: MakeReceipts
    ) -> None:
        self._database = database
        self._service = service
        self._publisher = publisher
        self._make_receipts = make_receipts

    async def handle(self, messages: list[Message]) -> None:
        """Store a batch of messages, then send the receipts. Raises what the database or the broker raises: it comes again."""
        waiting: list[_Delivered] = []
        for message in messages:
            sender = sender_of(message.subject)
            try:
                waiting += [_Delivered(sender, delivery) for delivery in decode(message.data)]
            except ProtocolError as error:
                log.warning("telemetry.unreadable", subject=message.subject, code=error.code, error=str(error))
                async with self._database.transaction() as session:
                    await self._service.refuse(session, message.data, error, "mqtt", sender=sender)
            if len(waiting) >= _INTERVALS:
                await self._store(waiting)
                waiting = []
        if waiting:
            await self._store(waiting)

    async def _store(self, batch: Sequence[_Delivered]) -> None:
        async with self._database.transaction() as session:
            lines = await self._service.ingest(
                session, [one.delivery for one in batch], "mqtt", senders=[one.sender for one in batch]
            )
        # a receipt goes to whoever sent, not to whom the interval names: nobody may refuse another station's intervals
        answers: dict[UUID, list[tuple[SignedInterval, ReceiptLine]]] = {}
        for one, line in zip(batch, lines, strict=True):
            if one.sender is not None:
                answers.setdefault(one.sender, []).append((one.delivery, line))
        for sender, pairs in answers.items():
            for at in range(0, len(pairs), BATCH_MAX):
                part = pairs[at : at + BATCH_MAX]
                for receipt in self._make_receipts([it for it, _ in part], [line for _, line in part]):
                    await self._publisher.publish(topic_receipts(sender), receipt.to_json())


def sender_of(subject: str) -> UUID | None:
    """The station whose topic a subject `greencore.v1.<station>.intervals` is, or None if it names none."""
    parts = subject.split(".")
    try:
        return UUID(parts[2]) if len(parts) == 4 else None
    except ValueError:
        return None


async def run_mqtt_ingest(
    client: Client, database: Database, service: IngestService, publisher: Publisher, make_receipts: MakeReceipts
) -> None:
    """Take readings from the stream for ever. Streams must exist (`kit.stream.ensure_streams`).

    `make_receipts` signs what was committed with the server's key; the REST door uses the same.
    """
    handler = MqttIngest(database, service, publisher, make_receipts).handle
    await consume(client, stream=TELEMETRY, durable=DURABLE, handler=handler, batch=_MESSAGES)


async def run_retries(database: Database, service: IngestService, *, every_s: float = 1.0) -> None:
    """Try refused intervals again when they are due, for ever; the platform's worker and every node run it."""
    while True:
        try:
            async with database.transaction() as session:
                tried = await service.retry(session)
            if tried:
                log.info("retries", tried=tried)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker
            log.warning("retries.failed", error=repr(error))
        await asyncio.sleep(every_s)
