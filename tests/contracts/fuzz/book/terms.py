# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The words of the reference book: sides, classes and their sessions, a market's terms, an order and a fill."""

from dataclasses import dataclass, field
from enum import IntEnum

TICKS = 65_536
SIZE_MAX = 2**32 - 1  # lots of one order
LEVELS_MAX = 256  # levels that one take may touch
ORDERS_MAX = 2**15 - 1  # of one owner on one side of a market that are not closed
BPS = 10_000
DAY_SECONDS = 86_400
SLOT_SECONDS = 900


class Side(IntEnum):
    """Which way an order goes."""

    BID = 0
    ASK = 1

    @property
    def other(self) -> "Side":
        """The side that it trades against."""
        return Side(1 - self)


class Life(IntEnum):
    """How long an order stands; at one price a shorter life goes later."""

    GTC = 0
    DAY = 1
    SLOT = 2

    def session(self, now: int) -> int:
        """The session that runs at a time, unix seconds. GTC has one that never ends."""
        return now // {Life.GTC: 2**64, Life.DAY: DAY_SECONDS, Life.SLOT: SLOT_SECONDS}[self]


class Asset(IntEnum):
    """The two assets of a market."""

    BASE = 0
    QUOTE = 1


def gives(side: Side) -> Asset:
    """What an order of this side locks: a bid the quote, an ask the base."""
    return Asset.QUOTE if side is Side.BID else Asset.BASE


def wants(side: Side) -> Asset:
    """What it is paid in."""
    return gives(side.other)


@dataclass(frozen=True)
class Terms:
    """What never changes in a market. Prices are units of the quote asset for one lot, so that escrow never rounds."""

    base_price: int
    tick_size: int
    lot: int  # units of the base asset
    size_min: int = 1  # lots
    maker_bps: int = 0
    taker_bps: int = 0

    def price(self, tick: int) -> int:
        """Units of the quote asset for a lot at a tick."""
        return self.base_price + tick * self.tick_size

    def worth(self, asset: Asset, lots: int, tick: int) -> int:
        """What so many lots at a tick are in an asset's units."""
        return lots * (self.lot if asset is Asset.BASE else self.price(tick))

    def maker_fee(self, asset: Asset, lots: int, tick: int) -> int:
        """What is kept of so many lots that a maker receives: whole units for each lot, rounded down."""
        return lots * (self.worth(asset, 1, tick) * self.maker_bps // BPS)


@dataclass(frozen=True, order=True)
class Level:
    """One queue. Its order is the order in which takers reach the queues of a side: price, then life."""

    rank: int  # distance from the best price that the side could ever show
    life: Life
    session: int
    side: Side

    @property
    def tick(self) -> int:
        """The price of the level."""
        return self.rank if self.side is Side.ASK else TICKS - 1 - self.rank


def rank(side: Side, tick: int) -> int:
    """How far a price is from the best one that a side could show: low asks and high bids are near."""
    return tick if side is Side.ASK else TICKS - 1 - tick


@dataclass(eq=False)
class Order:
    """An order with its whole history, kept for ever: checks add histories up instead of trusting running totals."""

    owner: bytes
    n: int  # the owner's own choice
    level: Level
    size: int
    number: int  # the place in time among all orders of the market
    filled: int = 0
    claimed: int = 0  # lots of `filled` that were paid out
    payments: list[int] = field(default_factory=list)  # units of the asset that it wants, gross, of each claim
    fees: int = 0  # the part of the payments that was kept
    refunded: int = 0  # units of the asset that it gave
    closed: bool = False

    @property
    def left(self) -> int:
        """Lots that could still be filled, if its session has not ended."""
        return 0 if self.closed else self.size - self.filled

    @property
    def unclaimed(self) -> int:
        """Lots that were filled and not paid out."""
        return self.filled - self.claimed


@dataclass(frozen=True)
class Fill:
    """Lots of one order that one take bought or sold."""

    order: Order
    lots: int


@dataclass
class Take:
    """A take with its fills, in the order in which it made them."""

    taker: bytes
    side: Side  # the taker's
    tick: int  # the worst that it accepts
    wanted: int
    fills: list[Fill] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    paid: int = 0  # units of what the taker gives
    received: int = 0  # units of what the taker wants, gross
    fees: int = 0  # the part of it that was kept, rounded down at each level
    maker_fees: int = 0  # what is kept of what the makers receive, in what the taker gives

    @property
    def lots(self) -> int:
        """What it traded."""
        return sum(fill.lots for fill in self.fills)

    def lots_of(self, level: Level) -> int:
        """What it traded at one level."""
        return sum(fill.lots for fill in self.fills if fill.order.level == level)
