# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an account knows of its own orders on one side: how many are open, and a price that none of them beats.

The price is not looked up again when the best order closes: it may then be better than any that still stands, and a
take is refused that would have met no own order. That is permitted until `refresh`; the other way round never is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.contracts.fuzz.book.terms import Level


@dataclass
class Own:
    """Count and best rank; the rank means nothing without an open order."""

    count: int = 0
    rank: int = 0

    def add(self, level: Level) -> None:
        """One more open order."""
        self.rank = min(self.rank, level.rank) if self.count else level.rank
        self.count += 1

    def remove(self) -> None:
        """One open order less."""
        self.count -= 1

    def show(self, levels: Iterable[Level]) -> None:
        """All open orders were shown."""
        self.rank = min((level.rank for level in levels), default=0)
