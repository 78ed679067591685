# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a bench prints: the machine, lines for people as it goes, and at the end one JSON object a figure, a line each."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number. `ratio` is value to baseline, both measured in the same run; `target` is the most it may be."""

    name: str
    value: float
    unit: str
    size: int
    baseline: str | None = None
    baseline_value: float | None = None
    target: float | None = None

    def to_json(self) -> str:
        """One line. Rounded to four digits that mean something; what is absent is left out."""
        row = {key: value for key, value in asdict(self).items() if value is not None}
        if self.baseline_value:
            row["ratio"] = self.value / self.baseline_value
        return json.dumps({key: _short(value) if isinstance(value, float) else value for key, value in row.items()})


def machine() -> str:
    """The machine in one line."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else ""
    parts = [model or platform.processor() or platform.machine(), f"{os.cpu_count()} CPUs", platform.system()]
    return ", ".join([*parts, f"Python {platform.python_version()}"])


def finish(figures: list[Figure]) -> None:
    """Print the figures, the last thing that a bench does."""
    print(flush=True)
    for figure in figures:
        print(figure.to_json(), flush=True)


def _short(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 1_000 else float(round(value))
