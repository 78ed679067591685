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


@click.command("up")
@click.option(
    "--data",
    default=".greencore-up",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all data.",
)
def command(data: Path) -> None:
    """Run PostgreSQL, NATS, a development chain, four oracle nodes, indexer, worker and API until Ctrl-C.

    Time is the system's. The chain is a development chain: for trying things out with real meters, not for value. Prints the
    settings that an edge agent and a registrar need.
    """
    forget_settings()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    logs.configure(level="error", role="up")
    folder = Folder(data)
    try:
        with folder.locked():
            asyncio.run(Pilot(folder).run())
    except (FolderInUse, StartFailed) as error:
        fail(str(error))
    except GreenCoreError as error:
        fail(f"{error} ({error.code})")
    sys.exit(0)
