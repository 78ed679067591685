# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What stories keep of their own: a home's penalties and bonuses, and the coefficients of its income as the chain told them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, Integer, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Amount, Base

_INSTANT = DateTime(timezone=True)


class HomeAdjustment(Base):
    """A penalty or a bonus of a home, units of 10⁻⁹ GCM, with its policy and reason. Append-only: a trigger keeps the rows."""

    __tablename__ = "home_adjustment"
    __table_args__ = (
        CheckConstraint("kind IN ('penalty', 'bonus')", name="kind"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_home_adjustment_station", "station", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    station: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(_INSTANT)
    kind: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(Amount(30))
    policy: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    entered_by: Mapped[str] = mapped_column(Text)
    entered_at: Mapped[datetime] = mapped_column(_INSTANT)


class HomeCoefficient(Base):
    """HomePolicy.CoefficientChanged: from this place of the chain on, millionths of a GCM per whole token."""

    __tablename__ = "home_coefficient"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    log_index: Mapped[int] = mapped_column(Integer, primary_key=True)
    coefficient: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(_INSTANT)
