# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Marketplace, auctions: every bid beats the last, the end waits for an answer, and who was beaten collects."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import refuses
from tests.contracts.unit.marketplace.conftest import DAY, DEED, ENERGY, Market

OPEN, SOLD, WITHDRAWN = 1, 2, 3
EXTENSION = 600


def test_open_auction(market: Market) -> None:
    """It stands as it was given, and the thing is here."""
    terms = market.lots()
    receipt = market.place.open_auction(*terms, sender=market.seller)
    (opened,) = receipt.decode_logs(market.place.AuctionOpened)
    assert (opened.auction, opened.seller, opened.reserve, opened.ends) == (1, market.seller, 1_000, terms[-1])
    auction = market.place.auction_of(1)
    assert (auction.amount, auction.reserve, auction.increment_bps, auction.state) == (10, 1_000, 500, OPEN)
    assert market.things.balanceOf(market.place, ENERGY) == 10


def test_open_auction__bad_terms__reverts(market: Market) -> None:
    """What could not end well is refused."""
    for changes, reason in (
        ({"amount": 0}, "marketplace: nothing for sale"),
        ({"reserve": 0}, "marketplace: no price"),
        ({"increment_bps": 99}, "marketplace: increment out of bounds"),
        ({"increment_bps": 5_001}, "marketplace: increment out of bounds"),
        ({"ends": market.now + 60}, "marketplace: end out of bounds"),
        ({"ends": market.now + 31 * DAY}, "marketplace: end out of bounds"),
        ({"collection": market.coin}, "marketplace: collection is not allowed"),
    ):
        refuses(reason, market.place.open_auction, *market.lots(**changes), sender=market.seller)


def test_bid__beats_by_the_increment_and_the_beaten_collect(market: Market, stranger: AccountAPI) -> None:
    """Rounded up; nobody is paid in another's bid, and everybody gets their bid back."""
    number = market.auction(reserve=1_001)
    refuses("marketplace: bid is too low", market.place.bid, number, 1_000, sender=market.buyer)
    market.place.bid(number, 1_001, sender=market.buyer)
    assert market.place.least_bid(number) == 1_001 + 51
    refuses("marketplace: bid is too low", market.place.bid, number, 1_051, sender=market.rival)

    receipt = market.place.bid(number, 1_052, sender=market.rival)

    (bid,) = receipt.decode_logs(market.place.Bid)
    assert (bid.auction, bid.bidder, bid.amount) == (number, market.rival, 1_052)
    assert market.money() == {"buyer": -1_001, "rival": -1_052}
    assert (market.place.bids(), market.place.owed(market.buyer)) == (1_052, 1_001)
    market.place.collect(market.buyer, sender=stranger)
    assert market.money() == {"rival": -1_052}
    market.place.bid(number, 2_000, sender=market.rival)
    assert (market.place.bids(), market.place.owed(market.rival)) == (2_000, 1_052)


def test_bid__wrong__reverts(market: Market, guardian: AccountAPI, owner: AccountAPI) -> None:
    """Not the seller, not frozen, not stopped, not late, not what doesn't exist."""
    number = market.auction()
    refuses("marketplace: seller is the buyer", market.place.bid, number, 1_000, sender=market.seller)
    refuses("marketplace: auction is not open", market.place.bid, number + 1, 1_000, sender=market.buyer)
    market.guard.freeze(market.buyer, sender=guardian)
    refuses("marketplace: account is frozen", market.place.bid, number, 1_000, sender=market.buyer)
    market.guard.pause(market.place, sender=guardian)
    refuses("marketplace: paused", market.place.bid, number, 1_000, sender=market.rival)
    refuses("marketplace: paused", market.place.open_auction, *market.lots(), sender=market.seller)
    market.guard.unpause(market.place, sender=owner)
    market.wait_until(market.place.auction_of(number).ends + 1)
    refuses("marketplace: auction has ended", market.place.bid, number, 1_000, sender=market.rival)


def test_bid__near_the_end__leaves_time_to_answer(market: Market) -> None:
    """A bid in the last minute puts the end off; an early one doesn't."""
    number = market.auction()
    ends = market.place.auction_of(number).ends
    market.place.bid(number, 1_000, sender=market.buyer)
    assert market.place.auction_of(number).ends == ends
    market.wait_until(ends - 60)
    market.place.bid(number, 2_000, sender=market.rival)
    assert market.place.auction_of(number).ends == market.now + EXTENSION > ends
    market.wait_until(ends + 60)
    market.place.bid(number, 3_000, sender=market.buyer)
    assert market.place.auction_of(number).bidder == market.buyer


