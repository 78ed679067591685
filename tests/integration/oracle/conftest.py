# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Four nodes, three of which must sign."""

from collections.abc import AsyncIterator, Callable

import pytest

from greencore.embedded.ports import free_ports
from tests.conftest import Deployed
from tests.integration.oracle.grid import Grid


@pytest.fixture
async def grid(deployment: Deployed, new_database: Callable[[], str]) -> AsyncIterator[Grid]:
    made = Grid(deployment, new_database, free_ports(4))
    made.pass_slots()
    await made.start()
    yield made
    await made.stop()
