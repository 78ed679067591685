# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The platform beside a grid of nodes: its own database, an indexer, the story's jobs, on the same chain."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import httpx
from procrastinate import App
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chain.client import Settled
from edge.protocol import SignedInterval
from energy import repository as energy
from energy.ingest.service import IngestService
from energy.models import EnergyInterval, EnergyMeter, EnergyStation, EnergyTenure
from energy.quality.service import QualityService
from flows.mint_energy import Keeper, MintEnergy
from indexer.service import Indexer
from kit import jobs
from kit.database import Database
from kit.ids import address_bytes
from kit.outbox import OutboxEvent
from kit.settings import Mode
from kit.stream import Message
from kit.units import SLOT_SECONDS
from tests.integration.oracle.grid import RATED_W, E, Grid, Station, account

PAYER = 9


class Platform:
    """What the worker does, step by step under a test's hand."""

    def __init__(self, grid: Grid, database_url: str, *, every: int = 1) -> None:
        self.grid = grid
        self.database_url = database_url
        self.database = Database(database_url)
        self.http = httpx.AsyncClient(timeout=5)
        self.nodes: Sequence[str] = [f"http://127.0.0.1:{member.port}" for member in grid.members]
        self.keeper = Keeper(grid.oracle, grid.treasury, grid.sender(PAYER))
        self.ingest = IngestService(grid.clock, Mode.DEMO)
        self.quality = QualityService(grid.clock)
        self.indexer = Indexer(self.database, grid.rpc_url, grid.deployment, [], grid.clock)
        self.every = every

    @property
    def story(self) -> MintEnergy:
        """The steps, with the nodes and the keeper as they are now."""

        async def keeper() -> Keeper:
            return self.keeper

        return MintEnergy(self.database, self.http, nodes=self.nodes, keeper=keeper, every=self.every)

    async def close(self) -> None:
        """Give everything back."""
        await self.http.aclose()
        await self.database.close()

    async def add_station(self) -> Station:
        """A station on chain, in the nodes' mirrors and in the platform's."""
        station = await self.grid.add_station()
        owner = address_bytes(account(8).address)
        since = datetime.fromtimestamp(self.grid.clock.now().timestamp() // SLOT_SECONDS * SLOT_SECONDS, UTC)
        async with self.database.transaction() as session:
            session.add_all(
                [
                    EnergyStation(id=station.id, owner=owner, tenure=1, since=since, rated_w=RATED_W, demo=True),
                    EnergyTenure(station=station.id, tenure=1, owner=owner, since=since, rated_w=RATED_W),
                    EnergyMeter(
                        key=station.device.public_key().public_bytes_raw(), station=station.id, role=1, since=since
                    ),
                ]
            )
        return station

    async def hear(self, *readings: SignedInterval) -> None:
        """Readings arrive at the platform and at every node."""
        async with self.database.transaction() as session:
            lines = await self.ingest.ingest(session, readings, "rest")
        assert {line.status for line in lines} == {"accepted"}
        async with self.database.transaction() as session:
            await self.quality.evaluate(session)
        await self.grid.everyone_hears(*readings)

    async def told(self) -> list[Message]:
        """The indexer catches up; what it tells and nobody relayed yet."""
        await self.indexer.catch_up()
        async with self.database.transaction() as session:
            rows = select(OutboxEvent).where(
                OutboxEvent.published_at.is_(None), OutboxEvent.subject.startswith("event.indexer.")
            )
            found = list(await session.scalars(rows.order_by(OutboxEvent.id)))
            for event in found:
                event.published_at = func.now()
        return [Message(event.subject, event.payload, event.id, 1) for event in found]

    async def work(self) -> None:
        """Run every job that is due, as a worker would."""
        app: App = jobs.make_app(self.database_url)
        self.story.register(app)
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    async def settle(self) -> None:
        """Events and jobs until nothing moves."""
        while messages := await self.told():
            await self.story.on_events(messages)
            await self.work()

    async def settled(self, station: Station) -> Settled:
        """What the Treasury has settled of a station."""
        return await self.grid.treasury.settled(E, station.id.int, 1)

    async def intervals(self, station: UUID) -> list[EnergyInterval]:
        """The intervals in force, oldest first."""
        async with self.database.transaction() as session:
            rows = energy.in_force().where(EnergyInterval.station == station)
            return sorted(await session.scalars(rows), key=lambda row: row.slot)

    async def waiting_jobs(self) -> list[tuple[str, str]]:
        """Jobs that did not succeed, with their state."""
        async with self.database.transaction() as session:
            return await jobs_of(session)


async def jobs_of(session: AsyncSession) -> list[tuple[str, str]]:
    """Every job that is left, with its state."""
    rows = await session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id"))
    return [(name, status) for name, status in rows]
