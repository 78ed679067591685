# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""For whoever runs the process: is it alive, can it work, what has it done."""

import asyncio
from collections.abc import Awaitable
from functools import cache
from typing import Literal

import httpx
import orjson
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import migrations
from api.deps import Services, ServicesDep

router = APIRouter(tags=["operation"])

_WAIT_SECONDS = 3.0
_NEEDED = {"database", "migrations"}


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Part(BaseModel):
    """One thing that the API leans on. Without a needed one it can't work; without another it works in part."""

    state: Literal["ok", "failed"]
    needed: bool
    detail: str = ""


class Ready(BaseModel):
    """`ready`: all is well; `degraded`: telemetry is taken and stored, something else waits; `failed`: send no requests here."""

    status: Literal["ready", "degraded", "failed"]
    parts: dict[str, Part]


class PartFailed(Exception):
    """A part answers, and says that it is not well."""


@router.get("/healthz")
async def healthz() -> Alive:
    """The process answers. Says nothing about the rest; see /readyz."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "send no requests here"}})
async def readyz(services: ServicesDep, response: Response) -> Ready:
    """Whether requests can be served, with the state of every part."""
    checks = {
        "database": _database(services),
        "migrations": _migrations(services),
        "nats": _nats(services),
        "rpc": _rpc(services),
    }
    states = await asyncio.gather(*(_state(name, check) for name, check in checks.items()))
    parts = dict(zip(checks, states, strict=True))
    bad = {name for name, part in parts.items() if part.state == "failed"}
    if bad & _NEEDED:
        response.status_code = 503
        return Ready(status="failed", parts=parts)
    return Ready(status="degraded" if bad else "ready", parts=parts)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(services: ServicesDep) -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _state(name: str, check: Awaitable[str]) -> Part:
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            return Part(state="ok", needed=name in _NEEDED, detail=await check)
    except TimeoutError:
        detail = f"no answer within {_WAIT_SECONDS:g} s"
    except PartFailed as error:
        detail = str(error)
    except (SQLAlchemyError, httpx.HTTPError, OSError) as error:
        detail = type(error).__name__  # the message may hold an address or a password
    return Part(state="failed", needed=name in _NEEDED, detail=detail)


async def _database(services: Services) -> str:
    async with services.database.engine.connect() as connection:
        version = await connection.scalar(text("SHOW server_version"))
    return f"PostgreSQL {version}"


@cache
def newest_revision() -> str:
    """The migration that this code was written for."""
    return ScriptDirectory.from_config(migrations.config("")).get_current_head() or ""


async def _migrations(services: Services) -> str:
    async with services.database.engine.connect() as connection:
        revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision != newest_revision():
        raise PartFailed(f"the database is at {revision}, the code at {newest_revision()}; run the migrations")
    return f"at {revision}"


async def _nats(services: Services) -> str:
    if services.stream is None or not services.stream.is_connected:
        raise PartFailed("not connected")
    return "connected"


async def _rpc(services: Services) -> str:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    answer = await services.http.post(services.settings.rpc_url, json=request)
    try:
        return f"head {int(orjson.loads(answer.content)['result'], 16)}"
    except (ValueError, KeyError, TypeError) as error:
        raise PartFailed("no block number in its answer") from error
