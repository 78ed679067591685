# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Envelopes are stored once, and each new one is compared with those before and after it in its device's chain.

A break is for a person to look at: a cloned key, a lost buffer, a restored backup. It never refuses energy that a meter measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from eth_hash.auto import keccak
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import FIRST, Envelope, SignedInterval, encode
from energy.ingest.store import driver
from energy.models_ingest import EnergyEnvelope, EnergyNotice
from kit import logs

log = logs.get(__name__)

REUSED = "envelope.seq_reused"
BROKEN = "envelope.prev_mismatch"
HOLE = "envelope.hole"
MESSAGE_MAX = 512 << 10  # of one message to the nodes; the broker takes 1 MiB where nobody told it otherwise

_KEEP = """
INSERT INTO energy_envelope (id, hash, station, key, boot_id, seq, prev, body, signature, received_at, transport)
SELECT *, $10::timestamptz, $11::text FROM unnest(
    $1::bytea[], $2::bytea[], $3::uuid[], $4::bytea[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[], $9::bytea[]
)
-- what was kept with refused intervals is proven by now: the registry has learnt of the key
ON CONFLICT (id) DO UPDATE SET key = excluded.key WHERE energy_envelope.key IS NULL AND excluded.key IS NOT NULL
RETURNING id
"""
_NEIGHBOURS = text("""
SELECT here.id, before.hash, after.prev, twin.seq IS NOT NULL,
       (SELECT max(seq) FROM energy_envelope WHERE key = here.key AND seq < here.seq)
FROM energy_envelope AS here
LEFT JOIN LATERAL (SELECT hash FROM energy_envelope WHERE key = here.key AND seq = here.seq - 1 LIMIT 1) AS before ON true
LEFT JOIN LATERAL (SELECT prev FROM energy_envelope WHERE key = here.key AND seq = here.seq + 1 LIMIT 1) AS after ON true
LEFT JOIN LATERAL (SELECT seq FROM energy_envelope WHERE key = here.key AND seq = here.seq AND hash <> here.hash LIMIT 1) AS twin
    ON true
WHERE here.id = ANY(:ids)
""")


@dataclass(frozen=True, slots=True)
class Received:
    """An envelope, the key that was found to have signed it (None: none that is known), and where it is stored."""

    envelope: Envelope
    id: bytes
    key: bytes | None


def envelope_id(envelope: Envelope) -> bytes:
    """keccak-256 of body and signature: a stranger's signature under the same body is another row."""
    return keccak(envelope.body + envelope.signature)


async def keep(session: AsyncSession, received: Sequence[Received], at: datetime, transport: str) -> None:
    """Store envelopes that are not stored, and notice what is odd about their place in the chain. Never commits."""
    rows = {
        one.id: (
            one.id,
            one.envelope.hash,
            one.envelope.home_id,
            one.key,
            one.envelope.boot_id,
            one.envelope.seq,
            one.envelope.prev,
            one.envelope.body,
            one.envelope.signature,
        )
        for one in received
    }
    ordered = [rows[name] for name in sorted(rows)]  # in one order everywhere
    connection = await driver(session)
    found = await connection.fetch(_KEEP, *zip(*ordered, strict=True), at, transport)
    fresh = [row["id"] for row in found]
    proven_ids = {one.id for one in received if one.key is not None}
    await _notice(session, {one.id: one for one in received}, [name for name in fresh if name in proven_ids], at)


async def load(session: AsyncSession, ids: Sequence[bytes]) -> dict[bytes, Envelope]:
    """Stored envelopes by their ids."""
    rows = await session.execute(
        select(EnergyEnvelope.id, EnergyEnvelope.body, EnergyEnvelope.signature).where(EnergyEnvelope.id.in_(ids))
    )
    return {name: Envelope.read(body, signature) for name, body, signature in rows}


def messages(new: Mapping[bytes, Sequence[SignedInterval]]) -> list[bytes]:
    """What the nodes are told: an envelope a message with what is new of it, in parts where that would be too long.

    `new` has the intervals by envelope id. An envelope that is new as a whole goes on as it came.
    """
    made: list[bytes] = []
    for intervals in new.values():
        envelope = intervals[0].envelope
        if envelope and len(intervals) == len(envelope.hashes) and 0 < len(envelope.wire) <= MESSAGE_MAX:
            made.append(envelope.wire)
        else:
            made += _parts(intervals)
    return made


def _parts(intervals: Sequence[SignedInterval]) -> list[bytes]:
    data = encode(intervals)
    if len(data) <= MESSAGE_MAX or len(intervals) == 1:
        return [data]
    half = len(intervals) // 2
    return _parts(intervals[:half]) + _parts(intervals[half:])


async def notices(session: AsyncSession, *, station: UUID | None = None, limit: int = 100) -> list[EnergyNotice]:
    """What was odd about envelopes, the newest first. A hole is shown as long as the envelope before it has not come."""
    before = select(EnergyEnvelope.id).where(
        EnergyEnvelope.key == EnergyNotice.key, EnergyEnvelope.seq == EnergyNotice.seq - 1
    )
    rows = select(EnergyNotice).where(~((EnergyNotice.code == HOLE) & before.exists()))
    if station is not None:
        rows = rows.where(EnergyNotice.station == station)
    return list(await session.scalars(rows.order_by(EnergyNotice.id.desc()).limit(limit)))


async def _notice(
    session: AsyncSession, received: Mapping[bytes, Received], fresh: Sequence[bytes], at: datetime
) -> None:
    if not fresh:
        return
    found = []
    for name, before, following_prev, reused, highest in await session.execute(_NEIGHBOURS, {"ids": list(fresh)}):
        one = received[name]
        for code, detail in _oddities(one.envelope, before, following_prev, reused, highest):
            found.append(_note(one, code, detail, at))
    for row in sorted(found, key=lambda row: (row["key"], row["code"], row["seq"])):
        await session.execute(insert(EnergyNotice).values(row).on_conflict_do_nothing())
        tell = log.debug if row["code"] == HOLE else log.warning  # with several connections holes come and go
        tell("envelope.noticed", code=row["code"], station=str(row["station"]), seq=row["seq"])


def _oddities(
    envelope: Envelope, before: bytes | None, following_prev: bytes | None, reused: bool, highest: int | None
) -> list[tuple[str, str]]:
    found = []
    if reused:
        found.append(
            (REUSED, f"two different envelopes bear number {envelope.seq}: a copied key, or a restored backup")
        )
    if before is not None and before != envelope.prev:
        found.append(
            (BROKEN, f"number {envelope.seq} does not follow the envelope that is stored as {envelope.seq - 1}")
        )
    if following_prev is not None and following_prev != envelope.hash:
        found.append((BROKEN, f"number {envelope.seq + 1} does not follow this envelope"))
    if before is None and (highest is not None or envelope.prev != FIRST):
        after = "nothing" if highest is None else f"number {highest}"
        found.append((HOLE, f"number {envelope.seq} came after {after}; what lies between is missing, or on its way"))
    return found[:1] if reused else found


def _note(one: Received, code: str, detail: str, at: datetime) -> dict[str, UUID | bytes | str | int | datetime | None]:
    return {
        "station": one.envelope.home_id,
        "key": one.key,
        "code": code,
        "seq": one.envelope.seq,
        "detail": detail,
        "envelope": one.id,
        "noted_at": at,
    }
