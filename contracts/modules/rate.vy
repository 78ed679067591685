# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How fast a utility may be made that no rated power measures
@custom:contract-name rate
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Buckets are filled by a power in W. For water, packets or hours a rate takes its place: a base, the same for every
        station or for the grid, and a share of the rated power, both in W. One W lets 1,250,000 units be made in an hour,
        so one whole token (10^9 units) an hour is a rate of 800 W. Without a rate the rated power itself counts.
"""


# @dev The largest base that is believed: 1 TW.
BASE_MAX: constant(uint64) = 1_000_000_000_000


# @dev The whole of a share.
_PPM: constant(uint256) = 1_000_000


# @dev Fields of a packed rate: base (64 bits) | share in ppm << 64 (32) | 1 << 96 if it was set.
_U32: constant(uint256) = (1 << 32) - 1
_U64: constant(uint256) = (1 << 64) - 1
_SET: constant(uint256) = 1 << 96


@deploy
def __init__():
    """
    @dev The module keeps no state.
    """
    pass


@internal
@pure
def _packed(base_w: uint64, share_ppm: uint32) -> uint256:
    """
    @dev Packs a rate.
    @param base_w The base in W, at most 1 TW.
    @param share_ppm The share of the rated power, in millionths.
    @return uint256 The word.
    """
    assert base_w <= BASE_MAX, "rate: base out of bounds"
    return convert(base_w, uint256) | (convert(share_ppm, uint256) << 64) | _SET


@internal
@pure
def _rated(word: uint256, rated_w: uint256) -> uint256:
    """
    @dev Returns the power that a bucket is filled by.
    @param word The packed rate; 0 if none was set.
    @param rated_w The rated power in W, below 2^64.
    @return uint256 The power in W, rounded down, below 2^80.
    """
    if word == 0:
        return rated_w
    return unsafe_add(word & _U64, unsafe_div(unsafe_mul(rated_w, (word >> 64) & _U32), _PPM))
