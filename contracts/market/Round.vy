# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Round
@custom:contract-name Round
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A call auction for each delivery slot of a market: bids and asks are collected until a gate closes before the slot,
        then all that match trade at one price. The price is the tick at which most lots trade; of several, the one that
        leaves least unfilled; of several, the highest if demand stays unfilled and the lowest if supply does, so that
        only orders at the price itself are cut; and if nothing stays unfilled, the middle, rounded down. Exactly one
        tick fits. Anybody computes it and brings it; the contract checks it against sums of depth, at a cost that does
        not depend on how many orders or levels there are. At the price itself the earlier order is filled first. If
        nobody brings the result in time, everybody gets everything back.
@custom:security Tokens stay here and not in the Vault, which obeys one book for ever. Every order's escrow is whole: a price
                 is a whole number of quote units per lot, so nothing rounds but the fee, down, in what is received.
                 Whoever closes for others can only credit them; tokens leave to whom their owner names, and fees to the
                 beneficiary. State is written before a token is called. Gates are exact against the chain's clock,
                 which on a rollup is the sequencer's. Nothing hides orders before the gate closes.
@custom:kill `Guard.pause(round)` stops placing, clearing and withdrawing everywhere, `halt` placing and clearing in one
             market. Cancelling and closing never stop, and a round that could not be cleared in time is paid back. A
             frozen account neither places nor withdraws, and anybody may take its orders out before the gate closes.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import IRound
from contracts.interfaces import IVault

implements: IPausable
implements: IRound


# @dev What else is asked of the Guard.
interface Officers:
    def guardians(account: address) -> bool: view
    def tier_of(account: address) -> uint8: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from contracts.modules import cancel_tree
from contracts.modules import depth_tree

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: cancel_tree
initializes: depth_tree

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
    terms: IRound.Market


# @dev An order waits for its round.
event Placed:
    market: indexed(uint16)
    slot: indexed(uint32)
    owner: indexed(address)
    n: uint96
    side: uint8
    tick: uint16
    lots: uint32


# @dev An order was closed: `paid` lots traded, less the fee in what its owner received, and `back` lots of its escrow were
# given back. Both are credited. Before the round was over it was cancelled.
event Closed:
    market: indexed(uint16)
    slot: indexed(uint32)
    owner: indexed(address)
    n: uint96
    paid: uint32
    back: uint32
    fee: uint256


# @dev A round has its result. The tick means nothing if the volume is 0.
event Cleared:
    market: indexed(uint16)
    slot: indexed(uint32)
    by: indexed(address)
    tick: uint16
    volume: uint64
    bid_lots: uint64
    ask_lots: uint64


# @dev Tokens came in for an order.
event Pulled:
    market: indexed(uint16)
    owner: indexed(address)
    quote: bool
    amount: uint256


# @dev Tokens went out.
event Withdrawn:
    market: indexed(uint16)
    owner: indexed(address)
    receiver: indexed(address)
    quote: bool
    amount: uint256


# @dev Fees went to the beneficiary.
event Collected:
    market: indexed(uint16)
    beneficiary: indexed(address)
    quote: bool
    amount: uint256


# @dev Placing and clearing in one market stopped or goes on.
event HaltChanged:
    market: indexed(uint16)
    by: indexed(address)
    halted: bool


# @dev Fees go to another address.
event BeneficiaryChanged:
    old: indexed(address)
    new: indexed(address)


# @dev The Guard stopped the contract or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev A slot's length in seconds.
SLOT: constant(uint256) = 900


# @dev How far ahead orders are taken, in slots, and how many rounds have sums of depth of their own. A round's sums are in use
# until its window ends, WINDOW_MAX after its slot at the latest, and their words are used again for the slot RING later,
# which takes orders (RING − HORIZON) slots after this one: 16 hours later, which is more.
HORIZON: constant(uint256) = 192
RING: constant(uint256) = 256
WINDOW_MAX: constant(uint256) = 43_200
GATE_MAX: constant(uint256) = 86_400


# @dev The highest fee, in hundredths of a per cent.
FEE_BPS_MAX: constant(uint256) = 100
_BPS: constant(uint256) = 10_000


# @dev The largest power of ten of a lot and of a tick.
EXP_MAX: constant(uint256) = 18


# @dev The highest tick.
TICK_MAX: constant(uint256) = depth_tree.TICKS - 1


# @dev The most orders that one call closes.
CLOSE_MAX: constant(uint256) = 32


# @dev What stands in the place of a closed order, so that its storage slot is recycled.
_CLOSED: constant(uint256) = 1 << 255


# @dev Marks a balance and a fee word that was used, for the same reason.
_USED: constant(uint256) = 1 << 255


# @dev What a receiver answers when it accepts.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev Masks of packed fields.
_U10: constant(uint256) = (1 << 10) - 1
_U12: constant(uint256) = (1 << 12) - 1
_U24: constant(uint256) = (1 << 24) - 1
_U32: constant(uint256) = (1 << 32) - 1
_U40: constant(uint256) = (1 << 40) - 1
_U48: constant(uint256) = (1 << 48) - 1
_U56: constant(uint256) = (1 << 56) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U127: constant(uint256) = (1 << 127) - 1


# @dev Where a market's word has its fields.
_LOT_EXP: constant(uint256) = 0
_TICK_EXP: constant(uint256) = 5
_BASE_PRICE: constant(uint256) = 10
_FEE_BPS: constant(uint256) = 50
_MIN_LOTS: constant(uint256) = 60
_GATE: constant(uint256) = 92
_WINDOW: constant(uint256) = 124
_TIER: constant(uint256) = 156
_HALTED: constant(uint256) = 1 << 164
_OPEN: constant(uint256) = 1 << 165


# @dev Where a round's word has its fields.
_ASKS: constant(uint256) = 48
_VOLUME: constant(uint256) = 96
_BID_LOTS: constant(uint256) = 144
_ASK_LOTS: constant(uint256) = 192
_TICK: constant(uint256) = 240
_CLEARED: constant(uint256) = 1 << 252


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while the Guard stops the contract.
paused: public(bool)


