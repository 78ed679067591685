# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A serial line on which everything goes wrong that does: an answer is the answer to what was asked, or no value."""

import asyncio
import contextlib
import itertools
import os
import random
import struct

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException

from edge.meters.bus import Bus, BusMeter, Pauses
from edge.meters.modbus import MeterError, SerialPort, TcpAddress
from edge.meters.registers import parse
from tests.integration.edge.peers.raw_rtu import RawRtu, Request, raw_rtu, refusal, seal, words

TIMEOUT_S = 0.1
BAUD = 921_600  # the longest answer takes 3 ms, so that the time-out is the time-out


def one_block(address: int = 10, **more: object):
    registers = [{"name": "a", "role": "export", "address": address, "type": "uint64", "unit": "Wh"}]
    return parse(str({"name": "m", "title": "t", "origin": "this test", "registers": registers} | more))


@pytest.fixture
async def line():
    async with raw_rtu() as made:
        yield made


@pytest.fixture
def bus_of():
    made = []

    def make(line: RawRtu, late_s: float = 0.3) -> Bus:
        made.append(Bus(SerialPort(line.device, BAUD), TIMEOUT_S, late_s))
        return made[-1]

    yield make
    for bus in made:
        bus.close()


def meter(bus: Bus, unit: int = 1, register_map=None, pauses: Pauses | None = None) -> BusMeter:
    return BusMeter(bus, unit, register_map or one_block(), lambda: 0, pauses)


def numbered(request: Request) -> bytes:
    """An answer whose registers say which request it is to."""
    return words(request, [request.number] * request.count)


async def reads(found: BusMeter, line: RawRtu, times: int) -> list[str]:
    """Reads in a row. Every word must be of the newest request; what is no value says why."""
    outcomes = []
    for _ in range(times):
        try:
            taken = (await found.read()).words
            assert set(taken.values()) == {line.requests[-1].number}, "registers of another request"
            outcomes.append("right")
        except MeterError as error:
            outcomes.append(error.reason)
    return outcomes


class TestLateAnswers:
    """The trap: pymodbus takes a late answer for that to the next request, and says nothing."""

    async def test_pymodbus_alone_returns_registers_of_another_request(self, line):
        line.answer = lambda request: [0.12, words(request)]
        client = AsyncModbusSerialClient(line.device, baudrate=BAUD, timeout=TIMEOUT_S, retries=3, reconnect_delay=0)
        await client.connect()
        wrong = 0
        for address in (1000, 1100, 1200, 1300):
            try:
                answer = await client.read_holding_registers(address, count=4, device_id=1)
                wrong += answer.registers[0] != address
            except ModbusException:
                pass
        client.close()
        assert wrong

    async def test_a_late_answer_is_never_taken_for_the_next_one(self, line, bus_of):
        line.answer = lambda request: [0.25, numbered(request)]
        found = meter(bus_of(line))
        assert await reads(found, line, 4) == ["timeout"] * 4
        line.answer = lambda request: [numbered(request)]
        assert await reads(found, line, 2) == ["right"] * 2

    async def test_nor_one_that_is_later_than_anyone_believed(self, line, bus_of):
        delays = [0.25, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0]
        line.answer = lambda request: [delays[min(request.number, len(delays)) - 1], numbered(request)]
        outcomes = await reads(meter(bus_of(line, late_s=0.0)), line, 8)
        assert "right" in outcomes
        assert set(outcomes) <= {"right", "timeout", "short"}
        assert len({request.count for request in line.requests}) > 1  # the length told them apart

    async def test_a_device_that_lets_nobody_read_one_register_more_is_read_all_the_same(self, line, bus_of):
        silent = [1]

        def answer(request: Request) -> list[bytes | float]:
            if request.number in silent:
                return []
            return [numbered(request) if request.count == 4 else refusal(request, 2)]

        line.answer = answer
        found = meter(bus_of(line))
        assert await reads(found, line, 3) == ["timeout", "right", "right"]
        silent.append(len(line.requests) + 1)
        assert await reads(found, line, 2) == ["timeout", "right"]
        assert [request.count for request in line.requests] == [4, 5, 4, 4, 4, 4]

    async def test_a_device_that_gives_less_than_asked_is_asked_for_less_again(self, line, bus_of):
        line.answer = lambda request: [] if request.number == 1 else [words(request, [request.number] * 4)]
        outcomes = await reads(meter(bus_of(line, late_s=0.0)), line, 11)
        assert outcomes == ["timeout", *["short"] * 8, "right", "right"]

    async def test_two_maps_of_one_unit_know_of_each_others_requests(self, line, bus_of):
        delays = {1: 0.25}
        line.answer = lambda request: [delays.get(request.number, 0.0), numbered(request)]
        bus = bus_of(line, late_s=0.0)
        first, second = meter(bus), meter(bus, register_map=one_block(500))
        assert await reads(first, line, 1) == ["timeout"]
        assert set(await reads(second, line, 3)) <= {"right", "timeout", "short"}

    async def test_a_late_answer_of_one_unit_does_not_reach_another(self, line, bus_of):
        line.answer = lambda request: [0.2 if request.unit == 1 else 0.0, numbered(request)]
        bus = bus_of(line)
        slow, quick = meter(bus, 1), meter(bus, 2)
        for _ in range(3):
            assert await reads(slow, line, 1) == ["timeout"]
            assert await reads(quick, line, 1) == ["right"]


