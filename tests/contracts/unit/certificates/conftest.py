# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The house with certificates: photovoltaic plants may be certified, one validator is appointed."""

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.certificates import LIFETIME, Desk
from tests.contracts.house import Contracts, E, House


@pytest.fixture(scope="session")
def validator(accounts: list[AccountAPI]) -> AccountAPI:
    """Checks certificates against the reports they cite."""
    return accounts[9]


@pytest.fixture(scope="session")
def certificates(two_stations: Contracts, owner: AccountAPI, validator: AccountAPI) -> ContractInstance:
    """The contract, with its officers."""
    made = owner.deploy(container("Certificates"), two_stations.treasury, two_stations.guard, LIFETIME)
    made.name_technology(E, 1, "photovoltaic", sender=owner)
    made.set_validator(validator, True, sender=owner)
    return made


@pytest.fixture
def desk(house: House, certificates: ContractInstance, prosumer: AccountAPI, validator: AccountAPI) -> Desk:
    """One test's view."""
    return Desk(house, certificates, prosumer, validator)
