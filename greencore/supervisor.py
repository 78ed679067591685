# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Processes that belong together: started in order, restarted when they die, stopped in the reverse order."""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from greencore.embedded.program import Program, StartFailed, end_group, tail

_POLL_SECONDS = 0.05
_BACKOFF_FIRST_SECONDS = 0.5
_BACKOFF_LONGEST_SECONDS = 10.0
_STEADY_SECONDS = 30.0
_LOG_BYTES_MAX = 20 << 20


class State(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    UP = "up"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(slots=True)
class Member:
    """One supervised process. `make` is asked for the program at every start, for some have to tidy up first."""

    name: str
    make: Callable[[], Program]
    wave: int
    program: Program | None = None
    process: subprocess.Popen[bytes] | None = None
    state: State = State.STARTING
    restarts: int = 0
    last_exit: int | None = None
    up_since: float = 0.0
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None


class Supervisor:
    """Keeps processes running. Use it from the main thread: a child is bound to the life of the thread that started it."""

    def __init__(self, logs: Path, status: Path) -> None:
        self._logs = logs
        self._status = status
        self._stopping = False
        self.members: dict[str, Member] = {}

    async def start(self, name: str, make: Callable[[], Program], *, wave: int, seconds: float = 60) -> Member:
        """Start a process and return when it can be used. Processes of a higher `wave` are stopped earlier.

        Raises StartFailed if it ends or is not ready in so many seconds. From then on it is restarted whenever it ends.
        """
        member = Member(name, make, wave)
        self.members[name] = member
        self._rotate(name)
        await self._launch(member)
        await self._until_ready(member, seconds)
        member.watcher = asyncio.create_task(self._watch(member), name=f"watch {name}")
        return member

    async def stop(self, *, seconds: float = 4) -> None:
        """Stop everything, the highest wave first, each wave at once. What does not end in so many seconds is ended.

        The lowest wave, which holds the data, gets three times as long.
        """
        self._stopping = True
        watchers = [member.watcher for member in self.members.values() if member.watcher is not None]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        waves = sorted({member.wave for member in self.members.values()}, reverse=True)
        for wave in waves:
            limit = 3 * seconds if wave == waves[-1] else seconds
            await asyncio.gather(*(self._end(m, limit) for m in self.members.values() if m.wave == wave))
        self._publish()

    async def end(self, name: str, *, seconds: float = 10) -> None:
        """Stop one process for good."""
        member = self.members[name]
        if member.watcher is not None:
            member.watcher.cancel()
            await asyncio.gather(member.watcher, return_exceptions=True)
        await self._end(member, seconds)
        self._publish()

    def kill(self) -> None:
        """End every process now, for somebody who does not want to wait."""
        self._stopping = True
        for member in self.members.values():
            if member.process is not None and member.process.poll() is None:
                end_group(member.process)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._logs / f"{name}.log"

    async def _launch(self, member: Member) -> None:
        member.program = await asyncio.to_thread(member.make)
        member.process = member.program.launch(self.log(member.name))
        self._publish()

    async def _until_ready(self, member: Member, seconds: float) -> None:
        assert member.program is not None
        assert member.process is not None
        limit = time.monotonic() + seconds
        while True:
            ready = await asyncio.to_thread(member.program.ready, member.process.pid)
            ended = member.process.poll() is not None  # asked last: somebody else may answer on our port
            if ready and not ended:
                break
            if ended:
                code = member.process.returncode
                raise StartFailed(f"{member.name} ended with code {code}:\n{tail(self.log(member.name))}")
            if time.monotonic() > limit:
                raise StartFailed(f"{member.name} was not ready in {seconds:g} s:\n{tail(self.log(member.name))}")
            await asyncio.sleep(_POLL_SECONDS)
        member.state = State.UP
        member.up_since = time.monotonic()
        self._publish()

    async def _watch(self, member: Member) -> None:
        """Wait for the end of a process, and bring it back with a pause that grows while it keeps dying."""
        pause = _BACKOFF_FIRST_SECONDS
        while True:
            while member.process is not None and member.process.poll() is None:  # noqa: ASYNC110  (nothing tells us)
                await asyncio.sleep(_POLL_SECONDS)
            if member.process is not None:
                member.last_exit = member.process.returncode
            if time.monotonic() - member.up_since > _STEADY_SECONDS:
                pause = _BACKOFF_FIRST_SECONDS
            member.state = State.RESTARTING
            member.restarts += 1
            self._publish()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF_LONGEST_SECONDS)
            try:
                await self._launch(member)
                await self._until_ready(member, 60)
            except StartFailed:
                if member.process is not None and member.process.poll() is None:
                    end_group(member.process)

    async def _end(self, member: Member, seconds: float) -> None:
        process = member.process
        if process is not None and process.poll() is None and member.program is not None:
            process.send_signal(member.program.stop_signal)
            limit = time.monotonic() + seconds
            while process.poll() is None:
                if time.monotonic() > limit:
                    end_group(process)
                await asyncio.sleep(0.02)
        if process is not None:
            member.last_exit = process.wait()
        member.state = State.STOPPED

    def _rotate(self, name: str) -> None:
        log = self.log(name)
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))

    def _publish(self) -> None:
        """Tell people and tests what runs: name → pid, state, restarts, last exit code."""
        told = {
            m.name: {"pid": m.pid, "state": m.state.value, "restarts": m.restarts, "last_exit": m.last_exit}
            for m in self.members.values()
        }
        draft = self._status.with_suffix(".new")
        draft.write_text(json.dumps(told, indent=1))
        draft.replace(self._status)
