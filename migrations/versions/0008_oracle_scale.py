# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reports over a million stations: registers that can be read without their memory, files read in pieces, stored trees."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_AMOUNT = sa.Numeric(30, 0)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    for name in ("measured", "mintable"):
        made = sa.Computed(f"(register::json->>'{name}')::numeric", persisted=True)
        op.add_column("oracle_register", sa.Column(name, _AMOUNT, made, nullable=False))
    # uncompressed: a piece of a file is read without the whole
    op.execute("ALTER TABLE oracle_leaves ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "oracle_tree",
        _bytes("data_hash"),
        sa.Column("utility", sa.SmallInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        _bytes("root"),
        _bytes("signposts"),
        _bytes("places"),
        _bytes("levels"),
        sa.PrimaryKeyConstraint("data_hash", name="pk_oracle_tree"),
    )
    op.create_index("ix_oracle_tree_slot", "oracle_tree", ["utility", "slot"])
    for name in ("places", "levels"):
        op.execute(f"ALTER TABLE oracle_tree ALTER COLUMN {name} SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("oracle_tree")
    op.execute("ALTER TABLE oracle_leaves ALTER COLUMN data SET STORAGE EXTENDED")
    for name in ("mintable", "measured"):
        op.drop_column("oracle_register", name)
