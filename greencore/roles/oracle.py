# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore oracle`."""

import click

from flows.mirror_registry import MirrorRegistry
from greencore.roles.process import read, run
from kit.settings import Settings
from oracle.command import export, key, replay, status
from oracle.run import run as run_node
from oracle.settings import OracleSettings


@click.group("oracle", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Run one node of the quorum on a database of its own: read the chain, recompute, sign, report.

    With a subcommand: make a node's key, look at nodes, publish leaves, count everything again (docs/oracle.md).
    """
    if context.invoked_subcommand is not None:
        return
    settings = read(Settings)
    run("oracle", settings, run_node(settings, read(OracleSettings), [MirrorRegistry()]))


for tool in (key, status, export, replay):
    command.add_command(tool)
