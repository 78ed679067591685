# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of indexer: cursor, window of blocks, one table an event, and balances derived from them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AMOUNT = sa.Numeric(78, 0)
_TIME = sa.DateTime(timezone=True)


def _table(name: str, key: Sequence[str], *columns: sa.Column) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))


def _event(name: str, *columns: sa.Column, key: Sequence[str] = ()) -> None:
    _table(
        name,
        ("block_number", "log_index", *key),
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block_time", _TIME, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        *columns,
    )


def _station() -> sa.Column:
    return sa.Column("station", sa.Uuid(), nullable=False)


def _bytes(name: str) -> sa.Column:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _amount(name: str) -> sa.Column:
    return sa.Column(name, _AMOUNT, nullable=False)


def _big(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _small(name: str) -> sa.Column:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _bool(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    _chain()
    _energy()
    _registry()
    _rest()
    _derived()


def _chain() -> None:
    _table(
        "indexer_cursor",
        ["chain_id"],
        _big("chain_id"),
        _big("block_number"),
        _bytes("block_hash"),
        _bytes("fingerprint"),
        _big("head"),
        _big("reorgs"),
        sa.Column("updated_at", _TIME, nullable=False),
    )
    _table(
        "indexer_block",
        ["number"],
        _big("number"),
        _bytes("hash"),
        _bytes("parent_hash"),
        sa.Column("time", _TIME, nullable=False),
    )
    _table(
        "indexer_transaction",
        ["hash"],
        _bytes("hash"),
        _big("block_number"),
        _bytes("sender"),
        sa.Column("target", sa.LargeBinary()),
        _big("gas_used"),
        _amount("gas_price"),
    )
    op.create_index("ix_indexer_transaction_block_number", "indexer_transaction", ["block_number"])


def _energy() -> None:
    _event(
        "indexer_report",
        _small("utility"),
        _big("slot"),
        _bytes("content_hash"),
        _bytes("prev"),
        _bytes("root"),
        _amount("increase"),
        _amount("total"),
        _big("stations"),
        _bytes("data_hash"),
        _big("valid_from"),
        _big("epoch"),
    )
    op.create_index("uq_indexer_report_utility", "indexer_report", ["utility", "slot"], unique=True)
    _event(
        "indexer_minted",
        _small("utility"),
        _station(),
        _bytes("owner"),
        _big("tenure"),
        _big("slot"),
        _amount("from_register"),
        _amount("to_register"),
        _amount("to_owner"),
        _amount("reserve"),
        _amount("token_id"),
        _small("mode"),
    )
    op.create_index("ix_indexer_minted_station", "indexer_minted", ["station", "utility", "tenure"])
    op.create_index("ix_indexer_minted_owner", "indexer_minted", ["owner"])
    op.create_index("ix_indexer_minted_slot", "indexer_minted", ["utility", "slot"])
    _event(
        "indexer_transfer",
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        _bytes("operator"),
        _bytes("sender"),
        _bytes("receiver"),
        _amount("token_id"),
        _amount("value"),
        key=["item"],
    )
    op.create_index("ix_indexer_transfer_sender", "indexer_transfer", ["sender", "token_id"])
    op.create_index("ix_indexer_transfer_receiver", "indexer_transfer", ["receiver", "token_id"])


def _registry() -> None:
    _event("indexer_user", _bytes("account"), _small("kind"), _bytes("profile_hash"))
    op.create_index("ix_indexer_user_account", "indexer_user", ["account"])
    _event("indexer_station", _station(), _bytes("owner"), _big("rated_w"), _small("kind"), _bool("demo"))
    op.create_index("uq_indexer_station_station", "indexer_station", ["station"], unique=True)
    _event("indexer_station_rated", _station(), _big("old_w"), _big("new_w"))
    op.create_index("ix_indexer_station_rated_station", "indexer_station_rated", ["station"])
    _event("indexer_station_offered", _station(), _bytes("sender"), _bytes("receiver"))
    op.create_index("ix_indexer_station_offered_station", "indexer_station_offered", ["station"])
    _event("indexer_tenure", _station(), _big("tenure"), _bytes("sender"), _bytes("receiver"))
    op.create_index("uq_indexer_tenure_station", "indexer_tenure", ["station", "tenure"], unique=True)
    _event("indexer_meter", _station(), _bytes("key"), _small("role"))
    op.create_index("ix_indexer_meter_station", "indexer_meter", ["station"])
    _event("indexer_meter_retired", _station(), _bytes("key"))
    op.create_index("ix_indexer_meter_retired_station", "indexer_meter_retired", ["station"])


def _rest() -> None:
    _event(
        "indexer_signer_set",
        _big("epoch"),
        _amount("k"),
        sa.Column("signers", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        _big("from_slot"),
        _big("previous_until_slot"),
    )
    _event("indexer_pause", _text("contract"), _bool("paused"))
    _event(
        "indexer_event",
        _text("contract"),
        _text("event"),
        sa.Column("args", postgresql.JSONB(), nullable=False),
    )
    op.create_index("ix_indexer_event_contract", "indexer_event", ["contract", "event"])


def _derived() -> None:
    _table("indexer_balance", ["owner", "token_id"], _bytes("owner"), _amount("token_id"), _amount("balance"))
    _table("indexer_supply", ["token_id"], _amount("token_id"), _amount("minted"), _amount("burned"))
    _table(
        "indexer_settled",
        ["utility", "station", "tenure"],
        sa.Column("utility", sa.SmallInteger(), autoincrement=False, nullable=False),
        _station(),
        _big("tenure"),
        _amount("register"),
        _amount("to_owner"),
        _amount("reserve"),
        _big("mints"),
    )


def downgrade() -> None:
    for name in (
        "settled",
        "balance",
        "supply",
        "event",
        "pause",
        "signer_set",
        "meter_retired",
        "meter",
        "tenure",
        "station_offered",
        "station_rated",
        "station",
        "user",
        "transfer",
        "minted",
        "report",
        "transaction",
        "block",
        "cursor",
    ):
        op.drop_table(f"indexer_{name}")
