# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title OrderBook
@custom:contract-name OrderBook
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Limit order books on chain, with escrow, by price and time. A taker pays per price level and not per maker: a
        level only counts how many lots were ever placed, filled and cancelled in it, an order remembers where in that
        count it begins, and how much of it is filled follows. Makers claim, or anybody claims for them. An order lives
        until it is cancelled, until the end of the UTC day, or until the end of the 15-minute slot; when a session is
        over its levels can't be reached any more, so nothing is swept and nothing expires late. A price is a whole
        number of quote units per lot, so escrow never rounds. Whoever receives pays the fee from what is received: the
        taker's is rounded down at each level, the maker's is a whole number of units per lot, rounded down, so that both
        are counted when the trade is made and a claim counts nothing.
        The accounts stand here, one word for each owner and market: the balance of what the market trades (base), of
        what it is paid in (quote), and what a self-trade is recognised by. So a trade writes one word for its taker and
        calls nobody. The tokens stand in the Vault. Who has nothing there trades straight from the wallet
        (`order_from_wallet`), and `close` claims, cancels and brings home in one call.
@custom:security Sizes, ticks and fees of a market are fixed for ever; a change is a new market. All is written before the
                 Vault is called, and the Vault is the only one that is. An order that would cross is refused (`place`)
                 or trades first (`trade`). A frozen account neither places nor takes: the Guard tells the book, anybody
                 may (`mark_frozen`), and anybody may take its orders out of the book (`cancel_frozen`). Session ends are
                 exact against the chain's clock, which on a rollup is the sequencer's.
@custom:kill `Guard.pause(book)` stops placing and taking in every market, `halt` in one. Cancelling and claiming into
             the account never stop; tokens leave while the Vault lets them.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from contracts.interfaces import IGuard
from contracts.interfaces import IOrderBook
from contracts.interfaces import IPausable
from contracts.interfaces import IVault

implements: IOrderBook
implements: IPausable


# @dev What is asked of the Guard.
interface Guardians:
    def guardians(account: address) -> bool: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from contracts.modules import bitmap
from contracts.modules import cancel_tree

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: bitmap
initializes: cancel_tree

# `renounce_ownership` is left out: markets need somebody to open them and to let them go on after a halt.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A market was opened.
event MarketOpened:
    market: indexed(uint16)
    base: IVault.Asset
    quote: IVault.Asset
    lot_exp: uint8
    tick_exp: uint8
    base_price: uint40
    maker_bps: uint16
    taker_bps: uint16
    min_lots: uint32


# @dev What follows is logged in whole words: a narrower type would cost a check and save nothing.


# @dev An order rests in the book. Its session is that of the block's time.
event Placed:
    market: indexed(uint256)
    owner: indexed(address)
    n: uint96
    side: uint256
    life: uint256
    tick: uint256
    lots: uint256


# @dev A taker traded at one level. `side` is the taker's. What both sides pay follows from the market's fees per lot.
event Traded:
    market: indexed(uint256)
    taker: indexed(address)
    side: uint256
    life: uint256
    tick: uint256
    lots: uint256


# @dev An order was paid `paid` lots, less the fee in what its owner received, and got `back` lots of its escrow back.
event Claimed:
    market: indexed(uint256)
    owner: indexed(address)
    n: uint96
    paid: uint256
    back: uint256
    fee: uint256
    closed: bool


# @dev Fees in one token of a market were paid to the beneficiary.
event Collected:
    market: indexed(uint16)
    beneficiary: indexed(address)
    quote: bool
    amount: uint256


# @dev An owner's accounts took over from the Guard whether they may trade, and whose tier is high enough is asked anew.
event FreezeMarked:
    owner: indexed(address)
    frozen: bool


# @dev Placing and taking in one market stopped or goes on.
event HaltChanged:
    market: indexed(uint16)
    by: indexed(address)
    halted: bool


# @dev Fees go to another address.
event BeneficiaryChanged:
    old: indexed(address)
    new: indexed(address)


# @dev The Guard stopped placing and taking everywhere or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev Lengths of the sessions of lives 1 and 2, in seconds.
DAY: constant(uint256) = 86_400
SLOT: constant(uint256) = 900


# @dev The most markets; the Guard's stop writes every market's word.
MARKETS_MAX: constant(uint256) = 1_024


# @dev The highest fee, in hundredths of a per cent.
FEE_BPS_MAX: constant(uint256) = 100
_BPS: constant(uint256) = 10_000


# @dev The largest power of ten of a lot and of a tick.
EXP_MAX: constant(uint256) = 18


# @dev The most levels that one taker walks.
LEVELS_MAX: constant(uint256) = 256


# @dev The most levels that `depth` returns.
DEPTH_MAX: constant(uint256) = 64


# @dev The most orders of one owner on one side of a market that are not closed.
ORDERS_MAX: constant(uint256) = (1 << 15) - 1


# @dev The most orders that are closed in one call.
BATCH_MAX: constant(uint256) = 64


# @dev The largest key. A bid's key is `KEY_MAX − tick`, an ask's its tick, so the best of a side has the lowest key.
KEY_MAX: constant(uint256) = 65_535


# @dev No best: above every key << 2 | life.
_NONE: constant(uint256) = 1 << 18


# @dev What stands in the place of a closed order, so that its storage slot is recycled.
_CLOSED: constant(uint256) = 1 << 255


# @dev Marks a fee word that was collected, for the same reason.
_COLLECTED: constant(uint256) = 1 << 255


# @dev Masks of packed fields.
_U15: constant(uint256) = (1 << 15) - 1
_U16: constant(uint256) = (1 << 16) - 1
_U17: constant(uint256) = (1 << 17) - 1
_U18: constant(uint256) = (1 << 18) - 1
_U24: constant(uint256) = (1 << 24) - 1
_U31: constant(uint256) = (1 << 31) - 1
_U32: constant(uint256) = (1 << 32) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U56: constant(uint256) = (1 << 56) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U127: constant(uint256) = (1 << 127) - 1
_U128: constant(uint256) = (1 << 128) - 1


# @dev Where a market's word has its fields.
_SESSION: constant(uint256) = 102
_LOT_EXP: constant(uint256) = 134
_TICK_EXP: constant(uint256) = 139
_BASE_PRICE: constant(uint256) = 144
_MAKER_BPS: constant(uint256) = 184
_TAKER_BPS: constant(uint256) = 194
_MIN_LOTS: constant(uint256) = 204
_HALTED: constant(uint256) = 1 << 236
_PAUSED: constant(uint256) = 1 << 237
_STOPPED: constant(uint256) = _HALTED | _PAUSED
_OPEN: constant(uint256) = 1 << 238
_GATED: constant(uint256) = 1 << 239


# @dev Where an account's word has a side's 31 bits (count 15, best key << 15 (16)), the mark of a freeze, and that of an
# owner whose tier was found high enough.
_BIDS: constant(uint256) = 192
_ASKS: constant(uint256) = 223
_FROZEN: constant(uint256) = 1 << 254
_ADMITTED: constant(uint256) = 1 << 255


# @dev What an account is told beside its balances, in one word: the order that is new (1 << 17 | side << 16 | key), the
# last order side and key that a taker touched (the same << 18), how many orders were closed of either side, and whether
# the market asks for a tier.
_MARK: constant(uint256) = 1 << 17
_REACHED: constant(uint256) = 18
_CLOSED_BIDS: constant(uint256) = 36
_CLOSED_ASKS: constant(uint256) = 52
_MARK_GATED: constant(uint256) = 1 << 68
_TRADES: constant(uint256) = (1 << 36) - 1


