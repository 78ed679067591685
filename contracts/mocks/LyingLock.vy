# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A lock in which everybody has as much as all together
@custom:contract-name LyingLock
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only.
@custom:kill Never deployed outside tests.
"""


@external
@view
def area(account: address, time: uint256) -> uint256:
    """
    @dev Everybody's area is the time.
    @param account Ignored.
    @param time The second.
    @return uint256 The same.
    """
    return time


@external
@view
def since(account: address) -> uint256:
    """
    @dev Everybody was there from the beginning.
    @param account Ignored.
    @return uint256 One.
    """
    return 1


@external
@view
def token() -> address:
    """
    @dev Locks itself.
    @return address This.
    """
    return self
