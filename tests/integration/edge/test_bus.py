# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Several meters of one station on one line: one dead unit costs the others nothing."""

import asyncio
import collections
import contextlib
import struct
import sys
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import yaml

from edge.clock import Clock
from tests.integration.edge.peers.raw_rtu import Request, raw_rtu, words

SIM0 = 1_760_486_400  # 2025-10-15T00:00:00Z
SPEED = 600
DEAD = 3
UNITS = range(1, 6)
WATTS = {unit: 1000 * unit for unit in UNITS}
MAP = """
name: unit
title: one counter
origin: this test
registers:
  - {name: exp, role: export, address: 100, type: uint64, unit: mWh}
"""


def counter(unit: int, now_ms: int) -> list[int]:
    """A unit that delivers 1 kW times its number: mWh since the beginning, in four registers."""
    mwh = 10_000_000 + WATTS[unit] * (now_ms - SIM0 * 1000) // 3600
    return [*struct.unpack(">4H", mwh.to_bytes(8, "big")), 0, 0, 0, 0, 0, 0]


class Station:
    """A station file, its agent as a process, and what became of its intervals."""

    def __init__(self, folder, processes, receiver, doors: dict[int, dict], **more: object) -> None:
        self.id: UUID = uuid4()
        self.folder = folder
        self.receiver = receiver
        self.clock = f"{SIM0 + 830}@{time.time():.3f}x{SPEED}"
        (folder / "unit.yaml").write_text(MAP)
        meters = [{"id": f"m{unit}", "map": "unit.yaml", "unit": unit} | door for unit, door in doors.items()]
        told = {
            "station": str(self.id), "receipt_key": receiver.books.public_hex, "api_url": receiver.url, "source": "demo",
            "data_dir": "data", "poll_s": 60, "modbus_timeout_s": 0.1, "modbus_late_s": 0.05, "modbus_retry_max_s": 0.5,
            "retry_base_s": 0.1, "retry_max_s": 1, "clock": self.clock, "meters": meters,
        } | more  # fmt: skip
        (folder / "station.yaml").write_text(yaml.safe_dump(told))
        args = [sys.executable, "-m", "edge.command", "run", "--config", str(folder / "station.yaml")]
        self.process = processes.start("agent", args)

    def slots(self) -> dict[str, list[tuple[int, int]]]:
        """What the server has, by meter: slot and mWh."""
        found = collections.defaultdict(list)
        for signed in self.receiver.books.intervals(self.id):
            found[signed.interval.meter].append((signed.interval.slot, signed.interval.meter_uwh // 1000))
        return found

    def alive(self) -> bool:
        assert self.process.poll() is None, self.why()()
        return True

    def why(self) -> Callable[[], object]:
        return lambda: (self.slots(), (self.folder / "agent.log").read_text()[-3000:])


async def test_one_dead_unit_of_five_on_a_serial_line_costs_the_others_nothing(
    tmp_path, processes, receiver, eventually, status_in
):
    async with raw_rtu() as line:
        rtu = {"rtu": {"device": line.device, "baud": 115_200}}
        station = Station(tmp_path, processes, receiver, dict.fromkeys(UNITS, rtu))
        clock = Clock.parse(station.clock)

        def answer(request: Request) -> list[bytes | float]:
            if request.unit == DEAD:
                return []
            return [words(request, counter(request.unit, clock.now_ms())[: request.count])]

        line.answer = answer
        alive = [f"m{unit}" for unit in UNITS if unit != DEAD]
        await eventually(
            lambda: station.alive() and all(len(station.slots()[meter]) >= 2 for meter in alive), 40, station.why()
        )
        for unit in UNITS:
            if unit != DEAD:
                built = station.slots()[f"m{unit}"]
                assert [slot for slot, _ in built] == list(range(built[0][0], built[0][0] + len(built)))
                assert all(abs(mwh - WATTS[unit] * 250) <= WATTS[unit] * 60 for _, mwh in built)
        assert station.slots()[f"m{DEAD}"] == []
        said = status_in(tmp_path / "data")
        assert said["meter_error"].startswith(f"m{DEAD}: timeout: unit {DEAD}")
        assert said["meters"]["m1"]["read_failed"] == 0
        tried = sum(request.unit == DEAD for request in line.requests)
        assert tried < len(line.requests) / 10
        line.answer = lambda request: [words(request, counter(request.unit, clock.now_ms())[: request.count])]
        await eventually(lambda: len(station.slots()[f"m{DEAD}"]) >= 1, 30, station.why())
    numbers = sorted(signed.interval.seq for signed in receiver.books.intervals(station.id))
    assert numbers == list(range(1, len(numbers) + 1))


async def test_units_behind_one_gateway_share_one_connection(tmp_path, processes, receiver, eventually, status_in):
    connections, at_once, most = 0, 0, 0
    clocks: list[Clock] = []

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, at_once, most
        connections += 1
        at_once += 1
        most = max(most, at_once)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readexactly(12):
                unit, function, _, count = struct.unpack(">BBHH", request[6:])
                pdu = struct.pack(f">BB{count}H", function, 2 * count, *counter(unit, clocks[0].now_ms())[:count])
                pdu = b"\x83\x0b" if unit == DEAD else pdu  # the gateway got no answer
                writer.write(request[:4] + struct.pack(">HB", len(pdu) + 1, unit) + pdu)
                await writer.drain()
        at_once -= 1
        writer.close()

    server = await asyncio.start_server(gateway, "127.0.0.1", 0)
    tcp = {"tcp": {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1]}}
    station = Station(tmp_path, processes, receiver, dict.fromkeys((1, 2, DEAD), tcp))
    clocks.append(Clock.parse(station.clock))
    await eventually(
        lambda: station.alive() and all(len(station.slots()[meter]) >= 2 for meter in ("m1", "m2")), 30, station.why()
    )
    assert (connections, most) == (1, 1)
    assert status_in(tmp_path / "data")["meter_error"].startswith("m3: gateway: unit 3")
    processes.stop_all()
    server.close()
