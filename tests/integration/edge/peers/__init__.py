# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Modbus servers that others wrote, as processes of their own, and a serial line between two ends without hardware.

In every one, register n holds n; addresses from 100 on misbehave, where the peer can:

    100 late (0.4 s)   200 busy   300 short   400 another transaction (RTU: another unit)   500 silent   600 another unit
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.integration.edge.peers.libmodbus_server import library

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
NAMES = ("libmodbus", "modbus-serial", "jsmodbus")


class SerialPair:
    """Two pseudo-terminals joined by a thread: what one end writes the other reads. `ends` are their device paths."""

    def __init__(self) -> None:
        pairs = [os.openpty(), os.openpty()]
        for _, slave in pairs:
            tty.setraw(slave)
        self.ends = [os.ttyname(slave) for _, slave in pairs]
        self._masters = [master for master, _ in pairs]
        self._slaves = [slave for _, slave in pairs]  # held open: a line does not hang up when a program leaves
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._relay, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._wake[1], b"x")
        self._thread.join()
        for descriptor in (*self._masters, *self._slaves, *self._wake):
            os.close(descriptor)

    def _relay(self) -> None:
        first, second = self._masters
        other = {first: second, second: first}
        while True:
            ready, _, _ = select.select([first, second, self._wake[0]], [], [])
            if self._wake[0] in ready:
                return
            for descriptor in ready:
                os.write(other[descriptor], os.read(descriptor, 4096))


def missing(name: str) -> str:
    """Why a peer cannot be had here; empty if it can."""
    if name == "libmodbus":
        return "" if library() is not None else "libmodbus.so.5 is not installed (Debian: apt-get install libmodbus5)"
    if not (ROOT / "node_modules" / name).exists():
        return f"npm {name} is not in node_modules (make setup fetches it where it can)"
    return "" if _node() else "there is no Node.js"


def start(name: str, kind: str, where: str) -> subprocess.Popen[bytes]:
    """Start a peer on `tcp` port or `rtu` device; returns when it listens."""
    scripts = {
        "libmodbus": [sys.executable, str(HERE / "libmodbus_server.py")],
        "modbus-serial": [_node(), str(HERE / "modbus_serial.js")],
        "jsmodbus": [_node(), str(HERE / "jsmodbus.js")],
    }
    process = subprocess.Popen([*scripts[name], kind, where], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", f"{name} does not start on {kind} {where}"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a peer with what it started: the node of the Python package is a wrapper around Node's own process."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    assert process.stdout.read() == b"", "nobody holds the other end any more"
    process.stdout.close()


def _node() -> str:
    ours = ROOT / ".venv" / "bin" / "node"
    return str(ours) if ours.exists() else shutil.which("node") or ""
