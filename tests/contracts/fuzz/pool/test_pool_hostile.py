# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The pool among hostile tokens, receivers and first depositors."""

from typing import Any

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.contracts import artifact
from tests.contracts.fuzz.pool.place import LATE, E, Place
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.world import BENEFICIARY, OWNER, PEOPLE, STRANGER, Contract, account

KWH, GCM = 10**9, 10**18
HONEST, SILENT, FALSE, TAX, LIE, MONEY_CALLS_BACK = range(6)
RECEIVER_CALLS_BACK = 5
MAKER, TRADER, VICTIM = PEOPLE[:3]

# What somebody who is called may try, as owner of shares: each of these goes through when nothing is locked.
ATTEMPTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("remove_liquidity", (10_000, 0, 0, account("loot"), LATE)),
    ("transfer", (account("loot"), 5)),
    ("collect_fees", ()),
    ("quote_sell", (KWH,)),
    ("quote_remove", (1_000,)),
    ("marginal_price", (True,)),
    ("reserves", ()),
)


@pytest.fixture
def place() -> Place:
    """A pool of 1,000 kWh against 6,000 GCM, and a trader."""
    place = Place()
    place.add(MAKER, 1_000 * KWH, 6_000 * GCM)
    place.fund(TRADER, 100 * KWH, 1_000 * GCM)
    return place


@pytest.fixture
def empty_pool() -> Place:
    """A pool to which nobody added."""
    return Place()


def calldata(place: Place, attempt: tuple[str, tuple[Any, ...]]) -> bytes:
    """The bytes of an attempt."""
    return place.pool.artifact.functions[attempt[0]].calldata(*attempt[1])


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[name for name, _ in ATTEMPTS])
def test_receiver__calls_the_pool_from_its_hook__finds_it_locked(
    place: Place, attempt: tuple[str, tuple[Any, ...]]
) -> None:
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    receiver.must("behave", RECEIVER_CALLS_BACK, place.pool.address, calldata(place, attempt), sender=OWNER)
    place.pool.must("transfer", receiver.address, 1_000_000, sender=MAKER)

    place.pool.must("buy", KWH, 10 * GCM, receiver.address, LATE, sender=TRADER)
    place.pool.must("remove_liquidity", 10_000_000, 0, 0, receiver.address, LATE, sender=MAKER)
    assert (receiver.view("tried"), receiver.view("went_through")) == (2, 0)

    receiver.must("onERC1155Received", STRANGER, STRANGER, 0, 0, b"", sender=STRANGER)
    assert receiver.view("went_through") == 1, "nothing but the lock kept it out"


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[name for name, _ in ATTEMPTS])
def test_money__calls_the_pool_while_it_moves__finds_it_locked(
    place: Place, attempt: tuple[str, tuple[Any, ...]]
) -> None:
    place.pool.must("transfer", place.money.address, 1_000_000, sender=MAKER)
    place.money.must("behave", MONEY_CALLS_BACK, place.pool.address, calldata(place, attempt), sender=OWNER)

    place.pool.must("buy", KWH, 10 * GCM, TRADER, LATE, sender=TRADER)
    place.pool.must("sell", KWH, 0, TRADER, LATE, sender=TRADER)
    place.pool.must("add_liquidity", KWH, 7 * GCM, 0, TRADER, LATE, sender=TRADER)
    assert place.pool.must("collect_fees", sender=STRANGER).number > 0
    assert (place.money.view("tried"), place.money.view("went_through")) == (4, 0)

    place.money.must("transfer", STRANGER, 0, sender=STRANGER)
    assert place.money.view("went_through") >= 1, "nothing but the lock kept it out"


