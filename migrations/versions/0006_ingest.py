# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Envelopes and what was noticed about them, a version of the registry's mirror, audit, corrections, flags, sums over time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_MIRRORED = ("energy_station", "energy_tenure", "energy_meter")
_TABLES = (
    "energy_rollup_day",
    "energy_rollup_hour",
    "energy_rollup_dirty",
    "energy_flag",
    "energy_correction",
    "energy_audit",
    "energy_registry_version",
    "energy_notice",
    "energy_envelope",
)
# one row, so that what a cache compares is as transactional as what it caches; from a sequence, so that no number comes again
# after a rollback with other contents
_VERSION = """
CREATE FUNCTION energy_registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE energy_registry_version SET version = nextval('energy_registry_versions');
    RETURN NULL;
END $$
"""
_HOLES = """
CREATE VIEW energy_envelope_holes AS
SELECT station, key, seq AS after_seq, following AS before_seq
FROM (SELECT station, key, seq, lead(seq) OVER (PARTITION BY key ORDER BY seq) AS following
      FROM energy_envelope WHERE key IS NOT NULL) AS sequence
WHERE following > seq + 1
"""


def upgrade() -> None:
    _envelopes()
    _people()
    _sums()
    op.execute(_HOLES)
    op.execute("CREATE SEQUENCE energy_registry_versions")
    op.execute(_VERSION)
    op.execute("INSERT INTO energy_registry_version VALUES (1, nextval('energy_registry_versions'))")
    for table in _MIRRORED:
        op.execute(
            f"CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION energy_registry_changed()"
        )


def downgrade() -> None:
    for table in _MIRRORED:
        op.execute(f"DROP TRIGGER {table}_changed ON {table}")
    op.execute("DROP FUNCTION energy_registry_changed")
    op.execute("DROP SEQUENCE energy_registry_versions")
    op.execute("DROP VIEW energy_envelope_holes")
    # what only an envelope proves has no place in the tables before
    op.execute("DELETE FROM energy_reading WHERE envelope IS NOT NULL")
    op.execute("DELETE FROM energy_conflict WHERE envelope IS NOT NULL")
    op.execute("DELETE FROM energy_rejection WHERE envelope IS NOT NULL")
    for table in ("energy_reading", "energy_conflict"):
        op.drop_column(table, "envelope")
        op.alter_column(table, "signature", nullable=False)
    op.drop_column("energy_rejection", "envelope")
    for table in _TABLES:
        op.drop_table(table)


def _required(name: str, kind: sa.types.TypeEngine) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, kind, nullable=False)


def _id() -> sa.Column:  # type: ignore[type-arg]
    return sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)


def _envelopes() -> None:
    op.create_table(
        "energy_envelope",
        _required("id", sa.LargeBinary()),
        _required("hash", sa.LargeBinary()),
        _required("station", sa.Uuid()),
        sa.Column("key", sa.LargeBinary()),
        _required("boot_id", sa.Text()),
        _required("seq", sa.BigInteger()),
        _required("prev", sa.LargeBinary()),
        _required("body", sa.LargeBinary()),
        _required("signature", sa.LargeBinary()),
        _required("received_at", _INSTANT),
        _required("transport", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_envelope"),
    )
    # hashes don't compress, and trying costs more than all else about an envelope
    op.execute("ALTER TABLE energy_envelope ALTER COLUMN body SET STORAGE EXTERNAL")
    op.create_index("ix_energy_envelope_key", "energy_envelope", ["key", "seq"])
    op.create_index("ix_energy_envelope_station", "energy_envelope", ["station"])
    for table in ("energy_reading", "energy_conflict", "energy_rejection"):
        op.add_column(table, sa.Column("envelope", sa.LargeBinary()))
    for table in ("energy_reading", "energy_conflict"):
        op.alter_column(table, "signature", nullable=True)
    op.create_table(
        "energy_notice",
        _id(),
        _required("station", sa.Uuid()),
        _required("key", sa.LargeBinary()),
        _required("code", sa.Text()),
        _required("seq", sa.BigInteger()),
        _required("detail", sa.Text()),
        _required("envelope", sa.LargeBinary()),
        _required("noted_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_energy_notice"),
    )
    op.create_index("uq_energy_notice_key", "energy_notice", ["key", "code", "seq"], unique=True)
    op.create_index("ix_energy_notice_station", "energy_notice", ["station"])
    op.create_table(
        "energy_registry_version",
        sa.Column("id", sa.SmallInteger(), nullable=False, autoincrement=False),
        _required("version", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_registry_version"),
    )


def _people() -> None:
    op.create_table(
        "energy_audit",
        _id(),
        _required("at", _INSTANT),
        _required("actor", sa.Text()),
        _required("action", sa.Text()),
        _required("subject", sa.Text()),
        _required("detail", JSONB()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_audit"),
    )
    op.create_index("ix_energy_audit_subject", "energy_audit", ["subject"])
    op.create_table(
        "energy_correction",
        _required("hash", sa.LargeBinary()),
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("meter", sa.Text()),
        _required("delta_uwh", sa.BigInteger()),
        _required("who", sa.Text()),
        _required("reason", sa.Text()),
        _required("evidence", sa.Text()),
        _required("created_at", _INSTANT),
        sa.PrimaryKeyConstraint("hash", name="pk_energy_correction"),
    )
    op.create_index("ix_energy_correction_station", "energy_correction", ["station", "slot"])
    op.create_table(
        "energy_flag",
        _id(),
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("who", sa.Text()),
        _required("reason", sa.Text()),
        _required("opened_at", _INSTANT),
        sa.Column("closed_at", _INSTANT),
        sa.Column("closed_by", sa.Text()),
        sa.Column("finding", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_flag"),
    )
    op.create_index("ix_energy_flag_station", "energy_flag", ["station", "slot"])


def _sums() -> None:
    op.create_table(
        "energy_rollup_dirty",
        _id(),
        _required("station", sa.Uuid()),
        _required("hour", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_rollup_dirty"),
    )
    for unit in ("hour", "day"):
        name = f"energy_rollup_{unit}"
        op.create_table(
            name,
            _required(unit, sa.Integer()),
            _required("station", sa.Uuid()),
            *(_required(f"{sum_}_uwh", sa.Numeric(38, 0)) for sum_ in ("e_net", "import", "export", "gen")),
            *(_required(count, sa.BigInteger()) for count in ("raw", "validated", "estimated", "readings")),
            _required("updated_at", _INSTANT),
            sa.PrimaryKeyConstraint("station", unit, name=f"pk_{name}"),
        )
        op.create_index(f"ix_{name}_{unit}", name, [unit])
