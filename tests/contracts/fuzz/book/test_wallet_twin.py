# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An order is the same order whether it is paid from an account, from a wallet, or by the transfer that carries it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.fuzz.book.chain import IDS, MARKET, TRADERS, Chain
from tests.contracts.fuzz.book.terms import Asset, Life, Side, gives, wants
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.world import START, TREASURY, Outcome, account

WALKER = account("who trades from a wallet")
MIDDLE = 30_000
RICH = {Asset.BASE: 10**20, Asset.QUOTE: 10**20}
ENOUGH = 10**15  # more than any of the orders gives
MAX = 2**256 - 1
LIMIT, TAKE, POST = 0, 1, 2
N = 77
NO_PERMIT = (0, 0, 0, bytes(32), bytes(32))
_WORDS = "(uint16,uint8,uint96,uint8,uint32,uint16,uint32,uint32,uint16,bool)"

lives = st.sampled_from(Life)
resting = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(Side), st.integers(0, 2), st.integers(2, 9), lives), max_size=9
)


@dataclass(frozen=True)
class Wish:
    """What the walker orders."""

    kind: int
    side: Side
    life: Life
    tick: int
    lots: int
    least: int
    levels: int

    def words(self, *, to_wallet: bool = True) -> tuple[Any, ...]:
        """As the contracts take it."""
        order = (MARKET, self.kind, N, self.life, 0, self.tick, self.lots, self.least, self.levels)
        return (*order, to_wallet)


wishes = st.builds(
    Wish,
    st.sampled_from((LIMIT, TAKE, POST)),
    st.sampled_from(Side),
    lives,
    st.integers(MIDDLE - 3, MIDDLE + 3),
    st.integers(0, 40),
    st.sampled_from((0, 0, 1, 12)),
    st.sampled_from((1, 2, 256)),
)


@dataclass(frozen=True)
class Seen:
    """What an order did: in the book, and to all that the walker has, in the account and in the wallet together."""

    words: bytes
    has: tuple[int, ...]
    fees: tuple[int, ...]
    account: tuple[Any, ...]
    order: tuple[Any, ...]
    depth: tuple[Sequence[int], ...]


class Desk:
    """A market and a walker who has the same in the account and in the wallet."""

    def __init__(self) -> None:
        self.chain = Chain(RICH)
        for asset in Asset:
            self.chain.bring(WALKER, asset, ENOUGH)
            self.chain.token.must("mint", WALKER, IDS[asset], ENOUGH, sender=TREASURY)

    def wallet(self, asset: Asset) -> int:
        """What the walker's wallet holds."""
        return int(self.chain.token.view("balanceOf", WALKER, IDS[asset]))

    def seen(self, words: bytes) -> Seen:
        """Everything that an order may have changed."""
        book = self.chain.book
        free = self.chain.account(WALKER)
        return Seen(
            words,
            tuple(free[asset] + self.wallet(asset) for asset in Asset),
            book.view("fees_of", MARKET),
            free[2:],
            book.view("order_of", WALKER, N),
            tuple(tuple(book.view("depth", MARKET, side, 64, 10**6)) for side in Side),
        )

    def from_account(self, wish: Wish) -> Outcome:
        """The ordinary way."""
        limit = wish.life, 0, wish.tick, wish.lots
        if wish.kind == TAKE:
            args: tuple[Any, ...] = (MARKET, wish.side, wish.tick, wish.lots, wish.least, wish.levels, [])
            return self.chain.book.call("take", *args, sender=WALKER)
        if wish.kind == POST:
            return self.chain.book.call("place", MARKET, N, wish.side, *limit, sender=WALKER)
        return self.chain.book.call("trade", MARKET, N, wish.side, *limit, wish.levels, [], sender=WALKER)

    def from_wallet(self, wish: Wish) -> Outcome:
        """Paid by the wallet, paid into the wallet."""
        return self.chain.book.call("order_from_wallet", wish.side, wish.words(), [], NO_PERMIT, sender=WALKER)

    def by_transfer(self, wish: Wish, *, to_wallet: bool) -> Outcome:
        """The energy carries the order."""
        data = encode((_WORDS,), (wish.words(to_wallet=to_wallet),))
        args = WALKER, self.chain.vault.address, IDS[gives(wish.side)], ENOUGH, data
        return self.chain.token.call("safeTransferFrom", *args, sender=WALKER)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """Deployed once."""
    with boa.env.anchor():
        yield Desk()


