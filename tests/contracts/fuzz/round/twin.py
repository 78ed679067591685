# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a round of the call auction is: the rule of the price by trying every tick, and orders filled one after the other."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.contracts.fuzz.books import Refused, need

BID, ASK = 0, 1
TICKS, SLOT = 3_125, 900
HORIZON = 192  # slots
LOTS_MAX = 2**48 - 1
BPS = 10_000

Lots = tuple[int, int]  # tick and lots


@dataclass(frozen=True)
class Clearing:
    """A round's price and volume; `low` and `high` are the ends of the ticks at which demand equals supply."""

    tick: int
    volume: int
    low: int
    high: int


def depth(bids: Iterable[Lots], asks: Iterable[Lots], tick: int) -> tuple[int, int]:
    """Demand at a tick and above, supply at it and below, in lots."""
    return sum(lots for at, lots in bids if at >= tick), sum(lots for at, lots in asks if at <= tick)


def turns(bids: Sequence[Lots], asks: Sequence[Lots]) -> list[int]:
    """Every tick at which demand or supply is not what it is at both neighbours: no other can be an end of a stretch."""
    near = {at + step for at, _ in (*bids, *asks) for step in (-1, 0, 1)}
    return sorted((near | {0, TICKS - 1}) & set(range(TICKS)))


