# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Months that are made in a transaction which is given up: nobody may think that they are there."""

import pytest
from sqlalchemy import text

from energy.ingest.service import IngestService
from energy.partitions import Partitions
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from tests.integration.energy.conftest import NOON, Station


async def test_a_month_of_a_transaction_that_was_given_up_is_made_again(
    database: Database, station: Station, clock: FixedClock
) -> None:
    service = IngestService(clock, Mode.LIVE)

    async def give_up() -> None:
        async with database.transaction() as session:
            await service.ingest(session, [station.signed(0)], "rest")
            await service.ingest(session, [station.signed(-1)], "rest")  # sees the month that the first one made
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await give_up()
    async with database.transaction() as session:
        await service.ingest(session, [station.signed(0)], "rest")
        name = f"energy_reading_p{NOON.year}_{NOON.month:02}"
        assert await session.scalar(text("SELECT tableoid::regclass::text FROM energy_reading")) == name
    async with database.transaction() as session:
        await Partitions().ensure(session, [station.signed(1).interval.slot])  # another process