FAULTS = {
    "one register": ("short", lambda request: [words(request, [1])]),
    "none": ("short", lambda request: [words(request, [])]),
    "busy": ("busy", lambda request: [refusal(request, 6)]),
    "illegal address": ("exception", lambda request: [refusal(request, 2)]),
    "checksum": ("timeout", lambda request: [words(request)[:-1] + b"\0"]),
    "noise before": ("timeout", lambda request: [b"\x00\xff" + words(request)]),
    "only noise": ("timeout", lambda _request: [b"\x55" * 40]),
    "another unit": ("timeout", lambda request: [words(request, unit=7)]),
    "another function": ("mismatch", lambda request: [words(request, function=4)]),
    "odd byte count": ("short", lambda request: [seal(bytes([request.unit, 3, 7]) + bytes(7))]),
    "silence": ("timeout", lambda _request: []),
    "cut off": ("timeout", lambda request: [words(request)[:-3]]),
}


@pytest.mark.parametrize(("reason", "answer"), FAULTS.values(), ids=list(FAULTS))
async def test_a_fault_is_no_value_and_the_next_read_is_right(line, bus_of, reason, answer):
    line.answer = answer
    found = meter(bus_of(line, late_s=0.05))
    with pytest.raises(MeterError) as caught:
        await found.read()
    assert caught.value.reason == reason
    assert "unit 1, 4 registers at 10" in str(caught.value)
    line.answer = lambda request: [numbered(request)]
    assert await reads(found, line, 2) == ["right", "right"]


async def test_an_answer_byte_by_byte_is_an_answer(line, bus_of):
    line.answer = lambda request: [part for byte in numbered(request) for part in (bytes([byte]), 0.002)]
    assert await reads(meter(bus_of(line)), line, 2) == ["right"] * 2


@pytest.mark.parametrize("together", [True, False])
async def test_an_adapter_that_hears_itself(line, together):
    def answer(request: Request) -> list[bytes | float]:
        said = seal(struct.pack(">BBHH", *request[1:]))
        return [said + numbered(request)] if together else [said[:3], 0.01, said[3:], 0.01, numbered(request)]

    line.answer = answer
    bus = Bus(SerialPort(line.device, BAUD, echo=True), TIMEOUT_S, 0.05)
    assert await reads(meter(bus), line, 3) == ["right"] * 3
    line.answer = lambda request: [answer(request)[0][:8]] if together else []
    assert await reads(meter(bus), line, 1) == ["timeout"]
    bus.close()


async def test_a_line_that_babbles_after_a_fault_is_waited_out(line, bus_of):
    line.answer = lambda request: [0.15, b"\x01\x03\x08garbage", 0.04, b"more", 0.04, words(request)]
    found = meter(bus_of(line, late_s=0.06))
    assert await reads(found, line, 1) == ["timeout"]
    line.answer = lambda request: [numbered(request)]
    assert await reads(found, line, 1) == ["right"]


async def test_devices_that_need_time_get_it(line, bus_of):
    asked: list[float] = []

    def answer(request: Request) -> list[bytes | float]:
        asked.append(asyncio.get_running_loop().time())
        return [words(request)]

    line.answer = answer
    second = {"name": "b", "role": "import", "address": 500, "type": "uint32", "unit": "Wh"}
    first = {"name": "a", "role": "export", "address": 10, "type": "uint32", "unit": "Wh"}
    found = parse(str({"name": "m", "title": "t", "origin": "this test", "pause_ms": 60, "connect_pause_ms": 90,
                       "registers": [first, second]}))  # fmt: skip
    started = asyncio.get_running_loop().time()
    bus = bus_of(line)
    assert (await meter(bus, register_map=found).read()).words == {10: 10, 11: 11, 500: 500, 501: 501}
    await meter(bus, 2, found).read()
    assert asked[0] - started >= 0.09
    assert all(later - earlier >= 0.06 for earlier, later in itertools.pairwise(asked))


