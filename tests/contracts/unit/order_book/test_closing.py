# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""OrderBook: how orders end, and that nothing is lost or made on the way."""

import ape
import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.exchange import (
    ASK,
    BID,
    COIN,
    DAY,
    ENERGY,
    GTC,
    LOT,
    MAKER_BPS,
    MIN_LOTS,
    QUARTER,
    Exchange,
    fee,
    price,
)
from tests.contracts.house import SLOT, E, refuses
from tests.contracts.nonces import address_after


@pytest.fixture
def queue(exchange: Exchange, prosumer: AccountAPI) -> Exchange:
    """Three orders of 10 lots in one queue."""
    for n in (1, 2, 3):
        exchange.place(prosumer, n, ASK, 60, 10)
    return exchange


def fills(exchange: Exchange, owner: AccountAPI, count: int) -> list[int]:
    """Filled lots of the owner's first orders."""
    return [exchange.filled(owner, n) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("cancelled", "after"), [(1, [0, 10, 5]), (2, [10, 0, 5]), (3, [10, 5, 0])], ids=["head", "middle", "tail"]
)
def test_cancel__others_keep_their_turn(
    queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI, cancelled: int, after: list[int]
) -> None:
    """Wherever the cancelled order stood, its escrow comes back and the others are filled in their order."""
    (log,) = queue.book.cancel(cancelled, sender=prosumer).decode_logs(queue.book.Claimed)
    assert (log.n, log.paid, log.back, log.closed) == (cancelled, 0, 10, True)
    assert queue.free(prosumer) == (ENERGY - 20 * LOT, COIN)
    assert queue.book.lots_at(1, ASK, GTC, 60) == 20

    queue.take(buyer, BID, 60, 15)
    assert fills(queue, prosumer, 3) == after
    queue.place(prosumer, 4, ASK, 60, 10)
    queue.take(buyer, BID, 60, 6)
    assert fills(queue, prosumer, 4)[3] == 1
    refuses("order_book: no such order", queue.book.cancel, cancelled, sender=prosumer)


