# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title HomePolicy
@custom:contract-name HomePolicy
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice What a home earns for what it makes: one coefficient per utility that counts towards a home's income, in
        millionths of a GCM per whole token. `Income_home = α·E + β·H + γ·W + δ·EFF + ε·DATA + ζ·SRV − penalties +
        bonuses`; AGR, CRB and DEV have no place in it. Whoever computes an income reads the coefficients at the block
        that it is computed for; every change is an event.
@custom:security The owner is meant to be a timelock. The contract holds no value and moves none.
@custom:kill Nothing here needs to be stopped: coefficients of 0 pay nothing.
"""


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: without an owner no coefficient could ever change.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev What a whole token of a utility adds to a home's income changed, in millionths of a GCM.
event CoefficientChanged:
    utility: indexed(uint8)
    old: uint64
    new: uint64


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The largest coefficient: 1,000 GCM a token.
COEFFICIENT_MAX: constant(uint64) = 1_000_000_000


# @dev Utility codes run from 1 (E) to 9 (DEV).
UTILITY_MAX: constant(uint256) = 9


# @dev The bits of E 1, H 2, W 3, SRV 5, DATA 7 and EFF 8.
_IN_INCOME: constant(uint256) = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 5) | (1 << 7) | (1 << 8)


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev utility → millionths of a GCM per whole token.
_coefficients: uint64[UTILITY_MAX + 1]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__():
    """
    @dev The deployer is the first owner. Every coefficient is 0.
    """
    ownable.__init__()
    ownable_2step.__init__()


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_coefficient(utility: uint8, coefficient: uint64):
    """
    @dev Sets what a whole token of a utility adds to a home's income from now on.
    @param utility The 1-byte utility code: E 1, H 2, W 3, SRV 5, DATA 7 or EFF 8.
    @param coefficient The coefficient in millionths of a GCM, at most 1,000 GCM.
    """
    ownable._check_owner()
    assert convert(utility, uint256) <= UTILITY_MAX, "home_policy: unknown utility"
    assert (_IN_INCOME >> convert(utility, uint256)) & 1 == 1, "home_policy: not part of a home's income"
    assert coefficient <= COEFFICIENT_MAX, "home_policy: coefficient out of bounds"
    old: uint64 = self._coefficients[utility]
    self._coefficients[utility] = coefficient
    log CoefficientChanged(utility=utility, old=old, new=coefficient)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def coefficients() -> uint64[UTILITY_MAX + 1]:
    """
    @dev Returns all coefficients; the utility code is the place, place 0 is empty.
    @return uint64[10] Millionths of a GCM per whole token.
    """
    return self._coefficients
