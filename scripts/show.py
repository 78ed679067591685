# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Inspect a deployment: who owns what, who holds which office, how everything is set, and what it has done.

ape run show --network http://127.0.0.1:8545 --deployment deployments/local.json

Not called `inspect`, because a module of that name in a script folder hides the standard library's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from ape import networks
from ape.cli import ConnectedProviderCommand

from scripts._chain import Chain
from scripts._config import MODES
from scripts._house import NOBODY, House, default_path, read_deployment
from scripts._markets import BOOK, ROUND, markets
from scripts._offices import holders
from scripts._source import compiled

MODE_NAMES = {number: name for name, number in MODES.items()}
# Said elsewhere, or the same for ever and for everybody.
DULL = frozenset({"owner", "pending_owner", "paused", "DOMAIN_SEPARATOR", "eip712Domain", "name", "symbol", "decimals"})


def owners(house: House) -> Iterator[str]:
    """Who owns each contract, and who may take it over."""
    owned = house.owned()
    for name in house:
        if name not in owned:
            yield f"{name:<14} nobody owns it"
            continue
        pending = house.read(name, "pending_owner")
        waiting = "" if pending == NOBODY else f", pending {house.name_of(pending)}"
        yield f"{name:<14} owner {house.name_of(house.read(name, 'owner'))}{waiting}"


def offices(house: House) -> Iterator[str]:
    """Who may do what beside the owners, by the logs."""
    for name in house:
        for office, accounts in holders(house, name):
            yield f"{name:<14} {office}: {', '.join(map(house.name_of, accounts)) or 'nobody'}"


def parameters(house: House) -> Iterator[str]:
    """Every value that a contract tells without being asked for something."""
    for name in house:
        told = [f"{getter} {_short(house, house.read(name, getter))}" for getter in _plain_getters(house, name)]
        stopped = "  STOPPED" if house.has(name, "paused") and house.read(name, "paused") else ""
        yield f"{name:<14} {house.address(name)}{stopped}"
        for line in told:
            yield f"    {line}"


def utilities(house: House) -> Iterator[str]:
    """What was reported and minted, per open utility."""
    for utility in range(1, 10):
        mode = house.read("Oracle", "mode_of", utility)
        if mode:
            head = house.read("Oracle", "head", utility)
            yield (
                f"utility {utility} ({MODE_NAMES[mode]}): {head['reports']} reports up to slot {head['slot']},"
                f" signed {head['total']:,} µWh, settled {house.read('Treasury', 'minted', utility):,},"
                f" reserve waiting {house.read('Treasury', 'reserve', utility):,},"
                f" supply {house.read('EnergyToken', 'total_supply', utility):,}"
                f"{_rate(house, 'Oracle', 'grid', utility)}{_rate(house, 'Treasury', 'station', utility)}"
            )


def listed(house: House) -> Iterator[str]:
    """The markets of the book and of the rounds."""
    for venue in (BOOK, ROUND):
        for one in markets(house, venue):
            halted = house.read(venue.name, "market_of", one["number"])["halted"]
            terms = ", ".join(f"{term} {one[term]:,}" for term in venue.terms)
            yield f"{venue.name} market {one['number']} {one['base']}/{one['quote']}: {terms}{', HALTED' if halted else ''}"


def _plain_getters(house: House, name: str) -> list[str]:
    functions = (entry for entry in compiled(house.source(name)).abi if entry["type"] == "function")
    plain = {one["name"] for one in functions if one["stateMutability"] in ("view", "pure") and not one["inputs"]}
    return sorted(plain - DULL)


def _short(house: House, value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or not isinstance(value, int):
        return house.name_of(value) if isinstance(value, str) else str(value)
    return f"{value:,}"


def _rate(house: House, contract: str, whose: str, utility: int) -> str:
    own, base_w, share_ppm = house.read(contract, "rate_of", utility)
    return f", {whose} rate {base_w:,} W and {share_ppm:,} ppm of the rated power" if own else ""


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--deployment", "path", type=click.Path(path_type=Path), envvar="GREENCORE_DEPLOYMENT", help="The file to read."
)
@click.option(
    "--offices/--no-offices", "with_offices", default=True, help="Read all logs since deployment for who holds them."
)
def cli(path: Path | None, with_offices: bool) -> None:
    """Print the live parameters of a deployment."""
    chain = Chain(networks.provider)
    house = House(chain, read_deployment(path or default_path(chain))["contracts"])
    click.echo(f"chain {chain.id}")
    for line in owners(house):
        click.echo(line)
    if with_offices:
        for line in offices(house):
            click.echo(line)
    for line in (*parameters(house), *utilities(house), *listed(house)):
        click.echo(line)
