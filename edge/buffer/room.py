# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Room on the disk that nobody else can take: a file that is given up, bit by bit, when the disk is full.

Without it the agent competes with whatever fills the disk; with it there is room for a month of intervals after that.
"""

import contextlib
import os
import shutil
from pathlib import Path

RESERVE_FILE = "buffer.reserve"
STEP = 1 << 20  # bytes given up at once


class Room:
    """The reserve of one data folder; `size` in bytes, 0 for none."""

    def __init__(self, folder: Path, size: int) -> None:
        self._path = folder / RESERVE_FILE
        self._folder = folder
        self.size = size

    @property
    def held(self) -> int:
        """Bytes that the reserve holds now."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def free(self) -> int:
        """Bytes that a process without privileges can still write. Raises OSError."""
        return shutil.disk_usage(self._folder).free

    def refill(self) -> None:
        """Take the whole reserve again, once there is room for it and as much beside it; else leave it as it is."""
        held = self.held
        try:
            if held >= self.size or self.free() < 2 * self.size - held:
                return
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
        except OSError:
            return  # a disk that gives no reserve may still take an interval

    def give_up(self) -> bool:
        """Free a step of the reserve. False if there is nothing left to give."""
        held = self.held
        if not held:
            return False
        with contextlib.suppress(OSError):
            os.truncate(self._path, max(0, held - STEP))
        return self.held < held
