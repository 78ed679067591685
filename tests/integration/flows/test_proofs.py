# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Proofs from a stored tree are those of the definition, page by page, and outlive the tree."""

import random

from sqlalchemy import delete

from flows import leaves, proofs
from indexer.models import ReportRow
from kit.database import Database
from oracle.models import OracleTree
from oracle.rows import LeafValues, read_row, write_row
from oracle.rules import Tree

SLOT = 1_956_528


def row(count: int, slot: int = SLOT) -> leaves.Published:
    """So many stations, every third with a second tenure."""
    drawn = random.Random(slot)
    stations = sorted(drawn.randbytes(16) for _ in range(count))
    names = [(s, tenure) for n, s in enumerate(stations) for tenure in ((1, 2) if n % 3 == 0 else (1,))]
    values = (LeafValues(s, tenure, s + s[:4], 5, 10**9, 10**25 + n, 2, s * 2) for n, (s, tenure) in enumerate(names))
    return leaves.published(write_row(values, utility=1, slot=slot).data)


def report(made: leaves.Published, slot: int = SLOT) -> ReportRow:
    return ReportRow(utility=1, slot=slot, data_hash=made.data_hash, root=made.tree.root)


async def test_every_leaf_is_proved_as_the_definition_proves_it(database: Database) -> None:
    made = row(2_000)
    plain = Tree([leaf.hash() for leaf in made.leaves])
    async with database.transaction() as session:
        await leaves.store(session, 1, SLOT, made.data_hash, made.leaves.data)
    async with database.transaction() as session:
        for index in [*range(0, len(made.leaves), 97), 1_023, 1_024, 1_025, len(made.leaves) - 1]:
            leaf = made.leaves[index]
            proved = await leaves.prove(session, report(made), leaf.station, leaf.tenure)
            assert (proved.leaf, proved.index, proved.root) == (leaf, index, plain.root)
            assert proved.proof == plain.proof(index)
            newest = await leaves.prove(session, report(made), leaf.station)
            assert newest.leaf.tenure == max(
                x.tenure for x in made.leaves[max(index - 1, 0) : index + 2] if x.station == leaf.station
            )
        for absent in (0, (1 << 128) - 1, made.leaves[5].station + 1):
            assert await proofs.find(session, made.data_hash, absent) is None
        assert await proofs.find(session, made.data_hash, made.leaves[5].station, 9) is None


async def test_a_tree_that_was_forgotten_is_made_again(database: Database) -> None:
    made = row(3, SLOT + 1)
    async with database.transaction() as session:
        await leaves.store(session, 1, SLOT + 1, made.data_hash, made.leaves.data)
        before = await leaves.prove(session, report(made), made.leaves[1].station)
        await session.execute(delete(OracleTree))
    async with database.transaction() as session:
        assert await leaves.prove(session, report(made), made.leaves[1].station) == before
    for slot in range(SLOT, SLOT + 400):
        other = read_row(
            write_row([LeafValues(bytes(16), 1, bytes(20), 0, 0, 0, 0, bytes(32))], utility=1, slot=slot).data
        )
        async with database.transaction() as session:
            await proofs.store(session, 1, slot, slot.to_bytes(32, "big"), other)
    async with database.transaction() as session:
        assert await proofs.find(session, SLOT.to_bytes(32, "big"), 0) is None
        assert await proofs.find(session, (SLOT + 399).to_bytes(32, "big"), 0) is None  # a tree without its file
