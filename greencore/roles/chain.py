# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore chain`."""

from pathlib import Path

import click

from greencore.embedded.anvil import Anvil
from greencore.embedded.miner import Miner
from greencore.embedded.program import StartFailed, running
from greencore.roles.process import fail, read, run
from kit.settings import Settings
from kit.shutdown import run_until_signal


@click.command("chain")
@click.option(
    "--data", default=".greencore/anvil", show_default=True, type=click.Path(path_type=Path), help="Its folder."
)
@click.option("--port", default=8545, show_default=True, help="Port of its JSON-RPC.")
def command(data: Path, port: int) -> None:
    """Run a development chain and its miner. The chain keeps its state; GREENCORE_CLOCK gives the blocks their time."""
    settings = read(Settings)
    clock = settings.make_clock()
    chain = Anvil(data, port, genesis_time=int(clock.now().timestamp()))
    try:
        with running(chain.prepare(), data / "anvil.log"):
            click.echo(f"GREENCORE_RPC_URL='{chain.url}'")
            run("chain", settings, run_until_signal(Miner(chain.url, clock).run()))
    except StartFailed as error:
        fail(f"chain: {error}")
