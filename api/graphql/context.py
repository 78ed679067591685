# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What resolvers reach: the process's services, and loaders that turn N questions into one query for the time of a request."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext
from strawberry.types import Info

from api.cursors import Page
from api.deps import Services
from api.queries import intervals, ledger, stations
from energy.models import EnergyInterval, EnergyMeter, EnergyStation
from indexer.models import Balance, MintedRow, Transaction
from kit.database import Database

Parent = TypeVar("Parent", bound=Hashable)
Wanted = TypeVar("Wanted", bound=Hashable)
Found = TypeVar("Found")


class Context(BaseContext):
    """One request's."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        database = services.database
        self.stations: DataLoader[UUID, EnergyStation | None] = _each(database, stations.by_id)
        self.meters: DataLoader[UUID, list[EnergyMeter]] = _each(database, stations.meters)
        self.transactions: DataLoader[bytes, Transaction | None] = _each(database, ledger.transactions)
        self.intervals: DataLoader[tuple[UUID, intervals.Wanted], Page[EnergyInterval]] = _pages(
            database, intervals.pages
        )
        self.mints: DataLoader[tuple[UUID, ledger.Wanted], Page[MintedRow]] = _pages(database, ledger.mints_of)
        self.balances: DataLoader[tuple[bytes, ledger.Wanted], Page[Balance]] = _pages(database, ledger.balances_of)


AppInfo = Info[Context, None]


def _each(
    database: Database, query: Callable[[AsyncSession, Sequence[Parent]], Awaitable[list[Found]]]
) -> DataLoader[Parent, Found]:
    async def load(keys: list[Parent]) -> list[Found]:
        async with database.transaction() as session:
            return await query(session, keys)

    return DataLoader(load)


def _pages(
    database: Database, query: Callable[[AsyncSession, Sequence[Parent], Wanted], Awaitable[list[Page[Found]]]]
) -> DataLoader[tuple[Parent, Wanted], Page[Found]]:
    """Pages of many parents: one query for all that ask for the same."""

    async def load(keys: list[tuple[Parent, Wanted]]) -> list[Page[Found]]:
        by_wanted: dict[Wanted, list[Parent]] = {}
        for parent, wanted in keys:
            by_wanted.setdefault(wanted, []).append(parent)
        found: dict[tuple[Parent, Wanted], Page[Found]] = {}
        async with database.transaction() as session:
            for wanted, parents in by_wanted.items():
                pages = await query(session, parents, wanted)
                found.update({(parent, wanted): page for parent, page in zip(parents, pages, strict=True)})
        return [found[key] for key in keys]

    return DataLoader(load)
