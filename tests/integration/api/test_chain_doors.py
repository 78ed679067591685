# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Proofs, claims and reports through the door, with real nodes and a real chain behind it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import astuple
from pathlib import Path

import httpx
import pytest
from eth_hash.auto import keccak
from pydantic import SecretStr

from api.app import create_app
from api.settings import ApiSettings
from greencore.embedded.ports import free_ports
from kit.settings import Mode
from kit.units import UWH_PER_WH
from oracle.rules import Leaf, parse_leaves, root_from_proof
from tests.conftest import Deployed
from tests.integration.api.world import OPERATOR, TOKEN
from tests.integration.flows.platform import Platform
from tests.integration.oracle.grid import MNEMONIC, E, Grid, Station, account

KWH = 1_000 * UWH_PER_WH
RICH = account(7)


@pytest.fixture
async def platform(deployment: Deployed, new_database: Callable[[], str]) -> AsyncIterator[Platform]:
    grid = Grid(deployment, new_database, free_ports(4))
    grid.pass_slots()
    await grid.start()
    made = Platform(grid, new_database(), every=10**6)
    yield made
    await made.close()
    await grid.stop()


@pytest.fixture
async def door(platform: Platform, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = ApiSettings(
        mode=Mode.DEMO,
        database_url=SecretStr(platform.database_url),
        nats_url=SecretStr("nats://127.0.0.1:9"),
        rpc_url=platform.grid.rpc_url,
        deployment=platform.grid.path,
        receipt_key=tmp_path / "receipt.key",
        operator_token=SecretStr(TOKEN),
        oracle_operator_token=SecretStr("secret"),
        oracle_nodes=("http://127.0.0.1:9", *platform.nodes),
        keeper_key=SecretStr("0x" + RICH._key.to_bytes().hex()),
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://door", timeout=60) as made,
    ):
        yield made


async def delivered(platform: Platform, station: Station) -> int:
    """A slot that has closed, with a kWh of the station's in it."""
    slot = platform.grid.pass_slots()
    await platform.hear(station.reading(slot, 1_000))
    platform.grid.close(slot)
    return slot


async def test_from_an_operators_request_to_a_claim_with_the_served_proof(
    platform: Platform, door: httpx.AsyncClient
) -> None:
    station, other = await platform.add_station(), await platform.add_station()
    slot = await delivered(platform, station)
    assert (await door.post("/api/oracle/sign", json={})).status_code == 401
    signed = (await door.post("/api/oracle/sign", json={"slot": slot}, headers=OPERATOR)).json()
    assert (signed["done"], signed["slot"], signed["signatures"] >= signed["needed"]) == (True, slot, True)
    assert signed["answers"][0]["status"] is None  # nobody listens at the first node's address
    assert (signed["content"]["slot"], signed["content"]["total"]) == (slot, str(KWH))
    assert signed["txHash"].startswith("0x")

    await platform.indexer.catch_up()
    where = {"station": str(station.id)}
    pending = await door.get("/api/oracle/proof", params=where)
    assert (pending.status_code, pending.json()["code"]) == (404, "oracle.leaves_pending")
    await platform.story.fetch_leaves(E, slot)

    proof = (await door.get("/api/oracle/proof", params=where)).json()
    row = proof["leaf"]
    leaf = Leaf(
        utility=row["utility"],
        station=station.id.int,
        tenure=row["tenure"],
        owner=bytes.fromhex(row["owner"][2:]),
        slot=row["slot"],
        energy=int(row["energyUwh"]),
        measured=int(row["measuredUwh"]),
        mintable=int(row["mintableUwh"]),
        quality=row["quality"],
        profile_hash=bytes.fromhex(row["profileHash"][2:]),
    )
    siblings = [bytes.fromhex(item[2:]) for item in proof["proof"]]
    assert "0x" + leaf.hash().hex() == proof["leafHash"]
    assert "0x" + root_from_proof(leaf.hash(), proof["index"], siblings).hex() == proof["root"]
    assert await platform.grid.oracle.root_of(E, slot) == bytes.fromhex(proof["root"][2:])

    treasury = platform.grid.treasury
    await platform.grid.sender(9).send(treasury.address, treasury.claim_call(astuple(leaf), proof["index"], siblings))
    assert (await platform.settled(station)).register == KWH
    assert (await door.get("/api/oracle/proof", params={"station": str(other.id), "slot": slot})).status_code == 200
    stranger = await door.get("/api/oracle/proof", params={"station": "00000000-0000-0000-0000-000000000001"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "oracle.no_leaf")
    never = await door.get("/api/oracle/proof", params=where | {"slot": slot - 1})
    assert (never.status_code, never.json()["code"]) == (404, "oracle.no_report")


async def test_mint_once_whatever_is_repeated(platform: Platform, door: httpx.AsyncClient) -> None:
    station = await platform.add_station()
    slot = await delivered(platform, station)
    await platform.grid.report(slot)
    await platform.indexer.catch_up()
    await platform.story.fetch_leaves(E, slot)
    body = {"station": str(station.id)}
    assert (await door.post("/api/treasury/mint", json=body, headers=OPERATOR)).json()["code"] == "request.invalid"
    first = await door.post("/api/treasury/mint", json=body, headers=OPERATOR | {"Idempotency-Key": "a"})
    assert first.status_code == 200, first.text
    made = first.json()
    assert (made["outcome"], made["slot"], made["toRegisterUwh"]) == ("minted", slot, str(KWH))
    assert int(made["toOwnerUwh"]) + int(made["reserveUwh"]) == KWH
    assert made["owner"] == account(8).address.lower()
    receipt = await platform.grid.rpc.receipt(made["txHash"])
    assert receipt is not None
    assert int(receipt["gasUsed"], 16) == made["gasUsed"]

    again = await door.post("/api/treasury/mint", json=body, headers=OPERATOR | {"Idempotency-Key": "a"})
    assert again.json() == made
    reused = await door.post(
        "/api/treasury/mint", json=body | {"batch": True}, headers=OPERATOR | {"Idempotency-Key": "a"}
    )
    assert (reused.status_code, reused.json()["code"]) == (409, "idempotency.reused")
    other = await door.post("/api/treasury/mint", json=body, headers=OPERATOR | {"Idempotency-Key": "b"})
    assert (other.json()["outcome"], other.json()["txHash"]) == ("settled", None)
    batch = await door.post(
        "/api/treasury/mint", json=body | {"batch": True}, headers=OPERATOR | {"Idempotency-Key": "c"}
    )
    assert (batch.status_code, batch.json()["code"].split(".")[0]) == (400, "treasury")
    assert await platform.grid.rpc.nonce(RICH.address) == 1

    await platform.indexer.catch_up()
    later = await door.post("/api/treasury/mint", json=body, headers=OPERATOR | {"Idempotency-Key": "d"})
    assert (later.json()["outcome"], later.json()["txHash"]) == ("settled", made["txHash"])
    assert later.json()["toOwnerUwh"] == made["toOwnerUwh"]
    reports = (await door.get("/api/treasury/reports")).json()
    assert [(row["slot"], row["totalUwh"]) for row in reports["items"]] == [(slot, str(KWH))]
    (given,) = reports["distributions"]["items"]
    assert (given["txHash"], given["toOwnerUwh"]) == (made["txHash"], made["toOwnerUwh"])
    assert reports["treasury"] == {
        "mintedUwh": str(KWH),
        "issuedUwh": made["toOwnerUwh"],
        "reserveUwh": made["reserveUwh"],
    }
    books = (await door.get("/api/reconciliation")).json()
    assert (books["verdict"], books["findings"]) == ("reconciled", [])
    (line,) = books["lines"]
    assert (line["oracleUwh"], line["chainUwh"], line["indexedUwh"]) == (str(KWH),) * 3
    assert (line["meteredSlots"], line["meteredNetUwh"], line["meteredSurplusUwh"]) == (1, str(KWH), str(KWH))


async def test_the_books_come_in_pages_and_their_verdict_is_of_all(platform: Platform, door: httpx.AsyncClient) -> None:
    stations = [await platform.add_station() for _ in range(3)]
    slot = platform.grid.pass_slots()
    await platform.hear(*(station.reading(slot, 1_000) for station in stations[:2]))
    await platform.grid.report(slot)
    await platform.indexer.catch_up()
    await platform.story.fetch_leaves(E, slot)
    await platform.grid.claim(slot, stations[0])
    await platform.indexer.catch_up()
    whole = (await door.get("/api/reconciliation")).json()
    assert (whole["verdict"], whole["next"], len(whole["lines"])) == ("waiting", None, 3)
    first = (await door.get("/api/reconciliation", params={"first": 2})).json()
    second = (await door.get("/api/reconciliation", params={"first": 2, "after": first["next"]})).json()
    assert first["lines"] + second["lines"] == whole["lines"]
    assert (first["verdict"], second["next"]) == ("waiting", None)
    (open_,) = (await door.get("/api/reconciliation", params={"only": "waiting"})).json()["lines"]
    assert (open_["station"], open_["chainUwh"], open_["oracleUwh"]) == (str(stations[1].id), "0", str(KWH))


async def test_a_batch_of_one_slot(platform: Platform, door: httpx.AsyncClient) -> None:
    station = await platform.add_station()
    slot = await delivered(platform, station)
    await platform.grid.report(slot)
    await platform.indexer.catch_up()
    await platform.story.fetch_leaves(E, slot)
    made = await door.post(
        "/api/treasury/mint",
        json={"station": str(station.id), "slot": slot, "batch": True},
        headers=OPERATOR | {"Idempotency-Key": "a"},
    )
    assert made.json()["outcome"] == "minted"
    owner = bytes.fromhex(account(8).address[2:])
    token = 1 << 255 | E << 32 | slot
    assert await platform.grid.token.balance_of(owner, token) == int(made.json()["toOwnerUwh"])


async def test_the_leaves_are_served_byte_by_byte(platform: Platform, door: httpx.AsyncClient) -> None:
    station = await platform.add_station()
    slot = await delivered(platform, station)
    await platform.grid.report(slot)
    await platform.indexer.catch_up()
    path = f"/api/oracle/leaves/{E}/{slot}"
    assert (await door.get(path)).status_code == 404
    await platform.story.fetch_leaves(E, slot)
    answer = await door.get(path)
    assert answer.headers["etag"] == f'"0x{keccak(answer.content).hex()}"'
    assert [leaf.mintable for leaf in parse_leaves(answer.content)] == [KWH]
    same = await door.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert (await door.get("/api/oracle/leaves/99/1")).json()["code"] == "request.invalid"


async def test_status_and_readiness_see_every_part(platform: Platform, door: httpx.AsyncClient) -> None:
    await platform.indexer.catch_up()
    status = (await door.get("/api/status")).json()
    assert status["indexer"]["behind"] == 0
    assert status["chainHead"] == status["indexer"]["block"]
    assert [node["state"] for node in status["nodes"]] == ["failed", "ok", "ok", "ok", "ok"]
    ready = (await door.get("/readyz")).json()
    assert ready["status"] == "degraded"
    assert {name: part["state"] for name, part in ready["parts"].items()} == {
        "database": "ok",
        "migrations": "ok",
        "nats": "failed",
        "rpc": "ok",
    }
    assert MNEMONIC not in str(status)
