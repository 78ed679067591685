# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the buffer's file is made of: its tables, and the shapes that go in and come out."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from edge.protocol import SignedInterval

SCHEMA = 3
SCHEMA_MAX = 1_000  # no version of ours will ever count so far: beyond it, the header is damaged

State = Literal["pending", "accepted", "duplicate", "conflict", "rejected"]
STATES: tuple[State, ...] = ("pending", "accepted", "duplicate", "conflict", "rejected")

META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
OUTBOX = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    meter TEXT NOT NULL,
    slot INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    wire BLOB NOT NULL,
    profile BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    receipt BLOB,
    receipted_ms INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (meter, slot)
);
CREATE INDEX outbox_state ON outbox (state, seq);
"""
ENVELOPES = """
ALTER TABLE outbox ADD COLUMN envelope INTEGER;
CREATE INDEX outbox_envelope ON outbox (envelope) WHERE envelope IS NOT NULL;
CREATE TABLE envelope (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    wire BLOB NOT NULL,
    open INTEGER NOT NULL DEFAULT 1
);
"""
RECEIPTS = """
CREATE TABLE receipt (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
ALTER TABLE outbox ADD COLUMN receipt_id INTEGER;
CREATE INDEX outbox_receipt ON outbox (receipt_id) WHERE receipt_id IS NOT NULL;
"""


class BufferFault(RuntimeError):
    """The buffer cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One interval of the buffer. `wire` is the JSON that is sent, `hash` the identity that a receipt names.

    `enveloped`: it is, or once was, in an envelope.
    """

    seq: int
    meter: str
    slot: int
    hash: bytes
    wire: bytes
    state: State
    code: str
    detail: str
    attempts: int
    enveloped: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything that stands in the buffer for one interval: what salvage carries from one file to another."""

    seq: int
    meter: str
    slot: int
    hash: bytes
    body: bytes
    wire: bytes
    profile: bytes
    state: State = "pending"
    code: str = ""
    detail: str = ""
    receipt: bytes | None = None
    receipted_ms: int | None = None


# a receipt speaks of up to a thousand intervals: it stands once, beside them (before version 3: in each of them)
WHOLE = ", ".join(Stored.__slots__).replace(
    "receipt,", "COALESCE(receipt, (SELECT body FROM receipt WHERE id=receipt_id)),"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished slot that waits for its sequence number: `sign` is called with it inside the transaction."""

    meter: str
    slot: int
    profile: bytes
    sign: Callable[[int], SignedInterval]


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope as it was made: the bytes that are sent, its hash, and the intervals inside."""

    hash: bytes
    wire: bytes
    inside: frozenset[bytes]


Seal = Callable[[Sequence[Row], int, bytes], tuple[bytes, bytes]]
"""Makes an envelope of rows, given its number and the hash of the one before; returns its hash and its wire form."""


class Damaged(sqlite3.DatabaseError):
    """SQLite's own check found something; the text says what."""


class Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK if anything is raised."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # a full disk makes SQLite roll back by itself, sometimes
                self._db.execute("ROLLBACK")
