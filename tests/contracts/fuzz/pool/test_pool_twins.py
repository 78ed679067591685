# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every formula of the pool against its twin in exact fractions, for reserves from nearly nothing to the widths' ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isqrt
from typing import Any

import boa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.pool.place import LATE, Place
from tests.contracts.fuzz.pool.twin import DEAD_SHARES, MAX, Reserves, Trade
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.world import OWNER, PEOPLE

MAKER = PEOPLE[0]
KWH, GCM = 10**9, 10**18
TRADES = ("sell", "sell_for", "buy", "buy_with")


def wide(low: int = 1) -> st.SearchStrategy[int]:
    """Any size up to 112 bits, each width as often as another."""
    return st.integers(0, 112).flatmap(lambda bits: st.integers(low, max(low, 2**bits - 1)))


fees = st.sampled_from(((0, 0), (1, 0), (25, 5), (50, 50), (100, 0), (33, 17)))


@st.composite
def pools(draw: st.DrawFn) -> Reserves:
    """Reserves that somebody can have put there."""
    energy, money = draw(wide()), draw(wide())
    lp_bps, treasury_bps = draw(fees)
    supply = isqrt(energy * money)
    assume(supply > DEAD_SHARES)
    return Reserves(energy, money, supply, lp_bps, treasury_bps)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with boa.env.anchor():
        yield Place()


@contextmanager
def filled(place: Place, pool: Reserves) -> Iterator[None]:
    """The contract with these reserves and fees, for a while."""
    with boa.env.anchor():
        place.pool.must("set_fees", pool.lp_bps, pool.treasury_bps, sender=OWNER)
        place.add(MAKER, pool.energy, pool.money)
        assert place.pool.view("reserves") == (pool.energy, pool.money)
        yield


def answers(place: Place, function: str, *args: Any) -> Any:
    """What a view says, or its reason as text."""
    outcome = place.pool.call(function, *args, sender=MAKER)
    return place.pool.artifact.functions[function].result(outcome.output) if outcome.ok else outcome.reason


def told(formula: Any, *args: Any) -> Trade | str:
    """What the twin says, or its reason as text."""
    try:
        made: Trade = formula(*args)
    except Refused as refusal:
        return refusal.reason
    return made


def counter(name: str, trade: Trade | str) -> int | str:
    """The side of a trade that was asked for."""
    if isinstance(trade, str):
        return trade
    return trade.money if name in ("sell", "buy") else trade.energy


@twin_settings
@given(pool=pools(), amounts=st.lists(wide(0), min_size=4, max_size=4))
@example(pool=Reserves(MAX, MAX, MAX, 50, 50), amounts=[MAX, 1, MAX - 1, MAX])
@example(pool=Reserves(1, 2_000_000, 1_414, 25, 5), amounts=[1, 1_000_000, 1, 3])
@example(pool=Reserves(500 * KWH, 3_000 * GCM, 1, 25, 5), amounts=[0, MAX + 1, 2**255, 2**256 - 1])
def test_trades__any_reserves_and_amount__are_the_exact_fractions_rounded_for_the_pool(
    place: Place, pool: Reserves, amounts: list[int]
) -> None:
    with filled(place, pool):
        for name, amount in zip(TRADES, amounts, strict=True):
            said = answers(place, f"quote_{name}", amount)
            assert said == counter(name, told(getattr(pool, name), amount)), (name, amount)