# @dev market → lot exponent (5 bits) | tick exponent << 5 (5) | base price << 10 (40) | fee << 50 (10)
# | least lots << 60 (32) | gate << 92 (32) | window << 124 (32) | tier << 156 (8) | halted << 164 | exists << 165.
_markets: HashMap[uint256, uint256]


# @dev market << 1 | 1 for quote → the token.
_assets: HashMap[uint256, IVault.Asset]


# @dev market << 32 | slot → lots of bids (48 bits) | of asks << 48 (48) | volume << 96 (48) | bids filled at the price
# << 144 (48) | asks filled at the price << 192 (48) | tick << 240 (12) | cleared << 252.
_rounds: HashMap[uint256, uint256]


# @dev level → placed (56 bits) | cancelled << 56 (56) | next index << 112 (24) | epoch << 136 (32). A level's number is
# tick (12 bits) | side << 12 (1) | slot << 13 (32) | market << 45 (16). The epoch counts how often the level was empty
# again: then no order of it is left.
_levels: HashMap[uint256, uint256]


# @dev owner << 96 | n → size (32 bits) | start << 32 (56) | index << 88 (24) | level << 112 (61).
_orders: HashMap[uint256, uint256]


# @dev market << 160 | owner → base (96 bits) | quote << 96 (96) | was used << 255.
_balances: HashMap[uint256, uint256]


# @dev market << 1 | 1 for quote → fees that were not yet collected (127 bits) | was used << 255.
_fees: HashMap[uint256, uint256]


# @dev How many markets there are; they are numbered from 1.
market_count: public(uint256)


# @dev Where the fees go.
beneficiary: public(address)


# @dev The ERC-1155 whose transfer is expected, its id, and how much of it came.
_expected: transient(address)
_expected_id: transient(uint256)
_arrived: transient(uint256)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(guard_: address, beneficiary_: address):
    """
    @dev The deployer is the first owner.
    @param guard_ The 20-byte address of the Guard.
    @param beneficiary_ The 20-byte address that gets the fees.
    """
    ownable.__init__()
    ownable_2step.__init__()
    cancel_tree.__init__()
    depth_tree.__init__()
    guard = guard_
    self._set_beneficiary(beneficiary_)


# ------------------------------------------------------------------
#                               TRADERS
# ------------------------------------------------------------------


@external
def place(market: uint16, slot: uint32, n: uint96, side: uint8, tick: uint16, lots: uint32):
    """
    @dev Places an order for a slot whose gate is open. Its escrow, lots × lot size or lots × price, comes out of the
         caller's balance here, and what that lacks out of the caller's wallet, which has approved the Round.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param n A place of the caller's own choice that holds no order; a used one is cheaper than a new one.
    @param side 0 to buy, 1 to sell.
    @param tick The worst price.
    @param lots The size in lots, at least the market's minimum.
    """
    self._place(market, slot, n, side, tick, lots)


