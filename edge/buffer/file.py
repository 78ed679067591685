# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The SQLite file under the buffer: tables, transactions, queries. What to do when it fails is told in `edge.buffer.store`.

A write-ahead log and `synchronous=FULL`: a commit that returned survives a power cut. Order and cursor are the device's
own sequence number, never the clock. The bytes that were signed are stored once and sent as they are.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec

from edge.buffer.tables import (
    ENVELOPES,
    META,
    OUTBOX,
    RECEIPTS,
    SCHEMA,
    SCHEMA_MAX,
    STATES,
    WHOLE,
    BufferFault,
    Damaged,
    Draft,
    Row,
    Seal,
    Sealed,
    State,
    Stored,
    Transaction,
)
from edge.intervals import BuilderState
from edge.protocol import FIRST, Receipt

BUSY_S = 10  # a person's command may hold the lock for a moment
_ROW = "seq, meter, slot, hash, wire, state, code, detail, attempts, envelope IS NOT NULL"


class BufferFile:
    """One connection; it belongs to one thread at a time. Raises sqlite3.Error where the disk does not do its part.

    `only_look`: nothing is written, neither to the file nor to its log, whatever their state.
    """

    def __init__(self, path: Path, only_look: bool = False) -> None:
        self.path = path
        if not only_look:
            with contextlib.suppress(
                OSError
            ):  # SQLite will say what is wrong; when someone draws power is nobody's business
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        where = f"file:{quote(str(path.absolute()))}?mode={'ro' if only_look else 'rwc'}"
        self.db = sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        try:
            self._open(only_look)
            self.inode = path.stat().st_ino
        except BaseException:
            self.db.close()
            raise

    def _open(self, only_look: bool) -> None:
        try:
            if not only_look:
                self.db.execute("PRAGMA journal_mode=WAL")
                self.db.execute("PRAGMA synchronous=FULL")
                self.db.execute("PRAGMA wal_autocheckpoint=256")  # 1 MB: a full disk should not be our own log's doing
            self._prepare(only_look)
        except sqlite3.OperationalError as error:
            # a header that says nonsense, or tables that are not there: no statement of ours is wrong at this point
            if getattr(error, "sqlite_errorname", "SQLITE_ERROR") == "SQLITE_ERROR":
                raise Damaged(str(error)) from error
            raise
        except UnicodeDecodeError as error:
            raise Damaged(f"text that is no text: {error}") from error

    def _prepare(self, only_look: bool) -> None:
        self.check()
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= SCHEMA_MAX:
            raise Damaged(f"its version is {version}")
        if version > SCHEMA:
            raise BufferFault(f"{self.path} was written by another version ({version}, not {SCHEMA}) of the agent")
        steps = [META + OUTBOX, ENVELOPES, RECEIPTS][version:]
        if steps and only_look:
            raise BufferFault(
                f"{self.path} is of version {version} of the agent; run the agent once, it brings it up to date"
            )
        if steps:
            self.db.executescript(f"BEGIN IMMEDIATE; {''.join(steps)} PRAGMA user_version={SCHEMA}; COMMIT;")

    def check(self) -> None:
        """Walk through the file. Raises sqlite3.DatabaseError if a page or an index is not what it should be."""
        verdict = self.db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise Damaged(verdict)

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self.db.close()

    def transaction(self) -> "Transaction":
        """BEGIN IMMEDIATE … COMMIT, or ROLLBACK if anything is raised."""
        return Transaction(self.db)

    def meta(self, name: str) -> bytes | None:
        """A named value."""
        found = self.db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return None if found is None else _bytes(found[0])

    def number(self, name: str, otherwise: int) -> int:
        """A named number. Raises Damaged if it is none."""
        found = self.meta(name)
        try:
            return otherwise if found is None else int(found)
        except ValueError as error:
            raise Damaged(f"{name} is {found!r}") from error

    def put(self, name: str, value: bytes) -> None:
        """Set a named value, inside a transaction."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def all_meta(self) -> dict[str, bytes]:
        """Every named value."""
        return {name: _bytes(value) for name, value in self.db.execute("SELECT name, value FROM meta")}

    def adopt(self, values: Mapping[str, bytes]) -> None:
        """Take over what another file knew: the builders, the counts, the owner. The higher numbers hold."""
        with self.transaction():
            for name, value in values.items():
                if not name.startswith("next_"):
                    self.put(name, value)
        self.begin_at(
            _int(values.get("next_seq")), _int(values.get("next_envelope")), values.get("last_envelope", FIRST)
        )

    # -- what the builder stores

    def claim(self, station: str) -> None:
        """Bind the file to one station for ever. Raises BufferFault if it belongs to another."""
        with self.transaction():
            known = (self.meta("owner") or station.encode()).decode(errors="replace")
            # agents of one meter wrote "station/meter" here
            if known.partition("/")[0] != station:
                raise BufferFault(f"{self.path} belongs to {known}, not {station}; give every station a data_dir")
            self.put("owner", station.encode())

    def builder_state(self, fingerprint: str, meter: str) -> BuilderState:
        """What a meter's builder knew at its last commit; empty for the first start or after a change of register map."""
        if self.meta(f"map.{meter}") != fingerprint.encode():
            return BuilderState()
        stored = self.meta(f"builder.{meter}")
        try:
            return msgspec.json.decode(stored, type=BuilderState) if stored else BuilderState()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Damaged(f"the state of {meter}'s builder is unreadable: {error}") from error

    def insert(
        self, drafts: Sequence[Draft], states: Mapping[str, tuple[str, BuilderState]]
    ) -> tuple[list[int], list[tuple[str, int]]]:
        """Number, sign and store intervals with the builders' states (map's fingerprint, state), in one transaction.

        Returns the numbers stored, and meter and slot of those refused because an interval stands there already.
        """
        stored: list[int] = []
        refused: list[tuple[str, int]] = []
        with self.transaction() as db:
            seq = self.next_seq()
            for draft in drafts:
                if db.execute("SELECT 1 FROM outbox WHERE meter=? AND slot=?", (draft.meter, draft.slot)).fetchone():
                    refused.append((draft.meter, draft.slot))
                    continue
                signed = draft.sign(seq)
                db.execute(
                    "INSERT INTO outbox (seq, meter, slot, hash, body, wire, profile) VALUES (?,?,?,?,?,?,?)",
                    (seq, draft.meter, draft.slot, signed.hash, signed.body, signed.to_json(), draft.profile),
                )
                stored.append(seq)
                seq += 1
            for meter, (fingerprint, state) in states.items():
                self.put(f"map.{meter}", fingerprint.encode())
                self.put(f"builder.{meter}", msgspec.json.encode(state))
            if stored:
                self.put("built", str(self._built() + len(stored)).encode())
                self.put("next_seq", str(seq).encode())
        return stored, refused

    def restore(self, found: Iterable[Stored]) -> list[int]:
        """Put intervals back that were signed before, as they were. Returns the numbers of those whose place was free."""
        names = [*Stored.__slots__, "receipt_id"]
        insert = f"INSERT OR IGNORE INTO outbox ({', '.join(names)}) VALUES ({','.join('?' * len(names))})"
        put: list[int] = []
        receipts: dict[bytes, int] = {}
        with self.transaction() as db:
            for one in found:
                if one.receipt is not None and one.receipt not in receipts:
                    receipts[one.receipt] = self._keep_receipt(one.receipt)
                number = None if one.receipt is None else receipts[one.receipt]
                values = [getattr(replace(one, receipt=None), name) for name in Stored.__slots__]
                put += [one.seq] * db.execute(insert, (*values, number)).rowcount
            self.put("built", str(self._built() + len(put)).encode())
            self.put("next_seq", str(max([self.next_seq(), *(seq + 1 for seq in put)])).encode())
        return put

    def begin_at(self, next_seq: int, next_envelope: int, last_envelope: bytes) -> None:
        """Go on counting from here, if the file does not count further already."""
        with self.transaction():
            if next_seq > self.next_seq():
                self.put("built", str(self._built()).encode())
                self.put("next_seq", str(next_seq).encode())
            if next_envelope > self.number("next_envelope", 1):
                self.put("next_envelope", str(next_envelope).encode())
                self.put("last_envelope", last_envelope)

    def numbers(self) -> list[int]:
        """The numbers of all intervals that stand here."""
        return [row[0] for row in self.db.execute("SELECT seq FROM outbox ORDER BY seq")]

    def next_seq(self) -> int:
        """The number of the next interval."""
        return self.number("next_seq", 1)

    def oldest_pending(self) -> int:
        """The number of the oldest interval without a final receipt; the next one's if there is none."""
        found = self.db.execute("SELECT MIN(seq) FROM outbox WHERE state='pending'").fetchone()[0]
        return self.next_seq() if found is None else int(found)

    # -- what delivery does

    def pending(self, limit: int, attempts_below: int | None = None, loose: bool = False) -> list[Row]:
        """The oldest intervals without a final receipt, in order of sequence; `loose`: those in no open envelope."""
        extra = "" if attempts_below is None else f" AND attempts < {int(attempts_below)}"
        if loose:
            extra += " AND (envelope IS NULL OR envelope NOT IN (SELECT id FROM envelope WHERE open))"
        found = self.db.execute(
            f"SELECT {_ROW} FROM outbox WHERE state='pending'{extra} ORDER BY seq LIMIT ?", (limit,)
        )
        return [Row(*row) for row in found]

    def open_envelope(self) -> Sealed | None:
        """The oldest envelope of which an interval still waits; the bytes are those of its making."""
        self.db.execute(
            "UPDATE envelope SET open=0 WHERE open AND NOT EXISTS"
            " (SELECT 1 FROM outbox WHERE envelope=envelope.id AND state='pending')"
        )
        found = self.db.execute("SELECT id, hash, wire FROM envelope WHERE open ORDER BY id LIMIT 1").fetchone()
        if found is None:
            return None
        waiting = self.db.execute("SELECT hash FROM outbox WHERE envelope=? AND state='pending'", (found[0],))
        return Sealed(found[1], found[2], frozenset(row[0] for row in waiting))

    def seal(self, rows: Sequence[Row], seal: Seal) -> tuple[Sealed, int]:
        """Make an envelope of rows, once, and store it in the transaction that chains it to the one before.

        Returns it and the next one's number.
        """
        with self.transaction() as db:
            count = self.number("next_envelope", 1)
            made, wire = seal(rows, count, self.meta("last_envelope") or FIRST)
            number = db.execute("INSERT INTO envelope (hash, wire) VALUES (?, ?)", (made, wire)).lastrowid
            db.executemany("UPDATE outbox SET envelope=? WHERE seq=?", [(number, row.seq) for row in rows])
            self.put("last_envelope", made)
            self.put("next_envelope", str(count + 1).encode())
        return Sealed(made, wire, frozenset(row.hash for row in rows)), count + 1

    def open_up(self, envelope: Sealed) -> None:
        """The server refuses the envelope as a whole: its intervals go one by one, under their own signatures."""
        with self.transaction() as db:
            db.execute("UPDATE envelope SET open=0 WHERE hash=?", (envelope.hash,))

    def refused_whole(self, seq: int, detail: str) -> None:
        """Count an attempt in which the server refused an interval without a receipt; it stays pending."""
        with self.transaction() as db:
            db.execute("UPDATE outbox SET attempts=attempts+1, detail=? WHERE seq=? AND state='pending'", (detail, seq))

    def receive(self, receipt: Receipt, now_ms: int) -> dict[State, int]:
        """Apply a receipt whose signature was checked. Returns how many intervals each status moved out of pending.

        A final state never changes again: a late or repeated receipt does nothing. A conflict or a rejection may still
        be overtaken by an acceptance, since only the server knows what it has stored.
        """
        moved: dict[State, int] = {}
        with self.transaction() as db:
            whole = self._keep_receipt(receipt.to_json())
            for line in receipt.receipts:
                changed = db.execute(
                    "UPDATE outbox SET state=?, code=?, detail=?, receipt=NULL, receipt_id=?, receipted_ms=? WHERE hash=?"
                    " AND (state='pending' OR (state IN ('conflict', 'rejected') AND ? IN ('accepted', 'duplicate')))",
                    (line.status, line.code, line.detail, whole, now_ms, _hash(line.hash), line.status),
                ).rowcount
                if changed:
                    moved[line.status] = moved.get(line.status, 0) + changed
            if not moved:
                db.execute("DELETE FROM receipt WHERE id=?", (whole,))
            for state, count in moved.items():
                self.put(f"count.{state}", str(self.number(f"count.{state}", 0) + count).encode())
        return moved

    def resend_rejected(self) -> int:
        """Put rejected intervals back in line, once an operator has removed the cause. Returns how many."""
        with self.transaction() as db:
            return db.execute("UPDATE outbox SET state='pending', attempts=0 WHERE state='rejected'").rowcount

    def prune(self, now_ms: int, retention_s: float) -> int:
        """Delete what was accepted (or was a duplicate) longer than the retention ago. Returns how many."""
        with self.transaction() as db:
            gone = db.execute(
                "DELETE FROM outbox WHERE state IN ('accepted', 'duplicate') AND receipted_ms <= ?",
                (now_ms - int(retention_s * 1000),),
            ).rowcount
            db.execute("DELETE FROM envelope WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE envelope=envelope.id)")
            db.execute("DELETE FROM receipt WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE receipt_id=receipt.id)")
        return gone

    # -- what people look at

    def counts(self) -> dict[State, int]:
        """Intervals in the buffer by state."""
        found = dict(self.db.execute("SELECT state, COUNT(*) FROM outbox GROUP BY state"))
        return {state: found.get(state, 0) for state in STATES}

    def totals(self) -> dict[str, int]:
        """Since the first start: intervals `built`, and receipts by status."""
        totals = {"built": self._built()}
        return totals | {state: self.number(f"count.{state}", 0) for state in STATES if state != "pending"}

    def last(self, limit: int) -> list[Row]:
        """The newest intervals, newest first."""
        found = self.db.execute(f"SELECT {_ROW} FROM outbox ORDER BY seq DESC LIMIT ?", (limit,))
        return [Row(*row) for row in found]

    def last_slot(self, meter: str) -> int | None:
        """The slot of a meter's newest interval, by sequence."""
        query = "SELECT slot FROM outbox WHERE meter=? ORDER BY seq DESC LIMIT 1"
        found = self.db.execute(query, (meter,)).fetchone()
        return None if found is None else int(found[0])

    def everything(self, states: Sequence[State] = STATES, since_seq: int = 0) -> Iterator[Stored]:
        """All intervals in these states, in order of sequence, without holding them in memory."""
        marks = ",".join("?" * len(states))
        found = self.db.execute(
            f"SELECT {WHOLE} FROM outbox WHERE state IN ({marks}) AND seq>=? ORDER BY seq",
            (*states, since_seq),
        )
        return (Stored(*row) for row in found)

    def profile(self, seq: int) -> bytes | None:
        """The canonical raw profile of an interval: what its `profileHash` covers."""
        found = self.db.execute("SELECT profile FROM outbox WHERE seq=?", (seq,)).fetchone()
        return None if found is None else bytes(found[0])

    def _keep_receipt(self, body: bytes) -> int:
        return self.db.execute("INSERT INTO receipt (body) VALUES (?)", (body,)).lastrowid or 0

    def _built(self) -> int:
        # the first version had no such count: there, what was numbered was built
        return self.number("built", self.next_seq() - 1)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise Damaged(f"{value!r} stands where bytes were")
    return value


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""


def _int(found: bytes | None) -> int:
    return int(found) if found is not None and found.isdigit() else 1
