# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An application whose servers do not answer: what must still be right then."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.settings import ApiSettings

TOKEN = "operator-token-of-the-tests"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    made = create_app(
        ApiSettings(
            database_url=SecretStr(f"postgresql+asyncpg://nobody@/none?host={tmp_path}"),
            nats_url=SecretStr("nats://127.0.0.1:9"),
            rpc_url="http://127.0.0.1:9",
            deployment=tmp_path / "none.json",
            receipt_key=tmp_path / "receipt.key",
            operator_token=SecretStr(TOKEN),
            body_bytes_max=100_000,
        )
    )
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as made:
        yield made
