# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Calls and events of a contract, encoded and decoded by its ABI.

Integers stay integers, `bytesN` are bytes, addresses are 20 bytes, structs are dictionaries by field name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from chain.rpc import bytes_of
from kit.errors import Malformed, NotFound
from kit.ids import address_bytes

_ABI_FOLDER = Path(__file__).parent / "abi"


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its name, its selector and the ABI entries of what goes in and out."""

    name: str
    selector: bytes
    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, its first topic and the ABI entries of its arguments."""

    name: str
    topic: bytes
    inputs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ContractAbi:
    """A contract's functions and events by name; events also by topic."""

    name: str
    functions: Mapping[str, Function]
    events: Mapping[str, Event]
    by_topic: Mapping[bytes, Event]
    by_selector: Mapping[bytes, Function]

    def topic(self, event: str) -> str:
        """An event's first topic as JSON-RPC writes it. Raises NotFound for an event that the contract has not."""
        if event not in self.events:
            raise NotFound("chain.no_event", f"{self.name} has no event {event}")
        return "0x" + self.events[event].topic.hex()

    def encode_call(self, function: str, *arguments: Any) -> bytes:
        """The bytes of a call. Structs are given as tuples in the order of their fields."""
        entry = self._function(function)
        types = [_type(item) for item in entry.inputs]
        return entry.selector + encode(types, arguments)

    def decode_result(self, function: str, data: bytes) -> Any:
        """What a call returned: nothing, one value, or a tuple of values.

        Raises Malformed if the bytes are no such answer, as from an address without code.
        """
        entry = self._function(function)
        try:
            values = decode([_type(item) for item in entry.outputs], data)
        except (DecodingError, OverflowError) as error:
            raise Malformed(
                "chain.bad_answer", f"{self.name}.{function} answered {len(data)} bytes: {error}"
            ) from error
        named = tuple(_named(item, value) for item, value in zip(entry.outputs, values, strict=True))
        return named[0] if len(named) == 1 else named

    def decode_call(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """The function and the arguments of a call's bytes. Raises Malformed for a call of something else."""
        entry = self.by_selector.get(data[:4])
        if entry is None:
            raise Malformed("chain.bad_call", f"0x{data[:4].hex()} is no function of {self.name}")
        try:
            values = decode([_type(item) for item in entry.inputs], data[4:])
        except (DecodingError, OverflowError) as error:
            raise Malformed("chain.bad_call", f"{self.name}.{entry.name}: {error}") from error
        return entry.name, {i["name"]: _named(i, v) for i, v in zip(entry.inputs, values, strict=True)}

    def decode_log(self, log: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """The name and the arguments of a log as the node wrote it; None for an event that the ABI does not know.

        An indexed argument of dynamic type comes as the 32 bytes of its hash.
        """
        topics = [bytes_of(topic) for topic in log["topics"]]
        event = self.by_topic.get(topics[0]) if topics else None
        if event is None:
            return None
        plain = [item for item in event.inputs if not item["indexed"]]
        values = iter(decode([_type(item) for item in plain], bytes_of(log["data"])))
        rest = iter(topics[1:])
        arguments: dict[str, Any] = {}
        for item in event.inputs:
            if not item["indexed"]:
                arguments[item["name"]] = _named(item, next(values))
            elif _is_dynamic(item):
                arguments[item["name"]] = next(rest)
            else:
                arguments[item["name"]] = _named(item, decode([_type(item)], next(rest))[0])
        return event.name, arguments

    def _function(self, name: str) -> Function:
        if name not in self.functions:
            raise NotFound("chain.no_function", f"{self.name} has no function {name}")
        return self.functions[name]


@cache
def load_abi(name: str) -> ContractAbi:
    """The ABI of one of our contracts. Raises NotFound if there is none."""
    try:
        entries = orjson.loads((_ABI_FOLDER / f"{name}.json").read_bytes())
    except OSError as error:
        raise NotFound("chain.no_abi", f"there is no ABI of {name}") from error
    return parse_abi(name, entries)


def parse_abi(name: str, entries: Sequence[Mapping[str, Any]]) -> ContractAbi:
    """An ABI from its JSON entries. Where a function is overloaded (Vyper's default arguments) the longest form counts."""
    functions: dict[str, Function] = {}
    events: dict[str, Event] = {}
    for entry in entries:
        signature = keccak(f"{entry.get('name')}({','.join(_type(i) for i in entry.get('inputs', ()))})".encode())
        if entry["type"] == "function":
            known = functions.get(entry["name"])
            if known is None or len(known.inputs) < len(entry["inputs"]):
                functions[entry["name"]] = Function(entry["name"], signature[:4], entry["inputs"], entry["outputs"])
        elif entry["type"] == "event":
            events[entry["name"]] = Event(entry["name"], signature, entry["inputs"])
    return ContractAbi(
        name,
        functions,
        events,
        {event.topic: event for event in events.values()},
        {function.selector: function for function in functions.values()},
    )


def _type(item: Mapping[str, Any]) -> str:
    kind: str = item["type"]
    if kind.startswith("tuple"):
        return f"({','.join(_type(part) for part in item['components'])})" + kind[len("tuple") :]
    return kind


def _is_dynamic(item: Mapping[str, Any]) -> bool:
    kind = item["type"]
    return kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("tuple")


def _named(item: Mapping[str, Any], value: Any) -> Any:
    """A decoded value with struct fields by name and addresses as bytes."""
    kind: str = item["type"]
    if kind.endswith("]"):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return [_named(inner, part) for part in value]
    if kind == "tuple":
        return {part["name"]: _named(part, got) for part, got in zip(item["components"], value, strict=True)}
    if kind == "address":
        return address_bytes(value)
    return value
