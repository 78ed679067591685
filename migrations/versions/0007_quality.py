# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about whole days, estimates by like days, and the ratings that a station had over time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("energy_tenure", sa.Column("ratings", JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "energy_day_due",
        _required("station", sa.Uuid()),
        _required("day", sa.Integer()),
        _required("due_at", _INSTANT),
        sa.PrimaryKeyConstraint("station", "day", name="pk_energy_day_due"),
    )
    op.create_index("ix_energy_day_due_at", "energy_day_due", ["due_at"])
    op.create_table(
        "energy_finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _required("station", sa.Uuid()),
        _required("day", sa.Integer()),
        _required("rule", sa.Text()),
        _required("rule_version", sa.Integer()),
        _required("policy", sa.Integer()),
        _required("result", sa.Text()),
        _required("inputs", JSONB()),
        _required("created_at", _INSTANT),
        sa.Column("superseded_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_energy_finding"),
    )
    op.create_index("ix_energy_finding_station", "energy_finding", ["station", "day"])
    op.create_table(
        "energy_estimate",
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("version", sa.Integer()),
        _required("e_uwh", sa.BigInteger()),
        _required("method", sa.Text()),
        _required("donors", JSONB()),
        _required("haircut_ppm", sa.Integer()),
        _required("policy", sa.Integer()),
        _required("created_at", _INSTANT),
        sa.Column("superseded_at", _INSTANT),
        sa.PrimaryKeyConstraint("station", "slot", "version", name="pk_energy_estimate"),
    )


def downgrade() -> None:
    for table in ("energy_estimate", "energy_finding", "energy_day_due"):
        op.drop_table(table)
    op.drop_column("energy_tenure", "ratings")


def _required(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)
