# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Tells systemd that the agent is up and still turns, where systemd asks for it (sd_notify(3)); else it does nothing."""

import asyncio
import os
import socket
from concurrent.futures import Executor
from typing import NoReturn


def notify(message: str) -> bool:
    """Send one line such as `READY=1` to the service manager. False if there is none, or it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.sendto(message.encode(), address)
    except OSError:
        return False
    return True


async def watch(writer: Executor) -> NoReturn:
    """Say READY, and then, twice in every watchdog period, that both the loop and the writer's thread still turn."""
    notify("READY=1")
    period_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1_000_000
    while True:
        await asyncio.sleep(period_s / 2 if period_s else 3600)
        if period_s:
            await asyncio.get_running_loop().run_in_executor(writer, notify, "WATCHDOG=1")
