# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One tick fits any book of bids and asks, and the contract accepts that one and no other."""

import random
from collections.abc import Iterator, Sequence

import boa
import pytest
from eth_hash.auto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from bench.contracts import ROOT
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.round.chain import MARKETS, TRADERS, Chain
from tests.contracts.fuzz.round.twin import (
    ASK,
    BID,
    SLOT,
    TICKS,
    Auction,
    Clearing,
    Lots,
    Order,
    clearing,
    depth,
    turns,
)
from tests.contracts.fuzz.world import STRANGER

MARKET = 1
TERMS = MARKETS[MARKET]
FIRST, LAST = 615, 634  # around a border of a word of every layer

ticks = st.sampled_from((*range(FIRST, LAST), *range(FIRST, LAST), 0, TICKS - 1))
sides = st.lists(st.tuples(ticks, st.integers(2, 5)), max_size=7)


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """Deployed once; every book is forgotten."""
    with boa.env.anchor():
        yield Chain()


@given(bids=sides, asks=sides)
@twin_settings
def test_rule__turns_alone__find_what_every_tick_does(bids: list[Lots], asks: list[Lots]) -> None:
    """The twin may leave out ticks at which nothing turns."""
    assert clearing(bids, asks, turns(bids, asks)) == clearing(bids, asks, range(TICKS))


@given(bids=sides, asks=sides)
@twin_settings
def test_rule__orders_in_time__only_orders_at_the_price_are_cut(bids: list[Lots], asks: list[Lots]) -> None:
    """`fill` itself asserts that no better order is cut and that nobody trades beyond a limit."""
    rows = [(side, *order) for side, orders in ((BID, bids), (ASK, asks)) for order in orders]
    auction = Auction([Order(i, b"", i, 1, 1, side, tick, lots) for i, (side, tick, lots) in enumerate(rows)])
    right = auction.solve()
    if right:
        auction.fill(right)
        for side in (BID, ASK):
            ours = [order for order in auction.orders if order.side == side]
            assert sum(auction.fills[order.number] for order in ours) == right.volume
        assert all(min(depth(bids, asks, tick)) <= right.volume for tick in turns(bids, asks))


@given(bids=sides, asks=sides)
@twin_settings
@example(bids=[(620, 5)], asks=[(620, 5)])  # equal at one tick
@example(bids=[(620, 3)], asks=[(616, 3)])  # equal on a stretch: its middle
@example(bids=[(620, 3)], asks=[(617, 3)])  # a stretch of four: rounded down
@example(bids=[(630, 9)], asks=[(616, 2)])  # demand stays: what it bids
@example(bids=[(630, 2)], asks=[(616, 9)])  # supply stays: what it asks
@example(bids=[(621, 2), (620, 2)], asks=[(620, 2), (621, 2)])  # as much left on both sides of a step
@example(bids=[(621, 3), (620, 2)], asks=[(620, 3), (621, 3)])  # the side that leaves less is behind the step
@example(bids=[(0, 2)], asks=[(0, 5)])  # the lowest tick
@example(bids=[(TICKS - 1, 5)], asks=[(TICKS - 1, 2)])  # the highest
@example(bids=[(616, 2)], asks=[(617, 2)])  # neighbours that do not meet
@example(bids=[(616, 2)], asks=[(0, 2), (TICKS - 1, 2)])
def test_clear__every_result__only_the_right_one_is_accepted(chain: Chain, bids: list[Lots], asks: list[Lots]) -> None:
    right = clearing(bids, asks, range(TICKS)) if bids and asks else None
    with boa.env.anchor():
        slot = placed(chain, bids, asks)
        if right:
            found = chain.round.view("solve", MARKET, slot)
            assert found == (right.tick, right.volume, right.low, right.high)
        accepted = []
        for tried in attempts(bids, asks, right):
            with boa.env.anchor():
                words = (tried.tick, tried.volume, tried.low, tried.high)
                if chain.round.call("clear", MARKET, slot, *words, sender=STRANGER).ok:
                    accepted.append(tried)
        if right:
            assert accepted == [right]
        else:
            assert {tried.volume for tried in accepted} <= {0}
            assert accepted or not bids + asks


