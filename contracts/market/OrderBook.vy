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
        number of quote units per lot, so escrow never rounds. Whoever receives pays the fee from what is received,
        rounded down.
@custom:security Sizes, ticks and fees of a market are fixed for ever; a change is a new market. Balances stand in the
                 Vault, which refuses more than an account has. Only the Vault is called, after all is written; it calls
                 nobody. An order that would cross is refused (`place`) or trades first (`trade`). Session ends are exact
                 against the chain's clock, which on a rollup is the sequencer's.
@custom:kill `Guard.pause(book)` stops placing and taking in every market, `halt` in one. Cancelling and claiming never
             stop.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


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


# @dev An order rests in the book. Its session is that of the block's time.
event Placed:
    market: indexed(uint16)
    owner: indexed(address)
    n: uint96
    side: uint8
    life: uint8
    tick: uint16
    lots: uint32


# @dev A taker traded at one level. `side` is the taker's; the fee is in what the taker received.
event Traded:
    market: indexed(uint16)
    taker: indexed(address)
    side: uint8
    life: uint8
    tick: uint16
    lots: uint32
    fee: uint256


# @dev An order was paid `paid` lots, less the fee in what its owner received, and got `back` lots of its escrow back.
event Claimed:
    market: indexed(uint16)
    owner: indexed(address)
    n: uint96
    paid: uint32
    back: uint32
    fee: uint256
    closed: bool


# @dev Fees went to the beneficiary's account.
event Collected:
    market: indexed(uint16)
    beneficiary: indexed(address)
    base: uint256
    quote: uint256


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


# @dev The largest key. A bid's key is `KEY_MAX − tick`, an ask's its tick, so the best of a side has the lowest key.
KEY_MAX: constant(uint256) = 65_535


# @dev No best: above every key << 2 | life.
_NONE: constant(uint256) = 1 << 18


# @dev What stands in the place of a closed order, so that its storage slot is recycled.
_CLOSED: constant(uint256) = 1 << 255


# @dev Marks a fee word that was collected, for the same reason.
_COLLECTED: constant(uint256) = 1 << 255


# @dev Masks of packed fields.
_U16: constant(uint256) = (1 << 16) - 1
_U17: constant(uint256) = (1 << 17) - 1
_U24: constant(uint256) = (1 << 24) - 1
_U32: constant(uint256) = (1 << 32) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U56: constant(uint256) = (1 << 56) - 1
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


# @dev The marks of the cached bests of lives 1 and 2, both sides: entry 3 × side + life, 17 bits each.
_DAY_BESTS: constant(uint256) = (_U17 << 17) | (_U17 << 68)
_SLOT_BESTS: constant(uint256) = (_U17 << 34) | (_U17 << 85)


# @dev Where balances stand.
vault: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev market → for each side and life, best key (16 bits) and whether there is one (1) | slot in which that was written
# << 102 (32) | lot exponent << 134 (5) | tick exponent << 139 (5) | base price << 144 (40) | maker's fee << 184 (10)
# | taker's fee << 194 (10) | least lots << 204 (32) | halted << 236 | paused << 237 | exists << 238.
_markets: HashMap[uint256, uint256]


# @dev level → placed (56 bits) | filled << 56 (56) | cancelled << 112 (56) | next index << 168 (24) | epoch << 192 (32).
# A level's number is key (16 bits) | session << 16 (32) | life << 48 (2) | side << 50 (1) | market << 51 (16). The epoch
# counts how often the level was empty again: an order of an old epoch is full.
_levels: HashMap[uint256, uint256]


# @dev owner << 96 | n → size (32 bits) | start << 32 (56) | index << 88 (24) | epoch << 112 (32) | level << 144 (67).
_orders: HashMap[uint256, uint256]


