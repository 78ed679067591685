# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What stands around the services: devices, an event stream that brings messages twice and in any order, clocks that are off."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.protocol import Interval, Receipt, SignedInterval, sign
from kit.clock import Clock
from kit.errors import Unavailable
from kit.stream import Message
from oracle.node import Node
from oracle.quorum.messages import SignRequest
from tests.flows.faults.fuse import Crash, Fuses
from tests.flows.faults.truth import Meter
from tests.integration.oracle.grid import Grid, Member, Station

RECEIPT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass
class Subscriber:
    """Somebody who hears the stream: what was not acknowledged comes again."""

    prefix: str
    waiting: list[Message] = field(default_factory=list)
    old: list[Message] = field(default_factory=list)

    def batch(self, chance: random.Random) -> list[Message]:
        """The next messages: now and then in another order, and some that were acknowledged before."""
        batch = list(self.waiting[:200])
        if self.old and chance.random() < 0.3:
            batch += chance.sample(self.old, k=min(3, len(self.old)))
        if chance.random() < 0.3:
            chance.shuffle(batch)
        return batch

    def acknowledge(self, batch: list[Message]) -> None:
        """Never again, except by accident."""
        done = {message.sequence for message in batch}
        self.old = (self.old + [message for message in self.waiting if message.sequence in done])[-50:]
        self.waiting = [message for message in self.waiting if message.sequence not in done]


class Bus:
    """The event stream of these tests. As a client of JetStream it knows one call."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []
        self.count = 0

    def jetstream(self) -> "Bus":
        """What a client gives."""
        return self

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        """Keep a message for everybody; whoever dies while it waits for the answer publishes it again."""
        await asyncio.sleep(0)
        self.count += 1
        for subscriber in self.subscribers:
            if subject.startswith(subscriber.prefix):
                subscriber.waiting.append(Message(subject, payload, self.count, 1))
        await asyncio.sleep(0)


class Skewed:
    """The grid as a node sees it whose clock is off."""

    def __init__(self, grid: Grid, seconds: float) -> None:
        self._grid = grid
        self.clock = SkewedClock(grid.clock, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._grid, name)


@dataclass
class SkewedClock:
    """Another clock, so many seconds off."""

    clock: Clock
    seconds: float

    def now(self) -> datetime:
        """The wrong time."""
        return self.clock.now() + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        """As long as the other one."""
        await self.clock.sleep(seconds)


@dataclass
class Process:
    """A node as a process: what runs in it, and whether it lives."""

    member: Member
    hears: Subscriber
    tasks: set["asyncio.Task[Any]"] = field(default_factory=set)
    dead: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)

    def die(self) -> None:
        """With everything that runs in it."""
        self.dead = True
        self.died.set()


def mortal(fuses: Fuses, process: Process) -> type[Node]:
    """A node that may die while it signs for others."""

    class MortalNode(Node):
        async def sign(self, request: SignRequest) -> bytes:
            if process.dead:
                raise Unavailable("oracle.peer_unavailable", "this process is dead")
            try:
                return await fuses.burn("node signs", super().sign(request), owner=process.tasks)
            except Crash as crash:
                process.die()
                raise Unavailable("oracle.peer_unavailable", "this process died of it") from crash

    return MortalNode


class Device:
    """A station's edge: it measures, signs once, and keeps what has no receipt."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.meter = Meter()
        self.signed: dict[int, SignedInterval] = {}
        self.waiting: dict[int, SignedInterval] = {}

    def measure(self, slot: int, uwh: int) -> None:
        """A slot has ended."""
        self.meter.measured[slot] = uwh
        interval = Interval(self.station.id, slot, {"meterWh": uwh}, slot.to_bytes(32, "big"), source="demo")
        self.signed[slot] = self.waiting[slot] = sign(interval, self.station.device)

    def hear(self, receipt: Receipt) -> set[str]:
        """Forget what the server has, by its signed word."""
        assert receipt.signed_by(RECEIPT_KEY.public_key().public_bytes_raw())
        held = {"0x" + one.hash.hex(): slot for slot, one in self.waiting.items()}
        for line in receipt.receipts:
            if line.status in ("accepted", "duplicate"):
                self.waiting.pop(held.get(line.hash, -1), None)
            else:
                assert line.code == "telemetry.future", line
        return {line.status for line in receipt.receipts}
