# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One line of the gas table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Gas of one transaction, or of one of `per` equal parts of it; what it is compared with was measured in the same run."""

    name: str
    size: int
    gas: int
    target: int | None = None
    per: int = 1
    baseline: str = ""
    baseline_gas: float = 0
    reason: str = ""  # why it may miss its target
    figure: str = ""  # its name among the figures that have targets
    part: str = ""  # of the table

    @property
    def value(self) -> float:
        """Gas per part."""
        return self.gas if self.per == 1 else round(self.gas / self.per, 1)

    @property
    def missed(self) -> bool:
        """True if there is a target and this is more."""
        return self.target is not None and self.value > self.target
