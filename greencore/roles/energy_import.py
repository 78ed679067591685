# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy import`: a file of measurements, by the way of every reading. docs/energy.md, "Importing files"."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import keys
from energy.files.model import FileFault, MeterFile
from energy.files.slots import Slot, Slots, to_slots
from energy.files.source import read_path
from energy.files.store import PART, ImportService, Stored
from energy.files.summary import by_quality, described, instant, runs
from greencore.roles.process import fail, on_database, read
from kit.database import Database
from kit.settings import Settings
from kit.units import SLOT_SECONDS, UWH_PER_KWH

REFUSED = 1
_GAPS_SHOWN = 5


class _NotKept(Exception):
    """Ends the transaction without keeping what it did."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--station", type=click.UUID, help="Station that the readings belong to. Needed to store them.")
@click.option("--key", "key_folder", type=click.Path(path_type=Path), help="Folder of the key that signs them.")
@click.option("--point", help="Connection point (NMI) to take, where the file holds several.")
@click.option("--meter", default="main", show_default=True, help="Name of the station's meter that they are of.")
@click.option("--timezone", help="Time zone of a CSV's timestamps without offset, such as Europe/Berlin.")
@click.option("--history", is_flag=True, help="Also keep slots older than 31 days; they are stored and never counted.")
@click.option("--dry-run", is_flag=True, help="Store nothing. With --station and --key, tell what storing would give.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    file: Path,
    station: UUID | None,
    key_folder: Path | None,
    point: str | None,
    meter: str,
    timezone: str | None,
    history: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import intervals from NEM12 (also as ZIP) or CSV: all of the file, or nothing.

    Exit code 0: stored, or a dry run of a good file. 1: the station's rules refuse it, and nothing was stored. 2: the file or
    the call is wrong, and nothing was stored.
    """
    if not dry_run and (station is None or key_folder is None):
        fail("energy import: give --station and --key to store readings, or --dry-run to look at the file only")
    try:
        understood = read_path(file, timezone)
        slots = {name: to_slots(understood, name) for name in understood.points}
    except FileFault as fault:
        if as_json:
            told = {"file": fault.file, "line": fault.line, "field": fault.column, "reason": fault.reason}
            click.echo(json.dumps({"error": told}))
        fail(str(fault))
    stored: Stored | None = None
    chosen = _chosen(understood, slots, point) if station is not None else []
    if station is not None and key_folder is not None:
        key = _key(key_folder)
        stored = _store(chosen, station, meter, key, history=history, keep=not dry_run, quiet=as_json)
    kept = stored is not None and not stored.refused and not dry_run
    if as_json:
        click.echo(json.dumps(described(understood, slots) | _outcome(stored, kept=kept), indent=1))
    else:
        _show_file(understood, slots)
        if stored is not None:
            _show_outcome(understood, stored, kept=kept, dry_run=dry_run)
    if stored is not None and stored.refused:
        sys.exit(REFUSED)


def _chosen(file: MeterFile, slots: dict[str, Slots], point: str | None) -> Sequence[Slot]:
    if point is not None and point not in slots:
        fail(f"energy import: {file.name} has no connection point {point!r}; it has {', '.join(slots) or 'none'}")
    if point is None and len(slots) > 1:
        fail(f"energy import: {file.name} holds several connection points; choose one: --point {' | '.join(slots)}")
    if not slots:
        return []
    return slots[point if point is not None else next(iter(slots))].complete


def _key(folder: Path) -> Ed25519PrivateKey:
    if not (folder / keys.KEY_FILE).exists():
        make = f"greencore edge key --data-dir {folder}"
        fail(f"energy import: no {keys.KEY_FILE} in {folder}; make one with `{make}` and register it with the station")
    try:
        return keys.load_or_create(folder)
    except keys.DeviceKeyError as error:
        fail(f"energy import: {error}")


