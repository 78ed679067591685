# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge …`: run an agent, show its key, look into its buffer."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import structlog

from edge import keys
from edge.agent import run as run_agent
from edge.buffer import BUFFER_FILE, Buffer, BufferFault
from edge.clock import ClockError
from edge.protocol import SLOT_SECONDS
from edge.registers import MapError
from edge.scan_command import maps_command, scan_command
from edge.settings import CONFIG, EdgeSettings, SettingsError
from edge.testmap_command import test_map_command

_data_dir = click.option(
    "--data-dir",
    envvar="GREENCORE_EDGE_DATA_DIR",
    default="edge-data",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the key, the buffer and the status.",
)


@click.group("edge", help="The station agent: reads a meter, signs intervals, keeps them until the server has them.")
def cli() -> None:
    """Group of the agent's commands; settings come from GREENCORE_EDGE_* (docs/edge.md)."""


for _command in (maps_command, scan_command, test_map_command):
    cli.add_command(_command)


@cli.command("run", help="Run the agent until SIGTERM or Ctrl-C.")
@click.option("--config", envvar=CONFIG, type=click.Path(path_type=Path), help="Station file, YAML; docs/edge.md.")
def run(config: Path | None) -> None:
    """Run the agent. Exit code 2: it cannot start, and the message says why."""
    _log_to_stderr()
    try:
        asyncio.run(run_agent(EdgeSettings.from_environment(config)))
    except (SettingsError, MapError, ClockError, BufferFault, keys.DeviceKeyError) as error:
        raise _unable(str(error)) from error


@cli.command("key", help="Print the device's public key; make the key if there is none yet.")
@_data_dir
def key(data_dir: Path) -> None:
    """Print 64 hexadecimal digits: what is registered with the station."""
    try:
        click.echo(keys.public_hex(keys.load_or_create(data_dir)))
    except keys.DeviceKeyError as error:
        raise _unable(str(error)) from error


@cli.command("buffer", help="Count the intervals in the buffer by state, and show the newest.")
@_data_dir
@click.option("--last", default=10, show_default=True, help="How many of the newest to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--resend-rejected", is_flag=True, help="Send rejected intervals again, after the cause is removed.")
def buffer(data_dir: Path, last: int, as_json: bool, resend_rejected: bool) -> None:
    """Look into the buffer; works while the agent runs."""
    if not (data_dir / BUFFER_FILE).exists():
        raise _unable(f"no buffer in {data_dir}; has the agent run with this folder?")
    try:
        with Buffer(data_dir) as opened:
            if resend_rejected:
                click.echo(f"{opened.resend_rejected()} intervals wait again", err=True)
            counts, totals, rows = opened.counts(), opened.totals(), opened.last(last)
    except BufferFault as error:
        raise _unable(str(error)) from error
    shown = [
        {
            "seq": row.seq,
            "start": datetime.fromtimestamp(row.slot * SLOT_SECONDS, UTC).isoformat().replace("+00:00", "Z"),
            "state": row.state,
            "meterWh": str(json.loads(row.wire, parse_float=str)["meterWh"]),
            "code": row.code,
            "detail": row.detail,
            "attempts": row.attempts,
        }
        for row in rows
    ]
    if as_json:
        click.echo(json.dumps({"counts": counts, "totals": totals, "last": shown}))
        return
    click.echo("in the buffer:  " + "  ".join(f"{state} {count}" for state, count in counts.items()))
    click.echo("since the start:  " + "  ".join(f"{name} {count}" for name, count in totals.items()))
    for line in shown:
        refusal = f"  {line['code']} {line['detail']}" if line["code"] or line["detail"] else ""
        click.echo(f"{line['seq']:>8}  {line['start']}  {line['meterWh']:>14} Wh  {line['state']}{refusal}")


def _unable(message: str) -> click.ClickException:
    refusal = click.ClickException(message)
    refusal.exit_code = 2
    return refusal


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
