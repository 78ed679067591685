# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore register`: a registrar enters a station and its meter."""

import asyncio
from pathlib import Path
from uuid import UUID

import click

from chain.client import RegistryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signers import open_signer
from chain.transactions import TransactionSender
from greencore.registrar import BOUNDARY_METER, Registrar
from greencore.roles.process import fail, read
from kit.errors import GreenCoreError
from kit.settings import Mode, Settings

_KEY_HEX = 64


@click.command("register")
@click.option("--station", required=True, type=click.UUID, help="The station's UUID, as its agent has it.")
@click.option("--owner", required=True, help="Address that its tokens go to, 0x and 40 digits.")
@click.option("--rated-w", required=True, type=click.IntRange(min=1), help="Rated power, W: what caps minting.")
@click.option("--key", required=True, help="The device's public key, as `greencore edge key` prints it.")
@click.option(
    "--kind",
    default=1,
    show_default=True,
    help="Class of plant, whose thresholds QA takes: 0 generic, 1 pv, 2 household, 4 wind, 5 hydro, 6 constant, 7 storage.",
)
@click.option(
    "--role", default=BOUNDARY_METER, show_default=True, help="Role of the meter: 1 boundary, 2 generation, …."
)
@click.option(
    "--registrar",
    required=True,
    envvar="GREENCORE_REGISTRAR_KEY",
    help="Keystore of a registrar; 0x and the key in development.",
)
@click.option("--password-file", type=click.Path(path_type=Path), help="Its first line opens the keystore.")
def command(
    station: UUID, owner: str, rated_w: int, key: str, kind: int, role: int, registrar: str, password_file: Path | None
) -> None:
    """Enter a station and the key of its meter into the Registry on chain. Safe to repeat."""
    try:
        device = bytes.fromhex(key.removeprefix("0x"))
    except ValueError:
        device = b""
    if len(device) * 2 != _KEY_HEX:
        fail(f"register: --key has {_KEY_HEX} hexadecimal digits")
    settings = read(Settings)
    password = "" if password_file is None else password_file.read_text().split("\n", 1)[0]

    async def enter() -> tuple[bool, bool]:
        deployment = Deployment.load(settings.deployment)
        async with Rpc(settings.rpc_url) as rpc:
            sender = TransactionSender(
                rpc, await open_signer(registrar, password=password), chain_id=deployment.chain_id
            )
            made = Registrar(RegistryClient(rpc, deployment), sender)
            demo = settings.mode is Mode.DEMO
            return (
                await made.enter_station(station, owner, rated_w=rated_w, kind=kind, demo=demo),
                await made.enter_meter(station, device, role=role),
            )

    try:
        new_station, new_meter = asyncio.run(enter())
    except (GreenCoreError, ValueError) as error:
        fail(f"register: {error}")
    click.echo(
        f"station {'entered' if new_station else 'was entered before'}, meter {'entered' if new_meter else 'was entered before'}"
    )
