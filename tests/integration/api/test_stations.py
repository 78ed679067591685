# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations and their intervals over REST."""

import httpx

from kit.database import Database
from tests.integration.api import ledger
from tests.integration.api.world import KWH, LAST, OPERATOR, Device


async def test_stations_page_by_page_and_one_with_its_meters(client: httpx.AsyncClient, database: Database) -> None:
    devices = [Device(owner=bytes(19) + bytes([i % 2])) for i in range(5)]
    async with database.transaction() as session:
        for device in devices:
            device.enrol(session)
    seen, after = [], None
    for _ in range(3):
        page = (await client.get("/api/stations", params={"first": 2} | ({"after": after} if after else {}))).json()
        seen += [row["id"] for row in page["items"]]
        after = page["next"]
    assert after is None
    assert seen == sorted(str(device.station) for device in devices)
    mine = (await client.get("/api/stations", params={"owner": "0x" + "00" * 19 + "01"})).json()
    assert len(mine["items"]) == 2
    one = (await client.get(f"/api/stations/{devices[0].station}")).json()
    assert one["ratedW"] == 40_000
    assert [meter["key"] for meter in one["meters"]] == ["0x" + devices[0].key.public_key().public_bytes_raw().hex()]
    wrong = await client.get("/api/stations", params={"owner": "me"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "request.address")


async def test_intervals_in_force_newest_first(client: httpx.AsyncClient, database: Database, device: Device) -> None:
    async with database.transaction() as session:
        ledger.write(session, [device])
    path = f"/api/stations/{device.station}/intervals"
    page = (await client.get(path, params={"first": 3})).json()
    assert [row["slot"] for row in page["items"]] == [LAST, LAST - 1, LAST - 2]
    assert (page["items"][0]["eNetUwh"], page["items"][0]["version"]) == (str(-KWH), 2)
    rest = (await client.get(path, params={"after": page["next"]})).json()
    assert [row["slot"] for row in rest["items"]] == [LAST - back for back in range(3, 10)]
    some = (await client.get(path, params={"from": "2026-03-10T11:30:00Z", "quality": "raw"})).json()
    assert [row["slot"] for row in some["items"]] == [LAST - 1]
    naive = await client.get(path, params={"from": "2026-03-10T11:30:00"})
    assert naive.json()["errors"][0]["field"] == "query.from"
    far = await client.get(path, params={"to": "9999-12-31T00:00:00Z", "from": "0001-01-01T00:00:00Z"})
    assert len(far.json()["items"]) == 10
    stranger = await client.get(f"/api/stations/{Device().station}/intervals")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "energy.unknown_station")


async def test_only_operators_name_stations(client: httpx.AsyncClient, device: Device) -> None:
    path = f"/api/stations/{device.station}/name"
    refused = await client.put(path, json={"name": "Roof"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await client.put(path, json={"name": "Roof"}, headers={"authorization": "Bearer no"})
    assert wrong.json()["code"] == "auth.operator"
    for _ in range(2):
        assert (await client.put(path, json={"name": "Rööf ☀"}, headers=OPERATOR)).json()["name"] == "Rööf ☀"
    for name in ("a\x00b", "a\nb", "x" * 81):
        assert (await client.put(path, json={"name": name}, headers=OPERATOR)).json()["code"] == "request.invalid"
    assert (await client.get(f"/api/stations/{device.station}")).json()["name"] == "Rööf ☀"
