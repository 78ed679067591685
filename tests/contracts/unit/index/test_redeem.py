# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCM: a holder leaves with the same share of everything, rounded down; the Guard stops whom it should."""

from collections.abc import Callable

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from tests.contracts.house import KWH, ZERO, E, H, W, refuses
from tests.contracts.permit import permit
from tests.contracts.unit.index.conftest import Fill, Money

ANY = [0] * 10


@pytest.fixture
def filled(money: Money, pay_in: Fill, prosumer: AccountAPI, neighbour: AccountAPI) -> Money:
    """Three kWh of E by the prosumer, one token of H and a little W by the neighbour: 4 GCM and 7 units."""
    pay_in(prosumer, E, 3 * KWH)
    pay_in(neighbour, H, KWH)
    pay_in(neighbour, W, 7)
    return money


def test_redeem(filled: Money, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Share by share rounded down, to any receiver; what it left still covers the others."""
    gcm, token = filled.gcm, filled.token
    supply = 4 * KWH + 7
    shares = [0, *(held * KWH // supply for held in (3 * KWH, KWH, 7)), *[0] * 6]
    assert list(gcm.preview_redeem(KWH)) == shares

    receipt = gcm.redeem(KWH, buyer, shares, sender=prosumer)

    (redeemed,) = receipt.decode_logs(gcm.Redeemed)
    assert (redeemed.owner, redeemed.receiver, redeemed.amount) == (prosumer, buyer, KWH)
    assert list(redeemed.paid) == shares == list(receipt.return_value)
    assert [token.balanceOf(buyer, utility) for utility in range(10)] == shares
    assert gcm.totalSupply() == supply - KWH
    assert list(gcm.basket())[1:4] == [3 * KWH - shares[1], KWH - shares[2], 7 - shares[3]]
    assert [token.balanceOf(gcm, utility) for utility in range(10)] == list(gcm.basket())
    assert gcm.worth() == sum(gcm.basket()) * 10**6 >= gcm.totalSupply() * 10**6


def test_redeem__everybody__leaves_the_locked_share(filled: Money, prosumer: AccountAPI, neighbour: AccountAPI) -> None:
    """All who hold can leave, in any order, and what was left for good stays covered."""
    for holder in (neighbour, prosumer):
        filled.gcm.redeem(filled.gcm.balanceOf(holder), holder, ANY, sender=holder)
    assert filled.gcm.totalSupply() == 10**6 == filled.gcm.balanceOf(filled.gcm)
    assert filled.gcm.worth() >= 10**6 * 10**6


def test_redeem__bad__reverts(filled: Money, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """Nothing for nothing, nothing of others, and nothing below what was accepted."""
    redeem = filled.gcm.redeem
    refuses("gcm: too little to redeem", redeem, 0, prosumer, ANY, sender=prosumer)
    refuses("gcm: too little to redeem", redeem, 1, prosumer, ANY, sender=prosumer)
    refuses("erc20: burn amount exceeds balance", redeem, KWH, stranger, ANY, sender=stranger)
    refuses("gcm: amount exceeds supply", redeem, 5 * KWH, prosumer, ANY, sender=prosumer)
    refuses("gcm: the receiver is the index", redeem, KWH, filled.gcm, ANY, sender=prosumer)
    refuses("gcm: less than accepted", redeem, KWH, prosumer, [0, 0, KWH // 4, *[0] * 7], sender=prosumer)


def test_guard(
    filled: Money,
    give: Fill,
    owner: AccountAPI,
    guardian: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    pause: Callable[[ContractInstance], None],
) -> None:
    """Frozen accounts neither give, receive, redeem nor act for others; a stop stops everybody until the owner says so."""
    gcm, guard = filled.gcm, filled.guard
    gcm.approve(buyer, KWH, sender=prosumer)
    for frozen in (prosumer, buyer):
        guard.freeze(frozen, sender=guardian)
        refuses("gcm: account is frozen", gcm.transfer, buyer, 1, sender=prosumer)
        refuses("gcm: account is frozen", gcm.redeem, KWH, buyer, ANY, sender=prosumer)
        refuses("gcm: account is frozen", gcm.transferFrom, prosumer, owner, 1, sender=buyer)
        guard.unfreeze(frozen, sender=guardian)
    refuses("gcm: access is denied", gcm.set_paused, True, sender=guardian)

    pause(gcm)
    assert gcm.paused()
    assert (gcm.deposits(), gcm.worth()) == (3, (4 * KWH + 7) * 10**6)
    refuses("gcm: paused", gcm.transfer, buyer, 1, sender=prosumer)
    refuses("gcm: paused", gcm.transferFrom, prosumer, buyer, 1, sender=buyer)
    refuses("gcm: paused", gcm.redeem, KWH, prosumer, ANY, sender=prosumer)
    give(prosumer, E, 5)
    refuses("gcm: paused", filled.token.safeTransferFrom, prosumer, gcm, E, 5, b"", sender=prosumer)

    guard.unpause(gcm, sender=owner)
    gcm.transfer(buyer, 1, sender=prosumer)
    assert gcm.balanceOf(buyer) == 1


def test_transfer(filled: Money, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """By its owner, by an approval, by a permit; never to the index itself, where it would be lost."""
    gcm = filled.gcm
    gcm.transfer(buyer, 5, sender=prosumer)
    gcm.permit(*permit(gcm, prosumer, stranger, 7), sender=buyer)
    gcm.transferFrom(prosumer, buyer, 6, sender=stranger)
    assert (gcm.balanceOf(buyer), gcm.allowance(prosumer, stranger), gcm.nonces(prosumer)) == (11, 1, 1)
    refuses("erc20: insufficient allowance", gcm.transferFrom, prosumer, buyer, 2, sender=stranger)
    refuses("erc20: transfer amount exceeds balance", gcm.transfer, buyer, 3 * KWH, sender=prosumer)
    refuses("gcm: the receiver is the index", gcm.transfer, gcm, 1, sender=prosumer)
    refuses("erc20: transfer to the zero address", gcm.transfer, ZERO, 1, sender=prosumer)
