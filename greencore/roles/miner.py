# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore miner`."""

import click

from greencore.embedded.miner import Miner
from greencore.roles.process import read, run
from kit.settings import Settings
from kit.shutdown import run_until_signal


@click.command("miner")
@click.option("--idle", default=1.0, show_default=True, help="Seconds after which an empty block is mined.")
def command(idle: float) -> None:
    """Mine on the development chain that GREENCORE_RPC_URL names; GREENCORE_CLOCK gives the blocks their time."""
    settings = read(Settings)
    miner = Miner(settings.rpc_url, settings.make_clock(), idle_seconds=idle)
    run("miner", settings, run_until_signal(miner.run()))
