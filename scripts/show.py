# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Print who owns a deployment, how it is set and what it has done.

ape run show --network http://127.0.0.1:8545 --deployment deployments/development.json

Not called `inspect`, because a module of that name in a script folder hides the standard library's.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from ape import networks
from ape.cli import ConnectedProviderCommand
from ape.contracts import ContractInstance

from scripts._house import MODES, OWNED, default_path, instances, read_deployment

MODE_NAMES = {number: name for name, number in MODES.items()}
NO_ADDRESS = "0x" + "0" * 40


def owners(house: Mapping[str, ContractInstance]) -> Iterator[str]:
    """Who owns each contract, and who may take it over."""
    for name in OWNED:
        pending = house[name].pending_owner()
        yield f"{name:<12} owner {house[name].owner()}" + ("" if pending == NO_ADDRESS else f", pending {pending}")
    yield "EnergyToken  nobody owns it"


def parameters(house: Mapping[str, ContractInstance]) -> Iterator[str]:
    """How the house is set."""
    registry, oracle, treasury = house["Registry"], house["Oracle"], house["Treasury"]
    epoch = oracle.epoch()
    signers = oracle.signer_set(epoch)
    yield f"live {registry.live()}, rated power {registry.total_rated_w():,} W"
    yield f"signer epoch {epoch}: {signers.k} signatures, from slot {signers.from_slot}, set {bytes(signers.hash).hex()}"
    yield f"challenge delay {oracle.challenge_delay()} s"
    yield "income " + ", ".join(
        f"{code}: {coefficient / 1_000_000} GCM"
        for code, coefficient in enumerate(house["HomePolicy"].coefficients())
        if code
    )
    yield f"reserve {treasury.reserve_bps() / 100:.2f} % to {treasury.beneficiary()}"
    stopped = [name for name in ("Oracle", "Treasury", "EnergyToken") if house[name].paused()]
    yield f"stopped: {', '.join(stopped) or 'nothing'}"


def utilities(house: Mapping[str, ContractInstance]) -> Iterator[str]:
    """What was reported and minted, per open utility."""
    oracle, treasury, token = house["Oracle"], house["Treasury"], house["EnergyToken"]
    for utility in range(1, 10):
        mode = oracle.mode_of(utility)
        if mode:
            head = oracle.head(utility)
            yield (
                f"utility {utility} ({MODE_NAMES[mode]}): {head.reports} reports up to slot {head.slot},"
                f" signed {head.total:,} µWh, settled {treasury.minted(utility):,},"
                f" reserve waiting {treasury.reserve(utility):,}, supply {token.total_supply(utility):,}"
                f"{_rate(oracle, 'grid', utility)}{_rate(treasury, 'station', utility)}"
            )


def _rate(contract: ContractInstance, whose: str, utility: int) -> str:
    own, base_w, share_ppm = contract.rate_of(utility)
    return f", {whose} rate {base_w:,} W and {share_ppm:,} ppm of the rated power" if own else ""


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--deployment", "path", type=click.Path(path_type=Path), envvar="GREENCORE_DEPLOYMENT", help="The file to read."
)
def cli(path: Path | None) -> None:
    """Print the live parameters of a deployment."""
    chain_id = networks.provider.chain_id
    house = instances(read_deployment(path or default_path(chain_id)))
    click.echo(f"chain {chain_id}")
    for line in (*owners(house), *parameters(house), *utilities(house)):
        click.echo(line)
