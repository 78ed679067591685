# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 that keeps a part of what is moved
@custom:contract-name TaxedCoin
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. Anybody may mint; until a tax is set it is an honest ERC-20 with permit.
@custom:kill Never deployed outside tests.
"""


from ethereum.ercs import IERC20
from snekmate.auth import ownable
from snekmate.tokens import erc20

implements: IERC20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.balanceOf,
    erc20.allowance,
    erc20.totalSupply,
    erc20.approve,
    erc20.transfer,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
)


# @dev What every `transferFrom` burns of the amount.
tax: public(uint256)


@deploy
def __init__():
    """
    @dev Nobody has any.
    """
    ownable.__init__()
    erc20.__init__("Taxed coin", "TAX", 18, "Taxed coin", "1")


@external
def give(account: address, amount: uint256):
    """
    @dev Makes tokens.
    @param account The 20-byte address.
    @param amount The amount.
    """
    erc20._mint(account, amount)


@external
def set_tax(tax: uint256):
    """
    @dev Sets what every `transferFrom` burns.
    @param tax The amount.
    """
    self.tax = tax


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of an owner who approved the caller, less the tax.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount.
    @return bool True.
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount - self.tax)
    if self.tax != 0:
        erc20._burn(owner, self.tax)
    return True
