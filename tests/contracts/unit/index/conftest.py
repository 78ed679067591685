# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Index and coin over utility tokens that an account mints as it likes."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import Contracts

Fill = Callable[[AccountAPI, int, int], None]


@dataclass(frozen=True)
class Money:
    """What the tests of index and coin hold in hand."""

    guard: ContractInstance
    token: ContractInstance
    gcm: ContractInstance
    gcc: ContractInstance


@pytest.fixture(scope="session")
def minter(accounts: list[AccountAPI]) -> AccountAPI:
    """Stands for the Treasury of these tokens."""
    return accounts[9]


@pytest.fixture(scope="session")
def money(contracts: Contracts, owner: AccountAPI, minter: AccountAPI) -> Money:
    """Freshly deployed: nothing deposited, nobody may convert."""
    token = owner.deploy(container("EnergyToken"), minter, contracts.guard, "")
    gcm = owner.deploy(container("GCM"), token, contracts.registry, contracts.guard)
    gcc = owner.deploy(container("GCC"), gcm, contracts.guard)
    return Money(contracts.guard, token, gcm, gcc)


@pytest.fixture
def give(money: Money, minter: AccountAPI) -> Fill:
    """Mints class tokens to an account: (account, utility, amount)."""
    return lambda account, utility, amount: money.token.mint(account, utility, amount, sender=minter)


@pytest.fixture
def pay_in(money: Money, give: Fill) -> Fill:
    """Mints class tokens to an account, which deposits them by a plain transfer: (account, utility, amount)."""

    def fill(account: AccountAPI, utility: int, amount: int) -> None:
        give(account, utility, amount)
        money.token.safeTransferFrom(account, money.gcm, utility, amount, b"", sender=account)

    return fill
