# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC: what is repeated, what is not, and what never shows."""

from collections.abc import Callable, Iterator

import httpx
import orjson
import pytest

from chain import rpc as module
from chain.rpc import Rpc, RpcError, without_secrets
from chain.transactions import reason_code, revert_reason
from kit.errors import Unavailable

Answer = Callable[[], httpx.Response]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)


class Scripted:
    """A node that gives its answers in order and remembers how often it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self.asked = 0

    def rpc(self) -> Rpc:
        made = Rpc("https://user:secret@node.example:8545/v2/apikey?token=1")
        made._http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return made

    def _answer(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return next(self._answers)()


def result(value: object) -> Answer:
    return lambda: httpx.Response(200, content=orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": value}))


def error(code: int, message: str, data: object = None) -> Answer:
    problem = {"code": code, "message": message, "data": data}
    return lambda: httpx.Response(200, content=orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": problem}))


def broken() -> httpx.Response:
    raise httpx.ConnectError("https://user:secret@node.example refused")


async def test_a_read_is_repeated_until_the_node_answers() -> None:
    node = Scripted(broken, lambda: httpx.Response(503), error(-32005, "limit exceeded"), result("0x10"))
    assert await node.rpc().block_number() == 16
    assert node.asked == 4


async def test_a_node_that_stays_away_is_unavailable_and_its_url_shows_no_secret() -> None:
    node = Scripted(*[broken] * 4)
    with pytest.raises(Unavailable) as caught:
        await node.rpc().block_number()
    assert "https://node.example:8545 does not answer eth_blockNumber" in str(caught.value)
    assert not {"secret", "apikey", "token"} & set(str(caught.value).replace("/", " ").split())
    assert without_secrets("http://u:p@h/key") == "http://h"


async def test_a_send_is_never_repeated() -> None:
    node = Scripted(broken, result("0x"))
    with pytest.raises(Unavailable):
        await node.rpc().request("eth_sendRawTransaction", "0x00")
    assert node.asked == 1


@pytest.mark.parametrize("data", ["0x08c379a0", {"data": "0x08c379a0"}, {"result": "0x08c379a0"}])
async def test_an_error_is_not_repeated_and_keeps_the_reverts_bytes(data: object) -> None:
    node = Scripted(error(3, "execution reverted", data))
    with pytest.raises(RpcError) as caught:
        await node.rpc().call("0x" + "00" * 20, b"")
    assert (caught.value.data.hex(), node.asked) == ("08c379a0", 1)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null"])
async def test_nonsense_is_unavailable(body: bytes) -> None:
    node = Scripted(*[lambda: httpx.Response(200, content=body)] * 4)
    with pytest.raises(Unavailable):
        await node.rpc().block_number()


def test_a_contracts_reason_becomes_a_stable_code() -> None:
    text = b"oracle: slot is not after the last one"
    data = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + text.ljust(64, b"\0")
    assert revert_reason(data) == text.decode()
    assert reason_code(text.decode()) == "oracle.slot_is_not_after_the_last_one"
    assert reason_code("something else") == "chain.reverted"
    assert revert_reason(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")) == "chain: panic 0x11"
    assert revert_reason(b"\x08\xc3\x79\xa0\xff") == ""
