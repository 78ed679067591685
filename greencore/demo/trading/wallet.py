# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One actor's wallet: what it sees on chain, and its steps as transactions that its own key signs."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from eth_abi.abi import encode

from chain.client import Contract, EnergyTokenClient
from chain.deployment import Deployment
from chain.market import BUY, SELL, BookClient, Terms, VaultClient
from chain.rpc import Rpc
from chain.transactions import Receipt, TransactionSender
from greencore.demo.trading import strategy as do
from greencore.demo.trading.actors import Actor
from kit.ids import address_bytes
from kit.units import Utility

_E = int(Utility.E)
_FOR_EVER = 2**256 - 1
_LEVELS = 16
_SELL_EXACT, _BUY_EXACT = 0, 2  # kinds of the router's orders
_ORDER = "(uint16,uint8,uint256,uint256,uint16,address,uint256)"
_PATIENCE_SECONDS = 6 * 3600
POOL = "Pool E/GCM"
_ANY = [0] * 10


@dataclass(frozen=True, slots=True)
class Contracts:
    """What a wallet deals with."""

    token: EnergyTokenClient
    gcm: Contract
    vault: VaultClient
    book: BookClient
    router: Contract
    pool: Contract

    @classmethod
    def of(cls, rpc: Rpc, deployment: Deployment) -> "Contracts":
        """Those of a deployment. Raises NotFound if the market is not deployed."""
        return cls(
            EnergyTokenClient(rpc, deployment),
            Contract(rpc, deployment, "GCM"),
            VaultClient(rpc, deployment),
            BookClient(rpc, deployment),
            Contract(rpc, deployment, "Router"),
            Contract(rpc, deployment, POOL, abi="Pool"),
        )


class Wallet:
    """An actor with its key. `terms` are those of the market that it trades in."""

    def __init__(self, actor: Actor, sender: TransactionSender, contracts: Contracts, terms: Terms) -> None:
        self.actor = actor
        self._sender = sender
        self._on = contracts
        self._terms = terms
        self._approved = False
        self._address = actor.address

    async def see(self, now: int) -> do.Seen:
        """What the chain says at this moment; `now` in unix seconds."""
        on, market = self._on, self._terms.market
        return do.Seen(
            now,
            energy=await on.token.balance_of(self._address, _E),
            gcm=int(await on.gcm.read("balanceOf", self._address)),
            account=await on.vault.account(market, self._address),
            orders=await on.book.orders(self._address, do.PLACES),
            bid=await on.book.best(market, BUY),
            ask=await on.book.best(market, SELL),
        )

    async def decide(self, now: int, *, hours: float, seed: str) -> list[do.Step]:
        """The next steps, from a fresh look and dice that depend on nothing but `seed`."""
        actor = self.actor
        dice = Random(seed)
        return do.decide(actor.part, actor.number, await self.see(now), self._terms, hours=hours, dice=dice)

    async def act(self, step: do.Step, now: int) -> Receipt:
        """Carry out a step that was decided at `now`, unix seconds.

        Raises Reverted if a contract refuses it, Unavailable if the chain does not answer.
        """
        if not self._approved:
            await self._approve()
        on, market, own = self._on, self._terms.market, self._address
        match step:
            case do.Deposit(quote, amount):
                return await self._send(on.vault, "deposit", market, quote, amount, own)
            case do.Withdraw(quote, amount):
                return await self._send(on.vault, "withdraw", market, quote, amount, own)
            case do.Limit(place, side, life, tick, lots):
                return await self._send(on.book, "trade", market, place, side, life, 0, tick, lots, _LEVELS, [])
            case do.Take(side, tick, lots):
                return await self._send(on.book, "take", market, side, tick, lots, 1, _LEVELS, [])
            case do.Buy(amount, most):
                return await self._send(on.router, "trade", self._order(_BUY_EXACT, amount, most, now))
            case do.Sell(amount, least):
                order = encode((_ORDER,), (self._order(_SELL_EXACT, amount, least, now),))
                router = address_bytes(on.router.address)
                return await self._send(on.token, "safeTransferFrom", own, router, _E, amount, order)
            case do.Provide(energy, money):
                return await self._send(on.pool, "add_liquidity", energy, money, 1, own, now + _PATIENCE_SECONDS)
            case do.Cancel(place):
                return await self._send(on.book, "cancel", place)
            case do.Claim(place):
                return await self._send(on.book, "claim", own, place)
            case do.Index(amount):
                gcm = address_bytes(on.gcm.address)
                return await self._send(on.token, "safeTransferFrom", own, gcm, _E, amount, b"")
            case do.Redeem(amount):
                return await self._send(on.gcm, "redeem", amount, own, _ANY)
            case do.Consume(amount):
                return await self._send(on.token, "burn", _E, amount)
            case do.SellForMoney():
                raise ValueError("money is the bank's matter")

    def _order(self, kind: int, amount: int, limit: int, now: int) -> tuple[object, ...]:
        return (self._terms.market, kind, amount, limit, _LEVELS, self._address, now + _PATIENCE_SECONDS)

    async def _approve(self) -> None:
        """Let those who will be paid take it, once and for all."""
        on = self._on
        for contract in (on.vault, on.pool):
            spender = address_bytes(contract.address)
            if not await on.token.read("isApprovedForAll", self._address, spender):
                await self._send(on.token, "setApprovalForAll", spender, True)
        for contract in (on.vault, on.pool, on.router):
            spender = address_bytes(contract.address)
            if not await on.gcm.read("allowance", self._address, spender):
                await self._send(on.gcm, "approve", spender, _FOR_EVER)
        self._approved = True

    async def _send(self, contract: Contract, function: str, *arguments: object) -> Receipt:
        return await self._sender.send(contract.address, contract.abi.encode_call(function, *arguments))


def logs_of(receipt: Receipt, contract: Contract) -> Iterable[tuple[str, dict[str, object]]]:
    """The events of one contract in a receipt, with their arguments."""
    for log in receipt.logs:
        if str(log["address"]).lower() == contract.address.lower():
            decoded = contract.abi.decode_log(log)
            if decoded is not None:
                yield decoded
