# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How many lots stand below a tick
@custom:contract-name depth_tree
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A tree of sums over 3,125 ticks with five children a node and five layers: a word holds the sums of its five
        children, 51 bits each. To add or to remove lots writes five words, to ask for the lots below a tick reads at
        most five, however many orders there are. Validity is hierarchical: a word does not count while its parent's sum
        for it is 0, nor does a root while its owner knows the total to be 0. So nothing is zeroed, and a tree that is
        used again and again never pays for a new storage slot twice. Sums are that wide so that nobody can afford to
        fill a tree: with 32 bits whoever bids for 2^32 lots at the lowest price would shut out everybody else.
"""


# @dev How many ticks there are, 5^5.
TICKS: constant(uint256) = 3_125


# @dev The most lots in a tree. They fit into a sum with room to spare, so that five sums can be added in one product.
LOTS_MAX: constant(uint256) = (1 << 48) - 1


# @dev Layers of the tree, layer 0 is the root; and how many ticks a node of it has.
_LAYERS: constant(uint256) = 5
_SPANS: constant(uint256[_LAYERS]) = [3_125, 625, 125, 25, 5]


_U51: constant(uint256) = (1 << 51) - 1


# @dev A one in each of a word's five sums, and where the uppermost stands.
_ONES: constant(uint256) = 1 | (1 << 51) | (1 << 102) | (1 << 153) | (1 << 204)
_TOP: constant(uint256) = 204


# @dev tree << 13 | layer << 10 | position of the word in its layer → five sums (51 bits each), the lowest child first.
_words: HashMap[uint256, uint256]


@deploy
def __init__():
    """
    @dev Nothing stands anywhere.
    """
    pass


@internal
def _add(tree: uint256, total: uint256, tick: uint256, lots: uint256):
    """
    @dev Counts lots at a tick.
    @param tree The tree's number, below 2^243.
    @param total The lots in the tree so far; `total` + `lots` must be at most `LOTS_MAX`.
    @param tick The tick, below `TICKS`.
    @param lots The lots, not 0.
    """
    counts: bool = total != 0
    for layer: uint256 in range(_LAYERS):
        id: uint256 = 0
        offset: uint256 = 0
        id, offset = self._place(tree, layer, tick)
        word: uint256 = 0
        if counts:
            word = self._words[id]
            counts = (word >> offset) & _U51 != 0
        # No carry into the next sum: no sum is above all lots of a tree.
        self._words[id] = unsafe_add(word, lots << offset)


@internal
def _remove(tree: uint256, tick: uint256, lots: uint256):
    """
    @dev Takes back lots that were counted at a tick.
    @param tree The tree's number, below 2^243.
    @param tick The tick, below `TICKS`.
    @param lots The lots, at most those that stand there.
    """
    for layer: uint256 in range(_LAYERS):
        id: uint256 = 0
        offset: uint256 = 0
        id, offset = self._place(tree, layer, tick)
        self._words[id] = unsafe_sub(self._words[id], lots << offset)


@internal
@view
def _below(tree: uint256, total: uint256, tick: uint256) -> uint256:
    """
    @dev Returns how many lots stand at lower ticks.
    @param tree The tree's number, below 2^243.
    @param total The lots in the tree.
    @param tick The tick, at most `TICKS`.
    @return uint256 The lots.
    """
    if total == 0:
        return 0
    if tick == TICKS:
        return total
    sum: uint256 = 0
    for layer: uint256 in range(_LAYERS):
        id: uint256 = 0
        offset: uint256 = 0
        id, offset = self._place(tree, layer, tick)
        word: uint256 = self._words[id]
        one: uint256 = 1 << offset
        # The product's uppermost sum is that of all the word's sums, and none below it carries into it.
        sum = unsafe_add(sum, (unsafe_mul(word & unsafe_sub(one, 1), _ONES) >> _TOP) & _U51)
        if (word >> offset) & _U51 == 0:
            break
    return sum


@internal
@pure
def _place(tree: uint256, layer: uint256, tick: uint256) -> (uint256, uint256):
    """
    @dev Returns where a tick is counted in a layer.
    @param tree The tree's number.
    @param layer The layer.
    @param tick The tick.
    @return uint256 The key of the word.
    @return uint256 The bits before the sum.
    """
    span: uint256 = _SPANS[layer]
    child: uint256 = unsafe_div(unsafe_mul(unsafe_sub(tick, unsafe_mul(unsafe_div(tick, span), span)), 5), span)
    return (tree << 13) | (layer << 10) | unsafe_div(tick, span), unsafe_mul(child, 51)