# @dev Whether the Guard has stopped the book, for markets that are opened meanwhile; trades read their market's word.
_paused: bool


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
    @param beneficiary_ The 20-byte address whose accounts get the fees.
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
    word: uint256 = self._trading(id)
    own: uint256 = self._checked_side(side)
    key: uint256 = self._key(own, convert(tick, uint256))
    best: uint256 = self._best(word, own ^ 1)
    assert best == _NONE or best >> 2 > unsafe_sub(KEY_MAX, key), "order_book: would cross"
    size: uint256 = convert(lots, uint256)
    assert size >= (word >> _MIN_LOTS) & _U32, "order_book: too few lots"
    running: uint256 = self._checked_session(life, session)
    changed: uint256 = self._rest(word, id, n, own, convert(life, uint256), running, key, size)
    if changed != word:
        self._markets[id] = changed
    change: IVault.Change = empty(IVault.Change)
    change = self._escrowed(change, word, own, key, size)
    extcall IVault(vault).settle(market, msg.sender, change, skip_contract_check=True)


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
    word: uint256 = self._trading(id)
    own: uint256 = self._checked_side(side)
    taken: uint256 = 0
    quote: uint256 = 0
    changed: uint256 = 0
    fees: uint256 = 0
    change: IVault.Change = empty(IVault.Change)
    if len(done) != 0:
        # Before the walk: what it fills of an own order must not count as done.
        change = self._with_claims(id, done)
    changed, taken, quote, fees, change.reached = self._walk(
        word, id, own, self._key(own, convert(tick, uint256)), convert(lots, uint256), levels
    )
    base: uint256 = unsafe_mul(taken, self._lot(word))
    # No overflow: what was claimed and what is taken are each below 2^138.
    if own == 0:
        change.base_in = unsafe_add(change.base_in, unsafe_sub(base, fees))
        change.quote_out = quote
    else:
        change.base_out = base
        change.quote_in = unsafe_add(change.quote_in, unsafe_sub(quote, fees))
    assert taken != 0 and taken >= convert(least, uint256), "order_book: too little to trade with"
    if changed != word:
        self._markets[id] = changed
    extcall IVault(vault).settle(market, msg.sender, change, skip_contract_check=True)
    return convert(taken, uint32), quote


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
    word: uint256 = self._trading(id)
    own: uint256 = self._checked_side(side)
    running: uint256 = self._checked_session(life, session)
    key: uint256 = self._key(own, convert(tick, uint256))
    size: uint256 = convert(lots, uint256)
    taken: uint256 = 0
    quote: uint256 = 0
    changed: uint256 = 0
    fees: uint256 = 0
    change: IVault.Change = empty(IVault.Change)
    if len(done) != 0:
        # Before the walk: what it fills of an own order must not count as done.
        change = self._with_claims(id, done)
    changed, taken, quote, fees, change.reached = self._walk(word, id, own, key, size, levels)
    base: uint256 = unsafe_mul(taken, self._lot(word))
    # No overflow: what was claimed and what is taken are each below 2^138.
    if own == 0:
        change.base_in = unsafe_add(change.base_in, unsafe_sub(base, fees))
        change.quote_out = quote
    else:
        change.base_out = base
        change.quote_in = unsafe_add(change.quote_in, unsafe_sub(quote, fees))
    rest: uint256 = unsafe_sub(size, taken)
    best: uint256 = self._best(changed, own ^ 1)
    if rest < (word >> _MIN_LOTS) & _U32 or (best != _NONE and best >> 2 <= unsafe_sub(KEY_MAX, key)):
        rest = 0
    assert taken | rest != 0, "order_book: too few lots"
    if rest != 0:
        changed = self._rest(changed, id, n, own, convert(life, uint256), running, key, rest)
        change = self._escrowed(change, word, own, key, rest)
    if changed != word:
        self._markets[id] = changed
    extcall IVault(vault).settle(market, msg.sender, change, skip_contract_check=True)
    return convert(taken, uint32), quote, convert(rest, uint32)


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
    extcall IVault(vault).set_best(market, msg.sender, side, convert(len(ns), uint16), convert(best, uint16))


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
def collect(market: uint16) -> (uint256, uint256):
    """
    @dev Credits the fees so far to the beneficiary's account in that market. Anybody may call it.
    @param market The 2-byte market number.
    @return uint256 The fees in the base token's units.
    @return uint256 The fees in the quote token's units.
    """
    fees: uint256 = self._fees[convert(market, uint256)]
    change: IVault.Change = empty(IVault.Change)
    change.base_in = (fees >> 128) & _U127
    change.quote_in = fees & _U128
    self._fees[convert(market, uint256)] = _COLLECTED
    log Collected(market=market, beneficiary=self.beneficiary, base=change.base_in, quote=change.quote_in)
    extcall IVault(vault).settle(market, self.beneficiary, change)
    return change.base_in, change.quote_in


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
    extcall IVault(vault).list_market(market, base, quote)
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
    @dev Sets whose accounts get the fees.
    @param beneficiary_ The 20-byte address; it must be able to withdraw from the Vault.
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
    @dev Writes whose accounts get the fees.
    @param beneficiary_ The 20-byte address.
    """
    assert beneficiary_ != empty(address), "order_book: beneficiary is the zero address"
    log BeneficiaryChanged(old=self.beneficiary, new=beneficiary_)
    self.beneficiary = beneficiary_


# ------------------------------------------------------------------
#                         INTERNAL: TAKING
# ------------------------------------------------------------------


@internal
def _walk(
    word: uint256, market: uint256, side: uint256, key: uint256, lots: uint256, levels: uint16
) -> (uint256, uint256, uint256, uint256, uint256):
    """
    @dev Fills the other side's levels from the best, down to a limit, and keeps the fees.
    @param word The market's word as of now.
    @param market The market number.
    @param side The taker's side.
    @param key The limit, as a key of the taker's side.
    @param lots The most to fill.
    @param levels The most levels to walk.
    @return uint256 The market's word afterwards, not yet stored.
    @return uint256 The lots filled.
    @return uint256 Their price together, in the quote token's units.
    @return uint256 The fees, in what the taker receives.
    @return uint256 `IVault.Change.reached`.
    """
    other: uint256 = side ^ 1
    limit: uint256 = unsafe_sub(KEY_MAX, key)
    now: uint256 = word
    left: uint256 = lots
    quote: uint256 = 0
    fees: uint256 = 0
    reached: uint256 = 0
    for i: uint256 in range(convert(levels, uint256), bound=LEVELS_MAX):
        if left == 0:
            break
        best: uint256 = self._best(now, other)
        if best >> 2 > limit:
            break
        life: uint256 = best & 3
        best >>= 2
        filled: uint256 = 0
        now, filled = self._fill(now, market, other, life, best, left)
        left = unsafe_sub(left, filled)
        cost: uint256 = unsafe_mul(filled, self._price(now, other, best))
        quote = unsafe_add(quote, cost)
        received: uint256 = cost
        if side == 0:
            received = unsafe_mul(filled, self._lot(now))
        fee: uint256 = unsafe_div(unsafe_mul(received, (now >> _TAKER_BPS) & 1_023), _BPS)
        fees = unsafe_add(fees, fee)
        reached = (1 << 17) | (other << 16) | best
        log Traded(
            market=convert(market, uint16),
            taker=msg.sender,
            side=convert(side, uint8),
            life=convert(life, uint8),
            tick=convert(self._key(other, best), uint16),
            lots=convert(filled, uint32),
            fee=fee,
        )
    if fees != 0:
        if side == 0:
            self._fees[market] += fees << 128
        else:
            self._fees[market] += fees
    return now, unsafe_sub(lots, left), quote, fees, reached


@internal
def _fill(
    word: uint256, market: uint256, side: uint256, life: uint256, key: uint256, most: uint256
) -> (uint256, uint256):
    """
    @dev Fills the best level of a side and a life.
    @param word The market's word as of now.
    @param market The market number.
    @param side The level's side.
    @param life The level's life.
    @param key The level's key.
    @param most The most lots to fill, not 0.
    @return uint256 The market's word afterwards.
    @return uint256 The lots filled.
    """
    id: uint256 = self._level_id(market, side, life, self._running(life), key)
    level: uint256 = self._levels[id]
    live: uint256 = self._live(level)
    if most < live:
        self._levels[id] = unsafe_add(level, most << 56)
        return word, most
    return self._emptied(word, id, level), live


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
def _rest(
    word: uint256,
    market: uint256,
    n: uint96,
    side: uint256,
    life: uint256,
    session: uint256,
    key: uint256,
    lots: uint256,
) -> uint256:
    """
    @dev Puts an order of the caller into the book.
    @param word The market's word as of now.
    @param market The market number.
    @param n The order's place.
    @param side The side.
    @param life The life.
    @param session The session.
    @param key The key.
    @param lots The size, not 0.
    @return uint256 The market's word afterwards, not yet stored.
    """
    id: uint256 = self._level_id(market, side, life, session, key)
    level: uint256 = self._levels[id]
    index: uint256 = (level >> 168) & _U24
    assert index < cancel_tree.ORDERS_MAX - 1, "order_book: level is full"
    place: uint256 = self._order_id(msg.sender, n)
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
    log Placed(
        market=convert(market, uint16),
        owner=msg.sender,
        n=n,
        side=convert(side, uint8),
        life=convert(life, uint8),
        tick=convert(self._key(side, key), uint16),
        lots=convert(lots, uint32),
    )
    return now


@internal
@pure
def _escrowed(change_: IVault.Change, word: uint256, side: uint256, key: uint256, lots: uint256) -> IVault.Change:
    """
    @dev Adds an order's escrow to what changes in its owner's account.
    @param change_ What changes already.
    @param word The market's word.
    @param side The side.
    @param key The key.
    @param lots The size.
    @return Change What changes.
    """
    change: IVault.Change = change_
    if side == 0:
        change.quote_out = unsafe_add(change.quote_out, unsafe_mul(lots, self._price(word, side, key)))
    else:
        change.base_out = unsafe_add(change.base_out, unsafe_mul(lots, self._lot(word)))
    change.opened = (1 << 17) | (side << 16) | key
    return change


@internal
def _with_claims(market: uint256, done: DynArray[uint96, 16]) -> IVault.Change:
    """
    @dev Claims orders of the caller before it takes.
    @param market The market number.
    @param done The orders' places.
    @return Change What changes in the caller's account.
    """
    change: IVault.Change = empty(IVault.Change)
    for n: uint96 in done:
        # Anybody may have claimed it a moment ago; that must not stop the taker.
        order: uint256 = self._orders[self._order_id(msg.sender, n)]
        if order == 0 or order == _CLOSED:
            continue
        found: uint256 = 0
        paid: uint256 = 0
        back: uint256 = 0
        base: uint256 = 0
        quote: uint256 = 0
        closed: uint256 = 0
        found, paid, back, base, quote, closed = self._settle(msg.sender, n, False)
        assert found == market, "order_book: order of another side or market"
        # No overflow: each is below 2^133.
        change.base_in = unsafe_add(change.base_in, base)
        change.quote_in = unsafe_add(change.quote_in, quote)
        change.closed_bids = unsafe_add(change.closed_bids, closed & 1)
        change.closed_asks = unsafe_add(change.closed_asks, closed >> 1)
    return change


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
    change: IVault.Change = empty(IVault.Change)
    market: uint256 = 0
    paid: uint256 = 0
    back: uint256 = 0
    closed: uint256 = 0
    market, paid, back, change.base_in, change.quote_in, closed = self._settle(owner, n, cancelling)
    assert paid | back != 0, "order_book: nothing to claim"
    change.closed_bids = closed & 1
    change.closed_asks = closed >> 1
    extcall IVault(vault).settle(convert(market, uint16), owner, change, skip_contract_check=True)
    return convert(paid, uint32), convert(back, uint32)


@internal
def _settle(owner: address, n: uint96, cancelling: bool) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    """
    @dev Pays an order's fills, and gives the rest back if it is cancelled or expired.
    @param owner The 20-byte address of the order's owner.
    @param n The order's place.
    @param cancelling True to give back what is not filled.
    @return uint256 The market number.
    @return uint256 The lots paid.
    @return uint256 The lots given back.
    @return uint256 What the owner receives in the base token's units.
    @return uint256 What the owner receives in the quote token's units.
    @return uint256 1 if a bid was closed, 2 if an ask was.
    """
    order: uint256 = self._open_order(owner, n)
    id: uint256 = order >> 144
    market: uint256 = id >> 51
    side: uint256 = (id >> 50) & 1
    size: uint256 = order & _U32
    level: uint256 = self._levels[id]
    position: uint256 = 0
    paid: uint256 = 0
    position, paid = self._filled(order, level)
    back: uint256 = 0
    word: uint256 = self._markets[market]
    if (id >> 16) & _U32 != self._running((id >> 48) & 3):
        # Nobody reaches its level any more, and what is filled of the others doesn't depend on this one.
        back = unsafe_sub(size, paid)
    elif cancelling and paid != size:
        back = unsafe_sub(size, paid)
        self._withdraw(order, level, position, back)
    if paid | back == 0:
        return market, 0, 0, 0, 0, 0
    closed: uint256 = 0
    if unsafe_add(paid, back) == size:
        self._orders[self._order_id(owner, n)] = _CLOSED
        closed = unsafe_add(side, 1)
    else:
        # What is left is an order that begins where the claimed part ends.
        self._orders[self._order_id(owner, n)] = unsafe_add(unsafe_sub(order, paid), paid << 32)
    base: uint256 = self._lot(word)
    quote: uint256 = self._price(word, side, id & _U16)
    fee: uint256 = 0
    if side == 0:
        base = unsafe_mul(base, paid)
        quote = unsafe_mul(quote, back)
        fee = unsafe_div(unsafe_mul(base, (word >> _MAKER_BPS) & 1_023), _BPS)
        base = unsafe_sub(base, fee)
    else:
        base = unsafe_mul(base, back)
        quote = unsafe_mul(quote, paid)
        fee = unsafe_div(unsafe_mul(quote, (word >> _MAKER_BPS) & 1_023), _BPS)
        quote = unsafe_sub(quote, fee)
    if fee != 0:
        if side == 0:
            self._fees[market] += fee << 128
        else:
            self._fees[market] += fee
    log Claimed(
        market=convert(market, uint16),
        owner=owner,
        n=n,
        paid=convert(paid, uint32),
        back=convert(back, uint32),
        fee=fee,
        closed=closed != 0,
    )
    return market, paid, back, base, quote, closed


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
