# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How much energy a rated power may have made
@custom:contract-name token_bucket
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A bucket fills at 1.25 times the rated power, for what a nameplate leaves out, and holds 31 days of that, so
        that a station which delivers late is settled in full while none can outrun its rating. Everything is rounded
        down, against the one who mints.
"""


# @dev µWh that one watt may add in one second: 10^6 / 3600 × 1.25, kept as a fraction so that nothing is lost.
FILL_NUMERATOR: constant(uint256) = 3_125
FILL_DENOMINATOR: constant(uint256) = 9


# @dev The most that a bucket holds, as seconds of its fill: 31 days.
DEPTH_SECONDS: constant(uint256) = 31 * 86_400


@deploy
def __init__():
    """
    @dev The module keeps no state.
    """
    pass


@internal
@pure
def _filled(allowance: uint256, rated_w: uint256, seconds: uint256) -> uint256:
    """
    @dev Returns the allowance after some time.
    @param allowance The allowance before, in µWh.
    @param rated_w The rated power in W, below 2^80.
    @param seconds The time passed, in seconds, below 2^64.
    @return uint256 The allowance in µWh, at most 31 days of the fill.
    """
    depth: uint256 = unsafe_div(unsafe_mul(unsafe_mul(rated_w, DEPTH_SECONDS), FILL_NUMERATOR), FILL_DENOMINATOR)
    # No overflow: 2^80 × 2^64 × 2^12 is below 2^256, and so is the sum with an allowance of at most 96 bits.
    fill: uint256 = unsafe_div(unsafe_mul(unsafe_mul(rated_w, seconds), FILL_NUMERATOR), FILL_DENOMINATOR)
    return min(unsafe_add(allowance, fill), depth)
