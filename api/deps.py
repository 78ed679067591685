# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the API's handlers need, made once a process and closed at its end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends
from nats.aio.client import Client as StreamClient
from nats.errors import Error as StreamError
from starlette.requests import HTTPConnection

from api.chain import Chain
from api.limits import RateLimit
from api.metrics import Metrics
from api.receipts import load_key
from api.settings import ApiSettings
from energy.ingest.service import IngestService
from energy.ingest.verify import make_verifier
from kit import logs, stream
from kit.clock import Clock
from kit.database import Database

log = logs.get(__name__)


@dataclass(slots=True)
class Services:
    """Everything with a connection or a state. `stream` is None until the broker was reached once."""

    settings: ApiSettings
    clock: Clock
    database: Database
    http: httpx.AsyncClient
    receipt_key: Ed25519PrivateKey
    metrics: Metrics
    telemetry_limit: RateLimit
    ingest: IngestService
    chain: Chain
    stream: StreamClient | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


@asynccontextmanager
async def services(settings: ApiSettings, metrics: Metrics) -> AsyncIterator[Services]:
    """Open everything; none of the servers has to be there yet."""
    clock = settings.make_clock()
    database = Database(settings.database_url.get_secret_value(), pool_size=10)
    chain = Chain(settings, database)
    verifier = make_verifier(settings.verify_processes)
    async with httpx.AsyncClient(timeout=settings.node_timeout_s) as http:
        made = Services(
            settings=settings,
            clock=clock,
            database=database,
            http=http,
            receipt_key=load_key(settings.receipt_key),
            metrics=metrics,
            ingest=IngestService(clock, settings.mode, verifier=verifier),
            chain=chain,
            telemetry_limit=RateLimit(
                rate=settings.telemetry_rate, burst=settings.telemetry_burst, time=time.monotonic
            ),
        )
        made.tasks.append(asyncio.create_task(_connect(made), name="api.stream"))
        try:
            yield made
        finally:
            for task in made.tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            if made.stream is not None:
                await made.stream.close()
            verifier.close()
            await chain.close()
            await database.close()


async def _connect(made: Services) -> None:
    """Reach the broker in the background: requests do not need it, readiness tells of it."""
    pause = 0.5
    while True:
        try:
            made.stream = await stream.connect(made.settings.nats_url.get_secret_value(), name="greencore api")
        except (OSError, StreamError, TimeoutError) as error:
            log.warning("stream.unreachable", error=repr(error), again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)
        else:
            return


def services_of(connection: HTTPConnection) -> Services:
    """The process's services, for a handler."""
    found: Services = connection.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services_of)]
