# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Typed reads of the market's contracts. Prices are whole units of the quote token per lot; a tick is a step of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chain.client import Contract
from chain.deployment import Deployment
from chain.rpc import Block, Rpc

BUY, SELL = 0, 1
GTC, DAY, SLOT = range(3)  # how long an order lives
TICK_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Asset:
    """What a market trades or is paid in: an ERC-20 (`id` 0), or one id of an ERC-1155. `token` is 20 bytes."""

    token: bytes
    id: int
    erc1155: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """A market's terms, fixed for ever, and whether it stands still now. `lot` in units of the base token, `tick` in units of the
    quote token per lot; fees in hundredths of a per cent.
    """

    market: int
    base: Asset
    quote: Asset
    lot: int
    tick: int
    base_price: int
    maker_bps: int
    taker_bps: int
    min_lots: int
    stopped: bool

    def price(self, tick: int) -> int:
        """What a lot costs at a tick, in units of the quote token."""
        return (self.base_price + tick) * self.tick

    def kept(self, received: int) -> int:
        """What a maker keeps of the units that it receives for one lot, after its fee."""
        return received - received * self.maker_bps // 10_000

    def tick_at(self, price: int) -> int:
        """The tick of a price, or of the nearest lower one that has a tick; the band's end beyond it."""
        return min(max(price // self.tick - self.base_price, 0), TICK_MAX)


@dataclass(frozen=True, slots=True)
class Account:
    """An owner's free balances in one market, in the tokens' units, and how many orders are not closed."""

    base: int
    quote: int
    bids: int
    asks: int
    frozen: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order that is not closed: `filled` of its `lots` are filled and not yet claimed. `expired` when its session is over."""

    market: int
    side: int
    life: int
    session: int
    tick: int
    lots: int
    filled: int
    expired: bool


def escrowed(terms: Terms, orders: Iterable[Order]) -> tuple[int, int]:
    """What open orders of one market hold in units of the base and of the quote token: escrow, and fills that were not claimed,
    less the makers' fees, which were counted when the trades were made.
    """
    base = quote = 0
    for order in orders:
        price, rest = terms.price(order.tick), order.lots - order.filled
        if order.side == BUY:
            quote += rest * price
            base += order.filled * terms.kept(terms.lot)
        else:
            base += rest * terms.lot
            quote += order.filled * terms.kept(price)
    return base, quote


class VaultClient(Contract):
    """The Vault: balances for trading."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "Vault")

    async def account(self, market: int, owner: bytes, *, block: Block = "latest") -> Account:
        """An owner's account in a market."""
        return (await self.accounts(market, [owner], block=block))[0]

    async def accounts(self, market: int, owners: Sequence[bytes], *, block: Block = "latest") -> list[Account]:
        """The accounts of several owners, in order, in few requests."""
        calls = [self.abi.encode_call("account", market, owner) for owner in owners]
        answers = await self.rpc.calls(self.address, calls, block=block)
        found = [self.abi.decode_result("account", data) for data in answers]
        return [Account(**{name: one[name] for name in Account.__slots__}) for one in found]

    async def asset(self, market: int, *, quote: bool, block: Block = "latest") -> Asset:
        """What a market trades, or is paid in."""
        return Asset(**await self.read("asset", market, quote, block=block))


class BookClient(Contract):
    """The OrderBook: markets, prices, orders."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "OrderBook")
        self._vault = VaultClient(rpc, deployment)

    async def terms(self, market: int, *, block: Block = "latest") -> Terms:
        """A market's terms. Raises RpcError for a market that does not exist."""
        found = await self.read("market_of", market, block=block)
        base, quote = [await self._vault.asset(market, quote=quote, block=block) for quote in (False, True)]
        return Terms(
            market,
            base,
            quote,
            lot=10 ** found["lot_exp"],
            tick=10 ** found["tick_exp"],
            base_price=found["base_price"],
            maker_bps=found["maker_bps"],
            taker_bps=found["taker_bps"],
            min_lots=found["min_lots"],
            stopped=found["halted"] or found["paused"],
        )

    async def market_of(self, base: Asset, quote: Asset) -> int | None:
        """The newest market of a pair, or None."""
        for market in range(int(await self.read("market_count")), 0, -1):
            if (
                await self._vault.asset(market, quote=False) == base
                and await self._vault.asset(market, quote=True) == quote
            ):
                return market
        return None

    async def best(self, market: int, side: int, *, block: Block = "latest") -> int | None:
        """The best tick of a side, or None if nothing stands there."""
        live, tick = await self.read("best_of", market, side, block=block)
        return int(tick) if live else None

    async def orders(self, owner: bytes, places: Sequence[int], *, block: Block = "latest") -> dict[int, Order]:
        """Those of an owner's places that hold an order that is not closed."""
        calls = [self.abi.encode_call("order_of", owner, place) for place in places]
        answers = await self.rpc.calls(self.address, calls, block=block)
        found = {
            place: Order(**self.abi.decode_result("order_of", data))
            for place, data in zip(places, answers, strict=True)
        }
        return {place: order for place, order in found.items() if order.lots}

    async def fees(self, market: int, *, block: Block = "latest") -> tuple[int, int]:
        """The fees that were not yet collected, in units of the base and of the quote token."""
        base, quote = await self.read("fees_of", market, block=block)
        return int(base), int(quote)
