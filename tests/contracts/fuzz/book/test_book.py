# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The reference book by hand: one short story per rule, with the sums that anybody can check."""

from collections.abc import Callable

import pytest

from tests.contracts.fuzz.book import invariants
from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.terms import TICKS, Asset, Level, Life, Order, Side, Terms, rank
from tests.contracts.fuzz.books import Refused

MAKER, NEIGHBOUR, TAKER, BENEFICIARY = b"m" * 20, b"n" * 20, b"t" * 20, b"d" * 20
DAWN = 1_800_000_000 - 1_800_000_000 % 86_400
BASE, QUOTE = Asset.BASE, Asset.QUOTE
BID, ASK = Side.BID, Side.ASK
GTC, DAY, SLOT = Life.GTC, Life.DAY, Life.SLOT


@pytest.fixture
def book() -> Book:
    return opened(Terms(base_price=100, tick_size=1, lot=10))


def opened(terms: Terms) -> Book:
    """A market at dawn in which everybody is rich."""
    book = Book(terms, now=DAWN, beneficiary=BENEFICIARY)
    for person in (MAKER, NEIGHBOUR, TAKER):
        book.deposit(person, BASE, 10**12)
        book.deposit(person, QUOTE, 10**15)
    return book


def refused(call: object, *args: object, **named: object) -> str:
    """Why an operation is refused."""
    assert callable(call)
    with pytest.raises(Refused) as refusal:
        call(*args, **named)
    return refusal.value.reason


def filled(book: Book) -> list[int]:
    """What each order got, oldest first."""
    return [order.filled for order in book.orders]


def test_take__several_orders__goes_by_price_then_class_then_time(book: Book) -> None:
    for n, (tick, life) in enumerate([(6, GTC), (5, SLOT), (5, DAY), (5, GTC), (5, GTC)]):
        book.place(MAKER, n, ASK, life, 0, tick, 10)
    book.take(TAKER, BID, 6, 15)
    assert filled(book) == [0, 0, 0, 10, 5]
    book.take(TAKER, BID, 6, 30)
    assert filled(book) == [5, 10, 10, 10, 10]


def test_take__better_prices__pays_each_makers_own(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 2)
    book.place(MAKER, 1, ASK, GTC, 0, 9, 2)
    take = book.take(TAKER, BID, 20, 3)
    assert (take.paid, take.received) == (2 * 105 + 109, 30)
    assert book.claim(MAKER, 0) == (2, 0)
    assert book.claim(MAKER, 1) == (1, 0)
    assert book.free[MAKER, QUOTE] == 10**15 + 2 * 105 + 109


def test_take__beyond_limit_or_levels__stops(book: Book) -> None:
    for n, tick in enumerate((5, 6, 7)):
        book.place(MAKER, n, BID, GTC, 0, tick, 1)
    assert book.take(TAKER, ASK, 6, 9).lots == 2
    assert refused(book.take, TAKER, ASK, 6, 9) == "order_book: too little to trade with"
    book.place(NEIGHBOUR, 0, BID, GTC, 0, 6, 1)
    assert book.take(TAKER, ASK, 0, 9, levels=1).lots == 1
    assert book.best(BID) == 5


def test_take__fewer_than_least__changes_nothing(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 4)
    assert refused(book.take, TAKER, BID, 5, 5, least=5) == "order_book: too little to trade with"
    assert filled(book) == [0]
    assert book.take(TAKER, BID, 5, 4, least=4).lots == 4


def test_place__crossing__is_refused_and_beside_is_not(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 1)
    assert refused(book.place, TAKER, 0, BID, GTC, 0, 5, 1) == "order_book: would cross"
    book.place(TAKER, 0, BID, GTC, 0, 4, 1)
    assert refused(book.place, MAKER, 1, ASK, GTC, 0, 4, 1) == "order_book: would cross"


@pytest.mark.parametrize(("life", "ends"), [(SLOT, DAWN + 900), (DAY, DAWN + 86_400), (GTC, 2**40)])
def test_session__ended__nobody_reaches_it_and_anybody_may_give_it_back(book: Book, life: Life, ends: int) -> None:
    order = book.place(MAKER, 0, ASK, life, 0, 5, 4)
    book.now = ends - 1
    assert book.take(TAKER, BID, 5, 1).lots == 1
    book.now = ends
    assert book.best(ASK) == (5 if life is GTC else None)
    book.claim(MAKER, 0)
    assert order.closed == (life is not GTC)
    assert order.refunded == (0 if life is GTC else 30)


