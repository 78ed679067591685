# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One key, several processes: whoever chooses a nonce holds an advisory lock of the database that they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eth_hash.auto import keccak
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.database import Database
from kit.errors import Unavailable

_WAIT_SECONDS = 30


class DatabaseNonceLock:
    """A `chain.transactions.NonceLock` in PostgreSQL. It ends with its holder's connection, however the holder ends."""

    def __init__(self, database: Database, *, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._database = database
        self._wait_ms = int(wait_seconds * 1000)

    @asynccontextmanager
    async def hold(self, chain_id: int, address: str) -> AsyncIterator[None]:
        """Held within the block. Raises Unavailable if somebody else holds it for longer than `wait_seconds`."""
        name = keccak(f"greencore.nonce\n{chain_id}\n{address.lower()}".encode())
        async with self._database.transaction() as session:
            await session.execute(text(f"SET LOCAL lock_timeout = {self._wait_ms}"))
            try:
                await session.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": int.from_bytes(name[:8], "big", signed=True)}
                )
            except DBAPIError as error:
                raise Unavailable("chain.nonce_busy", f"another process sends with {address} at the moment") from error
            yield
