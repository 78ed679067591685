# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""People correct a slot: a signed difference with a record of who, why and on what evidence. decisions/0010.

A correction is an interval of the meter `correction:…` that a key with the Registry's role `CORRECTOR` signed. It travels and is
counted like a reading; its `profileHash` is the hash of the record. Nothing that was stored changes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import Interval, ReceiptLine, SignedInterval, Source, sign
from energy import audit, repository
from energy.ingest.rules import CORRECTOR
from energy.ingest.service import IngestService
from energy.models_ingest import EnergyCorrection
from energy.settle.rules import CORRECTION, is_correction
from kit.errors import NotFound, Refused

__all__ = ["CORRECTOR", "Record", "accept", "correctable", "corrections", "prepare", "worth"]

TEXT_MAX = 500
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Record:
    """Who corrects, why, and on what evidence (a document's name, a ticket, a hash). Each is one line, 500 characters at most."""

    who: str
    reason: str
    evidence: str

    def hash(self) -> bytes:
        """keccak-256 of the canonical record: the `profileHash` of the correction. Raises Refused unless each is one line."""
        for name, value in (("who", self.who), ("reason", self.reason), ("evidence", self.evidence)):
            if len(value) > TEXT_MAX or not _LINE.fullmatch(value):
                raise Refused("correction.record", f"{name} must be one line of 1 to {TEXT_MAX} characters")
        lines = f"evidence={self.evidence}\nreason={self.reason}\nwho={self.who}\n"
        return keccak(b"greencore.correction.v1\n" + lines.encode())


def prepare(
    station: UUID, slot: int, delta_uwh: int, record: Record, key: Ed25519PrivateKey, *, source: Source | None = None
) -> SignedInterval:
    """Sign a correction: the slot is worth `delta_uwh` µWh more (or less). `source` is `demo` on a demo.

    The same difference with the same record is the same correction, however often it is sent.
    """
    if delta_uwh == 0:
        raise Refused("correction.nothing", "the slot is worth that already")
    hashed = record.hash()
    # named after what it says, so that saying it twice is saying it once
    name = keccak(hashed + str(delta_uwh).encode()).hex()[:16]
    meter = f"{CORRECTION}:{name}"
    return sign(Interval(station, slot, {"meterWh": delta_uwh}, hashed, meter_id=meter, source=source), key)


async def worth(session: AsyncSession, station: UUID, slot: int) -> int:
    """What a slot is worth now, µWh. Raises NotFound if nothing is known of it: there is nothing to correct."""
    found = (await repository.intervals_at(session, [(station, slot)])).get((station, slot))
    if found is None:
        raise NotFound("correction.no_interval", "nothing is stored for this slot of this station")
    return found.e_net_uwh


async def correctable(session: AsyncSession, station: UUID, slot: int) -> int:
    """What a slot is worth now, µWh. Raises as `worth` does, and Refused for an estimate: no node counts its correction."""
    found = (await repository.intervals_at(session, [(station, slot)])).get((station, slot))
    if found is not None and found.quality == "estimated" and found.method != "corrected":
        raise Refused("correction.estimated", "the slot was never read; its estimate gives way to an original only")
    return await worth(session, station, slot)


async def accept(
    session: AsyncSession, service: IngestService, signed: SignedInterval, record: Record, *, at: datetime, actor: str
) -> ReceiptLine:
    """Let a correction in like a reading, and keep its record and who brought it. Idempotent. Never commits.

    Raises Refused if it is no correction, or if the record is not the one that was signed. What the checks of the way in
    refuse is told by the line, and kept like any refusal.
    """
    interval = signed.interval
    if not is_correction(interval):
        raise Refused("correction.meter", f"a correction's meter begins with {CORRECTION}")
    if interval.profile_hash != record.hash():
        raise Refused(
            "correction.other_record", "profileHash is not the hash of this record: something else was signed"
        )
    (line,) = await service.ingest(session, [signed], "rest")
    if line.status in ("accepted", "duplicate"):  # stored before, as by a replay, it may still lack its record
        values = {
            "hash": signed.hash,
            "station": interval.home_id,
            "slot": interval.slot,
            "meter": interval.meter,
            "delta_uwh": interval.meter_uwh,
            "who": record.who,
            "reason": record.reason,
            "evidence": record.evidence,
            "created_at": at,
        }
        await session.execute(insert(EnergyCorrection).values(values).on_conflict_do_nothing())
    audit.note(
        session, at, actor, "correct", str(interval.home_id), hash="0x" + signed.hash.hex(), slot=interval.slot,
        delta_uwh=str(interval.meter_uwh), status=line.status, code=line.code,
    )  # fmt: skip
    return line


async def corrections(
    session: AsyncSession, *, station: UUID | None = None, limit: int = 100
) -> Sequence[EnergyCorrection]:
    """Corrections with their records, the newest first."""
    rows = select(EnergyCorrection)
    if station is not None:
        rows = rows.where(EnergyCorrection.station == station)
    return list(await session.scalars(rows.order_by(EnergyCorrection.created_at.desc()).limit(limit)))
