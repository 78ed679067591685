# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The votes' fixtures."""

from tests.contracts.votes import *  # noqa: F403 - fixtures are found by their names in a conftest
