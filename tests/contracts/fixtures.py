# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The deployed house and the people around it, for the Ape lane. Everybody is named by a role."""

from collections.abc import Callable

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import (
    BARN,
    CLAIMED,
    DIRECT,
    POOLED,
    RATED_W,
    RESERVE_BPS,
    ROOF,
    SLOT,
    Contracts,
    E,
    H,
    House,
    W,
    addresses,
    node_keys,
)
from tests.contracts.nonces import address_after


@pytest.fixture(scope="session")
def owner(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns every contract that has an owner."""
    return accounts[0]


@pytest.fixture(scope="session")
def registrar(accounts: list[AccountAPI]) -> AccountAPI:
    """Enters stations and meters."""
    return accounts[1]


@pytest.fixture(scope="session")
def guardian(accounts: list[AccountAPI]) -> AccountAPI:
    """Stops and freezes."""
    return accounts[2]


@pytest.fixture(scope="session")
def beneficiary(accounts: list[AccountAPI]) -> AccountAPI:
    """Gets the reserve."""
    return accounts[3]


@pytest.fixture(scope="session")
def relayer(accounts: list[AccountAPI]) -> AccountAPI:
    """Brings reports and claims; nobody in particular."""
    return accounts[4]


@pytest.fixture(scope="session")
def prosumer(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns the roof."""
    return accounts[5]


@pytest.fixture(scope="session")
def neighbour(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns the barn."""
    return accounts[6]


@pytest.fixture(scope="session")
def buyer(accounts: list[AccountAPI]) -> AccountAPI:
    """Buys tokens, or a station."""
    return accounts[7]


@pytest.fixture(scope="session")
def stranger(accounts: list[AccountAPI]) -> AccountAPI:
    """Has no role and tries anyway."""
    return accounts[8]


@pytest.fixture(scope="session")
def contracts(owner: AccountAPI, registrar: AccountAPI, guardian: AccountAPI, beneficiary: AccountAPI) -> Contracts:
    """The six contracts with four nodes, a claimed, a direct and a pooled utility, and two rightful officers."""
    # Setting up takes seconds. Begun at the end of a slot it would end in the next one, and what the tests count from
    # the stations' beginning would be a slot longer for one run in a hundred.
    ape.chain.mine(timestamp=(int(ape.chain.blocks.head.timestamp) // SLOT + 1) * SLOT)
    # The Oracle and the token are made for the address that the Treasury will have.
    treasury_address = address_after(owner, 4)
    guard = owner.deploy(container("Guard"))
    registry = owner.deploy(container("Registry"), False)
    oracle = owner.deploy(container("Oracle"), registry, treasury_address, guard)
    token = owner.deploy(container("EnergyToken"), treasury_address, guard, "https://greencore.example/token/")
    treasury = owner.deploy(container("Treasury"), registry, oracle, token, guard, RESERVE_BPS, beneficiary)
    oracle.rotate(addresses(node_keys(4)), 3, 1, 0, 0, sender=owner)
    for utility, mode in ((E, CLAIMED), (H, DIRECT), (W, POOLED)):
        oracle.open_utility(utility, mode, sender=owner)
    registry.set_registrar(registrar, True, sender=owner)
    guard.set_guardian(guardian, True, sender=owner)
    homes = owner.deploy(container("HomePolicy"))
    return Contracts(guard, registry, oracle, token, treasury, homes)


@pytest.fixture(scope="session")
def two_stations(contracts: Contracts, registrar: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI) -> Contracts:
    """The house with a roof and a barn of 10 kW each."""
    contracts.registry.register_station(ROOF, prosumer, RATED_W, 1, True, sender=registrar)
    contracts.registry.register_station(BARN, neighbour, RATED_W, 1, True, sender=registrar)
    return contracts


@pytest.fixture
def house(two_stations: Contracts, relayer: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI) -> House:
    """A fresh view of the house: nothing reported yet, one slot gone by."""
    house = House(two_stations, relayer, node_keys(4))
    for utility in (E, H):
        house.join(ROOF, prosumer, utility=utility)
        house.join(BARN, neighbour, utility=utility)
    house.next_slot()
    return house


@pytest.fixture
def pause(contracts: Contracts, guardian: AccountAPI) -> Callable[[ContractInstance], None]:
    """Stops a contract."""
    return lambda target: contracts.guard.pause(target, sender=guardian)
