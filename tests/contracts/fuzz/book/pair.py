# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contract and the reference book side by side: every operation is done in both, and both are compared."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import boa

from tests.contracts.fuzz.book.book import Book
from tests.contracts.fuzz.book.chain import COLLECTOR, SWEEPER, SWEEPERS, TRADERS, Chain
from tests.contracts.fuzz.book.invariants import check_all
from tests.contracts.fuzz.book.terms import Asset, Level, Order, Side
from tests.contracts.fuzz.books import Refused
from tests.contracts.fuzz.world import START, STRANGER, Contract

# operation → the arguments of the contract's function, in its order; the market's number goes first
WORDS = {
    "place": ("n", "side", "life", "session", "tick", "lots"),
    "take": ("side", "tick", "lots", "least", "levels", "done"),
    "trade": ("n", "side", "life", "session", "tick", "lots", "levels", "done"),
    "refresh": ("side", "ns"),
}
PLACES = {"n", "ns", "done", "claims", "cancels"}  # arguments that name places of orders
NAMES = {"collect": "collect_fees"}  # operation → function, where they differ
ALL = (*TRADERS, COLLECTOR, SWEEPER)


class Pair:
    """A market on chain and the book that it should be."""

    def __init__(self, tally: Counter[tuple[str, str]], chain: Chain, purses: Mapping[Asset, int]) -> None:
        self.tally = tally
        self.chain = chain
        self.book = Book(chain.terms, now=START, beneficiary=COLLECTOR)
        boa.env.timestamp = START
        for asset in Asset:
            for owner in TRADERS:
                self.book.deposit(owner, asset, purses[asset])
            self.book.deposit(SWEEPER, asset, SWEEPERS)
        self.owners: set[bytes] = set()  # what the operations touched since the last comparison
        self.levels: set[Level] = set()
        self.orders: list[Order] = []

    def bring(self, owner: bytes, asset: Asset, amount: int) -> None:
        """Deposit."""
        self.chain.bring(owner, asset, amount)
        self.book.deposit(owner, asset, amount)

    def pass_time(self, seconds: int) -> None:
        """Move both clocks."""
        self.book.now += seconds
        boa.env.timestamp = self.book.now

    def perform(self, operation: str, **arguments: Any) -> bool:
        """Do it in the reference book and on chain: both answer the same, or refuse for the same reason."""
        answer: Any = None
        expected = "ok"
        try:
            answer = getattr(self, f"_{operation}")(**arguments)
        except Refused as refusal:
            expected = refusal.reason
        contract, args, sender = self._call(operation, arguments)
        outcome = contract.call(NAMES.get(operation, operation), *args, sender=sender)
        self.tally[operation, expected] += 1
        actual = "ok" if outcome.ok else outcome.reason
        assert actual == expected, f"{operation} {arguments}: {actual!r} instead of {expected!r}"
        if outcome.ok and answer is not None:
            words = tuple(int.from_bytes(outcome.output[i : i + 32], "big") for i in range(0, len(outcome.output), 32))
            assert words == answer, f"{operation} {arguments} answers {words} instead of {answer}"
        if outcome.ok:
            self.owners.add(arguments.get("owner", COLLECTOR))
        return outcome.ok

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> tuple[Contract, tuple[Any, ...], bytes]:
        owner, market, book = arguments.get("owner", STRANGER), self.chain.market, self.chain.book
        given = {name: self._on_chain(name, value) for name, value in arguments.items()}
        quote = arguments.get("asset") is Asset.QUOTE
        match operation:
            case "withdraw":
                return self.chain.vault, (market, quote, arguments["amount"], owner), owner
            case "collect":
                return book, (market, quote), STRANGER
            case "cancel":
                return book, (given["n"],), owner
            case "claim":
                return book, (owner, given["n"]), STRANGER
            case "claim_many":
                return book, (given["owners"], given["ns"]), STRANGER
            case "cancel_frozen":
                return book, (owner, given["ns"]), STRANGER
            case "close":
                most = [arguments["most"][asset] for asset in Asset]
                return book, (market, given["claims"], given["cancels"], *most), owner
        return book, (market, *(given[word] for word in WORDS[operation])), owner

    def _on_chain(self, name: str, value: Any) -> Any:
        """An argument as the contract wants it: places are shifted."""
        if name not in PLACES:
            return value
        return [self.chain.place(n) for n in value] if isinstance(value, list) else self.chain.place(value)

    # the reference book's half, with the contract's answer

    def _place(self, **arguments: Any) -> None:
        self._touch(self.book.place(**arguments))

    def _take(self, owner: bytes, done: list[int], **arguments: Any) -> tuple[int, int]:
        take = self.book.take(owner, done=done, **arguments)
        self._touch(*(self.book.places[owner, n] for n in done), *(fill.order for fill in take.fills))
        return take.lots, take.paid if take.side is Side.BID else take.received

    def _trade(self, owner: bytes, done: list[int], **arguments: Any) -> tuple[int, int, int]:
        claimed = [self.book.places[owner, n] for n in done if (owner, n) in self.book.places]
        take, order = self.book.trade(owner, done=done, **arguments)
        self._touch(*claimed, *(fill.order for fill in take.fills), *([order] if order else []))
        return take.lots, take.paid if take.side is Side.BID else take.received, order.size if order else 0

    def _cancel(self, owner: bytes, n: int) -> tuple[int, int]:
        self._touch(self.book.standing(owner, n))
        return self.book.cancel(owner, n)

    def _claim(self, owner: bytes, n: int) -> tuple[int, int]:
        self._touch(self.book.standing(owner, n))
        return self.book.claim(owner, n)

    def _claim_many(self, owners: list[bytes], ns: list[int]) -> tuple[int]:
        self._touch_places(*zip(owners, ns, strict=True))
        self.owners.update(owners)
        return (self.book.claim_many(owners, ns),)

    def _cancel_frozen(self, owner: bytes, ns: list[int]) -> tuple[int]:
        self._touch_places(*((owner, n) for n in ns))
        return (self.book.cancel_frozen(owner, ns),)

    def _close(self, owner: bytes, claims: list[int], cancels: list[int], most: dict[Asset, int]) -> tuple[int, ...]:
        self._touch_places(*((owner, n) for n in (*claims, *cancels)))
        return tuple(self.book.close(owner, claims, cancels, most))

    def _touch_places(self, *places: tuple[bytes, int]) -> None:
        self._touch(*(self.book.places[place] for place in places if place in self.book.places))

    def _refresh(self, **arguments: Any) -> None:
        self.book.refresh(**arguments)

    def _collect(self, asset: Asset) -> tuple[int]:
        return (self.book.collect(asset),)

    def _withdraw(self, **arguments: Any) -> None:
        self.book.withdraw(**arguments)

    def _touch(self, *orders: Order) -> None:
        self.orders += orders
        self.levels |= {order.level for order in orders}

    # comparison

    def compare(self) -> None:
        """What was touched, both best prices, and every invariant with what is shown of that."""
        for owner in self.owners:
            self.compare_account(owner)
        for order in set(self.orders):
            self.compare_order(order)
        for level in self.levels:
            if self.book.runs(level):
                assert self.chain.lots_at(level) == self.book.depth(level)
        bid, ask = (self.chain.best(side) for side in Side)
        check_all(self.book, held=self.book.brought, bits=set(self._standing()), bid=bid, ask=ask)
        self.owners, self.levels, self.orders = set(), set(), []

    def compare_all(self) -> None:
        """The tokens in the vault, every account and order, and every level that a taker can reach."""
        self.owners.update(ALL)
        self.orders += self.book.places.values()
        self.compare()
        standing, bits = self._standing(), self.chain.living()
        assert bits == standing
        assert self.chain.book.view("fees_of", self.chain.market) == (
            self.book.fees[Asset.BASE],
            self.book.fees[Asset.QUOTE],
        )
        bid, ask = (self.chain.best(side) for side in Side)
        check_all(self.book, held=self.book.brought, bits=bits, bid=bid, ask=ask)

    def _standing(self) -> dict[Level, int]:
        return {level: self.book.depth(level) for side in Side for level in self.book.levels(side)}

    def compare_account(self, owner: bytes) -> None:
        """An account: what is free, how many orders are open, and the price that none of them beats."""
        base, quote, bids, best_bid, asks, best_ask, frozen = self.chain.account(owner)
        assert (base, quote) == (self.book.free[owner, Asset.BASE], self.book.free[owner, Asset.QUOTE])
        for side, count, key in ((Side.BID, bids, best_bid), (Side.ASK, asks, best_ask)):
            known = self.book.own[owner, side]
            assert count == known.count
            assert not count or key == known.rank
        assert frozen == (owner in self.book.frozen)

    def compare_order(self, order: Order) -> None:
        """An order that stands is shown with what is left to pay or to give back; a closed one is not."""
        if self.book.places[order.owner, order.n] is not order:
            return
        market, side, life, session, tick, left, filled, expired = self.chain.order(order)
        assert left == (0 if order.closed else order.size - order.claimed)
        if not order.closed:
            level = order.level
            assert (market, side, life, tick) == (self.chain.market, level.side, level.life, level.tick)
            assert (session, filled, expired) == (level.session, order.unclaimed, self.book.expired(order))
