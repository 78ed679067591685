# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A program that we run as a process of its own: how to start it, when it is ready, how to stop it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from greencore.embedded import follow

_POLL_SECONDS = 0.02
_TAIL_BYTES = 2000


class StartFailed(RuntimeError):
    """A program ended, or was not ready in time. The message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `ready` gets the pid and says whether the program can be used; it must return at once."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[int], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    prefix: tuple[str, ...] = ()

    def launch(self, log: Path) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, so that a Ctrl-C reaches only us, and bound to our life. Output goes to `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                (*self.prefix, *bound(self.argv, self.stop_signal)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )


def bound(argv: Sequence[str], number: signal.Signals = signal.SIGKILL) -> tuple[str, ...]:
    """A command that gets a signal when we end, however we end."""
    return (sys.executable, "-I", "-S", follow.__file__, str(int(number)), str(os.getpid()), *argv)


def wait_ready(program: Program, process: subprocess.Popen[bytes], log: Path, *, seconds: float = 30) -> None:
    """Wait until the program can be used. Raises StartFailed if it ended or did not become ready in so many seconds."""
    limit = time.monotonic() + seconds
    while not program.ready(process.pid):
        if process.poll() is not None:
            raise StartFailed(f"{program.name} ended with code {process.returncode}:\n{tail(log)}")
        if time.monotonic() > limit:
            raise StartFailed(f"{program.name} was not ready in {seconds:g} s:\n{tail(log)}")
        time.sleep(_POLL_SECONDS)


def stop(program: Program, process: subprocess.Popen[bytes], *, seconds: float = 10) -> None:
    """Ask the program to end; after so many seconds end it and whatever it started."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            end_group(process)
    process.wait()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children at once. A program is the leader of its own process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


@contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program, ready, for the length of a block."""
    process = program.launch(log)
    try:
        wait_ready(program, process, log)
        yield process
    finally:
        stop(program, process)


def tail(log: Path) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return "(no log)"
    return log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip() or "(its log is empty)"
