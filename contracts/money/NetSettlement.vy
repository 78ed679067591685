# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title NetSettlement
@custom:contract-name NetSettlement
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice What a clearing window comes to, paid at once: many parties, many currencies, all of it or nothing. Operators
        sign the window's id, the hash of the obligations that were netted, and the net positions; anybody brings it.
        The positions of each currency add up to zero. Who owes pays from a deposit here, and what that lacks is drawn
        from the party's wallet by allowance; who is owed is credited here and withdraws when it likes. A party's
        mandate in a currency bounds what all windows together may take from it, like an allowance. A window is settled
        once: brought again with the same content it does nothing, with another content it is refused.
@custom:security The operators decide who pays whom, within the parties' mandates; 0 until a party sets one, so that
                 nobody pays who did not agree to. Tokens are listed by the owner, who is meant to be a timelock. A
                 token may do what it likes with its own positions and deposits, not with another token's.
@custom:kill `Guard.pause(net_settlement)` stops windows and deposits. Withdrawals go on, for whom the Guard has not
             frozen; `Guard.pause(token)` stops them, too.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator
from contracts.modules import quorum

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712_domain_separator

# `renounce_ownership` is left out: without an owner a lost key could never be replaced.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    eip712_domain_separator.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A window was settled. The positions stand in the transaction's calldata and are proved by their hash.
event Settled:
    window: indexed(bytes32)
    obligations: indexed(bytes32)
    positions: bytes32
    count: uint256


# @dev A party's net position in a window was paid.
event PositionSettled:
    window: indexed(bytes32)
    currency: indexed(address)
    party: indexed(address)
    net: int256


# @dev A party put tokens into its account.
event Deposited:
    currency: indexed(address)
    party: indexed(address)
    amount: uint256


# @dev A party took tokens out of its account.
event Withdrawn:
    currency: indexed(address)
    party: indexed(address)
    to: address
    amount: uint256


# @dev What windows may take from a party from now on.
event MandateChanged:
    currency: indexed(address)
    party: indexed(address)
    old: uint128
    new: uint128


# @dev A token may or may no longer be settled in.
event CurrencyChanged:
    currency: indexed(address)
    old: bool
    new: bool


# @dev Who signs windows, and how many of them it takes.
event OperatorsChanged:
    k: uint256
    operators: DynArray[address, quorum.SIGNERS_MAX]


# @dev The Guard stopped windows and deposits, or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What operators sign; `positions` is the hash of the ABI-encoded lists of currencies and positions. The deadline
# is not part of what a window stands for: the same window may be signed again.
WINDOW_TYPE: constant(bytes32) = keccak256(
    "Window(bytes32 window,bytes32 obligations,bytes32 positions,uint256 deadline)"
)


# @dev The most currencies of a window: a position has four bits for its currency.
CURRENCIES_MAX: constant(uint256) = 16


# @dev The most positions of a window: as many first credits as fit into half a block of 30 million gas.
POSITIONS_MAX: constant(uint256) = 512


# @dev A position: currency index (4 bits) | party << 92 (160) | net amount, two's complement (92).
_NET_BITS: constant(uint256) = 92
_U92: constant(uint256) = (1 << 92) - 1
_NET_SIGN: constant(uint256) = 1 << 91


# @dev The low bits of a word.
_U96: constant(uint256) = (1 << 96) - 1
_U128: constant(uint256) = (1 << 128) - 1
_U160: constant(uint256) = (1 << 160) - 1


# @dev A mandate without bounds; windows do not count it down.
MANDATE_UNBOUNDED: constant(uint128) = max_value(uint128)


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while windows and deposits are stopped.
paused: public(bool)


# @dev Which tokens may be settled in.
listed: public(HashMap[address, bool])


# @dev window → hash of the obligations that were netted; zero if the window was not settled.
obligations_of: public(HashMap[bytes32, bytes32])


# @dev window → hash of the ABI-encoded lists of currencies and positions.
positions_of: public(HashMap[bytes32, bytes32])


# @dev currency → Σ of all accounts; this contract holds at least as many tokens.
held: public(HashMap[address, uint256])


# @dev currency → party → mandate (128 bits) << 128 | balance (128).
_accounts: HashMap[address, HashMap[address, uint256]]


