# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A marketplace with a seller who has things of both standards and certificates, and buyers with GCM."""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import ZERO

FEE_BPS, ROYALTY_BPS = 100, 500
FORTUNE = 100_000
DAY = 86_400
ENERGY, CERTIFICATE, DEED = 1, 77, 5


@dataclass
class Market:
    """The contracts and the people."""

    place: ContractInstance
    coin: ContractInstance
    things: ContractInstance
    deeds: ContractInstance
    certificates: ContractInstance
    guard: ContractInstance
    seller: AccountAPI
    buyer: AccountAPI
    rival: AccountAPI
    beneficiary: AccountAPI
    artist: AccountAPI

    @property
    def now(self) -> int:
        """The last block's time."""
        return int(ape.chain.blocks.head.timestamp)

    def wait_until(self, timestamp: int) -> None:
        """The last block is of this second; a call sees it too."""
        ape.chain.mine(timestamp=timestamp)

    def terms(self, **changes: Any) -> list[Any]:
        """The arguments of `offer`: ten lots of 100 at 1,000 GCM, with something changed."""
        terms = {
            "collection": self.things,
            "id": ENERGY,
            "amount": 1_000,
            "lot": 100,
            "price": 1_000,
            "ends": 0,
            "only_for": ZERO,
            "certificate": 0,
            "per_lot": 0,
        }
        return list((terms | changes).values())

    def offer(self, **changes: Any) -> int:
        """The seller offers; the number."""
        self.place.offer(*self.terms(**changes), sender=self.seller)
        return int(self.place.offers())

    def lots(self, **changes: Any) -> list[Any]:
        """The arguments of `open_auction`, with something changed."""
        terms = {
            "collection": self.things,
            "id": ENERGY,
            "amount": 10,
            "reserve": 1_000,
            "increment_bps": 500,
            "ends": self.now + DAY,
        }
        return list((terms | changes).values())

    def auction(self, **changes: Any) -> int:
        """The seller opens an auction; the number."""
        self.place.open_auction(*self.lots(**changes), sender=self.seller)
        return int(self.place.auctions())

    def money(self) -> dict[str, int]:
        """What changed since everybody had their fortune; the marketplace holds bids and debts and no more."""
        assert self.coin.balanceOf(self.place) == self.place.bids() + self.place.total_owed()
        people = {
            "seller": self.seller,
            "buyer": self.buyer,
            "rival": self.rival,
            "fees": self.beneficiary,
            "artist": self.artist,
        }
        start = {"buyer": FORTUNE, "rival": FORTUNE}
        changed = {name: self.coin.balanceOf(who) - start.get(name, 0) for name, who in people.items()}
        return {name: change for name, change in changed.items() if change}


@pytest.fixture(scope="module")
def deployed(
    owner: AccountAPI,
    guardian: AccountAPI,
    beneficiary: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    neighbour: AccountAPI,
    stranger: AccountAPI,
    accounts: list[AccountAPI],
) -> Market:
    """Everything on chain."""
    guard = owner.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=owner)
    coin = owner.deploy(container("OpenCoin"))
    things, certificates = (owner.deploy(container("OpenThings")) for _ in range(2))
    deeds = owner.deploy(container("OpenDeeds"))
    place = owner.deploy(container("Marketplace"), coin, guard, certificates, beneficiary, FEE_BPS)
    for collection, standard in ((things, 1), (deeds, 2), (certificates, 1)):
        place.set_collection(collection, standard, True, sender=owner)
        collection.setApprovalForAll(place, True, sender=prosumer)
    artist = accounts[9]
    things.set_royalty(int(artist.address, 16), ROYALTY_BPS, sender=owner)
    things.give(prosumer, ENERGY, 10_000, sender=owner)
    certificates.give(prosumer, CERTIFICATE, 10_000, sender=owner)
    deeds.give(prosumer, DEED, sender=owner)
    for user in (buyer, neighbour):
        coin.give(user, FORTUNE, sender=owner)
        coin.approve(place, 10 * FORTUNE, sender=user)
    return Market(place, coin, things, deeds, certificates, guard, prosumer, buyer, neighbour, beneficiary, artist)


@pytest.fixture
def market(deployed: Market) -> Market:
    """The same for every test: Ape takes back what a test did."""
    return deployed
