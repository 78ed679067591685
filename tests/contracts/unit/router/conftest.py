# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The market's fixtures."""

from tests.contracts.exchange import *  # noqa: F403 - fixtures are found by their names in a conftest
