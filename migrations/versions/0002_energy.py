# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of energy: the registry's mirror, readings, intervals, and the view that the protocol names."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_TABLES = (
    "energy_interval",
    "energy_register",
    "energy_included",
    "energy_pending",
    "energy_rejection",
    "energy_conflict",
    "energy_reading",
    "energy_meter",
    "energy_tenure",
    "energy_station",
)
_VIEW = """
CREATE VIEW energy_intervals AS
SELECT id,
       station AS home_id,
       to_timestamp(slot::bigint * 900) AS start_ts,
       to_timestamp((slot::bigint + 1) * 900) AS end_ts,
       (e_net_uwh::numeric / 1000000)::numeric(28, 9) AS meter_wh,
       (water_um3::numeric / 1000000)::numeric(28, 9) AS water_m3,
       (gas_um3::numeric / 1000000)::numeric(28, 9) AS gas_m3,
       '0x' || encode(profile_hash, 'hex') AS profile_hash,
       NULL::text AS oracle_sig,
       quality,
       CASE WHEN demo THEN 'demo' ELSE 'edge' END AS source,
       created_at,
       version,
       state,
       CASE WHEN minted_tx IS NOT NULL THEN '0x' || encode(minted_tx, 'hex') END AS minted_tx
FROM energy_interval AS latest
WHERE NOT EXISTS (
    SELECT FROM energy_interval AS newer
    WHERE newer.station = latest.station AND newer.slot = latest.slot AND newer.version > latest.version
)
"""


def upgrade() -> None:
    _registry()
    _readings()
    _bookkeeping()
    _intervals()
    for parent in ("energy_reading", "energy_interval"):
        # what has no month of its own yet lands here instead of being refused
        op.execute(f"CREATE TABLE {parent}_rest PARTITION OF {parent} DEFAULT")
    op.execute(_VIEW)


def downgrade() -> None:
    op.execute("DROP VIEW energy_intervals")
    for table in _TABLES:
        op.drop_table(table)


def _required(name: str, kind: sa.types.TypeEngine) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, kind, nullable=False)


