# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who signed: Ed25519 checks, in this process or spread over others. A process that dies costs time and loses nothing."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple, Protocol

from edge.protocol import verified
from kit import logs

log = logs.get(__name__)

INLINE_MAX = 16  # fewer are checked sooner than they are sent
CHUNK = 64  # signatures a task: 6 ms of work for 0.3 ms of way
WAITING = 4  # tasks a process that may wait; who comes then waits for a place


class Proof(NamedTuple):
    """Something signed, and the public keys that may have signed it."""

    keys: tuple[bytes, ...]
    signature: bytes
    body: bytes


class Verifier(Protocol):
    """Finds out who signed."""

    async def signers(self, proofs: Sequence[Proof]) -> list[bytes | None]:
        """For each proof the first of its keys that signed it, or None."""
        ...


class InlineVerifier:
    """Checks in this process."""

    async def signers(self, proofs: Sequence[Proof]) -> list[bytes | None]:
        """For each proof the first of its keys that signed it, or None. Lets others run between some."""
        found: list[bytes | None] = []
        for at in range(0, len(proofs), CHUNK):
            found += who_signed(proofs[at : at + CHUNK])
            await asyncio.sleep(0)
        return found

    def close(self) -> None:
        """Nothing is open."""


class VerifierPool:
    """Checks in other processes, which start with the first batch that is worth it. Close it at the end.

    At most `WAITING` tasks a process are under way; whoever brings more waits. What a dead process leaves behind is checked here
    while others start.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._places = asyncio.Semaphore(processes * WAITING)
        self._executor: ProcessPoolExecutor | None = None

    async def signers(self, proofs: Sequence[Proof]) -> list[bytes | None]:
        """For each proof the first of its keys that signed it, or None."""
        if len(proofs) <= INLINE_MAX:
            return who_signed(proofs)
        size = min(CHUNK, -(-len(proofs) // self._processes))
        parts = [proofs[at : at + size] for at in range(0, len(proofs), size)]
        found = await asyncio.gather(*(self._part(part) for part in parts))
        return [signer for part in found for signer in part]

    def processes(self) -> list[int]:
        """The ids of the processes that run now."""
        return [] if self._executor is None else sorted(self._executor._processes or ())

    def close(self) -> None:
        """End the processes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    async def _part(self, part: Sequence[Proof]) -> list[bytes | None]:
        async with self._places:
            executor = self._executor = self._executor or self._start()
            try:
                return await asyncio.get_running_loop().run_in_executor(executor, who_signed, part)
            except BrokenProcessPool:
                if self._executor is executor:  # the first to notice; others find a fresh one
                    log.warning("verify.process_died", again=self._processes)
                    self.close()
                return await asyncio.to_thread(who_signed, part)

    def _start(self) -> ProcessPoolExecutor:
        # spawned, for a fork of a process with threads and connections inherits locks that nobody will open
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=_live_and_die_with_parent)


def make_verifier(processes: int) -> InlineVerifier | VerifierPool:
    """A pool of so many processes, or none for 0."""
    return VerifierPool(processes) if processes else InlineVerifier()


def default_processes() -> int:
    """One core is left to the rest; more than four outrun one PostgreSQL."""
    return min(4, (os.cpu_count() or 1) - 1)


def who_signed(proofs: Sequence[Proof]) -> list[bytes | None]:
    """For each proof the first of its keys that signed it, or None."""
    return [next((key for key in proof.keys if verified(key, proof.signature, proof.body)), None) for proof in proofs]


def _live_and_die_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the parent to answer
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    with contextlib.suppress(RuntimeError):
        threading.Thread(target=follow, daemon=True).start()
