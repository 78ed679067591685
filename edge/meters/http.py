# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A meter that answers HTTP with JSON: the documents its map names, or one error with a reason.

The same rules as on a wire: one request at a time, none repeated, and nothing that is not a whole document becomes a value.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from edge.delivery.tls import explain
from edge.meters.bus import Pauses, Reading
from edge.meters.modbus import MeterError
from edge.meters.registers import RegisterMap, parse_document

DOCUMENT_BYTES_MAX = 1 << 18


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Where the meter's documents are. `digest` chooses how user and password are sent."""

    url: str
    user: str = ""
    password: str = ""
    digest: bool = False

    def auth(self) -> httpx.Auth | None:
        """What httpx asks for."""
        if not self.user:
            return None
        kind = httpx.DigestAuth if self.digest else httpx.BasicAuth
        return kind(self.user, self.password)


class HttpMeter:
    """One meter, read by a map whose transport is http. `now_ms` is the agent's clock."""

    def __init__(self, door: HttpDoor, timeout_s: float, register_map: RegisterMap, now_ms: Callable[[], int]) -> None:
        self._door = door
        self._timeout_s = timeout_s
        self._map = register_map
        self._pauses = Pauses.of(register_map)
        self._now_ms = now_ms
        self._client: httpx.AsyncClient | None = None
        self._abandoned: list[httpx.AsyncClient] = []

    async def read(self) -> Reading:
        """Every document of the map, and when they were read. Raises MeterError."""
        client = await self._connected()
        asked_ms = self._now_ms()
        documents: dict[str, object] = {}
        try:
            for index, path in enumerate(self._map.paths()):
                if index:
                    await asyncio.sleep(self._pauses.between_s)
                async with asyncio.timeout(self._timeout_s):
                    documents[path] = await self._document(client, path)
        except TimeoutError as error:
            self.close()
            raise MeterError("timeout", f"{self._door.url}: no answer within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.close()
            raise MeterError("unreachable", f"{self._door.url}: {explain(error)}") from error
        answered_ms = self._now_ms()
        if self._pauses.close_after_read:
            self.close()
        return Reading({}, (asked_ms + answered_ms) // 2, documents)

    def close(self) -> None:
        """Give the connection back at the next read."""
        if self._client is not None:
            self._abandoned.append(self._client)
            self._client = None

    async def aclose(self) -> None:
        """Give every connection back now."""
        self.close()
        while self._abandoned:
            await self._abandoned.pop().aclose()

    async def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            await self.aclose()
            self._client = httpx.AsyncClient(
                base_url=self._door.url, timeout=self._timeout_s, auth=self._door.auth(), follow_redirects=False
            )
        return self._client

    async def _document(self, client: httpx.AsyncClient, path: str) -> object:
        """One document with exact numbers. Raises MeterError, httpx.HTTPError."""
        what = f"{self._door.url}{path}"
        body = b""
        async with client.stream("GET", path) as answer:
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise MeterError("exception", f"{what}: the meter asks for another user or password (HTTP 401)")
            if answer.status_code != httpx.codes.OK:
                raise MeterError("exception", f"{what}: the meter answers HTTP {answer.status_code}")
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > DOCUMENT_BYTES_MAX:
                    raise MeterError("mismatch", f"{what}: more than {DOCUMENT_BYTES_MAX} bytes")
        try:
            return parse_document(body)
        except ValueError as error:
            raise MeterError("mismatch", f"{what}: no JSON came, but {body[:60]!r} ({error})") from error
