# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Calls and events by ABI, and the deployment file."""

from pathlib import Path

import orjson
import pytest
from eth_hash.auto import keccak

from chain.client import batch_id
from chain.contract import load_abi
from chain.deployment import Deployment
from kit.errors import Malformed, NotFound


def test_a_call_with_structs_is_read_back_by_names() -> None:
    abi = load_abi("Treasury")
    leaf = (1, 7, 2, b"o" * 20, 100, 5, 6, 7, 2, b"p" * 32)
    data = abi.encode_call("claim", leaf, 3, [b"s" * 32])
    name, arguments = abi.decode_call(data)
    assert name == "claim"
    assert tuple(arguments["leaf"].values()) == leaf
    assert (arguments["index"], arguments["proof"]) == (3, [b"s" * 32])
    with pytest.raises(Malformed):
        abi.decode_call(data[:-32])
    with pytest.raises(Malformed):
        abi.decode_call(b"\0\0\0\0")
    with pytest.raises(NotFound):
        abi.encode_call("take_everything")


def test_an_answer_from_an_address_without_code_is_no_answer() -> None:
    with pytest.raises(Malformed, match="answered 0 bytes"):
        load_abi("Oracle").decode_result("head", b"")


def test_a_log_is_read_with_indexed_and_plain_arguments() -> None:
    abi = load_abi("EnergyToken")
    topic = "0x" + keccak(b"TransferSingle(address,address,address,uint256,uint256)").hex()
    word = lambda value: "0x" + value.to_bytes(32, "big").hex()  # noqa: E731
    log = {"topics": [topic, word(1), word(0), word(2)], "data": "0x" + (5).to_bytes(32, "big").hex() + word(9)[2:]}
    assert abi.decode_log(log) == (
        "TransferSingle",
        {
            "_operator": (1).to_bytes(20, "big"),
            "_from": bytes(20),
            "_to": (2).to_bytes(20, "big"),
            "_id": 5,
            "_value": 9,
        },
    )
    assert abi.decode_log({"topics": [word(1)], "data": "0x"}) is None
    assert abi.decode_log({"topics": [], "data": "0x"}) is None


def test_a_batch_id_cannot_be_a_class_id() -> None:
    assert batch_id(1, 0) > 1 << 254
    assert batch_id(3, 5) == 1 << 255 | 3 << 32 | 5


def test_a_deployment_is_read_or_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "local.json"
    with pytest.raises(NotFound, match="deploy first"):
        Deployment.load(path)
    entry = {"address": "0x" + "11" * 20, "block": 7, "codeHash": "0x" + "22" * 32}
    path.write_bytes(orjson.dumps({"chainId": 5, "contracts": {"Oracle": entry, "Guard": {**entry, "block": 3}}}))
    made = Deployment.load(path)
    assert (made.chain_id, made.first_block, made.contract("Oracle").code_hash) == (5, 3, b"\x22" * 32)
    with pytest.raises(NotFound, match="Treasury is not deployed on chain 5"):
        made.address("Treasury")
    for wrong in (b"", b"{}", b'{"chainId": 5, "contracts": {"Oracle": {"address": "0x11", "block": 1}}}'):
        path.write_bytes(wrong)
        with pytest.raises(Malformed, match="is not a deployment"):
            Deployment.load(path)
