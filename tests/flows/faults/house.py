# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The product's services on real servers, each of which can die at any step: a platform and four nodes with their own databases.

What is not the product's: the edge (a list of what has no receipt yet), and the event stream (a list that brings messages twice
and in another order, as a stream may).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from edge.protocol import decode, decode_receipts, sign_receipt
from energy.ingest.service import IngestService
from energy.quality.service import QualityService
from flows.mint_energy import CLAIM, FETCH, MARK, UNMARK, Keeper
from indexer.errors import NodeUnavailable
from indexer.service import Indexer
from kit import outbox
from kit.database import Database
from kit.errors import GreenCoreError
from kit.settings import Mode
from kit.stream import Message
from oracle.quorum.propose import Attempt
from tests.flows.faults.fuse import Crash, Fuses
from tests.flows.faults.parts import RECEIPT_KEY, Bus, Device, Process, Skewed, Subscriber, mortal
from tests.integration.flows.platform import PAYER, Platform
from tests.integration.oracle.grid import E, Grid

T = TypeVar("T")

READING = "event.energy.reading_stored"
INDEXED = "event.indexer."


class House:
    """All processes, and the ways in which they work and die."""

    def __init__(self, grid: Grid, new_database: Callable[[], str], fuses: Fuses) -> None:
        self.grid = grid
        self.fuses = fuses
        self.chance = fuses.chance
        self._died = asyncio.Event()
        self._reviving = asyncio.Lock()
        self.platform = Platform(grid, new_database(), every=3)
        self.bus = Bus()
        self.hears = Subscriber(INDEXED)
        self.processes = [Process(member, Subscriber(READING)) for member in grid.members]
        self.bus.subscribers = [self.hears, *(process.hears for process in self.processes)]
        for process, seconds in zip(self.processes, (0, -20, 20, 0), strict=True):
            process.member.grid = Skewed(grid, seconds)  # type: ignore[assignment]
            process.died = self._died
            process.member.kind = mortal(fuses, process)
        self.devices: list[Device] = []
        self.refused: dict[str, int] = {}

    async def add_devices(self, count: int) -> None:
        """Stations with their meters."""
        self.devices += [Device(await self.platform.add_station()) for _ in range(count)]
        for _ in range(10):
            self.grid.chain.mine()  # no reorganisation reaches them

    async def close(self) -> None:
        """The platform's part; the grid is its owner's."""
        await self.platform.close()

    # -- work that may die --

    async def deliver(self, device: Device, slots: list[int]) -> set[str]:
        """One delivery, over the wire's own bytes. If anything dies on the way, the device knows nothing of it."""
        wire = b"[" + b",".join(device.signed[slot].to_json() for slot in slots) + b"]"

        async def serve() -> bytes:
            deliveries = decode(wire)
            async with self.platform.database.transaction() as session:
                lines = await self.platform.ingest.ingest(session, deliveries, "rest")
            await asyncio.sleep(0)  # committed, not answered
            return sign_receipt(device.station.id, self.grid.clock.now(), lines, RECEIPT_KEY).to_json()

        answer = await self.on_platform("platform stores", serve())
        if answer is None:
            return set()
        if self.chance.random() < 0.1:
            self.fuses.crashes["receipt lost"] += 1
            return set()
        (receipt,) = decode_receipts(answer)
        return device.hear(receipt)

    async def relay(self) -> None:
        """The outbox to the stream, until nothing waits or the relay dies."""
        while await self.on_platform("outbox publishes", self._relay_once()):
            pass

    async def _relay_once(self) -> int:
        return await outbox.relay_once(self.platform.database, self.bus, origin="test")  # type: ignore[arg-type]

    async def judge(self) -> None:
        """QA of what is new."""

        async def work() -> int:
            async with self.platform.database.transaction() as session:
                return await self.platform.quality.evaluate(session)

        await self.on_platform("QA judges", work())

    async def index(self) -> None:
        """The chain's logs into the platform's tables."""
        try:
            await self.on_platform("indexer copies", self.platform.indexer.catch_up())
        except NodeUnavailable as error:
            self.note(error)

    async def mint(self) -> None:
        """Events to jobs, jobs to claims and marks; what a job can't do yet is there next time."""
        batch = self.hears.batch(self.chance)
        taken = bool(batch) and await self.on_platform("events become jobs", self._on_events(batch))
        if taken and self.chance.random() > 0.1:
            self.hears.acknowledge(batch)
        if self.chance.random() < 0.2:
            await self.on_platform("sweep", self.platform.story.sweep())
        for number, task, arguments in await self.jobs():
            story = self.platform.story
            steps: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
                FETCH: story.fetch_leaves,
                CLAIM: story.claim_due,
                MARK: story.mark_minted,
                UNMARK: story.unmark_reverted,
            }
            try:
                if not await self.on_platform(task, _done(steps[task](**arguments))):
                    return  # the worker is dead, its jobs wait for the next one
            except GreenCoreError as error:
                self.note(error)
                continue
            await self.on_platform("job is finished", self._finish(number))

    async def _on_events(self, batch: list[Message]) -> bool:
        await self.platform.story.on_events(batch)
        return True

    async def jobs(self) -> list[tuple[int, str, dict[str, Any]]]:
        """What waits, oldest first, each thing once: jobs of the same lock and arguments would do the same again."""
        async with self.platform.database.transaction() as session:
            rows = await session.execute(text("SELECT id, task_name, args FROM procrastinate_jobs ORDER BY id"))
            return [(number, task, args) for number, task, args in rows]

    async def _finish(self, number: int) -> bool:
        async with self.platform.database.transaction() as session:
            await session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": number})
        return True

    async def hear(self, process: Process) -> None:
        """A node takes what the stream brings."""
        if process.dead:
            return
        batch = process.hears.batch(self.chance)
        if batch and await self.on_node(process, "node stores", _done(process.member.node.intake.handle(batch))):
            if self.chance.random() < 0.1:
                self.fuses.crashes["acknowledgement lost"] += 1
            else:
                process.hears.acknowledge(batch)

    async def follow(self, process: Process) -> None:
        """A node looks at the chain."""

        async def work() -> bool:
            node = process.member.node
            async with node._locks[E]:
                view = await node.follower.catch_up(E)
                node.desk.release(E, view.head.slot)
            return True

        await self.on_node(process, "node follows", work())

    async def propose(self, *processes: Process, slot: int | None = None) -> int:
        """Some nodes propose the newest closed slot at the same time. How many brought a report to the chain."""
        works = (self.on_node(it, "node proposes", it.member.node.propose(E, slot)) for it in processes)
        supervisor = asyncio.create_task(self._supervise())
        try:
            attempts = await asyncio.gather(*works)
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
        return sum(isinstance(attempt, Attempt) and bool(attempt.tx_hash) for attempt in attempts)

    # -- death and birth --

    async def on_platform(self, kind: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Work of the platform. None if it died: then it begins anew."""
        try:
            return await self.fuses.burn(kind, work)
        except Crash:
            await self.restart_platform()
        except (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.fuses.crashes["connections cut"] += 1
            await self.restart_platform()
        return None

    async def restart_platform(self) -> None:
        """New connections, empty memory."""
        platform, grid = self.platform, self.grid
        await platform.database.close()
        platform.database = Database(platform.database_url)
        platform.ingest = IngestService(grid.clock, Mode.DEMO)
        platform.quality = QualityService(grid.clock)
        platform.indexer = Indexer(platform.database, grid.rpc_url, grid.deployment, [], grid.clock)
        platform.keeper = Keeper(grid.oracle, grid.treasury, grid.sender(PAYER))

    async def on_node(self, process: Process, kind: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Work of a node. None if the node died of it, or refused; a dead one is dead until `revive`."""
        if process.dead:
            work.close()
            return None
        try:
            return await self.fuses.burn(kind, work, owner=process.tasks)
        except Crash:
            process.die()
        except GreenCoreError as error:
            self.note(error)
        except (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.fuses.crashes["connections cut"] += 1
            process.die()
        return None

    async def cut(self, database_url: str) -> None:
        """The database throws everybody out, at any instant of what goes on meanwhile."""
        for _ in range(self.chance.randint(0, 12)):
            await asyncio.sleep(0.001)
        database = Database(database_url, pool_size=1)
        others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        async with database.transaction() as session:
            await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        await database.close()

    def fall_back(self, mark: str) -> None:
        """The chain is as it was at a mark: it died, and its last blocks were not saved."""
        chain = self.grid.chain
        chain.call("evm_revert", mark)
        chain.mine(timestamp=max(int(self.grid.clock.now().timestamp()), chain.timestamp() + 1))

    async def revive(self) -> None:
        """Dead nodes are started again on their databases."""
        async with self._reviving:
            dead = [process for process in self.processes if process.dead]
            for process in dead:
                for task in list(process.tasks):
                    task.cancel()
            await asyncio.gather(*(process.member.stop() for process in dead))
            for process in dead:
                await process.member.start()
                process.dead = False

    async def examined(self) -> str:
        """What an operator would look at: every node's state, and why it brings no report now."""
        told = [f"refused so far: {self.refused}"]
        for process in self.processes:
            told.append(
                f"dead: {process.dead}, hears {len(process.hears.waiting)}: {await process.member.node.status()}"
            )
            (attempt,) = await asyncio.gather(process.member.node.propose(E), return_exceptions=True)
            told.append(f"  it proposes: {attempt!r}")
        return "\n".join(told)

    async def _supervise(self) -> None:
        """Start again who dies while others wait for its signature."""
        while True:
            await self._died.wait()
            self._died.clear()
            await asyncio.shield(self.revive())

    def note(self, error: GreenCoreError) -> None:
        """What was refused on the way; in the end nothing may be missing for it."""
        self.refused[error.code] = self.refused.get(error.code, 0) + 1


async def _done(work: Coroutine[Any, Any, Any]) -> bool:
    await work
    return True
