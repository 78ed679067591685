# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Leaves, tree and report: the same bytes as libraries that are not ours, and files that can be read in one way only."""

from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from oracle.rules import (
    EMPTY_LEAF,
    ZERO_HASH,
    Content,
    Leaf,
    LeavesError,
    Report,
    Tree,
    build_content,
    node,
    parse_published,
    quorum_needed,
    readings_hash,
    render_leaves,
    root_from_proof,
)

WORDS = st.binary(min_size=32, max_size=32)
U96 = st.integers(0, 2**96 - 1)
U32 = st.integers(0, 2**32 - 1)


@st.composite
def leaves(draw: st.DrawFn) -> list[Leaf]:
    keys = draw(st.sets(st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 5)), min_size=1, max_size=12))
    return [
        Leaf(
            1,
            station,
            tenure,
            draw(st.binary(min_size=20, max_size=20)),
            77,
            draw(st.integers(0, 2**64 - 1)),
            draw(U96),
            draw(st.integers(0, 2**80)),
            draw(st.integers(0, 3)),
            draw(WORDS),
        )
        for station, tenure in sorted(keys)
    ]


@given(leaves())
def test_a_leaf_is_hashed_as_the_abi_has_it(row: list[Leaf]) -> None:
    types = ["uint8", "uint128", "uint32", "address", "uint32", "uint64", "uint96", "uint96", "uint8", "bytes32"]
    for leaf in row:
        values = [getattr(leaf, name) for name in Leaf.__dataclass_fields__]
        assert leaf.hash() == keccak(b"\0" + encode(types, values))


@given(leaves(), WORDS)
def test_a_file_is_read_back_exactly_and_in_one_way_only(row: list[Leaf], readings: bytes) -> None:
    data = render_leaves(row, readings)
    assert parse_published(data) == (readings, row)
    assert render_leaves(*reversed(parse_published(data))) == data


