# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the code run on is what the product runs on."""

import sys

_PYTHONS_OWN = 1_000


def test_nobody_has_raised_the_recursion_limit() -> None:
    """Chain emulators raise it to 100,000 on import, and a deeply nested document then ends the process instead of being refused:
    tests that need one belong to the contracts' lane.
    """
    assert sys.getrecursionlimit() == _PYTHONS_OWN
