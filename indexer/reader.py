# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a node into batches: ranges of old blocks several at a time, new blocks one by one and bound to their hashes.

What a batch claims holds together: headers follow one another, logs belong to the blocks that were asked for, none comes twice.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from indexer.abi import Decoder
from indexer.bloom import Witness
from indexer.errors import ChainMoved, NodeUnavailable, RangeTooLarge
from indexer.projection import DecodedLog
from indexer.rows import spread
from indexer.rpc import Header, Log, Node, Receipt
from indexer.rules import Position, next_span
from indexer.settings import IndexerSettings

_FIRST_SPAN = 500
_COSTED = frozenset({("Oracle", "ReportAccepted"), ("Treasury", "Minted")})


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything of ours in the blocks after `start` up to `end`, in the chain's order.

    `headers` are those that are known, the last is `end`'s; `receipts` are of transactions that brought a report or minted.
    """

    start: Position
    end: Position
    headers: Sequence[Header]
    logs: Sequence[DecodedLog]
    receipts: Sequence[Receipt]
    head: int


class Forked(Exception):
    """The node's next block does not follow the block that was indexed last."""


def position(header: Header) -> Position:
    """A header's number and hash."""
    return Position(int(header.number, 16), bytes.fromhex(header.hash[2:]))


def time_of(header: Header) -> datetime:
    """A block's time, UTC."""
    return datetime.fromtimestamp(int(header.timestamp, 16), UTC)


class Reader:
    """Reads one node for one set of contracts. Raises NodeUnavailable and its kinds."""

    def __init__(self, node: Node, decoder: Decoder, settings: IndexerSettings) -> None:
        self._node = node
        self._decoder = decoder
        self._settings = settings
        self._span = _FIRST_SPAN
        self._witness = Witness(decoder.signatures)

    async def tip(self, start: Position, head: Header) -> Batch:
        """The next blocks up to the head, at most `margin` of them. Raises Forked if they do not follow `start`."""
        last = min(position(head).number, start.number + self._settings.margin)
        numbers = range(start.number + 1, last + 1)
        headers = [head] if len(numbers) == 1 else await self._node.headers(numbers)
        before = start.hash
        for header in headers:
            if bytes.fromhex(header.parent_hash[2:]) != before:
                if header is headers[0]:
                    raise Forked
                raise ChainMoved("indexer.chain_moved", "the chain changed between two headers")
            before = bytes.fromhex(header.hash[2:])
        told = await self._node.logs_of(self._decoder.addresses, [header.hash for header in headers])
        times = {header.number: time_of(header) for header in headers}
        for header, raw in zip(headers, told, strict=True):
            if any(log.block_hash != header.hash for log in raw):
                raise ChainMoved("indexer.chain_moved", "the node told logs of another block")
            await self._check_complete(header, raw)
        logs = self._decode([log for raw in told for log in raw], times)
        return Batch(start, position(headers[-1]), headers, logs, await self._receipts(logs), position(head).number)

    async def _check_complete(self, header: Header, raw: Sequence[Log]) -> None:
        """Ask for the block's receipts if its bloom filter speaks of events that were not told. Raises NodeUnavailable."""
        told = {(log.address.lower(), log.topics[0]) for log in raw if log.topics}
        if not self._witness.contradicts(header.logs_bloom, told):
            return
        places = await self._node.places_of(self._decoder.addresses, header.number)
        if places != {int(log.log_index, 16) for log in raw}:
            raise NodeUnavailable(
                "indexer.logs_left_out", f"the node left logs of block {int(header.number, 16)} out of its answer"
            )

    async def ranges(self, start: Position, until: int, head: int) -> AsyncIterator[Batch]:
        """Batches from after `start` up to block `until`, in order, while the next ones are already on their way."""
        flying: deque[asyncio.Task[Batch]] = deque()
        asked, reached = start.number, start
        try:
            while asked < until or flying:
                while asked < until and len(flying) < self._settings.in_flight:
                    last = min(asked + self._span, until)
                    flying.append(asyncio.create_task(self._range(asked + 1, last, head)))
                    asked = last
                try:
                    batch = await flying.popleft()
                except NodeUnavailable:  # perhaps because it was too much: a time-out tells no reason
                    self._span = max(1, min(self._span, until - reached.number) // 2)
                    raise
                self._span = next_span(
                    batch.end.number - reached.number, len(batch.logs), self._settings.events_per_batch
                )
                yield Batch(reached, batch.end, batch.headers, batch.logs, batch.receipts, head)
                reached = batch.end
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _range(self, first: int, last: int, head: int) -> Batch:
        (header,) = await self._node.headers([last])
        raw = await self._logs(first, last)
        if any(log.block_number == header.number and log.block_hash != header.hash for log in raw):
            raise ChainMoved("indexer.chain_moved", "the node told logs of another block")
        if any(not first <= int(log.block_number, 16) <= last for log in raw):
            raise NodeUnavailable("indexer.node", f"the node told logs outside of blocks {first} to {last}")
        logs = self._decode(raw, await self._times(raw))
        nowhere = Position(first - 1, b"")
        return Batch(nowhere, position(header), [header], logs, await self._receipts(logs), head)

    async def _logs(self, first: int, last: int) -> list[Log]:
        """A range's logs, halved as often as the node wants."""
        try:
            return await self._node.logs(self._decoder.addresses, first, last)
        except RangeTooLarge:
            if first == last:
                raise
            self._span = max(1, (last - first + 1) // 2)
            middle = (first + last) // 2
            return await self._logs(first, middle) + await self._logs(middle + 1, last)

    async def _times(self, logs: Sequence[Log]) -> dict[str, datetime]:
        """Times by block number as the logs tell them, or from headers where a node leaves them out or writes zero."""
        times: dict[str, datetime] = {}
        untold: set[str] = set()
        for log in logs:
            if log.block_number in times:
                continue
            stamp = int(log.block_timestamp, 16) if log.block_timestamp else 0
            if stamp:
                times[log.block_number] = datetime.fromtimestamp(stamp, UTC)
            else:
                untold.add(log.block_number)
        if untold:
            for header in await self._node.headers([int(number, 16) for number in untold]):
                times[header.number] = time_of(header)
        return times

    def _decode(self, logs: Sequence[Log], times: dict[str, datetime]) -> list[DecodedLog]:
        decoded = [self._decoder.decode(log, times[log.block_number]) for log in logs]
        decoded.sort(key=lambda log: (log.block_number, log.log_index))
        places = {(log.block_number, log.log_index) for log in decoded}
        if len(places) != len(decoded):
            raise NodeUnavailable("indexer.node", "the node told a log twice")
        return spread(decoded)

    async def _receipts(self, logs: Sequence[DecodedLog]) -> list[Receipt]:
        wanted = {log.tx_hash: log.block_hash for log in logs if (log.contract, log.event) in _COSTED}
        if not wanted:
            return []
        receipts = await self._node.receipts(["0x" + tx.hex() for tx in wanted])
        for receipt, block in zip(receipts, wanted.values(), strict=True):
            if bytes.fromhex(receipt.block_hash[2:]) != block:
                raise ChainMoved("indexer.chain_moved", "a transaction moved to another block")
        return receipts
