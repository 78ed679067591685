# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: every package's tables, one transaction a revision, and a lock so that only one process migrates."""

import importlib
import os
from pkgutil import iter_modules

from alembic import context
from sqlalchemy import create_engine, text

from kit import idempotency, outbox  # noqa: F401  (their tables)
from kit.database import Base

PACKAGES = ("energy", "oracle", "indexer", "api", "flows")
_LOCK = 0x67635F6D69677274  # "gc_migrt"

for package in PACKAGES:
    if any(module.name == "models" for module in iter_modules(importlib.import_module(package).__path__)):
        importlib.import_module(f"{package}.models")


def mine(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave the tables of procrastinate and the partitions of other tables alone."""
    if kind != "table" or name is None:
        return True
    return not (name.startswith("procrastinate") or "_p2" in name or name.endswith("_rest"))


def run() -> None:
    """Run the revisions that are missing."""
    url = context.config.attributes.get("url") or os.environ["GREENCORE_DATABASE_URL"]
    engine = create_engine(url.replace("+asyncpg", "+psycopg"))
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, transaction_per_migration=True, include_object=mine
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
