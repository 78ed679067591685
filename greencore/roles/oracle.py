# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore oracle`."""

import click

from flows.mirror_registry import MirrorRegistry
from greencore.roles.process import read, run
from kit.settings import Settings
from oracle.run import run as run_node
from oracle.settings import OracleSettings


@click.command("oracle")
def command() -> None:
    """Run one node of the quorum on a database of its own: read the chain, recompute, sign, report."""
    settings = read(Settings)
    run("oracle", settings, run_node(settings, read(OracleSettings), [MirrorRegistry()]))