# @dev The marks of the cached bests of lives 1 and 2, both sides: entry 3 × side + life, 17 bits each.
_DAY_BESTS: constant(uint256) = (_U17 << 17) | (_U17 << 68)
_SLOT_BESTS: constant(uint256) = (_U17 << 34) | (_U17 << 85)


# @dev Where the tokens stand.
vault: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev market → for each side and life, best key (16 bits) and whether there is one (1) | slot in which that was written
# << 102 (32) | lot exponent << 134 (5) | tick exponent << 139 (5) | base price << 144 (40) | maker's fee << 184 (10)
# | taker's fee << 194 (10) | least lots << 204 (32) | halted << 236 | paused << 237 | exists << 238 | asks for a tier << 239.
_markets: HashMap[uint256, uint256]


# @dev level → placed (56 bits) | filled << 56 (56) | cancelled << 112 (56) | next index << 168 (24) | epoch << 192 (32).
# A level's number is key (16 bits) | session << 16 (32) | life << 48 (2) | side << 50 (1) | market << 51 (16). The epoch
# counts how often the level was empty again: an order of an old epoch is full.
_levels: HashMap[uint256, uint256]


# @dev owner << 96 | n → size (32 bits) | start << 32 (56) | index << 88 (24) | epoch << 112 (32) | level << 144 (67).
_orders: HashMap[uint256, uint256]


# @dev Whether the Guard has stopped the book, for markets that are opened meanwhile; trades read their market's word.
_paused: bool


# @dev market << 160 | owner → base (96 bits) | quote << 96 (96) | bids << 192 (15) | best bid << 207 (16)
# | asks << 223 (15) | best ask << 238 (16) | frozen << 254 (1) | tier is high enough << 255 (1). The counts are of orders
# that are not closed; the bests are lower bounds of their keys and mean nothing while the count is 0.
_accounts: HashMap[uint256, uint256]


# @dev market → fees in quote (128 bits) | in base << 128 (127) | was collected << 255.
_fees: HashMap[uint256, uint256]


# @dev How many markets there are; they are numbered from 1.
market_count: public(uint256)


# @dev Where the fees go.
beneficiary: public(address)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(vault_: address, guard_: address, beneficiary_: address):
    """
    @dev The deployer is the first owner. Refuses a Vault that was not made for this address.
    @param vault_ The 20-byte address of the Vault.
    @param guard_ The 20-byte address of the Guard.
    @param beneficiary_ The 20-byte address that gets the fees.
    """
    ownable.__init__()
    ownable_2step.__init__()
    bitmap.__init__()
    cancel_tree.__init__()
    assert staticcall IVault(vault_).book() == self, "order_book: vault belongs to another book"
    vault = vault_
    guard = guard_
    self._set_beneficiary(beneficiary_)


# ------------------------------------------------------------------
#                               TRADERS
# ------------------------------------------------------------------


@external
@reentrant
def place(market: uint16, n: uint96, side: uint8, life: uint8, session: uint32, tick: uint16, lots: uint32):
    """
    @dev Places an order that must not cross: post-only. Its escrow, lots × lot size or lots × price, leaves the
         caller's account.
    @param market The 2-byte market number.
    @param n A place of the caller's own choice that holds no order; a used one is cheaper than a new one.
    @param side 0 to buy, 1 to sell.
    @param life 0, 1 or 2.
    @param session The day or slot that is meant, or 0 for the running one; 0 for life 0.
    @param tick The price.
    @param lots The size in lots, at least the market's minimum.
    """
    id: uint256 = convert(market, uint256)
    own: uint256 = self._checked_side(side)
    escrow: uint256 = 0
    marks: uint256 = 0
    escrow, marks = self._placed(
        msg.sender, id, n, own, life, session, convert(tick, uint256), convert(lots, uint256), True
    )
    self._exchanged(msg.sender, id, own, escrow, 0, marks)


@external
@reentrant
def take(
    market: uint16, side: uint8, tick: uint16, lots: uint32, least: uint32, levels: uint16, done: DynArray[uint96, 16]
) -> (uint32, uint256):
    """
    @dev Trades at once or not at all: `least` = `lots` is fill-or-kill, less is immediate-or-cancel; a market order has
         its worst price in `tick`.
    @param market The 2-byte market number.
    @param side 0 to buy, 1 to sell.
    @param tick The worst price.
    @param lots The most to trade, in lots.
    @param least Reverts if fewer lots can be traded. Nothing at all reverts too.
    @param levels The most price levels to walk, 1 to 256; each class of life at a tick is a level.
    @param done The caller's own orders to claim first, so that they cannot be mistaken for a self-trade.
    @return uint32 The lots traded.
    @return uint256 What they cost or brought, before the fee, in the quote token's units.
    """
    id: uint256 = convert(market, uint256)
    own: uint256 = self._checked_side(side)
    # Before the walk: what it fills of an own order must not count as done.
    for n: uint96 in done:
        self._claim_done(msg.sender, id, n)
    taken: uint256 = 0
    cost: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    taken, cost, given, received, marks = self._taken(
        msg.sender,
        id,
        own,
        convert(tick, uint256),
        convert(lots, uint256),
        max(convert(least, uint256), 1),
        convert(levels, uint256),
    )
    self._exchanged(msg.sender, id, own, given, received, marks)
    return convert(taken, uint32), cost


@external
@reentrant
def trade(
    market: uint16,
    n: uint96,
    side: uint8,
    life: uint8,
    session: uint32,
    tick: uint16,
    lots: uint32,
    levels: uint16,
    done: DynArray[uint96, 16],
) -> (uint32, uint256, uint32):
    """
    @dev A limit order: trades what it crosses, then places the rest. A rest below the market's minimum, or one that
         still crosses because `levels` ran out, is not placed.
    @param market The 2-byte market number.
    @param n A place of the caller's own choice that holds no order.
    @param side 0 to buy, 1 to sell.
    @param life 0, 1 or 2.
    @param session The day or slot that is meant, or 0 for the running one; 0 for life 0.
    @param tick The limit.
    @param lots The size in lots.
    @param levels The most price levels to walk, 1 to 256.
    @param done The caller's own orders to claim first.
    @return uint32 The lots traded.
    @return uint256 What they cost or brought, before the fee, in the quote token's units.
    @return uint32 The lots placed.
    """
    id: uint256 = convert(market, uint256)
    own: uint256 = self._checked_side(side)
    for place: uint96 in done:
        self._claim_done(msg.sender, id, place)
    taken: uint256 = 0
    cost: uint256 = 0
    rest: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    taken, cost, rest, given, received, marks = self._traded(
        msg.sender, id, n, own, life, session, convert(tick, uint256), convert(lots, uint256), convert(levels, uint256)
    )
    self._exchanged(msg.sender, id, own, given, received, marks)
    return convert(taken, uint32), cost, convert(rest, uint32)


@external
@reentrant
def order_from_wallet(
    side: uint8, order: IVault.Order, done: DynArray[uint96, 16], permit: IVault.Permit
) -> (uint32, uint256, uint32):
    """
    @dev As `trade` (kind 0), `take` (1) or `place` (2), with all that is given, the escrow too, out of the caller's wallet,
         which has approved the Vault, and what is received at once into it. Fills of a rest, and orders that are claimed
         first, are paid into the account: `close` brings them home.
    @param side 0 to buy, 1 to sell.
    @param order The order; `to_wallet` has to be True.
    @param done The caller's own orders to claim first.
    @param permit The caller's ERC-2612 approval of the Vault for what is given; a deadline of 0 for none.
    @return uint32 The lots traded.
    @return uint256 What they cost or brought, before the fee, in the quote token's units.
    @return uint32 The lots placed.
    """
    assert order.to_wallet, "order_book: not to the wallet"
    id: uint256 = convert(order.market, uint256)
    own: uint256 = self._checked_side(side)
    for n: uint96 in done:
        self._claim_done(msg.sender, id, n)
    taken: uint256 = 0
    cost: uint256 = 0
    rest: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    taken, cost, rest, given, received, marks = self._ordered(msg.sender, own, order)
    # Nothing moves in the account, but it is asked whether it may trade.
    self._change(self._account_key(id, msg.sender), 0, 0, marks)
    extcall IVault(vault).exchange(
        order.market, msg.sender, own == 0, given, received, permit, skip_contract_check=True
    )
    return convert(taken, uint32), cost, convert(rest, uint32)


