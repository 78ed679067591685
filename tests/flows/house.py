# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A running demo as a person sees it: a command, its output, its processes, its doors. Nothing in here looks inside.

Limits are generous: they tell a hang from a slow machine, nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class House:
    """One data folder, and the demo that runs on it."""

    data: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = field(default=0)

    @property
    def output(self) -> str:
        """What the present run has printed."""
        return (self.data.parent / f"output-{self.starts}.txt").read_text()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """The demo with these arguments; ended at the end of the block if it has not ended by itself."""
        self.starts += 1
        command = [sys.executable, "-m", "greencore", "demo", "--data", str(self.data), *arguments]
        with (self.data.parent / f"output-{self.starts}.txt").open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
            try:
                yield
            finally:
                if self.process.poll() is None:
                    self.process.kill()
                    self.process.wait()

    def finish(self, *, seconds: float) -> int:
        """Wait for its own end; its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"not at its end after {seconds:g} s:\n{self.output[-3000:]}") from error

    def interrupt(self, *, seconds: float) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.finish(seconds=seconds)

    def kill(self) -> None:
        """What no program can prepare for."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def processes(self) -> dict[str, dict[str, Any]]:
        """What the demo says of its processes."""
        path = self.data / "processes.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def pids(self) -> dict[str, int]:
        """The processes that run now."""
        return {name: told["pid"] for name, told in self.processes().items() if told["pid"]}

    def wait(self, holds: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait until something holds; the demo must not end meanwhile."""
        assert self.process is not None
        limit = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, f"it ended while we waited for {what}:\n{self.output[-3000:]}"
            assert time.monotonic() < limit, f"no {what} after {seconds:g} s:\n{self.output[-3000:]}"
            time.sleep(0.2)

    def wait_up(self, *, seconds: float = 300) -> None:
        """Wait until every process is up."""
        self.wait(lambda: "Look here" in self.output, "running house", seconds=seconds)

    def wait_restarted(self, name: str, pid: int, *, seconds: float = 180) -> None:
        """Wait until a process runs again after the one with this pid has ended."""

        def again() -> bool:
            told = self.processes()[name]
            return told["state"] == "up" and told["pid"] not in (None, pid)

        self.wait(again, f"new {name}", seconds=seconds)

    def market(self) -> dict[str, Any]:
        """What the trading day says of itself; nothing traded before it began."""
        path = self.data / "trading.json"
        return dict(json.loads(path.read_text())) if path.exists() else {"trades": 0, "refused": {}}

    @property
    def api(self) -> str:
        """The API's base URL."""
        return f"http://127.0.0.1:{json.loads((self.data / 'house.json').read_text())['ports']['api']}"

    def verify(self) -> subprocess.CompletedProcess[str]:
        """The independent check, as the demo tells people to run it."""
        (line,) = (line for line in self.output.splitlines() if "greencore verify" in line)
        arguments = line.split("greencore ", 1)[1].split()
        return subprocess.run(
            [sys.executable, "-m", "greencore", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )

    def get(self, path: str) -> Any:
        """What a GET of the API answers, or None while it does not."""
        try:
            with httpx.Client(trust_env=False, timeout=5) as http:
                answer = http.get(self.api + path)
                return answer.json() if answer.status_code == 200 else None
        except httpx.HTTPError:
            return None


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def all_gone(pids: list[int], *, seconds: float = 15) -> bool:
    """Whether all of some processes end in time."""
    limit = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True
