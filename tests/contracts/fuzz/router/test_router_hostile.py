# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The router among hostile receivers, hostile money and people who move the book or the pool while it trades."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from bench.contracts import artifact
from tests.contracts.fuzz.pool.place import LATE, E
from tests.contracts.fuzz.router.square import ASK, BID, FINE, MAKER, TRADER, Square, fresh
from tests.contracts.fuzz.router.twin import Kind, Way
from tests.contracts.fuzz.world import BENEFICIARY, OWNER, STRANGER, Contract

KWH, GCM = 10**9, 10**18
SILENT, FALSE, TAX, LIE, MONEY_CALLS_BACK = 1, 2, 3, 4, 5
RECEIVER_CALLS_BACK = 5
OFFERS = [(1_990, 300, 0), (2_000, 900, 0), (2_040, 5_000, 0)]  # in thousandths of a kWh
BIDS = [(2_010, 300, 0), (2_000, 900, 0), (1_960, 5_000, 0)]
AMOUNTS = {Kind.SELL: 5 * KWH + 1, Kind.SELL_FOR: 30 * GCM, Kind.BUY: 5 * KWH + 1, Kind.BUY_WITH: 30 * GCM + 1}
KINDS = pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())


@pytest.fixture(scope="module")
def built() -> Iterator[Square]:
    with boa.env.anchor():
        yield fresh()


@pytest.fixture
def square(built: Square) -> Iterator[Square]:
    """A pool of 1,000 kWh at 6 GCM, in which 5 kWh are much."""
    with boa.env.anchor():
        built.add(MAKER, 1_000 * KWH, 6_000 * GCM)
        yield built


def offered(square: Square, kind: Kind) -> Way:
    """Orders for the kind, and what the router would do with them: something in both places."""
    side, offers = (BID, BIDS) if kind.selling else (ASK, OFFERS)
    square.offer(FINE, side, offers)
    found = square.quote(FINE, kind, AMOUNTS[kind])
    assert not isinstance(found, str)
    assert found.lots
    assert found.pool_in
    return found


def state(square: Square) -> tuple[Any, ...]:
    """What a refused trade must leave as it was."""
    return (
        square.holding(TRADER),
        square.kept(FINE),
        square.pool.view("reserves"),
        square.vault.view("account", FINE, MAKER),
        square.book.view("depth", FINE, BID, 64, 2**200),
        square.book.view("depth", FINE, ASK, 64, 2**200),
    )


def receiver(square: Square, behaviour: int, target: Contract | None = None, data: bytes = b"") -> Contract:
    """A contract that gets energy."""
    made = Contract(artifact("FuzzReceiver"), sender=OWNER)
    made.must("behave", behaviour, target.address if target else bytes(20), data, sender=OWNER)
    return made


def poke(made: Contract) -> None:
    """Let a receiver make its call outside a trade."""
    made.must("onERC1155Received", STRANGER, STRANGER, 0, 0, b"", sender=STRANGER)


