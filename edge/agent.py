# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The station agent: reads meters, builds and signs intervals, keeps them, delivers them.

The loops share one buffer: one for each meter, delivery, status. The process may be killed at any instant; what it needs to go on
is in the buffer.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import keys
from edge.buffer.store import Buffer, BufferFault
from edge.clock import Clock
from edge.collector import Agent, Collector, text
from edge.delivery.sender import Delivery
from edge.delivery.transports import transport_of
from edge.meters.discovering import DiscoveringCollector
from edge.meters.doors import Doors, map_of
from edge.meters.sunspec import DISCOVER
from edge.settings import EdgeSettings
from edge.status import Status
from edge.watchdog import watch

STATUS_PERIOD_S = 0.25
CANCEL_AGAIN_S = 2.0

log = structlog.get_logger("edge.agent")


async def run(settings: EdgeSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises MapError, DeviceKeyError, BufferFault, TlsError if the agent cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    try:
        await run_until(settings, stop)
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)


async def run_until(settings: EdgeSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set; then write what is known and leave. See `run` for what it raises."""
    maps = {meter.id: map_of(meter) for meter in settings.all_meters if meter.map != DISCOVER}
    clock = Clock.parse(settings.clock)
    doors = Doors(settings, maps, clock.now_ms)
    with (
        _only_one(settings.data_dir),
        Buffer(settings.data_dir, settings.reserve_mb << 20) as buffer,
        ThreadPoolExecutor(1, thread_name_prefix="buffer") as writer,
    ):
        buffer.claim(str(settings.station))
        key = keys.load_or_create(settings.data_dir, settings.source)
        status = Status(settings.data_dir, _about(settings, key))
        status.buffer(buffer.counts(), buffer.totals())
        delivery = Delivery(settings, buffer, writer, clock, status, key)
        delivery.transport = transport = transport_of(settings, delivery.receive, delivery.reachable)
        shared = Agent(settings, key, buffer, writer, clock, status, delivery)
        collectors = [
            DiscoveringCollector(shared, meter, doors.bus(meter))
            if meter.map == DISCOVER
            else Collector(shared, meter, maps[meter.id], doors.meter(meter))
            for meter in settings.all_meters
        ]
        names = [meter.id for meter in settings.all_meters]
        log.info("started", station=str(settings.station), meters=names, public_key=keys.public_hex(key))
        loops: tuple[Coroutine[Any, Any, None], ...] = (
            *(collector.run() for collector in collectors),
            delivery.run(),
            transport.run(),
            _write_status(status, clock, buffer),
            watch(writer),
        )
        try:
            await _until(stop, [asyncio.create_task(loop) for loop in loops])
        finally:
            await doors.close()
            for collector in collectors:
                await collector.save()
            status.update(running=False)
            status.write(text(clock.now_ms()))
            log.info("stopped")


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for `stop`; if a loop dies first, its exception is the agent's."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        pending = {stopped, *tasks}
        while pending:
            # again and again: a cancellation that meets a connection just as it fails (Python 3.11's wait_for) is swallowed
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


async def _write_status(status: Status, clock: Clock, buffer: Buffer) -> NoReturn:
    while True:
        status.update(buffer_error=buffer.trouble, waiting_for_disk=buffer.waiting)
        status.write(text(clock.now_ms()))
        await asyncio.sleep(STATUS_PERIOD_S)


def _about(settings: EdgeSettings, key: Ed25519PrivateKey) -> dict[str, str]:
    return {
        "station": str(settings.station),
        "meter": ", ".join(meter.id for meter in settings.all_meters),
        "map": ", ".join(dict.fromkeys(meter.map for meter in settings.all_meters)),
        "source": settings.source,
        "transport": settings.transport,
        "public_key": keys.public_hex(key),
        "clock": settings.clock or "system",
        "started": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
    }


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; two agents on one buffer would number two intervals alike. Raises BufferFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BufferFault(f"{folder} cannot be written: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise BufferFault(f"another agent runs on {folder}") from error
    try:
        yield
    finally:
        os.close(descriptor)
