# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every byte that the contracts and the Python half compute both: the same for any input."""

from collections.abc import Iterator
from itertools import pairwise

import boa
import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from bench.contracts import artifact
from oracle.rules import Content, Leaf, Report, Tree, quorum_needed, root_from_proof
from tests.contracts.fuzz import strategies
from tests.contracts.fuzz.books import filled
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.world import (
    OWNER,
    S_MAX,
    STRANGER,
    Contract,
    World,
    flat,
    high_s,
    leaf_words,
    malleated,
    report_words,
    sign,
    signers,
)

contents = st.builds(
    Content,
    utility=strategies.uint(8),
    slot=strategies.uint(32),
    prev=strategies.hashes,
    root=strategies.hashes,
    increase=strategies.uint(96),
    total=strategies.uint(96),
    stations=strategies.uint(32),
    data_hash=strategies.hashes,
    valid_from=strategies.uint(32),
)


@pytest.fixture(scope="module")
def house() -> World:
    return World()


@pytest.fixture(scope="module")
def math() -> Iterator[Contract]:
    with boa.env.anchor():
        yield Contract(artifact("FuzzMath"), sender=OWNER)


@twin_settings
@given(leaf=strategies.leaves())
def test_leaf_hash__any_leaf__is_the_python_halfs(house: World, leaf: Leaf) -> None:
    assert house.treasury.view("leaf_hash", leaf_words(leaf)) == leaf.hash()


@twin_settings
@given(content=contents, deadline=strategies.uint(64), epoch=strategies.uint(32))
def test_report__any_content__has_one_digest_and_one_content_hash(
    house: World, content: Content, deadline: int, epoch: int
) -> None:
    report = Report(content, deadline, epoch)
    words = report_words(report)
    assert house.oracle.view("digest", words) == house.digest(report)
    assert house.oracle.view("content_hash", words) == content.hash()


@twin_settings
@given(count=st.integers(1, 200), where=st.integers(0, 255), noise=st.integers(0, 2**32))
@example(count=1, where=0, noise=0)
@example(count=200, where=255, noise=0)
def test_proof__any_tree__leads_to_the_root_from_its_own_index_only(
    math: Contract, count: int, where: int, noise: int
) -> None:
    row = [keccak(f"{noise} {i}".encode()) for i in range(count)]
    tree = Tree(row)
    index = where % len(tree.levels[0])
    leaf = tree.levels[0][index]
    proof = tree.proof(index)
    assert math.view("root_from_proof", leaf, index, proof) == tree.root == root_from_proof(leaf, index, proof)
    beyond = index + (1 << len(proof))
    outcome = math.call("root_from_proof", leaf, beyond, proof, sender=STRANGER)
    assert outcome.reason == "merkle_tree: index beyond the tree"
    if proof and tree.levels[0][index ^ 1] != leaf:
        assert math.view("root_from_proof", leaf, index ^ 1, proof) != tree.root
        assert math.view("root_from_proof", tree.levels[1][index >> 1], index >> 1, proof[1:]) == tree.root, (
            "a node is a node: only the hash's prefix keeps it from being shown as a leaf"
        )


@twin_settings
@given(
    allowance=strategies.uint(96),
    rated_w=st.one_of(strategies.uint(56), st.integers(0, 20_000)),
    seconds=st.one_of(strategies.uint(40), st.integers(0, 100 * strategies.DAY)),
)
@example(allowance=0, rated_w=1, seconds=9)
@example(allowance=0, rated_w=10_000, seconds=31 * strategies.DAY + 1)
def test_token_bucket__any_rating_and_time__is_the_exact_fraction_rounded_down(
    math: Contract, allowance: int, rated_w: int, seconds: int
) -> None:
    assert math.view("filled", allowance, rated_w, seconds) == filled(allowance, rated_w, seconds)


