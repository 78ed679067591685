# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Router
@custom:contract-name Router
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Trades energy against money from wallet to wallet in one call, partly in the order book and partly in the pool:
        wherever the next unit is cheaper, fees counted. Along the book's levels the price gets worse step by step, in
        the pool with every unit; the pool takes what it does better than a level, the level the rest, and so on. Then
        the plan is weighed to the unit against the same with one lot more in the book, against the pool alone and
        against the book alone, and the best of the four is done, so that it is never worse than either alone. What
        stands still is left out: a halted market, a paused pool or Vault. Energy comes by approval, or with a
        `safeTransferFrom` to this contract whose data is the order; money by approval or permit.
@custom:security Keeps nothing: what comes in goes on in the same transaction, and the account in the Vault through which
                 the book is traded is empty again. It moves tokens of nobody but the caller, or of whoever sent energy
                 with an order. Approvals stand for the Vault and the listed pools only. Nobody is trusted with
                 somebody's account in the Vault, so the Router itself refuses what the book would refuse the caller: a
                 take that reaches an own order, by the bounds of the caller's account, and a tier below what the
                 market's coin asks of its holders. Frozen accounts and those below the pool's tier are refused on both
                 sides. Each part must do exactly what was planned, or nothing
                 happens. Energy token and money are contracts of the house and fixed; a token that calls strangers
                 while it moves finds the Router locked. Roles: the owner (meant to be a timelock) says which pool stands
                 beside which market; it can take nothing.
@custom:kill `Guard.freeze(router)` stops everything here: neither energy nor the Vault moves for a frozen account.
             Book, Vault, pool and energy token have stops of their own, which are obeyed.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IGuard
from contracts.interfaces import IOrderBook
from contracts.interfaces import IPool
from contracts.interfaces import IRouter
from contracts.interfaces import IVault

implements: IRouter


# @dev What is asked of the Guard beside freezes.
interface Tiers:
    def tier_of(account: address) -> uint8: view


# @dev What is asked of the Vault beside accounts.
interface Stoppable:
    def paused() -> bool: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import math
from contracts.modules import curve

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: new markets need somebody to list them.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A trade. What the trader gave and the receiver got, in the book and in the pool; energy and money by the kind.
event Routed:
    market: indexed(uint16)
    trader: indexed(address)
    receiver: indexed(address)
    kind: uint8
    lots: uint256
    book_in: uint256
    book_out: uint256
    pool_in: uint256
    pool_out: uint256


# @dev Another pool stands beside a market, or none and the market is not traded here.
event PoolChanged:
    market: indexed(uint16)
    old: indexed(address)
    new: indexed(address)


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev Kinds of orders.
SELL: constant(uint8) = 0
SELL_FOR: constant(uint8) = 1
BUY: constant(uint8) = 2
BUY_WITH: constant(uint8) = 3


# @dev The most levels of the book that one trade looks at.
LEVELS_MAX: constant(uint256) = 64


# @dev The most lots that one take can have.
_LOTS_MAX: constant(uint256) = (1 << 32) - 1


# @dev The highest key of the book: a bid's key is this less its tick.
_KEY_MAX: constant(uint256) = 65_535


# @dev The whole of a fee, and the largest amount.
_BPS: constant(uint256) = curve.BPS
_MAX: constant(uint256) = curve.MAX


# @dev Masks of a level's fields.
_U16: constant(uint256) = (1 << 16) - 1
_U56: constant(uint256) = (1 << 56) - 1


# @dev The length of an order as data: seven words.
_ORDER_BYTES: constant(uint256) = 224


# @dev The largest number of ids in a batch transfer, as the energy token has it.
_BATCH_SIZE: constant(uint256) = 128


# @dev The ERC-165 identifiers of ERC-165 and of an ERC-1155 receiver.
_SUPPORTED: constant(bytes4[2]) = [0x01FFC9A7, 0x4E2312E0]


# @dev What a receiver answers when it accepts.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev Where the book's balances stand, and the book.
vault: public(immutable(address))
book: public(immutable(address))


