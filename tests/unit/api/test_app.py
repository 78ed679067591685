# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from kit.errors import Conflict


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body: dict[str, object] = answer.json()
    assert body["code"] == code
    assert body["type"] == f"urn:greencore:problem:{code}"
    assert body["status"] == status
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["detail"]
    return body


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/nothing"), 404, "request.not_found")
    refused = await client.delete("/healthz")
    assert_problem(refused, 405, "request.method")
    assert refused.headers["allow"] == "GET"


async def test_our_errors_keep_code_and_extra_members(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.get("/conflict")
    async def _conflict() -> None:
        raise Conflict("energy.conflict", "other bytes are stored", slot=7)

    assert assert_problem(await client.get("/conflict"), 409, "energy.conflict")["slot"] == 7


async def test_a_mistake_of_ours_shows_no_internals(
    app: FastAPI, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    @app.get("/broken")
    async def _broken() -> None:
        raise RuntimeError("the password is hunter2")

    answer = await client.get("/broken", headers={"x-request-id": "abc-1"})
    assert_problem(answer, 500, "server.error")
    assert answer.headers["x-request-id"] == "abc-1"
    assert "hunter2" not in answer.text


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"x-request-id": "a b"})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_parameters_that_do_not_fit_name_their_field(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.get("/number")
    async def _number(slot: int) -> int:
        return slot

    body = assert_problem(await client.get("/number?slot=x"), 422, "request.invalid")
    assert body["errors"] == [
        {"field": "query.slot", "message": "Input should be a valid integer, unable to parse string as an integer"}
    ]


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_over_the_limit_is_refused_whether_its_length_was_told_or_not(
    client: httpx.AsyncClient, told: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 10_000

    answer = await client.post(
        "/api/telemetry/intervals",
        content=b" " * 110_000 if told else chunks(),
        headers={"content-type": "application/json"},
    )
    assert assert_problem(answer, 413, "request.too_large")["bytes_max"] == 100_000


async def test_readiness_tells_each_part_and_no_address(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert {name: part["state"] for name, part in parts.items()} == dict.fromkeys(
        ("database", "migrations", "nats", "rpc"), "failed"
    )
    assert [name for name, part in parts.items() if part["needed"]] == ["database", "migrations"]
    assert "nobody" not in answer.text


async def test_without_a_database_requests_may_come_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/stations")
    assert_problem(answer, 503, "database.unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_pages_load_nothing_from_other_servers(client: httpx.AsyncClient) -> None:
    browser = {"accept": "text/html"}
    for path in ("/", "/docs", "/graphql"):
        page = await client.get(path, headers=browser)
        assert page.status_code == 200
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert addresses
        assert all(address.startswith("/") for address in addresses)
        for address in addresses:
            if address.startswith("/assets/"):
                assert (await client.get(address)).status_code == 200, address


async def test_metrics_count_by_route_not_by_address(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.get("/api/nothing/1")
    text = (await client.get("/metrics")).text
    assert 'greencore_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
