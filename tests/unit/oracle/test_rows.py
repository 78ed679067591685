# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rows and trees in bulk give byte for byte what the definition gives leaf by leaf (oracle/rules.py, docs/protocol.md)."""

import pytest
from eth_hash.auto import keccak as keccak_plain
from hypothesis import example, given
from hypothesis import strategies as st

from kit.units import REGISTER_MAX
from oracle.keccak import Hasher, keccak
from oracle.recount.rules import first_difference
from oracle.rows import LeafValues, first_difference_of, read_row, write_row
from oracle.rules import (
    Leaf,
    LeavesError,
    Tree,
    build_content,
    order,
    parse_published,
    render_leaves,
    root_from_proof,
)
from oracle.tree import PackedTree

SLOT = 1_956_528
registers = st.one_of(st.integers(0, 10**12), st.integers(0, REGISTER_MAX))
leaves_drawn = st.builds(
    Leaf,
    utility=st.just(1),
    station=st.integers(0, (1 << 128) - 1),
    tenure=st.integers(1, (1 << 32) - 1),
    owner=st.binary(min_size=20, max_size=20),
    slot=st.just(SLOT),
    energy=st.integers(0, (1 << 64) - 1),
    measured=registers,
    mintable=registers,
    quality=st.integers(0, 3),
    profile_hash=st.binary(min_size=32, max_size=32),
)
rows_drawn = st.lists(leaves_drawn, min_size=1, max_size=40, unique_by=order).map(lambda row: sorted(row, key=order))


def values(leaf: Leaf) -> LeafValues:
    station = leaf.station.to_bytes(16, "big")
    return LeafValues(
        station, leaf.tenure, leaf.owner, leaf.energy, leaf.measured, leaf.mintable, leaf.quality, leaf.profile_hash
    )


@given(st.binary(max_size=500), st.integers(0, 500))
def test_both_ways_to_hash_are_the_same(data: bytes, cut: int) -> None:
    hasher = Hasher()
    hasher.update(data[:cut])
    hasher.update(data[cut:])
    assert keccak(data) == keccak_plain(data) == hasher.digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=130), st.data())
@example([bytes(32)], None)
def test_a_packed_tree_has_the_definitions_root_and_proofs(hashes: list[bytes], data: st.DataObject | None) -> None:
    plain, packed = Tree(hashes), PackedTree.build(b"".join(hashes))
    assert packed.root == plain.root
    width = len(plain.levels[0])
    for index in {0, len(hashes) - 1, width - 1, data.draw(st.integers(0, width - 1)) if data else 0}:
        assert packed.proof(index) == plain.proof(index)
        assert root_from_proof(plain.levels[0][index], index, packed.proof(index)) == plain.root
    with pytest.raises(IndexError):
        packed.proof(width)
    assert PackedTree(packed.levels, packed.leaves).proof(0) == plain.proof(0)
    with pytest.raises(ValueError, match="no tree"):
        PackedTree(packed.levels + bytes(32), packed.leaves)


@given(rows_drawn, st.binary(min_size=32, max_size=32))
def test_a_written_row_is_the_definitions_file_and_report(row: list[Leaf], readings: bytes) -> None:
    written = write_row(map(values, row), utility=1, slot=SLOT, readings=readings)
    assert written.data == render_leaves(row, readings)
    if sum(leaf.mintable for leaf in row) > REGISTER_MAX:
        with pytest.raises(ValueError, match="running total"):
            written.content(prev=bytes(32), previous_total=0, valid_from=7)
        return
    content, tree = build_content(
        row, utility=1, slot=SLOT, prev=bytes(32), previous_total=0, valid_from=7, readings=readings
    )
    assert written.content(prev=bytes(32), previous_total=0, valid_from=7) == content
    read = read_row(written.data)
    assert (read.readings, list(read)) == parse_published(written.data)
    assert read.tree.levels == written.tree.levels
    assert (read.tree.root, read.total) == (tree.root, written.total)
    for index, leaf in enumerate(row):
        assert read.place(leaf.station, leaf.tenure) == index
        newest = max(i for i, other in enumerate(row) if other.station == leaf.station)
        assert read.place(leaf.station) == newest


@given(rows_drawn, st.data())
def test_a_damaged_file_is_refused_by_both_readers_or_by_none(row: list[Leaf], data: st.DataObject) -> None:
    file = bytearray(render_leaves(row))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] = data.draw(st.sampled_from(b"0123456789abcdefx,-\n A"))
    damaged = bytes(file)
    try:
        plain = parse_published(damaged)
    except LeavesError:
        with pytest.raises(LeavesError, match="line"):
            read_row(damaged)
        return
    if {(leaf.utility, leaf.slot) for leaf in plain[1]} != {(plain[1][0].utility, plain[1][0].slot)}:
        with pytest.raises(LeavesError, match="another utility or slot"):
            read_row(damaged)
        return
    read = read_row(damaged)
    assert (read.readings, list(read)) == plain


def test_a_header_that_only_resembles_ours_is_refused() -> None:
    file = render_leaves([Leaf(1, 1, 1, bytes(20), SLOT, 0, 0, 0, 0, bytes(32))])
    with pytest.raises(LeavesError, match="lines 1 and 2"):
        read_row(file.replace(b"greencore.", b"greencore0", 1))


def test_a_row_that_is_empty_out_of_order_or_too_large_is_not_written() -> None:
    one = LeafValues(bytes(16), 1, bytes(20), 0, 0, 0, 0, bytes(32))
    with pytest.raises(ValueError, match="at least one"):
        write_row([], utility=1, slot=SLOT)
    with pytest.raises(ValueError, match="out of order"):
        write_row([one, one], utility=1, slot=SLOT)
    for wide in (
        one._replace(energy=1 << 64),
        one._replace(mintable=1 << 96),
        one._replace(measured=-1),
        one._replace(tenure=1 << 32),
    ):
        with pytest.raises(ValueError, match="does not fit"):
            write_row([wide], utility=1, slot=SLOT)
    with pytest.raises(ValueError, match="20"):
        write_row([one._replace(owner=bytes(19))], utility=1, slot=SLOT)


@given(rows_drawn, rows_drawn)
def test_the_first_difference_of_files_is_that_of_their_leaves(mine: list[Leaf], theirs: list[Leaf]) -> None:
    found = first_difference_of(render_leaves(mine), render_leaves(theirs, b"\1" * 32))
    assert found == first_difference(mine, theirs)
    assert first_difference_of(render_leaves(mine), render_leaves(mine)) is None
    shorter = first_difference_of(render_leaves(mine), render_leaves([*mine][:-1]))
    assert shorter == (mine[-1], None)
