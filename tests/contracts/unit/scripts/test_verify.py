# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The verify script finds foreign code, foreign wiring and foreign parameters; on a true deployment it finds nothing."""

import copy
from typing import Any

import pytest
from ape import networks
from eth_hash.auto import keccak

from scripts._house import instances
from scripts.verify import code_differences, config_differences, wiring_differences
from tests.contracts.house import Contracts, addresses, node_keys


@pytest.fixture
def deployment(contracts: Contracts) -> dict[str, Any]:
    """A deployment file of the contracts under test."""
    house = {
        "Guard": contracts.guard,
        "Registry": contracts.registry,
        "Oracle": contracts.oracle,
        "EnergyToken": contracts.token,
        "Treasury": contracts.treasury,
        "HomePolicy": contracts.homes,
    }
    return {
        "contracts": {
            name: {
                "address": contract.address,
                "codeHash": "0x" + keccak(bytes(networks.provider.get_code(contract.address))).hex(),
            }
            for name, contract in house.items()
        },
        "config": {
            "live": False,
            "k": 3,
            "signers": addresses(node_keys(4)),
            "utilities": {"1": "claimed", "2": "direct", "3": "pooled"},
        },
    }


def differences(deployment: dict[str, Any]) -> list[str]:
    """All that verify would print."""
    found = list(code_differences(deployment))
    house = instances(deployment)
    return found or [*wiring_differences(house), *config_differences(house, deployment["config"])]


def test_verify__true_deployment(deployment: dict[str, Any]) -> None:
    """Nothing to say."""
    assert differences(deployment) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("contracts", "Oracle", "codeHash"), "0x" + "0" * 64, "Oracle: the code on chain is not the code"),
        (("contracts", "Guard", "address"), "0x" + "1" * 40, "Guard: no code"),
        (("config", "live"), True, "Registry.live"),
        (("config", "k"), 4, "signatures instead of 4"),
        (("config", "signers"), [], "not the signers"),
        (("config", "utilities"), {"1": "direct"}, "Oracle.mode_of"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_verify__difference__is_named(
    deployment: dict[str, Any], path: tuple[str, ...], value: Any, message: str
) -> None:
    """One thing changed, one line."""
    changed = copy.deepcopy(deployment)
    *way, last = path
    place = changed
    for step in way:
        place = place[step]
    place[last] = value

    (line,) = differences(changed)
    assert message in line


def test_verify__swapped_contracts__are_named(deployment: dict[str, Any]) -> None:
    """Two contracts of the house in each other's place are not the source's code."""
    changed = copy.deepcopy(deployment)
    contracts = changed["contracts"]
    contracts["Guard"], contracts["Registry"] = contracts["Registry"], contracts["Guard"]

    assert [line.split(":")[0] for line in code_differences(changed)] == ["Guard", "Registry"]
