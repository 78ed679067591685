# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a damaged buffer: it is put aside, and every interval that can still be read is taken out of it.

Two ways, one after the other. SQLite reads the rows it can reach. Then the raw bytes of the file and its log are searched
for intervals, whatever became of the pages around them: an interval is known by its own signature.
"""

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from edge.buffer.mark import Counted
from edge.buffer.tables import STATES, WHOLE, Stored
from edge.protocol import ProtocolError, SignedInterval, decode

DAMAGED = "buffer-damaged-"
LOG, KEPT_LOG = "-wal", "-wal-kept"
SUFFIXES = ("", LOG, KEPT_LOG, "-shm")
PROBES_MAX = 200_000  # numbers that are asked for one by one where the table cannot be walked

_CHUNK = 4096
_UNREADABLE = (sqlite3.Error, TypeError, ValueError)  # values of another kind, text that is no text
_INTERVAL = re.compile(rb'\{"homeId":"[0-9a-f-]{36}",[^{}\x00]{1,4000}(?:\{[^{}\x00]{0,4000}\}[^{}\x00]{0,4000})?\}')
_PROFILE = re.compile(rb"greencore\.profile\.v1\n(?:[0-9]+,[^\n,\x00]+,-?[0-9]+\n)*")


@dataclass(frozen=True, slots=True)
class Incident:
    """A buffer that was put aside. `lost` are runs of numbers that may hold undelivered intervals and could not be read."""

    at: str
    file: str | None
    reason: str
    salvaged: int
    lost: list[tuple[int, int]]

    @property
    def lost_count(self) -> int:
        """How many intervals at most."""
        return sum(last - first + 1 for first, last in self.lost)

    def text(self) -> str:
        """One line for people."""
        fate = f"{self.salvaged} intervals were taken over"
        if self.lost:
            runs = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in self.lost)
            fate += f"; up to {self.lost_count} may be lost: numbers {runs}"
        return f"{self.reason}; kept as {self.file or 'nothing'}; {fate}"


@dataclass(slots=True)
class Found:
    """What a damaged file gave: intervals by number, and what it knew beside them."""

    rows: dict[int, Stored] = field(default_factory=dict)
    meta: dict[str, bytes] = field(default_factory=dict)


def keep_log(path: Path) -> Path | None:
    """A second name for the log, before SQLite opens the file: a log that it does not understand it silently removes.

    Returns it, or the one that an opening which failed has left; None if there is none, or the file system knows no links.
    """
    log, kept = path.with_name(path.name + LOG), path.with_name(path.name + KEPT_LOG)
    with contextlib.suppress(OSError):
        if log.stat().st_size:
            kept.unlink(missing_ok=True)
            os.link(log, kept)
    return kept if kept.exists() else None


def put_aside(path: Path, at: datetime) -> Path | None:
    """Rename the files of a buffer, so that nothing writes to them again; returns the new name, None if there is no file.

    Raises OSError if the folder cannot be written.
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{DAMAGED}{stamp}.sqlite")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{DAMAGED}{stamp}-{count}.sqlite")
    moved = False
    for suffix in SUFFIXES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
            moved = True
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return aside if moved else None


def read(path: Path, device_key: bytes | None, counted: Counted) -> Found:
    """Every interval that a damaged file still holds. `device_key` is the raw public key that must have signed them.

    The file is opened by SQLite, which may replay its log; it is never deleted. A file that cannot be read at all gives nothing.
    """
    found = Found()
    carved: dict[int, Stored] = {}
    for suffix in ("", LOG, KEPT_LOG):  # before SQLite replays the log, which may end it
        # what is older had its receipt: it was only kept for looking back
        for row in by_bytes(path.with_name(path.name + suffix), device_key, counted.oldest_pending):
            carved[row.seq] = row
    for row in _by_sqlite(path, found.meta, counted):
        if _sound(row, device_key):
            found.rows[row.seq] = row
    found.rows = carved | found.rows  # a row also says what became of the interval
    return found


