# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Compare a deployment with what this source compiles to, and check that the contracts know each other.

ape run verify --network http://127.0.0.1:8545 --deployment deployments/local.json

Needs no key. Exits 1 and names every difference. Immutables stand behind a Vyper contract's code, so the code is compared
up to them, they are asked for through their getters, and the transaction that made the contract is compared byte by byte
where the node still knows it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from ape import networks
from ape.cli import ConnectedProviderCommand
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address

from scripts._chain import Chain, SendFailed
from scripts._config import MODES
from scripts._house import House, default_path, read_deployment
from scripts._markets import BOOK, ROUND, markets
from scripts._source import compiled, creation, immutables
from scripts._specs import USUAL, parameters

# Immutables that no parameter of the constructor has the name of: which parameter, or which contract, they are.
PARAMETERS = {("FiatEscrow", "dispute_seconds"): "dispute_"}
DERIVED = {("Governor", "token"): "GCM"}
FREE = frozenset({("VotingLock", "began")})  # the time of its own block


def code_differences(house: House) -> Iterator[str]:
    """Compare the code on chain with the file's hash and with the compiled source."""
    for name in house:
        entry = house.entries[name]
        code = house.chain.code(entry["address"])
        if not code:
            yield f"{name}: no code at {entry['address']}"
        elif "0x" + keccak(code).hex() != entry["codeHash"]:
            yield f"{name}: the code on chain is not the code that the file recorded"
        elif not code.startswith(compiled(house.source(name)).runtime):
            yield f"{name}: the code on chain is not what this source compiles to"


def creation_differences(house: House, known: list[str]) -> Iterator[str]:
    """Compare what was sent to make each contract with this source and the recorded arguments."""
    for name in house:
        entry = house.entries[name]
        sent = house.chain.ask("eth_getTransactionByHash", entry["tx"]) if "tx" in entry else None
        if sent is None:
            continue
        known.append(name)
        receipt = house.chain.mined(entry["tx"])
        if bytes.fromhex(sent["input"][2:]) != creation(house.source(name), entry["args"]):
            yield f"{name}: it was made by other bytes than this source and the recorded arguments"
        elif receipt is None or int(receipt["contractAddress"], 16) != int(entry["address"], 16):
            yield f"{name}: {entry['tx']} made another contract"


def wiring_differences(house: House) -> Iterator[str]:
    """Check every immutable that can be asked for: addresses that one contract holds of another, and fixed values."""
    for name in house:
        for getter in immutables(house.source(name)):
            if (house.source(name), getter) in FREE:
                continue
            expected = _expected(house, name, getter)
            found = house.read(name, getter)
            if found != expected:
                yield f"{name}.{getter}: {house.name_of(str(found))} instead of {house.name_of(str(expected))}"


def told_differences(house: House) -> Iterator[str]:
    """Check that the Guard tells of freezes whoever keeps a copy of them: the one wiring that an owner can undo."""
    if "OrderBook" in house and house.address("OrderBook") not in house.read("Guard", "followers"):
        yield "Guard.followers: the OrderBook is not told of freezes"


def _expected(house: House, name: str, getter: str) -> Any:
    """What an immutable should be. Raises KeyError for one that nobody knows."""
    source, entry = house.source(name), house.entries[name]
    parameter = PARAMETERS.get((source, getter), getter + "_")
    if (source, getter) in DERIVED:
        return house.address(DERIVED[source, getter])
    if parameter in entry.get("refs", {}):
        return house.address(entry["refs"][parameter])
    arguments = dict(zip(parameters(source), entry["args"], strict=True))
    return arguments[parameter] if parameter in arguments else house.address(USUAL[parameter])


def config_differences(house: House, config: Mapping[str, Any]) -> Iterator[str]:
    """Check what cannot change after deployment."""
    if house.read("Registry", "live") != config["live"]:
        yield f"Registry.live: {house.read('Registry', 'live')} instead of {config['live']}"
    for code, mode in config["utilities"].items():
        found = house.read("Oracle", "mode_of", int(code))
        if found != MODES[mode]:
            yield f"Oracle.mode_of({code}): {found} instead of {MODES[mode]} ({mode})"
    signers = [to_canonical_address(signer) for signer in config["signers"]]
    first = house.read("Oracle", "signer_set", 1)
    if first["hash"] != keccak(encode(["address[]"], [signers])):
        yield "Oracle.signer_set(1): not the signers of the configuration"
    if first["k"] != config["k"]:
        yield f"Oracle.signer_set(1): {first['k']} signatures instead of {config['k']}"


def market_differences(house: House, deployment: Mapping[str, Any]) -> Iterator[str]:
    """Check the terms of markets, which are fixed for ever."""
    for venue, recorded in ((BOOK, deployment.get("markets", [])), (ROUND, deployment.get("rounds", []))):
        there = {one["number"]: one for one in markets(house, venue)}
        for one in recorded:
            found = there.get(one["number"])
            if found != one:
                yield f"{venue.name}: market {one['number']} is {found} instead of {one}"


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--deployment", "path", type=click.Path(path_type=Path), envvar="GREENCORE_DEPLOYMENT", help="The file to verify."
)
def cli(path: Path | None) -> None:
    """Verify a deployment; exit 1 on any difference."""
    chain = Chain(networks.provider)
    deployment = read_deployment(path or default_path(chain))
    if deployment["chainId"] != chain.id:
        raise click.ClickException(f"the file describes chain {deployment['chainId']}, this is chain {chain.id}")
    house = House(chain, deployment["contracts"])
    known: list[str] = []
    found = list(code_differences(house)) or list(creation_differences(house, known))
    if not found:
        try:
            found = [
                *wiring_differences(house),
                *told_differences(house),
                *config_differences(house, deployment["config"]),
                *market_differences(house, deployment),
            ]
        except SendFailed as error:
            found = [f"a contract does not answer: {error.message}"]
    for difference in found:
        click.echo(difference)
    if found:
        raise SystemExit(1)
    click.echo(
        f"{len(house.entries)} contracts on chain {chain.id}: code, immutables, wiring and fixed parameters are as deployed;"
        f" {len(known)} of them compared with the transactions that made them"
    )
