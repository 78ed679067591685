# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Published leaves on the platform: fetched from any node, believed only if their hash is the one on chain, and proved from."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from flows import proofs
from indexer.models import ReportRow
from kit import logs
from kit.errors import Conflict, NotFound, Unavailable
from oracle import repository
from oracle.keccak import keccak
from oracle.models import OracleLeaves
from oracle.rows import Row, read_row
from oracle.rules import LeavesError
from oracle.tree import PackedTree

log = logs.get(__name__)

_BYTES_KEPT = 512 << 20
_cache: "OrderedDict[bytes, Published]" = OrderedDict()


@dataclass(frozen=True, slots=True)
class Published:
    """A report's leaves with their tree; a leaf is read from the file when it is asked for."""

    data_hash: bytes
    leaves: Row

    @property
    def readings(self) -> bytes:
        """The hash of the list of readings that the report counts."""
        return self.leaves.readings

    @property
    def tree(self) -> PackedTree:
        """The tree over the leaves."""
        return self.leaves.tree

    def index_of(self, station: int, tenure: int | None = None) -> int:
        """Where a station's tenure stands, the newest unless one is named. Raises NotFound."""
        found = self.leaves.place(station, tenure)
        if found is None:
            raise NotFound("oracle.no_leaf", "this report has no leaf of that station")
        return found


def published(data: bytes) -> Published:
    """Read a file of leaves and build its tree; the newest files are kept in memory. Raises LeavesError."""
    return _published(keccak(data), data)


def _published(data_hash: bytes, data: bytes) -> Published:
    made = _cache.get(data_hash) or Published(data_hash, read_row(data))
    _cache[data_hash] = made
    _cache.move_to_end(data_hash)
    while len(_cache) > 1 and sum(len(kept.leaves.data) for kept in _cache.values()) > _BYTES_KEPT:
        _cache.popitem(last=False)
    return made


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
        if await asyncio.to_thread(keccak, answer.content) != data_hash:
            log.warning("leaves.other_bytes", node=node, utility=utility, slot=slot)
            continue
        try:
            if (await asyncio.to_thread(_published, data_hash, answer.content)).tree.root == root:
                return answer.content
        except (LeavesError, ValueError) as error:
            log.error("leaves.unreadable", node=node, utility=utility, slot=slot, error=str(error))
            continue
        log.error("leaves.other_root", node=node, utility=utility, slot=slot)
    raise Unavailable("oracle.no_leaves", f"no node has the leaves of slot {slot}; they are asked again")


async def store(session: AsyncSession, utility: int, slot: int, data_hash: bytes, data: bytes) -> None:
    """Keep a file that `fetch` gave, with its tree."""
    await repository.store_leaves(session, utility, slot, data_hash, data)
    found = await asyncio.to_thread(_published, data_hash, data)
    await proofs.store(session, utility, slot, data_hash, found.leaves)


async def load(session: AsyncSession, report: ReportRow) -> Published:
    """The stored leaves of an accepted report, all of them.

    Raises NotFound if they did not come yet, Conflict if what is stored is not what the report says.
    """
    found = _cache.get(report.data_hash)
    if found is None:
        data = await repository.load_leaves(session, report.data_hash)
        if data is None:
            raise _pending(report)
        if await asyncio.to_thread(keccak, data) != report.data_hash:
            raise _wrong(report)
        found = await asyncio.to_thread(_published, report.data_hash, data)
    if found.tree.root != report.root:
        raise _wrong(report)
    return found


async def prove(session: AsyncSession, report: ReportRow, station: int, tenure: int | None = None) -> proofs.Proved:
    """One leaf of an accepted report with its proof, without loading the others; the newest tenure unless one is named.

    Raises NotFound if the report's leaves did not come yet or hold no such tenure, Conflict if the proof does not lead to the
    report's root.
    """
    proved = await proofs.find(session, report.data_hash, station, tenure)
    if proved is None and not await proofs.is_stored(session, report.data_hash):
        found = await load(session, report)
        await proofs.store(session, report.utility, report.slot, report.data_hash, found.leaves)
        proved = await proofs.find(session, report.data_hash, station, tenure)
    if proved is None:
        raise NotFound("oracle.no_leaf", "this report has no leaf of that station")
    if proved.root != report.root:
        raise _wrong(report)
    return proved


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


def _pending(report: ReportRow) -> NotFound:
    return NotFound("oracle.leaves_pending", f"the leaves of slot {report.slot} are not fetched yet; ask again soon")


def _wrong(report: ReportRow) -> Conflict:
    return Conflict("oracle.wrong_root", f"the stored leaves of slot {report.slot} do not give the report's root")
