# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""People's words about intervals, by REST: corrections with their records, flags that are opened and closed."""

from typing import Any

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy import rollup
from energy.corrections import CORRECTOR, Record, prepare
from energy.models import EnergyMeter
from energy.quality.service import QualityService
from kit.clock import FixedClock
from kit.database import Database
from tests.integration.api.world import ENROLLED, LAST, NOON, OPERATOR, Device, body

RECORD = {"who": "Ada", "reason": "mounted the wrong way round", "evidence": "protocol 17"}
JSON = {"content-type": "application/json"}


async def test_a_correction_with_its_record(client: httpx.AsyncClient, database: Database, device: Device) -> None:
    key = Ed25519PrivateKey.generate()
    async with database.transaction() as session:
        public = key.public_key().public_bytes_raw()
        session.add(EnergyMeter(key=public, station=device.station, role=CORRECTOR, since=ENROLLED))
    signed = prepare(device.station, LAST, -5, Record(**RECORD), key)
    given: dict[str, Any] = {"interval": orjson.loads(signed.to_json()), **RECORD}
    assert (await client.post("/api/telemetry/corrections", json=given)).status_code == 401
    for status in ("accepted", "duplicate"):
        answer = await client.post("/api/telemetry/corrections", json=given, headers=OPERATOR)
        assert answer.json() == {"hash": "0x" + signed.hash.hex(), "status": status, "code": "", "detail": ""}
    (row,) = (await client.get(f"/api/telemetry/corrections?station={device.station}", headers=OPERATOR)).json()
    assert (row["deltaUwh"], row["who"], row["slot"]) == ("-5", "Ada", LAST)
    for change, code in (
        ({"reason": "other"}, "correction.other_record"),
        ({"reason": "a\nb"}, "request.invalid"),
        ({"interval": {}}, "telemetry.malformed"),
        ({"interval": orjson.loads(device.signed().to_json())}, "correction.meter"),
    ):
        wrong = await client.post("/api/telemetry/corrections", json=given | change, headers=OPERATOR)
        assert wrong.json()["code"] == code


async def test_a_flag_is_opened_once_and_closed_with_a_finding(
    client: httpx.AsyncClient, database: Database, device: Device
) -> None:
    case = {"station": str(device.station), "slot": LAST, "who": "the owner", "reason": "we were away"}
    unknown = await client.post("/api/telemetry/flags", json=case, headers=OPERATOR)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "flag.no_interval")
    assert (await client.post("/api/telemetry/flags", json=case)).status_code == 401
    await client.post("/api/telemetry/intervals", content=body(device.signed()), headers=JSON)
    async with database.transaction() as session:
        await QualityService(FixedClock(NOON)).evaluate(session)
    (first, again) = [(await client.post("/api/telemetry/flags", json=case, headers=OPERATOR)).json() for _ in range(2)]
    assert (first["id"], first["closedAt"], first["reason"]) == (again["id"], None, "we were away")
    listed = f"/api/telemetry/flags?station={device.station}"
    assert (await client.get(listed, headers=OPERATOR)).json() == [first]
    close = f"/api/telemetry/flags/{first['id']}/close"
    for finding in ("nothing wrong", "too late"):
        closed = (await client.post(close, json={"who": "Ada", "finding": finding}, headers=OPERATOR)).json()
        assert (closed["closedBy"], closed["finding"]) == ("Ada", "nothing wrong")
    assert (await client.get(listed, headers=OPERATOR)).json() == []
    assert len((await client.get(f"{listed}&closed=true", headers=OPERATOR)).json()) == 1
    missing = await client.post("/api/telemetry/flags/99/close", json={"who": "a", "finding": "b"}, headers=OPERATOR)
    assert missing.status_code == 404


async def test_sums_of_a_station_and_of_the_grid(client: httpx.AsyncClient, database: Database, device: Device) -> None:
    await client.post(
        "/api/telemetry/intervals", content=body(*(device.signed(LAST - n, 5) for n in range(6))), headers=JSON
    )
    async with database.transaction() as session:
        await QualityService(FixedClock(NOON)).evaluate(session)
        await rollup.sum_up(session, NOON)
    window = "since=2026-03-10T00:00:00Z&until=2026-03-10T23:00:00Z"
    for path in (f"station={device.station}&{window}", window):
        (day,) = (await client.get(f"/api/telemetry/sums?{path}")).json()
        assert (day["start"], day["eNetUwh"], day["readings"]) == ("2026-03-10T00:00:00Z", "30", 6)
        hours = (await client.get(f"/api/telemetry/sums?unit=hour&{path}")).json()
        assert [(hour["start"][11:13], hour["readings"]) for hour in hours] == [("10", 2), ("11", 4)]
    wrong = await client.get("/api/telemetry/sums?unit=hour&since=2020-01-01T00:00:00Z&until=2026-03-10T23:00:00Z")
    assert wrong.json()["code"] == "sums.range"
