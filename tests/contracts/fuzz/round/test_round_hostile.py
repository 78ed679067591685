# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds among hostile tokens and receivers: whoever is called finds the door shut, and what does not arrive is not counted."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.contracts import artifact
from tests.contracts.fuzz.profiles import twin_settings
from tests.contracts.fuzz.round.chain import MARKETS, TRADERS, Chain
from tests.contracts.fuzz.round.twin import ASK, BID, SLOT
from tests.contracts.fuzz.world import BENEFICIARY, OWNER, STRANGER, Contract

SELLER, BUYER, OTHER = TRADERS
MARKET, TERMS = 1, MARKETS[1]
HONEST, SILENT, FALSE, TAX, LIE, MONEY_CALLS_BACK = range(6)
REFUSES, LIES, EATS_GAS, CALLS_BACK = 1, 2, 3, 5
TICK = 100

# What anybody may do in a round that is over: each of these goes through when nothing is locked.
ATTEMPTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("close", (MARKET, OTHER, [1])),
    ("collect_fees", (MARKET, False)),
    ("collect_fees", (MARKET, True)),
)


@pytest.fixture(scope="module")
def deployed() -> Iterator[Chain]:
    """Deployed once."""
    with boa.env.anchor():
        yield Chain()


@pytest.fixture
def chain(deployed: Chain) -> Iterator[Chain]:
    """A round in which three traded 10 lots each way; one has closed, so that there are fees in both tokens."""
    with boa.env.anchor():
        slot = boa.env.timestamp // SLOT + 3
        place = deployed.round.must
        place("place", MARKET, slot, 1, ASK, TICK, 1_000, sender=SELLER)
        place("place", MARKET, slot, 1, BID, TICK, 600, sender=BUYER)
        place("place", MARKET, slot, 1, BID, TICK, 400, sender=OTHER)
        place("place", MARKET, slot, 2, ASK, TICK, 600, sender=BUYER)
        place("place", MARKET, slot, 2, BID, TICK, 600, sender=SELLER)
        boa.env.timestamp = TERMS.closing(slot)
        place("clear", MARKET, slot, *deployed.round.view("solve", MARKET, slot), sender=STRANGER)
        place("close", MARKET, BUYER, [1, 2], sender=STRANGER)
        assert all(deployed.round.view("fees_of", MARKET, quote) for quote in (False, True))
        yield deployed


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=["close", "energy fees", "money fees"])
def test_receiver__calls_from_its_hook__finds_it_locked(chain: Chain, attempt: tuple[str, tuple[Any, ...]]) -> None:
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    data = chain.round.artifact.functions[attempt[0]].calldata(*attempt[1])
    receiver.must("behave", CALLS_BACK, chain.round.address, data, sender=OWNER)

    chain.round.must("withdraw", MARKET, False, 1_000, receiver.address, sender=BUYER)
    chain.round.must("leave", MARKET, [], receiver.address, sender=BUYER)
    assert (receiver.view("tried"), receiver.view("went_through")) == (2, 0)

    receiver.must("onERC1155Received", STRANGER, STRANGER, 0, 0, b"", sender=STRANGER)
    assert receiver.view("went_through") == 1, "nothing but the lock kept it out"


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=["close", "energy fees", "money fees"])
def test_money__calls_while_it_moves__finds_it_locked(chain: Chain, attempt: tuple[str, tuple[Any, ...]]) -> None:
    money = chain.money[MARKET]
    data = chain.round.artifact.functions[attempt[0]].calldata(*attempt[1])
    money.must("behave", MONEY_CALLS_BACK, chain.round.address, data, sender=OWNER)
    slot = boa.env.timestamp // SLOT + 3

    chain.round.must("place", MARKET, slot, 9, BID, TICK, 5_000, sender=BUYER)
    chain.round.must("withdraw", MARKET, True, 0, BUYER, sender=BUYER)
    chain.round.must("leave", MARKET, [9], BUYER, sender=BUYER)
    assert (money.view("tried"), money.view("went_through")) == (3, 0)

    money.must("transfer", STRANGER, 0, sender=STRANGER)
    assert money.view("went_through") == 1, "nothing but the lock kept it out"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (FALSE, "round: transfer failed"),
        (TAX, "round: not the whole amount came"),
        (LIE, "round: not the whole amount came"),
    ],
)
def test_money__does_not_arrive__no_order(chain: Chain, behaviour: int, reason: str) -> None:
    chain.money[MARKET].must("behave", behaviour, bytes(20), b"", sender=OWNER)
    slot = boa.env.timestamp // SLOT + 3
    outcome = chain.round.call("place", MARKET, slot, 9, BID, TICK, 5_000, sender=OTHER)
    assert outcome.reason == reason
    assert chain.round.view("depth_of", MARKET, slot, 0) == (0, 0)


