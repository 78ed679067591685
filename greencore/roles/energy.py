# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy`: what an operator does with readings, on the platform's database. Subcommands are imported on use."""

import importlib

import click

# name: (module and command, the line that `--help` shows without importing it)
COMMANDS = {
    "import": ("greencore.roles.energy_import:command", "Readings from a file: NEM12, CSV."),
    "parked": ("greencore.roles.energy_parked:parked", "What was refused and waits, and why."),
    "correct": ("greencore.roles.energy_correct:command", "Put a slot right: a signed difference, on the record."),
    "rules": ("greencore.roles.energy_rules:rules", "Every QA rule, its numbers and their reasons."),
    "day": ("greencore.roles.energy_rules:day_of", "What a day of a station came to."),
    "replay": ("greencore.roles.energy_parked:replay", "Try parked readings again."),
    "notices": ("greencore.roles.energy_parked:notices", "What was odd about devices' envelopes."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of their table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A subcommand, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the table itself."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group("energy", cls=_Lazy)
def command() -> None:
    """Look after readings: what was refused, what to try again, what to bring in from files."""
