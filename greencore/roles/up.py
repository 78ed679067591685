# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore up`: all server roles on one machine, on embedded servers, for stations that are somewhere else."""

import asyncio
import os
import sys
from pathlib import Path

import click

from greencore.embedded.program import StartFailed
from greencore.folder import Folder, FolderInUse
from greencore.pilot import Pilot
from greencore.roles.process import fail
from greencore.stack import forget_settings
from kit import logs
from kit.errors import GreenCoreError
from kit.units import Utility


@click.command("up")
@click.option(
    "--data",
    default=".greencore-up",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all data.",
)
@click.option(
    "--utilities",
    default="E",
    show_default=True,
    help="What the nodes report, by commas; others than E once they are opened on chain (greencore owner open).",
)
def command(data: Path, utilities: str) -> None:
    """Run PostgreSQL, NATS, a development chain, four oracle nodes, indexer, worker and API until Ctrl-C.

    Time is the system's. The chain is a development chain: for trying things out with real meters, not for value. Prints the
    settings that an edge agent and a registrar need.
    """
    try:
        codes = {Utility[name.strip().upper()].value for name in utilities.split(",")}
    except KeyError as error:
        fail(f"up: {error} is no utility; there are {', '.join(code.name for code in Utility)}")
    forget_settings()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    logs.configure(level="error", role="up")
    folder = Folder(data)
    try:
        with folder.locked():
            asyncio.run(Pilot(folder, sorted(codes)).run())
    except (FolderInUse, StartFailed) as error:
        fail(str(error))
    except GreenCoreError as error:
        fail(f"{error} ({error.code})")
    sys.exit(0)
