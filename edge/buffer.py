# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The buffer on disk: an interval is here before it is sent, and leaves only after the server's signed receipt.

SQLite with a write-ahead log and `synchronous=FULL`: a commit that returned survives a power cut. One writer. Order and
cursor are the device's own sequence number, never the clock. The bytes that were signed are stored once and sent as they
are. What the interval builder needs after a restart is committed in the same transaction as the intervals it made.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from edge.intervals import BuilderState
from edge.protocol import Receipt, SignedInterval

BUFFER_FILE = "buffer.sqlite"
SCHEMA = 1
State = Literal["pending", "accepted", "duplicate", "conflict", "rejected"]
STATES: tuple[State, ...] = ("pending", "accepted", "duplicate", "conflict", "rejected")

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
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


class BufferFault(RuntimeError):
    """The buffer cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One interval of the buffer. `wire` is the JSON that is sent, `hash` the identity that a receipt names."""

    seq: int
    slot: int
    hash: bytes
    wire: bytes
    state: State
    code: str
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished slot that waits for its sequence number: `sign` is called with it inside the transaction."""

    meter: str
    slot: int
    profile: bytes
    sign: Callable[[int], SignedInterval]


class Buffer:
    """All methods are synchronous and belong to one thread at a time; the agent runs them on its writer thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / BUFFER_FILE
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            self._open()
        except sqlite3.Error as error:
            raise BufferFault(f"{self.path} cannot be opened: {error}; keep the file and call support") from error

    def _open(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise BufferFault(f"{self.path} is damaged: {verdict}; move it aside, keep it, and start again")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA}; COMMIT;")
        elif version != SCHEMA:
            raise BufferFault(f"{self.path} was written by another version ({version}, not {SCHEMA}) of the agent")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self._db.close()

    def claim(self, owner: str) -> None:
        """Bind the buffer to one station for ever. Raises BufferFault if it belongs to another."""
        with self._transaction():
            known = (self._meta("owner") or owner.encode()).decode()
            # agents of one meter wrote "station/meter" here
            if known.partition("/")[0] != owner:
                raise BufferFault(f"{self.path} belongs to {known}, not {owner}; give every station a data_dir")
            self._put("owner", owner.encode())

    # -- what the builder stores

    def builder_state(self, fingerprint: str, meter: str = "main") -> BuilderState:
        """What a meter's builder knew at its last commit; empty at the first start or after a change of register map."""
        if (self._meta(f"map.{meter}") or b"").decode() != fingerprint:
            return BuilderState()
        stored = self._meta(f"builder.{meter}")
        try:
            return msgspec.json.decode(stored, type=BuilderState) if stored else BuilderState()
        except msgspec.DecodeError as error:
            raise BufferFault(f"{self.path}: the builder's state is unreadable: {error}") from error

    def store(
        self, drafts: Sequence[Draft], state: BuilderState, fingerprint: str, meter: str = "main"
    ) -> tuple[list[int], list[int]]:
        """Number, sign and store intervals with the state of the meter's builder, in one transaction.

        Returns the sequence numbers stored, and the slots that were refused because an interval of that meter and slot
        stands here already (a clock that was set back): the first one holds, no number is used up.
        """
        stored: list[int] = []
        refused: list[int] = []
        with self._transaction() as db:
            seq = int(self._meta("next_seq") or 1)
            for draft in drafts:
                if db.execute("SELECT 1 FROM outbox WHERE meter=? AND slot=?", (draft.meter, draft.slot)).fetchone():
                    refused.append(draft.slot)
                    continue
                signed = draft.sign(seq)
                db.execute(
                    "INSERT INTO outbox (seq, meter, slot, hash, body, wire, profile) VALUES (?,?,?,?,?,?,?)",
                    (seq, draft.meter, draft.slot, signed.hash, signed.body, signed.to_json(), draft.profile),
                )
                stored.append(seq)
                seq += 1
            self._put("next_seq", str(seq).encode())
            self._put(f"map.{meter}", fingerprint.encode())
            self._put(f"builder.{meter}", msgspec.json.encode(state))
        return stored, refused

    # -- what delivery does

    def pending(self, limit: int, attempts_below: int | None = None) -> list[Row]:
        """The oldest intervals without a final receipt, in order of sequence."""
        extra = "" if attempts_below is None else f" AND attempts < {int(attempts_below)}"
        found = self._db.execute(
            "SELECT seq, slot, hash, wire, state, code, detail, attempts FROM outbox"
            f" WHERE state='pending'{extra} ORDER BY seq LIMIT ?",
            (limit,),
        )
        return [Row(*row) for row in found]

    def refused_whole(self, seq: int, detail: str) -> None:
        """Count an attempt in which the server refused an interval without a receipt; it stays pending."""
        with self._transaction() as db:
            db.execute("UPDATE outbox SET attempts=attempts+1, detail=? WHERE seq=? AND state='pending'", (detail, seq))

    def receive(self, receipt: Receipt, now_ms: int) -> dict[State, int]:
        """Apply a receipt whose signature was checked. Returns how many intervals each status moved out of pending.

        A final state never changes again: a late or repeated receipt does nothing. A conflict or a rejection may still
        be overtaken by an acceptance, since only the server knows what it has stored.
        """
        moved: dict[State, int] = {}
        whole = receipt.to_json()
        with self._transaction() as db:
            for line in receipt.receipts:
                changed = db.execute(
                    "UPDATE outbox SET state=?, code=?, detail=?, receipt=?, receipted_ms=? WHERE hash=?"
                    " AND (state='pending' OR (state IN ('conflict', 'rejected') AND ? IN ('accepted', 'duplicate')))",
                    (line.status, line.code, line.detail, whole, now_ms, _hash(line.hash), line.status),
                ).rowcount
                if changed:
                    moved[line.status] = moved.get(line.status, 0) + changed
            for state, count in moved.items():
                self._put(f"count.{state}", str(int(self._meta(f"count.{state}") or 0) + count).encode())
        return moved

    def resend_rejected(self) -> int:
        """Put rejected intervals back in line, once an operator has removed the cause. Returns how many."""
        with self._transaction() as db:
            return db.execute("UPDATE outbox SET state='pending', attempts=0 WHERE state='rejected'").rowcount

    def prune(self, now_ms: int, retention_s: float) -> int:
        """Delete what was accepted (or was a duplicate) longer than the retention ago. Returns how many."""
        with self._transaction() as db:
            return db.execute(
                "DELETE FROM outbox WHERE state IN ('accepted', 'duplicate') AND receipted_ms <= ?",
                (now_ms - int(retention_s * 1000),),
            ).rowcount

    # -- what people look at

    def counts(self) -> dict[State, int]:
        """Intervals in the buffer by state."""
        found = dict(self._db.execute("SELECT state, COUNT(*) FROM outbox GROUP BY state"))
        return {state: found.get(state, 0) for state in STATES}

    def totals(self) -> dict[str, int]:
        """Since the first start: intervals `built`, and receipts by status."""
        totals = {"built": int(self._meta("next_seq") or 1) - 1}
        return totals | {state: int(self._meta(f"count.{state}") or 0) for state in STATES if state != "pending"}

    def last(self, limit: int) -> list[Row]:
        """The newest intervals, newest first."""
        found = self._db.execute(
            "SELECT seq, slot, hash, wire, state, code, detail, attempts FROM outbox ORDER BY seq DESC LIMIT ?",
            (limit,),
        )
        return [Row(*row) for row in found]

    def last_slot(self, meter: str) -> int | None:
        """The slot of a meter's newest interval, by sequence."""
        query = "SELECT slot FROM outbox WHERE meter=? ORDER BY seq DESC LIMIT 1"
        found = self._db.execute(query, (meter,)).fetchone()
        return None if found is None else int(found[0])

    def profile(self, seq: int) -> bytes | None:
        """The canonical raw profile of an interval: what its `profileHash` covers."""
        found = self._db.execute("SELECT profile FROM outbox WHERE seq=?", (seq,)).fetchone()
        return None if found is None else bytes(found[0])

    def _meta(self, name: str) -> bytes | None:
        found = self._db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def _put(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK if anything is raised."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""
