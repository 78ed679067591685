# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The Ape lane's fixtures."""

from tests.contracts.fixtures import *  # noqa: F403 - fixtures are found by their names in a conftest
from tests.contracts.flows.bazaar import *  # noqa: F403 - fixtures are found by their names in a conftest
