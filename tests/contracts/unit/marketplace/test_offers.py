# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Marketplace, fixed prices: an offer is taken whole or in part by its number, with its certificates, at its price."""

from ape.api import AccountAPI

from tests.contracts.house import ZERO, refuses
from tests.contracts.unit.marketplace.conftest import CERTIFICATE, DAY, DEED, ENERGY, FORTUNE, Market

OPEN, SOLD, WITHDRAWN = 1, 2, 3


def test_offer(market: Market) -> None:
    """It stands as it was given, with fee and royalty of now, and the thing is here."""
    receipt = market.place.offer(*market.terms(ends=market.now + DAY), sender=market.seller)

    (offered,) = receipt.decode_logs(market.place.Offered)
    assert (offered.offer, offered.seller, offered.collection, offered.id) == (1, market.seller, market.things, ENERGY)
    offer = market.place.offer_of(1)
    assert (offer.left, offer.lot, offer.price, offer.state) == (1_000, 100, 1_000, OPEN)
    assert (offer.thing.fee_bps, offer.thing.royalty_bps, offer.thing.royalty_receiver) == (100, 500, market.artist)
    assert market.things.balanceOf(market.place, ENERGY) == market.place.held(market.things, ENERGY) == 1_000


def test_offer__bad_terms__reverts(market: Market, guardian: AccountAPI, stranger: AccountAPI) -> None:
    """What can't be sold is refused before it moves."""
    for changes, reason in (
        ({"amount": 0}, "marketplace: not a number of lots"),
        ({"lot": 0}, "marketplace: not a number of lots"),
        ({"lot": 300}, "marketplace: not a number of lots"),
        ({"price": 0}, "marketplace: no price"),
        ({"ends": market.now - 1}, "marketplace: ends before it begins"),
        ({"only_for": market.seller}, "marketplace: seller is the buyer"),
        ({"collection": market.coin}, "marketplace: collection is not allowed"),
        ({"collection": market.deeds, "id": DEED, "amount": 2, "lot": 1}, "marketplace: there is only one"),
        ({"amount": 10_100}, "erc1155: insufficient balance for transfer"),
    ):
        refuses(reason, market.place.offer, *market.terms(**changes), sender=market.seller)
    refuses("open_things: not approved", market.place.offer, *market.terms(), sender=stranger)
    market.guard.freeze(market.seller, sender=guardian)
    refuses("marketplace: account is frozen", market.place.offer, *market.terms(), sender=market.seller)


def test_offer__collection_that_lies__reverts(market: Market, owner: AccountAPI) -> None:
    """Nothing is for sale that isn't here, even if as much of it lies here for somebody else."""
    market.offer()
    market.things.set_lies(True, sender=owner)
    refuses("marketplace: nothing came", market.place.offer, *market.terms(), sender=market.seller)


def test_take__in_part_and_whole(market: Market) -> None:
    """Exactly the price per lot; fee and royalty rounded down, the rest is the seller's."""
    number = market.offer(price=999)

    receipt = market.place.take(number, 3, sender=market.buyer)

    (taken,) = receipt.decode_logs(market.place.Taken)
    assert (taken.lots, taken.cost, taken.fee, taken.royalty, taken.retirement) == (3, 2_997, 29, 149, 0)
    assert market.money() == {"buyer": -2_997, "seller": 2_819, "fees": 29, "artist": 149}
    assert market.things.balanceOf(market.buyer, ENERGY) == 300
    refuses("marketplace: not that many lots", market.place.take, number, 8, sender=market.rival)
    refuses("marketplace: not that many lots", market.place.take, number, 0, sender=market.rival)
    receipt = market.place.take(number, 7, sender=market.rival)
    (ended,) = receipt.decode_logs(market.place.OfferEnded)
    assert (ended.state, ended.returned) == (SOLD, 0)
    refuses("marketplace: offer is not open", market.place.take, number, 1, sender=market.rival)
    refuses("marketplace: offer is not open", market.place.withdraw_offer, number, sender=market.seller)
    assert market.things.balanceOf(market.place, ENERGY) == market.place.held(market.things, ENERGY) == 0


