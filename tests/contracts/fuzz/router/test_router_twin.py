# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The router against a twin that tries every split, against the book alone and against the pool alone, in the same state."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt

import boa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.contracts.fuzz.pool.twin import Reserves
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.router.square import (
    ASK,
    BASE_PRICES,
    BID,
    CHEAP,
    COARSE,
    FINE,
    LOT_EXP,
    MAKER,
    TAKER_BPS,
    TINY,
    TRADER,
    Square,
    fresh,
)
from tests.contracts.fuzz.router.twin import Kind, Market, Way, best, no_worse
from tests.contracts.fuzz.world import OWNER

KWH, GCM = 10**9, 10**18
FEES = ((25, 5), (0, 0), (50, 50), (1, 0))

# ticks around 6 GCM for a kWh, where most pools stand; now and then far away
ticks = st.one_of(st.integers(1_900, 2_100), st.integers(1_990, 2_010), st.integers(0, 65_535))
levels = st.lists(st.tuples(ticks, st.integers(1, 60), st.integers(0, 2)), max_size=6)


@st.composite
def pools(draw: st.DrawFn) -> Reserves:
    """From pools that a lot moves far to pools that all lots together hardly move, near 6 GCM for a kWh or not."""
    energy = draw(st.integers(5, 14).flatmap(lambda size: st.integers(10**size, 10 ** (size + 1))))
    percent = draw(st.one_of(st.integers(97, 103), st.integers(1, 1_000)))
    money = max(energy * 6 * GCM // KWH * percent // 100, 1)
    lp_bps, treasury_bps = draw(st.sampled_from(FEES))
    return Reserves(energy, money, isqrt(energy * money), lp_bps, treasury_bps)


@pytest.fixture(scope="module")
def square() -> Iterator[Square]:
    with boa.env.anchor():
        yield fresh()


@contextmanager
def prepared(
    square: Square, market: int, side: int, offers: list[tuple[int, int, int]], pool: Reserves
) -> Iterator[Market]:
    """The square with these orders and reserves, and its twin, for a while."""
    with boa.env.anchor():
        square.pool.must("set_fees", pool.lp_bps, pool.treasury_bps, sender=OWNER)
        square.add(MAKER, pool.energy, pool.money)
        square.offer(market, side, offers)
        yield square.twin(market, offers, side, pool)


def amount_for(kind: Kind, twin: Market, pool: Reserves, *, part: int, odd: int) -> int:
    """Thousandths of what book and pool have together on the exact side, and something odd."""
    lots = sum(level.lots for level in twin.levels)
    energy = kind in (Kind.SELL, Kind.BUY)
    standing = lots * twin.lot if energy else sum(level.lots * level.price for level in twin.levels)
    reserve = pool.energy if energy else pool.money
    whole = max(standing, twin.lot) if part % 2 else standing + reserve
    return min(max(whole * part // 1_000 + odd, 1), 10**27)


@twin_settings
@given(
    kind=st.sampled_from(Kind),
    steps=st.lists(st.tuples(st.integers(5, 60), st.integers(5, 40)), min_size=2, max_size=4),
    depth=st.integers(1_000, 3_000),
    fees=st.sampled_from(((25, 5), (50, 50), (0, 0))),
    part=st.integers(60, 160),
    odd=st.integers(0, 999_983),
)
def test_quote__a_level_in_part_and_the_pool__is_the_best_split(
    square: Square, kind: Kind, steps: list[tuple[int, int]], depth: int, fees: tuple[int, int], part: int, odd: int
) -> None:
    """Levels behind the pool's price, one after the other, and so much of them that the last one is taken in part."""
    energy = depth * sum(lots for _, lots in steps) * 10 ** LOT_EXP[FINE]
    pool = Reserves(energy, energy * 6 * GCM // KWH, 1, *fees)
    offers, tick = [], 2_000
    for step, lots in steps:
        tick += -step if kind.selling else step
        offers.append((tick, lots, 0))
    with prepared(square, FINE, BID if kind.selling else ASK, offers, pool) as twin:
        # Up to the last level's price in the pool, and a part of the level itself.
        kept, left = 1 - sum(fees) / 10_000, 1 - TAKER_BPS / 10_000
        last = twin.levels[-1].price / twin.lot / (6 * GCM / KWH)
        ratio = (kept / (last * left)) ** 0.5 - 1 if kind.selling else 1 - (left / kept / last) ** 0.5
        in_pool = max(int(ratio * energy), 1)
        in_book = twin.in_book(kind, sum(level.lots for level in twin.levels) - steps[-1][1] * part // 200)
        swapped = pool.sell(in_pool).money if kind.selling else pool.buy(in_pool).money
        amount = (in_book.given if kind.exact_in else in_book.gotten) + odd
        amount += in_pool if kind in (Kind.SELL, Kind.BUY) else swapped
        weigh(square, kind, FINE, twin, amount)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_quote__book_alone_at_the_edge_of_a_lot__reads_far_enough(square: Square, kind: Kind) -> None:
    """A unit more or less than so many lots, over the ends of levels."""
    side = BID if kind.selling else ASK
    offers = [(2_000 + (-level if kind.selling else level), 2, 0) for level in range(4)]
    pool = Reserves(KWH, 6 * GCM, 1, 25, 5)
    with prepared(square, FINE, side, offers, pool) as twin:
        square.stop_pool()
        for lots in range(1, 9):
            whole = twin.in_book(kind, lots)
            for odd in (-1, 0, 1):
                amount = (whole.given if kind.exact_in else whole.gotten) + odd
                assert alone(square.quote(FINE, kind, amount)) == twin.in_book_alone(kind, amount)


# market → lot, and the price of a lot around which it is traded here
UNITS = {TINY: (10, 1_000), CHEAP: (1_000, 7)}


@st.composite
def twins(draw: st.DrawFn) -> tuple[int, Reserves]:
    """A market where units count, and a deep pool with the same price and fee, or a hair beside it."""
    market = draw(st.sampled_from((TINY, CHEAP)))
    lot, price = UNITS[market]
    energy = draw(st.integers(6, 12).flatmap(lambda size: st.integers(10**size, 10 ** (size + 1))))
    worth = energy * price // lot
    money = worth + draw(st.sampled_from((-1, 0, 1))) * worth // 10 ** draw(st.integers(2, 10))
    assume(energy * money > 10**8)
    return market, Reserves(energy, money, isqrt(energy * money), TAKER_BPS - 5, 5)


@twin_settings
@given(
    kind=st.sampled_from(Kind),
    market=st.sampled_from((FINE, COARSE)),
    offers=levels,
    pool=pools(),
    part=st.integers(0, 1_100),
    odd=st.sampled_from((0, 0, 1, 7, 999_983, 10**9 + 7)),
)
def test_quote__any_state__is_no_worse_than_every_split(
    square: Square, kind: Kind, market: int, offers: list[tuple[int, int, int]], pool: Reserves, part: int, odd: int
) -> None:
    with prepared(square, market, BID if kind.selling else ASK, offers, pool) as twin:
        weigh(square, kind, market, twin, amount_for(kind, twin, pool, part=part, odd=odd))


@twin_settings
@given(
    kind=st.sampled_from(Kind),
    offers=st.lists(st.tuples(st.integers(-2, 2), st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=3),
    state=twins(),
    lots=st.integers(1, 12),
    odd=st.integers(-3, 3),
)
def test_quote__book_and_pool_alike__roundings_make_it_no_worse(
    square: Square, kind: Kind, offers: list[tuple[int, int, int]], state: tuple[int, Reserves], lots: int, odd: int
) -> None:
    market, pool = state
    lot, price = UNITS[market]
    amount = max(lots * (lot if kind in (Kind.SELL, Kind.BUY) else price) + odd, 1)
    middle = price - BASE_PRICES[market]
    shifted = [(middle + tick, size, life) for tick, size, life in offers]
    with prepared(square, market, BID if kind.selling else ASK, shifted, pool) as twin:
        weigh(square, kind, market, twin, amount)


@pytest.mark.parametrize(
    ("market", "kind", "amount", "offers", "reserves", "answer"),
    [
        (TINY, Kind.BUY, 67, [(101, 2)], (64_122_827, 6_412_282_706), (6_713, 67)),
        (TINY, Kind.BUY_WITH, 2_002, [(100, 5)], (1_319_936_190, 131_861_625_381), (2_000, 20)),
        (CHEAP, Kind.SELL_FOR, 42, [(6, 8), (4, 4)], (316_234_544_215, 2_213_663_945), (6_000, 42)),
        (CHEAP, Kind.SELL, 7_003, [(6, 9)], (822_702_153, 5_764_673), (7_000, 49)),
        (TINY, Kind.BUY, 81, [(101, 9), (103, 2)], (34_107_032_147, 3_410_703_214_700), (8_117, 81)),
        (TINY, Kind.SELL, 92, [(99, 9), (98, 2)], (8_870_297, 887_038_570), (92, 9_181)),
        (TINY, Kind.SELL_FOR, 8_997, [(103, 5), (99, 4)], (3_186_569, 318_660_086), (90, 8_997)),
        (CHEAP, Kind.BUY, 9_997, [(6, 7)], (97_274_673_754, 680_922_716), (71, 9_997)),
        (CHEAP, Kind.BUY_WITH, 47, [(6, 1)], (303_265_534_922, 2_122_858_741), (47, 6_571)),
    ],
    ids=["book 1", "book 2", "book 3", "book 4", "one more 1", "one more 2", "one more 3", "pool 1", "pool 2"],
)
def test_quote__where_a_unit_decides__each_of_the_four_plans_is_the_best_somewhere(
    square: Square,
    market: int,
    kind: Kind,
    amount: int,
    offers: list[tuple[int, int]],
    reserves: tuple[int, int],
    answer: tuple[int, int],
) -> None:
    """States found by search, in each of which the plan by the margin is a unit or more worse."""
    pool = Reserves(*reserves, isqrt(reserves[0] * reserves[1]), TAKER_BPS - 5, 5)
    placed = [(tick, lots, 0) for tick, lots in offers]
    with prepared(square, market, BID if kind.selling else ASK, placed, pool) as twin:
        found = square.quote(market, kind, amount)
        assert isinstance(found, Way)
        assert (found.given, found.gotten) == answer
        weigh(square, kind, market, twin, amount)


def weigh(square: Square, kind: Kind, market: int, twin: Market, amount: int) -> None:
    """Hold a quote against every split and against either alone, and then trade it."""
    found = square.quote(market, kind, amount)
    ways = twin.every_way(kind, amount)
    if isinstance(found, str):
        assert found == "router: too little to trade with"
        assert not ways
        return
    assert found.given <= amount if kind.exact_in else found.gotten >= amount
    assert no_worse(kind, found, best(kind, ways), twin.slack(kind, ways))
    # To the unit: what either alone would do in this state, by the twin and by the contracts.
    pool_alone, book_alone = twin.in_pool_alone(kind, amount), twin.in_book_alone(kind, amount)
    assert no_worse(kind, found, pool_alone)
    assert no_worse(kind, found, book_alone)
    assert alone(square.quote(market, kind, amount, levels=0)) == pool_alone
    with boa.env.anchor():
        square.stop_pool()
        assert alone(square.quote(market, kind, amount)) == book_alone
    # The plan says itself how far a trade must look.
    assert square.quote(market, kind, amount, levels=found.levels) == found
    settle(square, kind, market, amount, found)


def alone(way: Way | str) -> Way | None:
    """No way at all is a reason."""
    if isinstance(way, str):
        assert way == "router: too little to trade with"
        return None
    return way


def settle(square: Square, kind: Kind, market: int, amount: int, found: Way) -> None:
    """The trade does what was quoted, to the unit, from wallet to wallet, and the router keeps nothing."""
    limit = found.gotten if kind.exact_in else found.given
    tight = limit + (1 if kind.exact_in else -1)
    reason = "router: less than the minimum" if kind.exact_in else "router: more than the maximum"
    assert square.trade(market, kind, amount, tight).reason == reason
    energy, money = square.holding(TRADER)
    outcome = square.trade(market, kind, amount, limit)
    assert outcome.ok, outcome.reason
    after_energy, after_money = square.holding(TRADER)
    moved = (
        (energy - after_energy, after_money - money) if kind.selling else (money - after_money, after_energy - energy)
    )
    assert moved == (found.given, found.gotten)
    answer = square.router.artifact.functions["trade"].result(outcome.output)
    assert answer == (found.given, found.gotten)
    assert square.kept(market) == (0, 0, 0, 0)
    assert 10 ** LOT_EXP[market] * found.lots == (found.book_in if kind.selling else _before_fee(square, found, market))


def _before_fee(square: Square, found: Way, market: int) -> int:
    """The energy of the lots: what the buyer got and what the book kept."""
    return int(found.book_out + square.book.view("fees_of", market)[0])
