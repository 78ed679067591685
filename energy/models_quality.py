# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the platform's QA over whole days. A day is `slot // 96`, in UTC; energy is in µWh."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, Integer, Text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Base

_INSTANT = DateTime(timezone=True)


class EnergyDayDue(Base):
    """A day of a station whose intervals changed since it was looked at, and when to look."""

    __tablename__ = "energy_day_due"
    __table_args__ = (Index("ix_energy_day_due_at", "due_at"),)

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(_INSTANT)


class EnergyFinding(Base):
    """What a rule found about a day. One that no longer holds is superseded, never deleted."""

    __tablename__ = "energy_finding"
    __table_args__ = (Index("ix_energy_finding_station", "station", "day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    station: Mapped[UUID] = mapped_column(UuidType)
    day: Mapped[int] = mapped_column(Integer)
    rule: Mapped[str] = mapped_column(Text)
    rule_version: Mapped[int] = mapped_column(Integer)
    policy: Mapped[int] = mapped_column(Integer)
    result: Mapped[str] = mapped_column(Text)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    superseded_at: Mapped[datetime | None] = mapped_column(_INSTANT)


class EnergyEstimate(Base):
    """What a missing slot was probably worth, for reports to people: never minted, superseded by the original.

    `donors` are the days whose mean it is; `haircut_ppm` is what would be taken off if a policy minted it.
    """

    __tablename__ = "energy_estimate"

    station: Mapped[UUID] = mapped_column(UuidType, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    e_uwh: Mapped[int] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(Text)
    donors: Mapped[list[int]] = mapped_column(JSONB)
    haircut_ppm: Mapped[int] = mapped_column(Integer)
    policy: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    superseded_at: Mapped[datetime | None] = mapped_column(_INSTANT)