def test_clear__many_orders__costs_what_few_do(chain: Chain) -> None:
    """Sums of depth are asked, not orders: at most three ticks on two sides, four words each."""
    costs = []
    for many in (1, 4, 40):
        with boa.env.anchor():
            bids = [(FIRST + i % 12, 3) for i in range(many)]
            asks = [(FIRST + i % 9, 3) for i in range(many)]
            slot = placed(chain, bids, asks)
            words = chain.round.view("solve", MARKET, slot)
            outcome = chain.round.call("clear", MARKET, slot, *words, sender=STRANGER)
            assert outcome.ok, outcome.reason
            costs.append(outcome.gas)
    assert max(costs) < 100_000, costs


def placed(chain: Chain, bids: Sequence[Lots], asks: Sequence[Lots]) -> int:
    """Place the orders, and go behind the gate of their slot."""
    slot = boa.env.timestamp // SLOT + 3
    for n, (side, (tick, lots)) in enumerate([*((BID, bid) for bid in bids), *((ASK, ask) for ask in asks)]):
        chain.round.must("place", MARKET, slot, n, side, tick, lots, sender=TRADERS[n % len(TRADERS)])
    boa.env.timestamp = TERMS.closing(slot)
    return slot


def attempts(bids: Sequence[Lots], asks: Sequence[Lots], right: Clearing | None) -> Iterator[Clearing]:
    """The right result, and every tick that could be one, with its own volume and with ends that could be its own."""
    if right:
        yield right
        for low, high in ((right.low - 1, right.high + 1), (right.low + 1, right.high - 1)):
            if 0 <= low < TICKS and 0 <= high < TICKS:
                yield Clearing(right.tick, right.volume, low, high)
        yield Clearing(right.tick, right.volume - 1, right.low, right.high)
    candidates = {tick for turn in turns(bids, asks) for tick in (turn - 1, turn, turn + 1) if 0 <= tick < TICKS}
    for tick in sorted(candidates - ({right.tick} if right else set())):
        yield Clearing(tick, min(depth(bids, asks, tick)), tick, tick)


def test_place__as_many_lots_as_a_round_holds__is_full(chain: Chain) -> None:
    """Nobody can afford to come there, so the round's word is written as if somebody had: to the lot, on one side."""
    slot = boa.env.timestamp // SLOT + 3
    compiled = boa.load_partial(str(ROOT / "contracts/market/Round.vy")).compiler_data
    base = compiled.storage_layout["storage_layout"]["_rounds"]["slot"]
    key = keccak(base.to_bytes(32, "big") + (MARKET << 32 | slot).to_bytes(32, "big"))
    with boa.env.anchor():
        left = 9
        boa.env.set_storage("0x" + chain.round.address.hex(), int.from_bytes(key, "big"), 2**48 - 1 - left)
        assert chain.round.view("result_of", MARKET, slot)[:2] == (2**48 - 1 - left, 0)
        over = chain.round.call("place", MARKET, slot, 1, BID, FIRST, left + 1, sender=TRADERS[0])
        assert over.reason == "round: too many lots"
        chain.round.must("place", MARKET, slot, 1, BID, FIRST, left, sender=TRADERS[0])
        chain.round.must("place", MARKET, slot, 2, ASK, FIRST, 2**32 - 1, sender=TRADERS[0])
        assert chain.round.view("result_of", MARKET, slot)[:2] == (2**48 - 1, 2**32 - 1)


def test_depth__words_of_an_earlier_round__count_nowhere(chain: Chain) -> None:
    """Six slots that share their sums, orders placed and taken back at few ticks: full words of before under empty ones."""
    draw = random.Random(20_261_121)
    slot = boa.env.timestamp // SLOT + 3
    places = iter(range(10_000))
    few = (0, 4, 5, 24, 25, 130, 624, 625, 629, 1_250, TICKS - 1)
    with boa.env.anchor():
        for _ in range(6):
            standing: dict[int, tuple[int, int, int]] = {}
            for _ in range(24):
                if standing and draw.random() < 0.3:
                    n = draw.choice(sorted(standing))
                    del standing[n]
                    chain.round.must("close", MARKET, TRADERS[0], [n], sender=TRADERS[0])
                else:
                    n = next(places)
                    standing[n] = draw.randrange(2), draw.choice(few), 2 + n % 7
                    chain.round.must("place", MARKET, slot, n, *standing[n], sender=TRADERS[0])
                bids, asks = ([order[1:] for order in standing.values() if order[0] == side] for side in (BID, ASK))
                for tick in draw.sample(few, 3):
                    assert chain.round.view("depth_of", MARKET, slot, tick) == depth(bids, asks, tick)
            slot += 256
            boa.env.timestamp = TERMS.closing(slot) - 1
