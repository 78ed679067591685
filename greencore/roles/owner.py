# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore owner`: what the contracts' owner may change."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

import click

from chain.client import HomePolicyClient, OracleClient, TreasuryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signers import open_signer
from chain.transactions import TransactionSender
from greencore.owner import RATES, Owner
from greencore.roles.process import fail, read
from kit.errors import GreenCoreError
from kit.settings import Settings
from kit.units import Utility

T = TypeVar("T")

_UTILITY = click.Choice([code.name for code in Utility], case_sensitive=False)
_STATIONS = click.option(
    "--stations", required=True, type=click.IntRange(min=1), help="How many stations the grid may grow to."
)


@click.group("owner")
@click.option(
    "--key",
    required=True,
    envvar="GREENCORE_OWNER_KEY",
    help="Keystore of the contracts' owner; 0x and the key in development.",
)
@click.option("--password-file", type=click.Path(path_type=Path), help="Its first line opens the keystore.")
@click.pass_context
def command(context: click.Context, key: str, password_file: Path | None) -> None:
    """Open utilities, set rates, the challenge delay and coefficients. docs/utilities.md and docs/contracts.md say what they do."""
    context.obj = (key, password_file)


@command.command("open")
@click.argument("utility", type=_UTILITY)
@_STATIONS
@click.pass_obj
def open_utility(key: tuple[str, Path | None], utility: str, stations: int) -> None:
    """Set a utility's usual rates and open it for claims. It can never be closed again."""
    code = Utility[utility.upper()]
    opened = _as_owner(key, lambda owner: owner.open_utility(code, stations=stations))
    click.echo(f"{code.name} {'is open from this slot on' if opened else 'was open before; its rates are set'}")


@command.command("rate")
@click.argument("utility", type=_UTILITY)
@click.option("--base-w", required=True, type=click.IntRange(min=0), help="For a station; 800 W let a token an hour.")
@click.option("--share-ppm", default=0, show_default=True, type=click.IntRange(min=0), help="Of the rated power.")
@_STATIONS
@click.pass_obj
def rate(key: tuple[str, Path | None], utility: str, base_w: int, share_ppm: int, stations: int) -> None:
    """Set a utility's own rates. 0 W and 0 ppm stop it."""
    code = Utility[utility.upper()]
    _as_owner(key, lambda owner: owner.rate(code, base_w=base_w, share_ppm=share_ppm, stations=stations))
    usual = RATES[code]
    click.echo(f"{code.name}: {base_w} W and {share_ppm} ppm a station (usual: {usual})")


@command.command("delay")
@click.argument("seconds", type=click.IntRange(0, 86_400))
@click.pass_obj
def delay(key: tuple[str, Path | None], seconds: int) -> None:
    """Set how long nobody can claim against a report: whole slots of 900 s, at most a day, 0 for none."""
    _as_owner(key, lambda owner: owner.challenge_delay(seconds))
    click.echo(f"challenge delay {seconds} s")


@command.command("coefficient")
@click.argument("utility", type=_UTILITY)
@click.argument("gcm")
@click.pass_obj
def coefficient(key: tuple[str, Path | None], utility: str, gcm: str) -> None:
    """Set what a whole token adds to a home's income, in GCM of at most six places."""
    code = Utility[utility.upper()]
    try:
        exact = Decimal(gcm) * 10**6
        millionths = int(exact)
    except (InvalidOperation, OverflowError, ValueError):
        fail(f"owner: {gcm} is no amount")
    if millionths != exact or millionths < 0:
        fail(f"owner: {gcm}: not below zero, at most six places")
    _as_owner(key, lambda owner: owner.coefficient(code, millionths))
    click.echo(f"{code.name}: {gcm} GCM a token, from this block on")


def _as_owner(key: tuple[str, Path | None], work: Callable[[Owner], Awaitable[T]]) -> T:
    keystore, password_file = key
    settings = read(Settings)

    async def run() -> T:
        password = "" if password_file is None else password_file.read_text().split("\n", 1)[0]
        deployment = Deployment.load(settings.deployment)
        async with Rpc(settings.rpc_url) as rpc:
            sender = TransactionSender(
                rpc, await open_signer(keystore, password=password), chain_id=deployment.chain_id
            )
            contracts = (
                OracleClient(rpc, deployment),
                TreasuryClient(rpc, deployment),
                HomePolicyClient(rpc, deployment),
            )
            return await work(Owner(*contracts, sender))

    try:
        return asyncio.run(run())
    except (GreenCoreError, OSError, ValueError) as error:
        fail(f"owner: {error}")
