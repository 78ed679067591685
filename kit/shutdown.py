# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Running tasks until a signal, then stopping them in order."""

import asyncio
import signal
from collections.abc import Coroutine

from kit import logs

log = logs.get(__name__)

_AGAIN_SECONDS = 2.0


async def run_until_signal(*tasks: Coroutine[object, object, None]) -> None:
    """Run every coroutine until SIGINT or SIGTERM, then cancel all and wait for them.

    If one ends by an error the others are cancelled and the error is raised: a role with a dead part must not look alive.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(task) for task in tasks]
            waiter = group.create_task(stop.wait())
            await asyncio.wait([waiter, *running], return_when=asyncio.FIRST_COMPLETED)
            log.info("stopping")
            pending = {waiter, *running}
            while pending:
                # again and again: a cancellation that meets a driver in the wrong moment (Python 3.11's wait_for) is swallowed
                for task in pending:
                    task.cancel()
                _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    except BaseExceptionGroup as failed:
        if len(failed.exceptions) == 1:  # a role's own error, not wrapped: its message is for a person
            raise failed.exceptions[0] from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
