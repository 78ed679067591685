# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Vault
@custom:contract-name Vault
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Holds what is traded. An owner has one account per market, and an account is one word: the balance of what the
        market trades (base), the balance of what it is paid in (quote), and what a self-trade is recognised by: how many
        orders the owner has on each side and their best key. A trade therefore writes one word for the taker, whatever
        tokens it is about. A balance belongs to one market; `move` carries it to another one with the same token.
@custom:security Only the book changes accounts, and it can't send tokens anywhere: they leave only to whom their owner
                 names. State is written before a token is called. Tokens that arrive without a deposit are refused
                 (ERC-1155) or belong to nobody (ERC-20). Nobody owns this contract; book and Guard are fixed.
@custom:kill `Guard.pause(vault)` stops deposits, withdrawals and moves; `Guard.pause(book)` stops trading and leaves
             withdrawals open. A frozen account neither deposits nor withdraws; after `mark_frozen` it doesn't trade.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import IVault

implements: IPausable
implements: IVault


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A market may hold balances.
event MarketListed:
    market: indexed(uint16)
    base: IVault.Asset
    quote: IVault.Asset


# @dev Tokens came in.
event Deposited:
    market: indexed(uint16)
    owner: indexed(address)
    sender: indexed(address)
    quote: bool
    amount: uint256


# @dev Tokens went out.
event Withdrawn:
    market: indexed(uint16)
    owner: indexed(address)
    receiver: indexed(address)
    quote: bool
    amount: uint256


# @dev A balance went to another market.
event Moved:
    owner: indexed(address)
    market: indexed(uint16)
    to_market: indexed(uint16)
    quote: bool
    to_quote: bool
    amount: uint256


# @dev An account took over from the Guard whether it may trade.
event FreezeMarked:
    market: indexed(uint16)
    owner: indexed(address)
    frozen: bool


# @dev The Guard stopped deposits, withdrawals and moves or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The most orders of one owner on one side of a market that are not closed.
ORDERS_MAX: constant(uint256) = (1 << 15) - 1


# @dev What a receiver answers when it accepts.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev Masks of packed fields.
_U15: constant(uint256) = (1 << 15) - 1
_U16: constant(uint256) = (1 << 16) - 1
_U31: constant(uint256) = (1 << 31) - 1
_U96: constant(uint256) = (1 << 96) - 1


# @dev Where an account's word has a side's 31 bits (count 15, best key << 15 (16)), and the mark of a freeze.
_BIDS: constant(uint256) = 192
_ASKS: constant(uint256) = 223
_FROZEN: constant(uint256) = 1 << 254


# @dev The only contract that may change accounts.
book: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while deposits, withdrawals and moves are stopped.
paused: public(bool)


# @dev market << 160 | owner → base (96 bits) | quote << 96 (96) | bids << 192 (15) | best bid << 207 (16)
# | asks << 223 (15) | best ask << 238 (16) | frozen << 254 (1).
_accounts: HashMap[uint256, uint256]


# @dev market << 1 | 1 for quote → the token.
_assets: HashMap[uint256, IVault.Asset]