# @dev First 160 bits of the hash of the operators << 96 | k.
_operators: uint256


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(guard_: address):
    """
    @dev The deployer is the first owner. Nothing can be settled before operators and currencies are set.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    eip712_domain_separator.__init__("GreenCore NetSettlement", "1")
    guard = guard_


# ------------------------------------------------------------------
#                              ANYBODY
# ------------------------------------------------------------------


@external
def settle(
    window: bytes32,
    obligations: bytes32,
    currencies: DynArray[address, CURRENCIES_MAX],
    positions: DynArray[uint256, POSITIONS_MAX],
    deadline: uint256,
    operators: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
) -> bool:
    """
    @dev Pays all net positions of a window, or reverts. A repetition does nothing, whoever signed it.
    @param window The 32-byte id of the window.
    @param obligations The 32-byte hash of the obligations that were netted, not zero.
    @param currencies The tokens.
    @param positions Index of the currency (4 bits) | party (160 bits) | net amount (92 bits, two's complement; what the
           party is owed is above zero), strictly ascending by currency and party; each currency adds up to zero.
    @param deadline The last second at which the signatures count.
    @param operators The operators, strictly ascending: the stored set.
    @param signatures Pairs of (r, vs) over `Window`, in ascending order of the operator's address.
    @return bool True if it was settled now, False if it was before.
    """
    content: bytes32 = keccak256(abi_encode(currencies, positions))
    booked: bytes32 = self.obligations_of[window]
    if booked != empty(bytes32):
        assert (
            booked == obligations and self.positions_of[window] == content
        ), "net_settlement: window was settled otherwise"
        return False
    assert obligations != empty(bytes32) and len(positions) != 0, "net_settlement: nothing to settle"
    assert not self.paused, "net_settlement: paused"
    assert block.timestamp <= deadline, "net_settlement: signatures are over"
    word: uint256 = self._operators
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(WINDOW_TYPE, window, obligations, content, deadline))
    )
    quorum._check_quorum(digest, word & _U96, word >> 96, operators, signatures)
    self.obligations_of[window] = obligations
    self.positions_of[window] = content
    self._pay(window, currencies, positions)
    log Settled(window=window, obligations=obligations, positions=content, count=len(positions))
    return True


# ------------------------------------------------------------------
#                              PARTIES
# ------------------------------------------------------------------


@external
def deposit(currency: address, amount: uint128):
    """
    @dev Puts tokens of the caller's wallet, which allowed it, into the caller's account.
    @param currency The 20-byte address of a listed token.
    @param amount The amount in minor units.
    """
    assert not self.paused, "net_settlement: paused"
    assert self.listed[currency], "net_settlement: currency is not listed"
    word: uint256 = self._accounts[currency][msg.sender]
    value: uint256 = convert(amount, uint256)
    self._accounts[currency][msg.sender] = self._credited(word, value)
    self._draw(currency, msg.sender, value)
    self._cover(currency, value)
    log Deposited(currency=currency, party=msg.sender, amount=value)


@external
def withdraw(currency: address, amount: uint128, to: address):
    """
    @dev Takes tokens out of the caller's account. Goes on while windows are stopped and after a token was unlisted.
    @param currency The 20-byte address of the token.
    @param amount The amount in minor units.
    @param to The 20-byte address that receives.
    """
    assert not staticcall IGuard(guard).frozen(msg.sender), "net_settlement: account is frozen"
    word: uint256 = self._accounts[currency][msg.sender]
    value: uint256 = convert(amount, uint256)
    assert word & _U128 >= value, "net_settlement: amount exceeds balance"
    self._accounts[currency][msg.sender] = unsafe_sub(word, value)
    self.held[currency] -= value
    assert extcall IERC20(currency).transfer(to, value, default_return_value=True), "net_settlement: token refuses"
    log Withdrawn(currency=currency, party=msg.sender, to=to, amount=value)


@external
def set_mandate(currency: address, mandate: uint128):
    """
    @dev Sets how much windows may take from the caller from now on, all together. Debits lower it, credits do not
         raise it; the largest number stays as it is.
    @param currency The 20-byte address of the token.
    @param mandate The amount in minor units; 0 to pay nothing any more.
    """
    word: uint256 = self._accounts[currency][msg.sender]
    self._accounts[currency][msg.sender] = (word & _U128) | (convert(mandate, uint256) << 128)
    log MandateChanged(currency=currency, party=msg.sender, old=convert(word >> 128, uint128), new=mandate)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_currency(currency: address, active: bool):
    """
    @dev Lists a token or strikes it off. What is in the accounts can be withdrawn either way.
    @param currency The 20-byte address of the token.
    @param active True to list.
    """
    ownable._check_owner()
    old: bool = self.listed[currency]
    self.listed[currency] = active
    log CurrencyChanged(currency=currency, old=old, new=active)


@external
def set_operators(operators: DynArray[address, quorum.SIGNERS_MAX], k: uint256, faulty: uint256):
    """
    @dev Replaces the operators at once: what only former ones signed counts no longer.
    @param operators The operators, strictly ascending, no zero address.
    @param k The number of signatures needed, more than half of operators and faulty ones together.
    @param faulty The number of operators who may be faulty without harm.
    """
    ownable._check_owner()
    quorum._check_set(operators, k, faulty)
    self._operators = ((convert(quorum._set_hash(operators), uint256) >> 96) << 96) | k
    log OperatorsChanged(k=k, operators=operators)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops windows and deposits, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "net_settlement: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def account_of(currency: address, party: address) -> (uint256, uint256):
    """
    @dev Returns a party's account.
    @param currency The 20-byte address of the token.
    @param party The 20-byte address of the party.
    @return uint256 The balance in minor units.
    @return uint256 The mandate that is left, in minor units.
    """
    word: uint256 = self._accounts[currency][party]
    return word & _U128, word >> 128


@external
@view
def available(currency: address, party: address) -> uint256:
    """
    @dev Returns the largest debit that would go through now: who owes more fails the window. That a token is stopped
         is not seen here.
    @param currency The 20-byte address of the token.
    @param party The 20-byte address of the party.
    @return uint256 The amount in minor units.
    """
    if self.paused or not self.listed[currency] or staticcall IGuard(guard).frozen(party):
        return 0
    word: uint256 = self._accounts[currency][party]
    wallet: uint256 = min(
        staticcall IERC20(currency).balanceOf(party), staticcall IERC20(currency).allowance(party, self)
    )
    return min(word >> 128, (word & _U128) + min(wallet, _U128))


@external
@view
def operators() -> (uint256, uint256):
    """
    @dev Returns what a set of operators is compared with.
    @return uint256 The first 160 bits of the hash of the ABI-encoded list.
    @return uint256 The number of signatures needed.
    """
    word: uint256 = self._operators
    return word >> 96, word & _U96


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
def _pay(
    window: bytes32, currencies: DynArray[address, CURRENCIES_MAX], positions: DynArray[uint256, POSITIONS_MAX]
):
    """
    @dev Pays every position.
    @param window The 32-byte id of the window.
    @param currencies The tokens.
    @param positions The packed positions.
    """
    previous: uint256 = 0
    index: uint256 = max_value(uint256)
    currency: address = empty(address)
    total: int256 = 0
    drawn: uint256 = 0
    for position: uint256 in positions:
        key: uint256 = position >> _NET_BITS
        assert key > previous, "net_settlement: positions are not in order"
        assert key & _U160 != 0, "net_settlement: the zero address is no party"
        previous = key
        if key >> 160 != index:
            assert total == 0, "net_settlement: currency does not add up to zero"
            self._cover(currency, drawn)
            drawn = 0
            index = key >> 160
            assert index < len(currencies), "net_settlement: no such currency"
            currency = currencies[index]
            assert self.listed[currency], "net_settlement: currency is not listed"
        party: address = convert(convert(key & _U160, uint160), address)
        # 512 amounts of 92 bits cannot overflow.
        net: int256 = self._net(position)
        total = unsafe_add(total, net)
        drawn = unsafe_add(drawn, self._move(currency, party, net))
        log PositionSettled(window=window, currency=currency, party=party, net=net)
    assert total == 0, "net_settlement: currency does not add up to zero"
    self._cover(currency, drawn)


@internal
def _move(currency: address, party: address, net: int256) -> uint256:
    """
    @dev Pays one position.
    @param currency The 20-byte address of the token.
    @param party The 20-byte address of the party.
    @param net What the party is owed, below zero what it owes.
    @return uint256 What was drawn from the party's wallet.
    """
    assert net != 0, "net_settlement: position is empty"
    assert not staticcall IGuard(guard).frozen(party), "net_settlement: account is frozen"
    word: uint256 = self._accounts[currency][party]
    if net > 0:
        self._accounts[currency][party] = self._credited(word, convert(net, uint256))
        return 0
    balance: uint256 = word & _U128
    mandate: uint256 = word >> 128
    due: uint256 = convert(-net, uint256)
    assert due <= mandate, "net_settlement: over the party's mandate"
    if mandate < convert(MANDATE_UNBOUNDED, uint256):
        mandate = unsafe_sub(mandate, due)
    paid: uint256 = min(balance, due)
    self._accounts[currency][party] = (mandate << 128) | unsafe_sub(balance, paid)
    lacking: uint256 = unsafe_sub(due, paid)
    if lacking != 0:
        self._draw(currency, party, lacking)
    return lacking


@internal
@pure
def _credited(word: uint256, amount: uint256) -> uint256:
    """
    @dev Adds to the balance of an account.
    @param word The packed account.
    @param amount The amount in minor units, at most 128 bits.
    @return uint256 The packed account.
    """
    assert (word & _U128) + amount <= _U128, "net_settlement: balance out of bounds"
    return unsafe_add(word, amount)


@internal
def _draw(currency: address, party: address, amount: uint256):
    """
    @dev Draws tokens from a party's wallet by its allowance.
    @param currency The 20-byte address of the token.
    @param party The 20-byte address of the party.
    @param amount The amount in minor units.
    """
    assert extcall IERC20(currency).transferFrom(
        party, self, amount, default_return_value=True
    ), "net_settlement: token refuses"


@internal
def _cover(currency: address, drawn: uint256):
    """
    @dev Books what was drawn, and refuses a token that delivered less than it said.
    @param currency The 20-byte address of the token.
    @param drawn The amount in minor units.
    """
    if drawn == 0:
        return
    held: uint256 = self.held[currency] + drawn
    self.held[currency] = held
    assert staticcall IERC20(currency).balanceOf(self) >= held, "net_settlement: accounts are not covered"


@internal
@pure
def _net(position: uint256) -> int256:
    """
    @dev Returns the amount of a packed position.
    @param position The packed position.
    @return int256 What the party is owed, below zero what it owes.
    """
    low: uint256 = position & _U92
    if low & _NET_SIGN != 0:
        return convert(low, int256) - convert(1 << _NET_BITS, int256)
    return convert(low, int256)
