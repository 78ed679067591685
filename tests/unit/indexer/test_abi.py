# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The generated decoders say what a general decoder says, for every event of ours and for any event of static types."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chain.contract import ContractAbi, load_abi, parse_abi
from indexer.abi import Decoder, arguments
from indexer.errors import NodeUnavailable
from indexer.rpc import Log

CONTRACTS = ("Registry", "Guard", "Oracle", "EnergyToken", "Treasury")
ADDRESS = "0x" + "a1" * 20
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


def values_of(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("[]"):
        return st.lists(values_of(kind[:-2]), max_size=4)
    if kind == "address":
        return st.binary(min_size=20, max_size=20)
    if kind == "bool":
        return st.booleans()
    if kind == "string":
        return st.text(max_size=40)
    if kind.startswith("bytes"):
        size = int(kind[5:])
        return st.binary(min_size=size, max_size=size)
    bits = int(kind.lstrip("uint"))
    low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high]))


def log_of(abi: ContractAbi, event: str, values: Mapping[str, Any]) -> tuple[list[str], str]:
    """Topics and data as a node writes them, made by eth-abi."""
    inputs = abi.events[event].inputs
    topics = [abi.topic(event)]
    topics += ["0x" + encode([i["type"]], [values[i["name"]]]).hex() for i in inputs if i["indexed"]]
    plain = [i for i in inputs if not i["indexed"]]
    return topics, "0x" + encode([i["type"] for i in plain], [values[i["name"]] for i in plain]).hex()


def told(topics: Sequence[str], data: str, **changes: Any) -> Log:
    fields: dict[str, Any] = {
        "address": ADDRESS,
        "topics": list(topics),
        "data": data,
        "block_number": "0x10",
        "block_hash": "0x" + "b1" * 32,
        "transaction_hash": "0x" + "c1" * 32,
        "log_index": "0x3",
    }
    return Log(**{**fields, **changes})


OURS = [(name, event) for name in CONTRACTS for event in load_abi(name).events]


@pytest.mark.parametrize(("contract", "event"), OURS, ids=lambda name: str(name))
@given(data=st.data())
def test_event_of_ours(contract: str, event: str, data: st.DataObject) -> None:
    abi = load_abi(contract)
    inputs = abi.events[event].inputs
    values = {i["name"]: data.draw(values_of(i["type"])) for i in inputs}
    log = told(*log_of(abi, event, values))
    decoded = Decoder({contract: (ADDRESS, abi)}).decode(log, NOON)
    assert decoded.args == values
    assert list(decoded.args) == [i["name"] for i in inputs]
    assert (decoded.key, decoded.block_number, decoded.log_index) == (f"{contract}.{event}", 16, 3)
    assert (decoded.address, decoded.tx_hash, decoded.block_time) == (b"\xa1" * 20, b"\xc1" * 32, NOON)


STATIC = st.one_of(
    st.integers(1, 32).map(lambda n: f"uint{8 * n}"),
    st.integers(1, 32).map(lambda n: f"int{8 * n}"),
    st.integers(1, 32).map(lambda n: f"bytes{n}"),
    st.sampled_from(["address", "bool"]),
)


@given(data=st.data())
def test_any_static_event(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(STATIC, min_size=1, max_size=8))
    indexed = data.draw(st.sets(st.integers(0, len(kinds) - 1), max_size=3))
    inputs = [{"name": f"a{n}", "type": kind, "indexed": n in indexed} for n, kind in enumerate(kinds)]
    abi = parse_abi("Any", [{"type": "event", "name": "Happened", "inputs": inputs}])
    values = {f"a{n}": data.draw(values_of(kind)) for n, kind in enumerate(kinds)}
    topics, raw = log_of(abi, "Happened", values)
    assert arguments(abi, abi.events["Happened"])(topics, raw) == values
    general = abi.decode_log({"topics": topics, "data": raw})
    assert general is not None
    assert general[1] == values


@pytest.mark.parametrize("contract_event", [("Treasury", "Minted"), ("EnergyToken", "TransferBatch")])
@pytest.mark.parametrize("spoil", ["cut", "longer", "topic"])
def test_log_of_another_shape__refused(contract_event: tuple[str, str], spoil: str) -> None:
    contract, event = contract_event
    abi = load_abi(contract)
    values = {
        i["name"]: [1] if i["type"].endswith("]") else bytes(20) if i["type"] == "address" else 1
        for i in abi.events[event].inputs
    }
    topics, data = log_of(abi, event, values)
    if spoil == "cut":
        data = data[:-64]
    elif spoil == "longer" and event == "Minted":
        data += "00" * 32
    else:
        topics = topics[:-1]
    with pytest.raises(NodeUnavailable, match="can't be decoded"):
        Decoder({contract: (ADDRESS, abi)}).decode(told(topics, data), NOON)


def test_log_that_the_abi_does_not_know__kept_as_it_is() -> None:
    decoder = Decoder({"Oracle": (ADDRESS, load_abi("Oracle"))})
    topic = "0x" + "77" * 32
    decoded = decoder.decode(told([topic], "0x1234"), NOON)
    assert (decoded.contract, decoded.event) == ("Oracle", "")
    assert decoded.args == {"topics": [topic], "data": "0x1234"}
    assert decoder.decode(told([], "0x"), NOON).args == {"topics": [], "data": "0x"}


@pytest.mark.parametrize("change", [{"address": "0x" + "a2" * 20}, {"removed": True}])
def test_log_that_is_not_ours__refused(change: dict[str, Any]) -> None:
    decoder = Decoder({"Oracle": (ADDRESS, load_abi("Oracle"))})
    with pytest.raises(NodeUnavailable, match="not asked for"):
        decoder.decode(told(["0x" + "77" * 32], "0x", **change), NOON)