# @dev The ERC-1155 whose transfer is expected, its id, and how much of it came.
_expected: transient(address)
_expected_id: transient(uint256)
_arrived: transient(uint256)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(book_: address, guard_: address):
    """
    @dev Nobody owns the Vault.
    @param book_ The 20-byte address at which the OrderBook will stand.
    @param guard_ The 20-byte address of the Guard.
    """
    book = book_
    guard = guard_


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def deposit(market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Takes tokens from the caller, who has approved the Vault, and credits an account.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address of the account's owner.
    """
    self._deposit(market, quote, amount, to)


@external
def deposit_with_permit(
    market: uint16, quote: bool, amount: uint256, to: address, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    """
    @dev Approves by the caller's signature after ERC-2612 and deposits, in one transaction.
    @notice A permit that somebody else has brought already does not get in the way: what counts is the allowance.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @param amount The amount in the token's smallest units, and of the permit.
    @param to The 20-byte address of the account's owner.
    @param deadline The permit's deadline in Unix seconds.
    @param v The permit's recovery byte.
    @param r The permit's first 32 bytes.
    @param s The permit's second 32 bytes.
    """
    token: address = self._assets[self._asset_key(market, quote)].token
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
    self._deposit(market, quote, amount, to)


@external
def withdraw(market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Sends tokens from the caller's account.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in, False for what it trades.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address that receives.
    """
    self._check_may_move(to)
    asset: IVault.Asset = self._listed(market, quote)
    self._debit(market, msg.sender, quote, amount)
    log Withdrawn(market=market, owner=msg.sender, receiver=to, quote=quote, amount=amount)
    if asset.erc1155:
        extcall IERC1155(asset.token).safeTransferFrom(self, to, asset.id, amount, b"")
    else:
        assert extcall IERC20(asset.token).transfer(to, amount, default_return_value=True), "vault: transfer failed"


@external
def move(market: uint16, quote: bool, to_market: uint16, to_quote: bool, amount: uint256):
    """
    @dev Moves a balance of the caller to its account in another market that has the same token.
    @param market The 2-byte number of the market that gives.
    @param quote Which balance gives.
    @param to_market The 2-byte number of the market that receives.
    @param to_quote Which balance receives.
    @param amount The amount in the token's smallest units.
    """
    self._check_may_move(msg.sender)
    asset: IVault.Asset = self._listed(market, quote)
    to_asset: IVault.Asset = self._listed(to_market, to_quote)
    assert asset.token == to_asset.token and asset.id == to_asset.id, "vault: another token"
    self._debit(market, msg.sender, quote, amount)
    self._credit(to_market, msg.sender, to_quote, amount)
    log Moved(
        owner=msg.sender, market=market, to_market=to_market, quote=quote, to_quote=to_quote, amount=amount
    )


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def mark_frozen(market: uint16, owner: address):
    """
    @dev Copies from the Guard whether an account is frozen. While it is, it places and takes nothing; cancelling and
         claiming go on, into the account. A copy, so that trading need not ask the Guard.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    """
    key: uint256 = self._account_key(market, owner)
    word: uint256 = self._accounts[key] & ~_FROZEN
    frozen: bool = staticcall IGuard(guard).frozen(owner)
    if frozen:
        word |= _FROZEN
    self._accounts[key] = word
    log FreezeMarked(market=market, owner=owner, frozen=frozen)


# ------------------------------------------------------------------
#                                BOOK
# ------------------------------------------------------------------


@external
def list_market(market: uint16, base: IVault.Asset, quote: IVault.Asset):
    """
    @dev Says once what a market trades and what it is paid in. Book only.
    @param market The 2-byte market number.
    @param base What is traded.
    @param quote What it is paid in.
    """
    assert msg.sender == book, "vault: access is denied"
    assert self._assets[self._asset_key(market, False)].token == empty(address), "vault: market is listed"
    for asset: IVault.Asset in [base, quote]:
        assert asset.token.is_contract, "vault: token has no code"
        assert asset.erc1155 or asset.id == 0, "vault: an ERC-20 has no ids"
    assert base.token != quote.token or base.id != quote.id, "vault: base is quote"
    self._assets[self._asset_key(market, False)] = base
    self._assets[self._asset_key(market, True)] = quote
    log MarketListed(market=market, base=base, quote=quote)


# @dev Without a lock: it calls nobody. A receiver may trade inside the hook of its own withdrawal, which is written.
@external
@reentrant
def settle(market: uint16, owner: address, change: IVault.Change):
    """
    @dev Changes an account. Book only. Refuses a balance below zero and a taker who would meet an order of its own.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param change What changes.
    """
    assert msg.sender == book, "vault: access is denied"
    key: uint256 = self._account_key(market, owner)
    word: uint256 = self._accounts[key]
    base: uint256 = (word & _U96) + change.base_in
    quote: uint256 = ((word >> 96) & _U96) + change.quote_in
    assert base >= change.base_out, "vault: base balance is too low"
    assert quote >= change.quote_out, "vault: quote balance is too low"
    base = unsafe_sub(base, change.base_out)
    quote = unsafe_sub(quote, change.quote_out)
    assert base <= _U96 and quote <= _U96, "vault: balance is too large"
    sides: uint256 = word >> 192
    if change.closed_bids | change.closed_asks != 0:
        assert (sides & _U15) >= change.closed_bids, "vault: more closed than open"
        assert ((sides >> 31) & _U15) >= change.closed_asks, "vault: more closed than open"
        sides = unsafe_sub(sides, change.closed_bids | (change.closed_asks << 31))
    if change.opened | change.reached != 0:
        assert word & _FROZEN == 0, "vault: account is frozen"
        if change.reached != 0:
            side: uint256 = sides >> unsafe_mul((change.reached >> 16) & 1, 31)
            assert side & _U15 == 0 or (side >> 15) & _U16 > change.reached & _U16, "vault: self-trade"
        if change.opened != 0:
            sides = self._opened(sides, unsafe_mul((change.opened >> 16) & 1, 31), change.opened & _U16)
    self._accounts[key] = base | (quote << 96) | (sides << 192)


@external
@reentrant
def set_best(market: uint16, owner: address, side: uint8, count: uint16, best: uint16):
    """
    @dev Replaces the lower bound of an owner's keys on one side. Book only. Refuses another count than the account's.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param side 0 for bids, 1 for asks.
    @param count How many orders of that side are not closed.
    @param best The lowest of their keys.
    """
    assert msg.sender == book, "vault: access is denied"
    key: uint256 = self._account_key(market, owner)
    word: uint256 = self._accounts[key]
    offset: uint256 = _BIDS
    if side != 0:
        offset = _ASKS
    assert (word >> offset) & _U15 == convert(count, uint256), "vault: not all orders"
    self._accounts[key] = (word & ~(_U16 << (offset + 15))) | (convert(best, uint256) << (offset + 15))


# ------------------------------------------------------------------
#                               TOKENS
# ------------------------------------------------------------------


@external
@reentrant
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts tokens only during a deposit of exactly them.
    @param operator The 20-byte address of the caller of the token: the Vault.
    @param sender The 20-byte address that gives.
    @param id The 32-byte token id.
    @param amount The amount in the token's units.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    assert msg.sender == self._expected and id == self._expected_id, "vault: use deposit"
    assert operator == self, "vault: use deposit"
    self._arrived += amount
    return _HOOK_ACCEPTS


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells that the Vault receives ERC-1155 tokens.
    @param interface_id The 4-byte interface id.
    @return bool True for ERC-165 and the ERC-1155 receiver.
    """
    return interface_id in [0x01ffc9a7, 0x4e2312e0]


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops deposits, withdrawals and moves, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "vault: access is denied"
    self.paused = paused_
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
    word: uint256 = self._accounts[self._account_key(market, owner)]
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
def asset(market: uint16, quote: bool) -> IVault.Asset:
    """
    @dev Returns what a market trades or is paid in; the zero address for a market that was not listed.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return Asset The token.
    """
    return self._assets[self._asset_key(market, quote)]


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@pure
def _account_key(market: uint16, owner: address) -> uint256:
    """
    @dev Packs what names an account into one map key.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the owner.
    @return uint256 The key.
    """
    return (convert(market, uint256) << 160) | convert(owner, uint256)


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
@view
def _listed(market: uint16, quote: bool) -> IVault.Asset:
    """
    @dev Returns a token of a market that exists.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return Asset The token.
    """
    asset: IVault.Asset = self._assets[self._asset_key(market, quote)]
    assert asset.token != empty(address), "vault: no such market"
    return asset


@internal
@view
def _check_may_move(to: address):
    """
    @dev Refuses a stop, and frozen accounts.
    @param to The 20-byte address that receives, beside the caller.
    """
    assert not self.paused, "vault: paused"
    assert not staticcall IGuard(guard).any_frozen(msg.sender, to), "vault: account is frozen"


@internal
def _deposit(market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Takes tokens from the caller and credits an account.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address of the account's owner.
    """
    self._check_may_move(to)
    assert to != empty(address), "vault: deposit to the zero address"
    asset: IVault.Asset = self._listed(market, quote)
    self._credit(market, to, quote, amount)
    log Deposited(market=market, owner=to, sender=msg.sender, quote=quote, amount=amount)
    if asset.erc1155:
        self._expected = asset.token
        self._expected_id = asset.id
        self._arrived = 0
        extcall IERC1155(asset.token).safeTransferFrom(msg.sender, self, asset.id, amount, b"")
        self._expected = empty(address)
        assert self._arrived == amount, "vault: not the whole amount came"
    else:
        before: uint256 = staticcall IERC20(asset.token).balanceOf(self)
        assert extcall IERC20(asset.token).transferFrom(
            msg.sender, self, amount, default_return_value=True
        ), "vault: transfer failed"
        # A token that keeps a part for itself would leave the Vault short.
        arrived: uint256 = staticcall IERC20(asset.token).balanceOf(self) - before
        assert arrived == amount, "vault: not the whole amount came"


@internal
def _credit(market: uint16, owner: address, quote: bool, amount: uint256):
    """
    @dev Adds to a balance.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param quote Which balance.
    @param amount The amount in the token's smallest units.
    """
    key: uint256 = self._account_key(market, owner)
    word: uint256 = self._accounts[key]
    offset: uint256 = 0
    if quote:
        offset = 96
    assert ((word >> offset) & _U96) + amount <= _U96, "vault: balance is too large"
    self._accounts[key] = unsafe_add(word, amount << offset)


@internal
def _debit(market: uint16, owner: address, quote: bool, amount: uint256):
    """
    @dev Takes off a balance.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param quote Which balance.
    @param amount The amount in the token's smallest units.
    """
    key: uint256 = self._account_key(market, owner)
    word: uint256 = self._accounts[key]
    offset: uint256 = 0
    if quote:
        offset = 96
    assert (word >> offset) & _U96 >= amount, "vault: balance is too low"
    self._accounts[key] = unsafe_sub(word, amount << offset)


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
    assert count < ORDERS_MAX, "vault: too many orders"
    best: uint256 = key
    if count != 0:
        best = min(key, side >> 15)
    return (sides & ~(_U31 << offset)) | ((unsafe_add(count, 1) | (best << 15)) << offset)
