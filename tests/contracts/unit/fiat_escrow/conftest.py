# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A desk at which tokens wait for bank payments: the escrow, its token and Guard, and the people."""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address

from scripts._house import container
from tests.contracts.credits import Credit, lock_id
from tests.contracts.house import compact, node_keys

AMOUNT, DUE = 100, 7_000
RUB = b"RUB"
DAY = 86_400
HOUR = 3_600
OPEN, PAID, REFUNDED, SETTLED = 1, 2, 3, 4


@dataclass
class Desk:
    """The escrow with its token and Guard, an approved seller with tokens and an approved buyer."""

    escrow: ContractInstance
    coin: ContractInstance
    guard: ContractInstance
    seller: AccountAPI
    buyer: AccountAPI
    relayer: AccountAPI
    attester: PrivateKey
    locks: int = 0
    payments: int = 0

    @property
    def now(self) -> int:
        """The last block's time."""
        return int(ape.chain.blocks.head.timestamp)

    def wait_until(self, timestamp: int) -> None:
        """The last block is of this second; a call sees it too."""
        ape.chain.mine(timestamp=timestamp)

    def terms(self, **changes: Any) -> list[Any]:
        """The arguments of `lock`, with something changed."""
        terms = {
            "buyer": self.buyer,
            "amount": AMOUNT,
            "currency": RUB,
            "due": DUE,
            "deadline": self.now + HOUR,
            "partial": False,
            "reference": (self.locks + 1).to_bytes(32, "big"),
        }
        return list((terms | changes).values())

    def lock(self, **changes: Any) -> bytes:
        """The seller locks; the lock's number."""
        terms = self.terms(**changes)
        self.escrow.lock(*terms, sender=self.seller)
        self.locks += 1
        return lock_id(to_canonical_address(self.seller.address), terms[-1])

    def credit(self, lock: bytes, amount: int = DUE) -> Credit:
        """A new entry of the bank."""
        self.payments += 1
        return Credit(lock, self.payments.to_bytes(32, "little"), RUB, amount)

    def signed(self, credit: Credit, *, by: PrivateKey | None = None) -> tuple[Any, ...]:
        """The arguments of `attest`."""
        digest = credit.digest(chain_id=ape.chain.chain_id, escrow=to_canonical_address(self.escrow.address))
        return (*credit.args, b"".join(compact(by or self.attester, digest)))

    def attest(self, credit: Credit) -> ReceiptAPI:
        """Bring a credit, as anybody may."""
        return self.escrow.attest(*self.signed(credit), sender=self.relayer)

    def state(self, lock: bytes) -> int:
        """The lock's state."""
        return int(self.escrow.lock_of(lock).state)

    def moved(self) -> tuple[int, int]:
        """What seller and buyer hold, less what the seller had: the escrow holds the rest, and says so."""
        held = self.coin.balanceOf(self.escrow)
        assert held == self.escrow.escrowed() + self.escrow.total_owed()
        return self.coin.balanceOf(self.seller) - 1_000, self.coin.balanceOf(self.buyer)


@pytest.fixture(scope="module")
def arbiter(accounts: list[AccountAPI]) -> AccountAPI:
    """Decides disputes."""
    return accounts[9]


@pytest.fixture(scope="module")
def deployed(
    owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    arbiter: AccountAPI,
    relayer: AccountAPI,
    stranger: AccountAPI,
) -> tuple[ContractInstance, ContractInstance, ContractInstance]:
    """Escrow, token and Guard."""
    guard = owner.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=owner)
    coin = owner.deploy(container("OpenCoin"))
    escrow = owner.deploy(container("FiatEscrow"), coin, guard, arbiter, 2, DAY, 14 * DAY)
    escrow.set_attester(node_keys(1)[0].public_key.to_checksum_address(), True, sender=owner)
    for user in (prosumer, buyer):
        guard.set_tier(user, 2, sender=guardian)
    coin.give(prosumer, 1_000, sender=owner)
    coin.approve(escrow, 1_000, sender=prosumer)
    return escrow, coin, guard


@pytest.fixture
def desk(
    deployed: tuple[ContractInstance, ContractInstance, ContractInstance],
    prosumer: AccountAPI,
    buyer: AccountAPI,
    relayer: AccountAPI,
) -> Desk:
    """A fresh view."""
    return Desk(*deployed, prosumer, buyer, relayer, node_keys(1)[0])
