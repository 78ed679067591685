# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Work that dies while it waits: at the n-th place where it gives control away, which is where a process can be between two steps.

The work is a coroutine of the product, unchanged. It is driven step by step; at the step that was drawn it is cancelled, the
answer it waited for is lost (what was asked may have happened or not), and whoever owns it must begin anew with empty memory.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from types import CodeType
from typing import Any, TypeVar

T = TypeVar("T")

OURS = ("energy", "oracle", "kit", "chain", "flows", "indexer")


class Crash(Exception):
    """The process that did this work is dead."""


class Fuses:
    """Draws who dies when, and counts it. `risks` by the beginning of a work's name, the rest has that of the empty one."""

    def __init__(self, chance: random.Random, risks: Mapping[str, float]) -> None:
        self.chance = chance
        self.risks = dict(risks)
        self.crashes: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self._lengths: dict[str, deque[int]] = {}

    async def burn(
        self, kind: str, work: Coroutine[Any, Any, T], *, owner: set["asyncio.Task[Any]"] | None = None
    ) -> T:
        """Do the work, or die of it with Crash. `owner`: the tasks of the process, which all die with it."""
        limit = self._draw(kind)
        driven = Driven(work, limit)
        task = asyncio.create_task(driven.drive())
        tasks = owner if owner is not None else set()
        tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if driven.killed_at is None and not task.cancelled():
                raise
            if driven.killed_at is not None:
                self.crashes[kind] += 1
                self.places[driven.killed_at] += 1
                for other in tasks - {task}:
                    other.cancel()
            raise Crash(kind) from None
        finally:
            tasks.discard(task)
            if driven.killed_at is None:
                self._lengths.setdefault(kind, deque(maxlen=20)).append(driven.steps)

    def _draw(self, kind: str) -> int:
        """A step between any two that such a work was seen to take, each as likely; 0: it lives."""
        risk = next(risk for begin, risk in self.risks.items() if kind.startswith(begin))
        if self.chance.random() >= risk:
            return 0
        return self.chance.randint(1, max(self.chance.choice(self._lengths.get(kind, [8])), 1))


class Driven:
    """A coroutine whose steps are counted. At step `limit` (0: never) its task is cancelled."""

    def __init__(self, work: Coroutine[Any, Any, Any], limit: int) -> None:
        self._work = work
        self._limit = limit
        self.steps = 0
        self.killed_at: str | None = None

    async def drive(self) -> Any:
        """To its end."""
        return await self

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = lambda: self._work.send(None)  # noqa: E731  (what the next step is changes)
        while True:
            try:
                waits_for = step()
            except StopIteration as end:
                return end.value
            self.steps += 1
            if self.steps == self._limit:
                self.killed_at = where(self._work)
                task = asyncio.current_task()
                assert task is not None
                task.cancel()  # takes hold at the yield below: what is waited for is given up
            try:
                value = yield waits_for
            except BaseException as error:
                step = _thrower(self._work, error)
            else:
                step = _sender(self._work, value)


def _sender(work: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _thrower(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)


def where(work: Any) -> str:
    """The innermost line of our own code that waits: `package/module.py:line function`."""
    found, inner = "", work
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None) or getattr(inner, "ag_frame", None)
        if frame is not None:
            found = _named(frame.f_code, frame.f_lineno) or found
        inner = (
            getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None) or getattr(inner, "ag_await", None)
        )
    return found or "outside"


def _named(code: CodeType, line: int) -> str:
    parts = code.co_filename.split("/")
    for package in OURS:
        if package in parts and "site-packages" not in parts:
            return f"{'/'.join(parts[parts.index(package) :])}:{line} {code.co_name}"
    return ""
