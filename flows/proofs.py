# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Proofs from a stored tree: a few hundred bytes are read for each, however many leaves the report has, also after a restart.

A tree is stored beside its file when the file comes, and made again from the file when it is asked for and no longer there.
"""

import struct
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import ARRAY, Integer, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from oracle.models import OracleLeaves, OracleTree
from oracle.rows import KEY_BYTES, Row, place_of
from oracle.rules import Leaf, root_from_proof
from oracle.tree import EMPTY_ROOTS, siblings

PLACE_BYTES = KEY_BYTES + 4
_PER_PAGE = 1_024
_TREES_KEPT = 384  # reports of four days; the chain takes claims against those of 32 hours
_LINE_BYTES_MAX = 300
_HEADS_KEPT = 64
_START = struct.Struct(">I")

_heads: "OrderedDict[bytes, _Head]" = OrderedDict()

# a slice of an uncompressed value reads only the pages that hold it
_NODES = text(
    "SELECT substring(t.levels FROM n.at + 1 FOR 32) FROM oracle_tree t,"
    " unnest(:places) WITH ORDINALITY AS n (at, height) WHERE t.data_hash = :data_hash ORDER BY n.height"
).bindparams(bindparam("places", type_=ARRAY(Integer)))


@dataclass(frozen=True, slots=True)
class Proved:
    """A leaf with its index, its proof and the root that both lead to."""

    leaf: Leaf
    index: int
    proof: list[bytes]
    root: bytes


@dataclass(frozen=True, slots=True)
class _Head:
    leaves: int
    signposts: bytes


async def is_stored(session: AsyncSession, data_hash: bytes) -> bool:
    """True if the tree of a file is stored."""
    return data_hash in _heads or await _head(session, data_hash) is not None


async def store(session: AsyncSession, utility: int, slot: int, data_hash: bytes, row: Row) -> None:
    """Store the tree of a file, and forget old trees: they can be made again."""
    pages = [row.keys[at : at + KEY_BYTES] for at in range(0, len(row.keys), KEY_BYTES * _PER_PAGE)]
    places = b"".join(
        row.keys[n * KEY_BYTES : (n + 1) * KEY_BYTES] + _START.pack(start) for n, start in enumerate(row.starts)
    )
    made = insert(OracleTree).values(
        data_hash=data_hash,
        utility=utility,
        slot=slot,
        leaves=len(row),
        root=row.tree.root,
        signposts=b"".join(pages),
        places=places,
        levels=row.tree.levels,
    )
    await session.execute(made.on_conflict_do_nothing())
    newest = select(OracleTree.slot).where(OracleTree.utility == utility).order_by(OracleTree.slot.desc())
    oldest = newest.offset(_TREES_KEPT).limit(1).scalar_subquery()
    await session.execute(
        delete(OracleTree).where(OracleTree.utility == utility, OracleTree.slot <= oldest, OracleTree.slot != slot)
    )


def forget() -> None:
    """Drop what this process keeps in memory of stored trees."""
    _heads.clear()


async def find(session: AsyncSession, data_hash: bytes, station: int, tenure: int | None = None) -> Proved | None:
    """A tenure's leaf in a stored tree, the newest tenure unless one is named; None if there is no such leaf or tree.

    `root` is what the leaf and its proof lead to; compare it with the report's.
    """
    head = _heads.get(data_hash) or await _head(session, data_hash)
    if head is None:
        return None
    last = (1 << 32) - 1 if tenure is None else tenure
    wanted = station.to_bytes(16, "big") + last.to_bytes(4, "big")
    pages = range(len(head.signposts) // KEY_BYTES)
    page = bisect_right(pages, wanted, key=lambda n: head.signposts[n * KEY_BYTES : (n + 1) * KEY_BYTES]) - 1
    if page < 0:
        return None
    places = await session.scalar(
        select(func.substring(OracleTree.places, page * _PER_PAGE * PLACE_BYTES + 1, _PER_PAGE * PLACE_BYTES)).where(
            OracleTree.data_hash == data_hash
        )
    )
    if places is None:  # forgotten since it was seen
        _heads.pop(data_hash, None)
        return None
    keys = b"".join(places[at : at + KEY_BYTES] for at in range(0, len(places), PLACE_BYTES))
    within = place_of(keys, station, tenure)
    if within is None:
        return None
    (start,) = _START.unpack_from(places, within * PLACE_BYTES + KEY_BYTES)
    index = page * _PER_PAGE + within
    line = await session.scalar(
        select(func.substring(OracleLeaves.data, start + 1, _LINE_BYTES_MAX)).where(OracleLeaves.data_hash == data_hash)
    )
    where = siblings(head.leaves, index)
    given = {"places": [at for at in where if at is not None], "data_hash": data_hash}
    nodes = iter([bytes(node) for (node,) in await session.execute(_NODES, given)])
    if line is None:
        return None
    proof = [EMPTY_ROOTS[height] if at is None else next(nodes) for height, at in enumerate(where)]
    leaf = Leaf.from_line(line[: line.index(b"\n")].decode("ascii"))
    return Proved(leaf, index, proof, root_from_proof(leaf.hash(), index, proof))


async def _head(session: AsyncSession, data_hash: bytes) -> _Head | None:
    query = select(OracleTree.leaves, OracleTree.signposts).where(OracleTree.data_hash == data_hash)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    _heads[data_hash] = made = _Head(row.leaves, row.signposts)
    while len(_heads) > _HEADS_KEPT:
        _heads.popitem(last=False)
    return made
