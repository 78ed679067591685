# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The one door: REST at /api, GraphQL at /graphql, pages for people, health for operators.

`uvicorn --factory api.app:from_environment` starts it, and so does `await serve(settings)`.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from api import deps, openapi, pages, problems
from api.graphql import schema
from api.metrics import Metrics
from api.requests import Requests
from api.rest import cases, health, homes, oracle, parked, stations, status, sums, telemetry, treasury
from api.settings import ApiSettings

DESCRIPTION = """Metered kilowatt-hours become tokens.

Amounts are strings of integers with the unit in the field's name (`…Uwh`: micro-watt-hours; 1 token unit of E = 1 µWh).
Lists come in pages: give `next` back as `after`. Every error is an RFC 9457 problem document with a stable `code`; every
answer carries `X-Request-Id`. The bytes that devices sign are told in docs/protocol.md."""


def create_app(settings: ApiSettings) -> FastAPI:
    """The application. Its lifespan opens the connections and closes them."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with deps.services(settings, metrics) as made:
            app.state.services = made
            yield

    app = FastAPI(
        title="GreenCore",
        version="0.1.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=openapi.operation_id,
    )
    app.add_middleware(Requests, metrics=metrics, body_bytes_max=settings.body_bytes_max)
    problems.install(app)
    for module in (telemetry, parked, cases, sums, oracle, treasury, stations, homes, status, health, pages):
        app.include_router(module.router)
    app.include_router(schema.router(settings))
    openapi.install(app)
    return app


def from_environment() -> FastAPI:
    """The application with settings from GREENCORE_* variables, for uvicorn's factory mode."""
    return create_app(ApiSettings())


async def serve(settings: ApiSettings) -> None:
    """Serve until cancelled or until a signal. Raises OSError if the port is taken."""
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=10,
    )
    with socket.create_server((settings.api_host, settings.api_port), backlog=1_024) as listening:
        await uvicorn.Server(config).serve(sockets=[listening])
