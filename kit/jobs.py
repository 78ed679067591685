# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs on PostgreSQL by procrastinate, enqueued within the caller's transaction.

`defer` calls procrastinate's own SQL function on our session, so a job exists exactly if the data it works on was committed.
"""

import orjson
from procrastinate import App, PsycopgConnector
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.database import psycopg_conninfo

_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, :lock, :queueing_lock, CAST(:args AS jsonb), NULL)"
    "::procrastinate_job_to_defer_v1])"
)


def make_app(database_url: str) -> App:
    """The app that workers run. `database_url` is the SQLAlchemy form; tasks are added by the packages' `jobs` modules."""
    return App(connector=PsycopgConnector(conninfo=psycopg_conninfo(database_url)))


async def defer(
    session: AsyncSession, task: str, *, queue: str = "default", lock: str | None = None, **args: object
) -> None:
    """Enqueue a task with this transaction. Jobs with the same `lock` run one after another."""
    await session.execute(
        _DEFER,
        {
            "queue": queue,
            "task": task,
            "priority": 0,
            "lock": lock,
            "queueing_lock": None,
            "args": orjson.dumps(args).decode(),
        },
    )
