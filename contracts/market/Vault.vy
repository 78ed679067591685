# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Vault
@custom:contract-name Vault
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Holds the tokens of what is traded; whom they belong to stands in the book's accounts, one for each owner and
        market, so that a trade moves no token and calls nobody. A balance belongs to one market; `move` carries it to
        another one with the same token. Energy can be deposited, and sold, by one ERC-1155 transfer with data.
@custom:security Tokens leave only to whom their owner names, or to an owner's own wallet and the fees' beneficiary when the
                 book says so. State is written before a token is called. Tokens that arrive without a deposit are refused
                 (ERC-1155) or belong to nobody (ERC-20). A token that asks a tier of its holders (`transfer_tier`, as GCC)
                 asks it of the owners of balances too. Nobody owns this contract; book and Guard are fixed.
@custom:kill `Guard.pause(vault)` stops deposits, withdrawals, moves and trades from wallets; `Guard.pause(book)` stops
             trading and leaves withdrawals open. A frozen account neither deposits nor withdraws nor trades.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IGuard
from contracts.interfaces import IOrderBook
from contracts.interfaces import IPausable
from contracts.interfaces import IVault

implements: IPausable
implements: IVault


# @dev What is asked of the Guard besides freezes.
interface Tiers:
    def tier_of(account: address) -> uint8: view


# @dev What a token is asked that wants a tier of its holders.
interface Tiered:
    def transfer_tier() -> uint8: view


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


# @dev The Guard stopped deposits, withdrawals and moves or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What a receiver answers when it accepts.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev The largest amount: a balance has 96 bits.
_U96: constant(uint256) = (1 << 96) - 1


# @dev Words of an order in the data of a transfer; one word is the number of a market, and a deposit.
_ORDER_SIZE: constant(uint256) = 10 * 32


# @dev Where a token's word has its marks.
_ERC1155: constant(uint256) = 1 << 160
_TIERED: constant(uint256) = 1 << 161


# @dev Where the accounts stand; the only contract that may send tokens home.
book: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while deposits, withdrawals and moves are stopped.
paused: public(bool)


# @dev market << 1 | 1 for quote → token (160 bits) | is an ERC-1155 << 160 | asks for a tier << 161.
_tokens: HashMap[uint256, uint256]


# @dev market << 1 | 1 for quote → the id, of an ERC-1155.
_ids: HashMap[uint256, uint256]


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
    self._show(market, msg.sender, quote, IVault.Permit(value=amount, deadline=deadline, v=v, r=r, s=s))
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
    self._check_may_move(msg.sender, to)
    assert to not in [empty(address), self], "vault: no such receiver"
    word: uint256 = self._listed(market, quote)
    if word & _TIERED != 0:
        self._check_tier(word, msg.sender)
    self._adjust(market, msg.sender, quote, unsafe_sub(0, self._checked(amount)))
    log Withdrawn(market=market, owner=msg.sender, receiver=to, quote=quote, amount=amount)
    self._send(word, market, quote, amount, to)


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
    self._check_may_move(msg.sender, msg.sender)
    assert self._listed(market, quote) == self._listed(to_market, to_quote), "vault: another token"
    assert (
        self._ids[self._asset_key(market, quote)] == self._ids[self._asset_key(to_market, to_quote)]
    ), "vault: another token"
    self._adjust(market, msg.sender, quote, unsafe_sub(0, self._checked(amount)))
    self._adjust(to_market, msg.sender, to_quote, amount)
    log Moved(
        owner=msg.sender, market=market, to_market=to_market, quote=quote, to_quote=to_quote, amount=amount
    )


# ------------------------------------------------------------------
#                                BOOK
# ------------------------------------------------------------------


