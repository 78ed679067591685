# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Exactly once, whatever dies: a short run at every change, ten thousand batches every night (`make bench BENCH=faults`)."""

from collections.abc import Callable

import pytest

from greencore.embedded.ports import free_ports
from tests.conftest import Deployed
from tests.flows.faults.run import run


@pytest.mark.parametrize(("batches", "devices"), [(200, 12), pytest.param(10_000, 80, marks=pytest.mark.nightly)])
async def test_what_was_measured_was_signed_and_minted_once(
    deployment: Deployed, new_database: Callable[[], str], batches: int, devices: int
) -> None:
    outcome = await run(deployment, new_database, free_ports(4), batches=batches, seed=20261121, devices=devices)
    print(outcome)
    assert outcome.batches == batches
    assert outcome.minted > 0
    # without these the test could pass by doing nothing
    assert outcome.reports > outcome.rounds // 5
    assert sum(outcome.crashes.values()) > batches // 8
    assert outcome.places > 20
    assert outcome.reorgs
    assert outcome.falls
