# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: the declarative base, the engine, and transactions that are opened and committed at the edge only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from sqlalchemy import Dialect, MetaData, Numeric
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table. A table's name begins with its package; packages refer to each other by id, not by relationship."""

    metadata = MetaData(naming_convention=NAMING)


class Amount(TypeDecorator[int]):
    """An integer of so many digits as `numeric`; int on both sides of the driver, for a Decimal may print as 7.4E+10."""

    impl = Numeric
    cache_ok = True

    def __init__(self, digits: int = 78) -> None:
        super().__init__(digits, 0)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """To the driver's type."""
        return None if value is None else Decimal(value)

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Back to an int."""
        return None if value is None else int(value)


class Database:
    """An engine and its sessions. One per process; `close` it at the end."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            # statements are short: compiling one takes longer than running it
            connect_args={"server_settings": {"jit": "off"}},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One unit of work: committed at the end of the block, rolled back by an error. Belongs to jobs and requests only."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


def psycopg_conninfo(url: str) -> str:
    """The same server as a libpq URL, for procrastinate. Takes the SQLAlchemy form."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
