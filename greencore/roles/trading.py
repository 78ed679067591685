# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore trading`."""

from pathlib import Path

import click

from chain.deployment import Deployment
from chain.rpc import Rpc
from greencore.demo.trading.day import Day
from greencore.roles.process import read, run
from kit.settings import Settings
from kit.shutdown import run_until_signal


@click.command("trading")
@click.option(
    "--folder",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where it writes trading.json.",
)
def command(folder: Path) -> None:
    """Let twenty scripted wallets trade E against GCM on the development chain that GREENCORE_RPC_URL names.

    Their keys are those of the development mnemonic: three owners of demo stations, four makers, nine
    households that consume, four traders.
    """
    settings = read(Settings)
    run("trading", settings, _run(settings, folder))


async def _run(settings: Settings, folder: Path) -> None:
    deployment = Deployment.load(Path(settings.deployment))
    async with Rpc(settings.rpc_url) as rpc:
        await run_until_signal(Day(rpc, deployment, settings.make_clock(), folder).run())
