# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's JSON-RPC, only as wide and as deep as indexing needs: typed answers, batches, and errors told apart.

Answers are parsed straight into structs with the few fields that are used; hexadecimal text is decoded where it is needed and once.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec

from indexer.errors import ChainMoved, NodeBehind, NodeUnavailable, RangeTooLarge

BATCH_MAX = 100
_TOO_LARGE_CODES = frozenset({-32005})
_TOO_LARGE = re.compile(r"range|too many|too large|limit|more than|response size|timeout|timed out", re.IGNORECASE)
_UNKNOWN_BLOCK = re.compile(r"unknown block|not found|missing|header for hash", re.IGNORECASE)

T = TypeVar("T")


class Header(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A block's header."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str = "0x0"


class Log(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A log as the node tells it. `block_timestamp` is missing at older nodes, and `0x0` at some."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


class Receipt(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a transaction cost."""

    transaction_hash: str
    block_hash: str
    block_number: str
    gas_used: str
    sender: str = msgspec.field(name="from")
    to: str | None = None
    effective_gas_price: str = "0x0"


class LogPlace(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Which contract logged, and where in its block."""

    address: str
    log_index: str


class BlockReceipt(msgspec.Struct, frozen=True, gc=False):
    """A receipt, for its logs alone."""

    logs: list[LogPlace]


class _Fault(msgspec.Struct, frozen=True, gc=False):
    code: int
    message: str = ""


class _Reply(msgspec.Struct, frozen=True, gc=False):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


class _LogsReply(msgspec.Struct, frozen=True, gc=False):
    result: list[Log] | None = None
    error: _Fault | None = None


_ONE = msgspec.json.Decoder(_Reply)
_MANY = msgspec.json.Decoder(list[_Reply])
_LOGS_REPLY = msgspec.json.Decoder(_LogsReply)
_HEADER: msgspec.json.Decoder[Header | None] = msgspec.json.Decoder(Header | None)
_LOGS: msgspec.json.Decoder[list[Log] | None] = msgspec.json.Decoder(list[Log] | None)
_RECEIPT: msgspec.json.Decoder[Receipt | None] = msgspec.json.Decoder(Receipt | None)
_BLOCK_RECEIPTS: msgspec.json.Decoder[list[BlockReceipt] | None] = msgspec.json.Decoder(list[BlockReceipt] | None)
_TEXT: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)


class Node:
    """One endpoint. Use as an async context manager; safe for concurrent questions.

    Every method raises NodeUnavailable if the node does not answer in time, or answers with an error or nonsense.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Node":
        self._session = aiohttp.ClientSession(timeout=self._timeout, headers={"Content-Type": "application/json"})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def chain_id(self) -> int:
        """The chain's number."""
        number: str = await self._ask("eth_chainId", [], _TEXT)
        return int(number, 16)

    async def latest(self) -> Header:
        """The newest header."""
        header = await self._ask("eth_getBlockByNumber", ["latest", False], _HEADER)
        if header is None:
            raise NodeBehind("indexer.node", "the node has no newest block")
        return header

    async def headers(self, numbers: Sequence[int]) -> list[Header]:
        """The headers of blocks. Raises NodeBehind if one of them is not there."""
        found = await self._ask_all("eth_getBlockByNumber", [[hex(n), False] for n in numbers], _HEADER)
        for number, header in zip(numbers, found, strict=True):
            if header is None:
                raise NodeBehind("indexer.node_behind", f"the node does not have block {number} that it should have")
        return [header for header in found if header is not None]

    async def logs(self, addresses: Sequence[str], first: int, last: int) -> list[Log]:
        """The logs of contracts in a range of blocks, ends included. Raises RangeTooLarge if the node wants a smaller range."""
        where = {"address": list(addresses), "fromBlock": hex(first), "toBlock": hex(last)}
        reply = _parse(_LOGS_REPLY, await self._post(_question(0, "eth_getLogs", [where])))
        if reply.error is not None:
            raise _fault("eth_getLogs", reply.error)
        if reply.result is None:
            raise NodeUnavailable("indexer.node", "the node answered null for logs")
        return reply.result

    async def logs_of(self, addresses: Sequence[str], hashes: Sequence[str]) -> list[list[Log]]:
        """The logs of contracts in each of some blocks, named by hash. Raises ChainMoved if the node left one of them."""
        where = [[{"address": list(addresses), "blockHash": block}] for block in hashes]
        try:
            found = await self._ask_all("eth_getLogs", where, _LOGS)
        except NodeUnavailable as error:
            if _UNKNOWN_BLOCK.search(str(error)):
                raise ChainMoved("indexer.chain_moved", str(error)) from error
            raise
        if any(logs is None for logs in found):
            raise ChainMoved("indexer.chain_moved", "the node no longer has a block that it had")
        return [logs for logs in found if logs is not None]

    async def receipts(self, transactions: Sequence[str]) -> list[Receipt]:
        """The receipts of transactions. Raises ChainMoved if the node does not have one (any more)."""
        found = await self._ask_all("eth_getTransactionReceipt", [[tx] for tx in transactions], _RECEIPT)
        if any(receipt is None for receipt in found):
            raise ChainMoved("indexer.chain_moved", "the node no longer has a transaction whose log it told")
        return [receipt for receipt in found if receipt is not None]

    async def places_of(self, addresses: Collection[str], block: str) -> set[int]:
        """Where in a block, named by its number in hexadecimal, contracts logged by its receipts. `addresses` are in lower case."""
        receipts = await self._ask("eth_getBlockReceipts", [block], _BLOCK_RECEIPTS)
        if receipts is None:
            raise ChainMoved("indexer.chain_moved", "the node no longer has a block that it had")
        return {int(log.log_index, 16) for r in receipts for log in r.logs if log.address.lower() in addresses}

    async def _ask(self, method: str, params: list[Any], decoder: msgspec.json.Decoder[T]) -> T:
        reply = _parse(_ONE, await self._post(_question(0, method, params)))
        if reply.error is not None:
            raise _fault(method, reply.error)
        return _parse(decoder, bytes(reply.result))

    async def _ask_all(self, method: str, params: Sequence[list[Any]], decoder: msgspec.json.Decoder[T]) -> list[T]:
        answers: list[T] = []
        for begin in range(0, len(params), BATCH_MAX):
            part = params[begin : begin + BATCH_MAX]
            if len(part) == 1:
                answers.append(await self._ask(method, part[0], decoder))
                continue
            questions = b",".join(_question(i, method, one) for i, one in enumerate(part))
            answers.extend(_in_order(method, await self._post(b"[" + questions + b"]"), len(part), decoder))
        return answers

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            raise RuntimeError("the node is used outside of its context")
        try:
            async with self._session.post(self._url, data=body) as answer:
                content = await answer.read()
                if answer.status == 413:
                    raise RangeTooLarge("indexer.range", "the node's answer would be too large")
                if answer.status != 200:
                    raise NodeUnavailable("indexer.node", f"the node answered HTTP {answer.status}: {content[:200]!r}")
                return content
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NodeUnavailable("indexer.node", f"the node does not answer: {error!r}") from error


def _question(number: int, method: str, params: list[Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def _parse(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        return decoder.decode(content)
    except msgspec.DecodeError as error:
        raise NodeUnavailable("indexer.node", f"the node's answer can't be read: {error}") from error


def _in_order(method: str, content: bytes, count: int, decoder: msgspec.json.Decoder[T]) -> list[T]:
    """The answers of a batch in the order of its questions; a node may give them in any."""
    if content[:1] == b"{":  # a node that refuses the whole batch answers with one object
        fault = _parse(_ONE, content).error
        raise NodeUnavailable("indexer.node", f"{method}: {fault.message if fault else 'no answer to a batch'}")
    replies = {reply.id: reply for reply in _parse(_MANY, content)}
    answers: list[T] = []
    for number in range(count):
        reply = replies.get(number)
        if reply is None:
            raise NodeUnavailable("indexer.node", f"{method}: the node left out a part of its answer")
        if reply.error is not None:
            raise _fault(method, reply.error)
        answers.append(_parse(decoder, bytes(reply.result)))
    return answers


def _fault(method: str, fault: _Fault) -> NodeUnavailable:
    told = f"{method}: {fault.message} ({fault.code})"
    if method == "eth_getLogs" and (fault.code in _TOO_LARGE_CODES or _TOO_LARGE.search(fault.message)):
        return RangeTooLarge("indexer.range", told)
    return NodeUnavailable("indexer.node", told)
