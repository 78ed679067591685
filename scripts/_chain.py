# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the scripts ask of a network, and how they send: many transactions at once, each with its nonce, through Ape's account."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import click
from ape.api import AccountAPI
from ape.api.providers import ProviderAPI
from eth_hash.auto import keccak

from chain.contract import ContractAbi, parse_abi
from scripts._source import compiled

AT_ONCE = 12  # nodes keep some sixteen waiting transactions of an account
_WAIT_SECONDS = 600.0
DEVELOPMENT = 31337
_POLL_SECONDS = 2.0
_POLL_SECONDS_DEVELOPMENT = 0.05
_GAS_SPARE = (6, 5)  # of what a node estimates: the state may move between the estimate and the block
_GAS_EXTRA = 20_000


class SendFailed(click.ClickException):
    """A transaction that a node refused, that reverted, or that nobody mined."""


@cache
def abi(source: str) -> ContractAbi:
    """How a contract of the present source is called."""
    return parse_abi(source, compiled(source).abi)


@dataclass(frozen=True, slots=True)
class Call:
    """One transaction: `to` None makes a contract. `said` names it for people."""

    to: str | None
    data: bytes
    said: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction on its way, or in a block."""

    call: Call
    nonce: int
    hash: str
    block: int = 0
    gas: int = 0


@dataclass(slots=True)
class Chain:
    """A network that Ape is connected to."""

    provider: ProviderAPI

    @property
    def id(self) -> int:
        """Its chain id."""
        return self.provider.chain_id

    def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC request. Raises SendFailed with the node's words."""
        answer = self._answer(method, params)
        if "error" in answer:
            raise SendFailed(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def pause(self) -> None:
        """Let a little time pass before asking again."""
        time.sleep(_POLL_SECONDS_DEVELOPMENT if self.id == DEVELOPMENT else _POLL_SECONDS)

    def _answer(self, method: str, params: Sequence[Any]) -> Mapping[str, Any]:
        web3 = self.provider.web3  # type: ignore[attr-defined]  # every provider of an Ethereum-like network has one
        found: Mapping[str, Any] = web3.provider.make_request(method, list(params))
        return found

    def code(self, address: str) -> bytes:
        """The code at an address; empty where there is none."""
        return bytes.fromhex(self.ask("eth_getCode", address, "latest")[2:])

    def nonce(self, address: str, block: str = "latest") -> int:
        """An account's next nonce."""
        return int(self.ask("eth_getTransactionCount", address, block), 16)

    def read(self, source: str, address: str, function: str, *arguments: Any) -> Any:
        """What a view function answers: structs by field name, addresses as 20 bytes. Raises SendFailed if it reverts."""
        made = abi(source)
        data = made.encode_call(function, *arguments)
        answer = self.ask("eth_call", {"to": address, "data": "0x" + data.hex()}, "latest")
        return made.decode_result(function, bytes.fromhex(answer[2:]))

    def mined(self, transaction: str) -> Mapping[str, Any] | None:
        """A transaction's receipt, or None while it is in no block."""
        found: Mapping[str, Any] | None = self._answer("eth_getTransactionReceipt", [transaction]).get("result")
        return found


@dataclass(slots=True)
class Sender:
    """One account that sends. Nobody else may use its key meanwhile. `signed` hears of a transaction just before it goes out."""

    chain: Chain
    account: AccountAPI
    signed: Callable[[Sent], None] = lambda _: None
    nonce: int = field(init=False)

    def __post_init__(self) -> None:
        self.nonce = self._settled_nonce()

    @property
    def address(self) -> str:
        """Who sends."""
        return str(self.account.address)

    def send(self, calls: Sequence[Call]) -> Iterator[Sent]:
        """Send calls that do not need each other, and yield each when it is in a block, in their order."""
        for first in range(0, len(calls), AT_ONCE):
            part = calls[first : first + AT_ONCE]
            gas = [self._estimate(call) for call in part]
            fees = self._fees()
            sent = [self._send(call, limit, fees) for call, limit in zip(part, gas, strict=True)]
            yield from (self._wait(one) for one in sent)

    def _settled_nonce(self) -> int:
        """The next nonce, once nothing of an interrupted run waits for a block any more.

        Asked twice: while a node makes a block, a transaction is neither waiting nor counted for a moment.
        """
        limit = time.monotonic() + _WAIT_SECONDS
        before = -1
        while (mined := self.chain.nonce(self.address)) != self.chain.nonce(self.address, "pending") or mined != before:
            if time.monotonic() > limit:
                raise SendFailed(f"transactions of {self.address} wait for a block; try again when they are through")
            before = mined
            self.chain.pause()
        return mined

    def _estimate(self, call: Call) -> int:
        request = {"from": self.address, "data": "0x" + call.data.hex()} | ({} if call.to is None else {"to": call.to})
        try:
            estimate = int(self.chain.ask("eth_estimateGas", request), 16)
        except SendFailed as error:
            raise SendFailed(f"{call.said}: {error.message}") from error
        return estimate * _GAS_SPARE[0] // _GAS_SPARE[1] + _GAS_EXTRA

    def _fees(self) -> dict[str, int]:
        """Fees that hold for some blocks to come, of the kind that the network has."""
        base = self.chain.ask("eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
        if base is None:
            return {"type": 0, "gasPrice": int(self.chain.ask("eth_gasPrice"), 16)}
        tip = int(self.chain.ask("eth_maxPriorityFeePerGas"), 16)
        return {"type": 2, "maxFeePerGas": 3 * int(base, 16) + tip, "maxPriorityFeePerGas": tip}

    def _send(self, call: Call, gas: int, fees: Mapping[str, int]) -> Sent:
        ecosystem = self.chain.provider.network.ecosystem
        receiver = {} if call.to is None else {"receiver": call.to}
        transaction = ecosystem.create_transaction(
            chainId=self.chain.id, nonce=self.nonce, gas=gas, value=0, data=call.data, **receiver, **fees
        )
        signed = self.account.sign_transaction(transaction)
        if signed is None:
            raise SendFailed(f"{call.said}: not signed")
        raw = bytes(signed.serialize_transaction())
        sent = Sent(call, self.nonce, "0x" + keccak(raw).hex())
        self.signed(sent)
        self.chain.ask("eth_sendRawTransaction", "0x" + raw.hex())
        self.nonce += 1
        return sent

    def _wait(self, sent: Sent) -> Sent:
        limit = time.monotonic() + _WAIT_SECONDS
        while (receipt := self.chain.mined(sent.hash)) is None:
            if time.monotonic() > limit:
                raise SendFailed(
                    f"{sent.call.said}: {sent.hash} is in no block after {_WAIT_SECONDS:.0f} s; run again later"
                )
            self.chain.pause()
        if int(receipt["status"], 16) != 1:
            raise SendFailed(f"{sent.call.said}: {sent.hash} reverted")
        return Sent(sent.call, sent.nonce, sent.hash, int(receipt["blockNumber"], 16), int(receipt["gasUsed"], 16))
