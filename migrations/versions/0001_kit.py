# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The shelf's tables: outbox, idempotency keys, and procrastinate's jobs."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kit_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_kit_outbox"),
    )
    op.create_index("ix_kit_outbox_waiting", "kit_outbox", ["id"], postgresql_where=sa.text("published_at IS NULL"))
    op.create_table(
        "kit_idempotency",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "key", name="pk_kit_idempotency"),
    )
    # the driver would take the percent signs and colons of the functions' bodies for parameters
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())


def downgrade() -> None:
    _drop_procrastinate()
    op.drop_table("kit_idempotency")
    op.drop_table("kit_outbox")


def _drop_procrastinate() -> None:
    # the library ships no script for this; everything it makes carries its prefix
    drops = op.get_bind().execute(
        sa.text(
            """
            SELECT format('DROP TABLE IF EXISTS %I CASCADE', tablename)
            FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
            UNION ALL
            SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
            FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%'
            UNION ALL
            SELECT format('DROP TYPE IF EXISTS %I CASCADE', typname)
            FROM pg_type WHERE typnamespace = current_schema()::regnamespace
                AND typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') AND typrelid = 0
            UNION ALL
            SELECT format('DROP TYPE IF EXISTS %I CASCADE', relname)
            FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                AND relname LIKE 'procrastinate\\_%' AND relkind = 'c'
            """
        )
    )
    for (statement,) in drops.all():
        op.execute(statement)