# @dev The ERC-1155 that is traded, and the ERC-20 that it is traded against.
energy_token: public(immutable(address))
money: public(immutable(address))


# @dev The brake, and who knows the tiers.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev The book's side of a trade: what stands for the taker, best first, and what it costs.
struct Depth:
    lot: uint256
    base_price: uint256
    tick_size: uint256
    fee_bps: uint256
    levels: DynArray[uint256, LEVELS_MAX]


# @dev The pool's side. Without energy there is no pool to trade with.
struct Curve:
    energy: uint256
    money: uint256
    fee_bps: uint256


# @dev market → the pool beside it.
pool_of: public(HashMap[uint16, address])


# @dev pool → beside how many markets it stands.
_listings: HashMap[address, uint256]


# @dev True while a trade goes on. A lock of our own: an order may come through the hook, which must stay open for the
# energy that a trade fetches.
_busy: transient(bool)


# @dev The energy that this contract is fetching right now.
_awaited: transient(uint256)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(vault_: address, energy_token_: address, money_: address, guard_: address):
    """
    @dev The deployer is the first owner.
    @param vault_ The 20-byte address of the Vault.
    @param energy_token_ The 20-byte address of the ERC-1155.
    @param money_ The 20-byte address of the ERC-20.
    @param guard_ The 20-byte address of the Guard.
    """
    assert energy_token_.is_contract and money_.is_contract and guard_.is_contract, "router: not a contract"
    ownable.__init__()
    ownable_2step.__init__()
    vault = vault_
    book = staticcall IVault(vault_).book()
    energy_token = energy_token_
    money = money_
    guard = guard_
    self._approve(vault_, True)


# ------------------------------------------------------------------
#                               TRADERS
# ------------------------------------------------------------------


@external
@reentrant
def trade(order: IRouter.Order) -> (uint256, uint256):
    """
    @dev Trades from wallet to wallet in the book and the pool. The caller must have approved the Router: at the energy
         token to sell, at the money to buy. Selling an exact amount, what neither takes stays with the caller.
    @param order The order.
    @return uint256 What was taken from the caller.
    @return uint256 What the receiver got; of an exact amount to get, up to a lot's worth more.
    """
    return self._trade(order, msg.sender, 0)


