# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A meter with an HTTP door, well-behaved and not."""

import asyncio
import contextlib

import pytest

from edge.meters.http import DOCUMENT_BYTES_MAX, HttpDoor, HttpMeter
from edge.meters.modbus import MeterError
from edge.meters.registers import decode_documents, load

SOUND = b'{"total_act": 4711.123, "total_act_ret": 0.5}'


class Door:
    """An HTTP server that answers what a test wants, byte by byte."""

    def __init__(self) -> None:
        self.answer = answer(SOUND)
        self.first: list[bytes] = []
        self.delay_s = 0.0
        self.connections = 0
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head)
                await asyncio.sleep(self.delay_s)
                writer.write(self.first.pop(0) if self.first else self.answer)
                await writer.drain()
                if b"connection: close" in self.answer:
                    break
        writer.close()


def answer(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\ncontent-length: %d\r\n" % len(body) + more + b"\r\n" + body


@pytest.fixture
async def door():
    made = Door()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


@pytest.fixture
async def meter(door):
    made = HttpMeter(HttpDoor(door.url, "admin", "secret"), 0.3, load("shelly-pro-3em"), lambda: 7)
    yield made
    await made.aclose()


async def test_documents_become_exact_counters_over_one_connection(door, meter):
    for _ in range(3):
        reading = await meter.read()
    found = decode_documents(load("shelly-pro-3em"), reading.documents)
    assert (found["total_act"].micro, found["total_act_ret"].micro, reading.at_ms) == (4_711_123_000, 500_000, 7)
    assert door.connections == 1
    assert door.asked[0].startswith(b"GET /rpc/EMData.GetStatus?id=0 HTTP/1.1")
    assert b"authorization: Basic YWRtaW46c2VjcmV0" in door.asked[0].replace(b"Authorization", b"authorization")


@pytest.mark.parametrize(
    ("reply", "reason", "said"),
    [
        (answer(b"", b"503 Busy"), "exception", "HTTP 503"),
        (answer(b"", b"401 Unauthorized"), "exception", "another user or password"),
        (answer(b"", b"302 Found", b"location: /login\r\n"), "exception", "HTTP 302"),
        (answer(b"<html>Login</html>"), "mismatch", "no JSON came, but b'<html>"),
        (answer(b'{"total_act": NaN}'), "mismatch", "no JSON"),
        (answer(b"[" * 100_000), "mismatch", "no JSON"),
        (answer(b" " * (DOCUMENT_BYTES_MAX + 1)), "mismatch", "more than"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\n" + SOUND, "unreachable", "http://"),
        (b"\x00\x01\x00\x00garbage\r\n\r\n", "unreachable", "http://"),
    ],
    ids=["busy", "password", "moved", "a page", "not a number", "too deep", "too long", "cut off", "no HTTP"],
)
async def test_what_is_no_document_is_no_value_and_the_next_read_is_right(door, meter, reply, reason, said):
    door.answer = reply
    with pytest.raises(MeterError) as caught:
        await meter.read()
    assert caught.value.reason == reason
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    door.answer = answer(SOUND)
    assert len((await meter.read()).documents) == 1


async def test_a_late_document_is_not_taken_for_the_next_one(door, meter):
    door.delay_s = 0.4
    with pytest.raises(MeterError, match=r"no answer within 0\.3 s"):
        await meter.read()
    door.delay_s, door.answer = 0.0, answer(SOUND.replace(b"4711", b"4712"))
    found = decode_documents(load("shelly-pro-3em"), (await meter.read()).documents)
    assert found["total_act"].micro == 4_712_123_000


async def test_a_password_that_is_not_sent_in_the_clear(door):
    challenge = b'www-authenticate: Digest realm="shelly", nonce="60dc2c69", algorithm=SHA-256, qop="auth"\r\n'
    door.first = [answer(b"", b"401 Unauthorized", challenge)]
    meter = HttpMeter(HttpDoor(door.url, "admin", "secret", digest=True), 0.3, load("shelly-pro-3em"), lambda: 7)
    assert len((await meter.read()).documents) == 1
    assert b"uthorization" not in door.asked[0]
    assert b'Digest username="admin"' in door.asked[1]
    assert b"secret" not in door.asked[1]
    await meter.aclose()


async def test_nobody_listens(free_port):
    meter = HttpMeter(HttpDoor(f"http://127.0.0.1:{free_port()}"), 0.3, load("shelly-pro-3em"), lambda: 0)
    with pytest.raises(MeterError, match="nothing listens") as caught:
        await meter.read()
    assert caught.value.reason == "unreachable"
    await meter.aclose()