@external
@reentrant
def cancel(n: uint96) -> (uint32, uint32):
    """
    @dev Closes an order of the caller: pays its fills and gives the rest of the escrow back. Works in a halt.
    @param n The order's place.
    @return uint32 The lots that were filled and not yet claimed.
    @return uint32 The lots given back.
    """
    return self._close(msg.sender, n, True)


@external
@reentrant
def close(
    market: uint16,
    claims: DynArray[uint96, BATCH_MAX],
    cancels: DynArray[uint96, BATCH_MAX],
    base: uint256,
    quote: uint256,
) -> (uint256, uint256):
    """
    @dev Claims and cancels orders of the caller in one market, and sends what is free then to the caller's wallet. Orders
         that are closed already, or have nothing to pay, are passed over. Nothing at all reverts.
    @param market The 2-byte market number.
    @param claims The places of orders to claim.
    @param cancels The places of orders to cancel.
    @param base The most to send of what the market trades; 2^256 − 1 for all, 0 to leave it in the account.
    @param quote The most to send of what the market is paid in.
    @return uint256 What was sent of what the market trades.
    @return uint256 What was sent of what the market is paid in.
    """
    id: uint256 = convert(market, uint256)
    closed: bool = False
    for n: uint96 in claims:
        closed = self._claimed(msg.sender, id, n, False) or closed
    for n: uint96 in cancels:
        closed = self._claimed(msg.sender, id, n, True) or closed
    key: uint256 = self._account_key(id, msg.sender)
    word: uint256 = self._accounts[key]
    base_out: uint256 = min(base, word & _U96)
    quote_out: uint256 = min(quote, (word >> 96) & _U96)
    assert closed or base_out | quote_out != 0, "order_book: nothing to claim"
    if base_out | quote_out != 0:
        self._accounts[key] = unsafe_sub(word, base_out | (quote_out << 96))
    if base_out != 0:
        extcall IVault(vault).pay(market, msg.sender, False, base_out)
    if quote_out != 0:
        extcall IVault(vault).pay(market, msg.sender, True, quote_out)
    return base_out, quote_out


@external
@reentrant
def refresh(market: uint16, side: uint8, ns: DynArray[uint96, 128]):
    """
    @dev Raises what the caller's account knows of its own best price, after orders were closed.
    @param market The 2-byte market number.
    @param side 0 for bids, 1 for asks.
    @param ns The places of all orders of the caller on that side that are not closed, strictly ascending.
    """
    wanted: uint256 = (convert(market, uint256) << 1) | self._checked_side(side)
    best: uint256 = KEY_MAX
    next: uint256 = 0
    for n: uint96 in ns:
        place: uint256 = convert(n, uint256)
        assert place >= next, "order_book: places not strictly ascending"
        next = unsafe_add(place, 1)
        level: uint256 = self._open_order(msg.sender, n) >> 144
        assert level >> 50 == wanted, "order_book: order of another side or market"
        best = min(best, level & _U16)
    key: uint256 = self._account_key(convert(market, uint256), msg.sender)
    word: uint256 = self._accounts[key]
    offset: uint256 = _BIDS
    if side != 0:
        offset = _ASKS
    assert (word >> offset) & _U15 == len(ns), "order_book: not all orders"
    self._accounts[key] = (word & ~(_U16 << (offset + 15))) | (best << (offset + 15))


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
@reentrant
def claim(owner: address, n: uint96) -> (uint32, uint32):
    """
    @dev Pays an order's fills into its owner's account; an order that is full or expired is closed, and an expired one's
         rest given back. Anybody may call it. Without anything to pay it reverts. Works in a halt.
    @param owner The 20-byte address of the order's owner.
    @param n The order's place.
    @return uint32 The lots paid.
    @return uint32 The lots given back.
    """
    return self._close(owner, n, False)


@external
@reentrant
def claim_many(owners: DynArray[address, BATCH_MAX], ns: DynArray[uint96, BATCH_MAX]) -> uint256:
    """
    @dev As `claim` for many orders of any owners and markets. Orders that are closed already, or have nothing to pay, are
         passed over. Nothing at all reverts.
    @param owners The 20-byte addresses of the orders' owners.
    @param ns The orders' places, in the same order.
    @return uint256 How many orders were paid.
    """
    assert len(owners) == len(ns), "order_book: unequal lists"
    count: uint256 = 0
    for i: uint256 in range(len(ns), bound=BATCH_MAX):
        if self._claimed(owners[i], 0, ns[i], False):
            count = unsafe_add(count, 1)
    assert count != 0, "order_book: nothing to claim"
    return count


@external
@reentrant
def cancel_frozen(owner: address, ns: DynArray[uint96, BATCH_MAX]) -> uint256:
    """
    @dev Cancels orders of a frozen owner, so that they trade no more. What they give back stays in the account. Anybody may
         call it.
    @param owner The 20-byte address of the orders' owner.
    @param ns The orders' places. Those that are closed already are passed over.
    @return uint256 How many orders were closed.
    """
    assert staticcall IGuard(guard).frozen(owner), "order_book: account not frozen"
    count: uint256 = 0
    for n: uint96 in ns:
        if self._claimed(owner, 0, n, True):
            count = unsafe_add(count, 1)
    return count


@external
@reentrant
def mark_frozen(owner: address):
    """
    @dev Copies from the Guard whether an owner is frozen, into all its accounts. A frozen one places and takes nothing;
         cancelling and claiming go on, into the account. A copy, so that trading need not ask the Guard: the Guard calls
         this whenever it changes something about the owner, and anybody may. Whether the owner's tier is high enough is
         asked again at its next trade where that matters.
    @param owner The 20-byte address of the accounts' owner.
    """
    frozen: bool = staticcall IGuard(guard).frozen(owner)
    mark: uint256 = 0
    if frozen:
        mark = _FROZEN
    for i: uint256 in range(self.market_count, bound=MARKETS_MAX):
        key: uint256 = self._account_key(unsafe_add(i, 1), owner)
        word: uint256 = self._accounts[key]
        # An account that was never used has nothing to trade with; a wallet is asked about at every trade.
        if word != 0:
            self._accounts[key] = (word & ~(_FROZEN | _ADMITTED)) | mark
    log FreezeMarked(owner=owner, frozen=frozen)


@external
@reentrant
def collect_fees(market: uint16, quote: bool) -> uint256:
    """
    @dev Pays the fees so far in one token of a market to the beneficiary. Anybody may call it.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @return uint256 The amount in the token's units.
    """
    id: uint256 = convert(market, uint256)
    word: uint256 = self._fees[id]
    amount: uint256 = (word >> 128) & _U127
    kept: uint256 = word & _U128
    if quote:
        amount = kept
        kept = word & (_U127 << 128)
    assert amount != 0, "order_book: nothing to collect"
    self._fees[id] = kept | _COLLECTED
    log Collected(market=market, beneficiary=self.beneficiary, quote=quote, amount=amount)
    extcall IVault(vault).pay(market, self.beneficiary, quote, amount)
    return amount


# ------------------------------------------------------------------
#                               VAULT
# ------------------------------------------------------------------