async def test_a_device_that_is_not_there_or_not_ours_is_named(tmp_path, bus_of, line):
    bus = Bus(SerialPort(str(tmp_path / "ttyUSB9")), TIMEOUT_S)
    with pytest.raises(MeterError, match=r"ttyUSB9.*(No such file|no such device)") as caught:
        await meter(bus).read()
    assert caught.value.reason == "unreachable"
    other = bus_of(line)
    await meter(other).read()
    with pytest.raises(MeterError, match=r"another program|lock") as caught:
        await meter(bus_of(line)).read()
    assert caught.value.reason == "unreachable"


async def test_a_line_that_is_unplugged_comes_back(bus_of, tmp_path):
    path = tmp_path / "line"
    async with raw_rtu() as first:
        path.symlink_to(first.device)
        bus = Bus(SerialPort(str(path), BAUD), TIMEOUT_S, 0.05)
        assert len((await meter(bus).read()).words) == 4
    os.unlink(path)
    for _ in range(2):
        with pytest.raises(MeterError) as caught:
            await meter(bus).read()
        assert caught.value.reason in ("unreachable", "timeout")
    async with raw_rtu() as second:
        path.symlink_to(second.device)
        assert len((await meter(bus).read()).words) == 4
        bus.close()


async def test_a_late_answer_through_a_serial_server_is_waited_out():
    """It sends to whoever is connected what the line says, so that a new connection would not help."""
    connected: list[asyncio.StreamWriter] = []
    served: list[Request] = []
    delays = [0.25, 0.25]

    async def say(request: Request) -> None:
        await asyncio.sleep(delays.pop(0) if delays else 0)
        connected[-1].write(numbered(request))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while frame := await reader.readexactly(8):
                served.append(Request(len(served) + 1, *struct.unpack(">BBHH", frame[:6])))
                await say(served[-1])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = Bus(TcpAddress("127.0.0.1", port, rtu=True), TIMEOUT_S, 0.3)
    found, outcomes = meter(bus), []
    for _ in range(4):
        try:
            taken = set((await found.read()).words.values())
            assert taken == {len(served)}, "registers of another request"
            outcomes.append("right")
        except MeterError as error:
            outcomes.append(error.reason)
    assert outcomes == ["timeout", "timeout", "right", "right"]
    assert len(connected) == 1
    bus.close()
    server.close()


async def play(line: RawRtu, bus: Bus, seed: int, reads_each: int) -> tuple[int, int]:
    """Two units that are late, busy, short, noisy or silent at random; returns how many reads were right and failed."""
    chance = random.Random(seed)
    newest: dict[int, int] = {}

    def answer(request: Request) -> list[bytes | float]:
        newest[request.unit] = request.number
        sound, kind = numbered(request), chance.random()
        if kind < 0.5:
            return [sound]
        if kind < 0.7:
            return [chance.uniform(0, 0.35), sound]
        faults: list[list[bytes | float]] = [
            [], [refusal(request, 6)], [words(request, [request.number])], [chance.randbytes(5), sound], [sound[:-2]],
            [words(request, [request.number] * request.count, unit=3 - request.unit)], [sound[:5], 0.15, sound[5:]],
            [sound[:-1] + bytes([sound[-1] ^ 1])], [words(request, [9999] * request.count, function=4)],
        ]  # fmt: skip
        return chance.choice(faults)

    line.answer = answer
    right = failed = 0

    async def reader(unit: int) -> None:
        nonlocal right, failed
        found = meter(bus, unit)
        for _ in range(reads_each):
            try:
                taken = set((await found.read()).words.values())
            except MeterError:
                failed += 1
                continue
            assert len(taken) == 1, "words of several answers"
            assert taken == {newest[unit]}, f"seed {seed}: words of an older request"
            right += 1

    await asyncio.gather(reader(1), reader(2))
    return right, failed


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_two_units_do_no_word_is_another_requests(line, bus_of, seed):
    right, failed = await play(line, bus_of(line, late_s=0.3), seed, 8)
    assert right
    assert failed


@pytest.mark.nightly
@pytest.mark.parametrize("late_s", [0.3, 0.0])
async def test_for_minutes_too_and_when_answers_are_later_than_believed(line, bus_of, late_s):
    right, failed = await play(line, bus_of(line, late_s), 7, 300)
    assert right > failed / 2
