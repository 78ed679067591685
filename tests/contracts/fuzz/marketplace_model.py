# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Marketplace's rules in a few lines of Python."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.contracts.fuzz.market import need
from tests.contracts.fuzz.world import account

FEES, ARTIST, NOBODY = account("fees"), account("artist"), bytes(20)
FEE_BPS, ROYALTY_BPS, BPS = 137, 333, 10_000
DAY, EXTENSION = 86_400, 600
OPEN, SOLD, WITHDRAWN = 1, 2, 3
MONEY, THING, PAPER = "money", "thing", "paper"  # GCM, energy, certificates


@dataclass
class Offer:
    """An offer of the model."""

    seller: bytes
    left: int
    lot: int
    price: int
    ends: int
    only_for: bytes
    per_lot: int
    state: int = OPEN


@dataclass
class Auction:
    """An auction of the model."""

    seller: bytes
    amount: int
    reserve: int
    increment: int
    ends: int
    bidder: bytes = NOBODY
    bid: int = 0
    state: int = OPEN

    @property
    def least(self) -> int:
        """The least bid that leads."""
        return self.bid + -(-self.bid * self.increment // BPS) if self.bid else self.reserve


@dataclass
class Model:
    """The marketplace's rules. Every method raises Refused before it changes anything."""

    now: int = 0
    paused: bool = False
    frozen: set[bytes] = field(default_factory=set)
    shut: set[bytes] = field(default_factory=set)
    offers: list[Offer] = field(default_factory=list)
    auctions: list[Auction] = field(default_factory=list)
    has: defaultdict[tuple[str, bytes], int] = field(default_factory=lambda: defaultdict(int))
    owed: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    retired: int = 0

    def trade(self, who: bytes) -> None:
        """May somebody trade at all?"""
        need(not self.paused, "marketplace: paused")
        need(who not in self.frozen, "marketplace: account is frozen")

    def offer(self, made: Offer) -> None:
        """A seller offers."""
        self.trade(made.seller)
        need(made.lot > 0 and made.left > 0 and made.left % made.lot == 0, "marketplace: not a number of lots")
        need(made.price > 0, "marketplace: no price")
        need(made.ends == 0 or made.ends > self.now, "marketplace: ends before it begins")
        need(made.only_for != made.seller, "marketplace: seller is the buyer")
        papers = made.left // made.lot * made.per_lot
        short = "erc1155: insufficient balance for transfer"
        need(self.has[THING, made.seller] >= made.left and self.has[PAPER, made.seller] >= papers, short)
        self.has[THING, made.seller] -= made.left
        self.has[PAPER, made.seller] -= papers
        self.offers.append(made)

    def take(self, which: int, lots: int, who: bytes, *, retire: bool) -> None:
        """A buyer takes."""
        self.trade(who)
        offer = self.offers[which]
        need(offer.state == OPEN, "marketplace: offer is not open")
        need(offer.ends == 0 or self.now <= offer.ends, "marketplace: offer has ended")
        need(offer.only_for in (NOBODY, who), "marketplace: for somebody else")
        need(who != offer.seller, "marketplace: seller is the buyer")
        need(0 < lots <= offer.left // offer.lot, "marketplace: not that many lots")
        need(not retire or offer.per_lot > 0, "marketplace: nothing to retire")
        need(self.has[MONEY, who] >= lots * offer.price, "erc20: transfer amount exceeds balance")
        self.has[MONEY, who] -= lots * offer.price
        offer.left -= lots * offer.lot
        offer.state = OPEN if offer.left else SOLD
        self.has[THING, who] += lots * offer.lot
        if retire:
            self.retired += lots * offer.per_lot
        else:
            self.has[PAPER, who] += lots * offer.per_lot
        self.distribute(offer.seller, lots * offer.price)

    def withdraw_offer(self, which: int, who: bytes) -> None:
        """The rest goes back."""
        offer = self.offers[which]
        need(offer.state == OPEN, "marketplace: offer is not open")
        need(who == offer.seller or 0 < offer.ends < self.now, "marketplace: caller is not the seller")
        self.has[THING, offer.seller] += offer.left
        self.has[PAPER, offer.seller] += offer.left // offer.lot * offer.per_lot
        offer.left, offer.state = 0, WITHDRAWN

    def open_auction(self, made: Auction) -> None:
        """A seller opens an auction."""
        self.trade(made.seller)
        need(made.amount > 0, "marketplace: nothing for sale")
        need(made.reserve > 0, "marketplace: no price")
        need(100 <= made.increment <= 5_000, "marketplace: increment out of bounds")
        need(self.now + 900 <= made.ends <= self.now + 30 * DAY, "marketplace: end out of bounds")
        need(self.has[THING, made.seller] >= made.amount, "erc1155: insufficient balance for transfer")
        self.has[THING, made.seller] -= made.amount
        self.auctions.append(made)

    def bid(self, which: int, amount: int, who: bytes) -> None:
        """A bid beats the last one."""
        self.trade(who)
        auction = self.auctions[which]
        need(auction.state == OPEN, "marketplace: auction is not open")
        need(self.now <= auction.ends, "marketplace: auction has ended")
        need(who != auction.seller, "marketplace: seller is the buyer")
        need(amount >= auction.least, "marketplace: bid is too low")
        need(self.has[MONEY, who] >= amount, "erc20: transfer amount exceeds balance")
        self.has[MONEY, who] -= amount
        self.owed[auction.bidder] += auction.bid
        auction.bid, auction.bidder = amount, who
        auction.ends = max(auction.ends, self.now + EXTENSION)

    def settle(self, which: int) -> None:
        """The end of an auction."""
        auction = self.auctions[which]
        need(auction.state == OPEN, "marketplace: auction is not open")
        need(self.now > auction.ends, "marketplace: auction goes on")
        auction.state = SOLD if auction.bid else WITHDRAWN
        self.has[THING, auction.bidder if auction.bid else auction.seller] += auction.amount
        self.distribute(auction.seller, auction.bid)

    def withdraw_auction(self, which: int, who: bytes) -> None:
        """Only while nobody bid."""
        auction = self.auctions[which]
        need(auction.state == OPEN, "marketplace: auction is not open")
        need(who == auction.seller, "marketplace: caller is not the seller")
        need(auction.bid == 0, "marketplace: somebody bid")
        auction.state = WITHDRAWN
        self.has[THING, auction.seller] += auction.amount

    def collect(self, who: bytes) -> None:
        """What is owed."""
        need(self.owed[who] > 0, "marketplace: nothing is owed")
        need(who not in self.shut, "open_coin: shut out")
        self.has[MONEY, who] += self.owed.pop(who)

    def distribute(self, seller: bytes, price: int) -> None:
        """A price in three parts."""
        fee, royalty = price * FEE_BPS // BPS, price * ROYALTY_BPS // BPS
        for who, part in ((FEES, fee), (ARTIST, royalty), (seller, price - fee - royalty)):
            if who in self.shut:
                self.owed[who] += part
            else:
                self.has[MONEY, who] += part
