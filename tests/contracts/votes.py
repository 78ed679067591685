# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The Governor with its lock, its token and a contract that it owns. For the Ape lane."""

from collections.abc import Sequence
from dataclasses import dataclass

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import Contracts
from tests.contracts.nonces import address_after

DAY = 86_400
AGAINST, FOR, ABSTAIN = 0, 1, 2
RULES = (100, 200, 2_000, DAY, 3 * DAY)  # threshold, floor, 20 % of 2,000 = 400, delay, period
WAIT = 2 * DAY


@dataclass(frozen=True)
class Vote:
    """The Governor with its lock and its token."""

    governor: ContractInstance
    lock: ContractInstance
    coin: ContractInstance
    homes: ContractInstance

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        ape.chain.mine(timestamp=int(ape.chain.blocks.head.timestamp) + seconds)

    def coefficients(self, *values: int) -> tuple[list[str], list[bytes]]:
        """Calls that set what E, H, W … earn."""
        calls = [self.homes.set_coefficient.encode_input(utility, value) for utility, value in enumerate(values, 1)]
        return [self.homes.address] * len(calls), [bytes(call) for call in calls]

    def propose(self, by: AccountAPI, calls: tuple[list[str], list[bytes]]) -> int:
        """Make a proposal and return its number."""
        self.governor.propose(*calls, "why", sender=by)
        return int(self.governor.count())

    def decide(self, number: int, votes: Sequence[tuple[AccountAPI, int]]) -> None:
        """Open the vote, cast votes, let the period pass."""
        self.wait(DAY + 1)
        for voter, choice in votes:
            self.governor.vote(number, choice, sender=voter)
        self.wait(3 * DAY + 1)

    def pass_(self, by: AccountAPI, calls: tuple[list[str], list[bytes]], *voters: AccountAPI) -> int:
        """Propose, win and queue."""
        number = self.propose(by, calls)
        self.decide(number, [(voter, FOR) for voter in (by, *voters)])
        self.governor.queue(number, sender=by)
        return number

    def state(self, number: int) -> int:
        """The state by the chain's clock."""
        return int(self.governor.state(number))


@pytest.fixture(scope="session")
def vote(
    contracts: Contracts, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> Vote:
    """2,000 tokens: three people locked 300, 150 and 450, the rest lies elsewhere. The Governor owns a HomePolicy."""
    coin = owner.deploy(container("FuzzCoin"))
    lock = owner.deploy(container("VotingLock"), coin, address_after(owner, 1))
    governor = owner.deploy(container("Governor"), lock, contracts.guard, WAIT, RULES)
    homes = owner.deploy(container("HomePolicy"))
    homes.transfer_ownership(governor, sender=owner)
    governor.accept_ownership_of(homes, sender=owner)
    assert homes.owner() == governor
    for holder, amount in ((prosumer, 300), (neighbour, 150), (buyer, 450)):
        coin.give(holder, 500, sender=owner)
        coin.approve(lock, 500, sender=holder)
        lock.lock(amount, sender=holder)
    coin.give(owner, 500, sender=owner)
    vote = Vote(governor, lock, coin, homes)
    vote.wait(60)  # what is locked counts from the next second on
    return vote
