# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A world of actors, an indexer on a fresh database, and copies of what it stored to compare."""

from collections.abc import AsyncIterator, Callable

import pytest

from indexer.service import Indexer
from kit.database import Database
from tests.conftest import Deployed, TestChain
from tests.integration.indexer.copies import make_indexer
from tests.integration.indexer.world import World


@pytest.fixture
def world(deployment: Deployed) -> World:
    made = World(deployment)
    made.begin()
    return made


@pytest.fixture
def own_world(anvil: TestChain, deployment: Deployed) -> World:
    """A world on a chain of its own: reorgs there and snapshots of the shared chain do not meet."""
    anvil.call("anvil_loadState", deployment.chain.call("anvil_dumpState"))
    made = World(Deployed(anvil, deployment.path))
    made.begin()
    return made


@pytest.fixture
def indexer(world: World, database: Database) -> Indexer:
    return make_indexer(world.deployed, database)


@pytest.fixture
async def other_database(new_database: Callable[[], str]) -> AsyncIterator[Database]:
    made = Database(new_database())
    yield made
    await made.close()
