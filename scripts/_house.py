# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The deployment file, and the contracts that it names: what deploy, verify and show share."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
from ape.contracts import ContractContainer
from eth_utils.address import to_checksum_address
from ethpm_types import ContractType

from scripts._chain import DEVELOPMENT, Chain, abi
from scripts._source import ROOT, compiled, paths

NOBODY = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class House:
    """The contracts of a deployment file on their chain. Contracts go by their names in the file."""

    chain: Chain
    entries: Mapping[str, Mapping[str, Any]]

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def source(self, name: str) -> str:
        """The contract that a name is made of."""
        return str(self.entries[name].get("source", name))

    def address(self, name: str) -> str:
        """Where it stands."""
        return str(self.entries[name]["address"])

    def read(self, name: str, function: str, *arguments: Any) -> Any:
        """What a view function answers; addresses have checksums, structs come by field."""
        return shown(self.chain.read(self.source(name), self.address(name), function, *arguments))

    def has(self, name: str, *functions: str) -> bool:
        """Whether a contract has functions of these names."""
        return all(function in abi(self.source(name)).functions for function in functions)

    def owned(self) -> list[str]:
        """The contracts that have an owner who may hand them over in two steps."""
        return [name for name in self if self.has(name, "accept_ownership", "owner")]

    def name_of(self, address: str) -> str:
        """A contract's name instead of its address, where it is one of ours."""
        return next((name for name in self if self.address(name) == address), address)

    def named(self, text: str) -> str:
        """A text with the contracts' names instead of their addresses."""
        for name in self:
            text = text.replace(f"'{self.address(name)}'", name).replace(self.address(name), name)
        return text


def shown(value: Any) -> Any:
    """A decoded value with addresses as people write them."""
    if isinstance(value, bytes) and len(value) == 20:
        return str(to_checksum_address(value))
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(shown(one) for one in value)
    return value


def read_deployment(path: Path) -> dict[str, Any]:
    """Read a deployment file. Raises ClickException if there is none."""
    try:
        made: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: no deployment can be read: {error}") from error
    return made


def write(path: Path, made: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(made, indent=1) + "\n")
    part.replace(path)


@cache
def container(name: str) -> ContractContainer:
    """A contract of the present source as Ape deploys it, or finds it at an address."""
    made = compiled(name)
    return ContractContainer(
        ContractType.model_validate(
            {
                "contractName": name,
                "sourceId": str(paths()[name].relative_to(ROOT)),
                "abi": made.abi,
                "deploymentBytecode": {"bytecode": "0x" + made.creation.hex()},
                "runtimeBytecode": {"bytecode": "0x" + made.runtime.hex()},
            }
        )
    )


def default_path(chain: Chain) -> Path:
    """Where a deployment file stands if nobody says otherwise: `local`, where every role looks, the network's name in Ape, or its
    chain id.
    """
    network = chain.provider.network
    named = network.name not in ("adhoc", "custom", "local")
    name = f"{network.ecosystem.name}-{network.name}" if named else str(chain.id)
    return ROOT / "deployments" / f"{'local' if chain.id == DEVELOPMENT else name}.json"
