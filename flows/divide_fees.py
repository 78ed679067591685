# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The story of a fee: from where it was taken to who earned it.

Books, rounds and pools keep what they took until somebody asks; sales pay at once; the Treasury counts a reserve. All of it belongs
to Funds, if the DAO named it as the beneficiary. Once in each period of Earnings, for each asset:

1. Whatever can be collected is collected (`collect_fees`, `collect_reserve`). Funds tells the reserve, which it keeps, from fees.
2. `Funds.divide` gives groups their shares, and each share belongs to who was in the group during the period that is over.

Everything here anybody may do; the worker does it with the key that pays for claims, so that nobody has to. The chain is asked
whether an asset was divided in this period already, and every call is tried before it is sent: to repeat a round does no harm, and
a process makes one in each period. While nobody is in any group, fees wait; what is refused for now is tried again.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chain.client import Contract
from chain.deployment import Deployment
from chain.rpc import Rpc, RpcError
from chain.transactions import Reverted, TransactionSender
from kit import logs
from kit.errors import Unavailable
from kit.units import Utility

log = logs.get(__name__)

_BOOKS = ("OrderBook", "Round")


@dataclass(frozen=True, slots=True)
class Done:
    """One transaction of a round: which contract, which function, what it was given, and what came of it."""

    contract: str
    function: str
    arguments: tuple[Any, ...]
    amount: int
    tx_hash: str


@dataclass(frozen=True, slots=True)
class _Call:
    on: Contract
    name: str
    function: str
    arguments: tuple[Any, ...] = ()


class Treasurer:
    """Collects what belongs to Funds and has it divided, with one key that pays the gas and receives nothing."""

    def __init__(self, rpc: Rpc, deployment: Deployment, sender: TransactionSender) -> None:
        """Raises NotFound if there are no Funds on this chain."""
        self._rpc = rpc
        self._sender = sender
        self._rounded = -1  # the period of the last complete round
        self._funds = Contract(rpc, deployment, "Funds")
        self._earnings = Contract(rpc, deployment, "Earnings")
        self._sources = [
            (name, Contract(rpc, deployment, name)) for name in deployment.contracts if _pays(deployment, name)
        ]

    async def round(self) -> list[Done]:
        """Collect and divide what was not divided in this period yet. Raises Unavailable if the chain does not answer."""
        groups = [share["group"] for share in await self._funds.read("shares")]
        weights = [await self._earnings.read("weight", group) for group in groups]
        if not any(weights):
            return []
        block = await self._rpc.block()
        if block is None:
            raise Unavailable("chain.no_block", "the chain's node shows no newest block")
        over = int(block["timestamp"], 16) // int(await self._earnings.read("period")) - 1
        if over == self._rounded:
            return []
        due = await self._due(over, [group for group, weight in zip(groups, weights, strict=True) if weight])
        collected = [await self._do(call) for call in await self._collectable()] if due else []
        divided = [await self._do(_Call(self._funds, "Funds", "divide", (number,))) for number in due]
        if None not in divided:
            self._rounded = over
        return [done for done in (*collected, *divided) if done is not None and done.amount]

    async def _due(self, over: int, groups: Sequence[int]) -> list[int]:
        """Assets of which no group has a pot of the last period that is over."""
        due = []
        for number in range(1, int(await self._earnings.read("assets")) + 1):
            periods = [await self._last_period(group, number) for group in groups]
            if over not in periods:
                due.append(number)
        return due

    async def _last_period(self, group: int, number: int) -> int | None:
        pots = int(await self._earnings.read("pots", group, number))
        return int((await self._earnings.read("pot", group, number, pots - 1))[0]) if pots else None

    async def _collectable(self) -> list[_Call]:
        """What may be asked of whoever pays Funds."""
        calls: list[_Call] = []
        for name, contract in self._sources:
            if await contract.read("beneficiary") != self._funds.deployed.raw:
                continue
            if contract.deployed.source == "Treasury":
                calls += (_Call(contract, name, "collect_reserve", (utility.value,)) for utility in Utility)
            elif contract.deployed.source == "Pool":
                calls.append(_Call(contract, name, "collect_fees"))
            else:
                calls += _of_markets(contract, name, int(await contract.read("market_count")))
        return calls

    async def _do(self, call: _Call) -> Done | None:
        """Send a call if it does something; its amount is 0 if there is nothing to do. None if it is refused for now."""
        data = call.on.abi.encode_call(call.function, *call.arguments)
        try:
            answer = await self._rpc.call(call.on.address, data, sender=self._sender.signer.address)
            amount = int(call.on.abi.decode_result(call.function, answer))
            if amount == 0:
                return Done(call.name, call.function, call.arguments, 0, "")
            receipt = await self._sender.send(call.on.address, data)
        except (RpcError, Reverted) as error:
            log.debug(
                "fees.not_now", contract=call.name, function=call.function, arguments=call.arguments, why=str(error)
            )
            return None
        done = Done(call.name, call.function, call.arguments, amount, receipt.tx_hash)
        log.info(
            f"fees.{call.function}", contract=call.name, arguments=call.arguments, amount=amount, tx=receipt.tx_hash
        )
        return done


class DivideFees:
    """The story for the worker. Without a treasurer nothing is done."""

    def __init__(self, treasurer: Callable[[], Awaitable[Treasurer | None]] | None) -> None:
        """`treasurer` opens the one who collects, when it is needed; None while the market is not deployed."""
        self._treasurer = treasurer

    async def round(self) -> Iterable[Done]:
        """One round. Raises Unavailable if the chain does not answer."""
        treasurer = None if self._treasurer is None else await self._treasurer()
        return [] if treasurer is None else await treasurer.round()


def _pays(deployment: Deployment, name: str) -> bool:
    return deployment.contract(name).source in (*_BOOKS, "Pool", "Treasury")


def _of_markets(contract: Contract, name: str, count: int) -> Iterator[_Call]:
    """Both tokens of each market, which are numbered from 1."""
    for market in range(1, count + 1):
        for quote in (False, True):
            yield _Call(contract, name, "collect_fees", (market, quote))
