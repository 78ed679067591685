# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ordered Merkle tree with domain separation
@custom:contract-name merkle_tree
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A leaf is hashed behind the byte 0x00, a node behind 0x01, so that a node can never be shown as a leaf. The
        row is padded to the next power of two with a constant, so that nothing is promoted or doubled; the tree of one
        leaf is that leaf's hash. A proof is the siblings from the leaf up; bit `i` of the index set means that the
        sibling of level `i` stands left.
"""


# @dev The longest proof: four thousand million leaves.
DEPTH_MAX: constant(uint256) = 32


@deploy
def __init__():
    """
    @dev The module keeps no state.
    """
    pass


@internal
@pure
def _root_from_proof(leaf: bytes32, index: uint256, proof: DynArray[bytes32, DEPTH_MAX]) -> bytes32:
    """
    @dev Walks from a leaf to the root it belongs to.
    @notice An index with bits above the proof's length is refused: one leaf has one index.
    @param leaf The 32-byte hash of the leaf.
    @param index The position of the leaf in the row, from 0.
    @param proof The siblings from the leaf up.
    @return bytes32 The 32-byte root.
    """
    node: bytes32 = leaf
    path: uint256 = index
    for sibling: bytes32 in proof:
        if path & 1 == 0:
            node = keccak256(concat(0x01, node, sibling))
        else:
            node = keccak256(concat(0x01, sibling, node))
        path >>= 1
    assert path == 0, "merkle_tree: index beyond the tree"
    return node