@given(leaves(), st.data())
def test_no_changed_byte_goes_unnoticed(row: list[Leaf], data: st.DataObject) -> None:
    file = render_leaves(row)
    place = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        readings, others = parse_published(bytes(changed))
    except LeavesError:
        return
    assert render_leaves(others, readings) == bytes(changed) != file


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("leaves.v1", "leaves.v2", "line 1"),
        ("readings,0x", "readings,0X", "line 2"),
        (",77,", ",077,", "line 3: not in canonical form"),
        (",77,", ",+77,", "line 3: not in canonical form"),
        (",77,", ",7_7,", "line 3: not in canonical form"),
        ("0000-000000000001,", "0000-000000000003,", "line 4: leaves must stand in ascending order"),
        (",5,6,", ",5,", "line 3: 9 fields"),
        ("µ", "µ", "byte"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(old: str, new: str, says: str) -> None:
    row = [Leaf(1, n, 1, bytes(20), 77, 5, 6, 7, 2, bytes(32)) for n in (1, 2)]
    text = render_leaves(row).decode() if old != "µ" else render_leaves(row).decode() + "µ"
    with pytest.raises(LeavesError, match=says):
        parse_published(text.replace(old, new, 1).encode())


@given(st.lists(WORDS, min_size=1, max_size=70))
def test_every_leaf_has_a_proof_and_no_other_place_has_it(hashes: list[bytes]) -> None:
    tree = Tree(hashes)
    width = len(tree.levels[0])
    assert width & (width - 1) == 0
    assert width < 2 * len(hashes) or len(hashes) == 1
    for index, leaf in enumerate([*hashes, *[EMPTY_LEAF] * (width - len(hashes))]):
        proof = tree.proof(index)
        assert root_from_proof(leaf, index, proof) == tree.root
        if width > 1 and proof[0] != leaf:
            assert root_from_proof(leaf, index ^ 1, proof) != tree.root
    with pytest.raises(IndexError):
        tree.proof(width)
    with pytest.raises(ValueError, match="outside a tree"):
        root_from_proof(hashes[0], width, tree.proof(0))


def test_a_node_cannot_be_taken_for_a_leaf() -> None:
    left, right = keccak(b"l"), keccak(b"r")
    assert node(left, right) == keccak(b"\1" + left + right) != keccak(b"\0" + left + right)


@given(U32, WORDS, WORDS, U96, U96, U32, WORDS, U32, st.integers(0, 2**64 - 1), U32)
def test_a_report_is_signed_as_eip_712_has_it(
    slot: int,
    prev: bytes,
    root: bytes,
    increase: int,
    total: int,
    stations: int,
    data_hash: bytes,
    valid_from: int,
    deadline: int,
    epoch: int,
) -> None:
    fields = ["utility", "slot", "prev", "root", "increase", "total", "stations", "dataHash", "validFrom"]
    kinds = ["uint8", "uint32", "bytes32", "bytes32", "uint96", "uint96", "uint32", "bytes32", "uint32"]
    content = Content(1, slot, prev, root, increase, total, stations, data_hash, valid_from)
    values = [1, slot, prev, root, increase, total, stations, data_hash, valid_from]
    assert content.hash() == keccak(encode(kinds, values))
    oracle = bytes(range(20))
    message = encode_typed_data(
        {"name": "GreenCore Oracle", "version": "1", "chainId": 31337, "verifyingContract": "0x" + oracle.hex()},
        {
            "Report": [
                *({"name": name, "type": kind} for name, kind in zip(fields, kinds, strict=True)),
                {"name": "deadline", "type": "uint64"},
                {"name": "epoch", "type": "uint32"},
            ]
        },
        {**dict(zip(fields, values, strict=True)), "deadline": deadline, "epoch": epoch},
    )
    theirs = keccak(b"\x19" + message.version + message.header + message.body)
    assert Report(content, deadline, epoch).digest(chain_id=31337, oracle=oracle) == theirs


def test_a_content_says_what_its_leaves_say_and_refuses_what_cannot_be() -> None:
    row = [Leaf(1, n, 1, bytes(20), 77, 0, 6, 10 * n, 2, bytes(32)) for n in (1, 2)]
    content, tree = build_content(row, utility=1, slot=77, prev=ZERO_HASH, previous_total=25, valid_from=0)
    assert (content.total, content.increase, content.stations, content.root) == (30, 5, 2, tree.root)
    for wrong, says in (
        (row[::-1], "out of order"),
        ([row[0], row[0]], "out of order"),
        ([row[0], replace(row[1], slot=78)], "another utility or slot"),
        ([row[0]], "may not go from 25 to 10"),
    ):
        with pytest.raises(ValueError, match=says):
            build_content(wrong, utility=1, slot=77, prev=ZERO_HASH, previous_total=25, valid_from=0)


def test_the_list_of_readings_and_the_policy_are_part_of_what_is_signed() -> None:
    one, two = UUID(int=1), UUID(int=2)
    base = readings_hash({one: [b"a" * 32], two: [b"b" * 32, b"c" * 32]}, 1)
    assert base == readings_hash({two: [b"b" * 32, b"c" * 32], one: [b"a" * 32]}, 1)
    assert (
        len({base, readings_hash({one: [b"a" * 32], two: [b"b" * 32]}, 1), readings_hash({}, 1), readings_hash({}, 2)})
        == 4
    )
    row = [Leaf(1, 1, 1, bytes(20), 77, 0, 0, 0, 0, bytes(32))]
    assert render_leaves(row, base) != render_leaves(row)


@given(st.integers(1, 32), st.integers(0, 31))
def test_two_quorums_share_an_honest_node(nodes: int, faulty: int) -> None:
    if faulty >= nodes:
        return
    k = quorum_needed(nodes, faulty)
    assert 2 * k - nodes > faulty
    assert 2 * (k - 1) - nodes <= faulty
    assert [quorum_needed(n, 1) for n in (4, 5)] == [3, 4]
    assert all(a <= b for a, b in pairwise([quorum_needed(n, faulty) for n in range(1, 33)]))