def test_session__ended__a_later_one_at_the_same_price_is_another_queue(book: Book) -> None:
    book.place(MAKER, 0, ASK, SLOT, 0, 5, 4)
    book.now += 900
    book.place(NEIGHBOUR, 0, ASK, SLOT, 0, 5, 4)
    book.take(TAKER, BID, 5, 4)
    assert filled(book) == [0, 4]


def test_cancel__in_the_middle__leaves_the_others_places(book: Book) -> None:
    for n in range(3):
        book.place(MAKER, n, ASK, GTC, 0, 5, 4)
    book.take(TAKER, BID, 5, 6)
    assert book.cancel(MAKER, 1) == (2, 2)
    book.take(TAKER, BID, 5, 1)
    assert filled(book) == [4, 2, 1]
    assert refused(book.cancel, MAKER, 1) == "order_book: no such order"


def test_place__closed__is_used_again(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 4)
    assert refused(book.place, MAKER, 0, ASK, GTC, 0, 6, 4) == "order_book: place is in use"
    book.take(TAKER, BID, 5, 4)
    assert refused(book.place, MAKER, 0, ASK, GTC, 0, 6, 4) == "order_book: place is in use"
    book.claim(MAKER, 0)
    book.place(MAKER, 0, ASK, GTC, 0, 6, 4)
    book.place(NEIGHBOUR, 0, ASK, GTC, 0, 6, 4)


def test_self_trade__own_order_within_reach__is_refused(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 1)
    book.place(TAKER, 0, ASK, GTC, 0, 6, 1)
    assert refused(book.take, TAKER, BID, 6, 2) == "order_book: self-trade"
    assert book.take(TAKER, BID, 6, 1).lots == 1


def test_self_trade__best_own_order_gone__is_refused_until_refreshed(book: Book) -> None:
    book.place(TAKER, 0, ASK, GTC, 0, 5, 1)
    book.place(TAKER, 1, ASK, GTC, 0, 9, 1)
    book.cancel(TAKER, 0)
    book.place(MAKER, 0, ASK, GTC, 0, 6, 1)
    assert refused(book.take, TAKER, BID, 6, 1) == "order_book: self-trade"
    assert refused(book.refresh, TAKER, ASK, []) == "order_book: not all orders"
    assert refused(book.refresh, TAKER, ASK, [1, 1]) == "order_book: places not strictly ascending"
    assert refused(book.refresh, TAKER, ASK, [0]) == "order_book: no such order"
    assert refused(book.refresh, TAKER, BID, [1]) == "order_book: order of another side or market"
    book.refresh(TAKER, ASK, [1])
    assert book.take(TAKER, BID, 6, 1).lots == 1


def test_self_trade__last_own_order_gone__needs_no_refresh(book: Book) -> None:
    book.place(TAKER, 0, ASK, GTC, 0, 5, 1)
    book.cancel(TAKER, 0)
    book.place(MAKER, 0, ASK, GTC, 0, 6, 1)
    assert book.take(TAKER, BID, 6, 1).lots == 1


def test_self_trade__own_full_order_claimed_in_the_take__is_not_in_the_way(book: Book) -> None:
    book.place(TAKER, 0, ASK, GTC, 0, 5, 1)
    book.take(NEIGHBOUR, BID, 5, 1)
    book.place(MAKER, 0, ASK, GTC, 0, 6, 1)
    assert refused(book.take, TAKER, BID, 6, 1) == "order_book: self-trade"
    assert refused(book.take, MAKER, BID, 6, 1, done=[0]) == "order_book: self-trade"
    assert book.take(TAKER, BID, 6, 1, done=[0]).lots == 1
    assert book.free[TAKER, QUOTE] == 10**15 + 105 - 106


