# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys on a real database: one write, one answer, however many ask at once."""

import asyncio

import pytest
from sqlalchemy import func, select

from kit import idempotency, outbox
from kit.database import Database
from kit.errors import Conflict, Malformed
from kit.outbox import OutboxEvent


async def once(database: Database, key: str, amount: int) -> object:
    """An operation that must happen once: it leaves an event."""
    async with database.transaction() as session:
        answer = await idempotency.begin(session, "test.pay", key, {"amount": amount})
        if answer is None:
            outbox.publish(session, "event.test.paid", {"amount": amount})
            await asyncio.sleep(0.05)  # somebody else asks meanwhile
            answer = {"paid": amount}
            await idempotency.finish(session, "test.pay", key, answer)
        return answer


async def payments(database: Database) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(OutboxEvent)) or 0


async def test_many_at_once_write_once_and_get_the_same_answer(database: Database) -> None:
    answers = await asyncio.gather(*(once(database, "k", 7) for _ in range(8)))
    assert answers == [{"paid": 7}] * 8
    assert await payments(database) == 1


async def test_the_key_of_another_request_is_a_conflict(database: Database) -> None:
    await once(database, "k", 7)
    with pytest.raises(Conflict) as refused:
        await once(database, "k", 8)
    assert refused.value.code == "idempotency.reused"
    assert await payments(database) == 1
    await once(database, "other", 8)
    assert await payments(database) == 2


async def test_a_request_that_failed_leaves_its_key_free(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await idempotency.begin(session, "test.pay", "k", {"amount": 7})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await once(database, "k", 8) == {"paid": 8}


@pytest.mark.parametrize("key", ["", "k" * 129])
async def test_a_key_has_1_to_128_characters(database: Database, key: str) -> None:
    with pytest.raises(Malformed):
        await once(database, key, 7)
