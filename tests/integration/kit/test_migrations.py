# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One history: it goes up and down, from several processes at once, and the models say what the tables are."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

import migrations
from greencore.embedded.postgres import Postgres
from kit.database import psycopg_conninfo

EVERYTHING = """
SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic%'
UNION SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
    AND typname NOT LIKE 'alembic%' AND typname NOT LIKE '\\_alembic%'
"""


@pytest.fixture
def empty(postgres: Postgres) -> Any:
    """The URL of a database without anything in it."""
    postgres.create_database("history")
    yield postgres.url("history")
    postgres.drop_database("history")


def everything(url: str) -> set[str]:
    with psycopg.connect(psycopg_conninfo(url)) as connection:
        return {name for (name,) in connection.execute(EVERYTHING).fetchall()}


def revisions() -> list[str]:
    script = ScriptDirectory.from_config(migrations.config(""))
    return [revision.revision for revision in reversed(list(script.walk_revisions()))]


def test_every_revision_can_be_left_again(empty: str) -> None:
    before = [everything(empty)]
    for revision in revisions():
        migrations.upgrade(empty, revision)
        before.append(everything(empty))
    for revision, expected in zip(reversed(["base", *revisions()[:-1]]), reversed(before[:-1]), strict=True):
        command.downgrade(migrations.config(empty), revision)
        assert everything(empty) == expected, f"after going down to {revision}"
    migrations.upgrade(empty)
    assert everything(empty) == before[-1]


def test_the_models_are_the_tables(new_database: Callable[[], str]) -> None:
    command.check(migrations.config(new_database()))  # raises if a table and its model differ


def test_several_processes_may_migrate_at_once(empty: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: migrations_in_a_process(empty), range(3)))
    assert "energy_reading" in everything(empty)


def migrations_in_a_process(url: str) -> None:
    program = f"import migrations; migrations.upgrade({url!r})"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
