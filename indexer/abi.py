# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Decoders of events, made from the contracts' ABIs.

An event of static types gets a function of its own that cuts its arguments out of the hexadecimal text: about 1 µs where general
decoders need 20 to 200. Events with dynamic types take the general way. A property test holds the two together.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from eth_abi.exceptions import DecodingError

from chain.contract import ContractAbi, Event
from indexer.errors import NodeUnavailable
from indexer.projection import DecodedLog
from indexer.rpc import Log

Arguments = Callable[[Sequence[str], str], Mapping[str, Any]]

_STATIC = re.compile(r"(u?int|bytes)(\d+)|address|bool")
_WORD = 64


def arguments(abi: ContractAbi, event: Event) -> Arguments:
    """A function from (topics, data) to the event's arguments by name. It raises ValueError for a log of another shape."""
    if all(_STATIC.fullmatch(item["type"]) for item in event.inputs):
        return _compiled(event)
    return _general(abi, event)


class Decoder:
    """Decodes the logs of a set of contracts. `contracts` maps a name to its address (0x-hexadecimal) and ABI."""

    def __init__(self, contracts: Mapping[str, tuple[str, ContractAbi]]) -> None:
        self.addresses = [address.lower() for address, _ in contracts.values()]
        self._raw = {address: bytes.fromhex(address[2:]) for address in self.addresses}
        self._names = {address.lower(): name for name, (address, _) in contracts.items()}
        self._events = {
            (address.lower(), "0x" + event.topic.hex()): (event.name, arguments(abi, event))
            for address, abi in contracts.values()
            for event in abi.events.values()
        }

    @property
    def signatures(self) -> list[tuple[str, str]]:
        """(address, topic) of every event, sorted: what a copy of the chain depends on."""
        return sorted(self._events)

    def decode(self, log: Log, time: datetime) -> DecodedLog:
        """One log, with its block's time. Raises NodeUnavailable if the node's log is not ours or not of the event's shape."""
        address = log.address.lower()
        contract = self._names.get(address)
        if contract is None or log.removed:
            raise NodeUnavailable("indexer.node", f"the node told a log that was not asked for, of {log.address}")
        event, decode = self._events.get((address, log.topics[0] if log.topics else ""), _UNKNOWN)
        try:
            return DecodedLog(
                contract=contract,
                event=event,
                args=decode(log.topics, log.data),
                address=self._raw[address],
                block_number=int(log.block_number, 16),
                block_hash=bytes.fromhex(log.block_hash[2:]),
                block_time=time,
                tx_hash=bytes.fromhex(log.transaction_hash[2:]),
                log_index=int(log.log_index, 16),
            )
        except ValueError as error:
            raise NodeUnavailable("indexer.node", f"a log of {contract} can't be decoded: {error}") from error


def _undecoded(topics: Sequence[str], data: str) -> dict[str, Any]:
    return {"topics": list(topics), "data": data}


_UNKNOWN: tuple[str, Arguments] = ("", _undecoded)


def _compiled(event: Event) -> Arguments:
    """The source of a function with one expression an argument, compiled once."""
    parts, topics, position = [], 1, 2
    for item in event.inputs:
        if item["indexed"]:
            parts.append(f"{item['name']!r}: {_cut(item['type'], f't[{topics}]', 2)}")
            topics += 1
        else:
            parts.append(f"{item['name']!r}: {_cut(item['type'], 'd', position)}")
            position += _WORD
    source = (
        "def decode(t, d):\n"
        f"    if len(t) != {topics} or len(d) != {position}:\n"
        f"        raise ValueError('{event.name} has another shape')\n"
        f"    return {{{', '.join(parts)}}}\n"
    )
    scope: dict[str, Any] = {"fromhex": bytes.fromhex, "signed": _signed}
    exec(compile(source, f"<event {event.name}>", "exec"), scope)
    made: Arguments = scope["decode"]
    return made


def _cut(kind: str, text: str, begin: int) -> str:
    """The expression that reads the word of `text` that begins at `begin`."""
    end = begin + _WORD
    if kind == "address":
        return f"fromhex({text}[{end - 40}:{end}])"
    if kind == "bool":
        return f"{text}[{end - 1}] != '0'"
    sort, size = kind.rstrip("0123456789"), kind.lstrip("uintbyes")
    if sort == "bytes":
        return f"fromhex({text}[{begin}:{begin + 2 * int(size)}])"
    number = f"int({text}[{begin}:{end}], 16)"
    return number if sort == "uint" else f"signed({number})"


def _signed(word: int) -> int:
    return word - (1 << 256) if word >> 255 else word


def _general(abi: ContractAbi, event: Event) -> Arguments:
    topics_wanted = 1 + sum(bool(item["indexed"]) for item in event.inputs)

    def decode(topics: Sequence[str], data: str) -> Mapping[str, Any]:
        try:
            decoded = abi.decode_log({"topics": topics, "data": data}) if len(topics) == topics_wanted else None
        except (DecodingError, OverflowError) as error:
            raise ValueError(f"{event.name} has another shape: {error}") from error
        if decoded is None:
            raise ValueError(f"{event.name} has another shape")
        return decoded[1]

    return decode
