# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Tables around the way in: envelopes, what was noticed about them, corrections, flags, who did what, and sums over time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Amount, Base

_INSTANT = DateTime(timezone=True)


class EnergyEnvelope(Base):
    """An envelope as a device signed it, once for all intervals that it proves.

    `id` is keccak-256 of body and signature: what a stranger signed never stands in for the device's. `key` is the registered
    key whose signature was checked; it is empty while the envelope only keeps refused intervals company.
    """

    __tablename__ = "energy_envelope"
    __table_args__ = (Index("ix_energy_envelope_key", "key", "seq"), Index("ix_energy_envelope_station", "station"))

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    station: Mapped[UUID] = mapped_column(UuidType)
    key: Mapped[bytes | None] = mapped_column(LargeBinary)
    boot_id: Mapped[str] = mapped_column(Text)
    seq: Mapped[int] = mapped_column(BigInteger)
    prev: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(_INSTANT)
    transport: Mapped[str] = mapped_column(Text)


class EnergyNotice(Base):
    """Something about a device's chain of envelopes that a person should see; it never stopped a reading."""

    __tablename__ = "energy_notice"
    __table_args__ = (
        Index("uq_energy_notice_key", "key", "code", "seq", unique=True),
        Index("ix_energy_notice_station", "station"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    code: Mapped[str] = mapped_column(Text)
    seq: Mapped[int] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(Text)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    noted_at: Mapped[datetime] = mapped_column(_INSTANT)


class EnergyRegistryVersion(Base):
    """One row with a number that rises whenever the registry's mirror changes and never comes again; triggers keep it."""

    __tablename__ = "energy_registry_version"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class EnergyAudit(Base):
    """Who did what by an operator's or an owner's door; rows are only ever added."""

    __tablename__ = "energy_audit"
    __table_args__ = (Index("ix_energy_audit_subject", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(_INSTANT)
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)


class EnergyCorrection(Base):
    """The record behind a correction reading, by the reading's hash: who corrected what, why, and on what evidence."""

    __tablename__ = "energy_correction"
    __table_args__ = (Index("ix_energy_correction_station", "station", "slot"),)

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    slot: Mapped[int] = mapped_column(Integer)
    meter: Mapped[str] = mapped_column(Text)
    delta_uwh: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)


class EnergyFlag(Base):
    """A case that somebody opened about an interval. It stops nothing by itself; closing it needs a word of what was found."""

    __tablename__ = "energy_flag"
    __table_args__ = (Index("ix_energy_flag_station", "station", "slot"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    slot: Mapped[int] = mapped_column(Integer)
    who: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(_INSTANT)
    closed_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    closed_by: Mapped[str | None] = mapped_column(Text)
    finding: Mapped[str | None] = mapped_column(Text)


class EnergyRollupDirty(Base):
    """An hour of a station that changed since it was summed. Rows are added blindly and taken by the job that sums."""

    __tablename__ = "energy_rollup_dirty"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    hour: Mapped[int] = mapped_column(Integer)


class _Sums:
    """Sums over the intervals in force (`e_net_uwh`, counts by quality) and over the readings of all meters, µWh."""

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    e_net_uwh: Mapped[int] = mapped_column(Amount(38))
    import_uwh: Mapped[int] = mapped_column(Amount(38))
    export_uwh: Mapped[int] = mapped_column(Amount(38))
    gen_uwh: Mapped[int] = mapped_column(Amount(38))
    raw: Mapped[int] = mapped_column(BigInteger)
    validated: Mapped[int] = mapped_column(BigInteger)
    estimated: Mapped[int] = mapped_column(BigInteger)
    readings: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(_INSTANT)


class EnergyRollupHour(_Sums, Base):
    """An hour of a station, or of the grid (the station of all zeros). `hour` is unix time // 3600, UTC."""

    __tablename__ = "energy_rollup_hour"
    __table_args__ = (Index("ix_energy_rollup_hour_hour", "hour"),)

    hour: Mapped[int] = mapped_column(Integer, primary_key=True)


class EnergyRollupDay(_Sums, Base):
    """A UTC day of a station, or of the grid (the station of all zeros). `day` is unix time // 86400."""

    __tablename__ = "energy_rollup_day"
    __table_args__ = (Index("ix_energy_rollup_day_day", "day"),)

    day: Mapped[int] = mapped_column(Integer, primary_key=True)
