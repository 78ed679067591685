# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of one house on this machine: its lock, its ports, its clock, its secrets. Everything a restart has to remember."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greencore.embedded.ports import free_ports, is_free
from kit.clock import AcceleratedClock


class FolderInUse(RuntimeError):
    """Another process has this folder."""


class Folder:
    """A data folder. Use it while its `locked` block is open."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._known: dict[str, Any] = {}
        self._claims: list[socket.socket] = []
        self._chosen: set[str] = set()  # ports that this process looked at: by now a server of ours may listen there

    @contextmanager
    def locked(self, *, fresh: bool = False) -> Iterator[None]:
        """Hold the folder alone; `fresh` empties it first. Raises FolderInUse if somebody else holds it."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderInUse(
                    f"{self.root} is in use by process {os.pread(descriptor, 20, 0).decode().strip() or '?'};"
                    " stop it, or choose another folder with --data"
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            if fresh:
                self._clear()
            path = self.root / "house.json"
            self._known = json.loads(path.read_text()) if path.exists() else {}
            yield
        finally:
            for claim in self._claims:
                claim.close()
            os.close(descriptor)

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.root / "logs"

    def port(self, name: str, *, preferred: int | None = None) -> int:
        """The port of a server: the one it had before if nobody took it meanwhile, else the preferred or any free one."""
        ports: dict[str, int] = self._known.setdefault("ports", {})
        if name in self._chosen:
            return ports[name]
        self._chosen.add(name)
        others = {port for other, port in ports.items() if other != name}
        for candidate in (ports.get(name), preferred):
            if candidate is not None and candidate not in others and self._claim(candidate):
                break
        else:
            candidate = next(port for port in free_ports(len(others) + 8) if port not in others and self._claim(port))
        ports[name] = candidate
        self._save()
        return candidate

    def _claim(self, port: int) -> bool:
        """Take a free port among the houses of this machine: between choosing it and listening another one could choose it too."""
        if not is_free(port):
            return False
        if sys.platform == "linux":  # names of this kind vanish with their process; elsewhere the small risk stays
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0greencore-port-{port}")
            except OSError:
                claim.close()
                return False
            self._claims.append(claim)
        return True

    def secret(self, name: str) -> str:
        """A random word that stays the same as long as the folder lives."""
        made: dict[str, str] = self._known.setdefault("secrets", {})
        if name not in made:
            made[name] = secrets.token_urlsafe(24)
            self._save()
        return made[name]

    def remember(self, name: str, value: Any) -> None:
        """Keep a value of JSON's kinds."""
        self._known[name] = value
        self._save()

    def recall(self, name: str, default: Any = None) -> Any:
        """A value that was kept."""
        return self._known.get(name, default)

    def save_time(self, clock: AcceleratedClock) -> None:
        """Keep the present simulated instant, so that the next start goes on from there."""
        _write(self.root / "clock.json", json.dumps({"simulated": clock.now().timestamp()}))

    def last_time(self) -> float | None:
        """The last simulated instant that was kept, unix seconds."""
        path = self.root / "clock.json"
        return float(json.loads(path.read_text())["simulated"]) if path.exists() else None

    def _save(self) -> None:
        _write(self.root / "house.json", json.dumps(self._known, indent=1))

    def _clear(self) -> None:
        """Remove everything but the lock, which we hold. Only a folder that is a house's, or empty, is cleared."""
        entries = [entry for entry in self.root.iterdir() if entry.name != "lock"]
        if entries and not (self.root / "house.json").exists():
            raise FolderInUse(f"{self.root} holds files that are not ours; it is not emptied")
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def clock_text(simulated: float, speed: float, *, starts_in: float = 0) -> str:
    """GREENCORE_CLOCK for a clock that shows a simulated instant so many wall seconds from now. Milliseconds, for all readers."""
    return f"{simulated:.3f}@{time.time() + starts_in:.3f}x{speed:.3f}"


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
