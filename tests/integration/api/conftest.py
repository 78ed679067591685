# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The door over a real database, at noon of a day in March; without a chain and a broker unless a test brings them."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.settings import ApiSettings
from kit.database import Database
from kit.settings import Mode
from tests.integration.api.world import NOON, TOKEN, Device


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Callable[..., ApiSettings]:
    def make(**more: Any) -> ApiSettings:
        given: dict[str, Any] = {
            "mode": Mode.LIVE,
            "database_url": SecretStr(database_url),
            "nats_url": SecretStr("nats://127.0.0.1:9"),
            "rpc_url": "http://127.0.0.1:9",
            "deployment": tmp_path / "none.json",
            "receipt_key": tmp_path / "receipt.key",
            "operator_token": SecretStr(TOKEN),
            "clock": f"{NOON.timestamp()}@{time.time()}x1",
        }
        return ApiSettings(**(given | more))

    return make


@pytest.fixture
async def app(settings: Callable[..., ApiSettings]) -> AsyncIterator[FastAPI]:
    made = create_app(settings())
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as made:
        yield made


@pytest.fixture
async def device(database: Database) -> Device:
    made = Device()
    async with database.transaction() as session:
        made.enrol(session)
    return made
