# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Our own misbehaving end of a serial line: it answers whatever a test wants, byte by byte."""

import asyncio
import contextlib
import os
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple


class Request(NamedTuple):
    """What was asked, and the how many-th request it is."""

    number: int
    unit: int
    function: int
    address: int
    count: int


Part = bytes | float  # bytes to send, or seconds to wait
Answer = Callable[[Request], list[Part]]


class RawRtu:
    """A serial line whose far end calls `answer` for every request. Requests are served one after another, as by a device."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.device = os.ttyname(self.slave)
        self.requests: list[Request] = []
        self.answer: Answer = lambda request: [words(request)]
        self._queue: asyncio.Queue[Request] = asyncio.Queue()
        self._heard = b""

    def heard(self) -> None:
        """Take what came: requests are eight bytes long."""
        self._heard += os.read(self.master, 4096)
        while len(self._heard) >= 8:
            frame, self._heard = self._heard[:8], self._heard[8:]
            assert crc(frame[:-2]) == frame[-2:], "the client sends broken frames"
            request = Request(len(self.requests) + 1, *struct.unpack(">BBHH", frame[:6]))
            self.requests.append(request)
            self._queue.put_nowait(request)

    async def serve(self) -> None:
        """Answer for ever."""
        while True:
            request = await self._queue.get()
            for part in self.answer(request):
                if isinstance(part, bytes):
                    os.write(self.master, part)
                else:
                    await asyncio.sleep(part)


@contextlib.asynccontextmanager
async def raw_rtu() -> AsyncIterator[RawRtu]:
    """A line that is served while the context lasts."""
    line = RawRtu()
    loop = asyncio.get_running_loop()
    loop.add_reader(line.master, line.heard)
    task = asyncio.create_task(line.serve())
    yield line
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await _settled(task)
    loop.remove_reader(line.master)
    os.close(line.master)
    os.close(line.slave)


async def _settled(task: Awaitable[None]) -> None:
    await task


def words(
    request: Request, values: list[int] | None = None, unit: int | None = None, function: int | None = None
) -> bytes:
    """A sound answer: `values`, else each register its own address."""
    held = [request.address + index for index in range(request.count)] if values is None else values
    head = struct.pack(">BBB", request.unit if unit is None else unit, function or request.function, 2 * len(held))
    return seal(head + struct.pack(f">{len(held)}H", *held))


def refusal(request: Request, code: int) -> bytes:
    """An exception answer."""
    return seal(bytes([request.unit, request.function | 0x80, code]))


def seal(frame: bytes) -> bytes:
    """A frame with its checksum."""
    return frame + crc(frame)


def crc(frame: bytes) -> bytes:
    """CRC-16 as Modbus over serial line has it (polynomial 0xA001, low byte first)."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")