def test_cancel__partly_filled__pays_both(queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """The fills and the rest, in one go; the next in the queue is not touched."""
    queue.take(buyer, BID, 60, 4)
    (log,) = queue.book.cancel(1, sender=prosumer).decode_logs(queue.book.Claimed)

    assert (log.paid, log.back, log.closed) == (4, 6, True)
    assert log.fee == fee(4 * price(60), MAKER_BPS)
    assert queue.free(prosumer) == (ENERGY - 24 * LOT, COIN + 4 * price(60) - log.fee)
    assert fills(queue, prosumer, 3) == [0, 0, 0]
    queue.take(buyer, BID, 60, 12)
    assert fills(queue, prosumer, 3) == [0, 10, 2]


def test_cancel__somebody_elses__reverts(queue: Exchange, buyer: AccountAPI) -> None:
    """A place belongs to its owner."""
    refuses("order_book: no such order", queue.book.cancel, 1, sender=buyer)


def test_cancel__last_of_the_level__takes_the_price_away(
    queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """An empty level starts again, and an order that was full in it stays full."""
    queue.place(prosumer, 4, ASK, 900, 10)
    queue.take(buyer, BID, 60, 12)
    for n in (3, 2):
        queue.book.cancel(n, sender=prosumer)
    assert queue.best(ASK) == 900
    assert queue.filled(prosumer, 1) == 10

    queue.place(prosumer, 5, ASK, 60, 10)
    assert queue.best(ASK) == 60
    assert (queue.filled(prosumer, 1), queue.filled(prosumer, 5)) == (10, 0)
    queue.book.claim(prosumer, 1, sender=buyer)
    refuses("order_book: nothing to claim", queue.book.claim, prosumer, 5, sender=buyer)


def test_cancel__in_a_long_queue(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """More orders than a node of the tree has children: cancelled before and after the tree grew, claimed in between."""
    count = 19
    for n in range(1, 17):
        exchange.place(prosumer, n, ASK, 60, 5 + n)
    for n in (3, 16, 6):
        exchange.book.cancel(n, sender=prosumer)
    exchange.place(prosumer, 16, ASK, 60, 21)
    for n in range(17, count + 1):
        exchange.place(prosumer, n, ASK, 60, 5 + n)
    for n in (4, 17, 15):
        exchange.book.cancel(n, sender=prosumer)
    left = [n for n in range(1, count + 1) if n not in (3, 6, 4, 17, 15)]
    assert exchange.book.lots_at(1, ASK, GTC, 60) == sum(5 + n for n in left)

    wanted = dict.fromkeys(range(1, count + 1), 0)
    for step in (30, 50, 70):
        exchange.take(buyer, BID, 60, step)
        for n in left:
            part = min(step, 5 + n - wanted[n])
            wanted[n] += part
            step -= part
        assert fills(exchange, prosumer, count) == list(wanted.values())
    for n in left:
        order = exchange.book.order_of(prosumer, n)
        assert (order.lots, order.filled) == (5 + n, wanted[n])


def test_claim__twice__pays_once(queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """After a part and after the rest; a full order is closed and its place free."""
    for lots in (3, 7):
        queue.take(buyer, BID, 60, lots)
        queue.book.claim(prosumer, 1, sender=buyer)
    paid = 10 * price(60) - fee(3 * price(60), MAKER_BPS) - fee(7 * price(60), MAKER_BPS)

    assert queue.free(prosumer) == (ENERGY - 30 * LOT, COIN + paid)
    assert queue.vault.account(1, prosumer).asks == 2
    refuses("order_book: no such order", queue.book.claim, prosumer, 1, sender=buyer)
    queue.place(prosumer, 1, ASK, 60, 10)
    queue.take(buyer, BID, 60, 25)
    assert fills(queue, prosumer, 3) == [5, 10, 10]


@pytest.mark.parametrize(("life", "length"), [(QUARTER, SLOT), (DAY, 86_400)], ids=["slot", "day"])
def test_expiry(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, life: int, length: int) -> None:
    """Until its session ends an order trades; from then on nobody reaches it and anybody brings its escrow home."""
    session = int(ape.chain.blocks.head.timestamp) // length + 1
    ape.chain.mine(timestamp=session * length)
    exchange.place(prosumer, 1, ASK, 60, 10, life=life, session=session)
    exchange.place(prosumer, 2, ASK, 60, 10, life=life)
    exchange.place(buyer, 1, BID, 40, 10, life=life)
    exchange.take(buyer, BID, 60, 4)
    ape.chain.mine(timestamp=(session + 1) * length)

    assert (exchange.best(ASK), exchange.best(BID)) == (None, None)
    assert exchange.book.lots_at(1, ASK, life, 60) == 0
    refuses("order_book: too little to trade with", exchange.book.take, 1, BID, 60, 5, 0, 9, [], sender=buyer)
    refuses(
        "order_book: session is not running",
        exchange.book.place, 1, 3, ASK, life, session, 60, 10, sender=prosumer,
    )  # fmt: skip
    exchange.place(prosumer, 3, ASK, 60, 10, life=life)
    assert exchange.best(ASK) == 60
    logs = [exchange.book.claim(o, n, sender=buyer) for o, n in ((prosumer, 1), (prosumer, 2), (buyer, 1))]
    seen = [(log.paid, log.back, log.closed) for made in logs for log in made.decode_logs(exchange.book.Claimed)]
    assert seen == [(4, 6, True), (0, 10, True), (0, 10, True)]
    assert exchange.free(prosumer) == (ENERGY - 14 * LOT, COIN + 4 * price(60) - fee(4 * price(60), MAKER_BPS))
    assert exchange.book.lots_at(1, ASK, life, 60) == 10
    exchange.take(buyer, BID, 60, 10)
    assert exchange.filled(prosumer, 3) == 10


def test_session_ends__others_stay(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Where a slot's order stood in front, the next best is what lives longer."""
    exchange.place(prosumer, 1, ASK, 60, 10, life=QUARTER)
    exchange.place(prosumer, 2, ASK, 61, 10)
    exchange.next_slot()
    (traded,) = exchange.take(buyer, BID, 99, 5).decode_logs(exchange.book.Traded)
    assert (traded.tick, traded.life) == (61, GTC)
    exchange.book.cancel(1, sender=prosumer)
    assert exchange.free(prosumer) == (ENERGY - 10 * LOT, COIN)


def test_conservation(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """After everything that can happen the vault holds what it owes, to the unit, and the fees are all that is left."""
    people = (prosumer, neighbour, buyer)

    def check() -> None:
        assert exchange.owed(people) == exchange.held()

    for n, (owner, side, tick, life) in enumerate(
        (
            (prosumer, ASK, 333, GTC), (neighbour, ASK, 333, GTC), (prosumer, ASK, 333, GTC),
            (neighbour, ASK, 400, QUARTER), (buyer, BID, 100, DAY), (buyer, BID, 101, QUARTER),
        )
    ):  # fmt: skip
        exchange.place(owner, n, side, tick, 7 + n, life=life)
        check()
    exchange.take(buyer, BID, 333, 3)
    exchange.book.cancel(1, sender=neighbour)
    exchange.take(prosumer, ASK, 101, 6)
    check()
    exchange.book.claim(buyer, 5, sender=stranger)
    exchange.next_slot()
    exchange.take(neighbour, ASK, 100, 11)
    exchange.take(buyer, BID, 1_000, 9)
    check()
    for owner, n in exchange.orders:
        if exchange.book.order_of(owner, n).lots:
            exchange.book.cancel(n, sender=owner)
    check()
    base, quote = exchange.book.fees_of(1)
    assert base > 0
    assert quote > 0

    for asset, amount in enumerate((base, quote)):
        receipt = exchange.book.collect_fees(1, bool(asset), sender=stranger)
        (collected,) = receipt.decode_logs(exchange.book.Collected)
        assert (collected.beneficiary, collected.quote, collected.amount) == (exchange.beneficiary, asset, amount)
        refuses("order_book: nothing to collect", exchange.book.collect_fees, 1, bool(asset), sender=stranger)

    assert exchange.energy.balanceOf(exchange.beneficiary, E) == base
    assert exchange.coin.balanceOf(exchange.beneficiary) == quote
    assert exchange.book.fees_of(1) == (0, 0)
    for owner in people:
        for asset, amount in enumerate(exchange.free(owner)):
            exchange.vault.withdraw(1, bool(asset), amount, owner, sender=owner)
    assert exchange.held() == (0, 0)


def test_halt(
    queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """A guardian stops one market, only the owner lets it go on; what is in the book comes out meanwhile."""
    book = queue.book
    queue.take(buyer, BID, 60, 13)
    refuses("order_book: access is denied", book.halt, 1, sender=buyer)
    refuses("order_book: no such market", book.halt, 2, sender=guardian)
    book.halt(1, sender=guardian)
    stopped(queue, prosumer, buyer)
    book.claim(prosumer, 1, sender=buyer)
    book.cancel(2, sender=prosumer)
    refuses("ownable: caller is not the owner", book.resume, 1, sender=guardian)
    book.resume(1, sender=owner)
    queue.take(buyer, BID, 60, 5)
    assert queue.filled(prosumer, 3) == 5


def test_pause(
    queue: Exchange, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """The Guard stops all markets, those opened meanwhile too, and letting go does not undo a halt."""
    book, other = queue.book, ((queue.coin, 0, False), (queue.energy, 4, True))
    refuses("order_book: access is denied", book.set_paused, True, sender=guardian)
    queue.guard.pause(book, sender=guardian)
    book.open_market(*other, 0, 0, 1, 0, 0, 1, sender=owner)
    stopped(queue, prosumer, buyer)
    book.cancel(2, sender=prosumer)
    assert book.market_of(2).paused
    book.halt(2, sender=guardian)
    queue.guard.unpause(book, sender=owner)
    assert (book.market_of(2).paused, book.market_of(2).halted) == (False, True)
    queue.take(buyer, BID, 60, 15)
    assert fills(queue, prosumer, 3) == [10, 0, 5]


def test_pause__before_the_first_market(
    exchange: Exchange, beneficiary: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """A book that was stopped while it had no market opens its first one stopped."""
    vault = owner.deploy(container("Vault"), address_after(owner, 1), exchange.guard)
    book = owner.deploy(container("OrderBook"), vault, exchange.guard, beneficiary)
    exchange.guard.pause(book, sender=guardian)
    book.open_market((exchange.coin, 0, False), (exchange.energy, 4, True), 0, 0, 1, 0, 0, 1, sender=owner)
    assert book.market_of(1).paused
    exchange.guard.unpause(book, sender=owner)
    assert not book.market_of(1).paused


def stopped(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Nothing is placed or taken."""
    refuses("order_book: halted", exchange.book.place, 1, 9, ASK, GTC, 0, 60, 10, sender=prosumer)
    refuses("order_book: halted", exchange.book.take, 1, BID, 60, 5, 0, 9, [], sender=buyer)
    refuses("order_book: halted", exchange.book.trade, 1, 9, BID, GTC, 0, 60, 5, 9, [], sender=buyer)


def test_open_market(exchange: Exchange, owner: AccountAPI, stranger: AccountAPI, buyer: AccountAPI) -> None:
    """The owner opens within bounds; what was opened reads back."""
    book, pair = exchange.book, ((exchange.coin, 0, False), (exchange.energy, 4, True))
    refuses("ownable: caller is not the owner", book.open_market, *pair, 0, 0, 1, 0, 0, 1, sender=stranger)
    for reason, terms in {
        "order_book: lot out of bounds": (19, 0, 1, 0, 0, 1),
        "order_book: tick out of bounds": (0, 19, 1, 0, 0, 1),
        "order_book: price of nothing": (0, 0, 0, 0, 0, 1),
        "order_book: fee out of bounds": (0, 0, 1, 101, 0, 1),
        "order_book: too few lots": (0, 0, 1, 0, 0, 0),
    }.items():
        refuses(reason, book.open_market, *pair, *terms, sender=owner)
    refuses("order_book: fee out of bounds", book.open_market, *pair, 0, 0, 1, 0, 101, 1, sender=owner)

    terms = (18, 18, 2**40 - 1, 100, 99, 2**32 - 1)
    (opened,) = book.open_market(*pair, *terms, sender=owner).decode_logs(book.MarketOpened)
    assert opened.market == book.market_count() == 2
    assert tuple(book.market_of(2)) == (*terms, False, False)
    assert book.market_of(1).min_lots == MIN_LOTS
    refuses("order_book: no such market", book.take, 3, BID, 60, 5, 0, 9, [], sender=buyer)


def test_set_beneficiary(exchange: Exchange, owner: AccountAPI, stranger: AccountAPI, buyer: AccountAPI) -> None:
    """The owner says where the fees go."""
    refuses("ownable: caller is not the owner", exchange.book.set_beneficiary, stranger, sender=stranger)
    refuses("order_book: beneficiary is the zero address", exchange.book.set_beneficiary, "0x" + "0" * 40, sender=owner)
    exchange.book.set_beneficiary(buyer, sender=owner)
    assert exchange.book.beneficiary() == buyer
