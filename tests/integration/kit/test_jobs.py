# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs that commit with their data: procrastinate's own SQL function, called on our session."""

import asyncio

import pytest
from sqlalchemy import text

from kit import jobs
from kit.database import Database


async def waiting(database: Database) -> list[tuple[str, str, str | None, dict[str, int]]]:
    async with database.transaction() as session:
        rows = await session.execute(
            text("SELECT task_name, queue_name, lock, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        )
        return [(row.task_name, row.queue_name, row.lock, row.args) for row in rows]


async def test_a_job_exists_exactly_if_its_data_was_committed(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await jobs.defer(session, "energy.test", number=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await waiting(database) == []
    async with database.transaction() as session:
        await jobs.defer(session, "energy.test", queue="mint", lock="mint:1", number=2)
    assert await waiting(database) == [("energy.test", "mint", "mint:1", {"number": 2})]


async def test_a_worker_runs_what_was_deferred_and_jobs_of_one_lock_in_turn(
    database: Database, database_url: str
) -> None:
    app = jobs.make_app(database_url)
    running, most, done, finished = 0, 0, [], asyncio.Event()

    @app.task(name="energy.test")
    async def work(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        done.append(number)
        if len(done) == 4:
            finished.set()

    async with database.transaction() as session:
        for number in range(4):
            await jobs.defer(session, "energy.test", lock="one", number=number)
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(concurrency=4, install_signal_handlers=False, fetch_job_polling_interval=0.1)
        )
        async with asyncio.timeout(20):
            await finished.wait()
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert (done, most) == ([0, 1, 2, 3], 1)
