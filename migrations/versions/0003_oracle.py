# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of oracle."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_AMOUNT = sa.Numeric(30, 0)

# what was signed is never un-signed, whatever a program or a person at the database tries
_GUARD = """
CREATE FUNCTION oracle_signature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.content_hash <> OLD.content_hash OR NEW.utility <> OLD.utility OR NEW.slot <> OLD.slot THEN
        RAISE EXCEPTION 'oracle: slot % of utility % was signed and stays so', OLD.slot, OLD.utility;
    END IF;
    RETURN NEW;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER oracle_signature_guard BEFORE UPDATE OR DELETE ON oracle_signature
FOR EACH ROW EXECUTE FUNCTION oracle_signature_guard()
"""


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _utility() -> sa.Column[int]:
    return sa.Column("utility", sa.SmallInteger(), nullable=False)


def _registers() -> None:
    op.create_table(
        "oracle_register",
        _utility(),
        sa.Column("station", sa.Uuid(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        _big("slot"),
        sa.PrimaryKeyConstraint("utility", "station", "tenure", name="pk_oracle_register"),
    )
    op.create_table(
        "oracle_undo",
        _utility(),
        _big("report_slot"),
        sa.Column("station", sa.Uuid(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("register", sa.Text()),
        sa.Column("slot", sa.BigInteger()),
        sa.PrimaryKeyConstraint("utility", "report_slot", "station", "tenure", name="pk_oracle_undo"),
    )


def _signatures() -> None:
    op.create_table(
        "oracle_signature",
        _utility(),
        _big("slot"),
        _bytes("content_hash"),
        _big("deadline"),
        _big("epoch"),
        _bytes("signature"),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("utility", "slot", name="pk_oracle_signature"),
    )
    op.execute(_GUARD)
    op.execute(_TRIGGER)
    op.create_table(
        "oracle_proposal",
        _bytes("content_hash"),
        _utility(),
        _big("slot"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("content_hash", name="pk_oracle_proposal"),
    )
    op.create_index("ix_oracle_proposal_slot", "oracle_proposal", ["utility", "slot"])


def _reports() -> None:
    op.create_table(
        "oracle_report",
        _utility(),
        _big("slot"),
        _bytes("content_hash"),
        _bytes("prev"),
        _bytes("root"),
        sa.Column("increase", _AMOUNT, nullable=False),
        sa.Column("total", _AMOUNT, nullable=False),
        _big("stations"),
        _bytes("data_hash"),
        _big("valid_from"),
        _big("epoch"),
        _big("block_number"),
        _bytes("block_hash"),
        _bytes("tx_hash"),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("applied_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("utility", "slot", name="pk_oracle_report"),
    )
    op.create_table(
        "oracle_leaves",
        _bytes("data_hash"),
        _utility(),
        _big("slot"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("data_hash", name="pk_oracle_leaves"),
    )
    op.create_index("ix_oracle_leaves_slot", "oracle_leaves", ["utility", "slot"])
    op.create_table(
        "oracle_disagreement",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _utility(),
        _big("slot"),
        _bytes("content_hash"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("mine", sa.Text()),
        sa.Column("theirs", sa.Text()),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_oracle_disagreement"),
    )
    op.create_index("uq_oracle_disagreement_content", "oracle_disagreement", ["content_hash", "kind"], unique=True)


def upgrade() -> None:
    _registers()
    _signatures()
    _reports()


def downgrade() -> None:
    for name in ("disagreement", "leaves", "report", "proposal", "signature", "undo", "register"):
        op.drop_table(f"oracle_{name}")
    op.execute("DROP FUNCTION oracle_signature_guard()")
