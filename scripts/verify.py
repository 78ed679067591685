# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Compare a deployment with what this source compiles to, and check that the contracts know each other.

ape run verify --network http://127.0.0.1:8545 --deployment deployments/development.json

Needs no key. Exits 1 and names every difference. Immutables stand behind a Vyper contract's code, so the code is
compared up to them and they are asked for through their getters.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from ape import networks
from ape.cli import ConnectedProviderCommand
from ape.contracts import ContractInstance
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address

from scripts._house import MODES, ORDER, default_path, instances, read_deployment
from scripts._source import compiled

WIRING = {
    ("Oracle", "registry"): "Registry",
    ("Oracle", "treasury"): "Treasury",
    ("Oracle", "guard"): "Guard",
    ("EnergyToken", "treasury"): "Treasury",
    ("EnergyToken", "guard"): "Guard",
    ("Treasury", "registry"): "Registry",
    ("Treasury", "oracle"): "Oracle",
    ("Treasury", "token"): "EnergyToken",
    ("Treasury", "guard"): "Guard",
}


def code_differences(deployment: Mapping[str, Any]) -> Iterator[str]:
    """Compare the code on chain with the file's hash and with the compiled source."""
    for name in ORDER:
        entry = deployment["contracts"].get(name)
        if entry is None:
            yield f"{name}: not in the file"
            continue
        code = bytes(networks.provider.get_code(entry["address"]))
        if not code:
            yield f"{name}: no code at {entry['address']}"
        elif "0x" + keccak(code).hex() != entry["codeHash"]:
            yield f"{name}: the code on chain is not the code that the file recorded"
        elif not code.startswith(compiled(name).runtime):
            yield f"{name}: the code on chain is not what this source compiles to"


def wiring_differences(house: Mapping[str, ContractInstance]) -> Iterator[str]:
    """Check every address that one contract holds of another."""
    for (name, getter), target in WIRING.items():
        found = getattr(house[name], getter)()
        if found != house[target].address:
            yield f"{name}.{getter}: {found} instead of {target} at {house[target].address}"


def config_differences(house: Mapping[str, ContractInstance], config: Mapping[str, Any]) -> Iterator[str]:
    """Check what cannot change after deployment, and say what has changed since."""
    if house["Registry"].live() != config["live"]:
        yield f"Registry.live: {house['Registry'].live()} instead of {config['live']}"
    for code, mode in config["utilities"].items():
        found = house["Oracle"].mode_of(int(code))
        if found != MODES[mode]:
            yield f"Oracle.mode_of({code}): {found} instead of {MODES[mode]} ({mode})"
    signers = [to_canonical_address(signer) for signer in config["signers"]]
    first = house["Oracle"].signer_set(1)
    if bytes(first.hash) != keccak(encode(["address[]"], [signers])):
        yield "Oracle.signer_set(1): not the signers of the configuration"
    if first.k != config["k"]:
        yield f"Oracle.signer_set(1): {first.k} signatures instead of {config['k']}"


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--deployment", "path", type=click.Path(path_type=Path), envvar="GREENCORE_DEPLOYMENT", help="The file to verify."
)
def cli(path: Path | None) -> None:
    """Verify a deployment; exit 1 on any difference."""
    chain_id = networks.provider.chain_id
    deployment = read_deployment(path or default_path(chain_id))
    if deployment["chainId"] != chain_id:
        raise click.ClickException(f"the file describes chain {deployment['chainId']}, this is chain {chain_id}")
    found = list(code_differences(deployment))
    if not found:
        house = instances(deployment)
        found = [*wiring_differences(house), *config_differences(house, deployment["config"])]
    for difference in found:
        click.echo(difference)
    if found:
        raise SystemExit(1)
    click.echo(f"{len(ORDER)} contracts on chain {chain_id}: code, wiring and fixed parameters are as deployed")