def test_fees__maker__are_the_same_however_often_it_claims() -> None:
    for price, fee in ((33, 0), (133, 1), (250, 2)):  # one per cent of a lot, rounded down
        for steps in ([1] * 9, [4, 5], [9]):
            book = opened(Terms(base_price=price, tick_size=1, lot=1, maker_bps=100))
            book.place(MAKER, 0, ASK, GTC, 0, 0, 9)
            for lots in steps:
                book.take(TAKER, BID, 0, lots)
                assert book.fees[QUOTE] == fee * (9 - book.depth(Level(0, GTC, 0, ASK)))
                book.claim(MAKER, 0)
            assert book.free[MAKER, QUOTE] == 10**15 + 9 * (price - fee)
            if fee:
                assert book.collect(QUOTE) == book.collected[QUOTE] == 9 * fee
            for asset in (BASE, QUOTE):
                assert refused(book.collect, asset) == "order_book: nothing to collect"


def test_fees__taker__are_a_share_of_what_it_gets() -> None:
    book = opened(Terms(base_price=0, tick_size=7, lot=1_000, taker_bps=30))
    book.place(MAKER, 0, ASK, GTC, 0, 1, 3)
    assert book.take(TAKER, BID, 1, 3).fees == 9
    assert book.free[TAKER, BASE] == 10**12 + 3_000 - 9
    assert (book.fees[BASE], book.fees[QUOTE]) == (9, 0)


@pytest.mark.parametrize(
    ("lots", "reason"), [(0, "order_book: too few lots"), (1, "order_book: too few lots"), (2**32, "")]
)
def test_place__size_out_of_bounds__is_refused(lots: int, reason: str) -> None:
    book = opened(Terms(base_price=1, tick_size=1, lot=1, size_min=2))
    assert refused(book.place, MAKER, 0, ASK, GTC, 0, 5, lots) == reason
    book.place(MAKER, 0, ASK, GTC, 0, 5, 2)


def test_band__its_ends__are_prices_and_beyond_is_not(book: Book) -> None:
    book.place(MAKER, 0, BID, GTC, 0, 0, 1)
    book.place(MAKER, 1, ASK, GTC, 0, TICKS - 1, 1)
    assert (book.best(BID), book.best(ASK)) == (0, TICKS - 1)
    assert refused(book.place, MAKER, 2, ASK, GTC, 0, TICKS, 1) == ""


def test_balance__too_low__is_refused_whole(book: Book) -> None:
    book.withdraw(MAKER, BASE, 10**12 - 9)
    assert refused(book.place, MAKER, 0, ASK, GTC, 0, 5, 1) == "order_book: not enough base"
    assert refused(book.withdraw, MAKER, BASE, 10) == "order_book: not enough base"
    book.place(MAKER, 0, BID, GTC, 0, 0, 1)
    book.withdraw(TAKER, BASE, 10**12)
    assert refused(book.take, TAKER, ASK, 0, 1) == "order_book: not enough base"
    assert filled(book) == [0]


def test_count__at_its_limit__a_claimed_order_makes_room(book: Book) -> None:
    book.orders_max = 2
    for n in range(2):
        book.place(MAKER, n, ASK, GTC, 0, 5 + n, 1)
    assert refused(book.place, MAKER, 2, ASK, GTC, 0, 9, 1) == "order_book: too many orders"
    assert refused(book.trade, MAKER, 2, ASK, GTC, 0, 9, 1) == "order_book: too many orders"
    book.take(TAKER, BID, 5, 1)
    assert refused(book.trade, MAKER, 2, ASK, GTC, 0, 9, 1) == "order_book: too many orders"
    assert book.trade(MAKER, 2, ASK, GTC, 0, 9, 1, done=[0])[1] is not None
    assert book.own[MAKER, ASK].count == 2


def test_trade__crossing__takes_and_places_the_rest(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 4)
    take, order = book.trade(TAKER, 0, BID, DAY, 0, 6, 10)
    assert order is not None
    assert (take.lots, take.paid, order.size, book.best(BID), book.best(ASK)) == (4, 4 * 105, 6, 6, None)
    take, order = book.trade(MAKER, 1, ASK, GTC, 0, 6, 6)
    assert (take.lots, order, book.best(BID)) == (6, None, None)


