# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The command `greencore`. A role's module is imported when it is called, so that an edge box loads no database driver."""

import importlib
from typing import NamedTuple

import click


class Role(NamedTuple):
    """Where a command stands, and the line that `--help` shows without importing it."""

    target: str
    help: str


ROLES = {
    "demo": Role("greencore.demo.command:command", "The whole product on this machine, with simulated stations."),
    "up": Role("greencore.roles.up:command", "All server roles on this machine, for real stations."),
    "api": Role("greencore.roles.api:command", "The door: REST, GraphQL, pages for people."),
    "worker": Role("greencore.roles.worker:command", "Readings from MQTT, events out, jobs, claims."),
    "indexer": Role("greencore.roles.indexer:command", "The chain's logs into PostgreSQL."),
    "oracle": Role("greencore.roles.oracle:command", "One node of the quorum: recompute, sign, report."),
    "energy": Role("greencore.roles.energy:command", "Readings: what was refused, what to try again, files to import."),
    "owner": Role("greencore.roles.owner:command", "Utilities, rates, challenge delay, coefficients on chain."),
    "homes": Role("greencore.roles.homes:command", "Penalties, bonuses and income of homes."),
    "edge": Role("edge.command:cli", "The station agent: read a meter, sign, deliver."),
    "simulator": Role("greencore.roles.simulator:command", "Stations that replay measurements over Modbus TCP."),
    "trading": Role("greencore.roles.trading:command", "Twenty scripted wallets that trade on a development chain."),
    "postgres": Role("greencore.roles.postgres:command", "An embedded PostgreSQL."),
    "nats": Role("greencore.roles.nats:command", "An embedded NATS with JetStream and MQTT."),
    "chain": Role("greencore.roles.chain:command", "An embedded development chain with its miner."),
    "miner": Role("greencore.roles.miner:command", "Blocks for a development chain, by the deployment's clock."),
    "register": Role("greencore.roles.register:command", "Enter a station and its meter into the Registry."),
    "migrate": Role("greencore.roles.migrate:command", "Bring a database to the newest revision."),
    "verify": Role("greencore.roles.verify:command", "Check everything from the chain and the published leaves alone."),
    "settings": Role("greencore.roles.settings:command", "Every environment variable, its default and its meaning."),
    "version": Role("greencore.roles.version:command", "The version of this program and of its parts."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The roles in the order of their table."""
        return list(ROLES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A role's command, or None for an unknown name."""
        role = ROLES.get(cmd_name)
        if role is None:
            return None
        module, _, name = role.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the table itself."""
        with formatter.section("Roles"):
            formatter.write_dl([(name, role.help) for name, role in ROLES.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """GreenCore: a metered kilowatt-hour becomes a token.

    Each role runs alone against servers that environment variables name (`greencore settings` lists them);
    `greencore demo` starts them all on embedded servers.
    """
