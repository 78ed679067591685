# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Delivery by HTTP: `POST /api/telemetry/intervals`; the answer is the receipt."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import httpx

from edge.delivery.sender import NotDelivered, Refused
from edge.delivery.tls import explain

PATH = "/api/telemetry/intervals"

# the request itself is at fault, so that sending less of it may help; every other refusal is about us or the server's day
_ABOUT_THE_CONTENT = frozenset({400, 409, 413, 422})


class RestTransport:
    """One connection to the API, kept alive between deliveries."""

    def __init__(
        self,
        api_url: str,
        timeout_s: float,
        receive: Callable[[bytes], Awaitable[set[bytes]]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(base_url=api_url, timeout=timeout_s, verify=True if tls is None else tls)
        self._receive = receive

    async def run(self) -> None:
        """Nothing to hold; closes the connection when the agent stops."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._client.aclose()

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        """Post and apply the receipt in the answer. Raises NotDelivered, Refused."""
        try:
            answer = await self._client.post(PATH, content=payload, headers={"content-type": "application/json"})
        except httpx.HTTPError as error:
            raise NotDelivered(f"{type(error).__name__}: {explain(error)}") from error
        settled: set[bytes] = set()
        if answer.is_success or b'"receipts"' in answer.content:
            settled = await self._receive(answer.content)
        if settled & hashes:
            return  # what is missing goes with the next delivery
        if settled:
            raise Refused("the server's receipt names none of what was asked for")
        summary = f"HTTP {answer.status_code}: {answer.text[:300]}"
        if answer.status_code in _ABOUT_THE_CONTENT:
            raise Refused(summary)
        raise NotDelivered(summary, _retry_after(answer.headers.get("retry-after", "")))


def _retry_after(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
