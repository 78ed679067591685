# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The coefficients of a home's income, from the chain into a table: which one was in force at any place of the chain."""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chain.deployment import Deployment
from flows.mirror_registry import MirrorRegistry
from flows.models import HomeCoefficient
from indexer.projection import DecodedLog, Projection


class MirrorHomes:
    """HomePolicy events → home_coefficient."""

    name = "mirror_homes"
    events = frozenset({"HomePolicy.CoefficientChanged"})

    async def apply(self, session: AsyncSession, logs: Sequence[DecodedLog]) -> None:
        """Write what changed; again changes nothing."""
        rows = [
            {
                "utility": log.args["utility"],
                "block_number": log.block_number,
                "log_index": log.log_index,
                "coefficient": log.args["new"],
                "at": log.block_time,
            }
            for log in logs
        ]
        await session.execute(insert(HomeCoefficient).values(rows).on_conflict_do_nothing())

    async def revert(self, session: AsyncSession, from_block: int) -> None:
        """Forget what those blocks changed."""
        await session.execute(delete(HomeCoefficient).where(HomeCoefficient.block_number >= from_block))


def platform_projections(deployment: Deployment) -> list[Projection]:
    """What the platform's indexer derives. A deployment from before HomePolicy has nothing to tell of it."""
    mirrors: list[Projection] = [MirrorRegistry()]
    if "HomePolicy" in deployment.contracts:
        mirrors.append(MirrorHomes())
    return mirrors
