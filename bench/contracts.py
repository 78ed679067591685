# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled contracts and the bytes that call them. The gas bench and the contract fuzz tests run the same bytecode."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boa
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from vyper.compiler.output import build_abi_output

ROOT = Path(__file__).resolve().parent.parent
_FOLDERS = {
    "Registry": "energy",
    "Oracle": "energy",
    "EnergyToken": "energy",
    "Treasury": "energy",
    "Guard": "governance",
    "HomePolicy": "governance",
    "Governor": "governance",
    "VotingLock": "governance",
    "Funds": "governance",
    "Earnings": "market",
    "SettlementToken": "money",
    "NetSettlement": "money",
    "FuzzCoin": "mocks",
    "GCM": "market",
    "GCC": "market",
    "FuzzHolder": "mocks",
    "Certificates": "market",
    "FiatEscrow": "market",
    "Assets": "market",
    "Marketplace": "market",
    "OpenCoin": "mocks",
    "OpenThings": "mocks",
    "Pool": "market",
    "Router": "market",
    "Round": "market",
    "Vault": "market",
    "OrderBook": "market",
    "FuzzMoney": "mocks",
    "FuzzReceiver": "mocks",
    "NaiveEnergy": "mocks",
    "ShortThings": "mocks",
    "NaiveBook": "mocks",
    "FuzzMath": "mocks",
    "LyingLock": "mocks",
}


@dataclass(frozen=True)
class Function:
    """One function of an ABI: its selector and the ABI types of what goes in and comes out."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def calldata(self, *args: Any) -> bytes:
        """The bytes of a call. Structs are tuples, addresses 20 bytes."""
        return self.selector + encode(self.inputs, args)

    def result(self, output: bytes) -> Any:
        """What came out: a single value, or a tuple of several."""
        values = decode(self.outputs, output)
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True)
class Artifact:
    """A compiled contract."""

    name: str
    bytecode: bytes
    constructor: tuple[str, ...]
    functions: dict[str, Function]
    topics: dict[bytes, str]

    def initcode(self, *args: Any) -> bytes:
        """The bytes of a deployment."""
        return self.bytecode + encode(self.constructor, args)


@cache
def artifact(name: str) -> Artifact:
    """Compile a contract of this project by its name; a second compilation comes from the compiler's cache on disk."""
    compiled = boa.load_partial(str(ROOT / "contracts" / _FOLDERS[name] / f"{name}.vy")).compiler_data
    abi = build_abi_output(compiled)
    functions = {}
    constructor: tuple[str, ...] = ()
    topics = {}
    for entry in abi:
        inputs = _types(entry.get("inputs", ()))
        if entry["type"] == "constructor":
            constructor = inputs
        elif entry["type"] == "function":
            selector = keccak(f"{entry['name']}({','.join(inputs)})".encode())[:4]
            functions[entry["name"]] = Function(entry["name"], selector, inputs, _types(entry["outputs"]))
        elif entry["type"] == "event":
            topics[keccak(f"{entry['name']}({','.join(inputs)})".encode())] = entry["name"]
    return Artifact(name, compiled.bytecode, constructor, functions, topics)


def revert_reason(output: bytes) -> str:
    """The text of an `Error(string)`; empty for a revert without one."""
    if output[:4] != keccak(b"Error(string)")[:4]:
        return ""
    return str(decode(("string",), output[4:])[0])


def _types(parameters: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(_type(parameter) for parameter in parameters)


def _type(parameter: dict[str, Any]) -> str:
    if parameter["type"].startswith("tuple"):
        return f"({','.join(_types(parameter['components']))}){parameter['type'][len('tuple') :]}"
    return str(parameter["type"])
