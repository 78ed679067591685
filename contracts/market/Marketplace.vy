# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Marketplace
@custom:contract-name Marketplace
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Sales for GCM of what the DAO allows: energy, certificates, tickets, any ERC-1155 or ERC-721.
        An offer has a fixed price per lot and is taken whole or in part by its number, by anybody or by the one account it
        is meant for. An offer may bundle certificates with every lot: they move to the buyer, or retire for the buyer, in
        the same transaction. An auction is English: every bid beats the last by the auction's increment, a bid near
        the end puts the end off, the winner gets the thing and everybody else may collect their bid.
        What is for sale is held here; terms never change once they stand, so nobody pays another price than they saw.
        Of a price the fee goes to the beneficiary, the royalty (ERC-2981, at most 10 %) to its receiver and the rest to the
        seller, both rounded down; fee and royalty are those of when the sale was opened.
@custom:security State first, calls last, one lock for all doors. Nobody can hold a sale up: bids that were beaten are
                 collected, a payment that fails is `owed`, a thing that isn't accepted is `kept` for its owner. Only
                 collections that the owner, a timelock, allowed: a hostile one could fool its own buyers, never take
                 others' things or GCM. Tokens that are sent here without a sale are refused, where the standard
                 lets us. An auction may be settled, and bids collected, while a collection is no longer allowed.
@custom:kill `Guard.pause(marketplace)` refuses new offers, auctions, bids and takings. Withdrawing, settling, collecting and
             fetching go on always.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from ethereum.ercs import IERC721
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IPausable


# @dev Whom a retirement is for, as Certificates takes it: beneficiary, name, purpose, consumption from and until.
struct Use:
    beneficiary: address
    name: String[64]
    purpose: String[128]
    period_from: uint40
    period_until: uint40


# @dev What is asked of the Certificates, beside ERC-1155.
interface IRetiring:
    def retire(owner: address, id: uint256, amount: uint256, use: Use) -> uint256: nonpayable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: without an owner no collection could be disallowed.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A thing is for sale at a fixed price per lot.
event Offered:
    offer: indexed(uint256)
    seller: indexed(address)
    collection: indexed(address)
    id: uint256
    amount: uint128
    lot: uint128
    price: uint128
    ends: uint40
    only_for: address
    certificate: uint256
    certificates_per_lot: uint128


# @dev Lots of an offer were bought; `retirement` is above 0 if their certificates retired for the buyer.
event Taken:
    offer: indexed(uint256)
    buyer: indexed(address)
    lots: uint128
    cost: uint256
    fee: uint256
    royalty: uint256
    retirement: uint256


# @dev An offer is over: everything was taken, or the rest went back.
event OfferEnded:
    offer: indexed(uint256)
    state: uint8
    returned: uint128


# @dev A thing is up for auction.
event AuctionOpened:
    auction: indexed(uint256)
    seller: indexed(address)
    collection: indexed(address)
    id: uint256
    amount: uint128
    reserve: uint128
    increment_bps: uint16
    ends: uint40


# @dev A bid leads; `ends` is when the auction ends now.
event Bid:
    auction: indexed(uint256)
    bidder: indexed(address)
    amount: uint128
    ends: uint40


# @dev An auction is over.
event AuctionEnded:
    auction: indexed(uint256)
    winner: indexed(address)
    state: uint8
    price: uint256
    fee: uint256
    royalty: uint256


# @dev GCM waits to be collected: a bid that was beaten, or a payment that failed.
event Owed:
    account: indexed(address)
    amount: uint256


# @dev What was owed was paid.
event Collected:
    account: indexed(address)
    amount: uint256


# @dev A thing was not accepted and waits to be fetched.
event Kept:
    account: indexed(address)
    collection: indexed(address)
    id: uint256
    amount: uint256


# @dev What was kept was delivered.
event Fetched:
    account: indexed(address)
    collection: indexed(address)
    id: uint256
    amount: uint256
    to: address


# @dev A collection was allowed or disallowed for new sales.
event CollectionChanged:
    collection: indexed(address)
    standard: uint8
    allowed: bool