@twin_settings
@given(count=st.integers(0, 32), k=st.integers(0, 33), faulty=st.one_of(st.integers(0, 33), strategies.uint(256)))
def test_signer_set__any_size__is_accepted_only_if_two_quorums_share_an_honest_node(
    math: Contract, count: int, k: int, faulty: int
) -> None:
    members = [(i + 1).to_bytes(20, "big") for i in range(count)]
    outcome = math.call("check_set", members, k, faulty, sender=STRANGER)
    # Any two sets of k among n share at least 2k − n; one of the shared is honest if that is more than the faulty ones.
    assert outcome.ok == (0 < k <= count and 2 * k - count > faulty)
    if count and faulty < count:
        assert outcome.ok == (quorum_needed(count, faulty) <= k <= count)


@pytest.mark.parametrize("broken", ["zero", "twice", "descending"])
def test_signer_set__not_strictly_ascending__reverts(math: Contract, broken: str) -> None:
    one, two = (i.to_bytes(20, "big") for i in (1, 2))
    members = {"zero": [bytes(20), one], "twice": [one, one], "descending": [two, one]}[broken]
    outcome = math.call("check_set", members, 2, 0, sender=STRANGER)
    assert outcome.reason == "quorum: signers not strictly ascending"


@twin_settings
@given(
    chosen=st.lists(st.integers(0, 7), max_size=9),
    k=st.integers(1, 5),
    members=st.integers(1, 8),
    spoiled=st.sampled_from(("", "", "high s", "malleated", "parity", "r of nothing")),
)
def test_quorum__any_choice_of_signatures__counts_different_members_in_order(
    math: Contract, chosen: list[int], k: int, members: int, spoiled: str
) -> None:
    digest = keccak(b"any digest")
    nodes = signers()[:members]
    addresses = [node.address for node in nodes]
    pairs = [sign(digest, signers()[i]) for i in chosen]
    if pairs and spoiled:
        r, vs = pairs[-1]
        number = int.from_bytes(vs, "big")
        pairs[-1] = {
            "high s": high_s((r, vs)),
            "malleated": malleated((r, vs)),
            "parity": (r, (number ^ 1 << 255).to_bytes(32, "big")),
            "r of nothing": (bytes(32), vs),
        }[spoiled]
    set_hash = int.from_bytes(keccak(encode(["address[]"], [addresses])), "big") >> 96
    outcome = math.call("check_quorum", digest, k, set_hash, addresses, flat(pairs), sender=STRANGER)
    ascending = all(a < b for a, b in pairwise(chosen))
    expected = len(chosen) >= k and ascending and all(i < members for i in chosen) and not (pairs and spoiled)
    assert outcome.ok == expected, outcome.reason


def test_quorum__largest_low_s__is_not_called_high(math: Contract) -> None:
    digest, addresses = keccak(b"any digest"), [signers()[0].address]
    set_hash = int.from_bytes(keccak(encode(["address[]"], [addresses])), "big") >> 96
    r, _ = sign(digest, signers()[0])
    low = math.call("check_quorum", digest, 1, set_hash, addresses, [r, S_MAX.to_bytes(32, "big")], sender=STRANGER)
    high = math.call(
        "check_quorum", digest, 1, set_hash, addresses, [r, (S_MAX + 1).to_bytes(32, "big")], sender=STRANGER
    )
    assert (low.reason, high.reason) == ("quorum: not a signer, or not in order", "quorum: high s")


@pytest.mark.parametrize("word", range(9))
def test_claim__dirty_word_in_the_leaf__reverts(house: World, word: int) -> None:
    """`claim` hashes its calldata as it stands: a word wider than its type must not be read as a narrower one."""
    widths = (8, 128, 32, 160, 32, 64, 96, 96, 8)
    leaf = Leaf(1, 7, 1, STRANGER, 5, 0, 0, 0, 0, bytes(32))
    data = bytearray(house.treasury.artifact.functions["claim"].calldata(leaf_words(leaf), 0, []))
    data[4 + 32 * word + 31 - widths[word] // 8] ^= 1
    computation = boa.env.execute_code(to_address="0x" + house.treasury.address.hex(), data=bytes(data))
    assert computation.is_error
    assert computation.output == b"", "the clamp refuses without a reason, before anything is compared"
