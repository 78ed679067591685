# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Processes are killed while days are recorded, servers freeze, forged readings come in: in the end the books agree.

The tests run in this order on one house; the last one reads its verdict.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import keys
from edge.protocol import Interval, SignedInterval, sign
from greencore.demo.stations import plan
from tests.flows.house import House, all_gone

PV, PROSUMER, FAULTY = (station.id for station in plan([]))
WH = 1_000_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("broken") / "house")
    with made.running("--days", "0.6", "--json", str(made.data.parent / "out.json")):
        made.wait_up()
        made.wait(lambda: bool(stored(made, PV)), "stored interval", seconds=240)
        yield made


def stored(house: House, station: UUID) -> list[dict[str, Any]]:
    """A station's newest intervals by the API."""
    return list((house.get(f"/api/stations/{station}/intervals?first=20") or {}).get("items", []))


def device(house: House) -> Ed25519PrivateKey:
    """The key of the plant's own device: somebody has stolen it."""
    return keys.load_or_create(house.data / "edge" / "pv-plant")


def interval(station: UUID, slot: int, wh: int) -> Interval:
    return Interval(station, slot, {"meterWh": wh * WH}, bytes(32), source="demo")


def post(house: House, *deliveries: SignedInterval) -> list[tuple[str, str]]:
    """Deliver, and what the receipts say: (status, code)."""
    body = b"[" + b",".join(one.to_json() for one in deliveries) + b"]"
    with httpx.Client(trust_env=False, timeout=30) as http:
        answer = http.post(
            f"{house.api}/api/telemetry/intervals", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    receipts = told if isinstance(told, list) else [told]
    return [(line["status"], line.get("code", "")) for receipt in receipts for line in receipt["receipts"]]


def test_forged_readings_are_refused_and_say_why(house: House) -> None:
    key = device(house)
    newest = stored(house, PV)[0]["slot"]
    true = sign(interval(PV, newest, 1), key)
    one_byte = replace(sign(interval(PV, newest, 2), key), signature=true.signature)
    future = sign(interval(PV, newest + 4 * 96, 1), key)
    stranger = sign(interval(PV, newest, 1), Ed25519PrivateKey.generate())
    nobody = sign(interval(uuid4(), newest, 1), key)
    too_much = sign(interval(PV, newest - 1, 10**6), key)
    assert post(house, one_byte) == [("rejected", "telemetry.signature")]
    assert post(house, stranger) == [("rejected", "telemetry.signature")]
    assert post(house, future) == [("rejected", "telemetry.future")]
    assert post(house, nobody) == [("rejected", "telemetry.unknown_meter")]
    assert post(house, too_much) == [("rejected", "telemetry.over_rating")]


def test_other_bytes_for_a_stored_slot_are_a_conflict_and_change_nothing(house: House) -> None:
    other = sign(interval(PV, stored(house, PV)[0]["slot"], 7), device(house))
    assert post(house, other, other) == [("conflict", "telemetry.conflict")] * 2


@pytest.mark.parametrize(
    "names",
    [
        ("edge-household", "edge-pv-plant", "simulator"),
        ("worker", "api", "indexer"),
        ("oracle-1", "oracle-3", "miner"),  # two of four: no quorum until one is back
    ],
)
def test_killed_processes_come_back(house: House, names: tuple[str, ...]) -> None:
    pids = house.pids()
    for name in names:
        os.kill(pids[name], signal.SIGKILL)
    for name in names:
        house.wait_restarted(name, pids[name])


def test_a_killed_database_loses_nothing_that_was_receipted(house: House) -> None:
    pid = house.pids()["postgres"]
    os.kill(pid, signal.SIGKILL)
    house.wait_restarted("postgres", pid)


def test_a_stream_that_is_away_for_a_while_is_waited_for(house: House) -> None:
    pid = house.pids()["nats"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(8)
    os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)
    house.wait_restarted("nats", pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_chain_goes_on_from_its_saved_state(house: House, number: signal.Signals) -> None:
    """Asked to end, it saves; killed, it forgets its last seconds: blocks, reports and claims that everybody had seen."""
    pid = house.pids()["anvil"]
    os.kill(pid, number)
    house.wait_restarted("anvil", pid)


def test_in_the_end_the_books_agree(house: House) -> None:
    path = house.data.parent / "out.json"
    house.wait(path.exists, "verdict", seconds=500)
    verdict = json.loads(path.read_text())
    assert verdict["reconciled"] is True, (verdict, house.output[-2000:])
    pids = list(house.pids().values())
    assert house.interrupt(seconds=60) == 0
    assert all_gone(pids, seconds=1)
    stations = {UUID(station["station"]): station for station in verdict["stations"]}
    for station in stations.values():
        assert station["oracle_uwh"] == station["chain_uwh"]
        assert station["accepted"] == station["sent"] > 30
        assert int(station["oracle_uwh"]) > 0
    assert stations[PV]["rejected"] >= 3, "what was forged stays to be seen"
    assert stations[PV]["conflicting"] == 1
    # the faulty meter's day: a spike that is seen through, a rollover, a gap that is estimated and not minted
    assert "rollover" in stations[FAULTY]["meter_events"]
    assert stations[FAULTY]["estimated"] > 0
