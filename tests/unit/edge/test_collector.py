# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What reads become when the disk does not play along, or the agent is stopped in the middle."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from edge.buffer.store import Buffer
from edge.clock import Clock
from edge.collector import Agent, Collector
from edge.delivery.sender import Delivery
from edge.intervals import SLOT_MS
from edge.meters.bus import Reading
from edge.meters.registers import load, parse
from edge.protocol import decode
from edge.settings import EdgeSettings
from edge.status import Status

B0 = 1_956_096 * SLOT_MS
POWER = """
name: inverter
title: power only
origin: this test
registers:
  - {name: w, role: power, address: 0, type: int16, unit: W}
"""
HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")


class Rig:
    def __init__(self, folder) -> None:
        settings = EdgeSettings(station=HOME, receipt_key="00" * 32, data_dir=folder, map="meter-u64", persist_s=1e9)
        self.buffer = Buffer(folder)
        self.writer = ThreadPoolExecutor(1)
        self.status = Status(folder, {})
        delivery = Delivery(settings, self.buffer, self.writer, Clock(), self.status)
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        self.agent = agent = Agent(settings, key, self.buffer, self.writer, Clock(), self.status, delivery)
        self.make = lambda: Collector(agent, settings.all_meters[0], load("meter-u64"), None)
        self.collector = self.make()

    async def read(self, second: int, shown: int | None = None) -> None:
        """A station that delivers 3,600 W: one Wh a second."""
        wh = 100_000 + second
        words = dict(enumerate([0, 0, wh >> 16, wh & 0xFFFF, 0, 0, 0, 7], start=100))
        await self.collector._take(Reading(words, B0 + (second if shown is None else shown) * 1000))

    def energies(self) -> list[int]:
        return [decode(row.wire)[0].interval.meter_uwh // 10**6 for row in self.buffer.pending(100)]


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    with capture_logs():
        yield made
    made.writer.shutdown()
    made.buffer.close()


async def test_a_disk_that_is_full_for_minutes_costs_no_interval(rig, monkeypatch):
    def full(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    for second in range(-30, 1850, 10):
        if second == 890:
            monkeypatch.setattr(rig.buffer, "store", full)
        if second == 1300:
            assert rig.energies() == []
            assert rig.status._values["last_error"] == "buffer: database or disk is full"
            monkeypatch.undo()
        await rig.read(second)
    assert rig.energies() == [900, 900]


async def test_an_agent_that_is_stopped_while_it_writes_finishes_the_write(rig):
    for second in range(-30, 910, 10):
        await rig.read(second)
    gate = threading.Event()
    rig.writer.submit(gate.wait)  # the writer is busy, so that the commit waits in line
    task = asyncio.create_task(rig.read(910))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.05)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.collector.save()
    assert rig.energies() == [900]
    rig.collector = rig.make()
    for second in range(1200, 1850, 10):
        await rig.read(second)
    assert rig.energies() == [900, 900]
    assert [row.seq for row in rig.buffer.pending(10)] == [1, 2]
    assert rig.status._values["events"] == {}


async def test_slots_that_were_missed_are_counted_over_a_restart(rig):
    for second in range(-30, 920, 10):
        await rig.read(second)
    await rig.collector.save()
    rig.collector = rig.make()
    for second in range(4400, 5500, 10):
        await rig.read(second)
    assert rig.energies() == [900, 900]
    assert rig.status._values["missing"] == 4


@pytest.mark.parametrize("step_s", [86_400, -86_400])
async def test_a_clock_that_is_set_by_a_day_costs_the_open_interval_only(rig, monkeypatch, step_s):
    for second in range(-30, 1000, 10):
        await rig.read(second)
    monkeypatch.setattr(rig.collector._clock_step, "since_last_ms", lambda: step_s * 1000)
    await rig.read(1010, shown=1010 + step_s)
    monkeypatch.undo()
    for second in range(1020, 4000, 10):
        await rig.read(second, shown=second + step_s)
    assert rig.energies() == [900, 900, 900]
    assert rig.status._values["events"] == {"clock_break": 1}
    slots = [decode(row.wire)[0].interval.slot - 1_956_096 for row in rig.buffer.pending(10)]
    assert slots == [0, 2 + step_s // 900, 3 + step_s // 900]


async def test_documents_of_an_http_meter_become_intervals(rig):
    found = load("shelly-pro-3em")
    rig.collector = Collector(rig.agent, rig.agent.settings.all_meters[0], found, None)
    for second in range(-30, 1000, 10):
        document = {"total_act": 5.25, "total_act_ret": 100 + second}
        await rig.collector._take(Reading({}, B0 + second * 1000, {found.path: document}))
    assert rig.energies() == [900]


async def test_power_alone_becomes_intervals_that_say_so(rig, monkeypatch):
    rig.collector = Collector(rig.agent, rig.agent.settings.all_meters[0], parse(POWER), None)

    async def read(second: int) -> None:
        await rig.collector._take(Reading({0: 2000 if second % 20 else 5200}, B0 + second * 1000))

    def full(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    for second in range(-30, 900, 10):
        await read(second)
    monkeypatch.setattr(rig.buffer, "store", full)
    await read(900)
    assert rig.energies() == []
    monkeypatch.undo()
    await read(910)
    assert rig.energies() == [895]  # 900 Wh, less the peak at the read that was not kept
    assert decode(rig.buffer.pending(1)[0].wire)[0].interval.quality == "integrated"


async def test_a_failure_of_the_supply_is_told_in_seconds_with_its_interval(rig):
    told = parse(
        "{name: m, title: t, origin: this test, registers: [{name: e, role: export, address: 0, type: uint16, unit: Wh},"
        " {name: state, role: status, address: 1, type: uint16, bits: {power_failure: 3}}]}"
    )
    rig.collector = Collector(rig.agent, rig.agent.settings.all_meters[0], told, None)
    for second in range(-30, 1850, 10):
        failing = 8 if 870 <= second < 950 else 0
        await rig.collector._take(Reading({0: 1000 + second, 1: failing}, B0 + second * 1000))
    found = [decode(row.wire)[0].interval for row in rig.buffer.pending(10)]
    # from the read before the first that says so to the first that says no more: 860 to 950
    assert [dict(it.devices or {}) for it in found] == [{"powerFail": 40_000_000}, {"powerFail": 50_000_000}]
    assert rig.energies() == [900, 900]
