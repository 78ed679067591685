# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""HomePolicy: coefficients of a home's income, set by the owner within bounds."""

from ape.api import AccountAPI

from tests.contracts.house import Contracts, refuses


def test_set_coefficient(contracts: Contracts, owner: AccountAPI) -> None:
    """All six of the formula; the log has before and after; the others stay 0."""
    homes = contracts.homes
    assert list(homes.coefficients()) == [0] * 10
    for utility in (1, 2, 3, 5, 7, 8):
        homes.set_coefficient(utility, utility * 1_000, sender=owner)

    receipt = homes.set_coefficient(1, 10**9, sender=owner)

    (changed,) = receipt.decode_logs(homes.CoefficientChanged)
    assert (changed.utility, changed.old, changed.new) == (1, 1_000, 10**9)
    assert list(homes.coefficients()) == [0, 10**9, 2_000, 3_000, 0, 5_000, 0, 7_000, 8_000, 0]


def test_set_coefficient__bad__reverts(contracts: Contracts, owner: AccountAPI, stranger: AccountAPI) -> None:
    """AGR, CRB and DEV are no part of the formula."""
    method = contracts.homes.set_coefficient
    for utility in (0, 4, 6, 9):
        refuses("home_policy: not part of a home's income", method, utility, 1, sender=owner)
    refuses("home_policy: unknown utility", method, 10, 1, sender=owner)
    refuses("home_policy: coefficient out of bounds", method, 1, 10**9 + 1, sender=owner)
    refuses("ownable: caller is not the owner", method, 1, 1, sender=stranger)
