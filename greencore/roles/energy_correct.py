# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy correct`: people put a slot right, on the record. docs/decisions/0010."""

import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from uuid import UUID

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession

from edge import keys
from edge.protocol import ReceiptLine, Source
from energy import corrections
from energy.corrections import CORRECTOR, Record
from energy.ingest.service import IngestService
from greencore.roles.energy_parked import actor, run
from greencore.roles.process import fail
from kit.errors import GreenCoreError
from kit.settings import Mode, Settings
from kit.units import SLOT_SECONDS, slot_of

REFUSED = 1
_MICRO = 6


@click.command("correct")
@click.option("--station", required=True, type=click.UUID, help="The station's UUID.")
@click.option("--start", required=True, help="First instant of the slot, such as 2026-03-10T11:45:00Z.")
@click.option("--delta-wh", help="So many Wh more, or less with a minus.")
@click.option("--to-wh", help="What the slot is worth, Wh; the difference to what is stored is signed.")
@click.option("--reason", required=True, help="Why, in one line.")
@click.option("--evidence", required=True, help="What shows it: a document, a ticket, a hash; one line.")
@click.option("--who", help="Who decides; you, if left out.")
@click.option("--key", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the corrector's key.")
def command(
    station: UUID, start: str, delta_wh: str | None, to_wh: str | None, reason: str, evidence: str, who: str | None,
    folder: Path,
) -> None:  # fmt: skip
    """Correct what a slot is worth. Nothing stored changes: a signed difference is added, and every node counts it.

    The key must be registered for the station with the role of a corrector (greencore register --role 200). What lowers the
    register counts at once; what raises it mints only if the policy says so. What was minted is never taken back.

    Exit code 0: let in, or it was before. 1: the checks refuse it. 2: the call is wrong.
    """
    if (delta_wh is None) == (to_wh is None):
        fail("give --delta-wh or --to-wh, one of the two")
    slot, key = _slot(start), _key(folder)
    record = Record(who or actor(), reason, evidence)
    wanted = _micro(delta_wh if delta_wh is not None else to_wh or "")

    async def correct(session: AsyncSession, settings: Settings) -> tuple[int, int, ReceiptLine]:
        clock = settings.make_clock()
        before = await corrections.correctable(session, station, slot)
        delta = wanted if delta_wh is not None else wanted - before
        source: Source | None = "demo" if settings.mode is Mode.DEMO else None
        signed = corrections.prepare(station, slot, delta, record, key, source=source)
        service = IngestService(clock, settings.mode)
        line = await corrections.accept(session, service, signed, record, at=clock.now(), actor=actor())
        return before, delta, line

    try:
        before, delta, line = run(correct)
    except GreenCoreError as error:
        fail(f"energy correct: {error} ({error.code})")
    click.echo(f"{line.hash}  {line.status}  {line.code}  {line.detail}".rstrip())
    if line.status not in ("accepted", "duplicate"):
        if line.code in ("telemetry.signature", "telemetry.corrector"):
            click.echo(
                f"register it: greencore register --station {station} --key {keys.public_hex(key)} --role {CORRECTOR} …",
                err=True,
            )
        sys.exit(REFUSED)
    if line.status == "accepted":
        click.echo(
            f"{_wh(before)} Wh → {_wh(before + delta)} Wh; the next report counts the difference of {_wh(delta)} Wh"
        )


def _slot(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--start {text!r} is no instant; write 2026-03-10T11:45:00Z")
    if at.tzinfo is None or at.timestamp() % SLOT_SECONDS:
        fail(f"--start {text!r} is no UTC quarter hour; write 2026-03-10T11:45:00Z")
    return slot_of(at)


def _key(folder: Path) -> Ed25519PrivateKey:
    if not (folder / keys.KEY_FILE).exists():
        fail(f"no {keys.KEY_FILE} in {folder}")
    try:
        return keys.load_or_create(folder)
    except keys.DeviceKeyError as error:
        fail(str(error))


def _micro(text: str) -> int:
    try:
        value = Decimal(text).scaleb(_MICRO)
        if value != int(value):
            raise ValueError
    except (InvalidOperation, ValueError, OverflowError):
        fail(f"{text!r} is no number of Wh with at most {_MICRO} decimal places")
    return int(value)


def _wh(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-_MICRO).normalize():f}"
