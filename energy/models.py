# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of energy. Energy is in µWh, a slot is `unix_time // 900`; instants are the deployment clock's.

Stations, tenures and meters mirror the chain's registry. Readings are what devices signed and never change. Intervals are what we
make of them, one row per version.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Index, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from energy import models_ingest as models_ingest  # its tables belong to the same metadata
from energy import models_quality as models_quality  # and these
from kit.database import Base

_INSTANT = DateTime(timezone=True)
_BY_SLOT = {"postgresql_partition_by": "RANGE (slot)"}


class EnergyStation(Base):
    """A registered station as its present owner holds it. `owner` has 20 bytes; `block` is the chain's block of the last change."""

    __tablename__ = "energy_station"

    id: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    name: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[bytes] = mapped_column(LargeBinary)
    tenure: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(_INSTANT)
    rated_w: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[int] = mapped_column(SmallInteger, default=0)
    demo: Mapped[bool] = mapped_column(Boolean, default=False)
    k_safety_ppm: Mapped[int] = mapped_column(Integer, default=1_000_000)
    block: Mapped[int] = mapped_column(BigInteger, default=0)


class EnergyTenure(Base):
    """One ownership of a station. A reading belongs to the tenure that holds its slot's first instant; `until` is excluded.

    `ratings` are [first slot, W] of every rating of the station, in order, where there was more than one; `rated_w` is the last.
    """

    __tablename__ = "energy_tenure"

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    tenure: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[bytes] = mapped_column(LargeBinary)
    since: Mapped[datetime] = mapped_column(_INSTANT)
    until: Mapped[datetime | None] = mapped_column(_INSTANT)
    rated_w: Mapped[int] = mapped_column(BigInteger)
    ratings: Mapped[list[list[int]]] = mapped_column(JSONB, default=list)


class EnergyMeter(Base):
    """A device's Ed25519 public key (32 bytes) and the station it may sign for, from `since` until before `until`."""

    __tablename__ = "energy_meter"
    __table_args__ = (Index("ix_energy_meter_station", "station"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    role: Mapped[int] = mapped_column(SmallInteger, default=0)
    since: Mapped[datetime] = mapped_column(_INSTANT)
    until: Mapped[datetime | None] = mapped_column(_INSTANT)


class EnergyReading(Base):
    """A signed interval as it was accepted; immutable. `body` is the canonical bytes, `hash` their keccak-256, `key` who signed.

    It is proven by its own `signature` or by an `envelope` (the id of an EnergyEnvelope), never by both.
    The measures stand beside it for queries; `energy.wire.interval_of` reads all of them back from `body`.
    Natively partitioned by month of the slot.
    """

    __tablename__ = "energy_reading"
    __table_args__ = (Index("ix_energy_reading_hash", "hash"), _BY_SLOT)

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    meter: Mapped[str] = mapped_column(Text, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    meter_uwh: Mapped[int] = mapped_column(BigInteger)
    gen_uwh: Mapped[int | None] = mapped_column(BigInteger)
    aux_uwh: Mapped[int | None] = mapped_column(BigInteger)
    loss_uwh: Mapped[int | None] = mapped_column(BigInteger)
    import_uwh: Mapped[int | None] = mapped_column(BigInteger)
    export_uwh: Mapped[int | None] = mapped_column(BigInteger)
    demo: Mapped[bool] = mapped_column(Boolean)
    received_at: Mapped[datetime] = mapped_column(_INSTANT)
    transport: Mapped[str] = mapped_column(Text)


class EnergyConflict(Base):
    """Bytes that a device signed for a slot for which other bytes are stored. Kept for audit, never counted."""

    __tablename__ = "energy_conflict"
    __table_args__ = (Index("ix_energy_conflict_station", "station", "slot"),)

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    meter: Mapped[str] = mapped_column(Text)
    slot: Mapped[int] = mapped_column(Integer)
    stored_hash: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(_INSTANT)
    transport: Mapped[str] = mapped_column(Text)


class EnergyRejection(Base):
    """Something that came in and could not be accepted, and why. One row for the same bytes and code, however often they come.

    `hash` is the interval's hash, or the SHA-256 of bytes that could not be read. `payload` is cut at `PAYLOAD_MAX`; `size`
    is the whole. If it came in an envelope, that is kept beside it and `payload` is the canonical bytes.
    A rejection that time may heal has a `retry_at`; one that was accepted later, or by a replay, has a `resolved_at`.
    """

    __tablename__ = "energy_rejection"
    __table_args__ = (
        Index("uq_energy_rejection_hash", "hash", "code", unique=True),
        Index("ix_energy_rejection_station", "station"),
        Index("ix_energy_rejection_retry", "retry_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    code: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    station: Mapped[UUID | None] = mapped_column(UuidType)
    meter: Mapped[str | None] = mapped_column(Text)
    slot: Mapped[int | None] = mapped_column(Integer)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(Integer)
    transport: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime] = mapped_column(_INSTANT)
    last_at: Mapped[datetime] = mapped_column(_INSTANT)
    times: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer)
    retry_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    resolved_at: Mapped[datetime | None] = mapped_column(_INSTANT)


class EnergyPending(Base):
    """A stored reading that a queue (`quality`, `oracle`) has not worked on yet; so nobody has to look for it in the history."""

    __tablename__ = "energy_pending"

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    meter: Mapped[str] = mapped_column(Text, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class EnergyIncluded(Base):
    """A reading that an accepted report counted; none is counted twice."""

    __tablename__ = "energy_included"
    __table_args__ = (Index("ix_energy_included_report", "utility", "report_slot"),)

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    meter: Mapped[str] = mapped_column(Text, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    report_slot: Mapped[int] = mapped_column(Integer)


class EnergyRegister(Base):
    """The platform's own running register of a tenure, for display; a node keeps its own with its reports."""

    __tablename__ = "energy_register"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    tenure: Mapped[int] = mapped_column(Integer, primary_key=True)
    register: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(_INSTANT)


class EnergyInterval(Base):
    """What a slot of a station is worth, one row per version; the highest version is in force, older ones are history.

    `quality` is raw, validated or estimated; `state` is STORED, PROCESSING (a report counts it), MINTED or FAILED;
    `qa` holds every rule that fired with its version and inputs; `method` says how `e_net_uwh` was made.
    """

    __tablename__ = "energy_interval"
    __table_args__ = (
        Index("ix_energy_interval_id", "id"),
        Index("ix_energy_interval_state", "station", "state", "slot"),
        _BY_SLOT,
    )

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity())
    e_net_uwh: Mapped[int] = mapped_column(BigInteger)
    quality: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    qa: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    profile_hash: Mapped[bytes] = mapped_column(LargeBinary)
    water_um3: Mapped[int | None] = mapped_column(BigInteger)
    gas_um3: Mapped[int | None] = mapped_column(BigInteger)
    demo: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    minted_tx: Mapped[bytes | None] = mapped_column(LargeBinary)
