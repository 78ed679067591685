# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The buffer on disk: an interval is here before it is sent, and leaves only after the server's signed receipt.

One writer. What the interval builder needs after a restart is committed in the same transaction as the intervals it made.
The agent goes on whatever the disk does: a damaged file is put aside and a new one begun, with all that can be read of the
old one; a full disk gets the reserve; what no disk takes waits in memory, is told as such, and is written when one does.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import structlog

from edge import keys
from edge.buffer import salvage as buffer_salvage
from edge.buffer.file import BufferFile
from edge.buffer.mark import Mark
from edge.buffer.room import Room
from edge.buffer.salvage import Found, Incident, by_bytes
from edge.buffer.tables import STATES, BufferFault, Damaged, Draft, Row, Seal, Sealed, State
from edge.intervals import BuilderState
from edge.protocol import Receipt

__all__ = ["BUFFER_FILE", "STATES", "Buffer", "BufferFault", "Draft", "Row", "State"]

BUFFER_FILE = "buffer.sqlite"
WAITING_MAX = 3_000  # intervals in memory while no disk takes them: a month of one meter

_GONE = "the file is gone"
_BEHIND = "the file does not know numbers that were used: its log was damaged, or an old copy was put back"
_IO_READS = frozenset({"SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS", "SQLITE_IOERR_DATA"})

T = TypeVar("T")
log = structlog.get_logger("edge.buffer")


