# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A home in the graph: its meters, newest intervals, nine tokens, and an income that says how it came about."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from flows.homes import service
from flows.models import HomeCoefficient
from indexer.models import Balance
from kit.clock import FixedClock
from kit.database import Database
from kit.units import Utility
from tests.integration.api import ledger
from tests.integration.api.world import KWH, NOON, Device

HOME = """
query($id: UUID!, $since: DateTime, $until: DateTime) {
  home(id: $id) {
    id wallet tenure station { ratedW }
    meters { key until }
    intervals(first: 1) { edges { node { slot eNetUwh } } pageInfo { hasNextPage } }
    tokens { utility tokenId balanceUnits mintedUnits }
    income(since: $since, until: $until) {
      since until gcmUnits
      lines { utility units coefficientPpm gcmUnits }
      adjustments { kind gcmUnits policy reason }
    }
  }
}"""


@pytest.fixture
async def home(database: Database, device: Device) -> Device:
    """Two claims of a kWh: one at no coefficient yet, one at 1 GCM, just before 1.5; 3 m³ of water; a penalty of 0.1 GCM."""
    async with database.transaction() as session:
        ledger.write(session, [device])
        session.add(Balance(owner=device.owner, token_id=Utility.W, balance=3 * KWH))
        session.add(HomeCoefficient(utility=1, block_number=21, log_index=1, coefficient=1_500_000, at=NOON))
        session.add(HomeCoefficient(utility=1, block_number=20, log_index=9, coefficient=1_000_000, at=NOON))
    async with database.transaction() as session:
        await service.adjust(
            session,
            FixedClock(NOON),
            device.station,
            kind="penalty",
            gcm_units=KWH // 10,
            policy="GC-2",
            reason="seal broken",
            by="inspector",
        )
    return device


async def ask(client: httpx.AsyncClient, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": HOME, "variables": variables})
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


async def test_home__everything_at_once(client: httpx.AsyncClient, home: Device) -> None:
    until = (NOON + timedelta(hours=1)).isoformat()
    found = (await ask(client, id=str(home.station), until=until))["data"]["home"]
    assert (found["wallet"], found["tenure"]) == ("0x" + home.owner.hex(), 1)
    assert [meter["key"] for meter in found["meters"]] == ["0x" + home.key.public_key().public_bytes_raw().hex()]
    assert found["intervals"]["edges"][0]["node"]["eNetUwh"] == str(-KWH)
    assert [token["utility"] for token in found["tokens"]] == [code.name for code in Utility]
    paid = KWH - KWH // 50
    assert found["tokens"][0] == {
        "utility": "E",
        "tokenId": "1",
        "balanceUnits": str(2 * KWH),
        "mintedUnits": str(2 * paid),
    }
    assert (found["tokens"][2]["balanceUnits"], found["tokens"][2]["mintedUnits"]) == (str(3 * KWH), "0")
    income = found["income"]
    assert [(line["utility"], line["units"], line["coefficientPpm"]) for line in income["lines"]] == [
        ("E", str(paid), "0"),
        ("E", str(paid), "1000000"),
    ]
    assert income["adjustments"] == [
        {"kind": "PENALTY", "gcmUnits": str(KWH // 10), "policy": "GC-2", "reason": "seal broken"}
    ]
    assert income["gcmUnits"] == str(paid - KWH // 10)


async def test_home__unknown__is_null(client: httpx.AsyncClient, home: Device) -> None:
    assert (await ask(client, id=str(uuid4())))["data"] == {"home": None}


async def test_home__period_too_long__is_told_with_a_code(client: httpx.AsyncClient, home: Device) -> None:
    made = await ask(client, id=str(home.station), since="2020-01-01T00:00:00Z")
    (error,) = made["errors"]
    assert error["extensions"]["code"] == "home.period"


async def test_rest__says_the_same(client: httpx.AsyncClient, home: Device) -> None:
    until = NOON + timedelta(hours=1)
    graph = (await ask(client, id=str(home.station), until=until.isoformat()))["data"]["home"]
    shown = (await client.get(f"/api/homes/{home.station}")).json()
    assert (shown["wallet"], shown["tenure"]) == (graph["wallet"], graph["tenure"])
    assert [token | {"tokenId": str(token["tokenId"])} for token in shown["tokens"]] == graph["tokens"]
    income = (await client.get(f"/api/homes/{home.station}/income", params={"until": until.isoformat()})).json()
    assert (income["gcmUnits"], income["lines"]) == (graph["income"]["gcmUnits"], graph["income"]["lines"])
    assert [given["kind"] for given in income["adjustments"]] == ["penalty"]


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"since": "2020-01-01T00:00:00Z"}, 422, "home.period"),
        ({"since": "2026-03-11T00:00:00Z", "until": "2026-03-10T00:00:00Z"}, 422, "home.period"),
    ],
)
async def test_rest__period_that_is_none__is_told(
    client: httpx.AsyncClient, home: Device, params: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get(f"/api/homes/{home.station}/income", params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(f"/api/homes/{uuid4()}/income")).status_code == 404