@external
def list_market(market: uint16, base: IVault.Asset, quote: IVault.Asset) -> bool:
    """
    @dev Says once what a market trades and what it is paid in. Book only.
    @param market The 2-byte market number.
    @param base What is traded.
    @param quote What it is paid in.
    @return bool True if one of them asks for a tier of its holders.
    """
    self._check_book()
    assert self._tokens[self._asset_key(market, False)] == 0, "vault: market is listed"
    assert base.token != quote.token or base.id != quote.id, "vault: base is quote"
    tiered: bool = self._list(self._asset_key(market, False), base)
    tiered = self._list(self._asset_key(market, True), quote) or tiered
    log MarketListed(market=market, base=base, quote=quote)
    return tiered


@external
def exchange(
    market: uint16, owner: address, quote: bool, amount: uint256, received: uint256, permit: IVault.Permit
):
    """
    @dev Takes one token of a market from its owner's wallet and sends the other one there. Book only.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the wallet.
    @param quote Whether the owner gives what the market is paid in.
    @param amount What the owner gives, in the token's smallest units.
    @param received What the owner gets, in the other token's smallest units; 0 for nothing.
    @param permit The owner's approval, if it was not given before.
    """
    self._check_book()
    self._check_may_move(owner, owner)
    if permit.deadline != 0:
        self._show(market, owner, quote, permit)
    log Deposited(market=market, owner=owner, sender=owner, quote=quote, amount=self._checked(amount))
    self._fetch(self._listed(market, quote), market, quote, amount, owner)
    if received != 0:
        log Withdrawn(market=market, owner=owner, receiver=owner, quote=not quote, amount=received)
        self._send(self._listed(market, not quote), market, not quote, received, owner)


@external
def pay(market: uint16, owner: address, quote: bool, amount: uint256):
    """
    @dev Sends what the book has taken off an account, or out of the fees, to its owner. Book only.
    @param market The 2-byte market number.
    @param owner The 20-byte address that receives.
    @param quote Whether it is what the market is paid in.
    @param amount The amount in the token's smallest units.
    """
    self._check_book()
    self._check_may_move(owner, owner)
    log Withdrawn(market=market, owner=owner, receiver=owner, quote=quote, amount=amount)
    self._send(self._listed(market, quote), market, quote, amount, owner)


# ------------------------------------------------------------------
#                               TOKENS
# ------------------------------------------------------------------