@external
@reentrant
def adjust(market: uint16, owner: address, base: uint256, quote: uint256):
    """
    @dev Adds to an account what the Vault got for it, or takes off what the Vault is about to send. Vault only.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param base What is added to what the market trades; less than zero in two's complement.
    @param quote What is added to what it is paid in.
    """
    assert msg.sender == vault, "order_book: access is denied"
    self._change(self._account_key(convert(market, uint256), owner), base, quote, 0)


@external
@reentrant
def order_for(owner: address, quote: bool, order: IVault.Order) -> uint256:
    """
    @dev Carries out the order that came with an ERC-1155 transfer, from the account that it was credited to. Vault only.
    @param owner The 20-byte address of the account's owner.
    @param quote True to buy with what came, False to sell it.
    @param order What the transfer said.
    @return uint256 What the owner received at once, in the other token's units.
    """
    assert msg.sender == vault, "order_book: access is denied"
    id: uint256 = convert(order.market, uint256)
    own: uint256 = 1
    if quote:
        own = 0
    taken: uint256 = 0
    cost: uint256 = 0
    rest: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    taken, cost, rest, given, received, marks = self._ordered(owner, own, order)
    self._exchanged(owner, id, own, given, received, marks)
    return received


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def open_market(
    base: IVault.Asset,
    quote: IVault.Asset,
    lot_exp: uint8,
    tick_exp: uint8,
    base_price: uint40,
    maker_bps: uint16,
    taker_bps: uint16,
    min_lots: uint32,
) -> uint16:
    """
    @dev Opens a market. All of it is fixed for ever.
    @param base What is traded.
    @param quote What it is paid in.
    @param lot_exp A lot is 10^lot_exp units of the base token, 0 to 18.
    @param tick_exp A tick is 10^tick_exp units of the quote token per lot, 0 to 18.
    @param base_price The price of tick 0 in ticks, not 0.
    @param maker_bps The maker's fee in hundredths of a per cent, at most 100.
    @param taker_bps The taker's fee in hundredths of a per cent, at most 100.
    @param min_lots The least lots of an order that rests, not 0: what a taker's walk over a level is worth.
    @return uint16 The market's number.
    """
    ownable._check_owner()
    assert convert(lot_exp, uint256) <= EXP_MAX, "order_book: lot out of bounds"
    assert convert(tick_exp, uint256) <= EXP_MAX, "order_book: tick out of bounds"
    assert convert(maker_bps, uint256) <= FEE_BPS_MAX, "order_book: fee out of bounds"
    assert convert(taker_bps, uint256) <= FEE_BPS_MAX, "order_book: fee out of bounds"
    assert base_price != 0, "order_book: price of nothing"
    assert min_lots != 0, "order_book: too few lots"
    id: uint256 = self.market_count + 1
    assert id <= MARKETS_MAX, "order_book: too many markets"
    self.market_count = id
    # A book that stands still opens nothing that moves.
    paused: uint256 = 0
    if self._paused:
        paused = _PAUSED
    self._markets[id] = (
        (convert(lot_exp, uint256) << _LOT_EXP)
        | (convert(tick_exp, uint256) << _TICK_EXP)
        | (convert(base_price, uint256) << _BASE_PRICE)
        | (convert(maker_bps, uint256) << _MAKER_BPS)
        | (convert(taker_bps, uint256) << _TAKER_BPS)
        | (convert(min_lots, uint256) << _MIN_LOTS)
        | _OPEN
        | paused
    )
    market: uint16 = convert(id, uint16)
    gated: bool = extcall IVault(vault).list_market(market, base, quote)
    if gated:
        self._markets[id] |= _GATED
    log MarketOpened(
        market=market,
        base=base,
        quote=quote,
        lot_exp=lot_exp,
        tick_exp=tick_exp,
        base_price=base_price,
        maker_bps=maker_bps,
        taker_bps=taker_bps,
        min_lots=min_lots,
    )
    return market


@external
def resume(market: uint16):
    """
    @dev Lets a halted market go on. A market whose prices left its band stays halted for ever: a new one is opened.
    @param market The 2-byte market number.
    """
    ownable._check_owner()
    self._set_halted(market, False)


@external
def set_beneficiary(beneficiary_: address):
    """
    @dev Sets who gets the fees.
    @param beneficiary_ The 20-byte address; a contract must accept ERC-1155 tokens where a market has them.
    """
    ownable._check_owner()
    self._set_beneficiary(beneficiary_)


# ------------------------------------------------------------------
#                         GUARD, GUARDIANS, OWNER
# ------------------------------------------------------------------


@external
def halt(market: uint16):
    """
    @dev Stops placing and taking in a market. The Guard's guardians and the owner may.
    @param market The 2-byte market number.
    """
    assert (
        msg.sender == ownable.owner or staticcall Guardians(guard).guardians(msg.sender)
    ), "order_book: access is denied"
    self._set_halted(market, True)


