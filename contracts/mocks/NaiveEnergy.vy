# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The obvious way to mint energy, to be measured against
@custom:contract-name NaiveEnergy
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A bench's baseline only: an ERC-1155 with an id per interval, minted by an owner through snekmate's
        `safe_mint` and `safe_mint_batch`. It checks nothing that the Oracle and the Treasury check.
@custom:kill Nothing to stop: it is never deployed outside a bench.
"""


from snekmate.auth import ownable
from snekmate.tokens import erc1155

initializes: ownable
initializes: erc1155[ownable := ownable]

exports: (
    erc1155.balanceOf,
    erc1155.total_supply,
    erc1155.safe_mint,
    erc1155.safe_mint_batch,
)


@deploy
def __init__():
    """
    @dev The deployer mints.
    """
    ownable.__init__()
    erc1155.__init__("")
