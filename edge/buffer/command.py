# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge buffer …`: look into it, take intervals out of it, deliver them by hand, get them out of a damaged one."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, get_args

import click

from edge import keys
from edge.buffer.file import BufferFile
from edge.buffer.store import BUFFER_FILE, recover
from edge.buffer.tables import STATES, BufferFault, State, Stored
from edge.delivery.by_hand import deliver_command
from edge.protocol import MEASURES, decode
from edge.terminal import data_dir_option, slot_start, unable


@contextmanager
def _opened(folder: Path, only_look: bool = True) -> Iterator[BufferFile]:
    """The buffer's file, which is only looked at: what is wrong with it is the agent's to heal."""
    path = folder / BUFFER_FILE
    if not path.exists():
        raise unable(f"no buffer in {folder}; has the agent run with this folder?")
    try:
        file = BufferFile(path, only_look)
    except (sqlite3.Error, BufferFault) as error:
        raise unable(f"{path}: {error}; a damaged buffer is put aside when the agent meets it") from error
    try:
        yield file
    except sqlite3.Error as error:
        raise unable(f"{path}: {error}") from error
    finally:
        file.close()


@click.group("buffer", invoke_without_command=True, help="Count the intervals by state and show the newest; or:")
@data_dir_option
@click.option("--last", default=10, show_default=True, help="How many of the newest to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--resend-rejected", is_flag=True, help="Send rejected intervals again, after the cause is removed.")
@click.pass_context
def buffer_command(context: click.Context, data_dir: Path, last: int, as_json: bool, resend_rejected: bool) -> None:
    """Look into the buffer; works while the agent runs."""
    if context.invoked_subcommand is not None:
        return
    with _opened(data_dir, only_look=not resend_rejected) as file:
        if resend_rejected:
            click.echo(f"{file.resend_rejected()} intervals wait again", err=True)
        counts, totals, rows = file.counts(), file.totals(), file.last(last)
    shown = [
        {
            "seq": row.seq,
            "meter": row.meter,
            "start": slot_start(row.slot),
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
        click.echo(
            f"{line['seq']:>8}  {line['start']}  {line['meter']}  {line['meterWh']:>14} Wh  {line['state']}{refusal}"
        )


@buffer_command.command("export")
@data_dir_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["json", "csv", "signed"]),
    default="json",
    show_default=True,
    help="json: everything, with raw reads and receipts; csv: a table; signed: the bytes that travel, for `deliver`.",
)
@click.option(
    "--state", "states", type=click.Choice(get_args(State)), multiple=True, help="Only these; all by default."
)
@click.option("--since-seq", default=0, help="Begin at this number.")
@click.option(
    "--output", "-o", type=click.File("w", encoding="utf-8", lazy=False), default="-", help="Standard output."
)
def export_command(data_dir: Path, shape: str, states: tuple[State, ...], since_seq: int, output: TextIO) -> None:
    """Take intervals out, in order, without changing anything; works while the agent runs."""
    with _opened(data_dir) as file:
        count = _EXPORTS[shape](file.everything(states or STATES, since_seq), output)
    click.echo(f"{count} intervals", err=True)


@buffer_command.command("recover")
@data_dir_option
@click.argument("damaged", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def recover_command(data_dir: Path, damaged: Path) -> None:
    """Take over every interval that a DAMAGED (or copied) buffer still holds and that this device signed.

    The agent delivers them; it may run meanwhile. Nothing is deleted.
    """
    if not (data_dir / BUFFER_FILE).exists():
        raise unable(f"no buffer in {data_dir}; start the agent once with this folder")
    if damaged.resolve() == (data_dir / BUFFER_FILE).resolve():
        raise unable(
            "this is the buffer itself; if it is damaged, the agent puts it aside and takes over what it holds"
        )
    if not (data_dir / keys.KEY_FILE).exists():
        raise unable(f"no {keys.KEY_FILE} in {data_dir}: nobody can tell which intervals are this device's")
    try:
        key = keys.load_or_create(data_dir).public_key().public_bytes_raw()
        found, new = recover(data_dir, damaged, key)
    except (sqlite3.Error, BufferFault, keys.DeviceKeyError, OSError) as error:
        raise unable(str(error)) from error
    click.echo(f"{found} intervals of this device are readable in {damaged}; {new} of them were taken over")


buffer_command.add_command(deliver_command)


def _json(rows: Iterator[Stored], output: TextIO) -> int:
    """An object a line, in an array."""
    count = 0
    for count, row in enumerate(rows, 1):
        line: dict[str, Any] = {
            "seq": row.seq,
            "meter": row.meter,
            "start": slot_start(row.slot),
            "state": row.state,
            "code": row.code,
            "detail": row.detail,
            "hash": "0x" + row.hash.hex(),
            "profile": row.profile.decode(),
        }
        # bytes that were signed stand as they are: a parser in between might round a number
        raw = f', "interval": {row.wire.decode()}, "receipt": {"null" if row.receipt is None else row.receipt.decode()}'
        output.write(("[\n" if count == 1 else ",\n") + json.dumps(line)[:-1] + raw + "}")
    output.write("\n]\n" if count else "[]\n")
    return count


def _csv(rows: Iterator[Stored], output: TextIO) -> int:
    """A line an interval; energies as the interval gives them, Wh."""
    table = csv.writer(output)
    table.writerow(["seq", "meter", "start", "state", "code", "quality", "source", *MEASURES, "hash"])
    count = 0
    for row in rows:
        count += 1
        values = json.loads(row.wire, parse_float=str)
        measures = [values.get(name, "") for name in MEASURES]
        source = values.get("source", "")
        table.writerow(
            [
                row.seq,
                row.meter,
                slot_start(row.slot),
                row.state,
                row.code,
                values.get("quality", "measured"),
                source,
                *measures,
                "0x" + row.hash.hex(),
            ]
        )
    return count


def _signed(rows: Iterator[Stored], output: TextIO) -> int:
    """The array that the server takes; every interval byte for byte as it was signed and stored."""
    count = 0
    for count, row in enumerate(rows, 1):
        if decode(row.wire)[0].hash != row.hash:
            click.echo(f"interval {row.seq} is not what was stored; the server will refuse it", err=True)
        output.write("[\n" if count == 1 else ",\n")
        output.write(row.wire.decode())
    output.write("\n]\n" if count else "[]\n")
    return count


_EXPORTS: dict[str, Callable[[Iterator[Stored], TextIO], int]] = {"json": _json, "csv": _csv, "signed": _signed}
