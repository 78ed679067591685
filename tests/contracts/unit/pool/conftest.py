# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A pool of energy against money, with its own Guard, and people who hold both and approved it."""

from dataclasses import dataclass

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import E

KWH, GCM = 10**9, 10**18
LATE = 2**64
LP_BPS, TREASURY_BPS = 25, 5


@dataclass(frozen=True)
class Market:
    """The pool and what it knows."""

    pool: ContractInstance
    energy: ContractInstance
    money: ContractInstance
    guard: ContractInstance

    def holding(self, account: object) -> tuple[int, int]:
        """Energy and money of somebody."""
        return self.energy.balanceOf(account, E), self.money.balanceOf(account)


@pytest.fixture(scope="session")
def market(
    accounts: list[AccountAPI], guardian: AccountAPI, beneficiary: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> Market:
    """An empty pool. Its owner is nobody from the house, so that the house's nonces stay as they are."""
    deployer = accounts[9]
    guard = deployer.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=deployer)
    energy = deployer.deploy(container("EnergyToken"), deployer, guard, "")
    money = deployer.deploy(container("FuzzMoney"))
    pool = deployer.deploy(
        container("Pool"), energy, E, money, guard, beneficiary, LP_BPS, TREASURY_BPS, "GreenCore E/GCM", "GC-E"
    )
    for holder in (prosumer, buyer):
        energy.mint(holder, E, 5_000 * KWH, sender=deployer)
        money.mint(holder, 20_000 * GCM, sender=deployer)
        energy.setApprovalForAll(pool, True, sender=holder)
        money.approve(pool, 2**256 - 1, sender=holder)
    return Market(pool, energy, money, guard)


@pytest.fixture(scope="session")
def pool_owner(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns the pool and its Guard."""
    return accounts[9]


@pytest.fixture
def filled(market: Market, prosumer: AccountAPI) -> Market:
    """The pool with 1,000 kWh against 6,000 GCM of the prosumer's."""
    market.pool.add_liquidity(1_000 * KWH, 6_000 * GCM, 0, prosumer, LATE, sender=prosumer)
    return market
