# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The order book as anybody would write it who had no gas to pay: a list of orders per level, oldest first.

Nothing here is translated from the contract. Every operation raises `Refused` and has then changed nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.contracts.fuzz.book.own import Own
from tests.contracts.fuzz.book.terms import (
    BPS,
    LEVELS_MAX,
    ORDERS_MAX,
    SIZE_MAX,
    TICKS,
    Asset,
    Fill,
    Level,
    Life,
    Order,
    Side,
    Take,
    Terms,
    gives,
    rank,
    wants,
)
from tests.contracts.fuzz.books import need


class Book:
    """One market with the free balances of everybody in it."""

    def __init__(self, terms: Terms, *, now: int, beneficiary: bytes) -> None:
        self.terms = terms
        self.now = now
        self.beneficiary = beneficiary
        self.halted = False
        self.frozen: set[bytes] = set()
        self.orders_max = ORDERS_MAX
        self.free: Counter[tuple[bytes, Asset]] = Counter()
        self.fees: Counter[Asset] = Counter()  # not yet collected
        self.collected: Counter[Asset] = Counter()  # paid to the beneficiary's wallet
        self.brought: Counter[Asset] = Counter()  # deposits less withdrawals
        self.queues: dict[Level, list[Order]] = {}  # oldest first; only orders with lots left, only levels with orders
        self.places: dict[tuple[bytes, int], Order] = {}  # the last order of an owner's place
        self.own: dict[tuple[bytes, Side], Own] = defaultdict(Own)
        self.orders: list[Order] = []
        self.takes: list[Take] = []

    # what stands

    def runs(self, level: Level) -> bool:
        """Whether the level's session is the present one: nobody reaches any other."""
        return level.session == level.life.session(self.now)

    def levels(self, side: Side) -> list[Level]:
        """The levels of a side that a taker can reach, in the order in which it reaches them."""
        return sorted(level for level in self.queues if level.side is side and self.runs(level))

    def best(self, side: Side) -> int | None:
        """The best tick of a side; None when nothing stands there."""
        return min((level.rank, level.tick) for level in self.levels(side))[1] if self.levels(side) else None

    def depth(self, level: Level) -> int:
        """Lots that stand at a level; none after its session."""
        return sum(order.left for order in self.queues.get(level, ())) if self.runs(level) else 0

    def crosses(self, side: Side, tick: int) -> bool:
        """Whether an order could trade at once."""
        best = self.best(side.other)
        return best is not None and rank(side.other, tick) >= rank(side.other, best)

    def expired(self, order: Order) -> bool:
        """Whether the order's session is over."""
        return not self.runs(order.level)

    def open(self, owner: bytes, side: Side) -> list[Order]:
        """Orders of an owner that are not closed: full ones that nobody claimed and expired ones count."""
        return [o for o in self.places.values() if o.owner == owner and o.level.side is side and not o.closed]

    def standing(self, owner: bytes, n: int) -> Order:
        """An order that is not closed. Raises Refused when the place holds none."""
        need((owner, n) in self.places and not self.places[owner, n].closed, "order_book: no such order")
        return self.places[owner, n]

    # balances

    def deposit(self, owner: bytes, asset: Asset, amount: int) -> None:
        """Bring an asset's units in."""
        self.free[owner, asset] += amount
        self.brought[asset] += amount

    def withdraw(self, owner: bytes, asset: Asset, amount: int) -> None:
        """Take free units out."""
        need(owner not in self.frozen, "vault: account is frozen")
        need(self.free[owner, asset] >= amount, f"order_book: not enough {asset.name.lower()}")
        self.free[owner, asset] -= amount
        self.brought[asset] -= amount

    def collect(self, asset: Asset) -> int:
        """Pay the fees in one asset to the beneficiary, by anybody. Returns what they were."""
        need(self.fees[asset] > 0, "order_book: nothing to collect")
        amount = self.fees.pop(asset)
        self.brought[asset] -= amount
        self.collected[asset] += amount
        return amount

    # orders that rest

    def place(self, owner: bytes, n: int, side: Side, life: Life, session: int, tick: int, lots: int) -> Order:
        """Lock what the order gives and put it at the end of its level. It must not cross: that is for `take`."""
        self._check_open(tick, lots)
        need(not self.crosses(side, tick), "order_book: would cross")
        need(lots >= self.terms.size_min, "order_book: too few lots")
        self._check_session(life, session)
        need((owner, n) not in self.places or self.places[owner, n].closed, "order_book: place is in use")
        self._check_funds(owner, gives(side), self.terms.worth(gives(side), lots, tick))
        self._check_thawed(owner)
        self._check_count(owner, side, 0)
        return self._rest(owner, n, side, life, tick, lots)

    def cancel(self, owner: bytes, n: int) -> tuple[int, int]:
        """Pay what was filled and give back the rest, halted or not. Returns both in lots."""
        order = self.standing(owner, n)
        result = order.unclaimed, order.left
        self._close(order)
        return result

    def claim(self, owner: bytes, n: int) -> tuple[int, int]:
        """Pay what was filled, by anybody. Returns the lots paid and those given back: an expired order's rest."""
        order = self.standing(owner, n)
        need(self._claimable(order), "order_book: nothing to claim")
        result = order.unclaimed, order.left if self.expired(order) else 0
        self._claim(order)
        return result

    def claim_many(self, owners: Sequence[bytes], ns: Sequence[int]) -> int:
        """Claim several, by anybody; those without anything to pay are passed over. Returns how many were paid."""
        count = 0
        for owner, n in zip(owners, ns, strict=True):
            order = self.places.get((owner, n))
            if order and not order.closed and self._claimable(order):
                self._claim(order)
                count += 1
        need(count > 0, "order_book: nothing to claim")
        return count

    def cancel_frozen(self, owner: bytes, ns: Sequence[int]) -> int:
        """Close the orders of a frozen owner, by anybody. Returns how many."""
        need(owner in self.frozen, "order_book: account not frozen")
        standing = {n for n in ns if (owner, n) in self.places and not self.places[owner, n].closed}
        for n in standing:
            self._close(self.places[owner, n])
        return len(standing)

    def close(self, owner: bytes, claims: Sequence[int], cancels: Sequence[int], most: dict[Asset, int]) -> list[int]:
        """Claim, cancel and take out what is free then, up to so much. Returns what was taken out."""
        standing = {n for n in (*claims, *cancels) if (owner, n) in self.places and not self.places[owner, n].closed}
        ready = [n for n in standing if n in cancels or self._claimable(self.places[owner, n])]
        anything = any(min(most[asset], self.free[owner, asset]) for asset in Asset)
        need(bool(ready) or anything, "order_book: nothing to claim")
        for n in ready:
            if n in cancels:
                self._close(self.places[owner, n])
            else:
                self._claim(self.places[owner, n])
        sent = [min(most[asset], self.free[owner, asset]) for asset in Asset]
        for asset, amount in zip(Asset, sent, strict=True):
            self.withdraw(owner, asset, amount)
        return sent

    def refresh(self, owner: bytes, side: Side, ns: Sequence[int]) -> None:
        """Show all open orders of a side, ascending, so that their best price is known again."""
        for last, n in zip([-1, *ns], ns, strict=False):
            need(n > last, "order_book: places not strictly ascending")
            need(self.standing(owner, n).level.side is side, "order_book: order of another side or market")
        need(len(ns) == self.own[owner, side].count, "order_book: not all orders")
        self.own[owner, side].show([self.standing(owner, n).level for n in ns])

    def _check_open(self, tick: int, lots: int) -> None:
        need(0 <= tick < TICKS and 0 <= lots <= SIZE_MAX, "")  # the ABI's types say so
        need(not self.halted, "order_book: halted")

    def _check_session(self, life: Life, session: int) -> None:
        need(session in (0, life.session(self.now)), "order_book: session is not running")

    def _rest(self, owner: bytes, n: int, side: Side, life: Life, tick: int, lots: int) -> Order:
        self.free[owner, gives(side)] -= self.terms.worth(gives(side), lots, tick)
        level = Level(rank(side, tick), life, life.session(self.now), side)
        order = Order(owner, n, level, lots, number=len(self.orders))
        self.orders.append(order)
        self.places[owner, n] = order
        self.queues.setdefault(level, []).append(order)
        self.own[owner, side].add(level)
        return order

    # trading

    def take(
        self,
        taker: bytes,
        side: Side,
        tick: int,
        lots: int,
        *,
        least: int = 1,
        levels: int = LEVELS_MAX,
        done: Sequence[int] = (),
    ) -> Take:
        """Buy or sell at once, at no worse than a tick: up to `lots`, and no fewer than `least`.

        `done`: own orders that are claimed first, so that full ones don't stand in the way.
        """
        self._check_open(tick, lots)
        closing = self._done(taker, done)
        take = self._plan(taker, side, tick, lots, levels)
        need(take.lots >= max(least, 1), "order_book: too little to trade with")
        self._check_taker(take, closing, 0)
        self._settle(take, closing)
        return take

    def trade(
        self,
        owner: bytes,
        n: int,
        side: Side,
        life: Life,
        session: int,
        tick: int,
        lots: int,
        *,
        levels: int = LEVELS_MAX,
        done: Sequence[int] = (),
    ) -> tuple[Take, Order | None]:
        """A limit order: take what it crosses, and place the rest unless that is too small or crosses still."""
        self._check_session(life, session)
        self._check_open(tick, lots)
        closing = self._done(owner, done)
        take = self._plan(owner, side, tick, lots, levels)
        rest = lots - take.lots
        beyond = [
            level for level in self.levels(side.other)[len(take.levels) :] if level.rank <= rank(side.other, tick)
        ]
        if rest < self.terms.size_min or beyond:
            rest = 0
        need(take.lots + rest > 0, "order_book: too few lots")
        if rest and (owner, n) in self.places:
            old = self.places[owner, n]
            need(old.closed or (old in closing and self._ends(old)), "order_book: place is in use")
        self._check_taker(take, closing, self.terms.worth(gives(side), rest, tick))
        if rest:
            self._check_count(owner, side, self._closing(closing, side))
        self._settle(take, closing)
        return take, self._rest(owner, n, side, life, tick, rest) if rest else None

    def _plan(self, taker: bytes, side: Side, tick: int, lots: int, levels: int) -> Take:
        """What a take would do."""
        take = Take(taker, side, tick, lots)
        for level, order, part in self._reach(side.other, rank(side.other, tick), lots, levels):
            take.fills.append(Fill(order, part))
            take.levels += [level] if level not in take.levels[-1:] else []
            take.paid += self.terms.worth(gives(side), part, level.tick)
        for level in take.levels:
            received = self.terms.worth(wants(side), take.lots_of(level), level.tick)
            take.received += received
            take.fees += received * self.terms.taker_bps // BPS
            take.maker_fees += self.terms.maker_fee(gives(side), take.lots_of(level), level.tick)
        return take

    def _reach(self, side: Side, worst: int, lots: int, levels: int) -> Iterator[tuple[Level, Order, int]]:
        """Level by level, order by order, what a taker of a side's lots meets."""
        for level in self.levels(side)[:levels]:
            for order in self.queues[level]:
                if level.rank > worst or not lots:
                    return
                part = min(lots, order.left)
                lots -= part
                yield level, order, part

    def _done(self, taker: bytes, done: Sequence[int]) -> list[Order]:
        """Own orders that are claimed first; one without anything to pay stays as it is."""
        orders: list[Order] = []
        for n in done:
            order = self.standing(taker, n)
            need(order not in orders or not self._ends(order), "order_book: no such order")
            if order not in orders and self._claimable(order):
                orders.append(order)
        return orders

    def _check_taker(self, take: Take, done: Sequence[Order], escrow: int) -> None:
        """Refuse a self-trade, or more than the taker has once its own orders are claimed."""
        gain = 0
        for order in done:
            tick, asset = order.level.tick, gives(take.side)
            if wants(order.level.side) is asset:
                fee = self.terms.maker_fee(asset, order.unclaimed, tick)
                gain += self.terms.worth(asset, order.unclaimed, tick) - fee
            elif self.expired(order):
                gain += self.terms.worth(asset, order.left, tick)
        self._check_funds(take.taker, gives(take.side), take.paid + escrow - gain)
        self._check_thawed(take.taker)
        known = self.own[take.taker, take.side.other]
        others = known.count > self._closing(done, take.side.other)
        own_reached = bool(take.levels) and others and take.levels[-1].rank >= known.rank
        need(not own_reached, "order_book: self-trade")

    def _check_funds(self, owner: bytes, asset: Asset, amount: int) -> None:
        need(self.free[owner, asset] >= amount, f"order_book: not enough {asset.name.lower()}")

    def _check_thawed(self, owner: bytes) -> None:
        need(owner not in self.frozen, "order_book: account is frozen")

    def _check_count(self, owner: bytes, side: Side, closing: int) -> None:
        need(self.own[owner, side].count - closing < self.orders_max, "order_book: too many orders")

    def _closing(self, orders: Sequence[Order], side: Side) -> int:
        """How many of some orders belong to a side and are closed when they are claimed."""
        return sum(order.level.side is side and self._ends(order) for order in orders)

    def _settle(self, take: Take, done: Sequence[Order]) -> None:
        for order in done:
            self._claim(order)
        for fill in take.fills:
            fill.order.filled += fill.lots
        for level in take.levels:
            self._tidy(level)
        self.free[take.taker, gives(take.side)] -= take.paid
        self.free[take.taker, wants(take.side)] += take.received - take.fees
        self.fees[wants(take.side)] += take.fees
        self.fees[gives(take.side)] += take.maker_fees
        if take.fills:
            self.takes.append(take)

    # the end of orders

    def _claimable(self, order: Order) -> bool:
        return order.unclaimed > 0 or self.expired(order)

    def _ends(self, order: Order) -> bool:
        return order.filled == order.size or self.expired(order)

    def _claim(self, order: Order) -> None:
        if self._ends(order):
            self._close(order)
        else:
            self._pay(order)

    def _pay(self, order: Order) -> None:
        asset = wants(order.level.side)
        gross = self.terms.worth(asset, order.unclaimed, order.level.tick)
        fee = self.terms.maker_fee(asset, order.unclaimed, order.level.tick)
        self.free[order.owner, asset] += gross - fee
        order.payments.append(gross)
        order.fees += fee
        order.claimed = order.filled

    def _close(self, order: Order) -> None:
        self._pay(order)
        locked = gives(order.level.side)
        order.refunded = self.terms.worth(locked, order.left, order.level.tick)
        self.free[order.owner, locked] += order.refunded
        order.closed = True
        self.own[order.owner, order.level.side].remove()
        self._tidy(order.level)

    def _tidy(self, level: Level) -> None:
        """Forget orders with nothing left, and a level without orders."""
        standing = [order for order in self.queues.get(level, ()) if order.left]
        if standing:
            self.queues[level] = standing
        else:
            self.queues.pop(level, None)