@twin_settings
@given(pool=pools(), share=st.integers(1, 9_999), scale=st.sampled_from((10_000, 10**7, 10**12)))
def test_exact_out__is_the_least_that_exact_in_turns_into_it(
    place: Place, pool: Reserves, share: int, scale: int
) -> None:
    with filled(place, pool):
        for exact_out, exact_in, reserve in (
            ("sell_for", "sell", pool.money),
            ("buy", "buy_with", pool.energy),
        ):
            wanted = max(1, reserve * share // scale)
            least = answers(place, f"quote_{exact_out}", wanted)
            if isinstance(least, str):
                assert least in ("pool: more than the reserve", "pool: amount out of bounds")
                continue
            if least > MAX:
                continue  # no trade could bring it
            enough = answers(place, f"quote_{exact_in}", least)
            assert enough >= wanted
            less = answers(place, f"quote_{exact_in}", least - 1)
            assert isinstance(less, str) or less < wanted


@twin_settings
@given(pool=pools(), energy=wide(0), money=wide(0), part=st.integers(1, 1_000))
@example(pool=Reserves(1, 2_000_000, 1_414, 25, 5), energy=1, money=1, part=1)
def test_shares__any_reserves__are_the_exact_part(
    place: Place, pool: Reserves, energy: int, money: int, part: int
) -> None:
    with filled(place, pool):
        said = answers(place, "quote_add", energy, money)
        assert said == told(pool.add, energy, money)
        shares = max(1, pool.supply * part // 1_000)
        assert answers(place, "quote_remove", shares) == pool.remove(shares)


@twin_settings
@given(pool=pools(), up=wide(), down=wide(), near=st.booleans(), buying=st.booleans())
@example(pool=Reserves(MAX, 1, 2**56 - 1, 50, 50), up=1, down=MAX, near=False, buying=False)
@example(pool=Reserves(1, MAX, 2**56 - 1, 50, 50), up=1, down=MAX, near=False, buying=False)
@example(pool=Reserves(MAX, MAX, MAX, 0, 0), up=MAX, down=1, near=False, buying=True)
def test_energy_to_price__any_price__is_the_last_unit_that_is_no_worse(
    place: Place, pool: Reserves, up: int, down: int, *, near: bool, buying: bool
) -> None:
    if near:  # a price close to the pool's own, where both answers occur
        price = pool.marginal(buying=buying) * Fraction(10_000 + up % 2_001 - 1_000, 10_000)
        scaled = price.limit_denominator(2**50)
        assume(0 < scaled.numerator <= MAX)
        up, down = scaled.numerator, scaled.denominator
    price = Fraction(up, down)

    def no_worse(energy: int) -> bool:
        slope = pool.marginal_after(energy, buying=buying)
        return slope <= price if buying else slope >= price

    with filled(place, pool):
        numerator, denominator = answers(place, "marginal_price", buying)
        assert Fraction(numerator, denominator) == pool.marginal(buying=buying)
        assert max(numerator, denominator) < 2**126
        energy = answers(place, "energy_to_price", buying, up, down)
        assert energy == 0 or no_worse(energy)
        if buying:
            assert energy < pool.energy
            assert energy == pool.energy - 1 or not no_worse(energy + 1)
        else:
            assert energy == MAX - pool.energy or not no_worse(energy + 1)
        assert answers(place, "energy_to_price", buying, 0, down) == "pool: amount out of bounds"
        assert answers(place, "energy_to_price", buying, up, MAX + 1) == "pool: amount out of bounds"


@twin_settings
@given(
    pool=pools(),
    names=st.sampled_from((("sell", "buy_with"), ("buy", "sell"), ("buy_with", "sell"), ("sell_for", "buy_with"))),
    share=st.integers(1, 5_000),
)
def test_round_trip__any_pool_and_size__never_profits(
    place: Place, pool: Reserves, names: tuple[str, str], share: int
) -> None:
    there, back = names
    reserve = pool.energy if there in ("sell", "buy") else pool.money
    amount = max(1, reserve * share // 10_000)
    with filled(place, pool):
        trader, purse = PEOPLE[1], 2**200
        place.fund(trader, purse, purse)
        limit = 0 if there in ("sell", "buy_with") else purse
        first = place.pool.call(there, amount, limit, trader, LATE, sender=trader)
        if not first.ok:
            assert first.reason == told(lambda: pool.after(getattr(pool, there)(amount)))
            return
        gained = first.number if there in ("sell", "buy_with") else amount
        second = place.pool.call(back, gained, 0, trader, LATE, sender=trader)
        if not second.ok:
            assert second.reason == "pool: too small"
            return
        energy, money = place.holding(trader)
        assert energy <= purse
        assert money <= purse
        now_energy, now_money = place.pool.view("reserves")
        assert now_energy * now_money >= pool.product
