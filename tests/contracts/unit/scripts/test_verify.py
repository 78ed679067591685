# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The verify script finds foreign code, foreign wiring and foreign parameters; on a true deployment it finds nothing."""

import copy
from typing import Any

import pytest
from ape import networks
from ape.contracts import ContractInstance
from eth_hash.auto import keccak

from scripts._chain import Chain
from scripts._house import House
from scripts._source import deployables, immutables
from scripts._specs import USUAL, parameters
from scripts.verify import (
    DERIVED,
    FREE,
    PARAMETERS,
    code_differences,
    config_differences,
    creation_differences,
    wiring_differences,
)
from tests.contracts.house import RESERVE_BPS, Contracts, addresses, node_keys


@pytest.fixture
def deployment(contracts: Contracts, beneficiary: Any) -> dict[str, Any]:
    """A deployment file of the contracts under test."""
    house = {
        "Guard": contracts.guard,
        "Registry": contracts.registry,
        "Oracle": contracts.oracle,
        "EnergyToken": contracts.token,
        "Treasury": contracts.treasury,
        "HomePolicy": contracts.homes,
    }
    values = {
        "live_": False,
        "base_uri": "https://greencore.example/token/",
        "reserve_bps_": RESERVE_BPS,
        "beneficiary_": str(beneficiary.address),
    }
    return {
        "contracts": {name: _entry(name, contract, house, values) for name, contract in house.items()},
        "config": {
            "live": False,
            "k": 3,
            "signers": addresses(node_keys(4)),
            "utilities": {"1": "claimed", "2": "direct", "3": "pooled"},
        },
    }


def _entry(
    name: str, contract: ContractInstance, house: dict[str, ContractInstance], values: dict[str, Any]
) -> dict[str, Any]:
    refs = {one: USUAL[one] for one in parameters(name) if one in USUAL}
    return {
        "address": contract.address,
        "codeHash": "0x" + keccak(bytes(networks.provider.get_code(contract.address))).hex(),
        "tx": contract.creation_metadata.receipt.txn_hash,
        "args": [house[refs[one]].address if one in refs else values[one] for one in parameters(name)],
        "refs": refs,
    }


def differences(deployment: dict[str, Any]) -> list[str]:
    """All that verify would print."""
    house = House(Chain(networks.provider), deployment["contracts"])
    found = list(code_differences(house)) or list(creation_differences(house, []))
    return found or [*wiring_differences(house), *config_differences(house, deployment["config"])]


def test_verify__true_deployment(deployment: dict[str, Any]) -> None:
    """Nothing to say."""
    assert differences(deployment) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("contracts", "Oracle", "codeHash"), "0x" + "0" * 64, "Oracle: the code on chain is not the code"),
        (("contracts", "Guard", "address"), "0x" + "1" * 40, "Guard: no code"),
        (("contracts", "Oracle", "args", 0), "0x" + "1" * 40, "Oracle: it was made by other bytes"),
        (("contracts", "Treasury", "refs", "guard_"), "Registry", "Treasury.guard: Guard instead of Registry"),
        (("config", "live"), True, "Registry.live"),
        (("config", "k"), 4, "signatures instead of 4"),
        (("config", "signers"), [], "not the signers"),
        (("config", "utilities"), {"1": "direct"}, "Oracle.mode_of"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_verify__difference__is_named(
    deployment: dict[str, Any], path: tuple[Any, ...], value: Any, message: str
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

    house = House(Chain(networks.provider), contracts)
    assert [line.split(":")[0] for line in code_differences(house)] == ["Guard", "Registry"]


def test_immutables__all_are_compared() -> None:
    """Every immutable that a contract tells of is a constructor's argument, another contract, or said to be neither."""
    for name in deployables():
        for getter in immutables(name):
            parameter = PARAMETERS.get((name, getter), getter + "_")
            known = parameter in parameters(name) or parameter in USUAL
            assert known or (name, getter) in DERIVED or (name, getter) in FREE, f"{name}.{getter}"
