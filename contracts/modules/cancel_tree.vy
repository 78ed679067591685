# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How many lots were cancelled in front of an order
@custom:contract-name cancel_tree
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A tree of sums with 16 children a node, four 56-bit sums to a word, written only when an order is cancelled that
        is neither first nor last of its queue. Layer L has a sum for every 16^L indexes. A tree is only as high as its
        queue is long: with up to 16 orders a cancellation writes one word. When the queue outgrows a height, `_grow`
        carries the sum so far into the new layer. Each word is tagged with the queue's epoch, and a word of another
        epoch counts as 0, so nothing is zeroed. At most 2^24 orders of less than 2^32 lots can't overflow a sum.
"""


# @dev The most orders of a queue, 16^6.
ORDERS_MAX: constant(uint256) = 1 << 24


# @dev Layers of a full tree.
_LAYERS: constant(uint256) = 6


_U56: constant(uint256) = (1 << 56) - 1


# @dev queue << 32 | layer << 28 | position of the word in its layer → four sums (56 bits each) | epoch << 224.
_words: HashMap[uint256, uint256]


@deploy
def __init__():
    """
    @dev Nothing is cancelled.
    """
    pass


@internal
def _add(queue: uint256, epoch: uint256, orders: uint256, index: uint256, lots: uint256):
    """
    @dev Counts lots of one order as cancelled.
    @param queue The queue's number, below 2^224.
    @param epoch The queue's epoch, below 2^32.
    @param orders How many indexes the queue has given out.
    @param index The order's index, below `orders`.
    @param lots The lots.
    """
    height: uint256 = unsafe_sub(orders, 1)
    at: uint256 = index
    for layer: uint256 in range(_LAYERS):
        id: uint256 = (queue << 32) | (layer << 28) | (at >> 2)
        word: uint256 = self._words[id]
        if word >> 224 != epoch:
            word = epoch << 224
        # No carry into the next sum: all lots of a queue are less than 2^56.
        self._words[id] = unsafe_add(word, lots << unsafe_mul(at & 3, 56))
        height >>= 4
        if height == 0:
            break
        at >>= 4


@internal
def _grow(queue: uint256, epoch: uint256, index: uint256, cancelled: uint256):
    """
    @dev Makes room for an order that gets a new index: if it needs a higher tree, the new layer starts with all that was
         cancelled so far.
    @param queue The queue's number, below 2^224.
    @param epoch The queue's epoch, below 2^32.
    @param index The new index.
    @param cancelled All lots that were counted as cancelled, not 0.
    """
    power: uint256 = 16
    for layer: uint256 in range(1, _LAYERS):
        if index <= power:
            if index == power:
                self._words[(queue << 32) | (layer << 28)] = cancelled | (epoch << 224)
            break
        power <<= 4


@internal
@view
def _before(queue: uint256, epoch: uint256, index: uint256) -> uint256:
    """
    @dev Returns how many lots of earlier orders were counted as cancelled.
    @param queue The queue's number, below 2^224.
    @param epoch The queue's epoch, below 2^32.
    @param index The order's index.
    @return uint256 The lots.
    """
    sum: uint256 = 0
    at: uint256 = index
    for layer: uint256 in range(_LAYERS):
        base: uint256 = (queue << 32) | (layer << 28)
        last: uint256 = at >> 2
        first: uint256 = (at >> 4) << 2
        for step: uint256 in range(4):
            place: uint256 = unsafe_add(first, step)
            # The word that holds `at` itself counts up to it, and not at all if `at` is its first.
            if place > last or (place == last and at & 3 == 0):
                break
            word: uint256 = self._words[base | place]
            if word >> 224 == epoch:
                if place == last:
                    end: uint256 = 1 << unsafe_mul(at & 3, 56)
                    word &= unsafe_sub(end, 1)
                sum = unsafe_add(
                    sum,
                    unsafe_add(
                        unsafe_add(word & _U56, (word >> 56) & _U56),
                        unsafe_add((word >> 112) & _U56, (word >> 168) & _U56),
                    ),
                )
        at >>= 4
        if at == 0:
            break
    return sum
