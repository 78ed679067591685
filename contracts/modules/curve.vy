# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What a constant-product pool takes and gives, with its fee in money
@custom:contract-name curve
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice With reserves E and M, and fee f:
          sell x energy     gross = ⌊M·x / (E + x)⌋, the seller gets gross − ⌈gross·f⌉
          sell for y money  gross = ⌈y / (1 − f)⌉, the seller gives ⌈E·gross / (M − gross)⌉
          buy x energy      net = ⌈M·x / (E − x)⌉, the buyer gives ⌈net / (1 − f)⌉
          buy with y money  net = y − ⌈y·f⌉, the buyer gets ⌊E·net / (M + net)⌋
        Every rounding is in the pool's favour. What can't be is answered with 0. Reserves are not 0; they and all
        amounts are at most `MAX`, fees at most 1 %, so that nothing leaves 256 bits. A pool trades by it, and a router
        weighs by it what a pool would do.
"""


from snekmate.utils import math


# @dev The largest reserve and the largest amount: a product of two and 10,000 still fits 256 bits.
MAX: constant(uint256) = (1 << 112) - 1


# @dev The whole of a fee, in hundredths of a per cent.
BPS: constant(uint256) = 10_000


@deploy
def __init__():
    """
    @dev The module keeps no state.
    """
    pass


@internal
@pure
def _sell(energy_reserve: uint256, money_reserve: uint256, fee_bps: uint256, energy: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of energy goes in.
    @param energy_reserve The energy in the pool, µWh.
    @param money_reserve The money in the pool.
    @param fee_bps The fee in hundredths of a per cent.
    @param energy The energy in µWh.
    @return uint256 The money that goes out; 0 if it is too little to pay for.
    @return uint256 The same before the fee.
    """
    gross: uint256 = money_reserve * energy // (energy_reserve + energy)
    return gross - math._ceil_div(gross * fee_bps, BPS), gross


@internal
@pure
def _sell_for(energy_reserve: uint256, money_reserve: uint256, fee_bps: uint256, paid: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of money goes out.
    @param energy_reserve The energy in the pool, µWh.
    @param money_reserve The money in the pool.
    @param fee_bps The fee in hundredths of a per cent.
    @param paid The money, not 0.
    @return uint256 The energy that goes in, in µWh; 0 if the pool has too little money.
    @return uint256 The money before the fee.
    """
    gross: uint256 = math._ceil_div(paid * BPS, BPS - fee_bps)
    if gross >= money_reserve:
        return 0, gross
    return math._ceil_div(energy_reserve * gross, money_reserve - gross), gross


@internal
@pure
def _buy(energy_reserve: uint256, money_reserve: uint256, fee_bps: uint256, energy: uint256) -> uint256:
    """
    @dev An exact amount of energy goes out.
    @param energy_reserve The energy in the pool, µWh.
    @param money_reserve The money in the pool.
    @param fee_bps The fee in hundredths of a per cent.
    @param energy The energy in µWh, not 0.
    @return uint256 The money that goes in; 0 if the pool has too little energy.
    """
    if energy >= energy_reserve:
        return 0
    net: uint256 = math._ceil_div(money_reserve * energy, energy_reserve - energy)
    return math._ceil_div(net * BPS, BPS - fee_bps)


@internal
@pure
def _buy_with(energy_reserve: uint256, money_reserve: uint256, fee_bps: uint256, given: uint256) -> uint256:
    """
    @dev An exact amount of money goes in.
    @param energy_reserve The energy in the pool, µWh.
    @param money_reserve The money in the pool.
    @param fee_bps The fee in hundredths of a per cent.
    @param given The money.
    @return uint256 The energy that goes out, in µWh; 0 if it is too little to hand over.
    """
    net: uint256 = given - math._ceil_div(given * fee_bps, BPS)
    return energy_reserve * net // (money_reserve + net)
