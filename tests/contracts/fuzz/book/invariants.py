# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What holds after every operation, one named check each. They add up histories of orders and takes.

What somebody else shows (the contract, or a second model) comes in as an argument. Flat gas is measured elsewhere.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.terms import BPS, Asset, Level, Order, Side, gives, wants
from tests.contracts.fuzz.books import Refused


def assets_are_free_live_escrow_and_unclaimed(book: Book, held: Mapping[Asset, int]) -> None:
    """What the vault holds is what it owes, to the unit."""
    for asset in Asset:
        free = sum(amount for (_, of), amount in book.free.items() if of is asset) + book.fees[asset]
        escrow = sum(
            book.terms.worth(asset, order.left, order.level.tick)
            for order in book.orders
            if gives(order.level.side) is asset
        )
        unclaimed = sum(
            book.terms.worth(asset, order.unclaimed, order.level.tick)
            - book.terms.maker_fee(asset, order.unclaimed, order.level.tick)
            for order in book.orders
            if wants(order.level.side) is asset
        )
        assert held[asset] == free + escrow + unclaimed, f"{asset.name}: holds {held[asset]}"
    assert all(amount >= 0 for amount in book.free.values()), "somebody owes the vault"


def bit_is_set_exactly_where_a_level_lives(book: Book, bits: Collection[Level]) -> None:
    """The index of levels shows those of running sessions with lots, and no others."""
    living = {order.level for order in book.orders if order.left and not book.expired(order)}
    assert set(bits) == living, f"{set(bits) ^ living}"


def best_bid_is_below_best_ask(book: Book, bid: int | None, ask: int | None) -> None:
    """The book never stands crossed, and shows the true best prices."""
    for side, shown in ((Side.BID, bid), (Side.ASK, ask)):
        ticks = [o.level.tick for o in book.orders if o.level.side is side and o.left and not book.expired(o)]
        best = None if not ticks else max(ticks) if side is Side.BID else min(ticks)
        assert shown == best, f"best {side.name} is {shown} instead of {best}"
    assert bid is None or ask is None or bid < ask, "crossed"


def a_later_fill_means_that_earlier_orders_are_full(book: Book) -> None:
    """Time goes first within a level: nobody is filled past an order that stands."""
    for queue in by_level(book).values():
        standing = False
        for order in sorted(queue, key=lambda order: order.number):
            assert not (standing and order.filled), f"order {order.number} was filled before an earlier one"
            standing = standing or bool(order.left)


def fills_add_up_to_what_was_taken(book: Book) -> None:
    """Per level: the fills of its orders are the lots that takes took from it, and no order is filled beyond its size."""
    taken: dict[Level, int] = defaultdict(int)
    for take in book.takes:
        for fill in take.fills:
            taken[fill.order.level] += fill.lots
    for level, queue in by_level(book).items():
        assert sum(order.filled for order in queue) == taken[level]
        assert all(0 <= order.claimed <= order.filled <= order.size for order in queue)


def no_taker_is_worse_than_its_limit(book: Book) -> None:
    """Every lot of a take is at its limit or better, and the takes paid and got exactly the makers' prices."""
    for take in book.takes:
        ticks = [fill.order.level.tick for fill in take.fills]
        assert all(tick <= take.tick if take.side is Side.BID else tick >= take.tick for tick in ticks)
        assert take.lots <= take.wanted
        sums = {a: sum(book.terms.worth(a, f.lots, f.order.level.tick) for f in take.fills) for a in Asset}
        assert take.paid == sums[gives(take.side)]
        assert take.received == sums[wants(take.side)]
        at_levels = [book.terms.worth(wants(take.side), take.lots_of(level), level.tick) for level in take.levels]
        assert take.fees == sum(received * book.terms.taker_bps // BPS for received in at_levels)


def every_maker_gets_exactly_its_price(book: Book) -> None:
    """Paid-out lots were paid at the order's own price; what was locked came back but for what was filled."""
    for order in book.orders:
        tick, gave = order.level.tick, gives(order.level.side)
        assert sum(order.payments) == book.terms.worth(wants(order.level.side), order.claimed, tick)
        assert order.fees == book.terms.maker_fee(wants(order.level.side), order.claimed, tick)
        back = order.size - order.filled if order.closed else 0
        assert order.refunded == book.terms.worth(gave, back, tick)
        assert not order.closed or not order.unclaimed


def fees_are_what_both_sides_pay(book: Book) -> None:
    """Each lot of a trade is charged once to its taker and once to its maker: counted at the trade, whoever claims when."""
    for asset in Asset:
        taken = sum(take.fees for take in book.takes if wants(take.side) is asset)
        made = sum(
            book.terms.maker_fee(asset, order.filled, order.level.tick)
            for order in book.orders
            if wants(order.level.side) is asset
        )
        assert book.fees[asset] + book.collected[asset] == taken + made


def nobody_trades_with_oneself(book: Book) -> None:
    """No take filled an order of its own taker."""
    assert all(fill.order.owner != take.taker for take in book.takes for fill in take.fills)


def own_best_is_never_beaten(book: Book) -> None:
    """What an account knows of its orders: how many are open, and a price that none of them beats."""
    for (owner, side), known in book.own.items():
        ranks = [order.level.rank for order in book.open(owner, side)]
        assert known.count == len(ranks)
        assert not ranks or known.rank <= min(ranks)


def a_second_claim_pays_nothing(book: Book, owner: bytes, n: int) -> None:
    """Right after a claim another one moves nothing: it is refused."""
    before = book.free.copy()
    try:
        book.claim(owner, n)
    except Refused:
        assert book.free == before
    else:
        raise AssertionError("claimed twice")


def by_level(book: Book) -> dict[Level, list[Order]]:
    """All orders ever, by level."""
    found: dict[Level, list[Order]] = defaultdict(list)
    for order in book.orders:
        found[order.level].append(order)
    return found


def check_all(
    book: Book, *, held: Mapping[Asset, int], bits: Collection[Level], bid: int | None, ask: int | None
) -> None:
    """Every check at once."""
    assets_are_free_live_escrow_and_unclaimed(book, held)
    bit_is_set_exactly_where_a_level_lives(book, bits)
    best_bid_is_below_best_ask(book, bid, ask)
    a_later_fill_means_that_earlier_orders_are_full(book)
    fills_add_up_to_what_was_taken(book)
    no_taker_is_worse_than_its_limit(book)
    every_maker_gets_exactly_its_price(book)
    fees_are_what_both_sides_pay(book)
    nobody_trades_with_oneself(book)
    own_best_is_never_beaten(book)
