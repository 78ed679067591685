# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked of any operation: an answer that the contract knows, never a mistake of ours."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from api import publish
from api.app import create_app
from api.settings import ApiSettings
from greencore.embedded.postgres import Postgres
from tests.integration.api import ledger
from tests.integration.api.world import LAST, OPERATOR, TOKEN, Device

OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (method, path, operation)
    for path, methods in json.loads(publish.openapi_text())["paths"].items()
    for method, operation in methods.items()
    if path != "/api/telemetry/intervals"  # has a fuzz of its own
]
ODD_TEXT = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["", "0", "1", str(LAST), "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "raw", "0x", "nan"]),
    st.from_regex(r"0x[0-9a-f]{40}", fullmatch=True),
    st.uuids().map(str),
    st.text(max_size=40),
)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
async def any_app(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    """One application for all operations: only a name is ever written."""
    name = f"any_{os.getpid()}"
    postgres.create_database(name, template=template)
    folder = tmp_path_factory.mktemp("any")
    made = create_app(
        ApiSettings(
            database_url=SecretStr(postgres.url(name)),
            nats_url=SecretStr("nats://127.0.0.1:9"),
            rpc_url="http://127.0.0.1:9",
            deployment=folder / "none.json",
            receipt_key=folder / "receipt.key",
            operator_token=SecretStr(TOKEN),
        )
    )
    async with made.router.lifespan_context(made):
        yield made
    postgres.drop_database(name)


@pytest.fixture(scope="module")
async def known(any_app: FastAPI) -> Device:
    device = Device()
    async with any_app.state.services.database.transaction() as session:
        device.enrol(session)
        ledger.write(session, [device])
    return device


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[o["operationId"] for *_, o in OPERATIONS])
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
async def test_any_request_is_answered_as_the_contract_says(
    any_app: FastAPI, known: Device, method: str, path: str, operation: dict[str, Any], data: st.DataObject
) -> None:
    query: dict[str, str] = {}
    headers = data.draw(st.sampled_from([{}, OPERATOR, {"authorization": "Bearer ☀".encode().decode("latin-1")}]))
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        value = data.draw(st.just(str(known.station)) | ODD_TEXT if name == "station" else ODD_TEXT, label=name)
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe="") or "-")
        elif parameter["in"] == "query" and data.draw(st.booleans()):
            query[name] = value
        elif parameter["in"] == "header":
            headers = headers | {name: "key"}
    content = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        fields = {"MintRequest": ["station", "utility", "slot", "tenure", "batch"], "Name": ["name"]}.get(
            schema, ["utility", "slot"]
        )
        plausible = st.fixed_dictionaries({}, optional=dict.fromkeys(fields, ODD_JSON))
        right = st.just({"station": str(known.station)} if "station" in fields else {})
        content = json.dumps(data.draw(st.one_of(plausible, right, ODD_JSON))).encode()
        headers = headers | {"content-type": "application/json"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(any_app), base_url="http://door") as client:
        answer = await client.request(
            method.upper(), path, params=query, content=content, headers={k: v.encode() for k, v in headers.items()}
        )
    assert answer.status_code != 500
    if answer.status_code >= 400 and path != "/readyz":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["requestId"] == answer.headers["x-request-id"]
    else:
        assert str(answer.status_code) in operation["responses"]
