# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The telemetry door: receipts that a device can trust, refusals that name the culprit, and no bytes that break it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from api.app import create_app
from api.settings import ApiSettings
from edge.protocol import MEASURES, SignedInterval, decode_receipts, encode, sign_envelope
from energy.models import EnergyReading, EnergyRejection
from kit.database import Database
from kit.outbox import OutboxEvent
from tests.integration.api.world import KWH, LAST, Device, body

PATH = "/api/telemetry/intervals"
JSON = {"content-type": "application/json"}


async def rows(database: Database, table: Any) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_one_interval_is_stored_and_receipted(
    client: httpx.AsyncClient, database: Database, device: Device
) -> None:
    sent = device.signed()
    answer = await client.post(PATH, content=sent.to_json(), headers=JSON)
    assert answer.status_code == 200
    key = (await client.get("/api/telemetry/receipt-key")).json()
    (receipt,) = decode_receipts(answer.content)
    assert receipt.signed_by(bytes.fromhex(key["publicKey"]))
    assert (receipt.homeId, receipt.keyId) == (str(device.station), key["keyId"])
    (line,) = receipt.receipts
    assert (line.hash, line.status) == ("0x" + sent.hash.hex(), "accepted")
    assert await rows(database, EnergyReading) == 1
    assert await rows(database, OutboxEvent) == 1


async def test_an_envelope_is_one_delivery_with_a_line_for_each(
    client: httpx.AsyncClient, database: Database, device: Device
) -> None:
    signed = [device.signed(LAST - n) for n in range(3)]
    envelope = sign_envelope(device.station, [one.hash for one in signed], device.key, boot_id="b", seq=0)
    made = [SignedInterval.enveloped(one.interval, one.body, one.hash, envelope) for one in signed]
    for status in ("accepted", "duplicate"):
        (receipt,) = decode_receipts((await client.post(PATH, content=encode(made), headers=JSON)).content)
        assert [(line.hash, line.status) for line in receipt.receipts] == [
            ("0x" + it.hash.hex(), status) for it in made
        ]
    # what is left out stands as its hash, and a single delivery of the same interval is the same interval
    (receipt,) = decode_receipts(
        (await client.post(PATH, content=encode([*made[1:], signed[0]]), headers=JSON)).content
    )
    assert {line.status for line in receipt.receipts} == {"duplicate"}
    assert await rows(database, EnergyReading) == 3
    assert await rows(database, OutboxEvent) == 1


async def test_again_other_bytes_and_one_changed_byte(
    client: httpx.AsyncClient, database: Database, device: Device
) -> None:
    sent = device.signed()
    other = device.signed(uwh=2 * KWH)
    forged = replace(sent, signature=bytes(64))
    answer = await client.post(PATH, content=body(sent, sent, other, forged, Device().signed()), headers=JSON)
    mine, stranger = decode_receipts(answer.content)
    assert [(line.status, line.code) for line in mine.receipts] == [
        ("accepted", ""),
        ("duplicate", ""),
        ("conflict", "telemetry.conflict"),
        ("rejected", "telemetry.signature"),
    ]
    assert [(line.status, line.code) for line in stranger.receipts] == [("rejected", "telemetry.unknown_meter")]
    assert await rows(database, EnergyReading) == 1
    assert await rows(database, EnergyRejection) == 2
    metrics = (await client.get("/metrics")).text
    assert 'greencore_telemetry_intervals_total{code="",status="accepted",transport="rest"} 1.0' in metrics


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("meterWh", 1.1234567, "telemetry.precision"),
        ("end", "2026-03-10T12:15:00Z", "telemetry.length"),
        ("start", "2026-03-10T11:44:00Z", "telemetry.misaligned"),
        ("profileHash", "0x12", "telemetry.malformed"),
        ("homeId", "me", "telemetry.malformed"),
    ],
)
async def test_what_can_not_be_read_is_refused_as_a_whole_with_its_field(
    client: httpx.AsyncClient, database: Database, device: Device, field: str, value: object, code: str
) -> None:
    wrong = json.loads(device.signed().to_json()) | {field: value}
    whole = [json.loads(device.signed(LAST - 1).to_json()), wrong]
    answer = await client.post(PATH, json=whole)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert await rows(database, EnergyReading) == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:15:00+01:00"),
        ("9999-12-31T23:30:00-01:00", "9999-12-31T23:45:00-01:00"),
        ("1969-12-31T23:45:00Z", "1970-01-01T00:00:00Z"),
    ],
)
async def test_an_instant_outside_the_calendar_is_out_of_range(
    client: httpx.AsyncClient, device: Device, start: str, end: str
) -> None:
    wrong = json.loads(device.signed().to_json()) | {"start": start, "end": end}
    answer = await client.post(PATH, json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "telemetry.range")


