# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the depth of the energy path adds: utilities other than E, and what homes earn."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)

# what somebody was charged or given is history, whatever a program or a person at the database tries
_GUARD = """
CREATE FUNCTION home_adjustment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'home: adjustment % stays; take it back by another one', OLD.id;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER home_adjustment_guard BEFORE UPDATE OR DELETE ON home_adjustment
FOR EACH ROW EXECUTE FUNCTION home_adjustment_guard()
"""

# the protocol's table: a home's wallet holds the balance, so two homes of one wallet show the same
_BALANCES = """
CREATE VIEW utility_balances AS
SELECT s.id AS home_id,
       u.code AS token_code,
       (coalesce(b.balance, 0)::numeric / 1000000000)::numeric(39, 9) AS balance,
       (SELECT max(c.updated_at) FROM indexer_cursor c) AS updated_at
FROM energy_station s
CROSS JOIN (VALUES (1, 'E'), (2, 'H'), (3, 'W'), (4, 'AGR'), (5, 'SRV'), (6, 'CRB'), (7, 'DATA'), (8, 'EFF'), (9, 'DEV'))
    AS u (id, code)
LEFT JOIN indexer_balance b ON b.owner = s.owner AND b.token_id = u.id
WHERE s.tenure > 0
"""


def upgrade() -> None:
    op.create_table(
        "oracle_utility",
        sa.Column("utility", sa.SmallInteger(), nullable=False),
        sa.Column("opened_slot", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("utility", name="pk_oracle_utility"),
    )
    op.create_table(
        "home_adjustment",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("station", sa.Uuid(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(30, 0), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", _INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('penalty', 'bonus')", name="ck_home_adjustment_kind"),
        sa.CheckConstraint("amount > 0", name="ck_home_adjustment_amount"),
        sa.PrimaryKeyConstraint("id", name="pk_home_adjustment"),
    )
    op.create_index("ix_home_adjustment_station", "home_adjustment", ["station", "at"])
    op.execute(_GUARD)
    op.execute(_TRIGGER)
    op.create_table(
        "home_coefficient",
        sa.Column("utility", sa.SmallInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("coefficient", sa.BigInteger(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("utility", "block_number", "log_index", name="pk_home_coefficient"),
    )
    op.execute(_BALANCES)


def downgrade() -> None:
    op.execute("DROP VIEW utility_balances")
    op.drop_table("home_coefficient")
    op.drop_table("home_adjustment")
    op.execute("DROP FUNCTION home_adjustment_guard()")
    op.drop_table("oracle_utility")