def test_take__not_for_everybody__reverts(market: Market, guardian: AccountAPI, owner: AccountAPI) -> None:
    """A named buyer, a time, the seller, a frozen account, an empty purse, a stop."""
    named = market.offer(only_for=market.buyer)
    refuses("marketplace: for somebody else", market.place.take, named, 1, sender=market.rival)
    refuses("marketplace: for somebody else", market.place.take, named, 1, sender=market.seller)
    market.place.take(named, 1, sender=market.buyer)
    dear = market.offer(price=FORTUNE)
    refuses("marketplace: seller is the buyer", market.place.take, dear, 1, sender=market.seller)
    refuses("erc20: transfer amount exceeds balance", market.place.take, dear, 2, sender=market.rival)
    market.guard.freeze(market.rival, sender=guardian)
    refuses("marketplace: account is frozen", market.place.take, dear, 1, sender=market.rival)
    market.guard.unfreeze(market.rival, sender=guardian)
    market.guard.pause(market.place, sender=guardian)
    refuses("marketplace: paused", market.place.take, dear, 1, sender=market.rival)
    market.guard.unpause(market.place, sender=owner)
    short = market.offer(ends=market.now + DAY)
    market.wait_until(market.now + DAY + 5)
    refuses("marketplace: offer has ended", market.place.take, short, 1, sender=market.rival)


def test_take__deed(market: Market) -> None:
    """An ERC-721 goes whole, and without royalties if it knows of none."""
    number = market.offer(collection=market.deeds, id=DEED, amount=1, lot=1, price=1_000)
    assert market.deeds.ownerOf(DEED) == market.place
    market.place.take(number, 1, sender=market.buyer)
    assert market.deeds.ownerOf(DEED) == market.buyer
    assert market.money() == {"buyer": -1_000, "seller": 990, "fees": 10}


def test_take__bundled_certificates__move_with_their_lots(market: Market) -> None:
    """So many certificates as lots; the rest goes back with the rest."""
    number = market.offer(certificate=CERTIFICATE, per_lot=7)
    assert market.certificates.balanceOf(market.place, CERTIFICATE) == 70
    market.place.take(number, 4, sender=market.buyer)
    assert market.certificates.balanceOf(market.buyer, CERTIFICATE) == 28
    market.place.withdraw_offer(number, sender=market.seller)
    assert market.certificates.balanceOf(market.seller, CERTIFICATE) == 10_000 - 28
    assert market.place.held(market.certificates, CERTIFICATE) == 0


def test_take_and_retire(market: Market) -> None:
    """The certificates retire for the buyer in the purchase, once and only those that were bought."""
    number = market.offer(certificate=CERTIFICATE, per_lot=7)
    use = (market.buyer, "A buyer", "scope 2", market.now - DAY, market.now)

    receipt = market.place.take_and_retire(number, 4, use, sender=market.buyer)

    (taken,) = receipt.decode_logs(market.place.Taken)
    assert (taken.lots, taken.retirement) == (4, 1)
    (retired,) = receipt.decode_logs(market.certificates.Retired)
    assert (retired.owner, retired.amount, retired.beneficiary) == (market.place, 28, market.buyer)
    assert market.certificates.balanceOf(market.place, CERTIFICATE) == 42
    assert market.place.held(market.certificates, CERTIFICATE) == 42
    assert market.things.balanceOf(market.buyer, ENERGY) == 400
    bare = market.offer()
    refuses("marketplace: nothing to retire", market.place.take_and_retire, bare, 1, use, sender=market.buyer)
    refuses("marketplace: not that many lots", market.place.take_and_retire, number, 7, use, sender=market.buyer)


def test_withdraw_offer(market: Market, guardian: AccountAPI, stranger: AccountAPI) -> None:
    """The seller at any time, anybody after its end, and no stop holds it."""
    first, second = market.offer(), market.offer(ends=market.now + DAY)
    for number in (first, second):
        refuses("marketplace: caller is not the seller", market.place.withdraw_offer, number, sender=stranger)
    market.guard.pause(market.place, sender=guardian)
    refuses("marketplace: paused", market.place.offer, *market.terms(), sender=market.seller)
    market.place.withdraw_offer(first, sender=market.seller)
    assert market.place.offer_of(first).state == WITHDRAWN
    market.wait_until(market.now + DAY + 5)
    market.place.withdraw_offer(second, sender=stranger)
    assert market.things.balanceOf(market.seller, ENERGY) == 10_000
    refuses("marketplace: offer is not open", market.place.withdraw_offer, first, sender=market.seller)


