# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How long to search: `default` for every test run, `nightly` (GREENCORE_HYPOTHESIS=nightly) for a long one.

The default run repeats the same operations for the same code, so that a red lane is red for its change. GREENCORE_SEED
chooses others; a nightly run draws a seed of its own and prints it. GREENCORE_SHRINK=no leaves a failure as it was found.
"""

import os
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

Machine = TypeVar("Machine", bound=type)

PHASES = (Phase.generate,) if os.environ.get("GREENCORE_SHRINK") == "no" else (Phase.generate, Phase.shrink)


@dataclass(frozen=True)
class Run:
    """One search: its settings, its seed, and how many operations it must have made to count."""

    settings: settings
    seed: int
    operations_min: int
    remember: bool
    covers: (
        bool  # a seed of somebody's own choice may leave a rare outcome out; the committed one and a long run may not
    )

    def seeded(self, machine: Machine) -> Machine:
        """The machine, drawing from this run's seed."""
        print(f"GREENCORE_SEED={self.seed}")
        return seed(self.seed)(machine)

    def summary(self, operations: int, tally: Counter[tuple[str, str]]) -> str:
        """What was done, most frequent first."""
        lines = [f"{operations} operations with GREENCORE_SEED={self.seed}"]
        lines += [f"{count:7} {name}: {outcome}" for (name, outcome), count in tally.most_common()]
        return "\n".join(lines)


def run() -> Run:
    """The search that the environment asks for. Raises KeyError for an unknown profile."""
    examples, steps, operations = {"default": (105, 60, 5_000), "nightly": (2_600, 60, 100_000)}[profile()]
    drawn = secrets.randbelow(1 << 32) if profile() == "nightly" else 20_261_121
    return Run(
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
        seed=int(os.environ.get("GREENCORE_SEED", drawn)),
        operations_min=operations,
        remember=profile() != "nightly",
        covers=profile() == "nightly" or "GREENCORE_SEED" not in os.environ,
    )


def profile() -> str:
    """The name of the profile."""
    return os.environ.get("GREENCORE_HYPOTHESIS", "default")


twin_settings = settings(
    max_examples={"default": 60, "nightly": 3_000}[profile()],
    deadline=None,
    database=None,
    derandomize=profile() == "default",
    phases=(Phase.explicit, *PHASES),
    print_blob=True,
    # The fixtures hold contracts that no twin changes.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
