# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""OrderBook: what rests, what trades, at which price, and in which order."""

from itertools import product

from ape.api import AccountAPI

from tests.contracts.exchange import (
    ASK,
    BID,
    COIN,
    DAY,
    ENERGY,
    GTC,
    LOT,
    MAKER_BPS,
    QUARTER,
    TAKER_BPS,
    Exchange,
    fee,
    price,
)
from tests.contracts.house import refuses


def test_place(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Escrow leaves the account, to the unit; the book shows the order."""
    (placed,) = exchange.place(prosumer, 7, ASK, 60, 10).decode_logs(exchange.book.Placed)
    exchange.place(buyer, 7, BID, 59, 20)

    assert (placed.market, placed.owner, placed.n, placed.side, placed.life, placed.tick, placed.lots) == (
        1, prosumer, 7, ASK, GTC, 60, 10,
    )  # fmt: skip
    assert exchange.free(prosumer) == (ENERGY - 10 * LOT, COIN)
    assert exchange.free(buyer) == (ENERGY, COIN - 20 * price(59))
    assert (exchange.best(BID), exchange.best(ASK)) == (59, 60)
    assert exchange.book.lots_at(1, ASK, GTC, 60) == 10
    order = exchange.book.order_of(buyer, 7)
    assert (order.side, order.tick, order.lots, order.filled, order.expired) == (BID, 59, 20, 0, False)
    account = exchange.vault.account(1, buyer)
    assert (account.bids, account.best_bid, account.asks) == (1, 65_535 - 59, 0)


def test_place__refused(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """One reason each."""
    place = exchange.book.place
    exchange.place(prosumer, 1, ASK, 60, 10)
    for reason, args in {
        "order_book: would cross": (1, 1, BID, GTC, 0, 60, 10),
        "order_book: too few lots": (1, 1, BID, GTC, 0, 59, 4),
        "order_book: no such market": (2, 1, BID, GTC, 0, 59, 10),
        "order_book: no such side": (1, 1, 2, GTC, 0, 59, 10),
        "order_book: no such life": (1, 1, BID, 3, 0, 59, 10),
        "order_book: session is not running": (1, 1, BID, QUARTER, 1, 59, 10),
        "order_book: not enough quote": (1, 1, BID, GTC, 0, 59, 2**32 - 1),
    }.items():
        refuses(reason, place, *args, sender=buyer)
    refuses("order_book: place is in use", place, 1, 1, ASK, GTC, 0, 60, 10, sender=prosumer)
    refuses("order_book: not enough base", place, 1, 2, ASK, GTC, 0, 60, 2**32 - 1, sender=prosumer)


def test_take__part_of_a_level(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Both legs move at the maker's price; each pays its fee from what it receives."""
    exchange.place(prosumer, 1, ASK, 60, 10)

    (traded,) = exchange.take(buyer, BID, 99, 4).decode_logs(exchange.book.Traded)

    assert (traded.taker, traded.side, traded.life, traded.tick, traded.lots) == (buyer, BID, GTC, 60, 4)
    kept = fee(4 * LOT, TAKER_BPS)
    assert exchange.free(buyer) == (ENERGY + 4 * LOT - kept, COIN - 4 * price(60))
    assert exchange.book.fees_of(1) == (kept, fee(4 * price(60), MAKER_BPS))
    assert exchange.filled(prosumer, 1) == 4
    assert exchange.book.lots_at(1, ASK, GTC, 60) == 6
    assert exchange.best(ASK) == 60

    (claimed,) = exchange.book.claim(prosumer, 1, sender=buyer).decode_logs(exchange.book.Claimed)
    assert (claimed.paid, claimed.back, claimed.closed) == (4, 0, False)
    assert claimed.fee == fee(4 * price(60), MAKER_BPS)
    assert exchange.free(prosumer) == (ENERGY - 10 * LOT, COIN + 4 * price(60) - claimed.fee)
    assert exchange.book.fees_of(1) == (kept, claimed.fee)
    refuses("order_book: nothing to claim", exchange.book.claim, prosumer, 1, sender=prosumer)


def test_take__seller(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """The other way round: the taker is paid in coin, the maker in energy."""
    exchange.place(buyer, 1, BID, 60, 10)
    exchange.take(prosumer, ASK, 60, 10)
    exchange.book.claim(buyer, 1, sender=prosumer)

    assert exchange.free(prosumer) == (ENERGY - 10 * LOT, COIN + 10 * price(60) - fee(10 * price(60), TAKER_BPS))
    assert exchange.free(buyer) == (ENERGY + 10 * LOT - fee(10 * LOT, MAKER_BPS), COIN - 10 * price(60))
    assert exchange.best(BID) is None


def test_take__several_levels__best_price_first(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """Near and far ticks, in and out of one word of the bitmap; never beyond the limit; the next best stands ready."""
    ticks = (70, 71, 255, 256, 3_000, 65_535)
    for n, tick in enumerate(reversed(ticks)):
        exchange.place((prosumer, neighbour)[n % 2], n, ASK, tick, 10)
    logs = exchange.take(buyer, BID, 3_000, 1_000).decode_logs(exchange.book.Traded)

    assert [(log.tick, log.lots) for log in logs] == [(tick, 10) for tick in ticks[:-1]]
    assert exchange.free(buyer)[1] == COIN - 10 * sum(price(tick) for tick in ticks[:-1])
    assert exchange.best(ASK) == 65_535
    exchange.place(prosumer, 10, ASK, 256, 5)
    assert exchange.best(ASK) == 256


def test_take__bids_highest_first(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Best is the highest bid, and the walk stops after so many levels."""
    for n, tick in enumerate((0, 500, 499)):
        exchange.place(buyer, n, BID, tick, 10)
    logs = exchange.take(prosumer, ASK, 0, 1_000, levels=2).decode_logs(exchange.book.Traded)

    assert [(log.tick, log.lots) for log in logs] == [(500, 10), (499, 10)]
    assert exchange.best(BID) == 0


def test_take__one_tick__life_then_time(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """Until cancelled, then the day's, then the slot's; within each the earlier order."""
    for n, (life, owner) in enumerate(product((QUARTER, DAY, GTC), (prosumer, neighbour))):
        exchange.place(owner, n, ASK, 60, 10, life=life)
    logs = exchange.take(buyer, BID, 60, 35).decode_logs(exchange.book.Traded)

    assert [(log.life, log.lots) for log in logs] == [(GTC, 20), (DAY, 15)]
    assert [exchange.filled(prosumer, n) for n in (0, 2, 4)] == [0, 10, 10]
    assert [exchange.filled(neighbour, n) for n in (1, 3, 5)] == [0, 5, 10]


def test_take__fill_or_kill_and_immediate_or_cancel(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """All or nothing, or what there is, or nothing at all: that reverts."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    take = exchange.book.take
    for args in ((1, BID, 60, 11, 11, 64, []), (1, BID, 59, 1, 0, 64, []), (1, BID, 60, 0, 0, 64, [])):
        refuses("order_book: too little to trade with", take, *args, sender=buyer)
    exchange.take(buyer, BID, 60, 7, least=7)
    exchange.take(buyer, BID, 60, 7)

    assert exchange.filled(prosumer, 1) == 10
    assert exchange.free(buyer)[1] == COIN - 10 * price(60)
    assert exchange.best(ASK) is None


def test_trade__rests_what_it_did_not_fill(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """A limit order: takes below its limit, then waits at it, with escrow at its own price."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.orders.add((buyer, 1))
    exchange.book.trade(1, 1, BID, GTC, 0, 65, 30, 64, [], sender=buyer)

    assert exchange.book.order_of(buyer, 1).lots == 20
    assert (exchange.best(BID), exchange.best(ASK)) == (65, None)
    assert exchange.free(buyer)[1] == COIN - 10 * price(60) - 20 * price(65)


def test_trade__does_not_rest_dust_or_across(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Below the minimum, or while it would cross, the rest stays in the account."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.place(prosumer, 2, ASK, 61, 10)
    trade = exchange.book.trade
    trade(1, 1, BID, GTC, 0, 65, 30, 1, [], sender=buyer)
    assert exchange.free(buyer)[1] == COIN - 10 * price(60)
    trade(1, 1, BID, GTC, 0, 65, 14, 64, [], sender=buyer)
    assert exchange.free(buyer)[1] == COIN - 10 * price(60) - 10 * price(61)
    assert (exchange.best(BID), exchange.book.order_of(buyer, 1).lots) == (None, 0)
    refuses("order_book: too few lots", trade, 1, 1, BID, GTC, 0, 65, 4, 64, [], sender=buyer)


def test_self_trade__refused(exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI) -> None:
    """Nobody meets an own order, not even behind somebody else's; in front of it trading is free."""
    exchange.place(neighbour, 1, ASK, 60, 10)
    exchange.place(prosumer, 1, ASK, 61, 10)
    take = exchange.book.take
    refuses("order_book: self-trade", take, 1, BID, 61, 11, 0, 64, [], sender=prosumer)
    refuses("order_book: self-trade", exchange.book.trade, 1, 2, BID, GTC, 0, 61, 30, 64, [], sender=prosumer)
    exchange.take(prosumer, BID, 61, 10)
    assert exchange.filled(neighbour, 1) == 10
    assert exchange.filled(prosumer, 1) == 0


def test_self_trade__naming_the_order_as_done__still_refused(exchange: Exchange, prosumer: AccountAPI) -> None:
    """What the take itself would fill is not done yet."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    for lots in (10, 4):
        refuses("order_book: self-trade", exchange.book.take, 1, BID, 60, lots, 0, 64, [1], sender=prosumer)
    refuses("order_book: self-trade", exchange.book.trade, 1, 2, BID, GTC, 0, 60, 30, 64, [1], sender=prosumer)


def test_self_trade__own_full_order_is_no_obstacle(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """It is claimed within the take, also if somebody else was faster."""
    for n in (1, 2):
        exchange.place(prosumer, n, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 20)
    exchange.place(neighbour, 1, ASK, 60, 10)
    refuses("order_book: self-trade", exchange.book.take, 1, BID, 60, 5, 0, 64, [], sender=prosumer)
    exchange.book.claim(prosumer, 2, sender=buyer)

    exchange.take(prosumer, BID, 60, 5, done=(1, 2))

    assert exchange.filled(neighbour, 1) == 5
    account = exchange.vault.account(1, prosumer)
    assert account.asks == 0
    assert account.base == ENERGY - 20 * LOT + 5 * LOT - fee(5 * LOT, TAKER_BPS)
    assert account.quote == COIN + 2 * (10 * price(60) - fee(10 * price(60), MAKER_BPS)) - 5 * price(60)


def test_refresh(exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI) -> None:
    """A false refusal is repaired by showing all orders that are open, and no others."""
    for n, tick in ((1, 60), (2, 70), (3, 80)):
        exchange.place(prosumer, n, ASK, tick, 10)
    exchange.place(prosumer, 4, BID, 10, 10)
    exchange.book.cancel(1, sender=prosumer)
    exchange.place(neighbour, 1, ASK, 65, 10)
    refuses("order_book: self-trade", exchange.book.take, 1, BID, 65, 5, 0, 64, [], sender=prosumer)

    refresh = exchange.book.refresh
    for reason, ns in {
        "order_book: not all orders": [3],
        "order_book: places not strictly ascending": [3, 3],
        "order_book: no such order": [1, 2],
        "order_book: order of another side or market": [2, 4],
    }.items():
        refuses(reason, refresh, 1, ASK, ns, sender=prosumer)
    refresh(1, ASK, [2, 3], sender=prosumer)

    assert exchange.vault.account(1, prosumer).best_ask == 70
    exchange.take(prosumer, BID, 65, 5)
    refuses("order_book: self-trade", exchange.book.take, 1, BID, 70, 6, 0, 64, [], sender=prosumer)
