# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NetSettlement with tokens that misbehave, and what a leg costs."""

import boa
import pytest
from eth_hash.auto import keccak

from bench.contracts import artifact
from tests.contracts.attested import WINDOW, Signing, position, positions_hash
from tests.contracts.fuzz.world import (
    OWNER,
    PEOPLE,
    RELAYER,
    Contract,
    Outcome,
    flat,
    remembered_recovery,
    sign,
    signers,
)

OPERATORS = signers()[:3]
GIVEN = 1 << 80
NO, FEE, CALL_BACK = 1, 2, 3


class Clearing:
    """A hostile coin and a good one, everybody rich and agreed to everything."""

    def __init__(self) -> None:
        guard = Contract(artifact("Guard"), sender=OWNER)
        self.net = Contract(artifact("NetSettlement"), guard.address, sender=OWNER)
        self.net.must("set_operators", [node.address for node in OPERATORS], 2, 0, sender=OWNER)
        self.coins = [Contract(artifact("FuzzCoin"), sender=OWNER) for _ in range(2)]
        for coin in self.coins:
            self.net.must("set_currency", coin.address, True, sender=OWNER)
            for party in PEOPLE:
                self.join(coin, party)

    def join(self, coin: Contract, party: bytes) -> None:
        """A party with money that agreed."""
        coin.must("give", party, GIVEN, sender=OWNER)
        coin.must("approve", self.net.address, GIVEN, sender=party)
        self.net.must("set_mandate", coin.address, GIVEN, sender=party)

    def settle(self, lines: list[tuple[int, bytes, int]], window: bytes = b"window") -> Outcome:
        """Sign and bring a window."""
        currencies = [coin.address for coin in self.coins]
        packed = sorted(position(*line) for line in lines)
        signing = Signing("GreenCore NetSettlement", boa.env.evm.patch.chain_id, self.net.address)
        deadline = int(boa.env.timestamp)
        digest = signing.digest(WINDOW, keccak(window), keccak(b"owed"), positions_hash(currencies, packed), deadline)
        pairs = flat([sign(digest, node) for node in OPERATORS[:2]])
        nodes = [node.address for node in OPERATORS]
        args = keccak(window), keccak(b"owed"), currencies, packed, deadline, nodes, pairs
        with remembered_recovery(active=True):
            return self.net.call("settle", *args, sender=RELAYER)


@pytest.fixture
def clearing() -> Clearing:
    """On the test's own chain."""
    return Clearing()


@pytest.mark.parametrize(
    ("way", "reason"), [(NO, "net_settlement: token refuses"), (FEE, "net_settlement: accounts are not covered")]
)
def test_settle__token_that_does_not_deliver__nothing_happens(clearing: Clearing, way: int, reason: str) -> None:
    """A token that answers no or keeps a fee fails the window, with everything that the good token did before it."""
    net, (good, bad) = clearing.net, clearing.coins
    bad.must("behave", way, OWNER, b"", sender=OWNER)
    lines = [(coin, party, net) for coin in (0, 1) for party, net in ((PEOPLE[0], -50), (PEOPLE[1], 50))]
    outcome = clearing.settle(lines)
    assert (outcome.ok, outcome.reason) == (False, reason)
    deposit = net.call("deposit", bad.address, 7, sender=PEOPLE[0])
    assert (deposit.ok, deposit.reason) == (False, reason)
    assert good.view("balanceOf", PEOPLE[0]) == GIVEN
    assert net.view("account_of", good.address, PEOPLE[1]) == (0, GIVEN)
    assert net.view("held", good.address) == 0
    bad.must("behave", 0, OWNER, b"", sender=OWNER)
    assert clearing.settle(lines).ok


@pytest.mark.parametrize("function", ["settle", "withdraw", "deposit", "set_mandate", "account_of"])
def test_settle__token_that_calls_back__finds_the_door_shut(clearing: Clearing, function: str) -> None:
    """Between the legs of a window nobody sees or moves a half-settled account, not the token itself as a party either."""
    net, (_, bad) = clearing.net, clearing.coins
    clearing.join(bad, bad.address)
    net.must("deposit", bad.address, 100, sender=bad.address)
    functions = artifact("NetSettlement").functions
    data = {
        "settle": lambda: functions["settle"].calldata(keccak(b"other"), keccak(b"owed"), [], [0], 0, [], []),
        "withdraw": lambda: functions["withdraw"].calldata(bad.address, 100, PEOPLE[2]),
        "deposit": lambda: functions["deposit"].calldata(bad.address, 1),
        "set_mandate": lambda: functions["set_mandate"].calldata(bad.address, 1),
        "account_of": lambda: functions["account_of"].calldata(bad.address, PEOPLE[1]),
    }[function]()
    bad.must("behave", CALL_BACK, net.address, data, sender=OWNER)
    assert clearing.settle([(1, PEOPLE[0], -50), (1, PEOPLE[1], 50)]).ok
    assert (bad.view("tried"), bad.view("went_through")) == (1, 0)
    assert net.view("held", bad.address) == bad.view("balanceOf", net.address) == 150


def test_settle__most_positions__fit_half_a_block(clearing: Clearing) -> None:
    """As many parties as a window takes, all but one credited for the first time: the dearest window there is."""
    (coin, _), net = clearing.coins, clearing.net
    parties = [keccak(f"party {i}".encode())[12:] for i in range(511)]
    outcome = clearing.settle([(0, PEOPLE[0], -511), *((0, party, 1) for party in parties)])
    assert outcome.ok, outcome.reason
    assert net.view("held", coin.address) == 511
    assert all(net.view("account_of", coin.address, party) == (1, 0) for party in parties[::50])
    assert 511 * 22_100 < outcome.gas < 15_000_000
    more = [(0, PEOPLE[0], -512), *((0, party, 1) for party in parties), (0, PEOPLE[1], 1)]
    assert not clearing.settle(more, b"one more").ok


def test_settle__largest_amounts__are_exact(clearing: Clearing) -> None:
    """92 bits of two's complement, at both ends."""
    net, (coin, _) = clearing.net, clearing.coins
    most = (1 << 91) - 1
    for party in PEOPLE[:2]:
        coin.must("give", party, 1 << 92, sender=OWNER)
        coin.must("approve", net.address, 1 << 93, sender=party)
        net.must("set_mandate", coin.address, (1 << 128) - 1, sender=party)
    assert clearing.settle([(0, PEOPLE[0], -most), (0, PEOPLE[1], most)]).ok
    assert clearing.settle([(0, PEOPLE[0], most), (0, PEOPLE[1], -most)], b"back").ok
    assert net.view("account_of", coin.address, PEOPLE[0])[0] == most
    assert net.view("account_of", coin.address, PEOPLE[1])[0] == 0
    lines = [(0, PEOPLE[0], -(1 << 91)), (0, PEOPLE[1], most), (0, PEOPLE[2], 1)]
    assert clearing.settle(lines, b"least").ok
    assert net.view("held", coin.address) == coin.view("balanceOf", net.address) == (1 << 91)
