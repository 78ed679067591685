# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The miner of the development chain: blocks appear when something waits, and their time is the deployment's clock.

A time travels forward only. After anvil was started again its own clock is behind its last block, so every block's time is
given to it, later than the block before.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx

from kit import logs
from kit.clock import Clock

log = logs.get(__name__)

_POLL_SECONDS = 0.05
_PAUSE_SECONDS = 0.5


class RpcRefused(RuntimeError):
    """The chain answered with an error."""


@dataclass(frozen=True, slots=True)
class Miner:
    """Mines for ever. An empty block comes every `idle_seconds` of wall time, so that calls see a present block time."""

    rpc_url: str
    clock: Clock
    idle_seconds: float = 1.0

    async def run(self) -> None:
        """Mine until cancelled. A chain that does not answer is waited for."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            away = False
            last = 0.0
            while True:
                try:
                    waiting = await self._waiting(client)
                    if waiting or time.monotonic() - last >= self.idle_seconds:
                        await self._mine(client)
                        last = time.monotonic()
                    if away:
                        log.info("chain.back")
                    away = False
                    await asyncio.sleep(_POLL_SECONDS)
                except (httpx.HTTPError, RpcRefused) as error:
                    if not away:
                        log.warning("chain.away", error=repr(error))
                    away = True
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _waiting(self, client: httpx.AsyncClient) -> bool:
        status = await self._call(client, "txpool_status")
        return int(status["pending"], 16) > 0

    async def _mine(self, client: httpx.AsyncClient) -> None:
        latest = await self._call(client, "eth_getBlockByNumber", "latest", False)
        now = int(self.clock.now().timestamp())
        await self._call(client, "evm_mine", max(now, int(latest["timestamp"], 16) + 1))

    async def _call(self, client: httpx.AsyncClient, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        reply = (await client.post(self.rpc_url, json=body)).json()
        if "error" in reply:
            raise RpcRefused(f"{method}: {reply['error'].get('message')}")
        return reply["result"]
