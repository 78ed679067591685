# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book that stands beside ours in the gas bench trades as a book should, or the comparison would be worth nothing."""

from collections.abc import Iterator

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.contracts import artifact
from tests.contracts.fuzz.world import OWNER, PEOPLE, Contract

RICH = 10**9
BEST = 100
makers = st.integers(0, len(PEOPLE) - 2)
ticks = st.integers(BEST, BEST + 40)
lots = st.integers(1, 50)
orders = st.lists(st.tuples(makers, ticks, lots), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def book() -> Iterator[Contract]:
    """Everybody has lots and money."""
    with boa.env.anchor():
        made = Contract(artifact("NaiveBook"), sender=OWNER)
        for person in PEOPLE:
            made.must("give", person, RICH, RICH, sender=OWNER)
        yield made


@settings(max_examples=60, deadline=None, derandomize=True)
@given(resting=orders, takes=st.lists(st.tuples(ticks, st.integers(1, 200)), max_size=4))
def test_take__any_orders__pays_makers_by_price_and_time(
    book: Contract, resting: list[tuple[int, int, int]], takes: list[tuple[int, int]]
) -> None:
    """Against a list that is sorted by tick and otherwise left in its order."""
    taker = PEOPLE[-1]
    accounts = {person: [RICH, RICH] for person in PEOPLE}
    with boa.env.anchor():
        for number, tick, size in resting:
            book.must("place", tick, size, sender=PEOPLE[number])
            accounts[PEOPLE[number]][0] -= size
        queue = sorted(resting, key=lambda order: order[1])
        sizes = [size for _, _, size in queue]
        for limit, wanted in takes:
            left = wanted
            for place, (number, tick, _) in enumerate(queue):
                if tick > limit:
                    break
                filled = min(left, sizes[place])
                sizes[place] -= filled
                left -= filled
                accounts[PEOPLE[number]][1] += filled * tick
                accounts[taker][1] -= filled * tick
            accounts[taker][0] += wanted - left
            assert book.must("take", limit, wanted, sender=taker).number == wanted - left
        assert {person: list(book.view("account_of", person)) for person in PEOPLE} == accounts
