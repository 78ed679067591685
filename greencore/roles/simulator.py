# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore simulator`."""

import asyncio
from pathlib import Path

import click

from greencore.profiles import load
from greencore.roles.process import fail
from simulator import server
from simulator.encode import EncodeError
from simulator.profile import ProfileError


@click.command("simulator")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="JSON of the stations; docs/edge.md.")
def command(config: Path) -> None:
    """Serve stations that replay measurements, one Modbus TCP port each."""
    try:
        asyncio.run(server.main(config, load))
    except (server.ConfigError, ProfileError, EncodeError) as error:
        fail(f"simulator: {error}")