@pytest.mark.parametrize("behaviour", [FALSE, TAX, LIE])
def test_money__does_not_arrive__nothing_happens(place: Place, behaviour: int) -> None:
    place.money.must("behave", behaviour, bytes(20), b"", sender=OWNER)
    before = place.pool.view("reserves")
    for function, args in (
        ("buy", (KWH, 10 * GCM, TRADER, LATE)),
        ("buy_with", (GCM, 0, TRADER, LATE)),
        ("add_liquidity", (KWH, 7 * GCM, 0, TRADER, LATE)),
    ):
        assert place.pool.call(function, *args, sender=TRADER).reason == "pool: money did not arrive"
    assert place.pool.view("reserves") == before


def test_money__says_that_it_does_not_pay__nothing_happens(place: Place) -> None:
    place.money.must("behave", FALSE, bytes(20), b"", sender=OWNER)
    for sender, function, args in (
        (TRADER, "sell", (KWH, 0, TRADER, LATE)),
        (TRADER, "sell_for", (GCM, KWH, TRADER, LATE)),
        (MAKER, "remove_liquidity", (1_000_000, 0, 0, MAKER, LATE)),
    ):
        assert place.pool.call(function, *args, sender=sender).reason == "pool: money was not paid"


def test_money__answers_nothing__works(place: Place) -> None:
    place.money.must("behave", SILENT, bytes(20), b"", sender=OWNER)
    place.pool.must("buy", KWH, 10 * GCM, TRADER, LATE, sender=TRADER)
    place.pool.must("sell", KWH, 0, TRADER, LATE, sender=TRADER)
    place.pool.must("remove_liquidity", 1_000_000, 0, 0, MAKER, LATE, sender=MAKER)


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_receiver__refuses_energy__nothing_happens(place: Place, behaviour: int) -> None:
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    receiver.must("behave", behaviour, bytes(20), b"", sender=OWNER)
    before = place.pool.view("reserves"), place.holding(TRADER)
    assert not place.pool.call("buy", KWH, 10 * GCM, receiver.address, LATE, sender=TRADER, gas=1_000_000).ok
    assert (place.pool.view("reserves"), place.holding(TRADER)) == before


def test_energy__that_never_arrives__is_not_paid_for(place: Place) -> None:
    idle = Contract(artifact("FuzzMoney"), sender=OWNER)
    pool = Contract(
        artifact("Pool"), idle.address, E, place.money.address, place.guard.address, BENEFICIARY, 25, 5, "P", "P",
        sender=OWNER,
    )  # fmt: skip
    outcome = pool.call("add_liquidity", KWH, GCM, 0, MAKER, LATE, sender=MAKER)
    assert outcome.reason == "pool: energy did not arrive"


