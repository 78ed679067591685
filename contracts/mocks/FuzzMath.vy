# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The modules, opened for comparison with their Python twins
@custom:contract-name FuzzMath
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only.
@custom:kill Nothing to stop: it is never deployed outside a test.
"""


from contracts.modules import merkle_tree
from contracts.modules import quorum
from contracts.modules import token_bucket


@deploy
def __init__():
    """
    @dev It keeps no state.
    """
    pass


@external
@pure
def root_from_proof(leaf: bytes32, index: uint256, proof: DynArray[bytes32, merkle_tree.DEPTH_MAX]) -> bytes32:
    """
    @dev Opens `merkle_tree._root_from_proof`.
    @param leaf The 32-byte hash of the leaf.
    @param index The position of the leaf.
    @param proof The siblings.
    @return bytes32 The 32-byte root.
    """
    return merkle_tree._root_from_proof(leaf, index, proof)


@external
@pure
def filled(allowance: uint256, rated_w: uint256, seconds: uint256) -> uint256:
    """
    @dev Opens `token_bucket._filled`.
    @param allowance The allowance before, in µWh.
    @param rated_w The rated power in W.
    @param seconds The time passed.
    @return uint256 The allowance in µWh.
    """
    return token_bucket._filled(allowance, rated_w, seconds)


@external
@pure
def check_set(signers: DynArray[address, quorum.SIGNERS_MAX], k: uint256, faulty: uint256):
    """
    @dev Opens `quorum._check_set`.
    @param signers The signers.
    @param k The number of signatures needed.
    @param faulty The number of signers who may be faulty.
    """
    quorum._check_set(signers, k, faulty)


@external
@pure
def check_quorum(
    digest: bytes32,
    k: uint256,
    set_hash: uint256,
    signers: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
):
    """
    @dev Opens `quorum._check_quorum`.
    @param digest The 32-byte digest.
    @param k The number of signatures needed.
    @param set_hash The first 160 bits of the hash of the signer set.
    @param signers The signers.
    @param signatures Pairs of (r, vs).
    """
    quorum._check_quorum(digest, k, set_hash, signers, signatures)
