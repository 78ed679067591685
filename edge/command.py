# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge …`: run an agent, show its key; the other commands stand in modules of their own."""

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import click
import structlog

from edge import keys
from edge.agent import run as run_agent
from edge.buffer.store import BufferFault
from edge.clock import ClockError
from edge.delivery.tls import TlsError
from edge.meters.registers import MapError
from edge.protocol import Source
from edge.settings import CONFIG, EdgeSettings, SettingsError
from edge.terminal import data_dir_option, unable

# what a running agent does not need is loaded when it is asked for: a small box has little memory
_LATER = {
    "buffer": "edge.buffer.command:buffer_command",
    "doctor": "edge.doctor.command:doctor_command",
    "maps": "edge.scan.command:maps_command",
    "scan": "edge.scan.command:scan_command",
    "test-map": "edge.scan.testmap_command:test_map_command",
}


class LazyGroup(click.Group):
    """A group whose further commands are modules, loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without loading anything."""
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; its module is loaded now."""
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        module, _, name = _LATER[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group("edge", cls=LazyGroup)
def cli() -> None:
    """The station agent: reads meters, signs intervals, keeps them until the server has them.

    Settings come from GREENCORE_EDGE_* or a station file (docs/edge.md).
    """


@cli.command("run", help="Run the agent until SIGTERM or Ctrl-C.")
@click.option("--config", envvar=CONFIG, type=click.Path(path_type=Path), help="Station file, YAML; docs/edge.md.")
def run(config: Path | None) -> None:
    """Run the agent. Exit code 2: it cannot start, and the message says why."""
    _log_to_stderr()
    try:
        asyncio.run(run_agent(EdgeSettings.from_environment(config)))
    except (SettingsError, MapError, ClockError, BufferFault, TlsError, keys.DeviceKeyError) as error:
        raise unable(str(error)) from error


@cli.command("key", help="Print the device's public key; make the key if there is none yet.")
@data_dir_option
@click.option(
    "--source",
    envvar="GREENCORE_EDGE_SOURCE",
    type=click.Choice(["edge", "demo"]),
    help="What a new key is for; a key that is there must be for it.",
)
def key(data_dir: Path, source: Source | None) -> None:
    """Print 64 hexadecimal digits: what is registered with the station."""
    try:
        click.echo(keys.public_hex(keys.load_or_create(data_dir, source)))
    except (keys.DeviceKeyError, OSError) as error:
        raise unable(str(error)) from error


def _log_to_stderr() -> None:
    """Structured lines: for a terminal in colour, for a service as JSON."""
    shape: Callable[..., str | bytes]
    shape = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the adapter reports every failure once, with its reason


if __name__ == "__main__":
    cli()
