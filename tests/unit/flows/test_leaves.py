# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import httpx
import pytest
from eth_hash.auto import keccak

from flows import leaves
from kit.errors import NotFound, Unavailable
from oracle.rules import Leaf, Tree, render_leaves, root_from_proof

ROW = [Leaf(1, station, tenure, bytes(20), 5, 1, 2, 3, 2, bytes(32)) for station, tenure in ((1, 1), (2, 1), (2, 2))]
FILE = render_leaves(ROW, bytes(32))
ROOT = Tree([leaf.hash() for leaf in ROW]).root


def test_a_station_stands_where_its_newest_tenure_does_unless_one_is_named() -> None:
    made = leaves.published(FILE)
    assert (made.index_of(2), made.index_of(2, 1), made.index_of(1)) == (2, 1, 0)
    for index, leaf in enumerate(made.leaves):
        assert root_from_proof(leaf.hash(), index, made.tree.proof(index)) == ROOT
    with pytest.raises(NotFound):
        made.index_of(3)
    with pytest.raises(NotFound):
        made.index_of(1, 2)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"a": FILE}, True),
        ({"a": FILE + b"x", "b": FILE}, True),
        ({"a": None, "b": FILE}, True),
        ({"a": b"", "b": None}, False),
        ({}, False),
    ],
    ids=["first", "a liar first", "a dead one first", "none right", "no nodes"],
)
async def test_the_first_node_that_has_the_right_bytes_is_believed(
    answers: dict[str, bytes | None], found: bool
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/files/0x{keccak(FILE).hex()}"
        data = answers[request.url.host]
        return httpx.Response(404) if data is None else httpx.Response(200, content=data)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        asked = leaves.fetch(
            http, [f"http://{name}" for name in answers], utility=1, slot=5, data_hash=keccak(FILE), root=ROOT
        )
        if found:
            assert await asked == FILE
        else:
            with pytest.raises(Unavailable):
                await asked


@pytest.mark.parametrize("data", [b"nonsense", render_leaves([], bytes(32)), FILE], ids=["text", "empty", "other tree"])
async def test_bytes_with_the_right_hash_and_the_wrong_tree_are_not_believed(data: bytes) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=data)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(Unavailable):
            await leaves.fetch(http, ["http://a"], utility=1, slot=5, data_hash=keccak(data), root=bytes(32))