@external
def set_paused(paused_: bool):
    """
    @dev Stops placing and taking in every market, or lets it go on where it is not halted. Guard only.
    @notice Every market's word is written, so that no trade has to read a word more.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "order_book: access is denied"
    self._paused = paused_
    for i: uint256 in range(self.market_count, bound=MARKETS_MAX):
        id: uint256 = unsafe_add(i, 1)
        if paused_:
            self._markets[id] |= _PAUSED
        else:
            self._markets[id] &= ~_PAUSED
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
@reentrant
def account(market: uint16, owner: address) -> IVault.Account:
    """
    @dev Returns an account.
    @param market The 2-byte market number.
    @param owner The 20-byte address of its owner.
    @return Account The balances and what is known of the owner's orders.
    """
    word: uint256 = self._accounts[self._account_key(convert(market, uint256), owner)]
    return IVault.Account(
        base=convert(word & _U96, uint96),
        quote=convert((word >> 96) & _U96, uint96),
        bids=convert((word >> _BIDS) & _U15, uint16),
        best_bid=convert((word >> (_BIDS + 15)) & _U16, uint16),
        asks=convert((word >> _ASKS) & _U15, uint16),
        best_ask=convert((word >> (_ASKS + 15)) & _U16, uint16),
        frozen=word & _FROZEN != 0,
    )


@external
@view
@reentrant
def market_of(market: uint16) -> IOrderBook.Market:
    """
    @dev Returns a market. Reverts for one that does not exist.
    @param market The 2-byte market number.
    @return Market The market.
    """
    word: uint256 = self._market(convert(market, uint256))
    return IOrderBook.Market(
        lot_exp=convert((word >> _LOT_EXP) & 31, uint8),
        tick_exp=convert((word >> _TICK_EXP) & 31, uint8),
        base_price=convert((word >> _BASE_PRICE) & _U40, uint40),
        maker_bps=convert((word >> _MAKER_BPS) & 1_023, uint16),
        taker_bps=convert((word >> _TAKER_BPS) & 1_023, uint16),
        min_lots=convert((word >> _MIN_LOTS) & _U32, uint32),
        halted=word & _HALTED != 0,
        paused=word & _PAUSED != 0,
    )


@external
@view
@reentrant
def best_of(market: uint16, side: uint8) -> (bool, uint16):
    """
    @dev Returns the best price of a side, over all lives.
    @param market The 2-byte market number.
    @param side 0 for bids, 1 for asks.
    @return bool False if there is no order.
    @return uint16 The tick.
    """
    own: uint256 = self._checked_side(side)
    best: uint256 = self._best(self._market(convert(market, uint256)), own)
    if best == _NONE:
        return False, 0
    return True, convert(self._key(own, best >> 2), uint16)


@external
@view
@reentrant
def lots_at(market: uint16, side: uint8, life: uint8, tick: uint16) -> uint256:
    """
    @dev Returns what stands at a price, in the running session.
    @param market The 2-byte market number.
    @param side 0 for bids, 1 for asks.
    @param life 0, 1 or 2.
    @param tick The tick.
    @return uint256 The lots.
    """
    own: uint256 = self._checked_side(side)
    session: uint256 = self._checked_session(life, 0)
    key: uint256 = self._key(own, convert(tick, uint256))
    level: uint256 = self._level_id(convert(market, uint256), own, convert(life, uint256), session, key)
    return self._live(self._levels[level])


@external
@view
@reentrant
def depth(market: uint16, side: uint8, levels: uint16, lots: uint256) -> DynArray[uint256, DEPTH_MAX]:
    """
    @dev Returns what a taker would walk now: the levels of a side from the best, each as lots (56 bits) | tick << 56 (16)
         | life << 72 (2).
    @param market The 2-byte market number.
    @param side 0 for bids, 1 for asks.
    @param levels The most levels, up to 64.
    @param lots Enough: no level is returned after those that hold so many together.
    @return DynArray The levels.
    """
    id: uint256 = convert(market, uint256)
    own: uint256 = self._checked_side(side)
    word: uint256 = self._market(id)
    left: uint256 = lots
    found: DynArray[uint256, DEPTH_MAX] = []
    for i: uint256 in range(convert(levels, uint256), bound=DEPTH_MAX):
        best: uint256 = self._best(word, own)
        if best == _NONE or left == 0:
            break
        life: uint256 = best & 3
        best >>= 2
        level: uint256 = self._level_id(id, own, life, self._running(life), best)
        live: uint256 = self._live(self._levels[level])
        found.append(live | (self._key(own, best) << 56) | (life << 72))
        left = unsafe_sub(left, min(left, live))
        word = self._with_best(word, own, life, bitmap._next(level >> 48, best))
    return found


@external
@view
@reentrant
def order_of(owner: address, n: uint96) -> IOrderBook.Order:
    """
    @dev Returns an order that is not closed; `lots` is 0 if there is none.
    @param owner The 20-byte address of the owner.
    @param n The order's place.
    @return Order The order.
    """
    order: uint256 = self._orders[self._order_id(owner, n)]
    if order == 0 or order == _CLOSED:
        return empty(IOrderBook.Order)
    level: uint256 = order >> 144
    side: uint256 = (level >> 50) & 1
    life: uint256 = (level >> 48) & 3
    session: uint256 = (level >> 16) & _U32
    position: uint256 = 0
    filled: uint256 = 0
    position, filled = self._filled(order, self._levels[level])
    return IOrderBook.Order(
        market=convert(level >> 51, uint16),
        side=convert(side, uint8),
        life=convert(life, uint8),
        session=convert(session, uint32),
        tick=convert(self._key(side, level & _U16), uint16),
        lots=convert(order & _U32, uint32),
        filled=convert(filled, uint32),
        expired=session != self._running(life),
    )


@external
@view
@reentrant
def fees_of(market: uint16) -> (uint256, uint256):
    """
    @dev Returns the fees that were not yet collected.
    @param market The 2-byte market number.
    @return uint256 The fees in the base token's units.
    @return uint256 The fees in the quote token's units.
    """
    fees: uint256 = self._fees[convert(market, uint256)]
    return (fees >> 128) & _U127, fees & _U128


# ------------------------------------------------------------------
#                         INTERNAL: MARKETS
# ------------------------------------------------------------------


@internal
@view
def _market(market: uint256) -> uint256:
    """
    @dev Returns a market's word as of now: bests of sessions that are over do not count.
    @param market The market number.
    @return uint256 The word.
    """
    word: uint256 = self._markets[market]
    assert word != 0, "order_book: no such market"
    slot: uint256 = block.timestamp // SLOT
    written: uint256 = (word >> _SESSION) & _U32
    if slot != written:
        gone: uint256 = _SLOT_BESTS | (_U32 << _SESSION)
        if slot // 96 != written // 96:
            gone |= _DAY_BESTS
        word = (word & ~gone) | (slot << _SESSION)
    return word


@internal
@view
def _trading(market: uint256) -> uint256:
    """
    @dev Returns the word of a market in which orders may be placed and taken.
    @param market The market number.
    @return uint256 The word as of now.
    """
    word: uint256 = self._market(market)
    assert word & _STOPPED == 0, "order_book: halted"
    return word


@internal
@pure
def _best(word: uint256, side: uint256) -> uint256:
    """
    @dev Returns the best level of a side: by price, then by life.
    @param word The market's word as of now.
    @param side 0 for bids, 1 for asks.
    @return uint256 key << 2 | life, or _NONE.
    """
    bests: uint256 = word
    if side != 0:
        bests >>= 51
    best: uint256 = _NONE
    if bests & (1 << 16) != 0:
        best = (bests & _U16) << 2
    if bests & (1 << 33) != 0:
        best = min(best, (((bests >> 17) & _U16) << 2) | 1)
    if bests & (1 << 50) != 0:
        best = min(best, (((bests >> 34) & _U16) << 2) | 2)
    return best


@internal
@pure
def _with_best(word: uint256, side: uint256, life: uint256, best: uint256) -> uint256:
    """
    @dev Replaces the best key of a side and a life.
    @param word The market's word as of now.
    @param side 0 for bids, 1 for asks.
    @param life 0, 1 or 2.
    @param best The key, or bitmap.ABSENT.
    @return uint256 The word.
    """
    at: uint256 = unsafe_mul(unsafe_add(unsafe_mul(side, 3), life), 17)
    # ABSENT is 1 << 16, and the mark of a best is the same bit, the other way round.
    return (word & ~(_U17 << at)) | ((best ^ bitmap.ABSENT) << at)


@internal
@pure
def _price(word: uint256, side: uint256, key: uint256) -> uint256:
    """
    @dev Returns the price of a level.
    @param word The market's word.
    @param side 0 for bids, 1 for asks.
    @param key The level's key.
    @return uint256 The quote token's units per lot, below 2^101.
    """
    tick: uint256 = key
    if side == 0:
        tick = unsafe_sub(KEY_MAX, key)
    return unsafe_mul(unsafe_add((word >> _BASE_PRICE) & _U40, tick), 10 ** ((word >> _TICK_EXP) & 31))


@internal
@pure
def _lot(word: uint256) -> uint256:
    """
    @dev Returns the size of a lot.
    @param word The market's word.
    @return uint256 The base token's units, below 2^60.
    """
    return 10 ** ((word >> _LOT_EXP) & 31)


@internal
@pure
def _key(side: uint256, tick: uint256) -> uint256:
    """
    @dev Turns a tick into a key, and a key into a tick.
    @param side 0 for bids, 1 for asks.
    @param tick The tick or the key.
    @return uint256 The key or the tick.
    """
    if side == 0:
        return unsafe_sub(KEY_MAX, tick)
    return tick


@internal
@pure
def _checked_side(side: uint8) -> uint256:
    """
    @dev Refuses what is no side.
    @param side 0 for bids, 1 for asks.
    @return uint256 The side.
    """
    assert side <= 1, "order_book: no such side"
    return convert(side, uint256)


@internal
@view
def _running(life: uint256) -> uint256:
    """
    @dev Returns the running session.
    @param life 0, 1 or 2.
    @return uint256 The day, the slot, or 0.
    """
    if life == 0:
        return 0
    if life == 1:
        return block.timestamp // DAY
    return block.timestamp // SLOT


@internal
@view
def _checked_session(life: uint8, session: uint32) -> uint256:
    """
    @dev Refuses a session that is not running: the transaction came too late.
    @param life 0, 1 or 2.
    @param session The session that is meant, or 0.
    @return uint256 The running session.
    """
    assert life <= 2, "order_book: no such life"
    running: uint256 = self._running(convert(life, uint256))
    assert session == 0 or convert(session, uint256) == running, "order_book: session is not running"
    return running


@internal
def _set_halted(market: uint16, halted: bool):
    """
    @dev Stops a market or lets it go on.
    @param market The 2-byte market number.
    @param halted True to stop.
    """
    id: uint256 = convert(market, uint256)
    word: uint256 = self._markets[id]
    assert word != 0, "order_book: no such market"
    if halted:
        self._markets[id] = word | _HALTED
    else:
        self._markets[id] = word & ~_HALTED
    log HaltChanged(market=market, by=msg.sender, halted=halted)


@internal
def _set_beneficiary(beneficiary_: address):
    """
    @dev Writes who gets the fees.
    @param beneficiary_ The 20-byte address.
    """
    assert beneficiary_ != empty(address), "order_book: beneficiary is the zero address"
    log BeneficiaryChanged(old=self.beneficiary, new=beneficiary_)
    self.beneficiary = beneficiary_


# ------------------------------------------------------------------
#                         INTERNAL: TAKING
# ------------------------------------------------------------------


@internal
def _taken(
    owner: address, market: uint256, side: uint256, tick: uint256, lots: uint256, least: uint256, levels: uint256
) -> (uint256, uint256, uint256, uint256, uint256):
    """
    @dev Fills the other side's levels from the best, down to a limit, and keeps the fees of both sides.
    @param owner The 20-byte address of the taker.
    @param market The market number.
    @param side The taker's side.
    @param tick The limit.
    @param lots The most to fill.
    @param least The least to fill.
    @param levels The most levels to walk.
    @return uint256 The lots filled.
    @return uint256 Their price together, in the quote token's units.
    @return uint256 What the taker gives.
    @return uint256 What the taker receives, less its fee.
    @return uint256 What its account is told.
    """
    word: uint256 = self._trading(market)
    now: uint256 = word
    other: uint256 = side ^ 1
    limit: uint256 = unsafe_sub(KEY_MAX, self._key(side, tick))
    taker_bps: uint256 = (word >> _TAKER_BPS) & 1_023
    maker_bps: uint256 = (word >> _MAKER_BPS) & 1_023
    lot: uint256 = self._lot(word)
    base_price: uint256 = (word >> _BASE_PRICE) & _U40
    scale: uint256 = 10 ** ((word >> _TICK_EXP) & 31)
    left: uint256 = lots
    last: uint256 = 0
    cost: uint256 = 0
    base_fees: uint256 = 0
    quote_fees: uint256 = 0
    for i: uint256 in range(levels, bound=LEVELS_MAX):
        best: uint256 = self._best(now, other)
        if left == 0 or best >> 2 > limit:
            break
        life: uint256 = best & 3
        best >>= 2
        last = best
        id: uint256 = best | (self._running(life) << 16) | (life << 48) | (other << 50) | (market << 51)
        level: uint256 = self._levels[id]
        filled: uint256 = self._live(level)
        if left < filled:
            filled = left
            self._levels[id] = unsafe_add(level, filled << 56)
        else:
            self._levels[id] = (unsafe_add(level >> 192, 1) & _U32) << 192
            now = self._with_best(now, other, life, bitmap._remove(id >> 48, best, best))
        left = unsafe_sub(left, filled)
        at: uint256 = self._key(other, best)
        price: uint256 = unsafe_mul(unsafe_add(base_price, at), scale)
        paid: uint256 = unsafe_mul(filled, price)
        cost = unsafe_add(cost, paid)
        # The buyer pays its fee in what the market trades, the seller in what it is paid in.
        if side == 0:
            base_fees = unsafe_add(base_fees, unsafe_div(unsafe_mul(unsafe_mul(filled, lot), taker_bps), _BPS))
            quote_fees = unsafe_add(quote_fees, unsafe_mul(filled, unsafe_div(unsafe_mul(price, maker_bps), _BPS)))
        else:
            quote_fees = unsafe_add(quote_fees, unsafe_div(unsafe_mul(paid, taker_bps), _BPS))
        log Traded(
            market=market,
            taker=owner,
            side=side,
            life=life,
            tick=at,
            lots=filled,
        )
    taken: uint256 = unsafe_sub(lots, left)
    assert taken >= least, "order_book: too little to trade with"
    if taken == 0:
        return 0, 0, 0, 0, 0
    if now != word:
        self._markets[market] = now
    base: uint256 = unsafe_mul(taken, lot)
    if side != 0:
        base_fees = unsafe_mul(taken, unsafe_div(unsafe_mul(lot, maker_bps), _BPS))
    if quote_fees | base_fees != 0:
        # No carry: both are at most a hundredth of what is traded, which is less than 2^97 units in each token.
        self._fees[market] += quote_fees | (base_fees << 128)
    marks: uint256 = ((_MARK | (other << 16) | last) << _REACHED) | ((word >> 171) & _MARK_GATED)
    if side == 0:
        return taken, cost, cost, unsafe_sub(base, base_fees), marks
    return taken, cost, base, unsafe_sub(cost, quote_fees), marks


@internal
def _traded(
    owner: address,
    market: uint256,
    n: uint96,
    side: uint256,
    life: uint8,
    session: uint32,
    tick: uint256,
    lots: uint256,
    levels: uint256,
) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    """
    @dev Takes what an order crosses and places the rest, if it can rest.
    @param owner The 20-byte address of the order's owner.
    @param market The market number.
    @param n The order's place.
    @param side The side.
    @param life 0, 1 or 2.
    @param session The session that is meant, or 0.
    @param tick The limit.
    @param lots The size.
    @param levels The most levels to walk.
    @return uint256 The lots filled.
    @return uint256 Their price together, in the quote token's units.
    @return uint256 The lots placed.
    @return uint256 What the owner gives, escrow and all.
    @return uint256 What the owner receives at once, less the fee.
    @return uint256 What its account is told.
    """
    running: uint256 = self._checked_session(life, session)
    taken: uint256 = 0
    cost: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    taken, cost, given, received, marks = self._taken(owner, market, side, tick, lots, 0, levels)
    rest: uint256 = unsafe_sub(lots, taken)
    escrow: uint256 = 0
    opened: uint256 = 0
    if rest != 0:
        escrow, opened = self._placed(owner, market, n, side, life, session, tick, rest, False)
    if opened == 0:
        rest = 0
    assert taken | rest != 0, "order_book: too few lots"
    return taken, cost, rest, unsafe_add(given, escrow), received, marks | opened


@internal
def _ordered(
    owner: address, side: uint256, order: IVault.Order
) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    """
    @dev Carries out an order of any kind, but for its owner's balances.
    @param owner The 20-byte address of the order's owner.
    @param side The side.
    @param order The order.
    @return uint256 The lots filled.
    @return uint256 Their price together, in the quote token's units.
    @return uint256 The lots placed.
    @return uint256 What the owner gives, escrow and all.
    @return uint256 What the owner receives at once, less the fee.
    @return uint256 What its account is told.
    """
    id: uint256 = convert(order.market, uint256)
    tick: uint256 = convert(order.tick, uint256)
    lots: uint256 = convert(order.lots, uint256)
    levels: uint256 = convert(order.levels, uint256)
    if order.kind == 0:
        return self._traded(owner, id, order.n, side, order.life, order.session, tick, lots, levels)
    taken: uint256 = 0
    cost: uint256 = 0
    given: uint256 = 0
    received: uint256 = 0
    marks: uint256 = 0
    if order.kind == 1:
        taken, cost, given, received, marks = self._taken(
            owner, id, side, tick, lots, max(convert(order.least, uint256), 1), levels
        )
        return taken, cost, 0, given, received, marks
    assert order.kind == 2, "order_book: no such kind"
    given, marks = self._placed(owner, id, order.n, side, order.life, order.session, tick, lots, True)
    return 0, 0, lots, given, 0, marks


@internal
def _emptied(word: uint256, id: uint256, level: uint256) -> uint256:
    """
    @dev Ends a level's epoch, and takes it out of the bitmap.
    @param word The market's word as of now.
    @param id The level's number.
    @param level The level's word.
    @return uint256 The market's word afterwards.
    """
    self._levels[id] = (unsafe_add(level >> 192, 1) & _U32) << 192
    side: uint256 = (id >> 50) & 1
    life: uint256 = (id >> 48) & 3
    best: uint256 = (word >> unsafe_mul(unsafe_add(unsafe_mul(side, 3), life), 17)) & _U16
    return self._with_best(word, side, life, bitmap._remove(id >> 48, best, id & _U16))


# ------------------------------------------------------------------
#                        INTERNAL: ACCOUNTS
# ------------------------------------------------------------------


@internal
@pure
def _account_key(market: uint256, owner: address) -> uint256:
    """
    @dev Packs what names an account into one map key.
    @param market The market number.
    @param owner The 20-byte address of the owner.
    @return uint256 The key.
    """
    return (market << 160) | convert(owner, uint256)


@internal
def _exchanged(owner: address, market: uint256, side: uint256, given: uint256, received: uint256, marks: uint256):
    """
    @dev Carries out in an account what an order gives and receives at once.
    @param owner The 20-byte address of the account's owner.
    @param market The market number.
    @param side The order's side.
    @param given What it gives, in the token of its side.
    @param received What it receives, in the other one.
    @param marks What the account is told.
    """
    key: uint256 = (market << 160) | convert(owner, uint256)
    if side == 0:
        self._change(key, received, unsafe_sub(0, given), marks)
    else:
        self._change(key, unsafe_sub(0, given), received, marks)


@internal
def _change(key: uint256, base: uint256, quote: uint256, marks: uint256):
    """
    @dev Changes an account. Refuses a balance below zero and a taker who would meet an order of its own.
    @param key The account.
    @param base What is added to what the market trades; less than zero in two's complement.
    @param quote What is added to what it is paid in.
    @param marks The order that is new, what was reached, what was closed, and whether the market asks for a tier.
    """
    word: uint256 = self._accounts[key]
    free_base: uint256 = unsafe_add(word & _U96, base)
    free_quote: uint256 = unsafe_add((word >> 96) & _U96, quote)
    if (free_base | free_quote) >> 96 != 0:
        assert free_base >> 255 == 0, "order_book: not enough base"
        assert free_quote >> 255 == 0, "order_book: not enough quote"
        raise "order_book: balance is too large"
    sides: uint256 = word >> 192
    if marks >> _CLOSED_BIDS != 0:
        # Counted when the orders were placed, so there is nothing to borrow from the next field.
        sides = unsafe_sub(
            sides, ((marks >> _CLOSED_BIDS) & _U16) | (((marks >> _CLOSED_ASKS) & _U16) << 31)
        )
    if marks & _TRADES != 0:
        assert word & _FROZEN == 0, "order_book: account is frozen"
        if marks & _MARK_GATED != 0 and word & _ADMITTED == 0:
            assert staticcall IVault(vault).admits(
                convert(key >> 160, uint16), convert(key & ((1 << 160) - 1), address)
            ), "order_book: tier is too low"
            sides |= _ADMITTED >> 192
        reached: uint256 = (marks >> _REACHED) & _U18
        if reached != 0:
            side: uint256 = sides >> unsafe_mul(reached >> 16 & 1, 31)
            assert side & _U15 == 0 or (side >> 15) & _U16 > reached & _U16, "order_book: self-trade"
        if marks & _MARK != 0:
            sides = self._opened(sides, unsafe_mul((marks >> 16) & 1, 31), marks & _U16)
    self._accounts[key] = free_base | (free_quote << 96) | (sides << 192)


@internal
@pure
def _opened(sides: uint256, offset: uint256, key: uint256) -> uint256:
    """
    @dev Counts a new order of one side, and keeps the lowest key.
    @param sides Both sides' bits.
    @param offset 0 for bids, 31 for asks.
    @param key The new order's key.
    @return uint256 Both sides' bits.
    """
    side: uint256 = (sides >> offset) & _U31
    count: uint256 = side & _U15
    assert count < ORDERS_MAX, "order_book: too many orders"
    best: uint256 = key
    if count != 0:
        best = min(key, side >> 15)
    return (sides & ~(_U31 << offset)) | ((unsafe_add(count, 1) | (best << 15)) << offset)


# ------------------------------------------------------------------
#                         INTERNAL: ORDERS
# ------------------------------------------------------------------


@internal
@pure
def _order_id(owner: address, n: uint96) -> uint256:
    """
    @dev Packs what names an order into one map key.
    @param owner The 20-byte address of the owner.
    @param n The order's place.
    @return uint256 The key.
    """
    return (convert(owner, uint256) << 96) | convert(n, uint256)


@internal
@pure
def _level_id(market: uint256, side: uint256, life: uint256, session: uint256, key: uint256) -> uint256:
    """
    @dev Packs what names a level into one number.
    @param market The market number.
    @param side 0 for bids, 1 for asks.
    @param life 0, 1 or 2.
    @param session The session.
    @param key The key.
    @return uint256 The number, below 2^67.
    """
    return key | (session << 16) | (life << 48) | (side << 50) | (market << 51)


@internal
@pure
def _live(level: uint256) -> uint256:
    """
    @dev Returns how many lots of a level can be filled: placed − filled − cancelled.
    @param level The level's word.
    @return uint256 The lots.
    """
    return unsafe_sub(unsafe_sub(level & _U56, (level >> 56) & _U56), (level >> 112) & _U56)


@internal
@view
def _open_order(owner: address, n: uint96) -> uint256:
    """
    @dev Returns the word of an order that is not closed.
    @param owner The 20-byte address of the owner.
    @param n The order's place.
    @return uint256 The word.
    """
    order: uint256 = self._orders[self._order_id(owner, n)]
    assert order != 0 and order != _CLOSED, "order_book: no such order"
    return order


@internal
@view
def _filled(order: uint256, level: uint256) -> (uint256, uint256):
    """
    @dev Returns how far an order is filled: clamp(filled of the level − (start − cancelled before it), 0, size).
    @param order The order's word.
    @param level The word of its level.
    @return uint256 Where the order begins in what the level fills; means nothing for an order that is surely full.
    @return uint256 The lots of it that are filled.
    """
    size: uint256 = order & _U32
    if (order >> 112) & _U32 != level >> 192:
        return 0, size
    start: uint256 = (order >> 32) & _U56
    done: uint256 = (level >> 56) & _U56
    if done >= unsafe_add(start, size):
        return start, size
    if (level >> 112) & _U56 != 0:
        start = unsafe_sub(
            start, cancel_tree._before(order >> 144, level >> 192, (order >> 88) & _U24)
        )
    if done <= start:
        return start, 0
    return start, min(unsafe_sub(done, start), size)


@internal
def _placed(
    owner: address,
    market: uint256,
    n: uint96,
    side: uint256,
    life_: uint8,
    session: uint32,
    tick: uint256,
    lots: uint256,
    strictly: bool,
) -> (uint256, uint256):
    """
    @dev Puts an order into the book.
    @param owner The 20-byte address of the order's owner.
    @param market The market number.
    @param n The order's place.
    @param side The side.
    @param life_ 0, 1 or 2.
    @param session The session that is meant, or 0.
    @param tick The price.
    @param lots The size.
    @param strictly Whether to revert if the order crosses or is too small, or to do nothing.
    @return uint256 Its escrow.
    @return uint256 What its owner's account is told; 0 if nothing was done.
    """
    word: uint256 = self._trading(market)
    key: uint256 = self._key(side, tick)
    crosses: bool = self._best(word, side ^ 1) >> 2 <= unsafe_sub(KEY_MAX, key)
    if strictly:
        assert not crosses, "order_book: would cross"
        assert lots >= (word >> _MIN_LOTS) & _U32, "order_book: too few lots"
    elif crosses or lots < (word >> _MIN_LOTS) & _U32:
        return 0, 0
    life: uint256 = convert(life_, uint256)
    id: uint256 = self._level_id(market, side, life, self._checked_session(life_, session), key)
    level: uint256 = self._levels[id]
    index: uint256 = (level >> 168) & _U24
    assert index < cancel_tree.ORDERS_MAX - 1, "order_book: level is full"
    place: uint256 = self._order_id(owner, n)
    old: uint256 = self._orders[place]
    assert old == 0 or old == _CLOSED, "order_book: place is in use"
    self._orders[place] = (
        lots | ((level & _U56) << 32) | (index << 88) | ((level >> 192) << 112) | (id << 144)
    )
    cancelled: uint256 = (level >> 112) & _U56
    if cancelled != 0:
        cancel_tree._grow(id, level >> 192, index, cancelled)
    # No carry into the next field: fewer than 2^24 orders of less than 2^32 lots, and one index for each.
    self._levels[id] = unsafe_add(level, lots | (1 << 168))
    now: uint256 = word
    if self._live(level) == 0:
        entry: uint256 = (word >> unsafe_mul(unsafe_add(unsafe_mul(side, 3), life), 17)) & _U17
        bitmap._insert(id >> 48, entry >> 16 == 0, key)
        if entry >> 16 == 0 or key < entry & _U16:
            now = self._with_best(word, side, life, key)
            self._markets[market] = now
    log Placed(
        market=market,
        owner=owner,
        n=n,
        side=side,
        life=life,
        tick=tick,
        lots=lots,
    )
    escrow: uint256 = 0
    if side == 0:
        escrow = unsafe_mul(lots, self._price(word, side, key))
    else:
        escrow = unsafe_mul(lots, self._lot(word))
    return escrow, _MARK | (side << 16) | key | ((word >> 171) & _MARK_GATED)


@internal
def _claim_done(owner: address, market: uint256, n: uint96):
    """
    @dev Claims an order of a taker before it takes. Anybody may have claimed it a moment ago; that must not stop the taker.
    @param owner The 20-byte address of the taker.
    @param market The market that it trades in.
    @param n The order's place.
    """
    ignored: bool = self._claimed(owner, market, n, False)


@internal
def _claimed(owner: address, market: uint256, n: uint96, cancelling: bool) -> bool:
    """
    @dev Claims or cancels one order of several.
    @param owner The 20-byte address of the order's owner.
    @param market The market that the order has to be of, or 0 for any.
    @param n The order's place.
    @param cancelling True to give back what is not filled.
    @return bool False if it was closed already, or has nothing to pay.
    """
    order: uint256 = self._orders[self._order_id(owner, n)]
    if order == 0 or order == _CLOSED:
        return False
    assert market == 0 or order >> 195 == market, "order_book: another market"
    paid: uint256 = 0
    back: uint256 = 0
    paid, back = self._settle(owner, n, order, cancelling)
    return paid | back != 0


@internal
def _close(owner: address, n: uint96, cancelling: bool) -> (uint32, uint32):
    """
    @dev Claims or cancels one order.
    @param owner The 20-byte address of the order's owner.
    @param n The order's place.
    @param cancelling True to give back what is not filled.
    @return uint32 The lots paid.
    @return uint32 The lots given back.
    """
    paid: uint256 = 0
    back: uint256 = 0
    paid, back = self._settle(owner, n, self._open_order(owner, n), cancelling)
    assert paid | back != 0, "order_book: nothing to claim"
    return convert(paid, uint32), convert(back, uint32)


@internal
def _settle(owner: address, n: uint96, order: uint256, cancelling: bool) -> (uint256, uint256):
    """
    @dev Pays an order's fills into its owner's account, and gives the rest back if it is cancelled or expired.
    @param owner The 20-byte address of the order's owner.
    @param n The order's place.
    @param order The order's word.
    @param cancelling True to give back what is not filled.
    @return uint256 The lots paid.
    @return uint256 The lots given back.
    """
    id: uint256 = order >> 144
    market: uint256 = id >> 51
    side: uint256 = (id >> 50) & 1
    size: uint256 = order & _U32
    level: uint256 = self._levels[id]
    position: uint256 = 0
    paid: uint256 = 0
    position, paid = self._filled(order, level)
    back: uint256 = 0
    if (id >> 16) & _U32 != self._running((id >> 48) & 3):
        # Nobody reaches its level any more, and what is filled of the others doesn't depend on this one.
        back = unsafe_sub(size, paid)
    elif cancelling and paid != size:
        back = unsafe_sub(size, paid)
        self._withdraw(order, level, position, back)
    if paid | back == 0:
        return 0, 0
    marks: uint256 = 0
    if unsafe_add(paid, back) == size:
        self._orders[self._order_id(owner, n)] = _CLOSED
        marks = 1 << _CLOSED_BIDS
        if side != 0:
            marks = 1 << _CLOSED_ASKS
    else:
        # What is left is an order that begins where the claimed part ends.
        self._orders[self._order_id(owner, n)] = unsafe_add(unsafe_sub(order, paid), paid << 32)
    word: uint256 = self._markets[market]
    lot: uint256 = self._lot(word)
    price: uint256 = self._price(word, side, id & _U16)
    bps: uint256 = (word >> _MAKER_BPS) & 1_023
    fee: uint256 = 0
    base: uint256 = 0
    quote: uint256 = 0
    # The fee was counted when the trade was made: so much for each lot.
    if side == 0:
        fee = unsafe_div(unsafe_mul(lot, bps), _BPS)
        base = unsafe_mul(paid, unsafe_sub(lot, fee))
        quote = unsafe_mul(back, price)
    else:
        fee = unsafe_div(unsafe_mul(price, bps), _BPS)
        base = unsafe_mul(back, lot)
        quote = unsafe_mul(paid, unsafe_sub(price, fee))
    log Claimed(
        market=market,
        owner=owner,
        n=n,
        paid=paid,
        back=back,
        fee=unsafe_mul(paid, fee),
        closed=marks != 0,
    )
    self._change((market << 160) | convert(owner, uint256), base, quote, marks)
    return paid, back


@internal
def _withdraw(order: uint256, level: uint256, position: uint256, rest: uint256):
    """
    @dev Takes what is not filled of an order out of its level. The last order shortens the queue, the first one counts
         as filled, and only one in between is written into the tree.
    @param order The order's word.
    @param level The word of its level, in which it is not full.
    @param position Where it begins in what the level fills.
    @param rest The lots to take out, not 0.
    """
    id: uint256 = order >> 144
    if self._live(level) == rest:
        market: uint256 = id >> 51
        self._markets[market] = self._emptied(self._market(market), id, level)
        return
    index: uint256 = (order >> 88) & _U24
    if unsafe_add((order >> 32) & _U56, order & _U32) == level & _U56:
        # The index is given out again: nothing was ever written for it.
        self._levels[id] = (unsafe_sub(level, rest) & ~(_U24 << 168)) | (index << 168)
    elif (level >> 56) & _U56 >= position:
        self._levels[id] = unsafe_add(level, rest << 56)
    else:
        cancel_tree._add(id, level >> 192, (level >> 168) & _U24, index, rest)
        self._levels[id] = unsafe_add(level, rest << 112)
