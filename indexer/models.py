# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The indexer's tables: where it stands, the window of block hashes, one table an event, and what is derived from them.

Event tables are append-only but for reorgs, keyed by (block, log index); `indexer/tables.py` says which event fills which.
Derived tables (`indexer_balance`, `indexer_supply`, `indexer_settled`) are pure functions of event tables, told in
`indexer/derived.py`.
Energy is µWh. Addresses are 20 bytes, hashes 32.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Amount, Base


class Cursor(Base):
    """Up to which block a chain is indexed. `fingerprint` is of the contracts and ABIs; another one needs a rebuild."""

    __tablename__ = "indexer_cursor"

    chain_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    block_number: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[bytes] = mapped_column(LargeBinary)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[int] = mapped_column(BigInteger)
    reorgs: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Block(Base):
    """A block of the recent window, by which a reorg is recognised and its fork point found.

    The first row stands before everything indexed: its `parent_hash` is empty and its `time` that of the block after it.
    """

    __tablename__ = "indexer_block"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    parent_hash: Mapped[bytes] = mapped_column(LargeBinary)
    time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Transaction(Base):
    """A transaction that brought a report or minted: what it cost. `gas_price` is in wei."""

    __tablename__ = "indexer_transaction"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger, index=True)
    sender: Mapped[bytes] = mapped_column(LargeBinary)
    target: Mapped[bytes | None] = mapped_column(LargeBinary)
    gas_used: Mapped[int] = mapped_column(BigInteger)
    gas_price: Mapped[int] = mapped_column(Amount)


class EventRow(Base):
    """What every event's row begins with."""

    __abstract__ = True

    block_number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, sort_order=-4)
    log_index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-3)
    block_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), sort_order=-2)
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary, sort_order=-1)


class ReportRow(EventRow):
    """Oracle.ReportAccepted."""

    __tablename__ = "indexer_report"
    __table_args__ = (Index("uq_indexer_report_utility", "utility", "slot", unique=True),)

    utility: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    prev: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    increase: Mapped[int] = mapped_column(Amount)
    total: Mapped[int] = mapped_column(Amount)
    stations: Mapped[int] = mapped_column(BigInteger)
    data_hash: Mapped[bytes] = mapped_column(LargeBinary)
    valid_from: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)


