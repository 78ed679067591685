# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-721 that everybody may mint
@custom:contract-name OpenDeeds
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. It knows nothing of royalties.
@custom:kill Never deployed outside tests.
"""


from snekmate.auth import ownable
from snekmate.tokens import erc721

initializes: ownable
initializes: erc721[ownable := ownable]

exports: (
    erc721.balanceOf,
    erc721.ownerOf,
    erc721.approve,
    erc721.setApprovalForAll,
    erc721.isApprovedForAll,
    erc721.transferFrom,
    erc721.safeTransferFrom,
)


@deploy
def __init__():
    """
    @dev Nobody has any.
    """
    ownable.__init__()
    erc721.__init__("Open deeds", "DEED", "", "Open deeds", "1")


@external
def give(account: address, id: uint256):
    """
    @dev Makes one.
    @param account The 20-byte address.
    @param id The 32-byte id.
    """
    erc721._mint(account, id)
