# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NATS JetStream: connection, streams, durable consumers.

Two streams: TELEMETRY holds what meters publish over MQTT (`greencore.v1.*.intervals`), EVENTS what the outbox relays (`event.>`).
A consumer acknowledges after its own commit; delivery is at least once, so every handler is idempotent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from kit import logs

log = logs.get(__name__)

TELEMETRY = "TELEMETRY"
EVENTS = "EVENTS"
TELEMETRY_SUBJECT = "greencore.v1.*.intervals"
EVENTS_SUBJECT = "event.>"

_BYTES_MAX = 1 << 30
_FETCH_MAX = 200
_ACK_WAIT_SECONDS = 30.0
_SAME_ERROR_SECONDS = 30.0

Handler = Callable[[list["Message"]], Awaitable[None]]


class Message:
    """One message of a stream: its subject, bytes, and how often it was delivered before."""

    __slots__ = ("data", "deliveries", "sequence", "subject")

    def __init__(self, subject: str, data: bytes, sequence: int, deliveries: int) -> None:
        self.subject = subject
        self.data = data
        self.sequence = sequence
        self.deliveries = deliveries


async def connect(url: str, *, name: str) -> Client:
    """Connect and keep reconnecting for ever. `name` shows in the server's monitoring."""
    return await nats.connect(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,
        allow_reconnect=True,
        error_cb=_reporter(),
    )


async def ensure_streams(client: Client) -> None:
    """Create the two streams, or bring them to their configuration. Safe to repeat."""
    jetstream = client.jetstream()
    for name, subject in ((TELEMETRY, TELEMETRY_SUBJECT), (EVENTS, EVENTS_SUBJECT)):
        config = StreamConfig(
            name=name,
            subjects=[subject],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=_BYTES_MAX,
            duplicate_window=120,
        )
        await _ensure(jetstream, config)


async def consume(
    client: Client,
    *,
    stream: str,
    durable: str,
    handler: Handler,
    subject: str | None = None,
    batch: int = _FETCH_MAX,
    ack_wait: float = _ACK_WAIT_SECONDS,
) -> None:
    """Hand batches of messages to `handler` for ever, in order; acknowledge each batch after it returned.

    While the handler works the stream is told so, however long a large batch takes; `ack_wait` seconds after a consumer fell
    silent its messages are given to another.

    If the handler raises, the batch is given back, comes again after a pause, and the error is logged:
    a consumer never loses a message and never dies of one. A handler that can't use a message stores why and returns.
    """
    config = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_ack_pending=4 * batch,
    )
    pause = 0.2
    while True:
        try:
            subscription = await client.jetstream().pull_subscribe(
                subject or "", durable=durable, stream=stream, config=config
            )
            while True:
                try:
                    messages = await subscription.fetch(batch, timeout=5)
                except NatsTimeout:
                    continue
                working = asyncio.create_task(_working(messages, ack_wait / 3))
                try:
                    await handler([_message(message) for message in messages])
                except Exception:
                    await _return(messages, pause)
                    raise
                finally:
                    working.cancel()
                for message in messages:
                    await message.ack()
                pause = 0.2
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker: log, wait, go on with the same messages
            log.warning("consumer.failed", stream=stream, durable=durable, error=repr(error), again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)


def _message(raw: Msg) -> Message:
    return Message(raw.subject, raw.data, raw.metadata.sequence.stream, raw.metadata.num_delivered)


async def _working(messages: list[Msg], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        with contextlib.suppress(NatsError):  # without a connection nobody can be told; the next time may find one
            for message in messages:
                await message.in_progress()


async def _return(messages: list[Msg], delay: float) -> None:
    # without this the stream would wait for the acknowledgement first, and hand out later messages meanwhile
    with contextlib.suppress(NatsError):
        for message in messages:
            await message.nak(delay=delay)


async def _ensure(jetstream: JetStreamContext, config: StreamConfig) -> None:
    try:
        await jetstream.add_stream(config)
    except nats.js.errors.BadRequestError:
        await jetstream.update_stream(config)


def _reporter() -> Callable[[Exception], Awaitable[None]]:
    """Logs what the client meets; the same thing again only after a while, for it is met at every attempt to reconnect."""
    told = ("", 0.0)

    async def report(error: Exception) -> None:
        nonlocal told
        now = asyncio.get_running_loop().time()
        if (repr(error), True) != (told[0], now - told[1] < _SAME_ERROR_SECONDS):
            told = (repr(error), now)
            log.warning("nats", error=repr(error))

    return report