@external
def place_with_permit(
    market: uint16,
    slot: uint32,
    n: uint96,
    side: uint8,
    tick: uint16,
    lots: uint32,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @dev Approves what the order is paid in by the caller's signature after ERC-2612, and places it, in one transaction.
    @notice A permit that somebody else has brought already does not get in the way: what counts is the allowance.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param n A place of the caller's own choice that holds no order.
    @param side 0 to buy, 1 to sell.
    @param tick The worst price.
    @param lots The size in lots, at least the market's minimum.
    @param amount The permit's amount in the token's smallest units.
    @param deadline The permit's deadline in Unix seconds.
    @param v The permit's recovery byte.
    @param r The permit's first 32 bytes.
    @param s The permit's second 32 bytes.
    """
    token: address = self._assets[self._asset_key(market, side == 0)].token
    # Whether it worked shows in the transfer.
    ignored: bool = raw_call(
        token,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    self._place(market, slot, n, side, tick, lots)


@external
def withdraw(market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Sends tokens from the caller's balance.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address that receives.
    """
    self._check_may_leave(to)
    asset: IVault.Asset = self._listed(market, quote)
    key: uint256 = self._balance_key(market, msg.sender)
    offset: uint256 = self._offset(quote)
    word: uint256 = self._balances[key]
    assert (word >> offset) & _U96 >= amount, "round: balance is too low"
    self._balances[key] = unsafe_sub(word, amount << offset)
    log Withdrawn(market=market, owner=msg.sender, receiver=to, quote=quote, amount=amount)
    self._send(asset, to, amount)


@external
def leave(market: uint16, ns: DynArray[uint96, CLOSE_MAX], to: address) -> (uint256, uint256):
    """
    @dev Closes what can be closed of the caller's orders and sends all that is free in the market: one call to be out.
    @param market The 2-byte market number.
    @param ns The orders' places, as many as there are; those that can't be closed now are passed over.
    @param to The 20-byte address that receives.
    @return uint256 Units of the base token sent.
    @return uint256 Units of the quote token sent.
    """
    self._check_may_leave(to)
    key: uint256 = self._balance_key(market, msg.sender)
    word: uint256 = self._balances[key]
    closed: uint256 = 0
    base: uint256 = 0
    quote: uint256 = 0
    closed, base, quote = self._close_all(market, msg.sender, True, ns)
    base += word & _U96
    quote += (word >> 96) & _U96
    assert base | quote != 0, "round: nothing to withdraw"
    if word & ~_USED != 0:
        self._balances[key] = _USED
    for is_quote: bool in [False, True]:
        amount: uint256 = base
        if is_quote:
            amount = quote
        if amount != 0:
            log Withdrawn(market=market, owner=msg.sender, receiver=to, quote=is_quote, amount=amount)
            self._send(self._assets[self._asset_key(market, is_quote)], to, amount)
    return base, quote


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def close(market: uint16, owner: address, ns: DynArray[uint96, CLOSE_MAX]) -> uint256:
    """
    @dev Closes orders of one owner, credits what they are owed to the owner's balance, and passes over those that can't
         be closed now. Anybody may close orders whose round is over; the owner also cancels orders whose gate is open,
         and anybody does so for a frozen owner. If none can be closed it reverts. Works in a halt and in a stop.
    @param market The 2-byte market number of all of them.
    @param owner The 20-byte address of the orders' owner.
    @param ns The orders' places.
    @return uint256 How many were closed.
    """
    cancelling: bool = msg.sender == owner
    if not cancelling:
        cancelling = staticcall IGuard(guard).frozen(owner)
    closed: uint256 = 0
    base: uint256 = 0
    quote: uint256 = 0
    closed, base, quote = self._close_all(market, owner, cancelling, ns)
    assert closed != 0, "round: nothing to close"
    key: uint256 = self._balance_key(market, owner)
    word: uint256 = self._balances[key]
    assert (word & _U96) + base <= _U96, "round: balance is too large"
    assert ((word >> 96) & _U96) + quote <= _U96, "round: balance is too large"
    self._balances[key] = unsafe_add(word, base | (quote << 96)) | _USED
    return closed


@external
def clear(market: uint16, slot: uint32, tick: uint16, volume: uint64, low: uint16, high: uint16):
    """
    @dev Ends a round with a result that anybody computed; refuses every tick and volume but the right ones. `solve`
         tells what it accepts.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param tick The price at which all trade. If nothing trades: any tick without asks at it or below and without bids
                above it.
    @param volume The lots that trade.
    @param low The lowest tick at which bids and asks are equal; `tick` if they are equal nowhere or nothing trades.
    @param high The highest such tick; `tick` if they are equal nowhere or nothing trades.
    """
    terms: uint256 = self._trading(market)
    closing: uint256 = self._gate_of(terms, slot)
    assert block.timestamp >= closing, "round: gate is open"
    assert block.timestamp < unsafe_add(closing, (terms >> _WINDOW) & _U32), "round: too late"
    key: uint256 = self._round_key(market, slot)
    word: uint256 = self._rounds[key]
    assert word & _CLEARED == 0, "round: cleared already"
    assert word != 0, "round: no orders"
    assert convert(tick, uint256) <= TICK_MAX, "round: no such tick"
    at: uint256 = convert(tick, uint256)
    lots: uint256 = convert(volume, uint256)
    demand: uint256 = 0
    supply: uint256 = 0
    demand, supply = self._depth(market, slot, word, at)
    assert lots == min(demand, supply), "round: not the volume"
    bid_lots: uint256 = 0
    ask_lots: uint256 = 0
    if lots == 0:
        self._check_nothing_trades(market, slot, word, at)
        at = 0
    else:
        self._check_tick(market, slot, word, at, demand, supply, convert(low, uint256), convert(high, uint256))
        # What the better orders leave of the volume. The tick's rule lets neither be negative.
        bid_lots = lots - self._bids_above(market, slot, word, at)
        ask_lots = lots - self._asks_below(market, slot, word, at)
    self._rounds[key] = (
        word | (lots << _VOLUME) | (bid_lots << _BID_LOTS) | (ask_lots << _ASK_LOTS) | (at << _TICK) | _CLEARED
    )
    log Cleared(
        market=market,
        slot=slot,
        by=msg.sender,
        tick=convert(at, uint16),
        volume=volume,
        bid_lots=convert(bid_lots, uint64),
        ask_lots=convert(ask_lots, uint64),
    )


@external
def collect_fees(market: uint16, quote: bool) -> uint256:
    """
    @dev Sends the fees in one token of a market to the beneficiary. Anybody may call it.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @return uint256 The fees in the token's smallest units.
    """
    asset: IVault.Asset = self._listed(market, quote)
    key: uint256 = self._asset_key(market, quote)
    amount: uint256 = self._fees[key] & _U127
    assert amount != 0, "round: no fees"
    self._fees[key] = _USED
    log Collected(market=market, beneficiary=self.beneficiary, quote=quote, amount=amount)
    self._send(asset, self.beneficiary, amount)
    return amount


# ------------------------------------------------------------------
#                               TOKENS
# ------------------------------------------------------------------


@external
@reentrant
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts tokens only while they are pulled for an order.
    @param operator The 20-byte address of the caller of the token: the Round.
    @param sender The 20-byte address that gives.
    @param id The 32-byte token id.
    @param amount The amount in the token's units.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    assert msg.sender == self._expected and id == self._expected_id, "round: use place"
    assert operator == self, "round: use place"
    self._arrived += amount
    return _HOOK_ACCEPTS


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells that the Round receives ERC-1155 tokens.
    @param interface_id The 4-byte interface id.
    @return bool True for ERC-165 and the ERC-1155 receiver.
    """
    return interface_id in [0x01ffc9a7, 0x4e2312e0]


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def open_market(base: IVault.Asset, quote: IVault.Asset, terms: IRound.Market) -> uint16:
    """
    @dev Opens a market. All of it is fixed for ever; a change is a new market.
    @param base What is traded.
    @param quote What it is paid in.
    @param terms A lot is 10^lot_exp units of the base token and a tick 10^tick_exp units of the quote token per lot, 0 to
                 18 each. `base_price` is the price of tick 0 in ticks, not 0. `fee_bps` at most 100. `min_lots` not 0:
                 the least lots of an order. `gate`, 1 to 86,400: how many seconds before the slot orders end. `window`,
                 1 to 43,200: how many seconds after that a result is accepted. `tier`: the Guard's tier that a trader
                 needs. `halted`: False.
    @return uint16 The market's number.
    """
    ownable._check_owner()
    for asset: IVault.Asset in [base, quote]:
        assert asset.token.is_contract, "round: token has no code"
        assert asset.erc1155 or asset.id == 0, "round: an ERC-20 has no ids"
    assert base.token != quote.token or base.id != quote.id, "round: base is quote"
    assert convert(terms.lot_exp, uint256) <= EXP_MAX, "round: lot out of bounds"
    assert convert(terms.tick_exp, uint256) <= EXP_MAX, "round: tick out of bounds"
    assert convert(terms.fee_bps, uint256) <= FEE_BPS_MAX, "round: fee out of bounds"
    assert terms.base_price != 0, "round: price of nothing"
    assert terms.min_lots != 0, "round: too few lots"
    gate: uint256 = convert(terms.gate, uint256)
    window: uint256 = convert(terms.window, uint256)
    assert gate != 0 and gate <= GATE_MAX, "round: gate out of bounds"
    assert window != 0 and window <= WINDOW_MAX, "round: window out of bounds"
    assert not terms.halted, "round: opened halted"
    id: uint256 = self.market_count + 1
    self.market_count = id
    market: uint16 = convert(id, uint16)
    self._markets[id] = (
        (convert(terms.lot_exp, uint256) << _LOT_EXP)
        | (convert(terms.tick_exp, uint256) << _TICK_EXP)
        | (convert(terms.base_price, uint256) << _BASE_PRICE)
        | (convert(terms.fee_bps, uint256) << _FEE_BPS)
        | (convert(terms.min_lots, uint256) << _MIN_LOTS)
        | (gate << _GATE)
        | (window << _WINDOW)
        | (convert(terms.tier, uint256) << _TIER)
        | _OPEN
    )
    self._assets[self._asset_key(market, False)] = base
    self._assets[self._asset_key(market, True)] = quote
    log MarketOpened(market=market, base=base, quote=quote, terms=terms)
    return market


@external
def resume(market: uint16):
    """
    @dev Lets a halted market go on.
    @param market The 2-byte market number.
    """
    ownable._check_owner()
    self._set_halted(market, False)


@external
def set_beneficiary(beneficiary_: address):
    """
    @dev Sets who gets the fees.
    @param beneficiary_ The 20-byte address; it must accept the tokens.
    """
    ownable._check_owner()
    self._set_beneficiary(beneficiary_)


# ------------------------------------------------------------------
#                         GUARD, GUARDIANS, OWNER
# ------------------------------------------------------------------


@external
def halt(market: uint16):
    """
    @dev Stops placing and clearing in a market. The Guard's guardians and the owner may.
    @param market The 2-byte market number.
    """
    assert (
        msg.sender == ownable.owner or staticcall Officers(guard).guardians(msg.sender)
    ), "round: access is denied"
    self._set_halted(market, True)


@external
def set_paused(paused_: bool):
    """
    @dev Stops placing, clearing and withdrawing, or lets them go on. Guard only.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "round: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
@reentrant
def solve(market: uint16, slot: uint32) -> (uint16, uint64, uint16, uint16):
    """
    @dev Returns what `clear` accepts for the orders that are there. Two binary searches over the sums of depth: meant to
         be asked from outside, and no part of clearing.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @return uint16 The tick.
    @return uint64 The volume.
    @return uint16 `low`.
    @return uint16 `high`.
    """
    word: uint256 = self._rounds[self._round_key(market, slot)]
    # The lowest tick at which demand is not above supply, and the lowest at which it is below.
    even: uint256 = self._crossing(market, slot, word, False)
    below: uint256 = self._crossing(market, slot, word, True)
    low: uint256 = even
    high: uint256 = unsafe_sub(below, 1)
    if even == below:
        # Equal nowhere: the tick before the crossing or the one behind it, whichever trades more or leaves less.
        low = self._better_side(market, slot, word, below)
        high = low
    tick: uint256 = unsafe_add(low, high) >> 1
    demand: uint256 = 0
    supply: uint256 = 0
    demand, supply = self._depth(market, slot, word, tick)
    volume: uint64 = convert(min(demand, supply), uint64)
    return convert(tick, uint16), volume, convert(low, uint16), convert(high, uint16)


@external
@view
@reentrant
def market_of(market: uint16) -> IRound.Market:
    """
    @dev Returns a market. Reverts for one that does not exist.
    @param market The 2-byte market number.
    @return Market The market.
    """
    terms: uint256 = self._market(market)
    return IRound.Market(
        lot_exp=convert((terms >> _LOT_EXP) & 31, uint8),
        tick_exp=convert((terms >> _TICK_EXP) & 31, uint8),
        base_price=convert((terms >> _BASE_PRICE) & _U40, uint40),
        fee_bps=convert((terms >> _FEE_BPS) & _U10, uint16),
        min_lots=convert((terms >> _MIN_LOTS) & _U32, uint32),
        gate=convert((terms >> _GATE) & _U32, uint32),
        window=convert((terms >> _WINDOW) & _U32, uint32),
        tier=convert((terms >> _TIER) & 255, uint8),
        halted=terms & _HALTED != 0,
    )


@external
@view
@reentrant
def asset_of(market: uint16, quote: bool) -> IVault.Asset:
    """
    @dev Returns what a market trades or is paid in; the zero address for a market that does not exist.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return Asset The token.
    """
    return self._assets[self._asset_key(market, quote)]


@external
@view
@reentrant
def order_of(owner: address, n: uint96) -> IRound.Order:
    """
    @dev Returns an order that is not closed; `lots` is 0 if there is none.
    @param owner The 20-byte address of the owner.
    @param n The order's place.
    @return Order The order.
    """
    order: uint256 = self._orders[self._order_id(owner, n)]
    if order == 0 or order == _CLOSED:
        return empty(IRound.Order)
    level: uint256 = order >> 112
    return IRound.Order(
        market=convert(level >> 45, uint16),
        slot=convert((level >> 13) & _U32, uint32),
        side=convert((level >> 12) & 1, uint8),
        tick=convert(level & _U12, uint16),
        lots=convert(order & _U32, uint32),
    )


@external
@view
@reentrant
def result_of(market: uint16, slot: uint32) -> IRound.Result:
    """
    @dev Returns a round.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @return Result The round.
    """
    word: uint256 = self._rounds[self._round_key(market, slot)]
    return IRound.Result(
        bids=convert(word & _U48, uint64),
        asks=convert((word >> _ASKS) & _U48, uint64),
        cleared=word & _CLEARED != 0,
        tick=convert((word >> _TICK) & _U12, uint16),
        volume=convert((word >> _VOLUME) & _U48, uint64),
        bid_lots=convert((word >> _BID_LOTS) & _U48, uint64),
        ask_lots=convert((word >> _ASK_LOTS) & _U48, uint64),
    )


@external
@view
@reentrant
def depth_of(market: uint16, slot: uint32, tick: uint16) -> (uint256, uint256):
    """
    @dev Returns what would trade at a tick on either side, for a round that takes orders or waits for its result.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param tick The tick.
    @return uint256 The lots of bids at the tick and above.
    @return uint256 The lots of asks at the tick and below.
    """
    assert convert(tick, uint256) <= TICK_MAX, "round: no such tick"
    return self._depth(market, slot, self._rounds[self._round_key(market, slot)], convert(tick, uint256))


@external
@view
@reentrant
def balance_of(market: uint16, owner: address) -> (uint256, uint256):
    """
    @dev Returns what an owner can withdraw.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the owner.
    @return uint256 Units of the base token.
    @return uint256 Units of the quote token.
    """
    word: uint256 = self._balances[self._balance_key(market, owner)]
    return word & _U96, (word >> 96) & _U96


@external
@view
@reentrant
def fees_of(market: uint16, quote: bool) -> uint256:
    """
    @dev Returns the fees that were not yet collected.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return uint256 The fees in the token's smallest units.
    """
    return self._fees[self._asset_key(market, quote)] & _U127


# ------------------------------------------------------------------
#                         INTERNAL: MARKETS
# ------------------------------------------------------------------


@internal
@pure
def _asset_key(market: uint16, quote: bool) -> uint256:
    """
    @dev Packs what names a token of a market into one map key.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return uint256 The key.
    """
    return (convert(market, uint256) << 1) | convert(quote, uint256)


@internal
@pure
def _balance_key(market: uint16, owner: address) -> uint256:
    """
    @dev Packs what names a balance into one map key.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the owner.
    @return uint256 The key.
    """
    return (convert(market, uint256) << 160) | convert(owner, uint256)


@internal
@pure
def _round_key(market: uint16, slot: uint32) -> uint256:
    """
    @dev Packs what names a round into one map key.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @return uint256 The key.
    """
    return (convert(market, uint256) << 32) | convert(slot, uint256)


@internal
@pure
def _offset(quote: bool) -> uint256:
    """
    @dev Returns where a balance stands in its word.
    @param quote True for what the market is paid in.
    @return uint256 The bits to shift.
    """
    if quote:
        return 96
    return 0


@internal
@view
def _market(market: uint16) -> uint256:
    """
    @dev Returns the word of a market that exists.
    @param market The 2-byte market number.
    @return uint256 The word.
    """
    terms: uint256 = self._markets[convert(market, uint256)]
    assert terms != 0, "round: no such market"
    return terms


@internal
@view
def _trading(market: uint16) -> uint256:
    """
    @dev Returns the word of a market that is neither halted nor stopped.
    @param market The 2-byte market number.
    @return uint256 The word.
    """
    assert not self.paused, "round: paused"
    terms: uint256 = self._market(market)
    assert terms & _HALTED == 0, "round: halted"
    return terms


@internal
@view
def _listed(market: uint16, quote: bool) -> IVault.Asset:
    """
    @dev Returns a token of a market that exists.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return Asset The token.
    """
    asset: IVault.Asset = self._assets[self._asset_key(market, quote)]
    assert asset.token != empty(address), "round: no such market"
    return asset


@internal
@view
def _check_may_leave(to: address):
    """
    @dev Refuses a stop, and frozen accounts.
    @param to The 20-byte address that receives, beside the caller.
    """
    assert not self.paused, "round: paused"
    assert not staticcall IGuard(guard).any_frozen(msg.sender, to), "round: account is frozen"


@internal
@pure
def _gate_of(terms: uint256, slot: uint32) -> uint256:
    """
    @dev Returns when a slot's gate closes.
    @param terms The market's word.
    @param slot The slot of the delivery.
    @return uint256 Unix seconds; 0 for a slot of the first days of 1970, whose gate is closed either way.
    """
    begins: uint256 = unsafe_mul(convert(slot, uint256), SLOT)
    gate: uint256 = (terms >> _GATE) & _U32
    if begins < gate:
        return 0
    return unsafe_sub(begins, gate)


@internal
@pure
def _price(terms: uint256, tick: uint256) -> uint256:
    """
    @dev Returns the price of a tick.
    @param terms The market's word.
    @param tick The tick.
    @return uint256 The quote token's units per lot, below 2^101.
    """
    return unsafe_mul(unsafe_add((terms >> _BASE_PRICE) & _U40, tick), 10 ** ((terms >> _TICK_EXP) & 31))


@internal
@pure
def _lot(terms: uint256) -> uint256:
    """
    @dev Returns the size of a lot.
    @param terms The market's word.
    @return uint256 The base token's units, below 2^60.
    """
    return 10 ** ((terms >> _LOT_EXP) & 31)


@internal
def _set_halted(market: uint16, halted: bool):
    """
    @dev Stops a market or lets it go on.
    @param market The 2-byte market number.
    @param halted True to stop.
    """
    terms: uint256 = self._market(market)
    if halted:
        self._markets[convert(market, uint256)] = terms | _HALTED
    else:
        self._markets[convert(market, uint256)] = terms & ~_HALTED
    log HaltChanged(market=market, by=msg.sender, halted=halted)


@internal
def _set_beneficiary(beneficiary_: address):
    """
    @dev Writes who gets the fees.
    @param beneficiary_ The 20-byte address.
    """
    assert beneficiary_ != empty(address), "round: beneficiary is the zero address"
    log BeneficiaryChanged(old=self.beneficiary, new=beneficiary_)
    self.beneficiary = beneficiary_


# ------------------------------------------------------------------
#                         INTERNAL: TOKENS
# ------------------------------------------------------------------


@internal
def _pay(market: uint16, quote: bool, amount: uint256):
    """
    @dev Takes an order's escrow out of the caller's balance, and what that lacks out of the caller's wallet.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param amount The amount in the token's smallest units, not 0.
    """
    key: uint256 = self._balance_key(market, msg.sender)
    word: uint256 = self._balances[key]
    offset: uint256 = self._offset(quote)
    used: uint256 = min((word >> offset) & _U96, amount)
    if used != 0:
        self._balances[key] = unsafe_sub(word, used << offset)
    if used == amount:
        return
    missing: uint256 = unsafe_sub(amount, used)
    log Pulled(market=market, owner=msg.sender, quote=quote, amount=missing)
    asset: IVault.Asset = self._assets[self._asset_key(market, quote)]
    if asset.erc1155:
        self._expected = asset.token
        self._expected_id = asset.id
        self._arrived = 0
        extcall IERC1155(asset.token).safeTransferFrom(msg.sender, self, asset.id, missing, b"")
        self._expected = empty(address)
        assert self._arrived == missing, "round: not the whole amount came"
    else:
        before: uint256 = staticcall IERC20(asset.token).balanceOf(self)
        assert extcall IERC20(asset.token).transferFrom(
            msg.sender, self, missing, default_return_value=True
        ), "round: transfer failed"
        # A token that keeps a part for itself would leave the Round short.
        arrived: uint256 = staticcall IERC20(asset.token).balanceOf(self) - before
        assert arrived == missing, "round: not the whole amount came"


@internal
def _send(asset: IVault.Asset, to: address, amount: uint256):
    """
    @dev Sends tokens. All state must be written.
    @param asset The token.
    @param to The 20-byte address that receives.
    @param amount The amount in the token's smallest units.
    """
    if asset.erc1155:
        extcall IERC1155(asset.token).safeTransferFrom(self, to, asset.id, amount, b"")
    else:
        assert extcall IERC20(asset.token).transfer(to, amount, default_return_value=True), "round: transfer failed"


# ------------------------------------------------------------------
#                         INTERNAL: CLEARING
# ------------------------------------------------------------------


@internal
@pure
def _tree_of(market: uint16, slot: uint32, side: uint256) -> uint256:
    """
    @dev Returns the number of a round's sums of depth. They are used again for the slot RING later.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param side 0 for bids, 1 for asks.
    @return uint256 The number, below 2^25.
    """
    return side | ((convert(slot, uint256) % RING) << 1) | (convert(market, uint256) << 9)


@internal
@view
def _bids_above(market: uint16, slot: uint32, word: uint256, tick: uint256) -> uint256:
    """
    @dev Returns the lots of bids above a tick.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param tick The tick.
    @return uint256 The lots.
    """
    bids: uint256 = word & _U48
    return unsafe_sub(bids, depth_tree._below(self._tree_of(market, slot, 0), bids, unsafe_add(tick, 1)))


@internal
@view
def _asks_below(market: uint16, slot: uint32, word: uint256, tick: uint256) -> uint256:
    """
    @dev Returns the lots of asks below a tick.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param tick The tick.
    @return uint256 The lots.
    """
    return depth_tree._below(self._tree_of(market, slot, 1), (word >> _ASKS) & _U48, tick)


@internal
@view
def _depth(market: uint16, slot: uint32, word: uint256, tick: uint256) -> (uint256, uint256):
    """
    @dev Returns demand and supply at a tick.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param tick The tick.
    @return uint256 The lots of bids at the tick and above.
    @return uint256 The lots of asks at the tick and below.
    """
    bids: uint256 = word & _U48
    return (
        unsafe_sub(bids, depth_tree._below(self._tree_of(market, slot, 0), bids, tick)),
        self._asks_below(market, slot, word, unsafe_add(tick, 1)),
    )


@internal
@view
def _check_nothing_trades(market: uint16, slot: uint32, word: uint256, tick: uint256):
    """
    @dev Refuses a tick that does not show that no bid meets an ask.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param tick The tick.
    """
    if word & _U48 == 0 or (word >> _ASKS) & _U48 == 0:
        return
    assert (
        self._bids_above(market, slot, word, tick) == 0
        and self._asks_below(market, slot, word, unsafe_add(tick, 1)) == 0
    ), "round: not the tick"


@internal
@view
def _check_tick(
    market: uint16,
    slot: uint32,
    word: uint256,
    tick: uint256,
    demand: uint256,
    supply: uint256,
    low: uint256,
    high: uint256,
):
    """
    @dev Refuses every tick but one. Demand falls with the tick and supply rises, so demand minus supply has one crossing:
         if it is 0 anywhere, it is on a stretch that trades most, and the tick is its middle. If not, the tick is the
         last before the crossing or the first behind it, whichever trades more; then whichever leaves less; then the
         last before.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param tick The tick.
    @param demand The lots of bids at the tick and above.
    @param supply The lots of asks at the tick and below.
    @param low The lowest tick at which both are equal.
    @param high The highest tick at which both are equal.
    """
    demand_there: uint256 = 0
    supply_there: uint256 = 0
    if demand == supply:
        assert high <= TICK_MAX and low <= high and tick == unsafe_add(low, high) >> 1, "round: not the tick"
        demand_there, supply_there = self._depth(market, slot, word, low)
        assert demand_there == supply_there, "round: not the tick"
        if low != 0:
            demand_there, supply_there = self._depth(market, slot, word, unsafe_sub(low, 1))
            assert demand_there > supply_there, "round: not the tick"
        demand_there, supply_there = self._depth(market, slot, word, high)
        assert demand_there == supply_there, "round: not the tick"
        if high != TICK_MAX:
            demand_there, supply_there = self._depth(market, slot, word, unsafe_add(high, 1))
            assert demand_there < supply_there, "round: not the tick"
        return
    assert low == tick and high == tick, "round: not the tick"
    if demand > supply:
        if tick == TICK_MAX:
            return
        demand_there, supply_there = self._depth(market, slot, word, unsafe_add(tick, 1))
        assert demand_there < supply_there and (
            supply > demand_there
            or (supply == demand_there and unsafe_sub(demand, supply) <= unsafe_sub(supply_there, demand_there))
        ), "round: not the tick"
    elif tick != 0:
        demand_there, supply_there = self._depth(market, slot, word, unsafe_sub(tick, 1))
        assert demand_there > supply_there and (
            demand > supply_there
            or (demand == supply_there and unsafe_sub(supply, demand) < unsafe_sub(demand_there, supply_there))
        ), "round: not the tick"


@internal
@view
def _crossing(market: uint16, slot: uint32, word: uint256, strictly: bool) -> uint256:
    """
    @dev Finds the lowest tick at which demand is not above supply, or is below it.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param strictly True for below.
    @return uint256 The tick, or TICKS if there is none.
    """
    first: uint256 = 0
    behind: uint256 = depth_tree.TICKS
    for i: uint256 in range(13):
        if first == behind:
            break
        middle: uint256 = unsafe_add(first, behind) >> 1
        demand: uint256 = 0
        supply: uint256 = 0
        demand, supply = self._depth(market, slot, word, middle)
        if demand < supply or (demand == supply and not strictly):
            behind = middle
        else:
            first = unsafe_add(middle, 1)
    return first


@internal
@view
def _better_side(market: uint16, slot: uint32, word: uint256, behind: uint256) -> uint256:
    """
    @dev Chooses between the last tick before the crossing and the first behind it.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param word The round's word.
    @param behind The lowest tick at which demand is below supply, or TICKS; nowhere are both equal.
    @return uint256 The tick.
    """
    if behind == 0:
        return 0
    before: uint256 = unsafe_sub(behind, 1)
    if behind == depth_tree.TICKS:
        return before
    demand: uint256 = 0
    supply: uint256 = 0
    demand_behind: uint256 = 0
    supply_behind: uint256 = 0
    demand, supply = self._depth(market, slot, word, before)
    demand_behind, supply_behind = self._depth(market, slot, word, behind)
    # Before the crossing supply trades, behind it demand does.
    if supply > demand_behind:
        return before
    if supply == demand_behind and unsafe_sub(demand, supply) <= unsafe_sub(supply_behind, demand_behind):
        return before
    return behind


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
def _place(market: uint16, slot: uint32, n: uint96, side: uint8, tick: uint16, lots: uint32):
    """
    @dev Writes an order of the caller, then takes its escrow.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param n The order's place.
    @param side 0 to buy, 1 to sell.
    @param tick The worst price.
    @param lots The size in lots.
    """
    terms: uint256 = self._trading(market)
    assert not staticcall IGuard(guard).frozen(msg.sender), "round: account is frozen"
    tier: uint256 = (terms >> _TIER) & 255
    if tier != 0:
        assert convert(staticcall Officers(guard).tier_of(msg.sender), uint256) >= tier, "round: tier is too low"
    assert block.timestamp < self._gate_of(terms, slot), "round: gate is closed"
    assert convert(slot, uint256) <= block.timestamp // SLOT + HORIZON, "round: slot is too far ahead"
    assert side <= 1, "round: no such side"
    assert convert(tick, uint256) <= TICK_MAX, "round: no such tick"
    size: uint256 = convert(lots, uint256)
    assert size >= (terms >> _MIN_LOTS) & _U32, "round: too few lots"
    self._queue(market, slot, n, convert(side, uint256), convert(tick, uint256), size)
    log Placed(market=market, slot=slot, owner=msg.sender, n=n, side=side, tick=tick, lots=lots)
    if side == 0:
        self._pay(market, True, unsafe_mul(size, self._price(terms, convert(tick, uint256))))
    else:
        self._pay(market, False, unsafe_mul(size, self._lot(terms)))


@internal
def _queue(market: uint16, slot: uint32, n: uint96, side: uint256, tick: uint256, size: uint256):
    """
    @dev Puts an order of the caller behind the others of its level, and counts it in the round and its depth.
    @param market The 2-byte market number.
    @param slot The slot of the delivery.
    @param n The order's place.
    @param side The side.
    @param tick The tick.
    @param size The size in lots, not 0.
    """
    key: uint256 = self._round_key(market, slot)
    word: uint256 = self._rounds[key]
    offset: uint256 = unsafe_mul(side, _ASKS)
    total: uint256 = (word >> offset) & _U48
    assert unsafe_add(total, size) <= depth_tree.LOTS_MAX, "round: too many lots"
    self._rounds[key] = unsafe_add(word, size << offset)
    depth_tree._add(self._tree_of(market, slot, side), total, tick, size)
    id: uint256 = tick | (side << 12) | (key << 13)
    level: uint256 = self._levels[id]
    index: uint256 = (level >> 112) & _U24
    assert index < cancel_tree.ORDERS_MAX - 1, "round: level is full"
    place: uint256 = self._order_id(msg.sender, n)
    old: uint256 = self._orders[place]
    assert old == 0 or old == _CLOSED, "round: place is in use"
    self._orders[place] = size | ((level & _U56) << 32) | (index << 88) | (id << 112)
    cancelled: uint256 = (level >> 56) & _U56
    if cancelled != 0:
        cancel_tree._grow(id, level >> 136, index, cancelled)
    # No carry into the next field: fewer than 2^24 orders of less than 2^32 lots, and one index for each.
    self._levels[id] = unsafe_add(level, size | (1 << 112))


@internal
def _unqueue(word: uint256, order: uint256):
    """
    @dev Takes an order out of its level and out of the round's sums. The last order shortens the queue, and only one in
         between is written into the tree.
    @param word The round's word.
    @param order The order's word.
    """
    id: uint256 = order >> 112
    size: uint256 = order & _U32
    side: uint256 = (id >> 12) & 1
    self._rounds[id >> 13] = unsafe_sub(word, size << unsafe_mul(side, _ASKS))
    depth_tree._remove(
        self._tree_of(convert(id >> 45, uint16), convert((id >> 13) & _U32, uint32), side), id & _U12, size
    )
    level: uint256 = self._levels[id]
    placed: uint256 = level & _U56
    index: uint256 = (order >> 88) & _U24
    if unsafe_sub(placed, (level >> 56) & _U56) == size:
        self._levels[id] = (unsafe_add(level >> 136, 1) & _U32) << 136
    elif unsafe_add((order >> 32) & _U56, size) == placed:
        # The index is given out again: nothing was ever written for it.
        self._levels[id] = (unsafe_sub(level, size) & ~(_U24 << 112)) | (index << 112)
    else:
        cancel_tree._add(id, level >> 136, (level >> 112) & _U24, index, size)
        self._levels[id] = unsafe_add(level, size << 56)


@internal
@view
def _filled(word: uint256, order: uint256) -> uint256:
    """
    @dev Returns how many lots of an order trade in a round that is cleared: clamp(lots of the level that trade − (start
         − cancelled before it), 0, size) at the price itself, all or nothing elsewhere.
    @param word The round's word.
    @param order The order's word.
    @return uint256 The lots.
    """
    size: uint256 = order & _U32
    id: uint256 = order >> 112
    tick: uint256 = id & _U12
    price: uint256 = (word >> _TICK) & _U12
    if (word >> _VOLUME) & _U48 == 0:
        return 0
    traded: uint256 = (word >> _BID_LOTS) & _U48
    if (id >> 12) & 1 == 0:
        if tick > price:
            return size
        if tick < price:
            return 0
    else:
        if tick < price:
            return size
        if tick > price:
            return 0
        traded = (word >> _ASK_LOTS) & _U48
    start: uint256 = (order >> 32) & _U56
    if traded >= unsafe_add(start, size):
        return size
    level: uint256 = self._levels[id]
    if (level >> 56) & _U56 != 0:
        start = unsafe_sub(start, cancel_tree._before(id, level >> 136, (order >> 88) & _U24))
    if traded <= start:
        return 0
    return min(unsafe_sub(traded, start), size)


@internal
def _close_all(
    market: uint16, owner: address, cancelling: bool, ns: DynArray[uint96, CLOSE_MAX]
) -> (uint256, uint256, uint256):
    """
    @dev Closes those of an owner's orders that can be closed, and keeps the fees.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the owner.
    @param cancelling True to cancel while the gate is open.
    @param ns The orders' places.
    @return uint256 How many were closed.
    @return uint256 What the owner receives in the base token's units.
    @return uint256 What the owner receives in the quote token's units.
    """
    terms: uint256 = self._market(market)
    closed: uint256 = 0
    base: uint256 = 0
    quote: uint256 = 0
    base_fees: uint256 = 0
    quote_fees: uint256 = 0
    for n: uint96 in ns:
        place: uint256 = self._order_id(owner, n)
        order: uint256 = self._orders[place]
        # Anybody may have closed it a moment ago; that must not stop the rest.
        if order == 0 or order == _CLOSED:
            continue
        id: uint256 = order >> 112
        assert id >> 45 == convert(market, uint256), "round: order of another market"
        slot: uint32 = convert((id >> 13) & _U32, uint32)
        word: uint256 = self._rounds[id >> 13]
        paid: uint256 = 0
        if word & _CLEARED != 0:
            paid = self._filled(word, order)
        else:
            closing: uint256 = self._gate_of(terms, slot)
            if block.timestamp < closing:
                if not cancelling:
                    continue
                self._unqueue(word, order)
            elif block.timestamp < unsafe_add(closing, (terms >> _WINDOW) & _U32):
                continue
        self._orders[place] = _CLOSED
        closed = unsafe_add(closed, 1)
        back: uint256 = unsafe_sub(order & _U32, paid)
        fee: uint256 = 0
        # No overflow: 32 orders of less than 2^133 units each.
        received: uint256 = unsafe_mul(paid, self._lot(terms))
        price: uint256 = self._price(terms, (word >> _TICK) & _U12)
        if (id >> 12) & 1 == 0:
            fee = unsafe_div(unsafe_mul(received, (terms >> _FEE_BPS) & _U10), _BPS)
            base_fees = unsafe_add(base_fees, fee)
            base = unsafe_add(base, unsafe_sub(received, fee))
            escrow: uint256 = unsafe_mul(order & _U32, self._price(terms, id & _U12))
            quote = unsafe_add(quote, unsafe_sub(escrow, unsafe_mul(paid, price)))
        else:
            base = unsafe_add(base, unsafe_mul(back, self._lot(terms)))
            received = unsafe_mul(paid, price)
            fee = unsafe_div(unsafe_mul(received, (terms >> _FEE_BPS) & _U10), _BPS)
            quote_fees = unsafe_add(quote_fees, fee)
            quote = unsafe_add(quote, unsafe_sub(received, fee))
        log Closed(
            market=market,
            slot=slot,
            owner=owner,
            n=n,
            paid=convert(paid, uint32),
            back=convert(back, uint32),
            fee=fee,
        )
    if base_fees != 0:
        self._fees[self._asset_key(market, False)] += base_fees
    if quote_fees != 0:
        self._fees[self._asset_key(market, True)] += quote_fees
    return closed, base, quote