class Buffer:
    """All methods are synchronous and belong to one thread at a time; the agent runs them on its writer thread.

    Raises BufferFault if the folder cannot be used at all, sqlite3.Error where the disk fails in between: `store` never
    does, unless memory is full too.
    """

    def __init__(self, folder: Path, reserve: int = 0, wall: Callable[[], float] = time.time) -> None:
        self.path = folder / BUFFER_FILE
        self.trouble: str | None = None
        self._folder = folder
        self._wall = wall
        self._file: BufferFile | None = None
        self._reason = ""
        self._drafts: list[Draft] = []
        self._states: dict[str, tuple[str, BuilderState]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._room = Room(folder, reserve)
            self._mark = Mark(folder)
            self._room.refill()
            self._do(lambda file: file.next_seq())
        except (OSError, sqlite3.Error) as error:
            raise BufferFault(f"{self.path} cannot be opened: {error}; is the disk full, or read-only?") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; everything committed stays."""
        if self._drafts:
            log.error("intervals_never_stored", slots=[(draft.meter, draft.slot) for draft in self._drafts])
        if self._file is not None:
            self._file.close()
            self._file = None
        self._mark.close()

    def claim(self, station: str) -> None:
        """Bind the buffer to one station for ever. Raises BufferFault if it belongs to another."""
        self._do(lambda file: file.claim(station))

    # -- what the builder stores

    def builder_state(self, fingerprint: str, meter: str = "main") -> BuilderState:
        """What a meter's builder knew at its last commit; empty for the first start or after a change of register map."""
        return self._do(lambda file: file.builder_state(fingerprint, meter))

    def store(
        self, drafts: Sequence[Draft], state: BuilderState, fingerprint: str, meter: str = "main"
    ) -> tuple[list[int], list[int]]:
        """Number, sign and store intervals with the state of the meter's builder, in one transaction.

        Returns the sequence numbers stored, and the slots that were refused because an interval of that meter and slot
        stands here already (a clock that was set back): the first one holds, no number is used up. Where the disk takes
        nothing, nothing is returned, `trouble` says why, and the drafts wait for the next call. Raises sqlite3.Error
        when too many wait.
        """
        every = [*self._drafts, *drafts]
        states = self._states | {meter: (fingerprint, state)}
        try:
            stored, refused = self._do(lambda file: file.insert(every, states), moved_away=self._moved_away())
        except sqlite3.Error as error:
            if len(every) > WAITING_MAX:
                raise
            self._drafts, self._states = every, states
            self._troubled(f"{error}; {len(every)} intervals wait in memory", error)
            return [], []
        self._drafts, self._states = [], {}
        self._do(lambda _file: self._numbered())
        self._room.refill()
        self.trouble = self._tightness()
        return stored, [slot for owner, slot in refused if owner == meter]

    @property
    def waiting(self) -> int:
        """Intervals that no disk has taken yet: a power cut would lose them."""
        return len(self._drafts)

    # -- what delivery does

    def pending(self, limit: int, attempts_below: int | None = None, loose: bool = False) -> list[Row]:
        """The oldest intervals without a final receipt, in order of sequence; `loose`: those in no open envelope."""
        return self._do(lambda file: file.pending(limit, attempts_below, loose))

    def open_envelope(self) -> Sealed | None:
        """The oldest envelope of which an interval still waits; the bytes are those of its making."""
        return self._do(lambda file: file.open_envelope())

    def seal(self, rows: Sequence[Row], seal: Seal) -> Sealed:
        """Make an envelope of rows, once, and store it, chained to the one before."""
        sealed, following = self._do(lambda file: file.seal(rows, seal))
        self._mark_down(lambda: self._mark.envelopes(following, sealed.hash))
        return sealed

    def open_up(self, envelope: Sealed) -> None:
        """The server refuses the envelope as a whole: its intervals go one by one, under their own signatures."""
        self._do(lambda file: file.open_up(envelope))

    def refused_whole(self, seq: int, detail: str) -> None:
        """Count an attempt in which the server refused an interval without a receipt; it stays pending."""
        self._do(lambda file: file.refused_whole(seq, detail))

    def receive(self, receipt: Receipt, now_ms: int) -> dict[State, int]:
        """Apply a receipt whose signature was checked. Returns how many intervals each status moved out of pending.

        A final state never changes again: a late or repeated receipt does nothing. A conflict or a rejection may still
        be overtaken by an acceptance, since only the server knows what it has stored.
        """
        return self._do(lambda file: file.receive(receipt, now_ms))

    def resend_rejected(self) -> int:
        """Put rejected intervals back in line, once an operator has removed the cause. Returns how many."""
        return self._do(lambda file: file.resend_rejected())

    def prune(self, now_ms: int, retention_s: float) -> int:
        """Delete what was accepted (or was a duplicate) longer than the retention ago. Returns how many."""
        return self._do(lambda file: file.prune(now_ms, retention_s))

    # -- what people look at

    def counts(self) -> dict[State, int]:
        """Intervals in the buffer by state."""
        return self._do(lambda file: file.counts())

    def totals(self) -> dict[str, int]:
        """Since the first start, or since the buffer was last begun anew: intervals `built`, and receipts by status."""
        return self._do(lambda file: file.totals())

    def last(self, limit: int) -> list[Row]:
        """The newest intervals, newest first."""
        return self._do(lambda file: file.last(limit))

    def last_slot(self, meter: str) -> int | None:
        """The slot of a meter's newest interval, by sequence."""
        return self._do(lambda file: file.last_slot(meter))

    def profile(self, seq: int) -> bytes | None:
        """The canonical raw profile of an interval: what its `profileHash` covers."""
        return self._do(lambda file: file.profile(seq))

    def incidents(self) -> list[Incident]:
        """Buffers that were put aside, oldest first."""
        return buffer_salvage.declared(self._folder)

    # -- what happens when the disk fails

    def _do(self, work: Callable[[BufferFile], T], moved_away: bool = False) -> T:
        """Run on the file, and heal it as often as that helps. Raises sqlite3.Error when it does not."""
        if moved_away:
            self._begin_anew("the file was removed or replaced")
        healed = False
        while True:
            try:
                return _as_text(work, self._opened())
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", "")
                if name.startswith("SQLITE_FULL") and self._room.give_up():
                    log.error("reserve_used", left_bytes=self._room.held)
                elif healed:
                    raise
                elif _is_damage(error):
                    self._begin_anew(str(error))
                    healed = True
                elif name.startswith("SQLITE_IOERR"):
                    self._close()  # opening it again walks through all of it
                    healed = True
                else:
                    raise

    def _opened(self) -> BufferFile:
        """The open file. A new one first takes over what the ones that were put aside still hold."""
        if self._file is not None:
            return self._file
        counted, key = self._mark.counted, self._device_key()
        gone = not self.path.exists() and counted.next_seq > 1
        kept_log = buffer_salvage.keep_log(self.path)
        file = BufferFile(self.path)
        try:
            aside = buffer_salvage.undeclared(self._folder)
            for path in aside:
                found = buffer_salvage.read(path, key, counted)
                self._take_over(file, self._reason or "the agent was stopped in between", path.name, found)
            if not aside and file.next_seq() < counted.next_seq:
                rows = {} if kept_log is None else {row.seq: row for row in by_bytes(kept_log, key, file.next_seq())}
                self._take_over(file, _GONE if gone else _BEHIND, None, Found(rows))
            file.begin_at(*counted.beginning)
        except BaseException:
            file.close()
            raise
        if kept_log is not None:
            kept_log.unlink(missing_ok=True)
        self._file, self._reason = file, ""
        self._numbered()
        return file

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
            self._file = None

    def _moved_away(self) -> bool:
        if self._file is None:
            return False
        try:
            return self.path.stat().st_ino != self._file.inode
        except OSError:
            return True

    def _begin_anew(self, reason: str) -> None:
        """Put the file aside; the next use begins a new one. Raises sqlite3.Error."""
        rest = None
        if self._file is not None and self._moved_away():  # it has no name any more; what it holds can still be read
            with contextlib.suppress(sqlite3.Error):
                rest = Found({row.seq: row for row in self._file.everything()}, self._file.all_meta())
        try:
            aside = buffer_salvage.put_aside(self.path, datetime.fromtimestamp(self._wall(), UTC))
        except OSError as error:
            raise sqlite3.OperationalError(f"the damaged buffer cannot be put aside: {error}") from error
        self._close()
        self._reason = reason
        if rest is not None:
            self._file = BufferFile(self.path)
            self._take_over(self._file, reason, None if aside is None else aside.name, rest)
            self._close()

    def _take_over(self, file: BufferFile, reason: str, aside: str | None, found: Found) -> None:
        """What is left of an old file goes into the new one; what is missing is said aloud."""
        file.restore(found.rows[seq] for seq in sorted(found.rows))
        file.adopt(found.meta)
        incident = Incident(
            at=datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            file=aside,
            reason=reason,
            salvaged=len(found.rows),
            lost=buffer_salvage.lost(self._mark.counted, file.numbers()),
        )
        log.error("buffer_begun_anew", **{name: getattr(incident, name) for name in Incident.__slots__})
        try:
            buffer_salvage.declare(self._folder, incident)
        except OSError as error:
            log.error("not_declared", error=str(error))

    def _numbered(self) -> None:
        file = self._file
        assert file is not None, "numbers come from an open file"
        self._mark_down(lambda: self._mark.intervals(file.next_seq(), file.oldest_pending()))

    def _mark_down(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:  # the interval itself is on disk
            log.error("mark_not_written", error=str(error))

    def _device_key(self) -> bytes | None:
        path = self._folder / keys.KEY_FILE
        if not path.exists():
            return None
        try:
            return keys.load_or_create(self._folder).public_key().public_bytes_raw()
        except keys.DeviceKeyError:
            return None

    def _tightness(self) -> str | None:
        """What to say before it is too late: less room than the reserve itself, or a part of it used."""
        room = self._room
        if not room.size:
            return None
        if room.held < room.size:
            return f"the disk is nearly full: {room.held >> 20} of {room.size >> 20} MB of the reserve are left"
        try:
            free = room.free()
        except OSError:
            return None
        return f"the disk is nearly full: {free >> 20} MB beside the reserve" if free < room.size else None

    def _troubled(self, text: str, error: Exception) -> None:
        if self.trouble is None or self._drafts:
            log.error("not_stored", error=str(error), waiting=len(self._drafts))
        self.trouble = text


def _as_text(work: Callable[[BufferFile], T], file: BufferFile) -> T:
    try:
        return work(file)
    except UnicodeDecodeError as error:  # a message or a column of SQLite's that quotes what the damage left
        raise Damaged(f"text that is no text: {error}") from error


def _is_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, Damaged):
        return True
    name = getattr(error, "sqlite_errorname", "")
    if not name:  # said by Python's module: text that is no text
        return isinstance(error, sqlite3.OperationalError)
    # a number that is taken already: what the file says of itself is not so
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CONSTRAINT")) or name in _IO_READS


def recover(folder: Path, damaged: Path, device_key: bytes | None) -> tuple[int, int]:
    """Take intervals over from a damaged or foreign file into the folder's buffer; the agent may run.

    Returns how many were found and how many of them were not there yet. Raises sqlite3.Error, BufferFault, OSError.
    """
    declared = [it for it in buffer_salvage.declared(folder) if it.file == damaged.name and it.lost]
    since = declared[0].lost[0][0] if declared else 1
    with Mark(folder) as mark:
        found = buffer_salvage.read(damaged, device_key, replace(mark.counted, oldest_pending=since))
    file = BufferFile(folder / BUFFER_FILE)
    try:
        return len(found.rows), len(file.restore(found.rows[seq] for seq in sorted(found.rows)))
    finally:
        file.close()
