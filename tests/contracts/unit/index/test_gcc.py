# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCC: converted at the rate within the day's limits, always covered, moved between checked accounts only."""

from collections.abc import Callable

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from tests.contracts.house import KWH, E, refuses
from tests.contracts.permit import permit
from tests.contracts.unit.index.conftest import Fill, Money

RATE = 100 * 10**6
GCC = 10**9
DAY = 86_400


@pytest.fixture
def open_gcc(
    money: Money,
    pay_in: Fill,
    owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> ContractInstance:
    """Tier 1 converts 5 GCC a day, tier 2 twenty, all together 22. Prosumer and buyer are of tier 1, the neighbour of 2."""
    for tier, limit in ((1, 5), (2, 20)):
        money.gcc.set_limit(tier, limit * GCC, sender=owner)
    money.gcc.set_total_limit(22 * GCC, sender=owner)
    for account, tier in ((prosumer, 1), (buyer, 1), (neighbour, 2)):
        money.guard.set_tier(account, tier, sender=guardian)
    for holder in (prosumer, neighbour):
        pay_in(holder, E, 5_000 * KWH)
        money.gcm.approve(money.gcc, 2**256 - 1, sender=holder)
    ape.chain.mine(timestamp=(int(ape.chain.blocks.head.timestamp) // DAY + 1) * DAY)
    return money.gcc


def test_convert(money: Money, open_gcc: ContractInstance, prosumer: AccountAPI) -> None:
    """Whole units only: what makes none stays with the caller. Back at the same rate."""
    gcc, gcm = open_gcc, money.gcm
    before = gcm.balanceOf(prosumer)
    assert tuple(gcc.preview_convert(250)) == (2, 200)

    receipt = gcc.convert_gcm(250, 2, sender=prosumer)

    (converted,) = receipt.decode_logs(gcc.Converted)
    assert (converted.account, converted.gcm, converted.gcc, converted.rate) == (prosumer, 200, 2, RATE)
    assert (gcc.balanceOf(prosumer), gcc.totalSupply(), receipt.return_value) == (2, 2, 2)
    assert (gcm.balanceOf(prosumer), gcm.balanceOf(gcc), gcc.surplus()) == (before - 200, 200, 0)

    receipt = gcc.redeem(2, 200, sender=prosumer)
    (redeemed,) = receipt.decode_logs(gcc.Redeemed)
    assert (redeemed.account, redeemed.gcc, redeemed.gcm, redeemed.rate) == (prosumer, 2, 200, RATE)
    assert (gcm.balanceOf(prosumer), gcc.totalSupply()) == (before, 0)


def test_convert__odd_rate__rounds_for_the_reserve(
    money: Money, open_gcc: ContractInstance, owner: AccountAPI, prosumer: AccountAPI
) -> None:
    """Up on the way in, down on the way out."""
    open_gcc.set_rate(1_333_333, sender=owner)
    assert open_gcc.convert_gcm(100, 0, sender=prosumer).return_value == 75
    assert money.gcm.balanceOf(open_gcc) == 100  # 75 × 1.333333 = 99.999975
    for _ in range(3):
        assert open_gcc.redeem(25, 0, sender=prosumer).return_value == 33
    assert (open_gcc.totalSupply(), open_gcc.surplus()) == (0, 1)


def test_convert__limits(
    money: Money, open_gcc: ContractInstance, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """Per account by its tier, for all together, anew at midnight UTC; redeeming gives no room back."""
    gcc = open_gcc
    gcc.convert_gcm(500 * KWH, 0, sender=prosumer)
    gcc.redeem(GCC, 0, sender=prosumer)
    assert (gcc.room(prosumer), gcc.room(neighbour)) == (0, 17 * GCC)
    refuses("gcc: over the day's limit", gcc.convert_gcm, 100, 0, sender=prosumer)
    gcc.convert_gcm(1_700 * KWH, 0, sender=neighbour)
    refuses("gcc: over the day's limit", gcc.convert_gcm, 100, 0, sender=neighbour)
    gcc.set_total_limit(0, sender=owner)
    assert (gcc.room(neighbour), gcc.converted_today(neighbour)) == (0, 17 * GCC)

    gcc.set_total_limit(22 * GCC, sender=owner)
    ape.chain.mine(timestamp=int(ape.chain.blocks.head.timestamp) + DAY)
    assert (gcc.room(prosumer), gcc.converted_today(prosumer)) == (5 * GCC, 0)
    gcc.convert_gcm(500 * KWH, 0, sender=prosumer)
    assert gcc.balanceOf(prosumer) == 9 * GCC


def test_convert__bad__reverts(
    money: Money, open_gcc: ContractInstance, pay_in: Fill, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """An account that nobody checked converts nothing."""
    gcc = open_gcc
    refuses("gcc: too little to convert", gcc.convert_gcm, 99, 0, sender=prosumer)
    refuses("gcc: less than accepted", gcc.convert_gcm, 250, 3, sender=prosumer)
    pay_in(stranger, E, KWH)
    refuses("gcc: over the day's limit", gcc.convert_gcm, 100, 0, sender=stranger)
    refuses("gcc: too little to redeem", gcc.redeem, 0, 0, sender=prosumer)
    refuses("erc20: burn amount exceeds balance", gcc.redeem, 1, 0, sender=prosumer)
    gcc.convert_gcm(250, 0, sender=prosumer)
    refuses("gcc: less than accepted", gcc.redeem, 2, 201, sender=prosumer)


def test_convert_with_permit(
    money: Money, open_gcc: ContractInstance, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """One transaction without an approval before; somebody who shows the permit first does no harm."""
    gcc, gcm = open_gcc, money.gcm
    gcm.approve(gcc, 0, sender=prosumer)
    refuses("erc20: insufficient allowance", gcc.convert_gcm, 100, 0, sender=prosumer)
    for front_run in (False, True):
        signed = permit(gcm, prosumer, gcc, 100)
        if front_run:
            gcm.permit(*signed, sender=stranger)
        gcc.convert_with_permit(100, 1, *signed[2:], sender=prosumer)
        assert gcm.allowance(prosumer, gcc) == 0
    assert gcc.balanceOf(prosumer) == 2


def test_set_rate(
    money: Money, open_gcc: ContractInstance, owner: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """A rise has to be paid for first; what a fall sets free stays in the reserve."""
    gcc = open_gcc
    gcc.convert_gcm(200 * KWH, 0, sender=prosumer)
    refuses("gcc: not covered at this rate", gcc.set_rate, RATE + 1, sender=owner)
    refuses("gcc: rate is zero", gcc.set_rate, 0, sender=owner)
    refuses("ownable: caller is not the owner", gcc.set_rate, RATE, sender=stranger)

    money.gcm.transfer(gcc, 20 * KWH, sender=prosumer)
    receipt = gcc.set_rate(RATE * 11 // 10, sender=owner)
    (changed,) = receipt.decode_logs(gcc.RateChanged)
    assert (changed.old, changed.new) == (RATE, RATE * 11 // 10)
    assert gcc.surplus() == 0
    gcc.set_rate(RATE // 2, sender=owner)
    assert gcc.surplus() == 120 * KWH
    assert gcc.preview_redeem(2 * GCC) == 100 * KWH


def test_transfer__tiers(
    money: Money,
    open_gcc: ContractInstance,
    owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    stranger: AccountAPI,
) -> None:
    """Both sides need the tier; who lost it still finds the way back."""
    gcc = open_gcc
    gcc.convert_gcm(10_000, 0, sender=prosumer)
    gcc.transfer(buyer, 10, sender=prosumer)
    gcc.permit(*permit(gcc, prosumer, stranger, 7), sender=stranger)
    gcc.transferFrom(prosumer, buyer, 7, sender=stranger)
    assert gcc.balanceOf(buyer) == 17
    refuses("gcc: receiver's tier is too low", gcc.transfer, stranger, 1, sender=prosumer)
    refuses("gcc: the receiver is the coin", gcc.transfer, gcc, 1, sender=prosumer)

    money.guard.set_tier(prosumer, 0, sender=guardian)
    refuses("gcc: sender's tier is too low", gcc.transfer, buyer, 1, sender=prosumer)
    assert gcc.redeem(1, 100, sender=prosumer).return_value == 100

    gcc.set_transfer_tier(0, sender=owner)
    gcc.transfer(stranger, 1, sender=prosumer)
    assert (gcc.transfer_tier(), gcc.balanceOf(stranger)) == (0, 1)
    for method, args in ((gcc.set_transfer_tier, (1,)), (gcc.set_limit, (0, 1)), (gcc.set_total_limit, (1,))):
        refuses("ownable: caller is not the owner", method, *args, sender=stranger)


def test_guard(
    money: Money,
    open_gcc: ContractInstance,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
    pause: Callable[[ContractInstance], None],
) -> None:
    """A freeze and a stop close every way, the way back too."""
    gcc = open_gcc
    gcc.convert_gcm(10_000, 0, sender=prosumer)
    gcc.approve(buyer, 10, sender=prosumer)
    for frozen in (prosumer, buyer):
        money.guard.freeze(frozen, sender=guardian)
        refuses("gcc: account is frozen", gcc.transfer, buyer, 1, sender=prosumer)
        refuses("gcc: account is frozen", gcc.transferFrom, prosumer, neighbour, 1, sender=buyer)
        refuses("gcc: account is frozen", gcc.convert_gcm, 100, 0, sender=frozen)
        refuses("gcc: account is frozen", gcc.redeem, 1, 0, sender=frozen)
        money.guard.unfreeze(frozen, sender=guardian)
    refuses("gcc: access is denied", gcc.set_paused, True, sender=guardian)
    pause(gcc)
    assert (gcc.paused(), gcc.rate(), gcc.transfer_tier()) == (True, RATE, 1)
    refuses("gcc: paused", gcc.transfer, buyer, 1, sender=prosumer)
    refuses("gcc: paused", gcc.convert_gcm, 100, 0, sender=prosumer)
    refuses("gcc: paused", gcc.redeem, 1, 0, sender=prosumer)