# @dev The fee of new sales changed, in basis points.
event FeeChanged:
    old: uint16
    new: uint16


# @dev Fees go to another account from now on.
event BeneficiaryChanged:
    old: indexed(address)
    new: indexed(address)


# @dev The Guard stopped the marketplace or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What offers and auctions have in common.
struct Thing:
    seller: address
    collection: address
    id: uint256
    # Of the price, in basis points, as they were when the sale was opened.
    fee_bps: uint16
    royalty_bps: uint16
    royalty_receiver: address


# @dev What `offer_of` tells of an offer.
struct Offer:
    thing: Thing
    # What is left of it, a multiple of the lot.
    left: uint128
    lot: uint128
    # GCM for a lot.
    price: uint128
    # The last unix second at which it can be taken; 0 for ever.
    ends: uint40
    # Zero for anybody.
    only_for: address
    # The certificate's id, and its amount with every lot; 0 without a bundle.
    certificate: uint256
    certificates_per_lot: uint128
    # 0 none, 1 open, 2 sold, 3 withdrawn.
    state: uint8


# @dev What `auction_of` tells of an auction.
struct Auction:
    thing: Thing
    amount: uint128
    # The least first bid.
    reserve: uint128
    increment_bps: uint16
    # The last unix second for a bid, as it stands now.
    ends: uint40
    bidder: address
    bid: uint128
    # 0 none, 1 open, 2 sold, 3 withdrawn or without a bid.
    state: uint8


# @dev States of offers and auctions.
OPEN: constant(uint8) = 1
SOLD: constant(uint8) = 2
WITHDRAWN: constant(uint8) = 3


# @dev Standards of collections.
MULTI: constant(uint8) = 1
UNIQUE: constant(uint8) = 2


# @dev The highest fee and the highest royalty.
FEE_MAX_BPS: constant(uint16) = 500
ROYALTY_MAX_BPS: constant(uint16) = 1_000


# @dev By how much a bid may have to beat the last one: 1 % to 50 %.
INCREMENT_MIN_BPS: constant(uint16) = 100
INCREMENT_MAX_BPS: constant(uint16) = 5_000


# @dev A bid leaves others at least this many seconds.
EXTENSION: constant(uint256) = 600


# @dev How long auctions may last, in seconds.
AUCTION_MIN: constant(uint256) = 900
AUCTION_MAX: constant(uint256) = 30 * 86_400


# @dev What delivering a thing to an account that didn't ask may use, and asking for a royalty.
DELIVERY_GAS: constant(uint256) = 500_000
_ROYALTY_GAS: constant(uint256) = 50_000


_BPS: constant(uint256) = 10_000


# @dev What pays.
gcm: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# @dev The certificates that may be bundled; zero for none.
certificates: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while new sales, bids and takings are stopped.
paused: public(bool)


# @dev Collection → its standard, 1 ERC-1155 or 2 ERC-721, for ever; and whether it is allowed for new sales.
standard_of: public(HashMap[address, uint8])
allowed: public(HashMap[address, bool])


# @dev The fee of new sales, and who gets fees.
fee_bps: public(uint16)
beneficiary: public(address)


# @dev How many there were; numbers run from 1.
offers: public(uint256)
auctions: public(uint256)


# @dev Leading bids of open auctions together.
bids: public(uint256)


# @dev GCM to be collected, for each account and together.
owed: public(HashMap[address, uint256])
total_owed: public(uint256)


# @dev collection → id → what is here: of open sales and kept.
held: public(HashMap[address, HashMap[uint256, uint256]])


# @dev Account → collection → id → what is kept for it.
kept: public(HashMap[address, HashMap[address, HashMap[uint256, uint256]]])


# @dev Number → offer, auction.
_offers: HashMap[uint256, Offer]
_auctions: HashMap[uint256, Auction]


