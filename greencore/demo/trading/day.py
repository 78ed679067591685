# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The trading day: every actor wakes once in a while, looks at the chain, and does what its strategy says. What happened is written
into a file for the live table. Everything that matters stands on chain: a start after a kill goes on from there.
"""

import asyncio
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain.deployment import Deployment
from chain.market import BUY, SELL, Asset, Terms
from chain.rpc import Rpc
from chain.signers import open_signer
from chain.transactions import TransactionSender
from greencore.accounts import BANK, GUARDIAN, private_key
from greencore.demo.trading.actors import Actor, Part, cast
from greencore.demo.trading.bank import Bank
from greencore.demo.trading.strategy import Consume, SellForMoney, Step
from greencore.demo.trading.wallet import Contracts, Wallet, logs_of
from kit import logs
from kit.clock import AcceleratedClock, Clock
from kit.errors import GreenCoreError, Unavailable
from kit.ids import address_bytes
from kit.units import SLOT_SECONDS, Utility

STATUS_FILE = "trading.json"
_HOUR = 3600
_WAKE_SECONDS = 1.5 * _HOUR  # simulated
_WAKE_SECONDS_MIN = 5.0  # wall: so that twenty wallets leave the machine to the others
_PAUSE_SECONDS = 1.0
_BUYERS = 4  # among whom a prosumer divides what it sells for money

log = logs.get(__name__)


@dataclass(slots=True)
class Told:
    """What the live table shows. Amounts in units of 10^-9 token, gas in units, money in minor units; totals since this start."""

    steps: Counter[str] = field(default_factory=Counter)
    parts: dict[str, Counter[str]] = field(default_factory=lambda: {part.value: Counter() for part in Part})
    refused: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    lots: int = 0
    swapped: int = 0
    trade_gas: int = 0
    last_tick: int | None = None


class Day:
    """One run of the trading day in one market: E against GCM."""

    def __init__(self, rpc: Rpc, deployment: Deployment, clock: Clock, folder: Path) -> None:
        self._rpc = rpc
        self._deployment = deployment
        self._clock = clock
        self._path = folder / STATUS_FILE
        self._on = Contracts.of(rpc, deployment)
        self._actors = list(cast())
        self._told = Told()
        self._senders: dict[str, TransactionSender] = {}
        self._turn = asyncio.Lock()
        self._market: int | None = None

    async def run(self) -> None:
        """Trade until cancelled. Raises NotFound if the market is not deployed; a chain that is away is waited for."""
        terms = await self._terms()
        self._market = terms.market
        for actor in self._actors:
            self._senders[actor.name] = await self._sender(actor.index)
        bank = Bank(self._rpc, self._deployment, await open_signer(private_key(BANK)), self._deployment.chain_id)
        await self._until_done(bank, await self._sender(GUARDIAN))
        wallets = [Wallet(actor, self._senders[actor.name], self._on, terms) for actor in self._actors]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(terms))
            for place, wallet in enumerate(wallets):
                group.create_task(self._live(wallet, bank, place / len(wallets)))

    async def _terms(self) -> Terms:
        """The market's, as soon as it is there."""
        deployment, e = self._deployment, int(Utility.E)
        base = Asset(address_bytes(deployment.address("EnergyToken")), e, erc1155=True)
        quote = Asset(address_bytes(deployment.address("GCM")), 0, erc1155=False)
        while True:
            try:
                market = await self._on.book.market_of(base, quote)
            except Unavailable:
                market = None
            if market is not None:
                return await self._on.book.terms(market)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _until_done(self, bank: Bank, guardian: TransactionSender) -> None:
        while True:
            try:
                return await bank.approve_users(self._actors, guardian)
            except Unavailable as error:
                log.warning("trading.chain_away", error=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _sender(self, index: int) -> TransactionSender:
        signer = await open_signer(private_key(index))
        return TransactionSender(self._rpc, signer, chain_id=self._deployment.chain_id)

    async def _live(self, wallet: Wallet, bank: Bank, phase: float) -> None:
        """One actor's day: wake, look, act, sleep."""
        pause = _pause(self._clock)
        await self._clock.sleep(pause * phase)
        while True:
            try:
                await self._wake(wallet, bank, pause / _HOUR)
            except GreenCoreError as error:
                # a price moved between look and order, or the chain was away: the next look finds out
                self._told.refused[error.code] += 1
            await self._clock.sleep(pause)

    async def _wake(self, wallet: Wallet, bank: Bank, hours: float) -> None:
        now = int(self._clock.now().timestamp())
        seed = f"{wallet.actor.name} {now // SLOT_SECONDS}"
        for step in await wallet.decide(now, hours=hours, seed=seed):
            if isinstance(step, SellForMoney):
                await self._sell_for_money(wallet.actor, bank, step.amount, now)
            else:
                self._note(wallet.actor, step, await wallet.act(step, now))

    async def _sell_for_money(self, seller: Actor, bank: Bank, amount: int, now: int) -> None:
        """To those of the others who have the least GCM; one seller at a time, so that the next one sees it."""
        async with self._turn:
            held = {actor: await self._gcm_of(actor) for actor in self._actors if actor.part is not Part.PROSUMER}
            for buyer in sorted(held, key=lambda actor: held[actor])[:_BUYERS]:
                paid = await bank.sell(seller, buyer, amount // _BUYERS, now, self._senders)
                self._told.steps["bank payments" if paid is not None else "payments that never came"] += 1
                self._told.parts[buyer.part]["paid_minor"] += paid or 0

    async def _gcm_of(self, actor: Actor) -> int:
        assert self._market is not None
        account = await self._on.vault.account(self._market, actor.address)
        return account.quote + int(await self._on.gcm.read("balanceOf", actor.address))

    def _note(self, actor: Actor, step: Step, receipt: Any) -> None:
        told = self._told
        told.steps[type(step).__name__.lower()] += 1
        told.parts[actor.part]["transactions"] += 1
        told.parts[actor.part]["gas"] += receipt.gas_used
        if isinstance(step, Consume):
            told.parts[actor.part]["consumed"] += step.amount
        levels = [values for name, values in logs_of(receipt, self._on.book) if name == "Traded"]
        swaps = [values for name, values in logs_of(receipt, self._on.pool) if name == "Swapped"]
        if levels or swaps:
            told.trades += 1
            told.trade_gas += receipt.gas_used
            told.parts[actor.part]["trades"] += 1
        told.swapped += sum(int(str(values["energy"])) for values in swaps)
        for values in levels:
            told.lots += int(str(values["lots"]))
            told.last_tick = int(str(values["tick"]))

    async def _tell(self, terms: Terms) -> None:
        """Write the file about once a second. A reader sees the old one or the new one, never half."""
        while True:
            try:
                told = await self._status(terms)
            except GreenCoreError:
                told = None
            if told is not None:
                draft = self._path.with_suffix(".json.new")
                draft.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
                draft.replace(self._path)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _status(self, terms: Terms) -> dict[str, Any]:
        on, told, market = self._on, self._told, terms.market
        bid, ask = await on.book.best(market, BUY), await on.book.best(market, SELL)
        accounts = await on.vault.accounts(market, [actor.address for actor in self._actors])
        parts = {part.value: Counter(told.parts[part.value]) for part in Part}
        for actor, account in zip(self._actors, accounts, strict=True):
            parts[actor.part.value].update(
                orders=account.bids + account.asks, e=account.base, gcm=account.quote, actors=1
            )
        return {
            "pid": os.getpid(),
            "pair": "E/GCM",
            "bid": _price(terms, bid),
            "ask": _price(terms, ask),
            "last": _price(terms, told.last_tick),
            "volume": told.lots * terms.lot + told.swapped,
            "swapped": told.swapped,
            "trades": told.trades,
            "trade_gas": told.trade_gas,
            "gcm_supply": int(await on.gcm.read("totalSupply")),
            "steps": dict(told.steps),
            "refused": dict(told.refused),
            "parts": {name: dict(values) for name, values in parts.items()},
        }


def _price(terms: Terms, tick: int | None) -> int | None:
    """What a whole base token costs at a tick, in units of the quote token."""
    return None if tick is None else terms.price(tick) * 10**9 // terms.lot


def _pause(clock: Clock) -> float:
    """How long an actor sleeps, in seconds of the clock."""
    speed = clock.speed if isinstance(clock, AcceleratedClock) else 1.0
    return max(_WAKE_SECONDS, _WAKE_SECONDS_MIN * speed)


def read_status(folder: Path) -> dict[str, Any]:
    """What the trading day last wrote; empty before it began."""
    path = folder / STATUS_FILE
    return dict(json.loads(path.read_text())) if path.exists() else {}
