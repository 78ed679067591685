# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The fuzz lane: titanoboa's plugin stays on (`-p no:ape_test` only), so that every test has a chain of its own."""

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.fuzz.world import World


@pytest.fixture(scope="session", autouse=True)
def fast_chain() -> None:
    """Skip py-evm's journal of touched empty accounts: no rule of this hard fork depends on it."""
    boa.env.enable_fast_mode()


@pytest.fixture
def world() -> Iterator[World]:
    """A freshly deployed house."""
    with boa.env.anchor():
        yield World()
