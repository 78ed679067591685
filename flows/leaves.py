# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Published leaves on the platform: fetched from any node, believed only if their hash is the one on chain, and proved from."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import httpx
from eth_hash.auto import keccak
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from indexer.models import ReportRow
from kit import logs
from kit.errors import Conflict, NotFound, Unavailable
from oracle import repository
from oracle.models import OracleLeaves
from oracle.rules import Leaf, LeavesError, Tree, parse_published

log = logs.get(__name__)

_FILES_KEPT = 4


@dataclass(frozen=True, slots=True)
class Published:
    """A report's leaves with their tree. `readings` is the hash of the list of readings that the report counts."""

    data_hash: bytes
    readings: bytes
    leaves: tuple[Leaf, ...]
    tree: Tree

    def index_of(self, station: int, tenure: int | None = None) -> int:
        """Where a station's tenure stands, the newest unless one is named. Raises NotFound."""
        found = [
            index for index, leaf in enumerate(self.leaves) if leaf.station == station and tenure in (None, leaf.tenure)
        ]
        if not found:
            raise NotFound("oracle.no_leaf", "this report has no leaf of that station")
        return found[-1]


@lru_cache(maxsize=_FILES_KEPT)
def published(data: bytes) -> Published:
    """Read a file of leaves and build its tree; the newest files are kept in memory. Raises LeavesError."""
    readings, leaves = parse_published(data)
    return Published(keccak(data), readings, tuple(leaves), Tree([leaf.hash() for leaf in leaves]))


async def fetch(
    http: httpx.AsyncClient, nodes: Sequence[str], *, utility: int, slot: int, data_hash: bytes, root: bytes
) -> bytes:
    """The file of a report from the first node that has it right.

    Raises Unavailable if none answers with bytes whose hash and whose tree's root are those of the report.
    """
    for node in nodes:
        try:
            # by its hash, which a node can serve from its signature on; by its slot only once it saw the report accepted
            answer = await http.get(f"{node}/files/0x{data_hash.hex()}")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.debug("leaves.no_answer", node=node, slot=slot, error=type(error).__name__)
            continue
        if keccak(answer.content) != data_hash:
            log.warning("leaves.other_bytes", node=node, utility=utility, slot=slot)
            continue
        try:
            if (await asyncio.to_thread(published, answer.content)).tree.root == root:
                return answer.content
        except (LeavesError, ValueError) as error:
            log.error("leaves.unreadable", node=node, utility=utility, slot=slot, error=str(error))
            continue
        log.error("leaves.other_root", node=node, utility=utility, slot=slot)
    raise Unavailable("oracle.no_leaves", f"no node has the leaves of slot {slot}; they are asked again")


async def load(session: AsyncSession, report: ReportRow) -> Published:
    """The stored leaves of an accepted report.

    Raises NotFound if they did not come yet, Conflict if what is stored is not what the report says.
    """
    data = await repository.load_leaves(session, report.data_hash)
    if data is None:
        raise NotFound("oracle.leaves_pending", f"the leaves of slot {report.slot} are not fetched yet; ask again soon")
    found = await asyncio.to_thread(published, data)  # a hundred thousand leaves take a second to hash
    if found.tree.root != report.root or found.data_hash != report.data_hash:
        raise Conflict("oracle.wrong_root", f"the stored leaves of slot {report.slot} do not give the report's root")
    return found


async def missing(session: AsyncSession, limit: int) -> Sequence[ReportRow]:
    """Accepted reports whose leaves are not here, newest first: what an event that was lost would have told."""
    query = (
        select(ReportRow)
        .outerjoin(OracleLeaves, OracleLeaves.data_hash == ReportRow.data_hash)
        .where(OracleLeaves.data_hash.is_(None))
        .order_by(ReportRow.block_number.desc())
        .limit(limit)
    )
    return (await session.scalars(query)).all()
