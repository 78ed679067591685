# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A set of 65,536 keys in two levels, whose lowest is found in constant work
@custom:contract-name bitmap
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A root word has a bit for each of 256 leaf words. Validity is hierarchical: a leaf whose root bit is 0 does not
        count, nor does a root whose set its owner knows to be empty. So nothing is zeroed, and a set that fills and
        empties again and again never pays for a new storage slot twice.
"""


# @dev What stands for no key: one more than the largest.
ABSENT: constant(uint256) = 1 << 16


# @dev set → root word.
_roots: HashMap[uint256, uint256]


# @dev set << 8 | the key's upper 8 bits → leaf word.
_leaves: HashMap[uint256, uint256]


@deploy
def __init__():
    """
    @dev Every set is empty.
    """
    pass


@internal
def _insert(set: uint256, empty_before: bool, key: uint256):
    """
    @dev Puts a key into a set that does not hold it.
    @param set The set's number, below 2^248.
    @param empty_before True if the set is empty.
    @param key The key, below 65,536.
    """
    place: uint256 = key >> 8
    root_bit: uint256 = 1 << place
    leaf_bit: uint256 = 1 << (key & 255)
    leaf_id: uint256 = (set << 8) | place
    root: uint256 = 0
    if not empty_before:
        root = self._roots[set]
    if root & root_bit != 0:
        self._leaves[leaf_id] |= leaf_bit
    else:
        self._roots[set] = root | root_bit
        self._leaves[leaf_id] = leaf_bit


@internal
def _remove(set: uint256, best: uint256, key: uint256) -> uint256:
    """
    @dev Takes a key out of the set that holds it.
    @param set The set's number, below 2^248.
    @param best The set's lowest key.
    @param key The key.
    @return uint256 The lowest key that is left, or ABSENT if the set is empty now.
    """
    place: uint256 = key >> 8
    leaf_id: uint256 = (set << 8) | place
    leaf: uint256 = self._leaves[leaf_id] & ~(1 << (key & 255))
    if leaf != 0:
        self._leaves[leaf_id] = leaf
        if key != best:
            return best
        return (place << 8) | self._lowest_bit(leaf)
    root: uint256 = self._roots[set] & ~(1 << place)
    if root == 0:
        return ABSENT
    self._roots[set] = root
    if key != best:
        return best
    place = self._lowest_bit(root)
    return (place << 8) | self._lowest_bit(self._leaves[(set << 8) | place])


@internal
@view
def _next(set: uint256, key: uint256) -> uint256:
    """
    @dev Returns the lowest key above one that the set holds.
    @param set The set's number, below 2^248.
    @param key The key.
    @return uint256 The next key, or ABSENT if it is the highest.
    """
    place: uint256 = key >> 8
    # Above the last bit nothing is left: 2 << 255 is 0, and −0 masks all.
    above: uint256 = 2 << (key & 255)
    leaf: uint256 = self._leaves[(set << 8) | place] & unsafe_sub(0, above)
    if leaf != 0:
        return (place << 8) | self._lowest_bit(leaf)
    above = 2 << place
    root: uint256 = self._roots[set] & unsafe_sub(0, above)
    if root == 0:
        return ABSENT
    place = self._lowest_bit(root)
    return (place << 8) | self._lowest_bit(self._leaves[(set << 8) | place])


@internal
@pure
def _lowest_bit(word: uint256) -> uint256:
    """
    @dev Returns the position of the lowest bit that is set.
    @param word A word that is not 0.
    @return uint256 The position, 0 to 255.
    """
    bit: uint256 = word & unsafe_add(~word, 1)
    found: uint256 = 0
    if bit >= 1 << 128:
        bit >>= 128
        found = 128
    if bit >= 1 << 64:
        bit >>= 64
        found |= 64
    if bit >= 1 << 32:
        bit >>= 32
        found |= 32
    if bit >= 1 << 16:
        bit >>= 16
        found |= 16
    if bit >= 1 << 8:
        bit >>= 8
        found |= 8
    if bit >= 1 << 4:
        bit >>= 4
        found |= 4
    if bit >= 1 << 2:
        bit >>= 2
        found |= 2
    return found | (bit >> 1)
