# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The obvious way to mint energy, to be measured against
@custom:contract-name NaiveEnergy
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A bench's baseline only: an ERC-1155 with an id per interval. `mint_batch` does as little as the standard lets
        it: a balance per id and one log, no supply, no receiver's hook, and nothing of what the Oracle and the Treasury
        check.
@custom:kill Nothing to stop: it is never deployed outside a bench.
"""


from snekmate.auth import ownable
from snekmate.tokens import erc1155
from snekmate.tokens.interfaces import IERC1155

initializes: ownable
initializes: erc1155[ownable := ownable]

exports: erc1155.balanceOf


@deploy
def __init__():
    """
    @dev The deployer mints.
    """
    ownable.__init__()
    erc1155.__init__("")


@external
def mint_batch(to: address, ids: DynArray[uint256, 128], amounts: DynArray[uint256, 128]):
    """
    @dev Credits new tokens of several ids. Owner only.
    @param to The 20-byte address that is credited.
    @param ids The 32-byte ids.
    @param amounts The amounts, in the order of the ids.
    """
    ownable._check_owner()
    assert len(ids) == len(amounts), "naive_energy: ids and amounts length mismatch"
    for i: uint256 in range(len(ids), bound=128):
        erc1155.balanceOf[to][ids[i]] += amounts[i]
    log IERC1155.TransferBatch(_operator=msg.sender, _from=empty(address), _to=to, _ids=ids, _values=amounts)
