# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""OrderBook.depth: what a taker would walk, read without walking."""

import ape
from ape.api import AccountAPI

from tests.contracts.exchange import ASK, BID, DAY, GTC, QUARTER, Exchange
from tests.contracts.house import refuses


def rows(exchange: Exchange, side: int, *, levels: int = 64, lots: int = 2**56) -> list[tuple[int, int, int]]:
    """Tick, life and lots of each level."""
    words = exchange.book.depth(exchange.market, side, levels, lots)
    return [(word >> 56 & 65_535, word >> 72, word & 2**56 - 1) for word in words]


def test_depth__over_words_of_the_bitmap__is_the_takers_way(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """By price, then by life; several orders at a tick are one level; both ends of the band and the ends of words."""
    # At the beginning of a day, so that the next slot is one of the same day.
    ape.chain.mine(timestamp=(int(ape.chain.blocks.head.timestamp) // 86_400 + 1) * 86_400)
    for n, (tick, lots, life) in enumerate(
        ((511, 7, GTC), (300, 5, QUARTER), (300, 6, GTC), (300, 8, DAY), (300, 9, GTC), (65_535, 5, GTC), (512, 5, GTC))
    ):
        exchange.place(prosumer, n, ASK, tick, lots, life=life)
    for n, tick in enumerate((0, 255, 256, 299)):
        exchange.place(neighbour, n, BID, tick, 5 + n)

    asks = [(300, GTC, 15), (300, DAY, 8), (300, QUARTER, 5), (511, GTC, 7), (512, GTC, 5), (65_535, GTC, 5)]
    assert rows(exchange, ASK) == asks
    assert rows(exchange, BID) == [(299, GTC, 8), (256, GTC, 7), (255, GTC, 6), (0, GTC, 5)]
    assert rows(exchange, ASK, levels=2) == asks[:2]
    assert rows(exchange, ASK, lots=15) == asks[:1]
    assert rows(exchange, ASK, lots=16) == asks[:2]
    assert rows(exchange, ASK, lots=0) == rows(exchange, ASK, levels=0) == []

    exchange.take(buyer, BID, 300, 20)
    exchange.next_slot()
    assert rows(exchange, ASK) == [(300, DAY, 3), *asks[3:]], "what a session's end took away is not shown"
    refuses("order_book: no such side", exchange.book.depth, exchange.market, 2, 1, 1, sender=buyer)
    refuses("order_book: no such market", exchange.book.depth, 9, ASK, 1, 1, sender=buyer)
