# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The whole market over the whole house, every contract the real one: what a token goes through between meter and money."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_keys.datatypes import PrivateKey

from scripts._house import container
from tests.contracts.certificates import LIFETIME, Desk
from tests.contracts.house import BARN, KWH, ROOF, Contracts, E, House, node_keys
from tests.contracts.nonces import address_after

DAY = 86_400
BID, ASK = 0, 1
GTC = 0
GCM_ONE = 10**9  # a whole GCM
WH = 10**6  # a lot of the book, the round and a certificate's unit, in the energy token's units
TICK = 10**3  # GCM units per lot: a tick is 0.001 GCM per kWh
AT_PAR = 999  # the tick at which a kWh costs one GCM
FEE_BPS = 20
GATE, WINDOW = 900, 36_000
LP_BPS, TREASURY_BPS = 25, 5


def price(tick: int) -> int:
    """GCM units per lot."""
    return (1 + tick) * TICK


@dataclass(frozen=True)
class Bazaar:
    """The contracts."""

    gcm: ContractInstance
    gcc: ContractInstance
    vault: ContractInstance
    book: ContractInstance
    pool: ContractInstance
    router: ContractInstance
    round: ContractInstance
    certificates: ContractInstance
    escrow: ContractInstance
    marketplace: ContractInstance
    assets: ContractInstance
    settlement: ContractInstance
    netting: ContractInstance
    earnings: ContractInstance
    funds: ContractInstance
    attester: PrivateKey

    @property
    def places(self) -> tuple[ContractInstance, ...]:
        """Where tokens can lie."""
        return (
            self.gcm,
            self.gcc,
            self.vault,
            self.pool,
            self.router,
            self.round,
            self.marketplace,
            self.escrow,
            self.funds,
        )


@dataclass
class Town:
    """One test's view: the house that measures, the market, and the people."""

    house: House
    bazaar: Bazaar
    desk: Desk
    people: dict[str, AccountAPI]

    def earn(self, energy: int = 3 * KWH) -> None:
        """Roof and barn make energy in one slot, and their owners have the tokens."""
        published = self.house.publish({ROOF: energy, BARN: energy})
        for station in (ROOF, BARN):
            self.house.claim(published, station)

    def pay_in(self, who: AccountAPI, amount: int) -> int:
        """Somebody turns energy into GCM by a plain transfer; what came of it."""
        before = int(self.bazaar.gcm.balanceOf(who))
        self.house.on.token.safeTransferFrom(who, self.bazaar.gcm, E, amount, b"", sender=who)
        return int(self.bazaar.gcm.balanceOf(who)) - before

    def energy(self, who: Any) -> int:
        """Class tokens of somebody."""
        return int(self.house.on.token.balanceOf(who, E))

    def money(self, who: Any) -> int:
        """GCM of somebody."""
        return int(self.bazaar.gcm.balanceOf(who))

    def holders(self) -> Iterable[Any]:
        """Everybody and every contract."""
        return (*self.people.values(), *self.bazaar.places)

    def check_nothing_is_lost(self) -> None:
        """All energy that was settled and not kept for the reserve is somewhere, and so is all GCM; GCM and GCC are covered."""
        on, bazaar = self.house.on, self.bazaar
        assert sum(self.energy(holder) for holder in self.holders()) == on.token.total_supply(E)
        assert sum(self.money(holder) for holder in self.holders()) == bazaar.gcm.totalSupply()
        assert bazaar.gcm.totalSupply() <= self.energy(bazaar.gcm)
        assert bazaar.gcc.totalSupply() * 100 <= self.money(bazaar.gcc)

    @property
    def now(self) -> int:
        """The last block's time."""
        return int(ape.chain.blocks.head.timestamp)


@pytest.fixture(scope="session")
def bazaar(
    two_stations: Contracts,
    owner: AccountAPI,
    accounts: list[AccountAPI],
    guardian: AccountAPI,
    beneficiary: AccountAPI,
) -> Bazaar:
    """Deployed once, wired as a deployment would: two markets of the book, one round, one pool, one series of everything."""
    house, validator, arbiter = two_stations, accounts[9], accounts[9]
    token, guard = house.token, house.guard

    def deploy(name: str, *args: Any) -> ContractInstance:
        return owner.deploy(container(name), *args)

    gcm = deploy("GCM", token, house.registry, guard)
    gcc = deploy("GCC", gcm, guard)
    vault = deploy("Vault", address_after(owner, 1), guard)
    book = deploy("OrderBook", vault, guard, beneficiary)
    pool = deploy("Pool", token, E, gcm, guard, beneficiary, LP_BPS, TREASURY_BPS, "GreenCore E/GCM", "GC-E")
    router = deploy("Router", vault, token, gcm, guard)
    auction = deploy("Round", guard, beneficiary)
    certificates = deploy("Certificates", house.treasury, guard, LIFETIME)
    escrow = deploy("FiatEscrow", gcm, guard, arbiter, 2, DAY, 14 * DAY)
    marketplace = deploy("Marketplace", gcm, guard, certificates, beneficiary, FEE_BPS)
    assets = deploy("Assets", guard)
    settlement = deploy("SettlementToken", "INR", 2, guard)
    netting = deploy("NetSettlement", guard)
    earnings = deploy("Earnings", guard, 7 * DAY)
    funds = deploy("Funds", earnings, house.treasury, guard)

    energy, money = (token, E, True), (gcm, 0, False)
    book.open_market(energy, money, 6, 3, 1, FEE_BPS // 2, FEE_BPS, 5, sender=owner)
    auction.open_market(energy, money, (6, 3, 1, FEE_BPS, 5, GATE, WINDOW, 0, False), sender=owner)
    router.set_pool(1, pool, sender=owner)
    certificates.name_technology(E, 1, "photovoltaic", sender=owner)
    certificates.set_validator(validator, True, sender=owner)
    attester = node_keys(1)[0]
    escrow.set_attester(attester.public_key.to_checksum_address(), True, sender=owner)
    for collection in (token, certificates):
        marketplace.set_collection(collection, 1, True, sender=owner)
    gcc.set_limit(1, 10**9, sender=owner)
    gcc.set_total_limit(10**10, sender=owner)
    return Bazaar(
        gcm, gcc, vault, book, pool, router, auction, certificates, escrow, marketplace, assets, settlement, netting,
        earnings, funds, attester,
    )  # fmt: skip


@pytest.fixture
def town(
    house: House,
    bazaar: Bazaar,
    accounts: list[AccountAPI],
    owner: AccountAPI,
    beneficiary: AccountAPI,
    relayer: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
    stranger: AccountAPI,
) -> Town:
    """Nothing measured yet; approvals as wallets give them once."""
    for person in (prosumer, neighbour, buyer):
        for spender in (bazaar.vault, bazaar.round, bazaar.marketplace, bazaar.escrow, bazaar.gcc):
            bazaar.gcm.approve(spender, 2**256 - 1, sender=person)
        for spender in (bazaar.vault, bazaar.round, bazaar.marketplace):
            house.on.token.setApprovalForAll(spender, True, sender=person)
    people = {
        "owner": owner, "beneficiary": beneficiary, "relayer": relayer, "prosumer": prosumer, "neighbour": neighbour,
        "buyer": buyer, "stranger": stranger,
    }  # fmt: skip
    return Town(house, bazaar, Desk(house, bazaar.certificates, prosumer, accounts[9]), people)
