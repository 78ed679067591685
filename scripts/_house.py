# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What deploy, verify and show share: the configuration, the deployment file, and the contracts at their addresses."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import click
import yaml
from ape.contracts import ContractContainer, ContractInstance
from eth_utils.address import is_address, to_checksum_address
from ethpm_types import ContractType

from scripts._source import ROOT, compiled, paths

ORDER = ("Guard", "Registry", "Oracle", "EnergyToken", "Treasury")
MODES = {"claimed": 1, "direct": 2, "pooled": 3}
SIGNERS_MAX = 32


class BadConfig(click.ClickException):
    """A configuration that cannot be deployed; the message names the field."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a deployment is meant to be. Addresses have checksums; `utilities` maps a code to a mode's name."""

    live: bool
    owner: str | None
    reserve_bps: int
    beneficiary: str
    base_uri: str
    faulty: int
    k: int
    signers: tuple[str, ...]
    utilities: Mapping[int, str]
    registrars: tuple[str, ...]
    guardians: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML or JSON file. Raises BadConfig for anything that the contracts would refuse, before gas is spent."""
        try:
            made = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise BadConfig(f"{path}: {error}") from error
        if not isinstance(made, dict):
            raise BadConfig(f"{path}: not a mapping of fields")
        if odd := set(made) ^ set(cls.__slots__):
            raise BadConfig(f"{path}: fields missing or unknown: {', '.join(sorted(map(str, odd)))}")
        try:
            config = cls(
                live=_flag(made["live"], "live"),
                owner=None if made["owner"] is None else _address(made["owner"], "owner"),
                reserve_bps=int(made["reserve_bps"]),
                beneficiary=_address(made["beneficiary"], "beneficiary"),
                base_uri=str(made["base_uri"]),
                faulty=int(made["faulty"]),
                k=int(made["k"]),
                signers=tuple(sorted(_addresses(made["signers"], "signers"), key=lambda a: int(a, 16))),
                utilities={int(code): str(mode) for code, mode in made["utilities"].items()},
                registrars=_addresses(made["registrars"], "registrars"),
                guardians=_addresses(made["guardians"], "guardians"),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise BadConfig(f"{path}: {error}") from error
        config._check(path)
        return config

    def _check(self, path: Path) -> None:
        n = len(self.signers)
        rules = (
            (100 <= self.reserve_bps <= 300, "reserve_bps: 100 to 300"),
            (1 <= n <= SIGNERS_MAX, f"signers: 1 to {SIGNERS_MAX}"),
            (
                0 <= self.faulty < n and self.k <= n and 2 * self.k > n + self.faulty,
                "k: more than (signers + faulty) / 2",
            ),
            (all(1 <= code <= 9 for code in self.utilities), "utilities: codes are 1 to 9"),
            (all(mode in MODES for mode in self.utilities.values()), f"utilities: modes are {', '.join(MODES)}"),
            (len(self.base_uri) <= 80, "base_uri: at most 80 characters"),
        )
        for holds, message in rules:
            if not holds:
                raise BadConfig(f"{path}: {message}")

    def public(self) -> dict[str, Any]:
        """The configuration as the deployment file records it."""
        return {**asdict(self), "utilities": {str(code): mode for code, mode in self.utilities.items()}}


def read_deployment(path: Path) -> dict[str, Any]:
    """Read a deployment file. Raises ClickException if there is none."""
    try:
        made: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: no deployment can be read: {error}") from error
    return made


@cache
def container(name: str) -> ContractContainer:
    """A contract of the present source, ready to deploy or to be found at an address."""
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


def instances(deployment: Mapping[str, Any]) -> dict[str, ContractInstance]:
    """The deployed contracts by name."""
    return {name: container(name).at(entry["address"]) for name, entry in deployment["contracts"].items()}


def default_path(chain_id: int) -> Path:
    """Where a deployment file stands if nobody says otherwise."""
    return ROOT / "deployments" / ("development.json" if chain_id == 31337 else f"{chain_id}.json")


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{field}: true or false")
    return value


def _address(value: object, field: str) -> str:
    # YAML reads an address without quotes as a number.
    text = f"0x{value:040x}" if isinstance(value, int) else str(value)
    if not is_address(text) or int(text, 16) == 0:
        raise ValueError(f"{field}: {text} is not an address")
    return str(to_checksum_address(text))


def _addresses(values: object, field: str) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{field}: a list")
    found = tuple(_address(value, field) for value in values)
    if len(set(found)) != len(found):
        raise ValueError(f"{field}: an address stands twice")
    return found
