# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Any bytes as an answer, cut anywhere: words come only out of a frame that answers what was asked, else one MeterError."""

import asyncio
import logging
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.meters.modbus import MeterError, ModbusLine, SerialPort, TcpAddress

UNIT, ADDRESS, COUNT, FUNCTION = 1, 100, 2, 3
TIMEOUT_S = 0.005


class Wire(asyncio.Transport):
    """A transport whose far end answers every request with the same pieces."""

    def __init__(self, protocol, pieces: list[bytes]) -> None:
        super().__init__()
        self._protocol = protocol
        self._pieces = pieces
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent = data
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        for piece in self._pieces:
            try:
                self._protocol.data_received(piece)
            except Exception:
                self.close()
                return

    def close(self) -> None:
        self._protocol.connection_lost(None)


def crc(frame: bytes) -> bytes:
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def body(words: list[int]) -> bytes:
    return struct.pack(f">BB{len(words)}H", FUNCTION, 2 * len(words), *words)


word = st.integers(0, 0xFFFF)
numbers = st.one_of(st.lists(word, min_size=COUNT, max_size=COUNT), st.lists(word, max_size=4))
units = st.sampled_from([UNIT, UNIT, UNIT, 0, 2, 255])
pdus = st.one_of(
    numbers.map(body),
    numbers.map(lambda words: b"\x04" + body(words)[1:]),
    st.integers(0, 255).map(lambda code: bytes([0x83, code])),
    st.binary(max_size=12),
)
rtu_frames = st.builds(
    lambda unit, pdu, bad: bytes([unit]) + pdu + (b"\0\0" if bad else crc(bytes([unit]) + pdu)),
    units,
    pdus,
    st.booleans(),
)
tcp_frames = st.builds(
    lambda tid, protocol, extra, unit, pdu: struct.pack(">HHHB", tid, protocol, len(pdu) + 1 + extra, unit) + pdu,
    st.sampled_from([1, 1, 1, 0, 2]), st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 0, 0, 1, -1, 200]), units, pdus,
)  # fmt: skip


@st.composite
def answers(draw, frames):
    """Frames and noise in any order, cut into pieces."""
    whole = b"".join(draw(st.lists(st.one_of(frames, frames, st.binary(max_size=6)), max_size=4)))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    return [piece for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True) if (piece := whole[start:stop])]


async def ask(address: SerialPort | TcpAddress, pieces: list[bytes]) -> list[int] | str:
    line = ModbusLine(address, TIMEOUT_S)
    line._client = line._make()
    line._client.comm_params.timeout_connect = line._client.ctx.comm_params.timeout_connect = TIMEOUT_S
    line._client.ctx.connection_made(Wire(line._client.ctx, pieces))
    try:
        return await line.ask(UNIT, "holding", ADDRESS, COUNT)
    except MeterError as error:
        return error.reason
    finally:
        line.close()


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@given(answers(rtu_frames))
@example([bytes([UNIT]) + body([7, 8]) + crc(bytes([UNIT]) + body([7, 8]))])
async def test_a_serial_line(pieces):
    found = await ask(SerialPort("nowhere", 115_200), pieces)
    if isinstance(found, list):
        assert len(found) == COUNT
        frame = bytes([UNIT]) + body(found)
        assert frame + crc(frame) in b"".join(pieces)


@given(answers(tcp_frames))
@example([struct.pack(">HHHB", 1, 0, 7, UNIT) + body([7, 8])])
async def test_a_tcp_connection(pieces):
    found = await ask(TcpAddress("nowhere"), pieces)
    if isinstance(found, list):
        assert len(found) == COUNT
        assert struct.pack(">HHHB", 1, 0, 7, UNIT) + body(found) in b"".join(pieces)


async def test_the_fuzzed_paths_do_give_words():
    rtu, tcp = bytes([UNIT]) + body([7, 8]), struct.pack(">HHHB", 1, 0, 7, UNIT) + body([7, 8])
    assert await ask(SerialPort("nowhere", 115_200), [rtu + crc(rtu)]) == [7, 8]
    assert await ask(TcpAddress("nowhere"), [tcp]) == [7, 8]
