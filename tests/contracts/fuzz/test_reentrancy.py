# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whoever is called while somebody is paid calls back: money that pays out, receivers of energy, whatever they try.

Pool, router, round, earnings, index and treasury have tests of this kind beside their models. Here are the others. Each
attempt would go through outside, which is tried too: nothing but the lock, or what was written first, keeps it out.
"""

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.contracts import artifact
from tests.contracts.fuzz.book.chain import COLLECTOR, SWEEPER, TRADERS, Chain
from tests.contracts.fuzz.book.terms import Asset
from tests.contracts.fuzz.escrow_model import ARBITER, DAY, DISPUTE, GRACE, RUB
from tests.contracts.fuzz.marketplace_model import FEES
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, START, STRANGER, TREASURY, Contract

ANSWER_FALSE, CALL_BACK = 2, 5
EVER = 2**256 - 1
SELLER, BUYER = PEOPLE[:2]
amounts = st.integers(1, 10**6)


@dataclass(frozen=True)
class Scene:
    """Money that can misbehave, and the contract that it is put into."""

    money: Contract
    contract: Contract

    def tries(self, function: str, *args: Any) -> None:
        """From now on every transfer of the money calls back."""
        data = self.contract.artifact.functions[function].calldata(*args)
        self.money.must("behave", CALL_BACK, self.contract.address, data, sender=OWNER)

    def behaves(self) -> None:
        """As money should."""
        self.money.must("behave", 0, bytes(20), b"", sender=OWNER)

    def kept_out(self) -> bool:
        """Whether it tried and never came in."""
        return bool(self.money.view("tried")) and not self.money.view("went_through")


def money_for(contract: Contract, money: Contract, *owners: bytes) -> Scene:
    """Owners who are rich and trust the contract, the money itself among them."""
    for owner in (*owners, money.address):
        money.must("mint", owner, 10**9, sender=OWNER)
        money.must("approve", contract.address, EVER, sender=owner)
    return Scene(money, contract)


def escrow() -> tuple[Scene, list[bytes]]:
    """Three locks of one seller."""
    boa.env.timestamp = START
    guard = Contract(artifact("Guard"), sender=OWNER)
    money = Contract(artifact("FuzzMoney"), sender=OWNER)
    made = Contract(
        artifact("FiatEscrow"), money.address, guard.address, ARBITER, 1, GRACE, DISPUTE, sender=OWNER
    )  # fmt: skip
    scene = money_for(made, money, SELLER)
    guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
    for party in (SELLER, BUYER, money.address):
        guard.must("set_tier", party, 1, sender=GUARDIAN)
    locks = []
    for number, seller in enumerate((SELLER, SELLER, money.address)):
        reference = number.to_bytes(32, "big")
        args = (BUYER, 1_000 + number, RUB, 7, START + DAY, True, reference)
        locks.append(made.must("lock", *args, sender=seller).output[:32])
    return scene, locks


def test_escrow__money_calls_back_while_a_lock_is_paid__nothing_is_paid_twice() -> None:
    scene, (first, second, own) = escrow()
    boa.env.timestamp = START + DAY + GRACE + 1
    for attempt in (
        ("refund", first),
        ("refund", second),
        ("release", own),
        ("dispute", own, 0),
        ("collect", SELLER),
    ):
        with boa.env.anchor():
            scene.tries(*attempt)
            scene.contract.must("refund", first, sender=STRANGER)
            assert scene.kept_out(), attempt
            assert scene.money.view("balanceOf", SELLER) == 10**9 - 1_001
            assert scene.contract.view("escrowed") == scene.money.view("balanceOf", scene.contract.address)
            if attempt[0] in ("refund", "release", "dispute") and attempt[1] != first:
                scene.behaves()
                scene.contract.must(*attempt, sender=scene.money.address)


def test_escrow__money_that_says_no__locks_nothing() -> None:
    scene, _ = escrow()
    scene.money.must("behave", ANSWER_FALSE, bytes(20), b"", sender=OWNER)
    args = (BUYER, 500, RUB, 7, START + DAY, True, b"\7" * 32)
    assert scene.contract.call("lock", *args, sender=SELLER).reason == "fiat_escrow: token refuses"
    assert scene.contract.view("escrowed") == 1_000 + 1_001 + 1_002


def marketplace() -> tuple[Scene, Contract]:
    """An offer, an ended auction with a bid, and an ended offer; the things are honest."""
    boa.env.timestamp = START
    guard = Contract(artifact("Guard"), sender=OWNER)
    money = Contract(artifact("FuzzMoney"), sender=OWNER)
    things = Contract(artifact("OpenThings"), sender=OWNER)
    place = Contract(
        artifact("Marketplace"), money.address, guard.address, things.address, FEES, 100, sender=OWNER
    )  # fmt: skip
    place.must("set_collection", things.address, 1, True, sender=OWNER)
    scene = money_for(place, money, SELLER, BUYER)
    things.must("give", SELLER, 1, 1_000, sender=OWNER)
    things.must("setApprovalForAll", place.address, True, sender=SELLER)
    nobody = (bytes(20), 0, 0)
    place.must("offer", things.address, 1, 100, 10, 5_000, 0, *nobody, sender=SELLER)
    place.must("offer", things.address, 1, 100, 10, 5_000, START + 10, *nobody, sender=SELLER)
    place.must("open_auction", things.address, 1, 50, 1_000, 500, START + 900, sender=SELLER)
    place.must("bid", 1, 1_000, sender=BUYER)
    boa.env.timestamp = START + DAY
    return scene, things


MARKET_ATTEMPTS: tuple[tuple[Any, ...], ...] = (
    ("settle", 1),
    ("withdraw_offer", 2),
    ("take", 1, 1),
    ("collect", SELLER),
)


@pytest.mark.parametrize("attempt", MARKET_ATTEMPTS, ids=[str(name) for name, *_ in MARKET_ATTEMPTS])
def test_marketplace__money_calls_back_while_it_is_paid__finds_it_locked(attempt: tuple[Any, ...]) -> None:
    scene, _ = marketplace()
    scene.tries(*attempt)
    scene.contract.must("take", 1, 2, sender=BUYER)
    scene.contract.must("settle", 1, sender=STRANGER)
    assert scene.kept_out()
    assert scene.money.view("balanceOf", SELLER) == 10**9 + (10_000 - 100) + (1_000 - 10)
    assert scene.money.view("balanceOf", scene.contract.address) == 0
    scene.behaves()
    if attempt[0] in ("withdraw_offer", "take"):
        scene.contract.must(*attempt, sender=SELLER if attempt[0] == "withdraw_offer" else BUYER)


@pytest.mark.parametrize("attempt", MARKET_ATTEMPTS, ids=[str(name) for name, *_ in MARKET_ATTEMPTS])
def test_marketplace__buyer_calls_back_from_its_hook__finds_it_locked(attempt: tuple[Any, ...]) -> None:
    scene, things = marketplace()
    buyer = Contract(artifact("FuzzReceiver"), sender=OWNER)
    scene.money.must("mint", buyer.address, 10**6, sender=OWNER)
    scene.money.must("approve", scene.contract.address, EVER, sender=buyer.address)
    data = scene.contract.artifact.functions[attempt[0]].calldata(*attempt[1:])
    buyer.must("behave", CALL_BACK, scene.contract.address, data, sender=OWNER)
    scene.contract.must("take", 1, 3, sender=buyer.address)
    assert (buyer.view("tried"), buyer.view("went_through")) == (1, 0)
    assert things.view("balanceOf", buyer.address, 1) == 30
    assert things.view("balanceOf", scene.contract.address, 1) == scene.contract.view("held", things.address, 1)


def test_voting_lock__token_calls_back__gives_nothing_twice() -> None:
    token = Contract(artifact("FuzzCoin"), sender=OWNER)
    lock = Contract(artifact("VotingLock"), token.address, STRANGER, sender=OWNER)
    for owner in (SELLER, token.address):
        token.must("give", owner, 1_000, sender=OWNER)
        token.must("approve", lock.address, EVER, sender=owner)
        lock.must("lock", 400, sender=owner)
    boa.env.timestamp += 1
    for function in ("lock", "unlock"):
        data = lock.artifact.functions[function].calldata(100)
        token.must("behave", 3, lock.address, data, sender=OWNER)
        lock.must("unlock", 150, sender=SELLER)
        lock.must("lock", 150, sender=SELLER)
        assert token.view("went_through") == 0
        assert lock.view("total_locked") == token.view("balanceOf", lock.address) == 800
        token.must("behave", 0, bytes(20), b"", sender=OWNER)
        lock.must(function, 100, sender=token.address)
        lock.must("unlock" if function == "lock" else "lock", 100, sender=token.address)
    assert token.view("tried") == 4


def test_net_settlement__currency_calls_back__accounts_stay_covered() -> None:
    guard = Contract(artifact("Guard"), sender=OWNER)
    money = Contract(artifact("FuzzMoney"), sender=OWNER)
    net = Contract(artifact("NetSettlement"), guard.address, sender=OWNER)
    net.must("set_currency", money.address, True, sender=OWNER)
    scene = money_for(net, money, SELLER)
    for owner in (SELLER, money.address):
        net.must("deposit", money.address, 500, sender=owner)
    for attempt in (("withdraw", money.address, 100, STRANGER), ("deposit", money.address, 100)):
        scene.tries(*attempt)
        net.must("withdraw", money.address, 200, SELLER, sender=SELLER)
        net.must("deposit", money.address, 200, sender=SELLER)
        assert scene.kept_out()
        assert net.view("held", money.address) == money.view("balanceOf", net.address) == 1_000
        scene.behaves()
        net.must(*attempt, sender=money.address)
        net.must("deposit" if attempt[0] == "withdraw" else "withdraw", *attempt[1:3],
                 *(() if attempt[0] == "withdraw" else (STRANGER,)), sender=money.address)  # fmt: skip


PURSES = {Asset.BASE: 10**12, Asset.QUOTE: 10**14}
BOOK_ATTEMPTS = (
    ("withdraw", "vault"),
    ("move", "vault"),
    ("deposit", "vault"),
    ("place", "book"),
    ("take", "book"),
    ("cancel", "book"),
    ("claim", "book"),
    ("close", "book"),
)


@pytest.fixture(scope="module")
def chain() -> Any:
    """A market with an offer to take, and a contract that has an account, an order, and energy."""
    with boa.env.anchor():
        made = Chain(PURSES)
        receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
        for asset in Asset:
            made.bring(receiver.address, asset, 10**10)
        made.token.must("mint", receiver.address, 1, 10**9, sender=TREASURY)
        made.book.must("place", 1, 1, 1, 0, 0, 31_000, 7, sender=TRADERS[0])
        made.book.must("place", 1, 1, 0, 0, 0, 29_000, 7, sender=receiver.address)
        made.book.must("place", 1, 2, 0, 0, 0, 28_999, 7, sender=receiver.address)
        made.book.must("take", 1, 1, 29_000, 3, 0, 256, [], sender=TRADERS[1])
        yield made, receiver


@settings(twin_settings, max_examples=40)
@given(attempt=st.sampled_from(BOOK_ATTEMPTS), way=st.sampled_from(("withdraw", "close")), amount=amounts, mine=amounts)
def test_exchange__receiver_calls_back_while_it_is_paid__vault_owes_what_it_holds(
    chain: tuple[Chain, Contract], attempt: tuple[str, str], way: str, amount: int, mine: int
) -> None:
    """Trading inside the hook is allowed, for all is written by then; more tokens in or out are not."""
    market, receiver = chain
    name, where = attempt
    me = receiver.address
    args: dict[str, tuple[Any, ...]] = {
        "withdraw": (1, False, amount, STRANGER),
        "move": (1, False, 2, False, amount),
        "deposit": (1, False, amount, me),
        "place": (1, 9, 0, 0, 0, 28_000, 2 + amount % 50),
        "take": (1, 0, 31_000, 1 + amount % 9, 0, 256, []),
        "cancel": (1,),
        "claim": (me, 1),
        "close": (1, [1], [2], amount, 0),
    }
    target = market.vault if where == "vault" else market.book
    with boa.env.anchor():
        data = target.artifact.functions[name].calldata(*args[name])
        receiver.must("behave", CALL_BACK, target.address, data, sender=OWNER)
        if way == "withdraw":
            market.vault.must("withdraw", 1, False, mine, me, sender=me)
        else:
            market.book.must("close", 1, [], [], mine, 0, sender=me)
        assert receiver.view("tried") >= 1
        if where == "vault" or name == "close":
            assert receiver.view("went_through") == 0, attempt
        owes_what_it_holds(market, me)
        receiver.must("behave", 0, target.address, b"", sender=OWNER)
        target.call(name, *args[name], sender=me)
        owes_what_it_holds(market, me)


def owes_what_it_holds(market: Chain, receiver: bytes) -> None:
    """Accounts, escrow, unclaimed fills and fees of both markets: everybody leaves, and the vault is empty of both."""
    with boa.env.anchor():
        orders = {receiver: (1, 2, 9), TRADERS[0]: (1,)}
        for owner, numbers in orders.items():
            market.book.call("close", 1, [], list(numbers), 0, 0, sender=owner)
        held = market.held()
        for asset in Asset:
            owed = sum(
                view.account(owner)[asset] for view in (market, market.other) for owner in everybody(receiver)
            ) + sum(market.book.view("fees_of", number)[asset] for number in (1, 2))
            assert held[asset] == owed, (asset, held[asset] - owed)


def everybody(receiver: bytes) -> tuple[bytes, ...]:
    """All accounts."""
    return (*TRADERS, COLLECTOR, SWEEPER, receiver)