def clearing(bids: Sequence[Lots], asks: Sequence[Lots], ticks: Iterable[int]) -> Clearing | None:
    """The price by the rule's own words, trying ticks: most volume; least unfilled; then the end that those press to who
    stay unfilled, or the middle, rounded down, if nobody does. If as much demand as supply would stay unfilled on the
    two sides of one step, the price is the one below it. None if nothing trades."""
    tried = {tick: depth(bids, asks, tick) for tick in ticks}
    volume = max(min(sides) for sides in tried.values())
    if volume == 0:
        return None
    most = {tick: demand - supply for tick, (demand, supply) in tried.items() if min(demand, supply) == volume}
    least = min(abs(over) for over in most.values())
    best = {tick: over for tick, over in most.items() if abs(over) == least}
    if least == 0:
        low, high = min(best), max(best)
        return Clearing((low + high) // 2, volume, low, high)
    pressed_up = [tick for tick, over in best.items() if over > 0]
    tick = max(pressed_up) if pressed_up else min(best)
    return Clearing(tick, volume, tick, tick)


@dataclass(frozen=True)
class Terms:
    """A market, as `open_market` takes it."""

    lot_exp: int
    tick_exp: int
    base_price: int
    fee_bps: int
    min_lots: int
    gate: int
    window: int
    tier: int

    @property
    def lot(self) -> int:
        """Units of the base token in a lot."""
        return int(10**self.lot_exp)

    def price(self, tick: int) -> int:
        """Units of the quote token per lot."""
        return (self.base_price + tick) * int(10**self.tick_exp)

    def fee(self, received: int) -> int:
        """What is kept, rounded down."""
        return received * self.fee_bps // BPS

    def closing(self, slot: int) -> int:
        """When the gate closes."""
        return max(slot * SLOT - self.gate, 0)

    def too_late(self, slot: int) -> int:
        """From when no result is accepted."""
        return self.closing(slot) + self.window


@dataclass(frozen=True)
class Order:
    """An order; `number` tells which came first."""

    number: int
    owner: bytes
    n: int
    market: int
    slot: int
    side: int
    tick: int
    lots: int


@dataclass
class Auction:
    """A market's round of a slot: its orders that are not closed, and what each is filled once it is cleared."""

    orders: list[Order] = field(default_factory=list)
    result: Clearing | None = None
    cleared: bool = False
    fills: Counter[int] = field(default_factory=Counter)

    def side(self, side: int) -> list[Lots]:
        """Ticks and lots of one side."""
        return [(order.tick, order.lots) for order in self.orders if order.side == side]

    def solve(self) -> Clearing | None:
        """The right result."""
        bids, asks = self.side(BID), self.side(ASK)
        return clearing(bids, asks, turns(bids, asks)) if bids and asks else None

    def fill(self, result: Clearing) -> None:
        """Fill the best orders of each side until the volume is used up: by price, then by time."""
        for side, sign in ((BID, -1), (ASK, 1)):
            left = result.volume
            for order in sorted(
                (order for order in self.orders if order.side == side), key=lambda o: (sign * o.tick, o.number)
            ):
                self.fills[order.number] = min(order.lots, left)
                left -= self.fills[order.number]
                better = order.tick > result.tick if side == BID else order.tick < result.tick
                assert not better or self.fills[order.number] == order.lots, "an order with a better price is cut"
                worse = order.tick < result.tick if side == BID else order.tick > result.tick
                assert not worse or self.fills[order.number] == 0, "an order pays more than its limit"
            assert left == 0

    def at_price(self, side: int) -> int:
        """Lots that are filled at the price itself."""
        return sum(
            self.fills[order.number]
            for order in self.orders
            if self.result and order.side == side and order.tick == self.result.tick
        )


@dataclass
class Rounds:
    """Everybody's orders, balances and wallets; each operation raises Refused with the contract's words, or happens."""

    markets: dict[int, Terms]
    now: int
    auctions: dict[tuple[int, int], Auction] = field(default_factory=dict)
    places: dict[tuple[bytes, int], Order] = field(default_factory=dict)
    free: Counter[tuple[int, bool, bytes]] = field(default_factory=Counter)
    wallet: Counter[tuple[int, bool, bytes]] = field(default_factory=Counter)
    fees: Counter[tuple[int, bool]] = field(default_factory=Counter)
    frozen: set[bytes] = field(default_factory=set)
    tiers: Counter[bytes] = field(default_factory=Counter)
    halted: set[int] = field(default_factory=set)
    paused: bool = False
    placed: int = 0

    def auction(self, market: int, slot: int) -> Auction:
        """A round."""
        return self.auctions.setdefault((market, slot), Auction())

    def _trading(self, market: int) -> Terms:
        need(not self.paused, "round: paused")
        need(market in self.markets, "round: no such market")
        need(market not in self.halted, "round: halted")
        return self.markets[market]

    def escrow(self, order: Order) -> int:
        """What an order keeps: quote units of a bid, base units of an ask."""
        terms = self.markets[order.market]
        return order.lots * (terms.price(order.tick) if order.side == BID else terms.lot)

    def place(self, owner: bytes, market: int, slot: int, n: int, side: int, tick: int, lots: int) -> None:
        """From the balance first, then from the wallet."""
        terms = self._trading(market)
        need(owner not in self.frozen, "round: account is frozen")
        need(self.tiers[owner] >= terms.tier, "round: tier is too low")
        need(self.now < terms.closing(slot), "round: gate is closed")
        need(slot <= self.now // SLOT + HORIZON, "round: slot is too far ahead")
        need(side <= ASK, "round: no such side")
        need(tick < TICKS, "round: no such tick")
        need(lots >= terms.min_lots, "round: too few lots")
        auction = self.auction(market, slot)
        need(sum(o.lots for o in auction.orders if o.side == side) + lots <= LOTS_MAX, "round: too many lots")
        need((owner, n) not in self.places, "round: place is in use")
        order = Order(self.placed, owner, n, market, slot, side, tick, lots)
        key = (market, side == BID, owner)
        missing = max(self.escrow(order) - self.free[key], 0)
        need(
            missing <= self.wallet[key],
            "fuzz_money: balance" if side == BID else "erc1155: insufficient balance for transfer",
        )
        self.placed += 1
        self.wallet[key] -= missing
        self.free[key] -= self.escrow(order) - missing
        self.places[owner, n] = order
        auction.orders.append(order)

    def _closed(self, market: int, owner: bytes, ns: Sequence[int], *, cancelling: bool) -> list[tuple[Order, int]]:
        """The orders that can be closed now, and what each is paid."""
        need(market in self.markets, "round: no such market")
        closed = []
        for n in dict.fromkeys(ns):
            order = self.places.get((owner, n))
            if order is None:
                continue
            need(order.market == market, "round: order of another market")
            terms, auction = self.markets[market], self.auctions[market, order.slot]
            open_ = self.now < terms.closing(order.slot)
            if auction.cleared or (cancelling if open_ else self.now >= terms.too_late(order.slot)):
                closed.append((order, auction.fills[order.number]))
        return closed

    def _settle(self, closed: Sequence[tuple[Order, int]]) -> None:
        for order, paid in closed:
            terms, auction = self.markets[order.market], self.auctions[order.market, order.slot]
            del self.places[order.owner, order.n]
            if not auction.cleared:
                auction.orders.remove(order)
            price = terms.price(auction.result.tick) if auction.result else 0
            received = paid * (terms.lot if order.side == BID else price)
            given = paid * (price if order.side == BID else terms.lot)
            quote = order.side == BID
            self.fees[order.market, not quote] += terms.fee(received)
            self.free[order.market, not quote, order.owner] += received - terms.fee(received)
            self.free[order.market, quote, order.owner] += self.escrow(order) - given

    def close(self, caller: bytes, market: int, owner: bytes, ns: Sequence[int]) -> int:
        """Credit what orders are owed."""
        closed = self._closed(market, owner, ns, cancelling=caller == owner or owner in self.frozen)
        need(bool(closed), "round: nothing to close")
        self._settle(closed)
        return len(closed)

    def _check_may_leave(self, owner: bytes, to: bytes) -> None:
        need(not self.paused, "round: paused")
        need(not {owner, to} & self.frozen, "round: account is frozen")

    def leave(self, owner: bytes, market: int, ns: Sequence[int], to: bytes) -> tuple[int, int]:
        """Close and take everything out."""
        self._check_may_leave(owner, to)
        closed = self._closed(market, owner, ns, cancelling=True)
        worth = bool(closed) or any(self.free[market, quote, owner] for quote in (False, True))
        need(worth, "round: nothing to withdraw")
        self._settle(closed)
        out = self.free[market, False, owner], self.free[market, True, owner]
        for quote, amount in zip((False, True), out, strict=True):
            self.free[market, quote, owner] = 0
            self.wallet[market, quote, to] += amount
        return out

    def withdraw(self, owner: bytes, market: int, amount: int, to: bytes, *, quote: bool) -> None:
        """A part of a balance."""
        self._check_may_leave(owner, to)
        need(market in self.markets, "round: no such market")
        need(amount <= self.free[market, quote, owner], "round: balance is too low")
        self.free[market, quote, owner] -= amount
        self.wallet[market, quote, to] += amount

    def clear(self, market: int, slot: int, shown: Clearing) -> None:
        """Anybody's result."""
        terms = self._trading(market)
        need(self.now >= terms.closing(slot), "round: gate is open")
        need(self.now < terms.too_late(slot), "round: too late")
        auction = self.auction(market, slot)
        need(not auction.cleared, "round: cleared already")
        need(bool(auction.orders), "round: no orders")
        need(shown.tick < TICKS, "round: no such tick")
        bids, asks = auction.side(BID), auction.side(ASK)
        need(shown.volume == min(depth(bids, asks, shown.tick)), "round: not the volume")
        right = auction.solve()
        if shown.volume:
            need(shown == right, "round: not the tick")
        elif bids and asks:
            quiet = depth(bids, [], shown.tick + 1)[0] == 0 and depth([], asks, shown.tick)[1] == 0
            need(quiet, "round: not the tick")
            assert right is None
        auction.cleared, auction.result = True, right
        if right:
            auction.fill(right)

    def collect(self, market: int, *, quote: bool, beneficiary: bytes) -> int:
        """Fees to the beneficiary."""
        need(market in self.markets, "round: no such market")
        amount = self.fees[market, quote]
        need(amount > 0, "round: no fees")
        self.fees[market, quote] = 0
        self.wallet[market, quote, beneficiary] += amount
        return amount

    def held(self, market: int, *, quote: bool) -> int:
        """What the contract must hold: free balances, the escrow of what is not settled, and fees.

        A cleared order keeps its escrow here until it is closed; what both sides of a round then get is what both gave.
        """
        owed = sum(amount for (m, q, _), amount in self.free.items() if (m, q) == (market, quote))
        owed += self.fees[market, quote]
        for order in self.places.values():
            if order.market == market:
                auction, terms = self.auctions[market, order.slot], self.markets[market]
                paid = auction.fills[order.number]
                price = terms.price(auction.result.tick) if auction.result else 0
                given = paid * (price if order.side == BID else terms.lot)
                received = paid * (terms.lot if order.side == BID else price)
                owed += (self.escrow(order) - given) if quote == (order.side == BID) else received
        return owed


__all__ = ["ASK", "BID", "Auction", "Clearing", "Order", "Refused", "Rounds", "Terms", "clearing", "depth", "turns"]
