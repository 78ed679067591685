# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge scan` finds devices; `greencore edge maps` lists what is known."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from edge.meters.modbus import Address, MeterError, SerialPort, TcpAddress
from edge.meters.registers import known, load
from edge.meters.sunspec import DISCOVER
from edge.scan.scan import Device, longest_s, scan

UNIT_MAX = 247
NOTHING_FOUND, UNABLE = 1, 2


def line_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the line is: the same options for every command that looks at a device."""
    for option in (
        click.option("--timeout", "timeout_s", default=1.0, show_default=True, help="Seconds to wait for an answer."),
        click.option("--stop-bits", type=click.Choice(["1", "2"]), default="1", show_default=True),
        click.option("--parity", type=click.Choice(["none", "even", "odd"]), default="none", show_default=True),
        click.option("--baud", default=9600, show_default=True, help="Of the serial line."),
        click.option(
            "--serial", "device", metavar="DEV", help="A serial line, such as /dev/ttyUSB0, instead of a host."
        ),
    ):
        command = option(command)
    return command


def serial_port(device: str, baud: int, parity: str, stop_bits: str) -> SerialPort:
    """The line that the options describe."""
    letter: Any = parity[0].upper()
    return SerialPort(device, baud, letter, 2 if stop_bits == "2" else 1)


def quiet() -> None:
    """What pymodbus reports is said once, by us."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


def unable(message: str) -> click.ClickException:
    """Exit code 2: it could not be tried."""
    refusal = click.ClickException(message)
    refusal.exit_code = UNABLE
    return refusal


def parse_units(text: str) -> list[int]:
    """Unit ids from text such as `1,3,10-20`. Raises click.BadParameter."""
    units: dict[int, None] = {}
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdecimal() or not (high or low).isdecimal():
            raise click.BadParameter(f"{part!r} is no unit or range of units, such as 1 or 1-10")
        first, last = int(low), int(high or low)
        if not 0 <= first <= last <= 255:
            raise click.BadParameter(f"{part}: units are 0 to 255, the lower one first")
        units |= dict.fromkeys(range(first, last + 1))
    return list(units)


@click.command(
    "scan", help="Find Modbus devices on named hosts or a serial line. Reads only. Exit 0 found, 1 none, 2 no line."
)
@click.option("--host", "hosts", multiple=True, help="A host; may stand several times. Only named hosts are asked.")
@click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    help="TCP port; several are tried in turn.  [default: 502]",
)
@line_options
@click.option(
    "--connect-pause",
    "pause_s",
    default=0.0,
    show_default=True,
    help="Seconds to wait after connecting; Huawei needs 2.",
)
@click.option(
    "--units", default="1-10", show_default=True, help=f"Unit ids, such as 1,3,10-20; a bus may have 1-{UNIT_MAX}."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def scan_command(
    hosts: tuple[str, ...],
    ports: tuple[int, ...],
    device: str | None,
    baud: int,
    parity: str,
    stop_bits: str,
    timeout_s: float,
    pause_s: float,
    units: str,
    as_json: bool,
) -> None:
    """Say for each unit what it is, and print entries for a station file."""
    quiet()
    addresses: list[Address] = [TcpAddress(host, port) for host in hosts for port in ports or (502,)]
    if device:
        addresses.append(serial_port(device, baud, parity, stop_bits))
    if not addresses:
        raise click.UsageError("name a --host or a --serial line; nothing is searched for by itself")
    wanted = parse_units(units)
    found, failed = asyncio.run(_scan_all(addresses, wanted, timeout_s, pause_s, as_json))
    if as_json:
        click.echo(json.dumps({"devices": [it.as_json() for it in found], "unreachable": failed}, indent=1))
    elif found:
        entries: list[str] = []
        for it in found:
            if entry := it.entry(f"meter-{len(entries) + 1}" if entries else "main"):
                entries.append(entry)
        if entries:
            click.echo("\nFor the station file; compare each with its label, and give it its rated_w:\n\nmeters:")
            click.echo("\n".join(f"  {entry}" for entry in entries))
    if len(failed) == len(addresses):
        sys.exit(UNABLE)
    sys.exit(0 if found else NOTHING_FOUND)


@click.command("maps", help="List the register maps that come with the agent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of text.")
def maps_command(as_json: bool) -> None:
    """Names, titles and origins."""
    maps = [load(name) for name in known()]
    if as_json:
        rows = [{"name": it.name, "title": it.title, "transport": it.transport, "origin": it.origin} for it in maps]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(f"{DISCOVER:<22} a SunSpec device, asked for its registers when the agent connects")
    for found in maps:
        click.echo(f"{found.name:<22} {found.title}")


async def _scan_all(
    addresses: list[Address], units: list[int], timeout_s: float, pause_s: float, as_json: bool
) -> tuple[list[Device], dict[str, str]]:
    found: list[Device] = []
    failed: dict[str, str] = {}
    for address in addresses:

        def progress(unit: int, address: Address = address) -> None:
            if sys.stderr.isatty():
                click.echo(f"\r{address}: unit {unit}, {len(found)} found \b", err=True, nl=False)

        if not as_json:
            longest = longest_s(len(units), timeout_s)
            click.echo(f"{address}: asking unit {_spans(units)}, {longest:.0f} s if all are silent", err=True)
        try:
            async for device in scan(address, units, timeout_s, pause_s, progress):
                found.append(device)
                if not as_json:
                    _show(device)
        except MeterError as error:
            failed[str(address)] = str(error)
            click.echo(f"{address}: {error}", err=True)
    if sys.stderr.isatty():
        click.echo(err=True)
    if not found and not failed:
        click.echo(f"nobody answered as unit {_spans(units)} within {timeout_s:g} s each", err=True)
    return found, failed


def _show(device: Device) -> None:
    head = f"{device.address} unit {device.unit}: "
    if device.same_as is not None:
        click.echo(f"{head}the same device as unit {device.same_as}")
    elif device.sunspec is not None:
        said = device.sunspec
        models = " ".join(f"{model}@{address}" for model, address, _ in said["models"])
        click.echo(f"{head}SunSpec, {said['manufacturer']} {said['model']}, serial {said['serial'] or '?'}, {models}")
        for name, value in device.values.items():
            click.echo(f"    {name}: {value}")
    elif device.fits:
        click.echo(
            f"{head}fits {len(device.fits)} known map{'s' if len(device.fits) > 1 else ''}; compare with its label"
        )
        for fit in device.fits:
            click.echo(f"    {fit.map} ({fit.title})")
            click.echo("        " + ", ".join(f"{name} {value}" for name, value in fit.values.items()))
    elif not device.problem:
        click.echo(
            f"{head}answers, but is no SunSpec device and fits no known map; docs/edge.md, “Bring your own meter”"
        )
    if device.problem:
        click.echo(f"{head if device.sunspec is None else '    '}{device.problem}")


def _spans(units: list[int]) -> str:
    return f"{units[0]}" if len(units) == 1 else f"{units[0]} to {units[-1]}"