def _registry() -> None:
    op.create_table(
        "energy_station",
        _required("id", sa.Uuid()),
        _required("name", sa.Text()),
        _required("owner", sa.LargeBinary()),
        _required("tenure", sa.Integer()),
        _required("since", _INSTANT),
        _required("rated_w", sa.BigInteger()),
        _required("kind", sa.SmallInteger()),
        _required("demo", sa.Boolean()),
        _required("k_safety_ppm", sa.Integer()),
        _required("block", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_energy_station"),
    )
    op.create_table(
        "energy_tenure",
        _required("station", sa.Uuid()),
        _required("tenure", sa.Integer()),
        _required("owner", sa.LargeBinary()),
        _required("since", _INSTANT),
        sa.Column("until", _INSTANT),
        _required("rated_w", sa.BigInteger()),
        sa.PrimaryKeyConstraint("station", "tenure", name="pk_energy_tenure"),
    )
    op.create_table(
        "energy_meter",
        _required("key", sa.LargeBinary()),
        _required("station", sa.Uuid()),
        _required("role", sa.SmallInteger()),
        _required("since", _INSTANT),
        sa.Column("until", _INSTANT),
        sa.PrimaryKeyConstraint("key", name="pk_energy_meter"),
    )
    op.create_index("ix_energy_meter_station", "energy_meter", ["station"])


def _readings() -> None:
    op.create_table(
        "energy_reading",
        _required("station", sa.Uuid()),
        _required("meter", sa.Text()),
        _required("slot", sa.Integer()),
        _required("hash", sa.LargeBinary()),
        _required("body", sa.LargeBinary()),
        _required("signature", sa.LargeBinary()),
        _required("key", sa.LargeBinary()),
        _required("meter_uwh", sa.BigInteger()),
        sa.Column("gen_uwh", sa.BigInteger()),
        sa.Column("aux_uwh", sa.BigInteger()),
        sa.Column("loss_uwh", sa.BigInteger()),
        sa.Column("import_uwh", sa.BigInteger()),
        sa.Column("export_uwh", sa.BigInteger()),
        _required("demo", sa.Boolean()),
        _required("received_at", _INSTANT),
        _required("transport", sa.Text()),
        sa.PrimaryKeyConstraint("station", "meter", "slot", name="pk_energy_reading"),
        postgresql_partition_by="RANGE (slot)",
    )
    op.create_index("ix_energy_reading_hash", "energy_reading", ["hash"])
    op.create_table(
        "energy_conflict",
        _required("hash", sa.LargeBinary()),
        _required("station", sa.Uuid()),
        _required("meter", sa.Text()),
        _required("slot", sa.Integer()),
        _required("stored_hash", sa.LargeBinary()),
        _required("body", sa.LargeBinary()),
        _required("signature", sa.LargeBinary()),
        _required("received_at", _INSTANT),
        _required("transport", sa.Text()),
        sa.PrimaryKeyConstraint("hash", name="pk_energy_conflict"),
    )
    op.create_index("ix_energy_conflict_station", "energy_conflict", ["station", "slot"])
    op.create_table(
        "energy_rejection",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _required("hash", sa.LargeBinary()),
        _required("code", sa.Text()),
        _required("detail", sa.Text()),
        sa.Column("station", sa.Uuid()),
        sa.Column("meter", sa.Text()),
        sa.Column("slot", sa.Integer()),
        _required("payload", sa.LargeBinary()),
        _required("size", sa.Integer()),
        _required("transport", sa.Text()),
        _required("first_at", _INSTANT),
        _required("last_at", _INSTANT),
        _required("times", sa.Integer()),
        _required("attempts", sa.Integer()),
        sa.Column("retry_at", _INSTANT),
        sa.Column("resolved_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_energy_rejection"),
    )
    op.create_index("uq_energy_rejection_hash", "energy_rejection", ["hash", "code"], unique=True)
    op.create_index("ix_energy_rejection_station", "energy_rejection", ["station"])
    op.create_index("ix_energy_rejection_retry", "energy_rejection", ["retry_at"])


def _bookkeeping() -> None:
    op.create_table(
        "energy_pending",
        _required("queue", sa.Text()),
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("meter", sa.Text()),
        _required("hash", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("queue", "station", "slot", "meter", name="pk_energy_pending"),
    )
    op.create_table(
        "energy_included",
        _required("utility", sa.SmallInteger()),
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("meter", sa.Text()),
        _required("hash", sa.LargeBinary()),
        _required("report_slot", sa.Integer()),
        sa.PrimaryKeyConstraint("utility", "station", "slot", "meter", name="pk_energy_included"),
    )
    op.create_index("ix_energy_included_report", "energy_included", ["utility", "report_slot"])
    op.create_table(
        "energy_register",
        _required("utility", sa.SmallInteger()),
        _required("station", sa.Uuid()),
        _required("tenure", sa.Integer()),
        _required("register", sa.Text()),
        _required("updated_at", _INSTANT),
        sa.PrimaryKeyConstraint("utility", "station", "tenure", name="pk_energy_register"),
    )


def _intervals() -> None:
    op.create_table(
        "energy_interval",
        _required("station", sa.Uuid()),
        _required("slot", sa.Integer()),
        _required("version", sa.Integer()),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _required("e_net_uwh", sa.BigInteger()),
        _required("quality", sa.Text()),
        _required("state", sa.Text()),
        _required("method", sa.Text()),
        _required("qa", JSONB()),
        _required("profile_hash", sa.LargeBinary()),
        sa.Column("water_um3", sa.BigInteger()),
        sa.Column("gas_um3", sa.BigInteger()),
        _required("demo", sa.Boolean()),
        _required("created_at", _INSTANT),
        sa.Column("minted_tx", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("station", "slot", "version", name="pk_energy_interval"),
        postgresql_partition_by="RANGE (slot)",
    )
    op.create_index("ix_energy_interval_id", "energy_interval", ["id"])
    op.create_index("ix_energy_interval_state", "energy_interval", ["station", "state", "slot"])
