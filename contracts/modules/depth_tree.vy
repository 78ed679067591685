# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How many lots stand below a tick
@custom:contract-name depth_tree
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A tree of sums over 4,096 ticks with eight children a node and four layers: a word holds the sums of its eight
        children, 32 bits each. To add or to remove lots writes four words, to ask for the lots below a tick reads at
        most four, however many orders there are. Validity is hierarchical: a word does not count while its parent's sum
        for it is 0, nor does a root while its owner knows the total to be 0. So nothing is zeroed, and a tree that is
        used again and again never pays for a new storage slot twice.
"""


# @dev How many ticks there are, 8^4.
TICKS: constant(uint256) = 1 << 12


# @dev Layers of the tree; layer 0 is the root.
_LAYERS: constant(uint256) = 4


_U32: constant(uint256) = (1 << 32) - 1


# @dev A one in each of a word's eight sums.
_ONES: constant(uint256) = max_value(uint256) // _U32


# @dev tree << 11 | layer << 9 | position of the word in its layer → eight sums (32 bits each), the lowest child first.
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
    @param tree The tree's number, below 2^245.
    @param total The lots in the tree so far; `total` + `lots` must be below 2^32.
    @param tick The tick, below `TICKS`.
    @param lots The lots, not 0.
    """
    counts: bool = total != 0
    for layer: uint256 in range(_LAYERS):
        depth: uint256 = unsafe_mul(layer, 3)
        id: uint256 = (tree << 11) | (layer << 9) | (tick >> unsafe_sub(12, depth))
        offset: uint256 = ((tick >> unsafe_sub(9, depth)) & 7) << 5
        word: uint256 = 0
        if counts:
            word = self._words[id]
            counts = (word >> offset) & _U32 != 0
        # No carry into the next sum: all lots of a tree are less than 2^32.
        self._words[id] = unsafe_add(word, lots << offset)


@internal
def _remove(tree: uint256, tick: uint256, lots: uint256):
    """
    @dev Takes back lots that were counted at a tick.
    @param tree The tree's number, below 2^245.
    @param tick The tick, below `TICKS`.
    @param lots The lots, at most those that stand there.
    """
    for layer: uint256 in range(_LAYERS):
        depth: uint256 = unsafe_mul(layer, 3)
        id: uint256 = (tree << 11) | (layer << 9) | (tick >> unsafe_sub(12, depth))
        self._words[id] = unsafe_sub(self._words[id], lots << (((tick >> unsafe_sub(9, depth)) & 7) << 5))


@internal
@view
def _below(tree: uint256, total: uint256, tick: uint256) -> uint256:
    """
    @dev Returns how many lots stand at lower ticks.
    @param tree The tree's number, below 2^245.
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
        depth: uint256 = unsafe_mul(layer, 3)
        word: uint256 = self._words[(tree << 11) | (layer << 9) | (tick >> unsafe_sub(12, depth))]
        offset: uint256 = ((tick >> unsafe_sub(9, depth)) & 7) << 5
        one: uint256 = 1 << offset
        # The product's uppermost sum is that of all the word's sums, which has no more than 32 bits.
        sum = unsafe_add(sum, unsafe_mul(word & unsafe_sub(one, 1), _ONES) >> 224)
        if (word >> offset) & _U32 == 0:
            break
    return sum
