# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reading meters: reads per CPU second over TCP, and wrong registers on a serial line whose answers are late.

    make bench BENCH=modbus

The server is libmodbus (or npm modbus-serial where that is not installed), the baseline the bare pymodbus client. On the serial
line every answer takes 1.2 time-outs; the baseline is pymodbus as it comes, with its three retries.
"""

import asyncio
import logging
import socket
import statistics
import time
from collections.abc import Awaitable, Callable

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from bench.figures import Figure, finish, machine
from edge.meters.bus import Bus, BusMeter
from edge.meters.modbus import MeterError, SerialPort, TcpAddress
from edge.meters.registers import RegisterMap, parse
from tests.integration.edge import peers
from tests.integration.edge.peers.raw_rtu import raw_rtu, words

WORDS = (4, 40, 100)
READS, TURNS = 1_000, 5
LATE_READS = (10, 30, 100)
TIMEOUT_S, LATENCY_S, LATE_S, BAUD = 0.05, 0.06, 0.1, 921_600


async def rate(read: Callable[[], Awaitable[object]]) -> float:
    """Reads per second of this process's own time, in one turn."""
    started = time.process_time()
    for _ in range(READS):
        await read()
    return READS / (time.process_time() - started)


def map_of(count: int) -> RegisterMap:
    """A map of so many registers in one block."""
    rows = [{"name": "r0", "role": "export", "address": 0, "type": "uint64", "unit": "Wh"}]
    rows += [{"name": f"r{at}", "role": f"devices.d{at}", "address": at, "type": "uint64"} for at in range(4, count, 4)]
    return parse(str({"name": "bench", "title": "bench", "origin": "bench", "registers": rows}))


async def over_tcp(port: int) -> list[Figure]:
    """Reads per CPU second by size of the read."""
    figures = []
    for count in WORDS:
        client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
        bus = Bus(TcpAddress("127.0.0.1", port), 1)
        meter = BusMeter(bus, 1, map_of(count), lambda: 0)
        turns: list[tuple[float, float]] = []
        for _ in range(TURNS):  # by turns, since the server takes one connection at a time
            await client.connect()
            bare = await rate(lambda it=client, n=count: it.read_holding_registers(0, count=n, device_id=1))  # type: ignore[misc]
            client.close()
            turns.append((await rate(meter.read), bare))
            bus.close()
        ours, bare = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"{count} registers: {ours:,.0f} reads per CPU second, bare pymodbus {bare:,.0f}", flush=True)
        figures.append(Figure("modbus_tcp_reads", ours, "reads/CPU s", count, "bare pymodbus client", bare))
    return figures


async def late_answers(reads: int) -> Figure:
    """How many of so many reads gave another request's registers."""
    async with raw_rtu() as line:
        line.answer = lambda request: [LATENCY_S, words(request)]
        client = AsyncModbusSerialClient(line.device, baudrate=BAUD, timeout=TIMEOUT_S, reconnect_delay=0)
        await client.connect()
        bare = 0
        for address in range(1000, 1000 + reads):
            try:
                answer = await client.read_holding_registers(address, count=4, device_id=1)
            except ModbusException:
                continue
            bare += not answer.isError() and answer.registers[0] != address
        client.close()
    async with raw_rtu() as line:
        line.answer = lambda request: [LATENCY_S, words(request, [request.number] * request.count)]
        bus, wrong, failed = Bus(SerialPort(line.device, BAUD), TIMEOUT_S, LATE_S), 0, 0
        meter = BusMeter(bus, 1, map_of(4), lambda: 0)
        for _ in range(reads):
            try:
                wrong += set((await meter.read()).words.values()) != {line.requests[-1].number}
            except MeterError:
                failed += 1
        bus.close()
    print(
        f"late serial answers, {reads} reads: {wrong} wrong ({failed} told as failed), pymodbus {bare} wrong",
        flush=True,
    )
    return Figure("modbus_late_wrong", wrong, "wrong reads", reads, "pymodbus as it comes", bare)


async def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    print(machine(), flush=True)
    name = next((name for name in peers.NAMES if not peers.missing(name)), None)
    figures = []
    if name is None:
        print("no Modbus server that others wrote is installed; no rates", flush=True)
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = peers.start(name, "tcp", str(port))
        print(f"server: {name}", flush=True)
        figures += await over_tcp(port)
        peers.end(server)
    figures += [await late_answers(reads) for reads in LATE_READS]
    finish(figures)


if __name__ == "__main__":
    asyncio.run(main())
