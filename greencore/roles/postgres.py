# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore postgres`."""

import os
from pathlib import Path

import click

from greencore.embedded.postgres import Postgres
from greencore.embedded.program import StartFailed
from greencore.roles.process import fail


@click.command("postgres")
@click.option(
    "--data", default=".greencore/postgres", show_default=True, type=click.Path(path_type=Path), help="Its folder."
)
def command(data: Path) -> None:
    """Become a PostgreSQL server on a socket that only you can open. Its address is printed first."""
    server = Postgres(data)
    try:
        program = server.prepare()
    except StartFailed as error:
        fail(f"postgres: {error}")
    click.echo(f"GREENCORE_DATABASE_URL='{server.url('postgres')}'")
    os.execvp((*program.prefix, *program.argv)[0], (*program.prefix, *program.argv))
