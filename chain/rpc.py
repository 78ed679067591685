# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC over HTTP: time limits, retries of what is safe to repeat, and errors that show no credentials."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from kit.errors import GreenCoreError, Unavailable

Block = int | str
"""A block's number, or `latest`, `pending`, `safe`, `finalized`, `earliest`."""

_RETRIES = 3
_PAUSE_SECONDS = 0.2
_BATCH_MAX = 100
# answers that mean "not now": limit reached, and the codes that public providers use for overload
_TRANSIENT_CODES = frozenset({-32005, -32097, 429})
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_REPEATED = frozenset({"eth_sendRawTransaction", "eth_sendTransaction"})


class RpcError(GreenCoreError):
    """The chain's node answered with an error. `rpc_code` is its code, `data` the revert's bytes where there are any."""

    status = 502

    def __init__(self, method: str, rpc_code: int, message: str, data: bytes = b"") -> None:
        super().__init__("chain.rpc", f"{method}: {message}", rpc_code=rpc_code)
        self.rpc_code = rpc_code
        self.reason = message
        self.data = data


class Rpc:
    """One node of the chain. `close` it at the end, or use it as an asynchronous context."""

    def __init__(self, url: str, *, timeout_seconds: float = 10, retries: int = _RETRIES) -> None:
        self.url = url
        self.shown_url = without_secrets(url)
        self._retries = retries
        self._ids = itertools.count(1)
        # a proxy from the environment is for the outside world
        self._http = httpx.AsyncClient(timeout=timeout_seconds, trust_env=not is_loopback(url))

    async def __aenter__(self) -> "Rpc":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(self, method: str, *params: Any) -> Any:
        """Ask the node. Reads are repeated a few times when the node does not answer or is overloaded; sends never are.

        Raises Unavailable if there is no answer, RpcError if the answer is an error.
        """
        attempts = 1 if method in _NOT_REPEATED else self._retries + 1
        for attempt in range(attempts):
            try:
                return await self._once(method, params)
            except Unavailable:
                if attempt + 1 == attempts:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, method: str, params: Sequence[Any]) -> Any:
        body = orjson.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)})
        try:
            answer = await self._http.post(self.url, content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError as error:
            raise self._unavailable(method, type(error).__name__) from error
        if answer.status_code in _TRANSIENT_STATUS:
            raise self._unavailable(method, f"HTTP {answer.status_code}")
        try:
            made = orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise self._unavailable(method, f"HTTP {answer.status_code} that is not JSON") from error
        if not isinstance(made, dict):
            raise self._unavailable(method, "an answer that is not JSON-RPC")
        problem = made.get("error")
        if problem is not None:
            code = int(problem.get("code", 0))
            if code in _TRANSIENT_CODES:
                raise self._unavailable(method, str(problem.get("message", code)))
            raise RpcError(method, code, str(problem.get("message", "")), _revert_data(problem.get("data")))
        return made.get("result")

    async def calls(self, to: str, datas: Sequence[bytes], *, block: Block = "latest") -> list[bytes]:
        """Run many calls of one contract in few requests, and return their bytes in order.

        Raises Unavailable if an answer is missing, RpcError for the first call that failed.
        """
        found: list[bytes] = []
        for start in range(0, len(datas), _BATCH_MAX):
            some = datas[start : start + _BATCH_MAX]
            calls = [({"to": to, "data": hex_of(data)}, block_tag(block)) for data in some]
            found += [bytes_of(result) for result in await self._batch("eth_call", calls)]
        return found

    async def _batch(self, method: str, many: Sequence[Sequence[Any]]) -> list[Any]:
        body = [{"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)} for i, params in enumerate(many)]
        headers = {"content-type": "application/json"}
        try:
            answer = await self._http.post(self.url, content=orjson.dumps(body), headers=headers)
            made = orjson.loads(answer.content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise self._unavailable(method, type(error).__name__) from error
        if not isinstance(made, list):  # a node without batches, or one that refuses this one as a whole
            return [await self.request(method, *params) for params in many]
        answers = {item.get("id"): item for item in made}
        results = []
        for i in range(len(many)):
            item = answers.get(i, {})
            problem = item.get("error")
            if problem is not None:
                code, message = int(problem.get("code", 0)), str(problem.get("message", ""))
                raise RpcError(method, code, message, _revert_data(problem.get("data")))
            if "result" not in item:
                raise self._unavailable(method, "a batch without all answers")
            results.append(item["result"])
        return results

    def _unavailable(self, method: str, why: str) -> Unavailable:
        return Unavailable("chain.unavailable", f"the chain's node at {self.shown_url} does not answer {method}: {why}")

    async def chain_id(self) -> int:
        """The network's id."""
        return int(await self.request("eth_chainId"), 16)

    async def block_number(self) -> int:
        """The newest block's number."""
        return int(await self.request("eth_blockNumber"), 16)

    async def block(self, block: Block = "latest") -> dict[str, Any] | None:
        """A block without its transactions' bodies, or None if the node has none such."""
        made: dict[str, Any] | None = await self.request("eth_getBlockByNumber", block_tag(block), False)
        return made

    async def call(self, to: str, data: bytes, *, block: Block = "latest", sender: str | None = None) -> bytes:
        """Run a call without a transaction and return its bytes. Raises RpcError with the revert's bytes."""
        transaction: dict[str, Any] = {"to": to, "data": hex_of(data)}
        if sender is not None:
            transaction["from"] = sender
        return bytes_of(await self.request("eth_call", transaction, block_tag(block)))

    async def code(self, address: str, *, block: Block = "latest") -> bytes:
        """The code that stands at an address; empty where there is none."""
        return bytes_of(await self.request("eth_getCode", address, block_tag(block)))

    async def logs(
        self,
        *,
        addresses: Sequence[str],
        topics: Sequence[str | Sequence[str] | None] = (),
        from_block: Block = "earliest",
        to_block: Block = "latest",
    ) -> list[dict[str, Any]]:
        """The logs of some contracts in a range of blocks, both ends included, as the node writes them."""
        wanted = {
            "address": list(addresses),
            "topics": list(topics),
            "fromBlock": block_tag(from_block),
            "toBlock": block_tag(to_block),
        }
        made: list[dict[str, Any]] = await self.request("eth_getLogs", wanted)
        return made

    async def transaction(self, tx_hash: str) -> dict[str, Any] | None:
        """A transaction, pending or mined, or None if the node knows none such."""
        made: dict[str, Any] | None = await self.request("eth_getTransactionByHash", tx_hash)
        return made

    async def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """A mined transaction's receipt, or None as long as there is none."""
        made: dict[str, Any] | None = await self.request("eth_getTransactionReceipt", tx_hash)
        return made

    async def nonce(self, address: str, *, block: Block = "pending") -> int:
        """How many transactions an account has sent; `pending` counts those that wait in the node's pool."""
        return int(await self.request("eth_getTransactionCount", address, block_tag(block)), 16)

    async def balance(self, address: str) -> int:
        """What an account has, wei."""
        return int(await self.request("eth_getBalance", address, "latest"), 16)

    async def estimate_gas(self, transaction: Mapping[str, Any]) -> int:
        """What a transaction would use. Raises RpcError with the revert's bytes if it would fail."""
        return int(await self.request("eth_estimateGas", dict(transaction)), 16)


def without_secrets(url: str) -> str:
    """A URL fit for logs: no user, no password, no path or query, where providers put their keys."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def is_loopback(url: str) -> bool:
    """True if a URL names this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def block_tag(block: Block) -> str:
    """A block as JSON-RPC names it."""
    return hex(block) if isinstance(block, int) else block


def hex_of(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + data.hex()


def bytes_of(text: str) -> bytes:
    """Bytes from JSON-RPC's form."""
    return bytes.fromhex(text.removeprefix("0x"))


def _revert_data(data: Any) -> bytes:
    """The revert's bytes, wherever a node puts them: as text, or inside an object."""
    if isinstance(data, dict):
        data = data.get("data") or data.get("result") or ""
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return b""
