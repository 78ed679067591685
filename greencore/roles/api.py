# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore api`."""

import click

from api.app import serve
from api.settings import ApiSettings
from greencore.roles.process import read, run


@click.command("api")
def command() -> None:
    """Serve REST, GraphQL and the pages for people on GREENCORE_API_HOST and GREENCORE_API_PORT."""
    settings = read(ApiSettings)
    run("api", settings, serve(settings))
