# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Funds as the beneficiary of the house, and Earnings of lockers and providers of liquidity, with what they tell."""

from dataclasses import dataclass

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import KWH, RESERVE_BPS, ROOF, ZERO, E, House, refuses, reserve_of

PERIOD = 7 * 86_400
COIN, ENERGY = 1, 2


@dataclass(frozen=True)
class Pay:
    """Who pays, out of what, to whom."""

    house: House
    coin: ContractInstance
    lock: ContractInstance
    earnings: ContractInstance
    funds: ContractInstance

    def next_period(self) -> None:
        """Go to the beginning of the next period."""
        ape.chain.mine(timestamp=(self.house.now // PERIOD + 1) * PERIOD)

    def lock_up(self, person: AccountAPI, amount: int) -> int:
        """Lock, and return when."""
        self.coin.approve(self.lock, amount, sender=person)
        return int(self.lock.lock(amount, sender=person).timestamp)

    def mint(self, *, reserve: bool = False) -> None:
        """The roof makes a kilowatt-hour; with `reserve` that is collected too."""
        self.house.claim(self.house.publish({ROOF: KWH}), ROOF)
        if reserve:
            self.house.on.treasury.collect_reserve(E, sender=self.house.relayer)

    def books(self, number: int) -> tuple[int, int]:
        """Fees and what is kept."""
        return int(self.funds.fees(number)), int(self.funds.kept(number))


@pytest.fixture
def pay(house: House, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI) -> Pay:
    """Funds gets the reserve and does not know E yet; two people have a coin that can be locked."""
    on = house.on
    coin = owner.deploy(container("TaxedCoin"))
    lock = owner.deploy(container("VotingLock"), coin, ZERO)
    earnings = owner.deploy(container("Earnings"), on.guard, PERIOD)
    funds = owner.deploy(container("Funds"), earnings, on.treasury, on.guard)
    on.treasury.set_beneficiary(funds, sender=owner)
    for person in (prosumer, neighbour):
        coin.give(person, 1_000, sender=owner)
    return Pay(house, coin, lock, earnings, funds)


def test_reserve_and_fees__come_in_by_themselves(
    pay: Pay, owner: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """The reserve that is minted, and what waited while E was not listed, is kept; what somebody pays is fees."""
    funds, treasury, token = pay.funds, pay.house.on.treasury, pay.house.on.token
    pay.mint(reserve=True)
    first = reserve_of(0, KWH)
    assert (token.balanceOf(funds, E), treasury.pending(funds, E)) == (0, first)
    refuses("funds: asset is not listed", funds.fetch_pending, E, sender=stranger)
    pay.earnings.add_group(pay.lock, sender=owner)
    pay.earnings.add_asset((pay.coin, False, 0), sender=owner)
    (added,) = pay.earnings.add_asset((token, True, E), sender=owner).decode_logs(pay.earnings.AssetAdded)
    assert (added.number, added.token, added.erc1155, added.id) == (ENERGY, token, True, E)
    assert pay.earnings.number_of(token, True, E) == ENERGY
    assert tuple(pay.earnings.asset(ENERGY)) == (token, True, E)

    (received,) = funds.fetch_pending(E, sender=stranger).decode_logs(funds.Received)
    assert (received.number, received.giver, received.amount, received.reserve) == (ENERGY, treasury, first, True)
    pay.mint(reserve=True)
    assert pay.books(ENERGY) == (0, KWH * 2 * RESERVE_BPS // 10_000)

    receipt = token.safeTransferFrom(prosumer, funds, E, 500, b"", sender=prosumer)
    (received,) = receipt.decode_logs(funds.Received)
    assert (received.giver, received.amount, received.reserve) == (prosumer, 500, False)
    pay.coin.give(funds, 70, sender=owner)
    (received,) = funds.count(COIN, sender=stranger).decode_logs(funds.Received)
    assert (received.giver, received.amount, received.reserve) == (ZERO, 70, False)
    assert pay.books(COIN) == (70, 0)
    assert pay.books(ENERGY)[0] == 500


def test_divided__by_the_shares_and_claimed_by_time(
    pay: Pay, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """Half to lockers by amount × time, half kept; the logs tell all of it, and everything can be traced."""
    earnings, funds, token = pay.earnings, pay.funds, pay.house.on.token
    (group,) = earnings.add_group(pay.lock, sender=owner).decode_logs(earnings.GroupAdded)
    assert (group.group, group.lock, group.token) == (0, pay.lock, pay.coin)
    earnings.add_asset((pay.coin, False, 0), sender=owner)
    earnings.add_asset((token, True, E), sender=owner)
    (changed,) = funds.set_shares([(0, 5_000)], sender=owner).decode_logs(funds.SharesChanged)
    assert ([tuple(s) for s in changed.old], [tuple(s) for s in changed.new]) == ([], [(0, 5_000)])
    assert [tuple(share) for share in funds.shares()] == [(0, 5_000)]
    pay.mint()
    pay.next_period()
    first, second = pay.lock_up(prosumer, 300), pay.lock_up(neighbour, 100)
    token.safeTransferFrom(prosumer, funds, E, 1_001, b"", sender=prosumer)
    refuses("earnings: nobody was there to earn it", earnings.distribute, 0, ENERGY, 1, sender=prosumer)
    pay.next_period()
    end = pay.house.now
    pay.lock_up(prosumer, 500)  # too late for the fees of before

    receipt = funds.divide(ENERGY, sender=stranger)

    (divided,) = receipt.decode_logs(funds.Divided)
    assert (divided.amount, divided.distributed, divided.kept) == (1_001, 500, 501)
    (given,) = receipt.decode_logs(earnings.Distributed)
    weights = 300 * (end - first), 100 * (end - second)
    assert (given.group, given.number, given.giver, given.pot) == (0, ENERGY, funds, 0)
    assert (given.period, given.amount, given.weight) == (end // PERIOD - 1, 500, sum(weights))
    assert tuple(earnings.pot(0, ENERGY, 0)) == (end // PERIOD - 1, 500, sum(weights))
    shares = [500 * weight // sum(weights) for weight in weights]
    assert [earnings.earned(who, 0, ENERGY) for who in (prosumer, neighbour, buyer)] == [*shares, 0]
    (claimed,) = earnings.claim(neighbour, 0, [COIN, ENERGY], sender=stranger).decode_logs(earnings.Claimed)
    assert (claimed.account, claimed.receiver, claimed.amount) == (neighbour, neighbour, shares[1])
    assert (claimed.group, claimed.number, claimed.until, claimed.part) == (0, ENERGY, 0, shares[1])
    earnings.claim_to(0, [ENERGY], buyer, sender=prosumer)
    assert (token.balanceOf(neighbour, E), token.balanceOf(buyer, E)) == (shares[1], shares[0])
    assert earnings.owed(0, ENERGY) == token.balanceOf(earnings, E) == 500 - sum(shares)

    (spent,) = funds.spend(ENERGY, 501, buyer, b"", sender=owner).decode_logs(funds.Spent)
    assert (spent.number, spent.receiver, spent.amount) == (ENERGY, buyer, 501)
    assert pay.books(ENERGY) == (0, 0)


def test_frozen_or_stopped__nothing_moves_and_nothing_is_lost(
    pay: Pay, owner: AccountAPI, guardian: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """A frozen account can't claim to another one either; a stop refuses both ways; both end."""
    earnings, funds, guard = pay.earnings, pay.funds, pay.house.on.guard
    earnings.add_group(pay.lock, sender=owner)
    earnings.add_asset((pay.coin, False, 0), sender=owner)
    pay.next_period()
    pay.lock_up(prosumer, 300)
    pay.next_period()
    pay.coin.approve(earnings, 100, sender=prosumer)
    earnings.distribute(0, COIN, 100, sender=prosumer)
    guard.freeze(prosumer, sender=guardian)
    refuses("earnings: account is frozen", earnings.claim, prosumer, 0, [COIN], sender=stranger)
    refuses("earnings: account is frozen", earnings.claim_to, 0, [COIN], buyer, sender=prosumer)
    guard.unfreeze(prosumer, sender=guardian)
    guard.pause(earnings, sender=guardian)
    guard.pause(funds, sender=guardian)
    refuses("earnings: paused", earnings.claim, prosumer, 0, [COIN], sender=stranger)
    refuses("earnings: paused", earnings.distribute, 0, COIN, 1, sender=prosumer)
    refuses("funds: paused", funds.divide, COIN, sender=stranger)
    refuses("funds: paused", funds.spend, COIN, 0, buyer, b"", sender=owner)
    for target in (earnings, funds):
        guard.unpause(target, sender=owner)
    earnings.claim(prosumer, 0, [COIN], sender=stranger)
    assert pay.coin.balanceOf(prosumer) == 700
    assert earnings.supportsInterface("0x4e2312e0")
    assert not funds.supportsInterface("0xffffffff")
