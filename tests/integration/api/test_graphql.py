# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The graph: pages that never shift, one query for many parents, limits that hold before anything is read."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import event

from api.app import create_app
from api.settings import ApiSettings
from greencore.embedded.postgres import Postgres
from tests.integration.api import ledger
from tests.integration.api.world import KWH, LAST, Device

DEVICES = 5


@pytest.fixture(scope="module")
async def graph_app(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    """One application over one history for all tests here: they only read."""
    name = f"graph_{os.getpid()}"
    postgres.create_database(name, template=template)
    made = create_app(
        ApiSettings(
            database_url=SecretStr(postgres.url(name)),
            nats_url=SecretStr("nats://127.0.0.1:9"),
            receipt_key=tmp_path_factory.mktemp("keys") / "receipt.key",
        )
    )
    async with made.router.lifespan_context(made):
        yield made
    postgres.drop_database(name)


@pytest.fixture(scope="module")
async def devices(graph_app: FastAPI) -> list[Device]:
    made = [Device(owner=bytes(19) + bytes([i + 1])) for i in range(DEVICES)]
    async with graph_app.state.services.database.transaction() as session:
        for device in made:
            device.enrol(session)
        ledger.write(session, made)
        session.add(ledger.transaction(21, 0))
    return sorted(made, key=lambda device: device.station.int)


@pytest.fixture
async def graph(graph_app: FastAPI, devices: list[Device]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(graph_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as made:
        yield made


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def data(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    made = await ask(client, query, **variables)
    assert "errors" not in made, made["errors"]
    return made["data"]


@contextmanager
def counted(app: FastAPI) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = app.state.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


NESTED = """
query($first: Int!) {
  _meta { chainId head hash behind }
  stations(first: $first) {
    edges { cursor node {
      id owner ratedW tenure
      meters { key until }
      intervals(first: 2) { edges { node { slot version eNetUwh quality start qa } } pageInfo { hasNextPage } }
      mints(first: 1) { edges { node { slot amountUwh reserveUwh mode txHash gasUsed } } }
      balances { edges { node { tokenId utility slot amountUnits } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""


async def test_nested_pages_take_one_query_a_level_however_many_parents(
    graph_app: FastAPI, graph: httpx.AsyncClient, devices: list[Device]
) -> None:
    with counted(graph_app) as two:
        await data(graph, NESTED, first=2)
    with counted(graph_app) as five:
        found = await data(graph, NESTED, first=5)
    assert len(five) == len(two) <= 8
    assert found["_meta"] == {"chainId": "31337", "head": "30", "hash": "0x" + "0b" * 32, "behind": "1"}
    assert [edge["node"]["id"] for edge in found["stations"]["edges"]] == [str(d.station) for d in devices]
    node = found["stations"]["edges"][0]["node"]
    assert node["owner"] == "0x" + devices[0].owner.hex()
    newest, older = (edge["node"] for edge in node["intervals"]["edges"])
    assert (newest["slot"], newest["version"], newest["eNetUwh"], newest["quality"]) == (
        LAST,
        2,
        str(-KWH),
        "VALIDATED",
    )
    assert (older["slot"], older["version"]) == (LAST - 1, 1)
    assert node["intervals"]["pageInfo"]["hasNextPage"]
    (mint,) = (edge["node"] for edge in node["mints"]["edges"])
    assert (mint["slot"], mint["amountUwh"], mint["reserveUwh"], mint["mode"]) == (
        LAST - 1,
        str(KWH),
        str(KWH // 50),
        "CLAIM",
    )
    assert mint["gasUsed"] == "60000"
    class_token, batch = (edge["node"] for edge in node["balances"]["edges"])
    assert class_token == {"tokenId": "1", "utility": 1, "slot": None, "amountUnits": str(2 * KWH)}
    assert (batch["slot"], batch["amountUnits"]) == (LAST, "5")


@pytest.mark.parametrize(
    ("root", "count"),
    [
        ("stations", DEVICES),
        ("reports", 3),
        ("mints", 2 * DEVICES),
        ('intervals(station: "%s"', 10),
        ('balances(owner: "%s"', 2),
    ],
)
async def test_pages_give_every_row_once_and_in_order(
    graph: httpx.AsyncClient, devices: list[Device], root: str, count: int
) -> None:
    filled = root % ("0x" + devices[0].owner.hex() if "owner" in root else devices[0].station) if "%" in root else root
    opened = filled + (", " if "(" in filled else "(")
    name = root.partition("(")[0]
    seen: list[str] = []
    after = "null"
    for _ in range(count + 1):
        page = (await data(graph, f"{{ {opened}first: 2, after: {after}) {PAGE} }}"))[name]
        seen += [edge["cursor"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f'"{page["pageInfo"]["endCursor"]}"'
    whole = (await data(graph, f"{{ {opened}first: 100) {PAGE} }}"))[name]
    assert seen == [edge["cursor"] for edge in whole["edges"]]
    assert len(set(seen)) == count


PAGE = "{ edges { cursor } pageInfo { hasNextPage endCursor } }"


async def test_filters_narrow_intervals_by_time_and_quality(graph: httpx.AsyncClient, devices: list[Device]) -> None:
    query = """query($s: UUID!, $from: DateTime, $to: DateTime, $q: IntervalQuality) {
      intervals(station: $s, from: $from, to: $to, quality: $q, first: 100) { edges { node { slot } } } }"""
    one = str(devices[0].station)

    async def slots(**more: Any) -> list[int]:
        found = await data(graph, query, s=one, **more)
        return [LAST - edge["node"]["slot"] for edge in found["intervals"]["edges"]]

    assert await slots() == list(range(10))
    assert await slots(**{"from": "2026-03-10T11:30:00Z"}) == [0, 1]
    assert await slots(to="2026-03-10T11:30:00Z") == list(range(2, 10))
    assert await slots(q="VALIDATED") == [0]
    assert await slots(q="RAW") == list(range(1, 10))  # the older version of the newest slot is not in force


async def test_one_station_by_its_id_and_as_an_entity_of_the_federated_graph(
    graph: httpx.AsyncClient, devices: list[Device]
) -> None:
    one = str(devices[2].station)
    found = await data(graph, "query($id: UUID!) { station(id: $id) { id } }", id=one)
    assert found["station"]["id"] == one
    assert (await data(graph, "query($id: UUID!) { station(id: $id) { id } }", id=one[:-4] + "0000"))["station"] is None
    entities = (
        """query($r: [_Any!]!) { _entities(representations: $r) { ... on Station { id owner } } _service { sdl } }"""
    )
    found = await data(graph, entities, r=[{"__typename": "Station", "id": one}])
    assert found["_entities"] == [{"id": one, "owner": "0x" + devices[2].owner.hex()}]
    assert '@key(fields: "id")' in found["_service"]["sdl"]


DEEP = "{ stations { edges { node { intervals { edges { node { id } } } } } } }"


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("{ stations(first: 500) { edges { node { intervals(first: 500) { edges { node { id } } } } } } }",
         "graphql.cost", "250500 objects"),
        ("query($n: Int = 400) { stations(first: $n) { edges { node { intervals(first: $n) { edges { node { id } } } } } } }",
         "graphql.cost", "objects"),
        ("{ stations(first: 5000) { edges { cursor } } }", "request.first", "1 to 1000"),
        ("{ stations(first: 0) { edges { cursor } } }", "request.first", "1 to 1000"),
        ('{ stations(after: "x") { edges { cursor } } }', "request.cursor", "cursor"),
        ('{ balances(owner: "0x12") { edges { cursor } } }', "graphql.invalid", "40 hexadecimal"),
        ("{ nothing }", "graphql.invalid", "nothing"),
        ("{ stations { edges { node { id } }", "graphql.invalid", "Syntax"),
        ("{ " + " ".join(f"a{i}: _meta {{ head }}" for i in range(40)) + " }", "graphql.invalid", "aliases"),
        ("{ _meta { head } " + "x " * 2_000 + "}", "graphql.invalid", "tokens"),
        ("query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "graphql.invalid", "itself"),
    ],
    ids=["cost", "default", "long", "empty", "cursor", "scalar", "field", "syntax", "aliases", "tokens", "cycle"],
)  # fmt: skip
async def test_limits_and_mistakes_are_told_with_a_code(
    graph: httpx.AsyncClient, query: str, code: str, words: str
) -> None:
    (error, *_) = (await ask(graph, query))["errors"]
    assert (error["extensions"]["code"], words in error["message"]) == (code, True), error


async def test_a_query_that_is_too_deep_is_refused(graph: httpx.AsyncClient) -> None:
    deep = "{ __typename " + "x: _service { " * 12 + "sdl" + " }" * 12 + " }"
    assert (await ask(graph, deep))["errors"][0]["extensions"]["code"] == "graphql.invalid"


async def test_internals_stay_inside(graph: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("api.queries.ledger.head", broken)
    made = await ask(graph, "{ _meta { head } }")
    assert made["errors"][0]["extensions"] == {"code": "server.error"}
    assert "hunter2" not in str(made)