class MintedRow(EventRow):
    """Treasury.Minted: a station's register was settled up to `to_register`; `to_owner + reserve` is the energy in µWh."""

    __tablename__ = "indexer_minted"
    __table_args__ = (
        Index("ix_indexer_minted_station", "station", "utility", "tenure"),
        Index("ix_indexer_minted_owner", "owner"),
        Index("ix_indexer_minted_slot", "utility", "slot"),
    )

    utility: Mapped[int] = mapped_column(SmallInteger)
    station: Mapped[UUID]
    owner: Mapped[bytes] = mapped_column(LargeBinary)
    tenure: Mapped[int] = mapped_column(BigInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    from_register: Mapped[int] = mapped_column(Amount)
    to_register: Mapped[int] = mapped_column(Amount)
    to_owner: Mapped[int] = mapped_column(Amount)
    reserve: Mapped[int] = mapped_column(Amount)
    token_id: Mapped[int] = mapped_column(Amount)
    mode: Mapped[int] = mapped_column(SmallInteger)


class TransferRow(EventRow):
    """EnergyToken.TransferSingle, and each item of TransferBatch. The zero address mints and burns."""

    __tablename__ = "indexer_transfer"
    __table_args__ = (
        Index("ix_indexer_transfer_sender", "sender", "token_id"),
        Index("ix_indexer_transfer_receiver", "receiver", "token_id"),
    )

    item: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    operator: Mapped[bytes] = mapped_column(LargeBinary)
    sender: Mapped[bytes] = mapped_column(LargeBinary)
    receiver: Mapped[bytes] = mapped_column(LargeBinary)
    token_id: Mapped[int] = mapped_column(Amount)
    value: Mapped[int] = mapped_column(Amount)


class UserRow(EventRow):
    """Registry.UserRegistered."""

    __tablename__ = "indexer_user"
    __table_args__ = (Index("ix_indexer_user_account", "account"),)

    account: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[int] = mapped_column(SmallInteger)
    profile_hash: Mapped[bytes] = mapped_column(LargeBinary)


class StationRow(EventRow):
    """Registry.StationRegistered: the first tenure begins."""

    __tablename__ = "indexer_station"
    __table_args__ = (Index("uq_indexer_station_station", "station", unique=True),)

    station: Mapped[UUID]
    owner: Mapped[bytes] = mapped_column(LargeBinary)
    rated_w: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[int] = mapped_column(SmallInteger)
    demo: Mapped[bool]


class StationRatedRow(EventRow):
    """Registry.StationRated."""

    __tablename__ = "indexer_station_rated"
    __table_args__ = (Index("ix_indexer_station_rated_station", "station"),)

    station: Mapped[UUID]
    old_w: Mapped[int] = mapped_column(BigInteger)
    new_w: Mapped[int] = mapped_column(BigInteger)


class StationOfferedRow(EventRow):
    """Registry.StationOffered."""

    __tablename__ = "indexer_station_offered"
    __table_args__ = (Index("ix_indexer_station_offered_station", "station"),)

    station: Mapped[UUID]
    sender: Mapped[bytes] = mapped_column(LargeBinary)
    receiver: Mapped[bytes] = mapped_column(LargeBinary)


class TenureRow(EventRow):
    """Registry.StationTransferred: tenure `tenure` begins, the one before it ends."""

    __tablename__ = "indexer_tenure"
    __table_args__ = (Index("uq_indexer_tenure_station", "station", "tenure", unique=True),)

    station: Mapped[UUID]
    tenure: Mapped[int] = mapped_column(BigInteger)
    sender: Mapped[bytes] = mapped_column(LargeBinary)
    receiver: Mapped[bytes] = mapped_column(LargeBinary)


class MeterRow(EventRow):
    """Registry.MeterRegistered."""

    __tablename__ = "indexer_meter"
    __table_args__ = (Index("ix_indexer_meter_station", "station"),)

    station: Mapped[UUID]
    key: Mapped[bytes] = mapped_column(LargeBinary)
    role: Mapped[int] = mapped_column(SmallInteger)


class MeterRetiredRow(EventRow):
    """Registry.MeterRetired."""

    __tablename__ = "indexer_meter_retired"
    __table_args__ = (Index("ix_indexer_meter_retired_station", "station"),)

    station: Mapped[UUID]
    key: Mapped[bytes] = mapped_column(LargeBinary)


class SignerSetRow(EventRow):
    """Oracle.SignerSetRotated."""

    __tablename__ = "indexer_signer_set"

    epoch: Mapped[int] = mapped_column(BigInteger)
    k: Mapped[int] = mapped_column(Amount)
    signers: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    from_slot: Mapped[int] = mapped_column(BigInteger)
    previous_until_slot: Mapped[int] = mapped_column(BigInteger)


class PauseRow(EventRow):
    """PauseChanged of any contract that the Guard can stop."""

    __tablename__ = "indexer_pause"

    contract: Mapped[str] = mapped_column(Text)
    paused: Mapped[bool]


class OtherRow(EventRow):
    """Every event that has no table of its own, so that nothing of ours is ever left out.

    Numbers stand as decimal text, bytes as 0x-hexadecimal. A log that the ABI does not know has an empty `event`.
    """

    __tablename__ = "indexer_event"
    __table_args__ = (Index("ix_indexer_event_contract", "contract", "event"),)

    contract: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Balance(Base):
    """Derived: what an address holds of a token id. A row may stand at zero."""

    __tablename__ = "indexer_balance"

    owner: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    token_id: Mapped[int] = mapped_column(Amount, primary_key=True)
    balance: Mapped[int] = mapped_column(Amount)


class Supply(Base):
    """Derived: what was ever minted and burned of a token id; the supply is the difference."""

    __tablename__ = "indexer_supply"

    token_id: Mapped[int] = mapped_column(Amount, primary_key=True, autoincrement=False)
    minted: Mapped[int] = mapped_column(Amount)
    burned: Mapped[int] = mapped_column(Amount)


class Settled(Base):
    """Derived: what a tenure of a station has settled. `register` is the sum of its mints' stretches, `mints` their number."""

    __tablename__ = "indexer_settled"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    station: Mapped[UUID] = mapped_column(primary_key=True)
    tenure: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    register: Mapped[int] = mapped_column(Amount)
    to_owner: Mapped[int] = mapped_column(Amount)
    reserve: Mapped[int] = mapped_column(Amount)
    mints: Mapped[int] = mapped_column(BigInteger)
