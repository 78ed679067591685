# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A platform and four nodes on one chain."""

from collections.abc import AsyncIterator, Callable

import pytest

from greencore.embedded.ports import free_ports
from tests.conftest import Deployed
from tests.integration.flows.platform import Platform
from tests.integration.oracle.grid import Grid


@pytest.fixture
async def platform(deployment: Deployed, new_database: Callable[[], str]) -> AsyncIterator[Platform]:
    grid = Grid(deployment, new_database, free_ports(4))
    grid.pass_slots()
    await grid.start()
    made = Platform(grid, new_database())
    yield made
    await made.close()
    await grid.stop()