# @dev True while a thing is being taken in: the hook refuses everything else.
_taking_in: transient(bool)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(gcm_: address, guard_: address, certificates_: address, beneficiary_: address, fee_bps_: uint16):
    """
    @dev The deployer is the first owner. No collection is allowed yet.
    @param gcm_ The 20-byte address of the token that pays; it takes no fee on transfers.
    @param guard_ The 20-byte address of the Guard.
    @param certificates_ The 20-byte address of the Certificates; zero for none.
    @param beneficiary_ The 20-byte address that gets fees.
    @param fee_bps_ The fee in basis points, at most 500.
    """
    ownable.__init__()
    ownable_2step.__init__()
    assert gcm_ != empty(address) and guard_ != empty(address), "marketplace: no token or no guard"
    gcm = gcm_
    guard = guard_
    certificates = certificates_
    self._set_beneficiary(beneficiary_)
    self._set_fee(fee_bps_)


# ------------------------------------------------------------------
#                               OFFERS
# ------------------------------------------------------------------


@external
def offer(
    collection: address,
    id: uint256,
    amount: uint128,
    lot: uint128,
    price: uint128,
    ends: uint40,
    only_for: address,
    certificate: uint256,
    certificates_per_lot: uint128,
) -> uint256:
    """
    @dev Puts things of the caller up for sale, who approved this contract for them.
    @param collection The 20-byte address of an allowed collection.
    @param id The 32-byte id.
    @param amount How many; 1 of an ERC-721.
    @param lot What is sold together; the amount is a multiple of it. The amount itself: whole or not at all.
    @param price GCM for a lot, above 0.
    @param ends The last unix second at which it can be taken; 0 for ever.
    @param only_for The 20-byte address of the only buyer; zero for anybody.
    @param certificate The 32-byte id of a certificate of the caller that goes with it.
    @param certificates_per_lot Its amount with every lot; 0 for no bundle.
    @return uint256 The number of the offer.
    """
    self._check_may_trade(msg.sender)
    assert lot != 0 and amount != 0 and amount % lot == 0, "marketplace: not a number of lots"
    assert price != 0, "marketplace: no price"
    assert ends == 0 or convert(ends, uint256) > block.timestamp, "marketplace: ends before it begins"
    assert only_for != msg.sender, "marketplace: seller is the buyer"
    assert certificates_per_lot == 0 or certificates != empty(address), "marketplace: no certificates here"
    thing: Thing = self._thing(collection, id, amount)
    number: uint256 = self.offers + 1
    self.offers = number
    self._offers[number] = Offer(
        thing=thing,
        left=amount,
        lot=lot,
        price=price,
        ends=ends,
        only_for=only_for,
        certificate=certificate,
        certificates_per_lot=certificates_per_lot,
        state=OPEN,
    )
    log Offered(
        offer=number,
        seller=msg.sender,
        collection=collection,
        id=id,
        amount=amount,
        lot=lot,
        price=price,
        ends=ends,
        only_for=only_for,
        certificate=certificate,
        certificates_per_lot=certificates_per_lot,
    )
    self._take_in(collection, self.standard_of[collection], id, convert(amount, uint256))
    if certificates_per_lot != 0:
        self._take_in(
            certificates,
            MULTI,
            certificate,
            convert(amount // lot, uint256) * convert(certificates_per_lot, uint256),
        )
    return number


@external
def take(number: uint256, lots: uint128):
    """
    @dev Buys lots of an offer; certificates that go with them move to the caller.
    @param number The number of the offer.
    @param lots How many lots, above 0.
    """
    sale: Offer = self._buyable(number, lots)
    self._sell(number, lots, 0, sale)
    self._deliver(sale.thing.collection, sale.thing.id, convert(lots * sale.lot, uint256), msg.sender)
    bundled: uint256 = convert(lots, uint256) * convert(sale.certificates_per_lot, uint256)
    if bundled != 0:
        self._deliver_multi(certificates, sale.certificate, bundled, msg.sender)


@external
def take_and_retire(number: uint256, lots: uint128, use: Use) -> uint256:
    """
    @dev Buys lots of an offer and retires the certificates that go with them.
    @param number The number of the offer.
    @param lots How many lots, above 0.
    @param use For whom and for what they retire.
    @return uint256 The number of the retirement.
    """
    sale: Offer = self._buyable(number, lots)
    bundled: uint256 = convert(lots, uint256) * convert(sale.certificates_per_lot, uint256)
    assert bundled != 0, "marketplace: nothing to retire"
    self.held[certificates][sale.certificate] -= bundled
    # Before the rest, because the sale's log names it. The lock is shut.
    retirement: uint256 = extcall IRetiring(certificates).retire(self, sale.certificate, bundled, use)
    self._sell(number, lots, retirement, sale)
    self._deliver(sale.thing.collection, sale.thing.id, convert(lots * sale.lot, uint256), msg.sender)
    return retirement


@external
def withdraw_offer(number: uint256):
    """
    @dev Returns what is left of an offer to its seller: the seller at any time, anybody once it has ended.
    @param number The number of the offer.
    """
    sale: Offer = self._offers[number]
    assert sale.state == OPEN, "marketplace: offer is not open"
    assert msg.sender == sale.thing.seller or (
        sale.ends != 0 and block.timestamp > convert(sale.ends, uint256)
    ), "marketplace: caller is not the seller"
    self._offers[number].left = 0
    self._offers[number].state = WITHDRAWN
    log OfferEnded(offer=number, state=WITHDRAWN, returned=sale.left)
    self._hand_over(sale.thing.collection, sale.thing.id, convert(sale.left, uint256), sale.thing.seller)
    bundled: uint256 = convert(sale.left // sale.lot, uint256) * convert(sale.certificates_per_lot, uint256)
    if bundled != 0:
        self._hand_over(certificates, sale.certificate, bundled, sale.thing.seller)


# ------------------------------------------------------------------
#                              AUCTIONS
# ------------------------------------------------------------------


@external
def open_auction(
    collection: address, id: uint256, amount: uint128, reserve: uint128, increment_bps: uint16, ends: uint40
) -> uint256:
    """
    @dev Puts things of the caller up for auction, together, who approved this contract for them.
    @param collection The 20-byte address of an allowed collection.
    @param id The 32-byte id.
    @param amount How many; 1 of an ERC-721.
    @param reserve The least first bid in GCM, above 0.
    @param increment_bps By how much a bid must beat the last one, in basis points, 100 to 5,000.
    @param ends The last unix second for a bid, 15 minutes to 30 days from now; bids near it put it off.
    @return uint256 The number of the auction.
    """
    self._check_may_trade(msg.sender)
    assert amount != 0, "marketplace: nothing for sale"
    assert reserve != 0, "marketplace: no price"
    assert (
        increment_bps >= INCREMENT_MIN_BPS and increment_bps <= INCREMENT_MAX_BPS
    ), "marketplace: increment out of bounds"
    until: uint256 = convert(ends, uint256)
    assert (
        until >= block.timestamp + AUCTION_MIN and until <= block.timestamp + AUCTION_MAX
    ), "marketplace: end out of bounds"
    number: uint256 = self.auctions + 1
    thing: Thing = self._thing(collection, id, amount)
    self.auctions = number
    self._auctions[number] = Auction(
        thing=thing,
        amount=amount,
        reserve=reserve,
        increment_bps=increment_bps,
        ends=ends,
        bidder=empty(address),
        bid=0,
        state=OPEN,
    )
    log AuctionOpened(
        auction=number,
        seller=msg.sender,
        collection=collection,
        id=id,
        amount=amount,
        reserve=reserve,
        increment_bps=increment_bps,
        ends=ends,
    )
    self._take_in(collection, self.standard_of[collection], id, convert(amount, uint256))
    return number


@external
def bid(number: uint256, amount: uint128):
    """
    @dev Bids GCM of the caller, who approved this contract. The bid that is beaten may be collected at once.
    @param number The number of the auction.
    @param amount The bid, at least `least_bid(number)`.
    """
    self._check_may_trade(msg.sender)
    assert self._auctions[number].state == OPEN, "marketplace: auction is not open"
    ends: uint256 = convert(self._auctions[number].ends, uint256)
    assert block.timestamp <= ends, "marketplace: auction has ended"
    assert msg.sender != self._auctions[number].thing.seller, "marketplace: seller is the buyer"
    bidden: uint256 = convert(amount, uint256)
    assert bidden >= self._least_bid(number), "marketplace: bid is too low"

    beaten: uint256 = convert(self._auctions[number].bid, uint256)
    loser: address = self._auctions[number].bidder
    ends = max(ends, block.timestamp + EXTENSION)
    self._auctions[number].bid = amount
    self._auctions[number].bidder = msg.sender
    self._auctions[number].ends = convert(ends, uint40)
    self.bids = self.bids - beaten + bidden
    if beaten != 0:
        self._owe(loser, beaten)
    log Bid(auction=number, bidder=msg.sender, amount=amount, ends=convert(ends, uint40))
    assert extcall IERC20(gcm).transferFrom(msg.sender, self, bidden), "marketplace: token refuses"


@external
def settle(number: uint256):
    """
    @dev Ends an auction once its time is over, by anybody: the thing to the winner and the price to the seller, or the
         thing back if nobody bid.
    @param number The number of the auction.
    """
    sale: Auction = self._auctions[number]
    assert sale.state == OPEN, "marketplace: auction is not open"
    assert block.timestamp > convert(sale.ends, uint256), "marketplace: auction goes on"
    if sale.bid == 0:
        self._end_unsold(number, sale)
        return
    price: uint256 = convert(sale.bid, uint256)
    self._auctions[number].state = SOLD
    self.bids -= price
    fee: uint256 = self._part(price, sale.thing.fee_bps)
    royalty: uint256 = self._part(price, sale.thing.royalty_bps)
    log AuctionEnded(auction=number, winner=sale.bidder, state=SOLD, price=price, fee=fee, royalty=royalty)
    self._distribute(sale.thing, price, fee, royalty)
    self._hand_over(sale.thing.collection, sale.thing.id, convert(sale.amount, uint256), sale.bidder)


@external
def withdraw_auction(number: uint256):
    """
    @dev The seller takes an auction back that nobody has bid in.
    @param number The number of the auction.
    """
    sale: Auction = self._auctions[number]
    assert sale.state == OPEN, "marketplace: auction is not open"
    assert msg.sender == sale.thing.seller, "marketplace: caller is not the seller"
    assert sale.bid == 0, "marketplace: somebody bid"
    self._end_unsold(number, sale)


# ------------------------------------------------------------------
#                       WHAT WAITS FOR ITS OWNER
# ------------------------------------------------------------------


@external
def collect(account: address):
    """
    @dev Pays what is owed to an account, to it and nobody else, by anybody. Reverts if the token still refuses.
    @param account The 20-byte address.
    """
    amount: uint256 = self.owed[account]
    assert amount != 0, "marketplace: nothing is owed"
    self.owed[account] = 0
    self.total_owed -= amount
    log Collected(account=account, amount=amount)
    assert extcall IERC20(gcm).transfer(account, amount), "marketplace: token refuses"


@external
def fetch(account: address, collection: address, id: uint256, to: address):
    """
    @dev Delivers what is kept for an account: to wherever it says, or, by anybody, to itself.
    @param account The 20-byte address.
    @param collection The 20-byte address of the collection.
    @param id The 32-byte id.
    @param to The 20-byte address that receives.
    """
    assert msg.sender == account or to == account, "marketplace: access is denied"
    amount: uint256 = self.kept[account][collection][id]
    assert amount != 0, "marketplace: nothing is kept"
    self.kept[account][collection][id] = 0
    log Fetched(account=account, collection=collection, id=id, amount=amount, to=to)
    self._deliver(collection, id, amount, to)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_collection(collection: address, standard: uint8, allowed: bool):
    """
    @dev Allows a collection for new sales or disallows it; open sales go on.
    @param collection The 20-byte address.
    @param standard 1 for ERC-1155, 2 for ERC-721; never another one for the same collection.
    @param allowed True to allow.
    """
    ownable._check_owner()
    assert standard == MULTI or standard == UNIQUE, "marketplace: unknown standard"
    assert collection != gcm and collection != empty(address), "marketplace: not a collection"
    assert collection != certificates or standard == MULTI, "marketplace: another standard"
    known: uint8 = self.standard_of[collection]
    assert known == 0 or known == standard, "marketplace: another standard"
    self.standard_of[collection] = standard
    self.allowed[collection] = allowed
    log CollectionChanged(collection=collection, standard=standard, allowed=allowed)


@external
def set_fee(bps: uint16):
    """
    @dev Sets the fee of new sales.
    @param bps The fee in basis points, at most 500.
    """
    ownable._check_owner()
    self._set_fee(bps)


@external
def set_beneficiary(account: address):
    """
    @dev Lets fees go to another account, those of open sales too.
    @param account The 20-byte address.
    """
    ownable._check_owner()
    self._set_beneficiary(account)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops new sales, bids and takings, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "marketplace: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                              RECEIVER
# ------------------------------------------------------------------


# @dev Open while the lock is shut: that is when things come in.
@external
@reentrant
def onERC1155Received(operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts what this contract itself takes in for a sale and nothing else.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that gives.
    @param id The 32-byte id.
    @param amount How many.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    assert self._taking_in and operator == self, "marketplace: only for a sale"
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def offer_of(number: uint256) -> Offer:
    """
    @dev Returns an offer; all zero when there is none.
    @param number The number of the offer.
    @return Offer The thing, its seller and shares, what is left, the price, and the state.
    """
    return self._offers[number]


@external
@view
def auction_of(number: uint256) -> Auction:
    """
    @dev Returns an auction; all zero when there is none.
    @param number The number of the auction.
    @return Auction The thing, its seller and shares, the leading bid, the end, and the state.
    """
    return self._auctions[number]


@external
@view
def least_bid(number: uint256) -> uint256:
    """
    @dev Returns the least bid that would lead an auction: the reserve, or the leading bid and its increment, rounded up.
    @param number The number of the auction.
    @return uint256 The bid in GCM.
    """
    return self._least_bid(number)


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells whether an interface is implemented (ERC-165).
    @param interface_id The 4-byte id of the interface.
    @return bool True for ERC-165 only: no batches of tokens are received.
    """
    return interface_id == 0x01FFC9A7


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_may_trade(account: address):
    """
    @dev Refuses a stop and a frozen account.
    @param account The 20-byte address.
    """
    assert not self.paused, "marketplace: paused"
    assert not staticcall IGuard(guard).frozen(account), "marketplace: account is frozen"


@internal
@view
def _thing(collection: address, id: uint256, amount: uint128) -> Thing:
    """
    @dev Fixes what a new sale of the caller owes to whom.
    @param collection The 20-byte address of the collection.
    @param id The 32-byte id.
    @param amount How many.
    @return Thing What offers and auctions have in common.
    """
    assert self.allowed[collection], "marketplace: collection is not allowed"
    assert amount == 1 or self.standard_of[collection] == MULTI, "marketplace: there is only one"
    receiver: address = empty(address)
    bps: uint16 = 0
    success: bool = False
    answer: Bytes[64] = b""
    # Of a price of 10,000 the royalty is its basis points. Who doesn't answer has none.
    success, answer = raw_call(
        collection,
        abi_encode(id, _BPS, method_id=method_id("royaltyInfo(uint256,uint256)")),
        max_outsize=64,
        gas=_ROYALTY_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if success and len(answer) == 64:
        word: uint256 = extract32(answer, 0, output_type=uint256)
        share: uint256 = extract32(answer, 32, output_type=uint256)
        # Nobody's, no account's, or ours: nobody could have it.
        if word != 0 and word >> 160 == 0 and word != convert(self, uint256):
            receiver = convert(convert(word, uint160), address)
            bps = convert(min(share, convert(ROYALTY_MAX_BPS, uint256)), uint16)
    return Thing(
        seller=msg.sender,
        collection=collection,
        id=id,
        fee_bps=self.fee_bps,
        royalty_bps=bps,
        royalty_receiver=receiver,
    )


@internal
@view
def _buyable(number: uint256, lots: uint128) -> Offer:
    """
    @dev Refuses what the caller can't buy.
    @param number The number of the offer.
    @param lots How many lots.
    @return Offer The offer.
    """
    self._check_may_trade(msg.sender)
    sale: Offer = self._offers[number]
    assert sale.state == OPEN, "marketplace: offer is not open"
    assert sale.ends == 0 or block.timestamp <= convert(sale.ends, uint256), "marketplace: offer has ended"
    assert sale.only_for == empty(address) or sale.only_for == msg.sender, "marketplace: for somebody else"
    assert msg.sender != sale.thing.seller, "marketplace: seller is the buyer"
    assert lots != 0 and lots <= sale.left // sale.lot, "marketplace: not that many lots"
    return sale


@internal
def _sell(number: uint256, lots: uint128, retirement: uint256, sale: Offer):
    """
    @dev Sells lots of an offer to the caller: what is left falls, and the price is paid and distributed.
    @param number The number of the offer.
    @param lots How many lots.
    @param retirement The number of the retirement that goes with it, or 0.
    @param sale The offer, which the caller can buy.
    """
    left: uint128 = sale.left - lots * sale.lot
    self._offers[number].left = left
    cost: uint256 = convert(lots, uint256) * convert(sale.price, uint256)
    fee: uint256 = self._part(cost, sale.thing.fee_bps)
    royalty: uint256 = self._part(cost, sale.thing.royalty_bps)
    log Taken(
        offer=number, buyer=msg.sender, lots=lots, cost=cost, fee=fee, royalty=royalty, retirement=retirement
    )
    if left == 0:
        self._offers[number].state = SOLD
        log OfferEnded(offer=number, state=SOLD, returned=0)
    assert extcall IERC20(gcm).transferFrom(msg.sender, self, cost), "marketplace: token refuses"
    self._distribute(sale.thing, cost, fee, royalty)


@internal
def _end_unsold(number: uint256, sale: Auction):
    """
    @dev Ends an auction without a bid.
    @param number The number of the auction.
    @param sale The auction, open.
    """
    self._auctions[number].state = WITHDRAWN
    log AuctionEnded(auction=number, winner=empty(address), state=WITHDRAWN, price=0, fee=0, royalty=0)
    self._hand_over(sale.thing.collection, sale.thing.id, convert(sale.amount, uint256), sale.thing.seller)


@internal
@view
def _least_bid(number: uint256) -> uint256:
    """
    @dev Returns the least bid that would lead.
    @param number The number of the auction.
    @return uint256 The bid in GCM.
    """
    leading: uint256 = convert(self._auctions[number].bid, uint256)
    if leading == 0:
        return convert(self._auctions[number].reserve, uint256)
    step: uint256 = leading * convert(self._auctions[number].increment_bps, uint256)
    return leading + (step + _BPS - 1) // _BPS


@internal
@pure
def _part(amount: uint256, bps: uint16) -> uint256:
    """
    @dev Returns a part of an amount, rounded down.
    @param amount The amount.
    @param bps The part in basis points.
    @return uint256 The part.
    """
    return amount * convert(bps, uint256) // _BPS


@internal
def _distribute(thing: Thing, price: uint256, fee: uint256, royalty: uint256):
    """
    @dev Pays a price that is here: the fee, the royalty, and the rest to the seller.
    @param thing What was sold.
    @param price The price.
    @param fee The fee.
    @param royalty The royalty.
    """
    self._pay(self.beneficiary, fee)
    self._pay(thing.royalty_receiver, royalty)
    # Fee and royalty are at most 15 % together.
    self._pay(thing.seller, price - fee - royalty)


@internal
def _pay(account: address, amount: uint256):
    """
    @dev Pays, or notes what is owed: an account that can't receive must not hold a sale up.
    @param account The 20-byte address.
    @param amount The amount of GCM.
    """
    if amount == 0:
        return
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        gcm,
        abi_encode(account, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    if not (success and len(answer) == 32 and convert(answer, uint256) == 1):
        self._owe(account, amount)


@internal
def _owe(account: address, amount: uint256):
    """
    @dev Notes GCM that its owner may collect.
    @param account The 20-byte address.
    @param amount The amount of GCM.
    """
    self.owed[account] += amount
    self.total_owed += amount
    log Owed(account=account, amount=amount)


@internal
def _take_in(collection: address, standard: uint8, id: uint256, amount: uint256):
    """
    @dev Takes things of the caller in, and refuses a collection that says it moved them and didn't.
    @param collection The 20-byte address of the collection.
    @param standard Its standard.
    @param id The 32-byte id.
    @param amount How many.
    """
    here: uint256 = self.held[collection][id] + amount
    self.held[collection][id] = here
    if standard == UNIQUE:
        extcall IERC721(collection).transferFrom(msg.sender, self, id)
        assert staticcall IERC721(collection).ownerOf(id) == self, "marketplace: nothing came"
    else:
        self._taking_in = True
        extcall IERC1155(collection).safeTransferFrom(msg.sender, self, id, amount, b"")
        self._taking_in = False
        assert staticcall IERC1155(collection).balanceOf(self, id) >= here, "marketplace: nothing came"


@internal
def _deliver(collection: address, id: uint256, amount: uint256, to: address):
    """
    @dev Delivers to an account that asked for it; reverts if it isn't accepted.
    @param collection The 20-byte address of the collection.
    @param id The 32-byte id.
    @param amount How many.
    @param to The 20-byte address.
    """
    if self.standard_of[collection] == UNIQUE:
        self.held[collection][id] -= amount
        extcall IERC721(collection).safeTransferFrom(self, to, id, b"")
    else:
        self._deliver_multi(collection, id, amount, to)


@internal
def _deliver_multi(collection: address, id: uint256, amount: uint256, to: address):
    """
    @dev Delivers of an ERC-1155; reverts if it isn't accepted.
    @param collection The 20-byte address of the collection.
    @param id The 32-byte id.
    @param amount How many.
    @param to The 20-byte address.
    """
    self.held[collection][id] -= amount
    extcall IERC1155(collection).safeTransferFrom(self, to, id, amount, b"")


@internal
def _hand_over(collection: address, id: uint256, amount: uint256, to: address):
    """
    @dev Delivers to an account that may not have asked: what isn't accepted is kept for it.
    @param collection The 20-byte address of the collection.
    @param id The 32-byte id.
    @param amount How many.
    @param to The 20-byte address.
    """
    data: Bytes[292] = b""
    if self.standard_of[collection] == UNIQUE:
        data = abi_encode(
            self, to, id, b"", method_id=method_id("safeTransferFrom(address,address,uint256,bytes)")
        )
    else:
        data = abi_encode(
            self, to, id, amount, b"", method_id=method_id("safeTransferFrom(address,address,uint256,uint256,bytes)")
        )
    # Counted out before the call: the receiver may look.
    self.held[collection][id] -= amount
    if not raw_call(collection, data, gas=DELIVERY_GAS, revert_on_failure=False):
        self.held[collection][id] += amount
        self.kept[to][collection][id] += amount
        log Kept(account=to, collection=collection, id=id, amount=amount)


@internal
def _set_fee(bps: uint16):
    """
    @dev Sets the fee of new sales.
    @param bps The fee in basis points.
    """
    assert bps <= FEE_MAX_BPS, "marketplace: fee out of bounds"
    log FeeChanged(old=self.fee_bps, new=bps)
    self.fee_bps = bps


@internal
def _set_beneficiary(account: address):
    """
    @dev Sets who gets fees.
    @param account The 20-byte address, neither zero nor this contract.
    """
    assert account != empty(address) and account != self, "marketplace: no beneficiary"
    log BeneficiaryChanged(old=self.beneficiary, new=account)
    self.beneficiary = account
