# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a node keeps: registers with a way back, what it signed, what the chain accepted, files of leaves, disagreements.

The platform uses `oracle_leaves` of these tables only.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kit.database import Amount, Base

_INSTANT = DateTime(timezone=True)
_AMOUNT = Amount(30)


class OracleRegister(Base):
    """A tenure's register after the newest report that this node applied; `register` is `Register.to_json`.

    `measured` and `mintable` are the database's own reading of it, so that a tenure that stands still needs no more to be read.
    """

    __tablename__ = "oracle_register"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    station: Mapped[UUID] = mapped_column(primary_key=True)
    tenure: Mapped[int] = mapped_column(Integer, primary_key=True)
    register: Mapped[str] = mapped_column(Text)
    slot: Mapped[int] = mapped_column(BigInteger)
    measured: Mapped[int] = mapped_column(_AMOUNT, Computed("(register::json->>'measured')::numeric", persisted=True))
    mintable: Mapped[int] = mapped_column(_AMOUNT, Computed("(register::json->>'mintable')::numeric", persisted=True))


class OracleUndo(Base):
    """What a register was before a report was applied (nothing: there was none): the way back from a reorganised chain."""

    __tablename__ = "oracle_undo"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    report_slot: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    station: Mapped[UUID] = mapped_column(primary_key=True)
    tenure: Mapped[int] = mapped_column(Integer, primary_key=True)
    register: Mapped[str | None] = mapped_column(Text)
    slot: Mapped[int | None] = mapped_column(BigInteger)


class OracleSignature(Base):
    """The one content that this node signs for a utility and slot. A trigger keeps the row from being changed to another
    content or removed. `deadline`, `epoch` and `signature` are of the newest signing; the signature is empty between the
    commit of the decision and the signing.
    """

    __tablename__ = "oracle_signature"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    deadline: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    decided_at: Mapped[datetime] = mapped_column(_INSTANT)


class OracleProposal(Base):
    """A proposal that this node signed or applied: its JSON, by content hash."""

    __tablename__ = "oracle_proposal"
    __table_args__ = (Index("ix_oracle_proposal_slot", "utility", "slot"),)

    content_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    utility: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class OracleReport(Base):
    """An accepted report as this node applied it. `agreed` is false where its own recount gave something else."""

    __tablename__ = "oracle_report"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    prev: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    increase: Mapped[int] = mapped_column(_AMOUNT)
    total: Mapped[int] = mapped_column(_AMOUNT)
    stations: Mapped[int] = mapped_column(BigInteger)
    data_hash: Mapped[bytes] = mapped_column(LargeBinary)
    valid_from: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    block_number: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary)
    agreed: Mapped[bool] = mapped_column(Boolean)
    applied_at: Mapped[datetime] = mapped_column(_INSTANT)


class OracleLeaves(Base):
    """A published file of leaves, by the hash that the report carries. A node also keeps those of contents that it signed."""

    __tablename__ = "oracle_leaves"
    __table_args__ = (Index("ix_oracle_leaves_slot", "utility", "slot"),)

    data_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    utility: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class OracleTree(Base):
    """The tree of a published file and where each leaf stands, so that a proof needs a few small reads (`flows.proofs`).

    `places` has 24 bytes a leaf: station, tenure, start of its line; `signposts` every 1,024th of them; `levels` is
    `PackedTree.levels`.
    """

    __tablename__ = "oracle_tree"
    __table_args__ = (Index("ix_oracle_tree_slot", "utility", "slot"),)

    data_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    utility: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    leaves: Mapped[int] = mapped_column(Integer)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    signposts: Mapped[bytes] = mapped_column(LargeBinary)
    places: Mapped[bytes] = mapped_column(LargeBinary)
    levels: Mapped[bytes] = mapped_column(LargeBinary)


class OracleUtility(Base):
    """A utility other than E that this node counts: readings from the slot of its opening on chain on."""

    __tablename__ = "oracle_utility"

    utility: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    opened_slot: Mapped[int] = mapped_column(BigInteger)


class OracleDisagreement(Base):
    """A content that this node computed otherwise. `mine` and `theirs` are the first leaves that differ, as lines of the file.

    `kind`: `proposal` (a peer asked for a signature and got none) or `accepted` (the chain has it: an alarm).
    """

    __tablename__ = "oracle_disagreement"
    __table_args__ = (Index("uq_oracle_disagreement_content", "content_hash", "kind", unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    utility: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(BigInteger)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    mine: Mapped[str | None] = mapped_column(Text)
    theirs: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(_INSTANT)
