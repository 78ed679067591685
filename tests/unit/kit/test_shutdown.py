# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks run until a signal; an error of one ends all and reaches the caller as it was."""

import asyncio
import os
import signal

import pytest

from kit.errors import Conflict
from kit.shutdown import run_until_signal


async def test_error__raised_as_it_was_and_the_others_cancelled() -> None:
    ended = []

    async def other() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("other")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Conflict("kit.test", "what a person has to do")

    with pytest.raises(Conflict, match="what a person has to do"):
        await run_until_signal(other(), fails())
    assert ended == ["other"]


async def test_signal__cancels_all_and_returns() -> None:
    ended = []

    async def task(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
    await run_until_signal(task("a"), task("b"))
    assert sorted(ended) == ["a", "b"]


async def test_a_part_that_swallows_its_cancellation_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.shutdown._AGAIN_SECONDS", 0.05)
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(run_until_signal(deaf()), 5)
    assert swallowed == 3
