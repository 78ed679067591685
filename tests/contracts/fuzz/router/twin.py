# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A router without a plan: it tries every number of lots in the book, gives the rest to the pool, and looks at them all.

Nothing here is translated from Router.vy. The pool's side is the pool's own twin in exact fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from math import ceil

from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.pool.twin import Reserves


class Kind(IntEnum):
    """What an order fixes."""

    SELL = 0  # energy to give
    SELL_FOR = 1  # money to get
    BUY = 2  # energy to get
    BUY_WITH = 3  # money to give

    @property
    def selling(self) -> bool:
        """Whether energy is given."""
        return self <= Kind.SELL_FOR

    @property
    def exact_in(self) -> bool:
        """Whether what is given is fixed."""
        return self in (Kind.SELL, Kind.BUY_WITH)

    @property
    def formula(self) -> str:
        """The pool's function."""
        return self.name.lower()


@dataclass(frozen=True)
class Level:
    """Lots at a price; each class of life is a level of its own."""

    price: int  # money for a lot
    lots: int


@dataclass(frozen=True)
class Way:
    """One way to fill an order: so many lots in the book, the rest in the pool."""

    lots: int
    levels: int
    book_in: int
    book_out: int
    pool_in: int = 0
    pool_out: int = 0

    @property
    def given(self) -> int:
        """What it costs the trader."""
        return self.book_in + self.pool_in

    @property
    def gotten(self) -> int:
        """What it brings."""
        return self.book_out + self.pool_out


@dataclass(frozen=True)
class Market:
    """What stands for a taker, best first, and the pool; no pool when it is stopped or empty."""

    lot: int
    taker_bps: int
    levels: Sequence[Level]
    pool: Reserves | None

    def in_book(self, kind: Kind, lots: int) -> Way:
        """A take of so many lots: the fee is kept of what each level brings, rounded down."""
        left, used, given, gotten = lots, 0, 0, 0
        for level in self.levels:
            if not left:
                break
            part = min(left, level.lots)
            energy, money = part * self.lot, part * level.price
            received = money if kind.selling else energy
            given += energy if kind.selling else money
            gotten += received - received * self.taker_bps // 10_000
            left, used = left - part, used + 1
        return Way(lots, used, given, gotten)

    def with_pool(self, kind: Kind, amount: int, way: Way) -> Way:
        """The rest goes to the pool, if it takes it."""
        rest = amount - way.given if kind.exact_in else amount - way.gotten
        if rest <= 0 or self.pool is None:
            return way
        try:
            trade = getattr(self.pool, kind.formula)(rest)
            self.pool.after(trade)
        except Refused:
            return way
        given, gotten = (trade.energy, trade.money) if kind.selling else (trade.money, trade.energy)
        return Way(way.lots, way.levels, way.book_in, way.book_out, given, gotten)

    def every_way(self, kind: Kind, amount: int) -> list[Way]:
        """Each number of lots that the order can pay for, or that it needs, with the rest in the pool."""
        ways = []
        for lots in range(sum(level.lots for level in self.levels) + 1):
            way = self.in_book(kind, lots)
            if kind.exact_in and way.given > amount:
                break
            whole = self.with_pool(kind, amount, way)
            if kind.exact_in or whole.gotten >= amount:
                ways.append(whole)
            if not kind.exact_in and way.gotten >= amount:
                break
        return [way for way in ways if way.gotten]

    def in_book_alone(self, kind: Kind, amount: int) -> Way | None:
        """As if there were no pool; what no lot fits into stays with the trader."""
        ways = Market(self.lot, self.taker_bps, self.levels, None).every_way(kind, amount)
        return best(kind, ways)

    def in_pool_alone(self, kind: Kind, amount: int) -> Way | None:
        """As if there were no book."""
        return best(kind, Market(self.lot, self.taker_bps, (), self.pool).every_way(kind, amount))

    def slack(self, kind: Kind, ways: Sequence[Way]) -> int:
        """What roundings can make of the order's other side: a unit for each level, and three for the pool.

        A unit of energy is worth many of money, so where energy is rounded and money counted, its dearest price.
        """
        units = max(way.levels for way in ways) + 3
        if kind is not Kind.BUY:
            return units
        prices = [Fraction(level.price, self.lot) for level in self.levels]
        if self.pool is not None:
            dearest = max(way.pool_out for way in ways)
            prices.append(self.pool.marginal_after(min(dearest, self.pool.energy - 1), buying=True))
        return units * ceil(2 * max(prices)) + units


def best(kind: Kind, ways: Sequence[Way]) -> Way | None:
    """The way that brings most for what is given, or costs least for what is gotten."""
    if not ways:
        return None
    if kind.exact_in:
        return max(ways, key=lambda way: (way.gotten, -way.given))
    return min(ways, key=lambda way: (way.given, -way.gotten))


def no_worse(kind: Kind, found: Way, other: Way | None, slack: int = 0) -> bool:
    """Whether a way is at least as good as another one, but for so many units."""
    if other is None:
        return True
    if kind.exact_in:
        return found.gotten >= other.gotten - slack
    return found.given <= other.given + slack
