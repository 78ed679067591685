# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Marketplace against a few lines of Python: it holds exactly what open sales, bids and debts need; a sale ends once."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from bench.contracts import artifact
from tests.contracts.fuzz.market import Compared, operation, search
from tests.contracts.fuzz.marketplace_model import (
    ARTIST,
    DAY,
    FEE_BPS,
    FEES,
    MONEY,
    NOBODY,
    OPEN,
    PAPER,
    ROYALTY_BPS,
    THING,
    Auction,
    Model,
    Offer,
)
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, RELAYER, Contract

ENERGY, CERTIFICATE = 1, 77
FORTUNE, STOCK = 10**6, 10**5

picks = st.integers(0, 99)
people = st.integers(0, 3)


class Market(Compared):
    """All operations in any order."""

    place: Contract
    coin: Contract
    things: Contract
    papers: Contract
    guard: Contract
    examples = 125

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(now=self.now)
        for who in PEOPLE:
            self.model.has[MONEY, who] = FORTUNE
            self.model.has[THING, who] = self.model.has[PAPER, who] = STOCK

    @operation(
        weight=3,
        seller=people,
        lots=st.integers(1, 9),
        lot=st.sampled_from((1, 7, 1_000, 7, 1_000, 20_000, 0)),
        odd=st.sampled_from((1, 2, 3, 4, 5, 0)),
        price=st.sampled_from((1, 999, 60_000, 1_234, 99_999, 0)),
        wait=st.sampled_from((None, None, 1, DAY, DAY, 0)),
        only_for=st.sampled_from((None, None, None, 0, 1)),
        per_lot=st.sampled_from((0, 0, 3, 50, 9_000)),
    )
    def offer(
        self,
        seller: int,
        lots: int,
        lot: int,
        odd: int,
        price: int,
        wait: int | None,
        only_for: int | None,
        per_lot: int,
    ) -> None:
        """Most of them good."""
        who = PEOPLE[seller]
        named = NOBODY if only_for is None else PEOPLE[only_for]
        ends = 0 if wait is None else self.now + wait
        made = Offer(who, lots * lot + (odd == 0), lot, price, ends, named, per_lot)
        args = (self.things.address, ENERGY, made.left, lot, price, ends, named, CERTIFICATE, per_lot)
        self.both(lambda: self.model.offer(made), self.place, "offer", *args, sender=who)

    @operation(
        weight=5,
        when=lambda self: self.model.offers,
        which=picks,
        buyer=people,
        lots=st.sampled_from((1, 1, 2, 5, 9, 0)),
        retire=st.booleans(),
    )
    def take(self, which: int, buyer: int, lots: int, retire: bool) -> None:
        """Whole or in part, with or without retiring."""
        number, who = self.pick(which, self.model.offers), PEOPLE[buyer]
        function = "take_and_retire" if retire else "take"
        use = ((who, "a name", "a purpose", 0, 1),) if retire else ()
        self.both(
            lambda: self.model.take(number, lots, who, retire=retire),
            self.place, function, number + 1, lots, *use, sender=who,
        )  # fmt: skip

    @operation(when=lambda self: self.model.offers, which=picks, who=people, anybody=st.integers(0, 2))
    def withdraw_offer(self, which: int, who: int, anybody: int) -> None:
        """Mostly by the seller."""
        number = self.pick(which, self.model.offers)
        sender = self.model.offers[number].seller if anybody else PEOPLE[who]
        self.both(
            lambda: self.model.withdraw_offer(number, sender),
            self.place, "withdraw_offer", number + 1, sender=sender,
        )  # fmt: skip

    @operation(
        weight=2,
        seller=people,
        amount=st.sampled_from((1, 5_000, 1, 777, 0)),
        reserve=st.sampled_from((1, 1_000, 999, 10, 0)),
        increment=st.sampled_from((100, 100, 1_234, 333, 5_000, 2_000, 5_001, 99)),
        wait=st.sampled_from((900, 3_600, DAY, 30 * DAY, 899)),
    )
    def open_auction(self, seller: int, amount: int, reserve: int, increment: int, wait: int) -> None:
        """Most of them good."""
        made = Auction(PEOPLE[seller], amount, reserve, increment, self.now + wait)
        args = (self.things.address, ENERGY, amount, reserve, increment, made.ends)
        self.both(
            lambda: self.model.open_auction(made), self.place, "open_auction", *args, sender=made.seller
        )  # fmt: skip

    @operation(
        weight=5,
        when=lambda self: self.model.auctions,
        which=picks,
        bidder=people,
        over=st.sampled_from((-1, 0, 0, 1, 5_000)),
        late=st.sampled_from((None, None, 0, 1)),
    )
    def bid(self, which: int, bidder: int, over: int, late: int | None) -> None:
        """The least that leads, less or more; now and then in the last second or one too late."""
        number, who = self.pick(which, self.model.auctions), PEOPLE[bidder]
        auction = self.model.auctions[number]
        if late is not None and auction.state == OPEN:
            self.move_to(max(self.now, auction.ends + late))
        assert self.place.view("least_bid", number + 1) == auction.least
        amount = auction.least + over
        self.both(
            lambda: self.model.bid(number, amount, who), self.place, "bid", number + 1, amount, sender=who
        )  # fmt: skip

    @operation(weight=2, when=lambda self: self.model.auctions, which=picks, late=st.sampled_from((1, 1, 0, None)))
    def settle(self, which: int, late: int | None) -> None:
        """At any time, in the last second, and when it is over."""
        number = self.pick(which, self.model.auctions)
        auction = self.model.auctions[number]
        if late is not None and auction.state == OPEN:
            self.move_to(max(self.now, auction.ends + late))
        self.both(lambda: self.model.settle(number), self.place, "settle", number + 1, sender=RELAYER)

    @operation(when=lambda self: self.model.auctions, which=picks, who=people, anybody=st.integers(0, 2))
    def withdraw_auction(self, which: int, who: int, anybody: int) -> None:
        """Mostly by the seller."""
        number = self.pick(which, self.model.auctions)
        sender = self.model.auctions[number].seller if anybody else PEOPLE[who]
        self.both(
            lambda: self.model.withdraw_auction(number, sender),
            self.place, "withdraw_auction", number + 1, sender=sender,
        )  # fmt: skip

    @operation(weight=3, when=lambda self: any(self.model.owed.values()), who=people)
    def collect(self, who: int) -> None:
        """For anybody."""
        name = PEOPLE[who]
        self.both(lambda: self.model.collect(name), self.place, "collect", name, sender=RELAYER)

    @operation(seconds=st.sampled_from((1, 600, DAY)))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.move_to(self.now + seconds)

    @operation(who=st.integers(0, 5), shut=st.booleans())
    def shut_out(self, who: int, shut: bool) -> None:
        """The token refuses an account, the beneficiary's or the artist's too, or takes it back."""
        name = (*PEOPLE, FEES, ARTIST)[who]
        self.coin.must("shut_out", name, shut, sender=OWNER)
        (self.model.shut.add if shut else self.model.shut.discard)(name)

    @operation(who=people, dice=st.integers(0, 5))
    def freeze(self, who: int, dice: int) -> None:
        """An account is frozen now and then."""
        name, frozen = PEOPLE[who], dice == 5
        if frozen != (name in self.model.frozen):
            self.guard.must("freeze" if frozen else "unfreeze", name, sender=GUARDIAN)
        (self.model.frozen.add if frozen else self.model.frozen.discard)(name)

    @operation(dice=st.integers(0, 7))
    def brake(self, dice: int) -> None:
        """A stop now and then, mostly taken back."""
        self.model.paused = dice == 7
        function, sender = ("pause", GUARDIAN) if dice == 7 else ("unpause", OWNER)
        self.guard.must(function, self.place.address, sender=sender)

    def pick(self, which: int, sales: list[Any]) -> int:
        """The place of a sale, mostly of an open one."""
        opened = [place for place, sale in enumerate(sales) if sale.state == OPEN]
        among = opened if opened and which % 8 else range(len(sales))
        return among[which % len(among)]

    def move_to(self, timestamp: int) -> None:
        """Both clocks."""
        boa.env.timestamp = timestamp
        self.model.now = timestamp

    @invariant()
    def it_holds_what_it_owes(self) -> None:
        """Bids and debts in GCM; things and certificates of open sales; nothing came into being or went."""
        model, place = self.model, self.place.address
        bids = sum(auction.bid for auction in model.auctions if auction.state == OPEN)
        owed = sum(model.owed.values())
        things = sum(offer.left for offer in model.offers)
        things += sum(auction.amount for auction in model.auctions if auction.state == OPEN)
        papers = sum(offer.left // offer.lot * offer.per_lot for offer in model.offers)
        assert bids + owed + self.everybodys(MONEY) == FORTUNE * len(PEOPLE)
        assert things + self.everybodys(THING) == STOCK * len(PEOPLE)
        assert papers + self.everybodys(PAPER) + model.retired == STOCK * len(PEOPLE)
        if not self.changed and not self.full:
            return
        assert (self.place.view("bids"), self.place.view("total_owed")) == (bids, owed)
        assert self.coin.view("balanceOf", place) == bids + owed
        for collection, id_, expected in ((self.things, ENERGY, things), (self.papers, CERTIFICATE, papers)):
            assert collection.view("balanceOf", place, id_) == expected
            assert self.place.view("held", collection.address, id_) == expected

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        """Balances and debts, to the unit: of one after what changed something, now and then of all."""
        everybody = (*PEOPLE, FEES, ARTIST)
        for who in everybody if self.full else everybody[self.steps % 6 :][:1] if self.changed else ():
            assert self.coin.view("balanceOf", who) == self.model.has[MONEY, who]
            assert self.place.view("owed", who) == self.model.owed[who]
            if who not in PEOPLE:
                continue
            assert self.things.view("balanceOf", who, ENERGY) == self.model.has[THING, who]
            assert self.papers.view("balanceOf", who, CERTIFICATE) == self.model.has[PAPER, who]

    def everybodys(self, what: str) -> int:
        """What all people have of something."""
        return sum(amount for (kind, _), amount in self.model.has.items() if kind == what)

    def compare_all(self) -> None:
        """At the end every sale is in the state that the model says, and everybody has what it says."""
        self.it_holds_what_it_owes()
        self.everybody_has_what_the_model_says()
        for number, offer in enumerate(self.model.offers, 1):
            told = self.place.view("offer_of", number)
            assert (told[1], told[-1]) == (offer.left, offer.state)
        for number, auction in enumerate(self.model.auctions, 1):
            told = self.place.view("auction_of", number)
            assert told[4:] == (auction.ends, "0x" + auction.bidder.hex(), auction.bid, auction.state)


@pytest.fixture
def deployed() -> Iterator[type[Market]]:
    """The contracts on a fresh chain and four people with GCM, energy and certificates."""
    with boa.env.anchor():
        Market.guard = Contract(artifact("Guard"), sender=OWNER)
        Market.coin = Contract(artifact("OpenCoin"), sender=OWNER)
        Market.things = Contract(artifact("OpenThings"), sender=OWNER)
        Market.papers = Contract(artifact("OpenThings"), sender=OWNER)
        Market.place = Contract(
            artifact("Marketplace"), Market.coin.address, Market.guard.address, Market.papers.address, FEES, FEE_BPS,
            sender=OWNER,
        )  # fmt: skip
        Market.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        Market.place.must("set_collection", Market.things.address, 1, True, sender=OWNER)
        Market.things.must("set_royalty", int.from_bytes(ARTIST, "big"), ROYALTY_BPS, sender=OWNER)
        for who in PEOPLE:
            Market.coin.must("give", who, FORTUNE, sender=OWNER)
            Market.coin.must("approve", Market.place.address, 2**256 - 1, sender=who)
            for collection, id_ in ((Market.things, ENERGY), (Market.papers, CERTIFICATE)):
                collection.must("give", who, id_, STOCK, sender=OWNER)
                collection.must("setApprovalForAll", Market.place.address, True, sender=who)
        yield Market


def test_marketplace__any_order_of_everything__conserves_and_ends_once(deployed: type[Market]) -> None:
    search(
        deployed,
        (
            ("offer", "ok"),
            ("take", "ok"),
            ("take", "marketplace: offer is not open"),
            ("take", "marketplace: for somebody else"),
            ("take", "marketplace: offer has ended"),
            ("take_and_retire", "ok"),
            ("withdraw_offer", "ok"),
            ("open_auction", "ok"),
            ("bid", "ok"),
            ("bid", "marketplace: bid is too low"),
            ("bid", "marketplace: auction has ended"),
            ("settle", "ok"),
            ("settle", "marketplace: auction goes on"),
            ("withdraw_auction", "ok"),
            ("withdraw_auction", "marketplace: somebody bid"),
            ("collect", "ok"),
        ),
    )