def test_pay__seller_can_not_receive__is_owed(market: Market, owner: AccountAPI, stranger: AccountAPI) -> None:
    """The buyer buys all the same, and anybody brings the seller the money later."""
    number = market.offer()
    market.coin.shut_out(market.seller, True, sender=owner)
    market.place.take(number, 1, sender=market.buyer)
    assert market.place.owed(market.seller) == market.place.total_owed() == 940
    refuses("open_coin: shut out", market.place.collect, market.seller, sender=stranger)
    market.coin.shut_out(market.seller, False, sender=owner)
    market.place.collect(market.seller, sender=stranger)
    assert market.money() == {"buyer": -1_000, "seller": 940, "fees": 10, "artist": 50}
    refuses("marketplace: nothing is owed", market.place.collect, market.seller, sender=stranger)


def test_royalty__greedy_or_garbage__is_bounded(market: Market, owner: AccountAPI) -> None:
    """Whatever a collection says, at most a tenth and only to an account; a later change counts for later sales."""
    for receiver, said, bps in (
        (int(market.artist.address, 16), 9_999, 1_000),
        (int(market.artist.address, 16), 2**200, 1_000),
        (0, 500, 0),
        (1 << 160, 500, 0),
        (int(market.place.address, 16), 500, 0),
    ):
        market.things.set_royalty(receiver, said, sender=owner)
        assert market.place.offer_of(market.offer(amount=100)).thing.royalty_bps == bps
    market.place.set_fee(500, sender=owner)
    market.place.take(market.place.offers(), 1, sender=market.buyer)
    assert market.money() == {"buyer": -1_000, "seller": 990, "fees": 10}


def test_hook__tokens_without_a_sale__are_refused(market: Market) -> None:
    """Nothing gets here that nobody could get out again."""
    give = (market.seller, market.place, ENERGY, 1, b"")
    refuses("marketplace: only for a sale", market.things.safeTransferFrom, *give, sender=market.seller)
    assert market.place.supportsInterface("0x01ffc9a7")


def test_reentrancy__while_it_pays__finds_the_doors_shut(market: Market, owner: AccountAPI) -> None:
    """A token that calls back in a transfer neither buys nor withdraws."""
    number = market.offer(ends=market.now + DAY)
    data = market.place.collect.encode_input(market.buyer)
    auction = market.auction()
    market.place.bid(auction, 1_000, sender=market.buyer)
    market.place.bid(auction, 1_050, sender=market.rival)
    market.coin.prepare(market.place, data, sender=owner)
    market.place.take(number, 1, sender=market.rival)
    assert market.coin.tried() > 0
    assert market.coin.went_through() == 0
    assert market.place.owed(market.buyer) == 1_000


def test_access__stranger__reverts(market: Market, stranger: AccountAPI, owner: AccountAPI) -> None:
    """Collections and fees are the owner's, within bounds; the brake is the Guard's."""
    place = market.place
    for method, arguments in (
        (place.set_collection, [stranger, 1, True]),
        (place.set_fee, [0]),
        (place.set_beneficiary, [stranger]),
    ):
        refuses("ownable: caller is not the owner", method, *arguments, sender=stranger)
    refuses("marketplace: access is denied", place.set_paused, True, sender=owner)
    refuses("marketplace: fee out of bounds", place.set_fee, 501, sender=owner)
    refuses("marketplace: no beneficiary", place.set_beneficiary, ZERO, sender=owner)
    refuses("marketplace: unknown standard", place.set_collection, stranger, 3, True, sender=owner)
    refuses("marketplace: another standard", place.set_collection, market.deeds, 1, True, sender=owner)
    refuses("marketplace: not a collection", place.set_collection, market.coin, 1, True, sender=owner)
    place.set_collection(market.things, 1, False, sender=owner)
    refuses("marketplace: collection is not allowed", place.offer, *market.terms(), sender=market.seller)
