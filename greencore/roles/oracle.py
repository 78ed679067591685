# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore oracle`: run a node, and an operator's commands beside it."""

import click

from flows.mirror_registry import MirrorRegistry
from greencore.roles.process import read, run
from kit.settings import Settings
from oracle import command as operator
from oracle.rotation.command import rotate
from oracle.run import run as run_node
from oracle.settings import OracleSettings


@click.group("oracle", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Run one node of the quorum on a database of its own: read the chain, recompute, sign, report."""
    if context.invoked_subcommand is None:
        settings = read(Settings)
        run("oracle", settings, run_node(settings, read(OracleSettings), [MirrorRegistry()]))


for _command in (operator.key, operator.status, operator.export, operator.replay, rotate):
    command.add_command(_command)
