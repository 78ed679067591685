# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How far the device has counted, kept outside the buffer: whatever happens to the buffer, no number is used twice.

A file of two records that are written in turn, after the commit and before anybody is shown what was committed: a number
that is not written down here has not left the device. A power cut can spoil the record that is being written, never the
other one.
"""

import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

MARK_FILE = "buffer.mark"
_RECORD = 256  # bytes; a record is one line of text, filled up with blanks


@dataclass(frozen=True, slots=True)
class Counted:
    """The next interval's number, the oldest one that had no receipt then, the next envelope's, and the last one's hash."""

    turn: int = 0
    next_seq: int = 1
    oldest_pending: int = 1
    next_envelope: int = 1
    last_envelope: bytes = bytes(32)

    @property
    def beginning(self) -> tuple[int, int, bytes]:
        """Where a new buffer begins: the next interval, the next envelope, the hash of the last one."""
        return self.next_seq, self.next_envelope, self.last_envelope


class Mark:
    """The open file. Raises OSError where the disk does not do its part."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / MARK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        whole = os.pread(self._descriptor, 2 * _RECORD, 0)
        if len(whole) < 2 * _RECORD:  # room for both, now: later the disk may be full
            os.pwrite(self._descriptor, whole.ljust(2 * _RECORD), 0)
            os.fsync(self._descriptor)
        found = [_read(whole[at : at + _RECORD]) for at in (0, _RECORD)]
        self.counted = max((it for it in found if it is not None), key=lambda it: it.turn, default=Counted())

    def intervals(self, next_seq: int, oldest_pending: int) -> None:
        """Numbers below `next_seq` are used; on disk when it returns."""
        self._write(replace(self.counted, next_seq=next_seq, oldest_pending=oldest_pending))

    def envelopes(self, next_envelope: int, last_envelope: bytes) -> None:
        """Envelopes below `next_envelope` are made, the last with this hash; on disk when it returns."""
        self._write(replace(self.counted, next_envelope=next_envelope, last_envelope=last_envelope))

    def _write(self, new: Counted) -> None:
        new = replace(new, turn=new.turn + 1)
        os.pwrite(self._descriptor, _text(new), new.turn % 2 * _RECORD)
        os.fdatasync(self._descriptor)
        self.counted = new

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(counted: Counted) -> bytes:
    text = (
        f"{counted.turn} {counted.next_seq} {counted.oldest_pending} {counted.next_envelope}"
        f" {counted.last_envelope.hex()}"
    )
    return f"{text} {zlib.crc32(text.encode()):08x}".ljust(_RECORD - 1).encode() + b"\n"


def _read(record: bytes) -> Counted | None:
    text, _, check = record.strip().rpartition(b" ")
    if not text or check != f"{zlib.crc32(text):08x}".encode():
        return None
    turn, next_seq, oldest_pending, next_envelope, last_envelope = text.split()
    return Counted(
        int(turn), int(next_seq), int(oldest_pending), int(next_envelope), bytes.fromhex(last_envelope.decode())
    )