@twin_settings
@given(book=resting, wish=wishes, to_wallet=st.booleans())
def test_order__three_ways__is_one_order(desk: Desk, book: list[Any], wish: Wish, *, to_wallet: bool) -> None:
    """The same fills, fees, order and answers, the same refusals, and to the unit the same in the walker's hands."""
    with boa.env.anchor():
        boa.env.timestamp = START
        for n, (who, side, away, lots, life) in enumerate(book):
            owner = (*TRADERS, WALKER)[who]
            tick = MIDDLE + away if side is Side.ASK else MIDDLE - 1 - away
            desk.chain.book.must("place", MARKET, n, side, life, 0, tick, lots, sender=owner)
        held, free = desk.chain.held(), desk.chain.account(WALKER)[:2]
        with boa.env.anchor():
            usual = desk.from_account(wish)
            expected = desk.seen(usual.output)
        with boa.env.anchor():
            outcome = desk.from_wallet(wish)
            assert (outcome.ok, outcome.reason) == (usual.ok, usual.reason)
            if usual.ok:
                taken, cost, rest = (int.from_bytes(outcome.output[i : i + 32], "big") for i in (0, 32, 64))
                answers = {LIMIT: (taken, cost, rest), TAKE: (taken, cost), POST: ()}[wish.kind]
                assert desk.seen(b"".join(word.to_bytes(32, "big") for word in answers)) == expected
                assert rest == desk.chain.book.view("order_of", WALKER, N)[5]
                assert desk.chain.account(WALKER)[:2] == free, "the account pays nothing and gets nothing"
            for asset in Asset:
                assert desk.chain.held()[asset] - held[asset] == ENOUGH - desk.wallet(asset)
        with boa.env.anchor():
            outcome = desk.by_transfer(wish, to_wallet=to_wallet)
            assert (outcome.ok, outcome.reason) == (usual.ok, usual.reason)
            if usual.ok:
                assert desk.seen(usual.output) == expected
                assert desk.wallet(gives(wish.side)) == 0, "what was not needed stays in the account"
                if not to_wallet:
                    assert desk.wallet(wants(wish.side)) == ENOUGH


@twin_settings
@given(book=resting, share=st.sampled_from((0, 40, 100)), late=st.booleans())
def test_close__everything__brings_home_what_one_by_one_would(
    desk: Desk, book: list[Any], share: int, *, late: bool
) -> None:
    """Cancels, claims and withdrawals in one call are worth the calls that it stands for, whoever claimed before."""
    with boa.env.anchor():
        boa.env.timestamp = START
        places = range(len(book))
        for n, (_, side, away, lots, life) in enumerate(book):
            tick = MIDDLE + away if side is Side.ASK else MIDDLE - 1 - away
            desk.chain.book.must("place", MARKET, n, side, life, 0, tick, lots, sender=WALKER)
        for side in Side:
            standing = sum(lots for _, of, _, lots, _ in book if of is side) * share // 100
            worst = MIDDLE + 9 if side is Side.ASK else MIDDLE - 9
            if standing:
                taking: tuple[Any, ...] = (MARKET, side.other, worst, standing, 0, 256, [])
                desk.chain.book.must("take", *taking, sender=TRADERS[0])
        boa.env.timestamp += 900 * late
        with boa.env.anchor():
            for n in places:
                desk.chain.book.must("cancel", n, sender=WALKER)
            base, quote, *_ = desk.chain.account(WALKER)
            for asset, amount in ((Asset.BASE, base), (Asset.QUOTE, quote)):
                desk.chain.vault.must("withdraw", MARKET, asset is Asset.QUOTE, amount, WALKER, sender=WALKER)
            expected = [desk.wallet(asset) for asset in Asset]
        # A keeper claims what it can; what has nothing to pay is passed over.
        keeper = desk.chain.book.call("claim_many", [WALKER] * len(book), list(places), sender=TRADERS[1])
        assert keeper.ok or keeper.reason == "order_book: nothing to claim"
        outcome = desk.chain.book.must("close", MARKET, list(places), list(places), MAX, MAX, sender=WALKER)
        assert outcome.output == b"".join(amount.to_bytes(32, "big") for amount in (base, quote))
        assert [desk.wallet(asset) for asset in Asset] == expected
        assert desk.chain.account(WALKER)[:2] == (0, 0)
        assert (desk.chain.account(WALKER)[2], desk.chain.account(WALKER)[4]) == (0, 0)
