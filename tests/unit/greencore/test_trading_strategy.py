# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo's actors decide: they spend no more than they have, they never meet themselves, and each part does its part."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chain.market import BUY, DAY, SELL, Account, Asset, Order, Terms
from greencore.demo.trading import strategy as do
from greencore.demo.trading.actors import Part, cast

TERMS = Terms(
    market=1,
    base=Asset(bytes(20), 1, erc1155=True),
    quote=Asset(bytes([1] * 20), 0, erc1155=False),
    lot=10**6,
    tick=10**2,
    base_price=5_000,
    maker_bps=5,
    taker_bps=10,
    min_lots=10,
    stopped=False,
)
NOTHING = do.Seen(0, 0, 0, Account(0, 0, 0, 0, frozen=False), {}, None, None)
PAR = TERMS.tick_at(TERMS.lot)
amounts = st.integers(0, 30 * do.WHOLE)


@st.composite
def views(draw: st.DrawFn) -> do.Seen:
    """Anything that a chain may say to an actor, with open orders on at most one side more often than on both."""
    place = st.integers(PAR - 300, PAR + 300)
    orders = {
        number: Order(
            1, draw(st.sampled_from((BUY, SELL))), DAY, 1, draw(place), draw(st.integers(10, 999)), 0, expired=False
        )
        for number in draw(st.sets(st.sampled_from(list(do.PLACES))))
    }
    account = Account(draw(amounts), draw(amounts), 0, 0, frozen=False)
    best = st.none() | place
    now = draw(st.integers(0, 10**6))
    return do.Seen(now, draw(amounts), draw(amounts), account, orders, draw(best), draw(best))


@given(part=st.sampled_from(list(Part)), number=st.integers(0, 8), seen=views(), seed=st.integers())
def test_steps_can_be_paid_for_and_never_meet_an_own_order(part: Part, number: int, seen: do.Seen, seed: int) -> None:
    wallet = {False: seen.energy, True: seen.gcm}
    vault = {False: seen.account.base, True: seen.account.quote}
    orders = dict(seen.orders)
    for step in do.decide(part, number, seen, TERMS, hours=1.5, dice=Random(seed)):
        match step:
            case do.Deposit(quote, amount):
                wallet[quote] -= amount
                vault[quote] += amount
            case do.Withdraw(quote, amount):
                vault[quote] -= amount
            case do.Limit(place, side, life, tick, lots):
                assert place not in orders
                assert lots >= TERMS.min_lots
                vault[side == BUY] -= lots * (TERMS.price(tick) if side == BUY else TERMS.lot)
                orders[place] = Order(1, side, life, 1, tick, lots, 0, expired=False)
            case do.Take(side, tick, lots):
                assert lots >= TERMS.min_lots
                vault[side == BUY] -= lots * (TERMS.price(tick) if side == BUY else TERMS.lot)
            case do.Cancel(place):
                orders.pop(place)
            case do.Buy(amount, most):
                assert amount >= TERMS.lot * TERMS.min_lots
                wallet[True] -= most
            case do.Sell(amount, least):
                assert 0 < least < amount * 1.05
                wallet[False] -= amount
            case do.Provide(energy, money):
                wallet[False] -= energy
                wallet[True] -= money
            case do.Index(amount) | do.Consume(amount):
                wallet[False] -= amount
            case do.Redeem(amount) | do.SellForMoney(amount):
                wallet[True] -= amount
            case do.Claim(place):
                assert seen.orders[place].filled or seen.orders[place].expired
        assert min(*wallet.values(), *vault.values()) >= 0, step
    if not seen.orders:
        bids = [order.tick for order in orders.values() if order.side == BUY]
        asks = [order.tick for order in orders.values() if order.side == SELL]
        assert not bids or not asks or max(bids) < min(asks)


def test_each_part_does_its_part() -> None:
    noon, evening = 12 * 3600, 19 * 3600
    rich = replace(NOTHING, energy=do.WHOLE, gcm=do.WHOLE)

    def kinds(part: Part, seen: do.Seen, number: int = 0) -> set[type]:
        return {type(step) for step in do.decide(part, number, seen, TERMS, hours=1, dice=Random(1))}

    assert {do.Index, do.Limit, do.SellForMoney} <= kinds(Part.PROSUMER, rich)
    maker = [
        step
        for step in do.decide(
            Part.MAKER, 0, replace(rich, account=replace(rich.account, base=do.WHOLE)), TERMS, hours=1, dice=Random(1)
        )
        if isinstance(step, do.Limit)
    ]
    assert {step.side for step in maker} == {BUY, SELL}
    assert do.Consume in kinds(Part.CONSUMER, rich)
    assert do.Buy in kinds(Part.CONSUMER, replace(NOTHING, gcm=do.WHOLE, ask=PAR))
    assert do.Sell in kinds(Part.PROSUMER, replace(rich, bid=PAR), number=1)
    assert do.Provide in kinds(Part.TRADER, rich, number=1)
    assert do.Take in kinds(Part.TRADER, replace(NOTHING, gcm=do.WHOLE, ask=PAR - 100))
    assert do.Take not in kinds(Part.TRADER, replace(NOTHING, gcm=do.WHOLE, ask=PAR))
    assert do.fair_ppm(noon) < 10**6 < do.fair_ppm(evening)


def test_the_cast_is_twenty_wallets_with_keys_of_their_own() -> None:
    actors = cast()
    assert len(actors) == len({actor.address for actor in actors}) == len({actor.name for actor in actors}) == 20
    assert {actor.part for actor in actors} == set(Part)