def lost(counted: Counted, present: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of numbers that were used, may not have been receipted, and are not present."""
    missing = sorted(set(range(counted.oldest_pending, counted.next_seq)) - set(present))
    runs: list[tuple[int, int]] = []
    for seq in missing:
        if runs and runs[-1][1] == seq - 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs


def declare(folder: Path, incident: Incident) -> None:
    """Write the incident beside the file that was put aside. Raises OSError."""
    name = Path(incident.file).stem if incident.file else f"{DAMAGED}{incident.at.replace('-', '').replace(':', '')}"
    text = json.dumps({name: getattr(incident, name) for name in Incident.__slots__}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def undeclared(folder: Path) -> list[Path]:
    """Files that were put aside and of which nothing was said yet, oldest first: their intervals were not taken over."""
    return [path for path in sorted(folder.glob(f"{DAMAGED}*.sqlite")) if not path.with_suffix(".json").exists()]


def declared(folder: Path) -> list[Incident]:
    """The incidents of a data folder, oldest first, until somebody removes them."""
    incidents = []
    for path in sorted(folder.glob(f"{DAMAGED}*.json")):
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values["lost"] = [(int(first), int(last)) for first, last in values["lost"]]
            incidents.append(Incident(**values))
        except (OSError, ValueError, TypeError, KeyError) as error:
            incidents.append(
                Incident("", path.with_suffix(".sqlite").name, f"{path.name} is unreadable: {error}", 0, [])
            )
    return incidents


def _by_sqlite(path: Path, meta: dict[str, bytes], counted: Counted) -> Iterator[Stored]:
    columns = WHOLE
    try:
        db = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        return
    try:
        try:
            meta.update((name, bytes(value)) for name, value in db.execute("SELECT name, value FROM meta"))
        except _UNREADABLE:
            meta.clear()  # a part of what the builders know may contradict the rest
        if not _has(db, "receipt"):
            columns = ", ".join(Stored.__slots__)
        reached = 0
        try:
            for row in db.execute(f"SELECT {columns} FROM outbox ORDER BY seq"):
                reached = row[0]
                yield Stored(*row)
        except _UNREADABLE:
            for seq in range(max(reached + 1, counted.next_seq - PROBES_MAX), counted.next_seq):
                try:
                    one = db.execute(f"SELECT {columns} FROM outbox WHERE seq=?", (seq,)).fetchone()
                except _UNREADABLE:
                    continue
                if one is not None:
                    yield Stored(*one)
    finally:
        db.close()


def _has(db: sqlite3.Connection, table: str) -> bool:
    try:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name=?", (table,)).fetchone() is not None
    except _UNREADABLE:
        return False


def by_bytes(path: Path, device_key: bytes | None, since_seq: int) -> Iterator[Stored]:
    """The intervals from a number on that stand in a file of any kind under the device's signature, some more than once."""
    whole = _raw(path)
    for match in _INTERVAL.finditer(whole):
        signed = _one(match[0])
        if signed is None or signed.interval.seq is None or signed.interval.seq < since_seq:
            continue
        if not _signed(signed, device_key):
            continue
        it = signed.interval
        beside = _PROFILE.match(whole, match.end())
        profile = beside[0] if beside and keccak(beside[0]) == it.profile_hash else b""
        yield Stored(it.seq or 0, it.meter, it.slot, signed.hash, signed.body, match[0], profile)


def _raw(path: Path) -> bytes:
    """A file's bytes, with zeros for the parts that the disk does not give."""
    whole = bytearray()
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        for at in range(0, os.fstat(descriptor).st_size, _CHUNK):
            try:
                whole += os.pread(descriptor, _CHUNK, at)
            except OSError:
                whole += bytes(_CHUNK)
    finally:
        os.close(descriptor)
    return bytes(whole)


def _sound(row: Stored, device_key: bytes | None) -> bool:
    """True if a row is what was stored: damage may also have struck inside a value."""
    if not all(isinstance(value, bytes) for value in (row.hash, row.body, row.wire, row.profile)):
        return False
    if row.state not in STATES:
        return False
    signed = _one(row.wire)
    return (
        signed is not None
        and signed.body == row.body
        and signed.hash == row.hash
        and (signed.interval.seq, signed.interval.meter, signed.interval.slot) == (row.seq, row.meter, row.slot)
        and _signed(signed, device_key)
    )


def _one(wire: bytes) -> SignedInterval | None:
    try:
        found = decode(wire)
    except ProtocolError:
        return None
    return found[0] if len(found) == 1 else None


def _signed(signed: SignedInterval, device_key: bytes | None) -> bool:
    return device_key is None or signed.signed_by(device_key)
