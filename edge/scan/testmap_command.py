# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge test-map`: what a map makes of a device, and what it would make one register off."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
import yaml

from edge.meters.bus import Pauses
from edge.meters.http import HttpDoor, HttpMeter
from edge.meters.modbus import Address, MeterError, TcpAddress
from edge.meters.register_map import MapError, RegisterMap
from edge.meters.registers import load, parse_document
from edge.meters.sunspec import DISCOVER, discover
from edge.scan.command import line_options, quiet, serial_port, unable
from edge.scan.link import Probe, bus_of, gather
from edge.scan.testmap import Finding, examine, examine_documents, verdict_of

DOUBTFUL = 1
_ANOTHER = "the map is of another model, or the unit is wrong; `greencore edge scan` says which maps fit"
WORD_MAX = 0xFFFF


@click.command("test-map")
@click.argument("name", metavar="MAP")
@click.option("--host", help="The meter or gateway.")
@click.option("--port", default=502, show_default=True, type=click.IntRange(1, 65535))
@line_options
@click.option("--unit", default=1, show_default=True, type=click.IntRange(0, 255))
@click.option("--url", help="A meter that answers HTTP, such as http://192.0.2.9.")
@click.option("--user", default="", help="Of the HTTP meter; the password stands in GREENCORE_EDGE_METER_PASSWORD.")
@click.option("--password", default="", envvar="GREENCORE_EDGE_METER_PASSWORD", hidden=True)
@click.option("--digest", is_flag=True, help="The HTTP meter wants digest authentication.")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="Words from a file instead of a device: YAML or JSON, address: [words].",
)
@click.option(
    "--again", "again_s", default=5.0, show_default=True, help="Read again after so many seconds; 0: read once."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def test_map_command(
    name: str,
    host: str | None,
    port: int,
    device: str | None,
    baud: int,
    parity: str,
    stop_bits: str,
    timeout_s: float,
    unit: int,
    url: str | None,
    user: str,
    password: str,
    digest: bool,
    image: Path | None,
    again_s: float,
    as_json: bool,
) -> None:
    """Show what MAP makes of a device's registers, and what it would make of them in another order or one register off.

    MAP is a name of `greencore edge maps`, a path to a YAML file, or `sunspec`. Exit 0: everything looks right. 1: something
    does not. 2: the map cannot be used, or the device gives no answer.
    """
    quiet()
    if sum(it is not None for it in (host, device, image, url)) != 1:
        raise click.UsageError("name one of --host, --serial, --url and --image")
    try:
        if image is not None:
            register_map, findings = _from_image(name, image)
        elif url is not None:
            door = HttpDoor(url, user, password, digest)
            register_map, findings = asyncio.run(_from_url(name, door, timeout_s, again_s))
        else:
            address: Address = TcpAddress(host, port) if host else serial_port(device or "", baud, parity, stop_bits)
            register_map, findings = asyncio.run(_from_device(name, address, unit, timeout_s, again_s))
    except MapError as error:
        raise unable(str(error)) from error
    except MeterError as error:
        raise unable(f"{error.reason}: {error}") from error
    verdict = verdict_of(findings)
    if as_json:
        said = {"map": register_map.name, "fits": not verdict, "verdict": verdict}
        click.echo(json.dumps(said | {"findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        _show(register_map, findings, verdict)
    sys.exit(DOUBTFUL if verdict else 0)


async def _from_device(
    name: str, address: Address, unit: int, timeout_s: float, again_s: float
) -> tuple[RegisterMap, list[Finding]]:
    bus = bus_of(address, timeout_s)
    try:
        if name == DISCOVER:
            register_map = await discover(Probe(bus, unit).holding)
        else:
            register_map = _load(name, "modbus")
        probe = Probe(bus, unit, Pauses.of(register_map))
        first = await gather(probe, register_map, beside=True)
        if not first and probe.refusals:
            raise MapError(
                f"the device refuses every register of {register_map.name}: {probe.refusals[-1]}; {_ANOTHER}"
            )
        if again_s <= 0:
            return register_map, examine(register_map, first)
        await asyncio.sleep(again_s)
        probe.forget()
        again = await gather(probe, register_map, beside=False)
        return register_map, examine(register_map, first, again, again_s)
    finally:
        bus.close()


async def _from_url(name: str, door: HttpDoor, timeout_s: float, again_s: float) -> tuple[RegisterMap, list[Finding]]:
    register_map = _load(name, "http")
    meter = HttpMeter(door, timeout_s, register_map, lambda: 0)
    try:
        first = (await meter.read()).documents
        if again_s <= 0:
            return register_map, examine_documents(register_map, first)
        await asyncio.sleep(again_s)
        return register_map, examine_documents(register_map, first, (await meter.read()).documents, again_s)
    finally:
        await meter.aclose()


def _load(name: str, transport: str) -> RegisterMap:
    register_map = load(name)
    if register_map.transport != transport:
        raise MapError(f"{name} is for {register_map.transport} devices: --host or --serial is Modbus, --url is HTTP")
    return register_map


def _from_image(name: str, image: Path) -> tuple[RegisterMap, list[Finding]]:
    """A map on the words of a file, or on a saved document. Raises MapError."""
    register_map = load(name)
    if register_map.transport == "http":
        try:
            document = parse_document(image.read_bytes())
        except (OSError, ValueError) as error:
            raise MapError(f"{image}: {error}") from error
        return register_map, examine_documents(register_map, dict.fromkeys(register_map.paths(), document))
    words: dict[int, int] = {}
    try:
        found = yaml.safe_load(image.read_text(encoding="utf-8"))
        for start, taken in dict(found).items():
            address = int(str(start), 0)
            for index, word in enumerate(taken):
                words[address + index] = word if isinstance(word, int) else int(str(word), 16)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise MapError(f"{image} is no image of words, such as `40000: [0x5375, 0x6e53]`: {error}") from error
    if any(not 0 <= address <= WORD_MAX or not 0 <= word <= WORD_MAX for address, word in words.items()):
        raise MapError(f"{image}: addresses and words are 0 to 0xffff")
    return register_map, examine(register_map, words)


def _show(register_map: RegisterMap, findings: list[Finding], verdict: str) -> None:
    click.echo(f"{register_map.name}: {register_map.title}\n  {register_map.origin}\n")
    for finding in findings:
        reading = finding.reading
        raw = "  raw " + " ".join(f"{word:04x}" for word in finding.words) if finding.words else ""
        click.echo(f"{finding.name}  {finding.place}{raw}".rstrip())
        why = f" ({reading.why})" if reading.why else ""
        moved = f"; {finding.moved}" if finding.moved else ""
        click.echo(f"    = {reading.value:<24} {finding.meaning}   {reading.verdict}{why}{moved}")
        for other, otherwise in finding.others.items():
            if otherwise.verdict != "none":
                mark = "*" if otherwise.verdict == "plausible" else " "
                click.echo(
                    f"  {mark}   {other:<9} {otherwise.value}" + (f"  ({otherwise.why})" if otherwise.why else "")
                )
    click.echo("\n* marks what could be a value as well" if any(_could(it) for it in findings) else "")
    click.echo(verdict or "everything looks right; compare the values with the meter's display")


def _could(finding: Finding) -> bool:
    return any(other.verdict == "plausible" for other in finding.others.values())
