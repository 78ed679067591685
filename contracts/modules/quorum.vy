# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title k of n compact signatures
@custom:contract-name quorum
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The set of signers travels in calldata and is compared with one stored hash, so a set of 32 costs the same
        storage as a set of one. Signatures are EIP-2098 pairs (r, vs) in ascending order of the signer's address, so
        that one pass over the set both finds every signer and makes a second signature of the same signer impossible.
@custom:security High `s` values are refused. Replay is never keyed on signature bytes: the same content can be signed
                 in many ways, and what stops a replay is the chain of content hashes. The set holds no zero address,
                 because `ecrecover` answers zero for garbage.
"""


# @dev The largest signer set.
SIGNERS_MAX: constant(uint256) = 32


# @dev Half of the order of secp256k1: the largest `s` that is accepted.
_S_MAX: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)


# @dev The low 255 bits of `vs`.
_S_MASK: constant(uint256) = (1 << 255) - 1


@deploy
def __init__():
    """
    @dev The module keeps no state.
    """
    pass


@internal
@pure
def _set_hash(signers: DynArray[address, SIGNERS_MAX]) -> bytes32:
    """
    @dev Hashes a signer set.
    @param signers The list of signers.
    @return bytes32 The 32-byte hash of the ABI-encoded list.
    """
    return keccak256(abi_encode(signers))


@internal
@pure
def _check_set(signers: DynArray[address, SIGNERS_MAX], k: uint256, faulty: uint256):
    """
    @dev Refuses a set that could let two different reports through.
    @notice With `faulty` signers who sign anything, two quorums share at least `2k - n` signers; one of them is honest
            if and only if `2k - n > faulty`.
    @param signers The list of signers: strictly ascending, no zero address, at least one.
    @param k The number of signatures needed.
    @param faulty The number of signers who may be faulty without harm.
    """
    count: uint256 = len(signers)
    assert k <= count, "quorum: more signatures than signers"
    # Both are at most 2^256 / 2 only if `faulty` is bounded; k is, by the line above.
    assert faulty < count and 2 * k > count + faulty, "quorum: two quorums could disagree"
    previous: address = empty(address)
    for signer: address in signers:
        assert convert(signer, uint160) > convert(previous, uint160), "quorum: signers not strictly ascending"
        previous = signer


@internal
@pure
def _check_quorum(
    digest: bytes32,
    k: uint256,
    set_hash: uint256,
    signers: DynArray[address, SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
):
    """
    @dev Refuses unless the list is the stored set and at least `k` different signers of it signed the digest.
    @param digest The 32-byte EIP-712 digest.
    @param k The number of signatures needed, above 0.
    @param set_hash The first 160 bits of the hash of the signer set.
    @param signers The signer set, strictly ascending.
    @param signatures Pairs of (r, vs), in ascending order of the signer's address.
    """
    assert convert(keccak256(abi_encode(signers)), uint256) >> 96 == set_hash, "quorum: wrong signer set"
    count: uint256 = len(signatures) >> 1
    assert len(signatures) & 1 == 0 and count >= k, "quorum: too few signatures"
    found: uint256 = 0
    signer: address = empty(address)
    # Every pass moves on in the set, so a signer cannot be counted twice.
    for candidate: address in signers:
        if signer == empty(address):
            # Not recovered yet, or garbage: the set holds no zero address, so garbage is nobody's to the end.
            vs: uint256 = convert(signatures[unsafe_add(unsafe_mul(2, found), 1)], uint256)
            s: uint256 = vs & _S_MASK
            assert s <= _S_MAX, "quorum: high s"
            signer = ecrecover(digest, unsafe_add(27, vs >> 255), convert(signatures[unsafe_mul(2, found)], uint256), s)
        if candidate == signer:
            found = unsafe_add(found, 1)
            if found == count:
                break
            signer = empty(address)
    assert found == count, "quorum: not a signer, or not in order"