def test_money__says_that_it_does_not_pay__nothing_is_debited(chain: Chain) -> None:
    chain.money[MARKET].must("behave", FALSE, bytes(20), b"", sender=OWNER)
    free = chain.round.view("balance_of", MARKET, BUYER)
    for function, args in (
        ("withdraw", (MARKET, True, 1, BUYER)),
        ("leave", (MARKET, [], BUYER)),
        ("collect_fees", (MARKET, True)),
    ):
        assert chain.round.call(function, *args, sender=BUYER).reason == "round: transfer failed"
    assert chain.round.view("balance_of", MARKET, BUYER) == free


def test_money__answers_nothing__works(chain: Chain) -> None:
    chain.money[MARKET].must("behave", SILENT, bytes(20), b"", sender=OWNER)
    slot = boa.env.timestamp // SLOT + 3
    chain.round.must("place", MARKET, slot, 9, BID, TICK, 5_000, sender=OTHER)
    chain.round.must("leave", MARKET, [9, 1], OTHER, sender=OTHER)
    assert chain.round.must("collect_fees", MARKET, True, sender=STRANGER).number > 0


@pytest.mark.parametrize(("missing", "times"), [(1, 1), (0, 0), (0, 2)], ids=["less", "nothing", "twice"])
def test_energy__does_not_come_as_asked__no_order(chain: Chain, missing: int, times: int) -> None:
    """The receiver's hook hears how much came, and neither less nor more makes an order."""
    things = Contract(artifact("ShortThings"), sender=OWNER)
    words = (TERMS.lot_exp, TERMS.tick_exp, TERMS.base_price, 0, 1, TERMS.gate, TERMS.window, 0, False)
    base, quote = (things.address, 5, True), (chain.money[MARKET].address, 0, False)
    market = chain.round.must("open_market", base, quote, words, sender=OWNER).number
    slot = boa.env.timestamp // SLOT + 3
    things.must("behave", missing, times, sender=OWNER)
    outcome = chain.round.call("place", market, slot, 9, ASK, TICK, 10, sender=SELLER)
    assert outcome.reason == "round: not the whole amount came"
    things.must("behave", 0, 1, sender=OWNER)
    chain.round.must("place", market, slot, 9, ASK, TICK, 10, sender=SELLER)


@pytest.mark.parametrize("behaviour", [REFUSES, LIES, EATS_GAS])
def test_receiver__refuses__only_whoever_named_it_waits(chain: Chain, behaviour: int) -> None:
    """Nobody is paid through a hook that somebody else has to pass."""
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    receiver.must("behave", behaviour, bytes(20), b"", sender=OWNER)
    assert not chain.round.call("leave", MARKET, [], receiver.address, sender=BUYER, gas=500_000).ok
    chain.round.must("close", MARKET, OTHER, [1], sender=STRANGER)
    chain.round.must("close", MARKET, SELLER, [1, 2], sender=STRANGER)
    for trader in TRADERS:
        chain.round.must("leave", MARKET, [], trader, sender=trader)
    for quote in (False, True):
        chain.round.must("collect_fees", MARKET, quote, sender=STRANGER)
        assert chain.wallet(MARKET, chain.round.address, quote=quote) == 0
    assert chain.wallet(MARKET, BENEFICIARY, quote=True) > 0


@given(
    function=st.sampled_from(("place", "close", "leave", "withdraw", "clear", "collect_fees", "halt")),
    words=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    in_money=st.booleans(),
)
@twin_settings
def test_any_call_from_inside__changes_nothing(
    chain: Chain, function: str, words: list[int], *, in_money: bool
) -> None:
    """Whatever a token or a receiver tries while it is called, the state afterwards is that of the outer call alone."""
    spec = chain.round.artifact.functions[function]
    args = [[word] if kind.endswith("[]") else OTHER if kind == "address" else bool(word & 1) if kind == "bool" else word & 1 | word
            for kind, word in zip(spec.inputs, words, strict=False)]  # fmt: skip
    data = spec.calldata(*args)
    left: list[Any] = []
    for hostile in (False, True):
        with boa.env.anchor():
            receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
            caller: Contract = chain.money[MARKET] if in_money else receiver
            if hostile:
                kind = MONEY_CALLS_BACK if in_money else CALLS_BACK
                caller.must("behave", kind, chain.round.address, data, sender=OWNER)
            chain.round.must("leave", MARKET, [1, 2], receiver.address, sender=SELLER)
            if hostile:
                assert (caller.view("tried"), caller.view("went_through")) == (1, 0)
            left.append(
                [chain.round.view("balance_of", MARKET, trader) for trader in TRADERS]
                + [chain.round.view("fees_of", MARKET, quote) for quote in (False, True)]
                + [chain.round.view("order_of", trader, n) for trader in TRADERS for n in (1, 2)]
                + [chain.wallet(MARKET, chain.round.address, quote=quote) for quote in (False, True)]
            )
    assert left[0] == left[1]
