# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The votes own everything: GCM made of metered energy is locked, and two proposals change a parameter of every contract."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

import chain
from scripts._house import container
from tests.contracts.flows.bazaar import DAY, GCM_ONE, Town
from tests.contracts.house import KWH, E, refuses
from tests.contracts.nonces import address_after

ABIS = Path(chain.__file__).parent / "abi"
FOR, AGAINST = 1, 0
RULES = (GCM_ONE, 2 * GCM_ONE, 2_000, DAY, 3 * DAY)  # threshold, floor, 20 % of the supply, delay, period
WAIT = 2 * DAY
CALLS_MAX = 16
NEW = "0x00000000000000000000000000000000000000A1"


@dataclass(frozen=True)
class Change:
    """A call that only the owner may make, and where its effect shows."""

    contract: ContractInstance
    call: bytes
    shows: Callable[[], Any]
    expected: Any

    @classmethod
    def of(
        cls, contract: ContractInstance, setter: str, *args: Any, shows: Callable[[], Any], expected: Any
    ) -> "Change":
        """A change by the setter's name."""
        return cls(contract, bytes(getattr(contract, setter).encode_input(*args)), shows, expected)


@dataclass(frozen=True)
class Parliament:
    """The Governor and its lock over a town."""

    town: Town
    governor: ContractInstance
    lock: ContractInstance

    def changes(self) -> dict[str, Change]:
        """One of every contract that has an owner, by the contract's name."""
        on, market, of = self.town.house.on, self.town.bazaar, Change.of
        group = (0, 2_500)
        return {
            "Guard": of(on.guard, "set_guardian", NEW, True, shows=lambda: on.guard.guardians(NEW), expected=True),
            "Registry": of(
                on.registry, "set_registrar", NEW, True, shows=lambda: on.registry.registrars(NEW), expected=True
            ),
            "Oracle": of(on.oracle, "set_challenge_delay", 1_800, shows=on.oracle.challenge_delay, expected=1_800),
            "Treasury": of(on.treasury, "set_reserve_bps", 300, shows=on.treasury.reserve_bps, expected=300),
            "HomePolicy": of(on.homes, "set_coefficient", 1, 7, shows=lambda: on.homes.coefficients()[1], expected=7),
            "GCM": of(
                market.gcm,
                "set_weight",
                2,
                500_000,
                10**12,
                shows=lambda: market.gcm.weight_of(2),
                expected=(500_000, 10**12),
            ),
            "GCC": of(market.gcc, "set_rate", 200 * 10**6, shows=market.gcc.rate, expected=200 * 10**6),
            "OrderBook": of(
                market.book, "set_beneficiary", market.funds, shows=market.book.beneficiary, expected=market.funds
            ),
            "Pool": of(market.pool, "set_fees", 30, 10, shows=market.pool.fees, expected=(30, 10)),
            "Router": of(
                market.router,
                "set_pool",
                1,
                "0x" + "0" * 40,
                shows=lambda: int(market.router.pool_of(1), 16),
                expected=0,
            ),
            "Round": of(
                market.round, "set_beneficiary", market.funds, shows=market.round.beneficiary, expected=market.funds
            ),
            "Certificates": of(
                market.certificates, "set_lifetime", 90 * DAY, shows=market.certificates.lifetime, expected=90 * DAY
            ),
            "FiatEscrow": of(market.escrow, "set_arbiter", NEW, shows=market.escrow.arbiter, expected=NEW),
            "Marketplace": of(market.marketplace, "set_fee", 35, shows=market.marketplace.fee_bps, expected=35),
            "Assets": of(
                market.assets, "set_provider", NEW, True, shows=lambda: market.assets.providers(NEW), expected=True
            ),
            "SettlementToken": of(
                market.settlement, "set_caps", 5_000, 400, shows=market.settlement.supply_cap, expected=5_000
            ),
            "NetSettlement": of(
                market.netting,
                "set_currency",
                market.settlement,
                True,
                shows=lambda: market.netting.listed(market.settlement),
                expected=True,
            ),
            "Earnings": of(
                market.earnings, "add_group", self.lock, shows=lambda: market.earnings.lock_of(0), expected=self.lock
            ),
            "Funds": of(market.funds, "set_shares", [group], shows=lambda: len(market.funds.shares()), expected=1),
        }

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        ape.chain.mine(timestamp=self.town.now + seconds)

    def decide(self, proposals: Sequence[int], *voters: AccountAPI, choice: int = FOR) -> None:
        """Everybody votes on everything, and the period ends."""
        self.wait(DAY + 1)
        for number in proposals:
            for voter in voters:
                self.governor.vote(number, choice, sender=voter)
        self.wait(3 * DAY + 1)


