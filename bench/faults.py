# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand batches from meters to tokens while every process dies between any two steps; then µWh are counted.

PostgreSQL, anvil with the contracts, the platform and four nodes are real; work is cancelled at a step that is drawn, and its
process begins anew with empty memory (tests/flows/faults). Measured by the meters, signed by the devices, signed by the quorum,
minted by the claims' logs and made by the token's logs must be the same, by station and in sum. Fails if they are not.
"""

import argparse
import asyncio
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import structlog

import migrations
from bench.figures import Figure, finish, machine
from greencore.embedded.anvil import Anvil
from greencore.embedded.ports import free_ports
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import running
from tests.conftest import Deployed, TestChain, deploy
from tests.flows.faults.run import Outcome, run

KWH = 10**9


@contextmanager
def servers() -> Iterator[tuple[Deployed, Callable[[], str]]]:
    """A chain with the contracts, and a maker of migrated databases."""
    with tempfile.TemporaryDirectory(prefix="gcf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        postgres = Postgres(folder / "pg", durable=False)
        anvil = Anvil(folder / "anvil", free_ports(1)[0], automine=True)
        chain = anvil.prepare()
        at = chain.argv.index(
            "--state"
        )  # nothing is saved: a chain of 20,000 blocks would be written every five seconds
        chain = replace(chain, argv=chain.argv[:at] + chain.argv[at + 4 :])
        with running(postgres.prepare(), folder / "postgres.log"), running(chain, folder / "anvil.log"):
            postgres.create_database("template_of_all")
            migrations.upgrade(postgres.url("template_of_all"))
            path = folder / "deployment.json"
            deploy(anvil.url, path)
            numbers = count(1)

            def new_database() -> str:
                made = f"faults_{next(numbers)}"
                postgres.create_database(made, template="template_of_all")
                return postgres.url(made)

            yield Deployed(TestChain(anvil), path), new_database


def told(outcome: Outcome) -> None:
    """For people."""
    deaths = sum(outcome.crashes.values())
    print(
        f"\nseed {outcome.seed}: {outcome.batches} batches of {outcome.intervals} intervals in {outcome.rounds} rounds"
    )
    print(f"{outcome.deliveries} deliveries: {dict(outcome.statuses.most_common())}")
    print(f"{deaths} deaths and losses at {outcome.places} places of our code:")
    for kind, times in outcome.crashes.most_common():
        print(f"  {times:>6}  {kind}")
    print(
        f"{sum(outcome.reorgs.values())} reorganisations, by depth: {dict(sorted(outcome.reorgs.items()))}; {outcome.falls} falls"
    )
    print(f"{outcome.reports} reports brought to the chain, {outcome.checkpoints} checks on the way")
    print(f"refused on the way, and made good: {dict(sorted(outcome.refused.items()))}")
    for name in ("measured", "signed", "by_quorum", "minted", "supply"):
        print(f"  {name:<10}{getattr(outcome, name):>24,} µWh")


async def main(batches: int, seed: int) -> None:
    with servers() as (deployed, new_database):
        outcome = await run(
            deployed, new_database, free_ports(4), batches=batches, seed=seed, tell=lambda line: print(line, flush=True)
        )
    told(outcome)
    deaths = sum(outcome.crashes.values())
    finish(
        [
            Figure("faults, batches", outcome.batches, "batches", batches),
            Figure("faults, deaths and losses", deaths, "deaths", batches),
            Figure("faults, time", outcome.seconds, "s", batches),
            Figure("faults, minted", outcome.minted / KWH, "kWh", batches, "measured", outcome.measured / KWH),
            Figure("faults, minted less measured", outcome.minted - outcome.measured, "µWh", batches),
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    logging.getLogger("uvicorn.error").disabled = True
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # every death is told otherwise, twice
    print(machine(), f"seed {arguments.seed}", sep="\n", flush=True)
    asyncio.run(main(arguments.batches, arguments.seed))