def _store(
    slots: Sequence[Slot],
    station: UUID,
    meter: str,
    key: Ed25519PrivateKey,
    *,
    history: bool,
    keep: bool,
    quiet: bool,
) -> Stored:
    settings = read(Settings)
    service = ImportService(settings.make_clock(), settings.mode, history=history)

    told = 0

    def progress(count: int) -> None:
        nonlocal told
        told += count
        if not quiet and len(slots) > PART:
            click.echo(f"  {told} of {len(slots)} slots signed and checked", err=True)

    async def run() -> Stored:
        database = Database(settings.database_url.get_secret_value())
        done = Stored()
        try:
            async with database.transaction() as session:
                done = await service.store(session, slots, station, meter, key, progress=progress)
                if done.refused or not keep:
                    raise _NotKept
        except _NotKept:
            pass
        finally:
            await database.close()
        return done

    with on_database(settings.database_url.get_secret_value()):
        return asyncio.run(run())


def _outcome(stored: Stored | None, *, kept: bool) -> dict[str, Any]:
    if stored is None:
        return {"stored": False}
    refused = {
        code: {"slots": count, "line": line, "reason": reason} for code, (count, line, reason) in stored.refused.items()
    }
    return {
        "stored": kept,
        "statuses": dict(stored.statuses),
        "history": stored.history,
        "conflicts": [instant(slot) for slot in stored.conflicts],
        "refused": refused,
    }


def _show_file(file: MeterFile, slots: dict[str, Slots]) -> None:
    click.echo(f"{file.name}: {file.format}, {len(slots)} connection point{'' if len(slots) == 1 else 's'} with energy")
    rows = by_quality(file)
    click.echo(
        f"{'point':<12}{'channel':<12}{'way':<8}{'quality':<12}{'means':<14}{'values':>9}  {'min':>4}  {'kWh':>18}"
    )
    for row in rows:
        kwh = "not energy" if row.uwh is None else _kwh(row.uwh)
        means = row.kept or "?"
        line = f"{row.point or '-':<12}{row.channel:<12}{row.direction:<8}{row.flag:<12}{means:<14}{row.values:>9}"
        click.echo(f"{line}  {_length(row.seconds):>4}  {kwh:>18}")
    for point, found in slots.items():
        kinds = [slot.quality for slot in found.complete]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds), reverse=True)) or "none"
        net = sum(slot.measures["meterWh"] for slot in found.complete)
        click.echo(f"{point or 'slots'}: {len(kinds)} slots of 15 min ({told}), balance {_kwh(net)} kWh")
        if found.complete:
            click.echo(f"  from {instant(found.complete[0].number)} to {instant(found.complete[-1].number + 1)}")
        gaps = list(runs(found.gaps))
        for first, count in gaps[:_GAPS_SHOWN]:
            click.echo(
                f"  gap: {count} slot{'' if count == 1 else 's'} from {instant(first)}; no value, or not in every channel"
            )
        if len(gaps) > _GAPS_SHOWN:
            click.echo(f"  … and {len(gaps) - _GAPS_SHOWN} more gaps")
    if any(row.uwh is not None and row.seconds > SLOT_SECONDS for row in rows):
        click.echo("values longer than 15 min are spread evenly and called integrated: they never mint")
    if not slots:
        click.echo("no channel of active energy (E… or B… in Wh, kWh or MWh): nothing to store")


def _kwh(uwh: int) -> str:
    whole, rest = divmod(abs(uwh), UWH_PER_KWH)
    return f"{'-' if uwh < 0 else ''}{whole:,}.{rest:09d}"[:-3]


def _length(seconds: int) -> str:
    return f"{seconds} s" if seconds % 60 else str(seconds // 60)


def _show_outcome(file: MeterFile, stored: Stored, *, kept: bool, dry_run: bool) -> None:
    told = ", ".join(f"{count} {status}" for status, count in sorted(stored.statuses.items())) or "nothing to store"
    click.echo(("stored: " if kept else "would be: " if dry_run and not stored.refused else "NOT stored: ") + told)
    if stored.history:
        click.echo(f"  {stored.history} of them are history: too old to be counted, kept as signed")
    for slot in stored.conflicts[:_GAPS_SHOWN]:
        click.echo(f"  conflict: other bytes are stored for {instant(slot)}; they stay, these are kept for audit")
    for code, (count, line, reason) in stored.refused.items():
        click.echo(f"{file.name}:{line}: {code}: {reason} ({count} slot{'' if count == 1 else 's'})", err=True)
    if "telemetry.too_old" in stored.refused:
        click.echo("  what is older than 31 days can't be counted any more; --history keeps it as history", err=True)
    if "telemetry.signature" in stored.refused:
        click.echo("  register this key with the station: greencore register --station … --key …", err=True)