@pytest.mark.parametrize("through_hook", [False, True], ids=["trade", "hook"])
def test_receiver__trades_from_its_hook__finds_the_router_locked(square: Square, *, through_hook: bool) -> None:
    """By a call of its own, and by sending on with an order what it just got."""
    offered(square, Kind.BUY)
    approve = square.money.artifact.functions["approve"].calldata(square.router.address, 2**256 - 1)
    made = receiver(square, RECEIVER_CALLS_BACK, square.money, approve)
    poke(made)
    square.money.must("mint", made.address, 100 * GCM, sender=OWNER)
    if through_hook:
        order = square.router.artifact.functions["trade"].calldata(square.order(FINE, Kind.SELL, KWH, to=STRANGER))[4:]
        args = (made.address, square.router.address, E, KWH, order)
        call = square.energy, square.energy.artifact.functions["safeTransferFrom"].calldata(*args)
    else:
        order = square.order(FINE, Kind.BUY, KWH // 10, to=STRANGER)
        call = square.router, square.router.artifact.functions["trade"].calldata(order)
    made.must("behave", RECEIVER_CALLS_BACK, call[0].address, call[1], sender=OWNER)
    assert square.trade(FINE, Kind.BUY, 2 * KWH, to=made.address).ok
    tried = made.view("tried")
    assert (tried > 1, made.view("went_through")) == (True, 1)
    made.must("behave", 0, bytes(20), b"", sender=OWNER)
    made.must("behave", RECEIVER_CALLS_BACK, call[0].address, call[1], sender=OWNER)
    poke(made)
    assert made.view("went_through") == 2, "nothing but the lock kept it out"


@pytest.mark.parametrize("behaviour", [1, 2, 3, 4])
def test_receiver__refuses_energy__nothing_happens(square: Square, behaviour: int) -> None:
    offered(square, Kind.BUY)
    made = receiver(square, behaviour, square.money, b"no" * 100)
    before = state(square)
    order = square.order(FINE, Kind.BUY, AMOUNTS[Kind.BUY], to=made.address)
    assert not square.router.call("trade", order, sender=TRADER, gas=3_000_000).ok
    assert state(square) == before


@KINDS
@pytest.mark.parametrize("behaviour", [FALSE, TAX, LIE])
def test_money__does_not_move__nothing_happens(square: Square, kind: Kind, behaviour: int) -> None:
    offered(square, kind)
    square.money.must("behave", behaviour, bytes(20), b"", sender=OWNER)
    before = state(square)
    outcome = square.trade(FINE, kind, AMOUNTS[kind])
    if outcome.ok:  # money that says it paid: what the trader gets is between the trader and the money
        assert kind.selling
        assert behaviour in (TAX, LIE)
        return
    assert outcome.reason in (
        "router: money did not arrive",
        "vault: transfer failed",
        "vault: not the whole amount came",
        "fuzz_money: balance",
    )
    assert state(square) == before


@KINDS
def test_money__answers_nothing__works(square: Square, kind: Kind) -> None:
    offered(square, kind)
    square.money.must("behave", SILENT, bytes(20), b"", sender=OWNER)
    assert square.trade(FINE, kind, AMOUNTS[kind]).ok
    assert square.kept(FINE) == (0, 0, 0, 0)


@KINDS
def test_money__trades_while_it_moves__finds_the_router_locked(square: Square, kind: Kind) -> None:
    offered(square, kind)
    square.money.must("mint", square.money.address, 100 * GCM, sender=OWNER)
    inner = square.order(FINE, Kind.BUY_WITH, GCM, levels=0)
    data = square.router.artifact.functions["trade"].calldata(inner)
    square.money.must("behave", MONEY_CALLS_BACK, square.router.address, data, sender=OWNER)
    assert square.trade(FINE, kind, AMOUNTS[kind]).ok
    assert square.money.view("tried") > 0
    assert square.money.view("went_through") == 0


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        ("take", (FINE, 0, 65_535, 200, 0, 256, []), "order_book: not enough quote"),
        ("take", (FINE, 0, 65_535, 6_200, 0, 256, []), "order_book: too little to trade with"),
        ("place", (FINE, 0, ASK, 0, 0, 1_980, 1_000), "router: the book moved"),
    ],
    ids=["dearer", "gone", "cheaper"],
)
def test_book__moved_by_the_money_meanwhile__nothing_happens(
    square: Square, function: str, args: tuple[Any, ...], reason: str
) -> None:
    """Between the plan and the take somebody takes the best lots or offers better ones: the plan or nothing."""
    offered(square, Kind.BUY)
    hostile = square.money.address
    square.fund(STRANGER, 2 * KWH, 10**24)
    square.money.must("approve", square.vault.address, 2**255, sender=STRANGER)
    square.energy.must("setApprovalForAll", square.vault.address, True, sender=STRANGER)
    square.vault.must("deposit", FINE, True, 10**24, hostile, sender=STRANGER)
    square.vault.must("deposit", FINE, False, 2 * KWH, hostile, sender=STRANGER)
    data = square.book.artifact.functions[function].calldata(*args)
    square.money.must("behave", MONEY_CALLS_BACK, square.book.address, data, sender=OWNER)
    before = state(square)
    assert square.trade(FINE, Kind.BUY, AMOUNTS[Kind.BUY]).reason == reason
    assert state(square) == before


@pytest.mark.parametrize(
    ("way", "reason"), [("sell", "router: the pool moved"), ("buy", "pool: less than the minimum")]
)
def test_pool__moved_by_the_money_meanwhile__nothing_happens(square: Square, way: str, reason: str) -> None:
    """For better or for worse: a part that is not what was planned is not done."""
    offered(square, Kind.BUY_WITH)
    hostile = square.money.address
    square.fund(hostile, 10 * KWH, 100 * GCM)
    square.energy.must("setApprovalForAll", square.pool.address, True, sender=hostile)
    square.money.must("approve", square.pool.address, 2**255, sender=hostile)
    limit = 0 if way == "sell" else 2**111
    data = square.pool.artifact.functions[way].calldata(KWH, limit, BENEFICIARY, LATE)
    square.money.must("behave", MONEY_CALLS_BACK, square.pool.address, data, sender=OWNER)
    before = state(square)
    assert square.trade(FINE, Kind.BUY_WITH, AMOUNTS[Kind.BUY_WITH]).reason == reason
    assert state(square) == before


@KINDS
def test_gifts__to_the_router__change_no_trade(square: Square, kind: Kind) -> None:
    """Money in its wallet and both balances in its account stay where they are: they belong to nobody."""
    found = offered(square, kind)
    square.money.must("transfer", square.router.address, 7, sender=TRADER)
    for quote in (False, True):
        square.vault.must("deposit", FINE, quote, 9, square.router.address, sender=TRADER)
    assert square.quote(FINE, kind, AMOUNTS[kind]) == found
    before = square.holding(TRADER)
    assert square.trade(FINE, kind, AMOUNTS[kind]).ok
    after = square.holding(TRADER)
    assert sorted((abs(after[0] - before[0]), abs(after[1] - before[1]))) == sorted((found.given, found.gotten))
    assert square.kept(FINE) == (0, 7, 9, 9)


def test_router__of_what_is_no_contract__is_not_made(square: Square) -> None:
    good = [square.vault.address, square.energy.address, square.money.address, square.guard.address]
    for index in (1, 2, 3):
        args = [STRANGER if i == index else value for i, value in enumerate(good)]
        with pytest.raises(AssertionError, match="router: not a contract"):
            Contract(artifact("Router"), *args, sender=OWNER)
