# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Processes that belong together: order, a new start after a death, and an end from the outside in."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from greencore.embedded.program import Program, StartFailed
from greencore.supervisor import State, Supervisor

_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({path!r}, 'w').close(); time.sleep(60)"
)
_POLITE = """
import signal, sys, time
def leave(*_):
    with open({order!r}, "a") as file: file.write({name!r} + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
open({path!r}, "w").close()
time.sleep(60)
"""


def _program(folder: Path, name: str, code: str = _POLITE) -> Callable[[], Program]:
    path = folder / f"{name}.ready"

    def make() -> Program:
        path.unlink(missing_ok=True)
        text = code.format(path=str(path), order=str(folder / "order"), name=name)
        return Program(name, (sys.executable, "-c", text), lambda _pid: path.exists())

    return make


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path / "logs", tmp_path / "processes.json")


async def test_waves_end_from_the_outside_in(tmp_path: Path, supervisor: Supervisor) -> None:
    for wave, name in enumerate(("database", "role", "agent")):
        await supervisor.start(name, _program(tmp_path, name), wave=wave)
    pids = [member.pid for member in supervisor.members.values()]
    assert all(pids)
    await supervisor.stop()
    assert (tmp_path / "order").read_text().split() == ["agent", "role", "database"]
    assert {member.state for member in supervisor.members.values()} == {State.STOPPED}
    assert {told["pid"] for told in json.loads((tmp_path / "processes.json").read_text()).values()} == {None}


async def test_what_dies_comes_back_and_people_can_see_it(tmp_path: Path, supervisor: Supervisor) -> None:
    member = await supervisor.start("role", _program(tmp_path, "role"), wave=0)
    first = member.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(20):
        while member.restarts == 0 or member.state is not State.UP:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert member.pid not in (None, first)
    told = json.loads((tmp_path / "processes.json").read_text())["role"]
    assert told == {"pid": member.pid, "state": "up", "restarts": 1, "last_exit": -signal.SIGKILL}
    await supervisor.stop()


async def test_what_will_not_end_is_ended(tmp_path: Path, supervisor: Supervisor) -> None:
    member = await supervisor.start("stubborn", _program(tmp_path, "stubborn", _STUBBORN), wave=0)
    await supervisor.stop(seconds=0.3)
    assert member.last_exit == -signal.SIGKILL


async def test_what_cannot_start_says_why(tmp_path: Path, supervisor: Supervisor) -> None:
    code = "raise SystemExit('the key is missing')"
    with pytest.raises(StartFailed, match="the key is missing"):
        await supervisor.start("role", _program(tmp_path, "role", code), wave=0)
    await supervisor.stop()


async def test_an_answer_of_somebody_else_is_not_ours(tmp_path: Path, supervisor: Supervisor) -> None:
    """A process that ends while another one answers on its port is not up."""
    program = Program("role", (sys.executable, "-c", "raise SystemExit('port taken')"), lambda _pid: _later())
    with pytest.raises(StartFailed, match="port taken"):
        await supervisor.start("role", lambda: program, wave=0)


def _later() -> bool:
    """Yes, but only after the process has had its time to end."""
    time.sleep(1)
    return True