def test_settle(market: Market, stranger: AccountAPI) -> None:
    """By anybody, after the end, once: the thing to the winner, the price to seller, fees and artist."""
    number = market.auction()
    market.place.bid(number, 1_000, sender=market.buyer)
    market.place.bid(number, 9_999, sender=market.rival)
    refuses("marketplace: auction goes on", market.place.settle, number, sender=stranger)
    refuses("marketplace: somebody bid", market.place.withdraw_auction, number, sender=market.seller)
    market.wait_until(market.place.auction_of(number).ends + 1)

    receipt = market.place.settle(number, sender=stranger)

    (ended,) = receipt.decode_logs(market.place.AuctionEnded)
    assert (ended.winner, ended.state, ended.price, ended.fee, ended.royalty) == (market.rival, SOLD, 9_999, 99, 499)
    assert market.things.balanceOf(market.rival, ENERGY) == 10
    assert market.money() == {"buyer": -1_000, "rival": -9_999, "seller": 9_401, "fees": 99, "artist": 499}
    assert market.place.held(market.things, ENERGY) == market.place.bids() == 0
    refuses("marketplace: auction is not open", market.place.settle, number, sender=stranger)


def test_settle__no_bid_or_withdrawn__goes_back(market: Market, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """Nobody bid: the seller has it again, whatever is stopped."""
    first, second = market.auction(), market.auction(collection=market.deeds, id=DEED, amount=1)
    refuses("marketplace: caller is not the seller", market.place.withdraw_auction, first, sender=stranger)
    market.guard.pause(market.place, sender=guardian)
    market.place.withdraw_auction(first, sender=market.seller)
    market.wait_until(market.place.auction_of(second).ends + 1)
    market.place.settle(second, sender=stranger)
    assert market.things.balanceOf(market.seller, ENERGY) == 10_000
    assert market.deeds.ownerOf(DEED) == market.seller
    for number in (first, second):
        assert market.place.auction_of(number).state == WITHDRAWN
        refuses("marketplace: auction is not open", market.place.withdraw_auction, number, sender=market.seller)


def test_settle__winner_refuses__is_kept(
    market: Market, owner: AccountAPI, stranger: AccountAPI, beneficiary: AccountAPI
) -> None:
    """A winner without a hook doesn't hold the seller's money up, and takes the thing wherever it likes."""
    wallet = owner.deploy(container("SilentWallet"))
    market.coin.give(wallet, 5_000, sender=owner)
    wallet.call(market.coin, market.coin.approve.encode_input(market.place, 5_000), sender=owner)
    number = market.auction()
    wallet.call(market.place, market.place.bid.encode_input(number, 5_000), sender=owner)
    market.wait_until(market.place.auction_of(number).ends + 1)

    receipt = market.place.settle(number, sender=stranger)

    (kept,) = receipt.decode_logs(market.place.Kept)
    assert (kept.account, kept.id, kept.amount) == (wallet, ENERGY, 10)
    assert market.money() == {"seller": 4_700, "fees": 50, "artist": 250}
    assert market.place.kept(wallet, market.things, ENERGY) == market.place.held(market.things, ENERGY) == 10
    theirs = (wallet, market.things, ENERGY, stranger)
    refuses("marketplace: access is denied", market.place.fetch, *theirs, sender=stranger)
    wallet.call(market.place, market.place.fetch.encode_input(*theirs), sender=owner)
    assert market.things.balanceOf(stranger, ENERGY) == 10
    assert market.place.held(market.things, ENERGY) == 0
    again = (wallet, market.things, ENERGY, wallet)
    refuses("marketplace: nothing is kept", market.place.fetch, *again, sender=stranger)


def test_fetch__receiver_calls_back__finds_the_doors_shut(
    market: Market, owner: AccountAPI, stranger: AccountAPI
) -> None:
    """A hook that runs while a thing is delivered collects nothing, and nothing is lost by that."""
    wallet, receiver = owner.deploy(container("SilentWallet")), owner.deploy(container("ReentrantReceiver"))
    market.coin.give(wallet, 5_000, sender=owner)
    wallet.call(market.coin, market.coin.approve.encode_input(market.place, 5_000), sender=owner)
    number = market.auction()
    market.place.bid(number, 1_000, sender=market.buyer)
    wallet.call(market.place, market.place.bid.encode_input(number, 5_000), sender=owner)
    market.wait_until(market.place.auction_of(number).ends + 1)
    market.place.settle(number, sender=stranger)
    receiver.prepare(market.place, market.place.collect.encode_input(market.buyer), sender=owner)

    fetch = market.place.fetch.encode_input(wallet, market.things, ENERGY, receiver)
    wallet.call(market.place, fetch, sender=owner)

    assert (receiver.calls(), receiver.successes()) == (1, 0)
    assert market.things.balanceOf(receiver, ENERGY) == 10
    assert market.place.owed(market.buyer) == 1_000
