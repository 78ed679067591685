# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The outbox on a real PostgreSQL and a real JetStream: an event goes out if and only if its data was committed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from nats.aio.client import Client
from sqlalchemy import func, select, text

from kit.database import Database
from kit.outbox import OutboxEvent, forget, publish, relay, relay_once
from kit.stream import EVENTS, Message, connect, consume, ensure_streams


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    made = await connect(nats_url, name="test")
    await ensure_streams(made)
    await ensure_streams(made)  # safe to repeat
    yield made
    await made.close()


async def add(database: Database, *numbers: int) -> None:
    async with database.transaction() as session:
        for number in numbers:
            publish(session, "event.test.happened", {"number": number})


async def stream_size(client: Client) -> int:
    return int((await client.jetstream().stream_info(EVENTS)).state.messages)


async def collect(client: Client, durable: str, wanted: int) -> list[bytes]:
    """Consume until so many messages came."""
    got: list[bytes] = []
    done = asyncio.Event()

    async def handler(messages: Sequence[Message]) -> None:
        got.extend(message.data for message in messages)
        if len(got) >= wanted:
            done.set()

    task = asyncio.create_task(consume(client, stream=EVENTS, durable=durable, handler=handler, subject="event.test.>"))
    async with asyncio.timeout(20):
        await done.wait()
    await asyncio.sleep(0.05)  # let the last acknowledgement leave
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return got


async def test_events_go_out_in_order_and_once(database: Database, client: Client) -> None:
    await add(database, *range(600))  # more than a batch
    assert [await relay_once(database, client, origin="a") for _ in range(3)] == [500, 100, 0]
    assert await stream_size(client) == 600
    got = await collect(client, "order", 600)
    assert got == [b'{"number":%d}' % number for number in range(600)]


async def test_a_rolled_back_transaction_tells_nobody(database: Database, client: Client) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            publish(session, "event.test.happened", b"never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await relay_once(database, client, origin="a") == 0
    assert await stream_size(client) == 0


async def test_a_crash_between_publishing_and_marking_repeats_nothing_in_the_stream(
    database: Database, client: Client
) -> None:
    await add(database, 1, 2, 3)
    await relay_once(database, client, origin="a")
    async with database.transaction() as session:  # what a crash before the commit leaves behind
        await session.execute(text("UPDATE kit_outbox SET published_at = NULL"))
    assert await relay_once(database, client, origin="a") == 3
    assert await stream_size(client) == 3
    assert await relay_once(database, client, origin="a") == 0


async def test_two_databases_with_the_same_ids_do_not_shadow_each_other(database: Database, client: Client) -> None:
    await add(database, 1)
    await relay_once(database, client, origin="a")
    async with database.transaction() as session:
        await session.execute(text("UPDATE kit_outbox SET published_at = NULL"))
    await relay_once(database, client, origin="b")
    assert await stream_size(client) == 2


async def test_two_relays_send_every_event_once_and_go_on_after_an_outage(
    database: Database, database_url: str, client: Client
) -> None:
    other = Database(database_url)
    tasks = [asyncio.create_task(relay(where, client, origin="a")) for where in (database, other)]
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE kit_outbox RENAME TO kit_outbox_away"))
    await asyncio.sleep(0.3)  # both relays fail meanwhile
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE kit_outbox_away RENAME TO kit_outbox"))
    await add(database, *range(50))
    assert len(await collect(client, "two", 50)) == 50
    for task in tasks:
        assert not task.done()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await stream_size(client) == 50
    await other.close()


async def test_a_handler_that_fails_gets_the_same_messages_again(database: Database, client: Client) -> None:
    await add(database, 1, 2)
    await relay_once(database, client, origin="a")
    seen: list[list[tuple[bytes, int]]] = []
    done = asyncio.Event()

    async def handler(messages: list[Message]) -> None:
        seen.append([(message.data, message.deliveries) for message in messages])
        if len(seen) == 1:
            raise ConnectionError("the database went away")
        done.set()

    task = asyncio.create_task(consume(client, stream=EVENTS, durable="again", handler=handler))
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen[0] == [(b'{"number":1}', 1), (b'{"number":2}', 1)]
    assert seen[1][0] == (b'{"number":1}', 2)


async def test_a_slow_handler_keeps_its_messages(database: Database, client: Client) -> None:
    await add(database, 1, 2)
    await relay_once(database, client, origin="a")
    seen: list[tuple[bytes, int]] = []
    done = asyncio.Event()

    async def handler(messages: list[Message]) -> None:
        seen.extend((message.data, message.deliveries) for message in messages)
        if len(seen) == 3:
            done.set()
        else:
            await asyncio.sleep(2.5)  # longer than the stream waits for a silent consumer

    tasks = [
        asyncio.create_task(consume(client, stream=EVENTS, durable="slow", handler=handler, batch=2, ack_wait=1))
        for _ in range(2)
    ]
    await asyncio.sleep(2)
    await add(database, 3)
    await relay_once(database, client, origin="a")
    async with asyncio.timeout(30):
        await done.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(seen) == [(b'{"number":1}', 1), (b'{"number":2}', 1), (b'{"number":3}', 1)]


async def test_published_events_are_forgotten_after_a_day_and_waiting_ones_never(
    database: Database, client: Client
) -> None:
    await add(database, 1, 2)
    await relay_once(database, client, origin="a")
    await add(database, 3)
    async with database.transaction() as session:
        oldest = "WHERE id = (SELECT min(id) FROM kit_outbox)"
        await session.execute(text(f"UPDATE kit_outbox SET published_at = now() - interval '25 hours' {oldest}"))
        await session.execute(text("UPDATE kit_outbox SET created_at = created_at - interval '9 days'"))
        await forget(session)
        assert await session.scalar(select(func.count()).select_from(OutboxEvent)) == 2


def test_a_subject_outside_the_stream_is_refused() -> None:
    session: Any = None
    with pytest.raises(ValueError, match="no event subject"):
        publish(session, "greencore.v1.x.intervals", b"")
