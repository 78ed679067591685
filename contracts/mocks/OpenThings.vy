# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-1155 that everybody may mint, with royalties and retirements
@custom:contract-name OpenThings
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only: what a marketplace needs of a collection and of certificates, and a collection that lies.
@custom:kill Never deployed outside tests.
"""


from snekmate.auth import ownable
from snekmate.tokens import erc1155

initializes: ownable
initializes: erc1155[ownable := ownable]

exports: (
    erc1155.balanceOf,
    erc1155.isApprovedForAll,
    erc1155.setApprovalForAll,
    erc1155.total_supply,
)


# @dev Whom and for what something was retired, as Certificates has it.
struct Use:
    beneficiary: address
    name: String[64]
    purpose: String[128]
    period_from: uint40
    period_until: uint40


event Retired:
    owner: indexed(address)
    id: uint256
    amount: uint256
    beneficiary: address


# @dev How many retirements there were.
retirements: public(uint256)


# @dev What `royaltyInfo` answers: a receiver as a word, and basis points that may be anything.
royalty_receiver: public(uint256)
royalty_bps: public(uint256)


# @dev True while transfers do nothing and say nothing.
lies: public(bool)


@deploy
def __init__():
    """
    @dev Nobody has any.
    """
    ownable.__init__()
    erc1155.__init__("")


@external
def give(account: address, id: uint256, amount: uint256):
    """
    @dev Makes tokens.
    @param account The 20-byte address.
    @param id The 32-byte id.
    @param amount How many.
    """
    erc1155._safe_mint(account, id, amount, b"")


@external
def set_royalty(receiver: uint256, bps: uint256):
    """
    @dev Sets what `royaltyInfo` answers.
    @param receiver The receiver as a word.
    @param bps The basis points.
    """
    self.royalty_receiver = receiver
    self.royalty_bps = bps


@external
def set_lies(lies: bool):
    """
    @dev Lets transfers do nothing, or again something.
    @param lies True for nothing.
    """
    self.lies = lies


@external
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Transfers as ERC-1155 has it, or only says so.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param id The 32-byte id.
    @param amount How many.
    @param data For the receiver.
    """
    assert owner == msg.sender or erc1155.isApprovedForAll[owner][msg.sender], "open_things: not approved"
    if not self.lies:
        erc1155._safe_transfer_from(owner, to, id, amount, data)


@external
def retire(owner: address, id: uint256, amount: uint256, use: Use) -> uint256:
    """
    @dev Destroys, for a beneficiary.
    @param owner The 20-byte address that holds it.
    @param id The 32-byte id.
    @param amount How many.
    @param use For whom and for what.
    @return uint256 The number of the retirement.
    """
    assert owner == msg.sender or erc1155.isApprovedForAll[owner][msg.sender], "open_things: not approved"
    erc1155._burn(owner, id, amount)
    self.retirements += 1
    log Retired(owner=owner, id=id, amount=amount, beneficiary=use.beneficiary)
    return self.retirements


@external
@view
def royaltyInfo(id: uint256, sale_price: uint256) -> (uint256, uint256):
    """
    @dev Answers what it was told to.
    @param id Ignored.
    @param sale_price The price.
    @return uint256 The receiver as a word.
    @return uint256 The royalty.
    """
    return self.royalty_receiver, sale_price * self.royalty_bps // 10_000