@external
@reentrant
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts tokens during a deposit of exactly them, and tokens whose sender says in the data what they are for: 32
         bytes with the number of a market are a deposit into the sender's account there, an `IVault.Order` is one with an
         order that the book carries out at once.
    @param operator The 20-byte address of the caller of the token: the Vault itself during a deposit.
    @param sender The 20-byte address that gives.
    @param id The 32-byte token id.
    @param amount The amount in the token's units.
    @param data Nothing during a deposit, else a market or an order.
    @return bytes4 The 4-byte answer that accepts.
    """
    if operator == self:
        assert msg.sender == self._expected and id == self._expected_id, "vault: use deposit"
        self._arrived += amount
        return _HOOK_ACCEPTS
    assert len(data) == 32 or len(data) == _ORDER_SIZE, "vault: use deposit"
    # What is minted has no sender that could own an account.
    assert sender != empty(address), "vault: deposit to the zero address"
    self._check_may_move(sender, operator)
    market: uint16 = convert(self._word(data), uint16)
    quote: bool = not self._is(market, False, id)
    assert not quote or self._is(market, True, id), "vault: another token"
    self._check_tiers(market, sender)
    self._adjust(market, sender, quote, self._checked(amount))
    log Deposited(market=market, owner=sender, sender=operator, quote=quote, amount=amount)
    if len(data) == _ORDER_SIZE:
        order: IVault.Order = abi_decode(data, IVault.Order)
        received: uint256 = extcall IOrderBook(book).order_for(sender, quote, order)
        if order.to_wallet and received != 0:
            self._adjust(market, sender, not quote, unsafe_sub(0, received))
            log Withdrawn(market=market, owner=sender, receiver=sender, quote=not quote, amount=received)
            self._send(self._listed(market, not quote), market, not quote, received, sender)
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
    return staticcall IOrderBook(book).account(market, owner)


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
    key: uint256 = self._asset_key(market, quote)
    word: uint256 = self._tokens[key]
    return IVault.Asset(token=self._token(word), id=self._ids[key], erc1155=word & _ERC1155 != 0)


@external
@view
@reentrant
def admits(market: uint16, owner: address) -> bool:
    """
    @dev Tells whether an owner's tier at the Guard is what the tokens of a market ask of their holders.
    @param market The 2-byte market number.
    @param owner The 20-byte address.
    @return bool True if it is, or if they ask for none.
    """
    return self._admits(self._tokens[self._asset_key(market, False)], owner) and self._admits(
        self._tokens[self._asset_key(market, True)], owner
    )


# ------------------------------------------------------------------
#                              INTERNAL
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
@view
def _listed(market: uint16, quote: bool) -> uint256:
    """
    @dev Returns the word of a token of a market that exists.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @return uint256 The word.
    """
    word: uint256 = self._tokens[self._asset_key(market, quote)]
    assert word != 0, "vault: no such market"
    return word


@internal
@pure
def _token(word: uint256) -> address:
    """
    @dev Returns the address in a token's word.
    @param word The word.
    @return address The 20-byte address.
    """
    return convert(word & ((1 << 160) - 1), address)


@internal
@view
def _is(market: uint16, quote: bool, id: uint256) -> bool:
    """
    @dev Tells whether a token of a market is the calling ERC-1155 with this id.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param id The 32-byte token id.
    @return bool True if it is.
    """
    key: uint256 = self._asset_key(market, quote)
    word: uint256 = self._tokens[key]
    return word & _ERC1155 != 0 and self._token(word) == msg.sender and self._ids[key] == id


@internal
@pure
def _word(data: Bytes[1_024]) -> uint256:
    """
    @dev Returns the first word of some bytes.
    @param data The bytes, at least 32.
    @return uint256 The word.
    """
    return convert(convert(slice(data, 0, 32), bytes32), uint256)


@internal
@pure
def _checked(amount: uint256) -> uint256:
    """
    @dev Refuses an amount that no balance holds.
    @param amount The amount in a token's smallest units.
    @return uint256 The amount.
    """
    assert amount <= _U96, "vault: amount is too large"
    return amount


@internal
@view
def _check_book():
    """
    @dev Refuses anyone but the book.
    """
    assert msg.sender == book, "vault: access is denied"


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a stop, and frozen accounts.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    assert not self.paused, "vault: paused"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "vault: account is frozen"


@internal
@view
def _admits(word: uint256, owner: address) -> bool:
    """
    @dev Tells whether an owner's tier is what a token asks of its holders.
    @param word The token's word.
    @param owner The 20-byte address.
    @return bool True if it is, or if the token asks for none.
    """
    if word & _TIERED == 0:
        return True
    return staticcall Tiers(guard).tier_of(owner) >= staticcall Tiered(self._token(word)).transfer_tier()


@internal
@view
def _check_tier(word: uint256, owner: address):
    """
    @dev Refuses an owner whose tier is lower than a token asks.
    @param word The token's word.
    @param owner The 20-byte address.
    """
    assert self._admits(word, owner), "vault: tier is too low"


@internal
@view
def _check_tiers(market: uint16, owner: address):
    """
    @dev Refuses an owner whose tier is lower than a token of a market asks.
    @param market The 2-byte market number.
    @param owner The 20-byte address.
    """
    self._check_tier(self._listed(market, False), owner)
    self._check_tier(self._listed(market, True), owner)


@internal
def _list(key: uint256, asset: IVault.Asset) -> bool:
    """
    @dev Writes a token of a market.
    @param key Where.
    @param asset The token.
    @return bool True if it asks for a tier of its holders.
    """
    assert asset.token.is_contract, "vault: token has no code"
    assert asset.erc1155 or asset.id == 0, "vault: an ERC-20 has no ids"
    word: uint256 = convert(asset.token, uint256)
    if asset.erc1155:
        word |= _ERC1155
    else:
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(
            asset.token,
            method_id("transfer_tier()"),
            max_outsize=32,
            is_static_call=True,
            revert_on_failure=False,
        )
        if success and len(answer) == 32:
            word |= _TIERED
    self._tokens[key] = word
    if asset.id != 0:
        self._ids[key] = asset.id
    return word & _TIERED != 0


@internal
def _show(market: uint16, owner: address, quote: bool, permit: IVault.Permit):
    """
    @dev Brings an owner's approval to the token. Whether it worked shows in the transfer.
    @param market The 2-byte market number.
    @param owner The 20-byte address that signed.
    @param quote True for what the market is paid in.
    @param permit The permit.
    """
    ignored: bool = raw_call(
        self._token(self._listed(market, quote)),
        abi_encode(
            owner,
            self,
            permit,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )


@internal
def _deposit(market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Takes tokens from the caller and credits an account.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address of the account's owner.
    """
    self._check_may_move(msg.sender, to)
    assert to != empty(address), "vault: deposit to the zero address"
    word: uint256 = self._listed(market, quote)
    if word & _TIERED != 0:
        self._check_tier(word, to)
    self._adjust(market, to, quote, self._checked(amount))
    log Deposited(market=market, owner=to, sender=msg.sender, quote=quote, amount=amount)
    self._fetch(word, market, quote, amount, msg.sender)