def test_trade__out_of_levels_or_too_little_left__places_nothing() -> None:
    book = opened(Terms(base_price=100, tick_size=1, lot=10, size_min=3))
    book.place(MAKER, 0, ASK, GTC, 0, 5, 4)
    book.place(MAKER, 1, ASK, GTC, 0, 6, 4)
    assert book.trade(TAKER, 0, BID, GTC, 0, 6, 10, levels=1)[1] is None
    assert book.best(ASK) == 6
    assert book.trade(TAKER, 0, BID, GTC, 0, 6, 6)[1] is None
    assert (book.best(BID), book.best(ASK)) == (None, None)


def test_trade__rest_unaffordable__takes_nothing(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 4)
    book.withdraw(TAKER, QUOTE, 10**15 - 4 * 105 - 6 * 106 + 1)
    assert refused(book.trade, TAKER, 0, BID, GTC, 0, 6, 10) == "order_book: not enough quote"
    assert filled(book) == [0]
    book.deposit(TAKER, QUOTE, 1)
    book.trade(TAKER, 0, BID, GTC, 0, 6, 10)
    assert book.free[TAKER, QUOTE] == 0


def test_session__named__must_be_the_running_one(book: Book) -> None:
    running = DAWN // 900
    book.place(MAKER, 0, ASK, SLOT, running, 5, 4)
    book.now += 900
    assert refused(book.place, MAKER, 1, ASK, SLOT, running, 5, 4) == "order_book: session is not running"


def test_halt__makers_still_leave(book: Book) -> None:
    book.place(MAKER, 0, ASK, GTC, 0, 5, 2)
    book.take(TAKER, BID, 5, 1)
    book.halted = True
    assert refused(book.place, MAKER, 1, ASK, GTC, 0, 5, 1) == "order_book: halted"
    assert refused(book.take, TAKER, BID, 5, 1) == "order_book: halted"
    assert book.claim(MAKER, 0) == (1, 0)
    assert book.cancel(MAKER, 0) == (0, 1)
    assert book.free[MAKER, BASE] == 10**12 - 10


def spoil(book: Book, what: str) -> None:
    """Spoil a book with three asks at a level, of which the first is filled in part."""
    first, second, _ = book.orders
    match what:
        case "lost":
            book.free[MAKER, BASE] -= 1
        case "crossed":
            book.orders.append(Order(NEIGHBOUR, 0, Level(rank(BID, 5), GTC, 0, BID), 1, number=3))
        case "out of turn":
            second.filled += 1
        case "filled by nobody":
            first.filled += 1
        case "past the limit":
            book.takes[0].tick = 4
        case "overcharged":
            book.takes[0].paid += 1
        case "underpaid":
            first.payments[0] -= 1
        case "a refund too many":
            first.refunded += 1
        case "own order":
            first.owner = TAKER
        case "own best forgotten":
            book.own[MAKER, ASK].rank = 6


CHECKS: dict[str, Callable[[Book], None]] = {
    "lost": lambda book: invariants.assets_are_free_live_escrow_and_unclaimed(book, book.brought),
    "a bit too few": lambda book: invariants.bit_is_set_exactly_where_a_level_lives(book, ()),
    "crossed": lambda book: invariants.best_bid_is_below_best_ask(book, 5, 5),
    "out of turn": invariants.a_later_fill_means_that_earlier_orders_are_full,
    "filled by nobody": invariants.fills_add_up_to_what_was_taken,
    "past the limit": invariants.no_taker_is_worse_than_its_limit,
    "overcharged": invariants.no_taker_is_worse_than_its_limit,
    "underpaid": invariants.every_maker_gets_exactly_its_price,
    "a refund too many": invariants.every_maker_gets_exactly_its_price,
    "own order": invariants.nobody_trades_with_oneself,
    "own best forgotten": invariants.own_best_is_never_beaten,
}


@pytest.mark.parametrize("what", CHECKS)
def test_invariant__spoiled_book__is_found_by_its_own_check(book: Book, what: str) -> None:
    for n in range(3):
        book.place(MAKER, n, ASK, GTC, 0, 5, 4)
    book.take(TAKER, BID, 5, 2)
    book.claim(MAKER, 0)
    invariants.check_all(book, held=book.brought, bits=set(book.queues), bid=None, ask=5)
    spoil(book, what)
    with pytest.raises(AssertionError):
        CHECKS[what](book)
