# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore nats`."""

import os
from pathlib import Path

import click

from greencore.embedded.nats import Nats
from greencore.embedded.program import StartFailed
from greencore.roles.process import fail


@click.command("nats")
@click.option(
    "--data", default=".greencore/nats", show_default=True, type=click.Path(path_type=Path), help="Its folder."
)
@click.option("--port", default=4222, show_default=True, help="Port for services.")
@click.option("--mqtt-port", default=1883, show_default=True, help="Port for meters.")
@click.option("--http-port", default=8222, show_default=True, help="Port of its monitoring.")
def command(data: Path, port: int, mqtt_port: int, http_port: int) -> None:
    """Become a NATS server with JetStream and MQTT. Its address, with the password, is printed first."""
    server = Nats(data, port, mqtt_port, http_port)
    try:
        program = server.prepare()
    except StartFailed as error:
        fail(f"nats: {error}")
    click.echo(f"GREENCORE_NATS_URL='{server.url}'")
    os.execvp(program.argv[0], program.argv)