@pytest.mark.parametrize(
    ("missing", "times"), [(1, 1), (KWH - 1, 1), (KWH // 2, 2), (0, 2)], ids=["one less", "one", "halves", "twice"]
)
def test_energy__that_comes_otherwise_than_asked__is_refused(place: Place, missing: int, times: int) -> None:
    """Less than the trade is about, in one hook or in two, or more: the hook takes the whole amount, once."""
    things = Contract(artifact("ShortThings"), sender=OWNER)
    pool = Contract(
        artifact("Pool"), things.address, E, place.money.address, place.guard.address, BENEFICIARY, 25, 5, "P", "P",
        sender=OWNER,
    )  # fmt: skip
    place.money.must("approve", pool.address, 2**255, sender=MAKER)
    place.fund(MAKER, 0, 100 * GCM)
    pool.must("add_liquidity", 10 * KWH, 60 * GCM, 0, MAKER, LATE, sender=MAKER)
    things.must("behave", missing, times, sender=OWNER)
    before = pool.view("reserves")
    for function, args in (("sell", (KWH, 0, MAKER, LATE)), ("add_liquidity", (KWH, 6 * GCM, 0, MAKER, LATE))):
        assert pool.call(function, *args, sender=MAKER).reason == "pool: not asked for"
    assert pool.view("reserves") == before


def test_energy__sent_unasked__is_refused(place: Place) -> None:
    hook = (place.pool.address, TRADER, E, 1, b"")
    assert place.pool.call("onERC1155Received", *hook, sender=STRANGER).reason == "pool: not asked for"
    assert place.pool.call("onERC1155Received", *hook, sender=place.energy.address).reason == "pool: not asked for"
    zero = (*hook[:3], 0, b"")
    assert place.pool.call("onERC1155Received", *zero, sender=place.energy.address).reason == "pool: not asked for"
    batch = (TRADER, place.pool.address, [E], [1], b"")
    assert place.energy.call("safeBatchTransferFrom", *batch, sender=TRADER).reason == "pool: not asked for"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({0: STRANGER}, "pool: not a contract"),
        ({2: STRANGER}, "pool: not a contract"),
        ({3: STRANGER}, "pool: not a contract"),
        ({4: bytes(20)}, "pool: no such receiver"),
        ({5: 101, 6: 0}, "pool: fees out of bounds"),
        ({5: 51, 6: 50}, "pool: fees out of bounds"),
        ({5: 10, 6: 11}, "pool: fees out of bounds"),
        ({5: 2**255, 6: 2**255}, "pool: fees out of bounds"),
    ],
)
def test_pool__made_wrong__is_not_made(place: Place, changes: dict[int, Any], reason: str) -> None:
    args = [place.energy.address, E, place.money.address, place.guard.address, BENEFICIARY, 25, 5, "P", "P"]
    for index, value in changes.items():
        args[index] = value
    with pytest.raises(AssertionError, match=reason):
        Contract(artifact("Pool"), *args, sender=OWNER)


def test_pool__of_a_token_against_itself__is_not_made(place: Place) -> None:
    token = place.energy.address
    with pytest.raises(AssertionError, match="pool: energy and money are the same"):
        Contract(artifact("Pool"), token, E, token, place.guard.address, BENEFICIARY, 25, 5, "P", "P", sender=OWNER)


@twin_settings
@given(
    seed=st.tuples(st.integers(1, 10**6), st.integers(2_000_000, 10**13)),
    gift=st.integers(0, 10**24),
    washes=st.lists(st.integers(1, 999), max_size=3),
    wanted=st.tuples(st.integers(10**6, 10**15), st.integers(10**15, 10**24)),
)
def test_first_depositor__who_inflates_a_share__robs_nobody_and_pays(
    empty_pool: Place, seed: tuple[int, int], gift: int, washes: list[int], wanted: tuple[int, int]
) -> None:
    """A dust pool, a donation and wash trades before the victim's deposit: the attacker's money is gone, not the victim's."""
    place = empty_pool
    with boa.env.anchor():
        attacker, purse = PEOPLE[0], 10**26
        place.fund(attacker, purse, purse)
        place.fund(VICTIM, purse, purse)
        place.pool.must("add_liquidity", *seed, 0, attacker, LATE, sender=attacker)
        place.money.must("transfer", place.pool.address, gift, sender=attacker)
        for part in washes:
            bought = place.pool.view("reserves")[0] * part // 1_000
            if bought:
                place.pool.must("buy", bought, purse, attacker, LATE, sender=attacker)
                place.pool.call("sell", bought, 0, attacker, LATE, sender=attacker)
        added = place.pool.call("add_liquidity", *wanted, 0, VICTIM, LATE, sender=VICTIM)
        if added.ok:
            place.pool.must("remove_liquidity", added.number, 0, 0, VICTIM, LATE, sender=VICTIM)
        else:
            assert added.reason == "pool: too small"
        assert all(purse - kept <= 1 for kept in place.holding(VICTIM)), (
            "no more than rounding, however dear a share is"
        )
        shares = place.pool.view("balanceOf", attacker)
        place.pool.must("remove_liquidity", shares, 0, 0, attacker, LATE, sender=attacker)
        energy, money = place.holding(attacker)
        assert energy <= purse
        assert money <= purse - gift
