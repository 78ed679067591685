# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore migrate`."""

import click
from alembic.util import CommandError

import migrations
from greencore.roles.process import fail, on_database, read
from kit.settings import Settings


@click.command("migrate")
@click.option("--revision", default="head", show_default=True, help="Which revision to bring the database to.")
def command(revision: str) -> None:
    """Bring the database that GREENCORE_DATABASE_URL names to a revision. Safe to repeat."""
    url = read(Settings).database_url.get_secret_value()
    try:
        with on_database(url):
            migrations.upgrade(url, revision)
    except CommandError as error:
        fail(f"migrate: {error}")
    click.echo("the database is up to date")
