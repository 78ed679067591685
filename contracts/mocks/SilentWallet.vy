# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A wallet with code and without hook
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice For tests only. Like an account that delegated its code (EIP-7702) to a wallet that knows nothing of ERC-1155:
        every unknown call succeeds and answers nothing.
@custom:kill Never deployed outside tests.
"""


@external
def call(target: address, data: Bytes[1_024]):
    """
    @dev Calls on behalf of this contract, so that tests can act as it.
    @param target The 20-byte address of the contract to call.
    @param data The call's data.
    """
    raw_call(target, data)


@external
@payable
def __default__():
    """
    @dev Answers nothing.
    """
    pass
