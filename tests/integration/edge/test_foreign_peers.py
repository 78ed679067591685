# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Our client against servers that others wrote, over TCP and RTU, well-behaved and not; and their client against ours."""

import asyncio
import ctypes
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.meters.bus import Bus, BusMeter
from edge.meters.modbus import MeterError, SerialPort, TcpAddress
from edge.meters.registers import parse
from tests.integration.edge import peers
from tests.integration.edge.peers.libmodbus_server import library

TIMEOUT_S = 0.25
LATE, BUSY, SHORT, STRANGE, SILENT, OTHER_UNIT = (100 * place for place in range(1, 7))


EVERY_LINE = pytest.mark.parametrize("place", ["tcp", "rtu", "rtu-over-tcp"], indirect=True)
EVERY_PEER = pytest.mark.parametrize(
    ("place", "peer"),
    [(kind, name) for name in peers.NAMES for kind in ("tcp", "rtu") if (name, kind) != ("jsmodbus", "rtu")],
    indirect=True,
)


class Place(NamedTuple):
    """Where a peer serves, and where its clients connect."""

    kind: str
    server: str
    client: TcpAddress | SerialPort


def at(address: int, count: int = 4, function: str = "holding"):
    type_ = {2: "uint32", 4: "uint64"}[count]
    return parse(
        f"{{name: at, title: t, origin: this test, function: {function}, max_hole: 0, registers:"
        f" [{{name: a, role: export, address: {address}, type: {type_}, unit: Wh}}]}}"
    )


@pytest.fixture
def place(request, free_port) -> Iterator[Place]:
    if request.param != "rtu":
        port = free_port()
        yield Place(request.param, str(port), TcpAddress("127.0.0.1", port, request.param == "rtu-over-tcp"))
        return
    with peers.SerialPair() as line:
        yield Place("rtu", line.ends[0], SerialPort(line.ends[1], 115_200))


@pytest.fixture
def peer(request, place) -> Iterator[str]:
    name: str = request.param
    if why := peers.missing(name):
        pytest.skip(why)
    process: subprocess.Popen[bytes] = peers.start(name, place.kind, place.server)
    yield name
    peers.end(process)


@pytest.fixture
async def read(place):
    bus = Bus(place.client, TIMEOUT_S, late_s=0.4)
    meters: dict[int, BusMeter] = {}

    async def at_address(address: int, count: int = 4, function: str = "holding") -> list[int]:
        meter = meters.setdefault(address, BusMeter(bus, 1, at(address, count, function), lambda: 0))
        return list((await meter.read()).words.values())

    yield at_address
    bus.close()


async def fails(read: Callable, address: int) -> str:
    with pytest.raises(MeterError) as caught:
        await read(address)
    return caught.value.reason


@EVERY_PEER
async def test_words_are_the_registers_asked(peer, read):
    for address in (0, 7, 60, 0):
        assert await read(address) == list(range(address, address + 4))
    assert await read(20, 2, "input") == [20, 21]


@EVERY_PEER
async def test_late_busy_short_and_strange_answers_are_no_values(peer, place, read):
    expected = {
        "libmodbus": {BUSY: "busy", SHORT: "short", LATE: "timeout", STRANGE: "timeout", SILENT: "timeout",
                      OTHER_UNIT: "timeout"},
        "modbus-serial": {BUSY: "busy", LATE: "timeout", SILENT: "timeout"},
        "jsmodbus": {1998: "short", 5000: "short"},
    }[peer]  # fmt: skip
    for address, reason in expected.items():
        assert await fails(read, address) == reason, address
        for good in (0, 30, 60):
            assert await read(good) == list(range(good, good + 4)), f"after {reason} at {address}"


@pytest.mark.parametrize(
    ("place", "peer"), [("rtu", "libmodbus"), ("rtu", "modbus-serial"), ("tcp", "modbus-serial")], indirect=True
)
async def test_a_unit_that_is_not_there_holds_up_nobody(peer, place):
    """libmodbus takes the request after one to another unit for that unit's answer, so it may miss one for each."""
    bus = Bus(place.client, TIMEOUT_S, late_s=0.1)
    alive, dead = (BusMeter(bus, unit, at(7), lambda: 0) for unit in (1, 2))

    async def reads(meter: BusMeter, times: int) -> list[list[int] | str]:
        outcomes: list[list[int] | str] = []
        for _ in range(times):
            try:
                outcomes.append(list((await meter.read()).words.values()))
            except MeterError as error:
                outcomes.append(error.reason)
        return outcomes

    living, silent = await asyncio.gather(reads(alive, 6), reads(dead, 2))
    bus.close()
    assert silent == ["timeout"] * 2
    missed = living.count("timeout")
    assert living.count([7, 8, 9, 10]) == 6 - missed
    assert missed <= (2 if peer == "libmodbus" else 0)


@EVERY_LINE
async def test_pymodbus_as_a_server(place, read):
    words = SimData(0, values=list(range(100)), datatype=DataType.REGISTERS)
    device = SimDevice(id=1, simdata=[words])
    if place.kind != "rtu":
        framer = FramerType.SOCKET if place.kind == "tcp" else FramerType.RTU
        address = ("127.0.0.1", int(place.server))
        server: ModbusTcpServer | ModbusSerialServer = ModbusTcpServer(device, address=address, framer=framer)
    else:
        server = ModbusSerialServer(device, port=place.server, baudrate=115_200)
    await server.serve_forever(background=True)
    try:
        assert await read(7) == [7, 8, 9, 10]
        assert await fails(read, 98) == "exception"
        assert await read(7) == [7, 8, 9, 10]
    finally:
        await server.shutdown()


async def test_their_client_reads_from_our_simulator_what_ours_reads(make_rig):
    if why := peers.missing("libmodbus"):
        pytest.skip(why)
    rig = make_rig(1)
    rig.simulate({"name": "pv", "map": "meter-u64", "profile": "household"})
    port = rig.ports["pv"]
    bus = Bus(TcpAddress("127.0.0.1", port), 1)
    ours = BusMeter(bus, 1, at(104, 4), lambda: 0)
    before = list((await ours.read()).words.values())
    theirs = await asyncio.to_thread(_libmodbus_reads, port, 104, 4)
    after = list((await ours.read()).words.values())
    bus.close()
    assert before <= theirs <= after
    assert theirs[2:] > [0, 0]


def _libmodbus_reads(port: int, address: int, count: int) -> list[int]:
    lib = library()
    context = lib.modbus_new_tcp(b"127.0.0.1", port)
    try:
        assert lib.modbus_set_slave(context, 1) == 0
        assert lib.modbus_connect(context) == 0
        words = (ctypes.c_uint16 * count)()
        assert lib.modbus_read_registers(context, address, count, words) == count
        return list(words)
    finally:
        lib.modbus_close(context)
        lib.modbus_free(context)