@internal
def _adjust(market: uint16, owner: address, quote: bool, change: uint256):
    """
    @dev Adds to a balance in the book, or takes off it.
    @param market The 2-byte market number.
    @param owner The 20-byte address of the account's owner.
    @param quote Which balance.
    @param change What is added; less than zero in two's complement.
    """
    if quote:
        extcall IOrderBook(book).adjust(market, owner, 0, change, skip_contract_check=True)
    else:
        extcall IOrderBook(book).adjust(market, owner, change, 0, skip_contract_check=True)


@internal
def _fetch(word: uint256, market: uint16, quote: bool, amount: uint256, sender: address):
    """
    @dev Takes tokens from somebody who has approved the Vault, and makes sure that all of them came.
    @param word The token's word.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param amount The amount in the token's smallest units.
    @param sender The 20-byte address that gives.
    """
    token: address = self._token(word)
    if word & _ERC1155 != 0:
        id: uint256 = self._ids[self._asset_key(market, quote)]
        self._expected = token
        self._expected_id = id
        self._arrived = 0
        extcall IERC1155(token).safeTransferFrom(sender, self, id, amount, b"")
        self._expected = empty(address)
        assert self._arrived == amount, "vault: not the whole amount came"
    else:
        before: uint256 = staticcall IERC20(token).balanceOf(self)
        assert extcall IERC20(token).transferFrom(
            sender, self, amount, default_return_value=True
        ), "vault: transfer failed"
        # A token that keeps a part for itself would leave the Vault short.
        arrived: uint256 = staticcall IERC20(token).balanceOf(self) - before
        assert arrived == amount, "vault: not the whole amount came"


@internal
def _send(word: uint256, market: uint16, quote: bool, amount: uint256, to: address):
    """
    @dev Sends tokens.
    @param word The token's word.
    @param market The 2-byte market number.
    @param quote True for what the market is paid in.
    @param amount The amount in the token's smallest units.
    @param to The 20-byte address that receives.
    """
    token: address = self._token(word)
    if word & _ERC1155 != 0:
        extcall IERC1155(token).safeTransferFrom(
            self, to, self._ids[self._asset_key(market, quote)], amount, b""
        )
    else:
        assert extcall IERC20(token).transfer(to, amount, default_return_value=True), "vault: transfer failed"