@external
@reentrant
def trade_with_permit(order: IRouter.Order, v: uint8, r: bytes32, s: bytes32) -> (uint256, uint256):
    """
    @dev The same for buying, approved by the caller's signature after ERC-2612 over the most that the order takes and
         the order's deadline.
    @notice A permit that somebody else has brought already does not get in the way: what counts is the allowance.
    @param order The order, of kind 2 or 3.
    @param v The permit's recovery byte.
    @param r The permit's first 32 bytes.
    @param s The permit's second 32 bytes.
    @return uint256 What was taken from the caller.
    @return uint256 What the receiver got.
    """
    assert order.kind == BUY or order.kind == BUY_WITH, "router: only money has permits"
    most: uint256 = order.limit
    if order.kind == BUY_WITH:
        most = order.amount
    # Whether it worked shows in the transfer.
    ignored: bool = raw_call(
        money,
        abi_encode(
            msg.sender,
            self,
            most,
            order.deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    return self._trade(order, msg.sender, 0)


@external
@reentrant
def onERC1155Received(operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts what a trade fetches, or energy with an order to sell it: all of it (kind 0), or as little as an exact
         amount of money needs (kind 1). What was not sold goes back.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that they come from, and the trader.
    @param id The 32-byte id.
    @param amount The amount in µWh: the order's `amount` or `limit`.
    @param data The order, ABI-encoded.
    @return bytes4 The selector of this function.
    """
    assert msg.sender == energy_token and amount != 0, "router: not asked for"
    if operator == self:
        assert amount == self._awaited, "router: not asked for"
        self._awaited = 0
        return _HOOK_ACCEPTS
    assert len(data) == _ORDER_BYTES, "router: not asked for"
    order: IRouter.Order = abi_decode(data, IRouter.Order)
    assert (order.kind == SELL and order.amount == amount) or (
        order.kind == SELL_FOR and order.limit == amount
    ), "router: another amount than the order's"
    pool: address = self.pool_of[order.market]
    assert pool != empty(address) and id == staticcall IPool(pool).energy_id(), "router: another token"
    given: uint256 = 0
    gotten: uint256 = 0
    given, gotten = self._trade(order, owner, amount)
    return _HOOK_ACCEPTS


@external
@reentrant
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, _BATCH_SIZE],
    amounts: DynArray[uint256, _BATCH_SIZE],
    data: Bytes[1_024],
) -> bytes4:
    """
    @dev Refuses: an order sells one id.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that they come from.
    @param ids The 32-byte ids.
    @param amounts The amounts.
    @param data Bytes without meaning here.
    @return bytes4 Nothing; it reverts.
    """
    raise "router: not asked for"


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_pool(market: uint16, pool: address):
    """
    @dev Says which pool stands beside a market, both of the same energy against the same money.
    @param market The 2-byte market number.
    @param pool The 20-byte address of the pool; the zero address to trade the market here no more.
    """
    ownable._check_owner()
    if pool != empty(address):
        base: IVault.Asset = staticcall IVault(vault).asset(market, False)
        quote: IVault.Asset = staticcall IVault(vault).asset(market, True)
        assert (
            base.token == energy_token and base.erc1155 and quote.token == money and not quote.erc1155
        ), "router: market of other tokens"
        assert (
            staticcall IPool(pool).energy_token() == energy_token
            and staticcall IPool(pool).energy_id() == base.id
            and staticcall IPool(pool).money() == money
        ), "router: pool of other tokens"
        self._listings[pool] += 1
        self._approve(pool, True)
    old: address = self.pool_of[market]
    if old != empty(address):
        self._listings[old] -= 1
        if self._listings[old] == 0:
            self._approve(old, False)
    self.pool_of[market] = pool
    log PoolChanged(market=market, old=old, new=pool)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
@reentrant
def quote(market: uint16, kind: uint8, amount: uint256, levels: uint16) -> IRouter.Plan:
    """
    @dev Returns what an order would do now. Reverts if nothing or too little can be traded. Whether the caller's own
         orders stand in the way is not asked.
    @param market The 2-byte market number.
    @param kind 0 to 3.
    @param amount The exact side.
    @param levels The most price levels of the book to look at. A trade needs no more than the plan's.
    @return Plan The plan.
    """
    tier: uint8 = 0
    plan: IRouter.Plan = empty(IRouter.Plan)
    plan, tier = self._plan(market, kind, amount, levels, self.pool_of[market])
    return plan


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells whether an interface is implemented, as ERC-165 has it.
    @param interface_id The 4-byte identifier.
    @return bool True for ERC-165 and for a receiver of ERC-1155.
    """
    return interface_id in _SUPPORTED


# ------------------------------------------------------------------
#                         INTERNAL: TRADING
# ------------------------------------------------------------------


@internal
def _trade(order: IRouter.Order, trader: address, received: uint256) -> (uint256, uint256):
    """
    @dev Plans and trades.
    @param order The order.
    @param trader The 20-byte address that gives.
    @param received The energy that came already; 0 if the input must be fetched.
    @return uint256 What was taken from the trader.
    @return uint256 What the receiver got.
    """
    assert not self._busy, "router: locked"
    self._busy = True
    assert block.timestamp <= order.deadline, "router: too late"
    assert order.to != empty(address) and order.to != self, "router: no such receiver"
    assert not staticcall IGuard(guard).any_frozen(trader, order.to), "router: account is frozen"
    pool: address = self.pool_of[order.market]
    plan: IRouter.Plan = empty(IRouter.Plan)
    tier: uint8 = 0
    plan, tier = self._plan(order.market, order.kind, order.amount, order.levels, pool)
    given: uint256 = plan.book_in + plan.pool_in
    gotten: uint256 = plan.book_out + plan.pool_out
    if order.kind == SELL or order.kind == BUY_WITH:
        assert gotten >= order.limit, "router: less than the minimum"
    else:
        assert given <= order.limit, "router: more than the maximum"
    if tier != 0:
        assert (
            staticcall Tiers(guard).tier_of(trader) >= tier and staticcall Tiers(guard).tier_of(order.to) >= tier
        ), "router: tier is too low"
    selling: bool = order.kind <= SELL_FOR
    if plan.lots != 0:
        # The account that trades is the Router's, whose tier says nothing of the trader's.
        assert staticcall IVault(vault).admits(order.market, trader), "router: tier is too low"
        self._check_self_trade(order.market, selling, plan.tick, trader)
    id: uint256 = 0
    if selling:
        id = staticcall IPool(pool).energy_id()
    if received == 0:
        self._fetch(selling, id, trader, given)
    if plan.lots != 0:
        self._trade_in_book(order, selling, plan)
    if plan.pool_in != 0:
        self._trade_in_pool(order, pool, plan)
    log Routed(
        market=order.market,
        trader=trader,
        receiver=order.to,
        kind=order.kind,
        lots=plan.lots,
        book_in=plan.book_in,
        book_out=plan.book_out,
        pool_in=plan.pool_in,
        pool_out=plan.pool_out,
    )
    if received > given:
        extcall IERC1155(energy_token).safeTransferFrom(self, trader, id, unsafe_sub(received, given), b"")
    self._busy = False
    return given, gotten


@internal
def _fetch(selling: bool, id: uint256, trader: address, amount: uint256):
    """
    @dev Takes what the trade needs from the trader.
    @param selling True for energy, False for money.
    @param id The 32-byte id of the energy.
    @param trader The 20-byte address that gives.
    @param amount The amount.
    """
    if selling:
        self._awaited = amount
        extcall IERC1155(energy_token).safeTransferFrom(trader, self, id, amount, b"")
    else:
        assert extcall IERC20(money).transferFrom(
            trader, self, amount, default_return_value=True
        ), "router: money did not arrive"


@internal
def _trade_in_book(order: IRouter.Order, selling: bool, plan: IRouter.Plan):
    """
    @dev Takes from the book through the Router's account, which is empty before and after.
    @param order The order.
    @param selling True to sell energy.
    @param plan The plan.
    """
    extcall IVault(vault).deposit(order.market, not selling, plan.book_in, self)
    lots: uint32 = convert(plan.lots, uint32)
    side: uint8 = 0
    if selling:
        side = 1
    taken: uint32 = 0
    gross: uint256 = 0
    taken, gross = extcall IOrderBook(book).take(
        order.market, side, convert(plan.tick, uint16), lots, lots, convert(plan.levels, uint16), []
    )
    assert gross == plan.gross, "router: the book moved"
    extcall IVault(vault).withdraw(order.market, selling, plan.book_out, order.to)


@internal
def _trade_in_pool(order: IRouter.Order, pool: address, plan: IRouter.Plan):
    """
    @dev Trades in the pool exactly what was planned.
    @param order The order.
    @param pool The 20-byte address of the pool.
    @param plan The plan.
    """
    moved: uint256 = 0
    if order.kind == SELL:
        moved = extcall IPool(pool).sell(plan.pool_in, plan.pool_out, order.to, order.deadline)
    elif order.kind == SELL_FOR:
        moved = extcall IPool(pool).sell_for(plan.pool_out, plan.pool_in, order.to, order.deadline)
    elif order.kind == BUY:
        moved = extcall IPool(pool).buy(plan.pool_out, plan.pool_in, order.to, order.deadline)
    else:
        moved = extcall IPool(pool).buy_with(plan.pool_in, plan.pool_out, order.to, order.deadline)
    if order.kind == SELL or order.kind == BUY_WITH:
        assert moved == plan.pool_out, "router: the pool moved"
    else:
        assert moved == plan.pool_in, "router: the pool moved"


@internal
@view
def _check_self_trade(market: uint16, selling: bool, tick: uint256, trader: address):
    """
    @dev Refuses a take that reaches the trader's own best price, as the Vault refuses it for accounts that take.
    @param market The 2-byte market number.
    @param selling True if bids are taken.
    @param tick The last tick that is reached.
    @param trader The 20-byte address of the trader.
    """
    account: IVault.Account = staticcall IVault(vault).account(market, trader)
    if selling:
        assert account.bids == 0 or convert(account.best_bid, uint256) > _KEY_MAX - tick, "router: self-trade"
    else:
        assert account.asks == 0 or convert(account.best_ask, uint256) > tick, "router: self-trade"


@internal
def _approve(spender: address, allowed: bool):
    """
    @dev Lets the Vault or a pool fetch what the Router trades with, or no more.
    @param spender The 20-byte address.
    @param allowed True to let it.
    """
    extcall IERC1155(energy_token).setApprovalForAll(spender, allowed)
    amount: uint256 = 0
    if allowed:
        amount = max_value(uint256)
    assert extcall IERC20(money).approve(spender, amount, default_return_value=True), "router: not approved"


# ------------------------------------------------------------------
#                         INTERNAL: PLANNING
# ------------------------------------------------------------------


@internal
@view
def _plan(
    market: uint16, kind: uint8, amount: uint256, levels: uint16, pool: address
) -> (IRouter.Plan, uint8):
    """
    @dev Finds the best way.
    @param market The 2-byte market number.
    @param kind 0 to 3.
    @param amount The exact side.
    @param levels The most levels of the book.
    @param pool The 20-byte address of the pool beside the market.
    @return Plan The plan.
    @return uint8 The tier that the pool asks for.
    """
    assert kind <= BUY_WITH, "router: no such kind"
    assert amount != 0 and amount <= _MAX, "router: amount out of bounds"
    assert pool != empty(address), "router: market is not listed"
    tier: uint8 = 0
    paused: bool = False
    curve_: Curve = empty(Curve)
    curve_.energy, curve_.money, curve_.fee_bps, tier, paused = staticcall IPool(pool).state()
    if paused:
        curve_ = empty(Curve)
    depth: Depth = self._depth(market, kind, amount, levels)
    best: IRouter.Plan = empty(IRouter.Plan)
    if curve_.energy != 0:
        best = self._with_pool(kind, amount, curve_, best)
    if len(depth.levels) != 0:
        walked: IRouter.Plan = empty(IRouter.Plan)
        more: IRouter.Plan = empty(IRouter.Plan)
        early: bool = False
        if curve_.energy != 0:
            walked, more, early = self._walk(kind, amount, depth, curve_)
            best = self._better(kind, amount, best, self._with_pool(kind, amount, curve_, walked))
            if more.lots != 0:
                best = self._better(kind, amount, best, self._with_pool(kind, amount, curve_, more))
        if curve_.energy == 0 or early:
            walked, more, early = self._walk(kind, amount, depth, empty(Curve))
            best = self._better(kind, amount, best, self._with_pool(kind, amount, curve_, walked))
    if kind == SELL or kind == BUY_WITH:
        assert best.book_out + best.pool_out != 0, "router: too little to trade with"
    else:
        assert best.book_out + best.pool_out >= amount, "router: too little to trade with"
    return best, tier


@internal
@view
def _depth(market: uint16, kind: uint8, amount: uint256, levels: uint16) -> Depth:
    """
    @dev Reads what the book has for the trade, and no more than the book alone could fill it with.
    @param market The 2-byte market number.
    @param kind 0 to 3.
    @param amount The exact side.
    @param levels The most levels.
    @return Depth The book's side; without levels if nothing can be had there.
    """
    depth: Depth = empty(Depth)
    if levels == 0 or staticcall Stoppable(vault).paused():
        return depth
    terms: IOrderBook.Market = staticcall IOrderBook(book).market_of(market)
    if terms.halted or terms.paused:
        return depth
    depth.lot = 10 ** convert(terms.lot_exp, uint256)
    depth.base_price = convert(terms.base_price, uint256)
    depth.tick_size = 10 ** convert(terms.tick_exp, uint256)
    depth.fee_bps = convert(terms.taker_bps, uint256)
    side: uint8 = 0
    lots: uint256 = _LOTS_MAX
    if kind == SELL:
        lots = amount // depth.lot
    elif kind == BUY:
        side = 1
        lots = (amount - 1) * _BPS // (depth.lot * (_BPS - depth.fee_bps)) + 1
    elif kind == BUY_WITH:
        side = 1
        there: bool = False
        tick: uint16 = 0
        there, tick = staticcall IOrderBook(book).best_of(market, 1)
        lots = amount // ((depth.base_price + convert(tick, uint256)) * depth.tick_size)
    depth.levels = staticcall IOrderBook(book).depth(market, side, levels, lots)
    return depth


@internal
@pure
def _walk(
    kind: uint8, amount: uint256, depth: Depth, curve_: Curve
) -> (IRouter.Plan, IRouter.Plan, bool):
    """
    @dev Goes down the book's levels, and leaves to the pool what it does at a better price than the next level.
    @param kind 0 to 3.
    @param amount The exact side.
    @param depth The book's side, with levels.
    @param curve_ The pool's side; empty to leave it nothing.
    @return Plan The book's part.
    @return Plan The same with one lot more at the level where it ended; without lots if there is none.
    @return bool True if the pool was left something that the book could have taken.
    """
    exact_in: bool = kind == SELL or kind == BUY_WITH
    plan: IRouter.Plan = empty(IRouter.Plan)
    more: IRouter.Plan = empty(IRouter.Plan)
    left: uint256 = amount
    for level: uint256 in depth.levels:
        tick: uint256 = (level >> 56) & _U16
        price: uint256 = (depth.base_price + tick) * depth.tick_size
        give: uint256 = depth.lot
        get: uint256 = price
        if kind >= BUY:
            give = price
            get = depth.lot
        share: uint256 = self._share(kind, depth.fee_bps, give, get, curve_)
        lots: uint256 = 0
        if left > share:
            if exact_in:
                lots = (left - share) // give
            elif curve_.energy != 0:
                lots = (left - share) * _BPS // (get * (_BPS - depth.fee_bps))
            else:
                lots = (left - 1) * _BPS // (get * (_BPS - depth.fee_bps)) + 1
        room: uint256 = min(level & _U56, _LOTS_MAX - plan.lots)
        wanted: uint256 = lots
        lots = min(lots, room)
        before: IRouter.Plan = plan
        if lots != 0:
            plan = self._with_lots(before, lots, tick, give, get, price, depth.fee_bps)
        if exact_in:
            left = amount - plan.book_in
        else:
            left = amount - min(amount, plan.book_out)
        if wanted < room:
            if curve_.energy == 0 or left == 0 or (exact_in and left < give):
                return plan, more, False
            # A lot is coarse: one more is weighed too.
            more = self._with_lots(before, lots + 1, tick, give, get, price, depth.fee_bps)
            return plan, more, True
    return plan, more, False


@internal
@pure
def _with_lots(
    before: IRouter.Plan, lots: uint256, tick: uint256, give: uint256, get: uint256, price: uint256, fee_bps: uint256
) -> IRouter.Plan:
    """
    @dev Adds lots of one level. The fee is what the book keeps of them: in what the taker gets, rounded down per level.
    @param before The plan so far.
    @param lots The lots.
    @param tick The level's tick.
    @param give What the taker gives for a lot.
    @param get What the taker gets for a lot, before the fee.
    @param price What a lot is worth.
    @param fee_bps The book's fee for takers.
    @return Plan The plan with them.
    """
    plan: IRouter.Plan = before
    received: uint256 = lots * get
    plan.lots += lots
    plan.levels += 1
    plan.tick = tick
    plan.gross += lots * price
    plan.book_in += lots * give
    plan.book_out += received - received * fee_bps // _BPS
    return plan


@internal
@pure
def _share(kind: uint8, fee_bps: uint256, give: uint256, get: uint256, curve_: Curve) -> uint256:
    """
    @dev Returns how much of the exact side the pool does at a better price than a level, fees counted on both. With
         reserves I of what is given and O of what is gotten, and k the part that the pool's fee leaves, a trader who
         put n into I gets k·I·O / (I + n)² for the next unit; a level gives get·(1 − fee) / give.
    @param kind 0 to 3.
    @param fee_bps The book's fee for takers.
    @param give What the taker gives for a lot.
    @param get What the taker gets for a lot, before the fee.
    @param curve_ The pool's side.
    @return uint256 The amount; 0 without a pool.
    """
    if curve_.energy == 0:
        return 0
    kept: uint256 = _BPS - curve_.fee_bps
    inward: uint256 = curve_.energy
    outward: uint256 = curve_.money
    if kind >= BUY:
        inward = curve_.money
        outward = curve_.energy
    # Below 2^227 and 2^115. Cut off where the reserve could not take more.
    numerator: uint256 = give * kept * inward
    denominator: uint256 = get * (_BPS - fee_bps)
    root: uint256 = _MAX
    if numerator < max_value(uint256) // outward:
        root = min(isqrt(numerator * outward // denominator), _MAX)
    elif numerator // denominator < _MAX * _MAX // outward:
        root = isqrt(math._mul_div(numerator, outward, denominator, False))
    if root <= inward:
        return 0
    if kind == SELL:
        return root - inward
    if kind == BUY_WITH:
        return (root - inward) * _BPS // kept
    gross: uint256 = outward - math._ceil_div(inward * outward, root)
    if kind == BUY:
        return gross
    return gross * kept // _BPS


@internal
@pure
def _with_pool(kind: uint8, amount: uint256, curve_: Curve, plan_: IRouter.Plan) -> IRouter.Plan:
    """
    @dev Adds what the pool does of the rest, if it can.
    @param kind 0 to 3.
    @param amount The exact side.
    @param curve_ The pool's side; empty if there is none.
    @param plan_ The book's part.
    @return Plan The whole.
    """
    plan: IRouter.Plan = plan_
    if curve_.energy == 0:
        return plan
    given: uint256 = 0
    gotten: uint256 = 0
    ignored: uint256 = 0
    if kind == SELL or kind == BUY_WITH:
        given = amount - plan.book_in
    else:
        gotten = amount - min(amount, plan.book_out)
    if given | gotten == 0:
        return plan
    room: uint256 = _MAX - curve_.energy
    if kind >= BUY:
        room = _MAX - curve_.money
    if kind == SELL:
        gotten, ignored = curve._sell(curve_.energy, curve_.money, curve_.fee_bps, given)
    elif kind == SELL_FOR:
        given, ignored = curve._sell_for(curve_.energy, curve_.money, curve_.fee_bps, gotten)
    elif kind == BUY:
        given = curve._buy(curve_.energy, curve_.money, curve_.fee_bps, gotten)
    else:
        gotten = curve._buy_with(curve_.energy, curve_.money, curve_.fee_bps, given)
    if given != 0 and gotten != 0 and given <= room:
        plan.pool_in = given
        plan.pool_out = gotten
    return plan


@internal
@pure
def _better(kind: uint8, amount: uint256, one: IRouter.Plan, other: IRouter.Plan) -> IRouter.Plan:
    """
    @dev Returns the better of two plans, the first if they are alike.
    @param kind 0 to 3.
    @param amount The exact side.
    @param one A plan.
    @param other Another one.
    @return Plan The one that gets more for no more, or gives less for no less than the exact amount.
    """
    one_in: uint256 = one.book_in + one.pool_in
    one_out: uint256 = one.book_out + one.pool_out
    other_in: uint256 = other.book_in + other.pool_in
    other_out: uint256 = other.book_out + other.pool_out
    wins: bool = False
    if kind == SELL or kind == BUY_WITH:
        wins = other_out > one_out or (other_out == one_out and other_in < one_in)
    elif other_out >= amount:
        wins = one_out < amount or other_in < one_in or (other_in == one_in and other_out > one_out)
    if wins:
        return other
    return one
