# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The adapter against a peer that answers whatever a test wants, byte by byte: no fault may become a number."""

import asyncio
import contextlib
import struct

import pytest

from edge.meters.bus import Bus, BusMeter
from edge.meters.modbus import MeterError, TcpAddress
from edge.meters.registers import load, parse

SPLIT = parse("""
name: split
title: two requests
origin: this test
registers:
  - {name: a, role: export, address: 10, type: uint32, unit: Wh}
  - {name: b, role: import, address: 500, type: uint32, unit: Wh}
""")


def frame(request: bytes, pdu: bytes, tid: int | None = None, unit: int | None = None) -> bytes:
    own_tid, _, _, own_unit = struct.unpack(">HHHB", request[:7])
    head = struct.pack(">HHHB", own_tid if tid is None else tid, 0, len(pdu) + 1, own_unit if unit is None else unit)
    return head + pdu


def registers(words: list[int]) -> bytes:
    return struct.pack(f">BB{len(words)}H", 3, 2 * len(words), *words)


class Peer:
    """A Modbus TCP server whose `answer` is a coroutine: request bytes in, answer bytes out, None for silence."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[tuple[int, int]] = []

    async def answer(self, request: bytes) -> bytes | None:
        address, count = struct.unpack(">HH", request[8:12])
        return frame(request, registers([address + index for index in range(count)]))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readexactly(12):
                self.requests.append(struct.unpack(">HH", request[8:12]))
                if (answer := await self.answer(request)) is not None:
                    writer.write(answer)
                    await writer.drain()
        writer.close()


@pytest.fixture
async def peer():
    made = Peer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def meter(peer):
    buses = []

    def made(register_map=SPLIT, unit: int = 1) -> BusMeter:
        buses.append(Bus(TcpAddress("127.0.0.1", peer.port), 0.2))
        return BusMeter(buses[-1], unit, register_map, lambda: 0)

    yield made
    for bus in buses:
        bus.close()


async def read_once(found: BusMeter) -> dict[int, int]:
    return (await found.read()).words


async def test_words_come_by_address_over_one_connection(peer, meter):
    found = meter()
    for _ in range(3):
        assert await read_once(found) == {10: 10, 11: 11, 500: 500, 501: 501}
    assert peer.connections == 1
    assert peer.requests[:2] == [(10, 2), (500, 2)]


@pytest.mark.parametrize(
    ("pdu", "reason"),
    [
        (lambda _count: registers([1]), "short"),
        (lambda _count: registers([]), "short"),
        (lambda count: registers([1] * (count + 1)), "short"),
        (lambda _count: b"\x83\x02", "exception"),
        (lambda _count: b"\x83\x06", "busy"),
        (lambda _count: b"\x83\x0b", "gateway"),
    ],
    ids=["one register", "none", "one too many", "illegal address", "busy", "gateway"],
)
async def test_an_answer_that_is_not_the_asked_registers_is_no_value(peer, meter, pdu, reason):
    async def answer(request: bytes) -> bytes:
        return frame(request, pdu(struct.unpack(">H", request[10:12])[0]))

    honest, peer.answer = peer.answer, answer
    found = meter()
    with pytest.raises(MeterError) as caught:
        await read_once(found)
    assert caught.value.reason == reason
    peer.answer = honest
    assert (await read_once(found))[500] == 500


async def test_silence_is_a_time_out_without_a_second_request(peer, meter):
    async def answer(_request: bytes) -> None:
        return None

    peer.answer = answer
    with pytest.raises(MeterError) as caught:
        await read_once(meter())
    assert caught.value.reason == "timeout"
    assert peer.requests == [(10, 2)]


async def test_a_late_answer_is_never_taken_for_the_next_one(peer, meter):
    honest, delays = peer.answer, [0.3, 0, 0.3, 0, 0, 0]

    async def answer(request: bytes) -> bytes | None:
        await asyncio.sleep(delays.pop(0) if delays else 0)
        return await honest(request)

    peer.answer = answer
    found, failed = meter(), 0
    for _ in range(6):
        try:
            assert await read_once(found) == {10: 10, 11: 11, 500: 500, 501: 501}
        except MeterError:
            failed += 1
    assert failed == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: frame(request, registers([1, 2]), tid=999),
        lambda request: frame(request, registers([1, 2]), tid=0),
        lambda request: frame(request, registers([1, 2]), tid=struct.unpack(">H", request[:2])[0] - 1),
        lambda request: frame(request, b"\x04" + registers([1, 2])[1:]),
        lambda request: frame(request, registers([1, 2]), unit=7),
        lambda request: frame(request, registers([1, 2]))[:-1],
        lambda _request: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda _request: bytes(300),
        lambda request: frame(request, b"\x03\xff" + bytes(4)),
        lambda request: frame(request, b"\x99\x01"),
    ],
    ids=[
        "another transaction",
        "transaction 0",
        "the transaction before",
        "another function",
        "another unit",
        "cut off",
        "not Modbus",
        "zeros",
        "wrong length",
        "unknown function",
    ],
)
async def test_rubbish_is_no_value_and_the_next_read_is_right(peer, meter, answer):
    honest = peer.answer

    async def rubbish(request: bytes) -> bytes:
        return answer(request)

    peer.answer = rubbish
    found = meter()
    with pytest.raises(MeterError):
        await read_once(found)
    peer.answer = honest
    assert await read_once(found) == {10: 10, 11: 11, 500: 500, 501: 501}


async def test_another_device_than_the_map_is_for_is_refused(peer, meter):
    with pytest.raises(MeterError, match="SunSpec marker") as caught:
        await read_once(meter(load("sunspec-203")))
    assert caught.value.reason == "unexpected_device"


async def test_nobody_listens_or_the_name_is_unknown(peer, meter, free_port):
    peer.port = free_port()
    with pytest.raises(MeterError, match=r"no connection to 127\.0\.0\.1:\d+: nothing listens there") as caught:
        await read_once(meter())
    assert caught.value.reason == "unreachable"
    bus = Bus(TcpAddress("meter.invalid"), 2)
    with pytest.raises(MeterError, match=r"meter\.invalid:502: (the host name is not known|no answer)") as caught:
        await read_once(BusMeter(bus, 1, SPLIT, lambda: 0))
    assert caught.value.reason == "unreachable"