async def test_too_many_and_another_type(client: httpx.AsyncClient, device: Device) -> None:
    many = body(*[device.signed()] * 1_001)
    answer = await client.post(PATH, content=many, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "telemetry.batch_too_large")
    answer = await client.post(PATH, content=b"<xml/>", headers={"content-type": "application/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "telemetry.type")


async def test_a_station_that_floods_waits_and_others_do_not(
    settings: Callable[..., ApiSettings], device: Device
) -> None:
    app = create_app(settings(telemetry_rate=1.0, telemetry_burst=1_000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client,
    ):
        full = body(*[device.signed()] * 1_000)
        assert (await client.post(PATH, content=full, headers=JSON)).status_code == 200
        answer = await client.post(PATH, content=full, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (429, "request.too_many")
        assert int(answer.headers["retry-after"]) > 900
        other = await client.post(PATH, content=Device().signed().to_json(), headers=JSON)
        assert other.status_code == 200


async def test_the_same_delivery_at_the_same_time_is_stored_once(
    client: httpx.AsyncClient, database: Database, device: Device
) -> None:
    sent = body(*(device.signed(LAST - i) for i in range(40)))
    answers = await asyncio.gather(*(client.post(PATH, content=sent, headers=JSON) for _ in range(6)))
    statuses = [line.status for answer in answers for line in decode_receipts(answer.content)[0].receipts]
    assert (statuses.count("accepted"), statuses.count("duplicate")) == (40, 200)
    assert await rows(database, OutboxEvent) == 40


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(
        [
            "0001-01-01T00:00:00+01:00",
            "0001-01-01T00:15:00+01:00",
            "9999-12-31T23:45:00-01:00",
            "10000-01-01T00:00:00Z",
            "2026-03-10T11:45:00",
            "0x",
            "\x00",
            "\ud800",
            "1e999999999",
            "NaN",
        ]
    ),
    st.text(max_size=70),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=3),
)
FIELDS = ["homeId", "start", "end", "meterId", "seq", "devices", "quality", "source", "profileHash", "sign", *MEASURES]
MUTATED = st.dictionaries(st.sampled_from([*FIELDS, "unknown"]), ODD, min_size=1, max_size=3)
RAW_NUMBER = st.sampled_from(
    ["1e999999999999999999999", "-1e-999999999", "1" * 5000, "0." + "0" * 5000 + "1", "Infinity", "-0.0", "1E+2"]
)


@pytest.mark.parametrize("shape", ["bytes", "json", "mutated", "number"])
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
async def test_no_bytes_break_it(app: FastAPI, device: Device, shape: str, data: st.DataObject) -> None:
    good = json.loads(device.signed().to_json())
    if shape == "bytes":
        content = data.draw(st.binary(max_size=300) | st.sampled_from([b"", b"[]", b"[" * 100_000, b'{"a":' * 50_000]))
    elif shape == "json":
        content = json.dumps(data.draw(st.recursive(ODD, lambda inner: st.lists(inner, max_size=3)))).encode()
    elif shape == "mutated":
        content = json.dumps(good | data.draw(MUTATED)).encode()
    else:
        content = json.dumps(good | {"meterWh": 0.125}).encode().replace(b"0.125", data.draw(RAW_NUMBER).encode())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.post(PATH, content=content, headers=JSON)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert answer.json()["code"].startswith("telemetry.")