@pytest.fixture
def parliament(
    town: Town, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> Parliament:
    """Two prosumers turned 2 kWh each into GCM and locked it; the owner handed every contract over, which a stranger completes."""
    gcm, guard = town.bazaar.gcm, town.house.on.guard
    town.earn()
    lock = owner.deploy(container("VotingLock"), gcm, address_after(owner, 1))
    governor = owner.deploy(container("Governor"), lock, guard, WAIT, RULES)
    for person in (prosumer, neighbour):
        town.pay_in(person, 2 * KWH)
        gcm.approve(lock, town.money(person), sender=person)
        lock.lock(town.money(person), sender=person)
    parliament = Parliament(town, governor, lock)
    for change in parliament.changes().values():
        change.contract.transfer_ownership(governor, sender=owner)
        governor.accept_ownership_of(change.contract, sender=stranger)
        assert change.contract.owner() == governor
    parliament.wait(60)
    return parliament


def test_every_contract_that_has_an_owner(
    parliament: Parliament, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """None is left out; the old owner changes nothing any more, nobody does before the timelock, and the vote does."""
    governor, changes = parliament.governor, parliament.changes()
    owned = {path.stem for path in ABIS.glob("*.json") if "transfer_ownership" in names(path)}
    assert owned == set(changes)
    for change in changes.values():
        assert change.shows() != change.expected
        answer = {"from": owner.address, "to": change.contract.address, "data": "0x" + change.call.hex()}
        asked = ape.chain.provider.web3.provider.make_request("eth_call", [answer, "latest"])
        assert "caller is not the owner" in bytes.fromhex(asked["error"]["data"][2:]).decode(errors="ignore")

    calls = [(change.contract.address, change.call) for change in changes.values()]
    calls.append((governor.address, bytes(governor.set_rules.encode_input((*RULES[:3], 2 * DAY, 4 * DAY)))))
    calls.append((governor.address, bytes(governor.set_delay.encode_input(3 * DAY))))
    bundles = [calls[:CALLS_MAX], calls[CALLS_MAX:]]
    numbers = []
    for bundle in bundles:
        governor.propose(*map(list, zip(*bundle, strict=True)), "one of each", sender=prosumer)
        numbers.append(int(governor.count()))
    parliament.decide(numbers, prosumer, neighbour)
    for number in numbers:
        governor.queue(number, sender=stranger)
    early = [list(part) for part in zip(*bundles[0], strict=True)]
    refuses("timelock_controller: operation is not ready", governor.execute, numbers[0], *early, sender=stranger)
    parliament.wait(WAIT + 1)
    for number, bundle in zip(numbers, bundles, strict=True):
        governor.execute(number, *map(list, zip(*bundle, strict=True)), sender=stranger)

    for name, change in changes.items():
        assert change.shows() == change.expected, name
    assert tuple(governor.rules())[3:] == (2 * DAY, 4 * DAY)
    assert governor.get_minimum_delay() == 3 * DAY
    # Nobody is held any longer than the votes were open, and the votes were never anybody else's GCM.
    for person in (prosumer, neighbour):
        parliament.lock.unlock(parliament.lock.locked(person), sender=person)
    assert parliament.town.money(parliament.lock) == 0
    parliament.town.check_nothing_is_lost()


def test_lost_vote__changes_nothing(parliament: Parliament, prosumer: AccountAPI, neighbour: AccountAPI) -> None:
    """One for and one against of about as much: the one with more decides, here against."""
    governor, market = parliament.governor, parliament.town.bazaar
    change = parliament.changes()["Marketplace"]
    governor.propose([change.contract], [change.call], "dearer", sender=prosumer)
    number = int(governor.count())
    parliament.wait(DAY + 1)
    votes = {prosumer: parliament.lock.locked(prosumer), neighbour: parliament.lock.locked(neighbour)}
    more, less = sorted(votes, key=lambda who: votes[who], reverse=True)
    governor.vote(number, AGAINST, sender=more)
    governor.vote(number, FOR, sender=less)
    parliament.wait(3 * DAY + 1)
    refuses("governor: proposal did not succeed", governor.queue, number, sender=prosumer)
    assert market.marketplace.fee_bps() != change.expected
    assert parliament.town.house.on.treasury.minted(E) > 0


def names(path: Path) -> set[str]:
    """The functions of an exported ABI."""
    return {entry.get("name", "") for entry in json.loads(path.read_text())}
