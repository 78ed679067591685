# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A book that pays every maker when it is taken
@custom:contract-name NaiveBook
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For the gas bench only: what OrderBook is compared with in the same run. A queue of asks at every tick, and a
        taker that goes from tick to tick and from order to order. Written to be as cheap as that design allows: an order
        is one word, an account is one word, both are in this contract, and there are no fees, no bids, no lives, no
        check for self-trades, and no tokens.
@custom:kill Never deployed outside a bench.
"""


# @dev An order rests.
event Placed:
    owner: indexed(address)
    tick: uint256
    index: uint256
    lots: uint256


# @dev A maker was paid.
event Filled:
    maker: indexed(address)
    taker: indexed(address)
    tick: uint256
    lots: uint256


# @dev The most ticks and orders that one taker passes.
STEPS_MAX: constant(uint256) = 8_192


_U128: constant(uint256) = (1 << 128) - 1


# @dev owner → base (128 bits) | quote << 128.
_accounts: HashMap[address, uint256]


# @dev tick → first order that is not filled (128 bits) | number of the next order << 128.
_levels: HashMap[uint256, uint256]


# @dev tick << 128 | number → owner (160 bits) | lots << 160.
_orders: HashMap[uint256, uint256]


# @dev The lowest tick that may hold an order.
best: public(uint256)


@external
def give(owner: address, base: uint256, quote: uint256):
    """
    @dev Credits an account.
    @param owner The 20-byte address of its owner.
    @param base The lots.
    @param quote The money.
    """
    self._accounts[owner] = unsafe_add(self._accounts[owner], base | (quote << 128))


@external
def place(tick: uint256, lots: uint256):
    """
    @dev Offers lots; they leave the caller's account.
    @param tick The price.
    @param lots How many.
    """
    word: uint256 = self._accounts[msg.sender]
    assert word & _U128 >= lots, "naive_book: balance is too low"
    self._accounts[msg.sender] = unsafe_sub(word, lots)
    level: uint256 = self._levels[tick]
    index: uint256 = level >> 128
    self._orders[(tick << 128) | index] = convert(msg.sender, uint256) | (lots << 160)
    self._levels[tick] = unsafe_add(level, 1 << 128)
    if tick < self.best or self.best == 0:
        self.best = tick
    log Placed(owner=msg.sender, tick=tick, index=index, lots=lots)


@external
def take(limit: uint256, lots: uint256) -> uint256:
    """
    @dev Buys, from the cheapest tick and the oldest order on, and pays each maker.
    @param limit The worst price.
    @param lots The most to buy.
    @return uint256 The lots bought.
    """
    start: uint256 = self.best
    tick: uint256 = start
    level: uint256 = self._levels[tick]
    first: uint256 = level & _U128
    left: uint256 = lots
    cost: uint256 = 0
    for i: uint256 in range(STEPS_MAX):
        if left == 0 or tick > limit:
            break
        if first == level >> 128:
            if first != level & _U128:
                self._levels[tick] = unsafe_add(level & ~_U128, first)
            tick = unsafe_add(tick, 1)
            level = self._levels[tick]
            first = level & _U128
            continue
        order: uint256 = self._orders[(tick << 128) | first]
        filled: uint256 = min(left, order >> 160)
        left = unsafe_sub(left, filled)
        if filled == order >> 160:
            # The word is not zeroed: its place in the queue is never read again.
            first = unsafe_add(first, 1)
        else:
            self._orders[(tick << 128) | first] = unsafe_sub(order, filled << 160)
        maker: address = convert(order & ((1 << 160) - 1), address)
        paid: uint256 = unsafe_mul(filled, tick)
        cost = unsafe_add(cost, paid)
        self._accounts[maker] = unsafe_add(self._accounts[maker], paid << 128)
        log Filled(maker=maker, taker=msg.sender, tick=tick, lots=filled)
    if first != level & _U128:
        self._levels[tick] = unsafe_add(level & ~_U128, first)
    if tick != start:
        self.best = tick
    word: uint256 = self._accounts[msg.sender]
    assert word >> 128 >= cost, "naive_book: balance is too low"
    taken: uint256 = unsafe_sub(lots, left)
    self._accounts[msg.sender] = unsafe_add(unsafe_sub(word, cost << 128), taken)
    return taken


@external
@view
def account_of(owner: address) -> (uint256, uint256):
    """
    @dev Returns an account.
    @param owner The 20-byte address of its owner.
    @return uint256 The lots.
    @return uint256 The money.
    """
    word: uint256 = self._accounts[owner]
    return word & _U128, word >> 128
