# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The story of a round's end: the gate closes, somebody brings the price, everybody trades at it.

The contract `Round` takes orders for a delivery slot until a gate before it, and a result for a time after that; without one,
everybody gets everything back. The result follows from the orders alone, exactly one is right, and the contract tells which
(`solve`). So anybody may bring it, and nobody can bring another one; the worker does it with the key that pays for claims, so that
traders need not stay awake. Owners close their orders themselves, or anybody for them: that has no deadline.

The chain is asked what is due, and every call is tried before it is sent: to repeat does no harm, and whoever else clears does not
get in the way. What is refused for now (a halt, a stop) is tried again while its time lasts.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from chain.client import Contract
from chain.deployment import Deployment
from chain.rpc import Rpc, RpcError
from chain.transactions import Reverted, TransactionSender
from kit import logs
from kit.errors import Unavailable
from kit.units import SLOT_SECONDS

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Cleared:
    """A round that got its result: `volume` lots trade at `tick`; 0 if no bid met an ask."""

    market: int
    slot: int
    tick: int
    volume: int
    tx_hash: str


def slots_due(now: int, *, gate: int, window: int) -> range:
    """The slots whose gate has closed and whose result is still accepted, at a unix time; `gate` and `window` in seconds.

    A slot's gate closes at slot × 900 − gate, and the contract accepts a result for less than `window` seconds from then on.
    """
    return range((now + gate - window) // SLOT_SECONDS + 1, (now + gate) // SLOT_SECONDS + 1)


class Auctioneer:
    """Brings results, with one key that pays the gas and receives nothing."""

    def __init__(self, rpc: Rpc, deployment: Deployment, sender: TransactionSender) -> None:
        """Raises NotFound if there is no Round on this chain."""
        self._rpc = rpc
        self._sender = sender
        self._round = Contract(rpc, deployment, "Round")

    async def round(self) -> list[Cleared]:
        """Clear what is due in every market. Raises Unavailable if the chain does not answer."""
        block = await self._rpc.block()
        if block is None:
            raise Unavailable("chain.no_block", "the chain's node shows no newest block")
        now = int(block["timestamp"], 16)
        cleared = []
        for market in range(1, int(await self._round.read("market_count")) + 1):
            terms = await self._round.read("market_of", market)
            for slot in slots_due(now, gate=terms["gate"], window=terms["window"]):
                found = await self._clear(market, slot)
                if found is not None:
                    cleared.append(found)
        return cleared

    async def _clear(self, market: int, slot: int) -> Cleared | None:
        """Clear one round. None if nobody is in it, if it is cleared, or if the contract refuses for now."""
        state = await self._round.read("result_of", market, slot)
        if state["cleared"] or not (state["bids"] or state["asks"]):
            return None
        tick, volume, low, high = map(int, await self._round.read("solve", market, slot))
        data = self._round.abi.encode_call("clear", market, slot, tick, volume, low, high)
        try:
            await self._rpc.call(self._round.address, data, sender=self._sender.signer.address)
            receipt = await self._sender.send(self._round.address, data)
        except (RpcError, Reverted) as error:
            log.debug("rounds.not_now", market=market, slot=slot, why=str(error))
            return None
        log.info("rounds.cleared", market=market, slot=slot, tick=tick, volume=volume, tx=receipt.tx_hash)
        return Cleared(market, slot, tick, volume, receipt.tx_hash)


class ClearRounds:
    """The story for the worker. Without an auctioneer nothing is done."""

    def __init__(self, auctioneer: Callable[[], Awaitable[Auctioneer | None]] | None) -> None:
        """`auctioneer` opens the one who clears, when it is needed; None while there is no Round."""
        self._auctioneer = auctioneer

    async def round(self) -> Iterable[Cleared]:
        """One round over all markets. Raises Unavailable if the chain does not answer."""
        auctioneer = None if self._auctioneer is None else await self._auctioneer()
        return [] if auctioneer is None else await auctioneer.round()
