# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore worker`."""

import click

from api.settings import WorkerSettings
from api.worker import run_worker
from greencore.roles.process import read, run


@click.command("worker")
def command() -> None:
    """Take readings from MQTT, relay events, run jobs, claim for everybody (with GREENCORE_KEEPER_KEY)."""
    settings = read(WorkerSettings)
    run("worker", settings, run_worker(settings))
