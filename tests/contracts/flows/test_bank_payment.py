# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCM against a bank payment: locked until the bank says that it was credited, or until its time is over."""

from typing import Any

import ape
from ape.api import AccountAPI
from eth_utils.address import to_canonical_address

from tests.contracts.credits import Credit, lock_id
from tests.contracts.flows.bazaar import DAY, GCM_ONE, Town
from tests.contracts.house import KWH, E, compact, refuses
from tests.contracts.permit import permit

RUB, DUE = b"RUB", 9_500
AMOUNT = GCM_ONE


def attestation(town: Town, lock: bytes, payment: int) -> tuple[Any, ...]:
    """What the bank's gateway signs."""
    escrow = town.bazaar.escrow
    credit = Credit(lock, payment.to_bytes(32, "big"), RUB, DUE)
    digest = credit.digest(chain_id=ape.chain.chain_id, escrow=to_canonical_address(escrow.address))
    return (*credit.args, b"".join(compact(town.bazaar.attester, digest)))


def test_paid__gcm_changes_hands_and_becomes_energy_again(
    town: Town, neighbour: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, relayer: AccountAPI
) -> None:
    """The barn's owner sells a GCM for roubles, with a permit in place of an approval; the buyer redeems it for energy."""
    bazaar, guard = town.bazaar, town.house.on.guard
    escrow, gcm = bazaar.escrow, bazaar.gcm
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    gcm.approve(escrow, 0, sender=neighbour)
    deadline = town.now + DAY
    terms = (buyer, AMOUNT, RUB, DUE, deadline, False, (1).to_bytes(32, "big"))
    signed = permit(gcm, neighbour, escrow, AMOUNT)[3:]
    refuses("fiat_escrow: not an approved user", escrow.lock_with_permit, *terms, *signed, sender=neighbour)
    for person in (neighbour, buyer):
        guard.set_tier(person, 2, sender=guardian)
    escrow.lock_with_permit(*terms, *signed, sender=neighbour)
    lock = lock_id(to_canonical_address(neighbour.address), (1).to_bytes(32, "big"))
    assert town.money(escrow) == escrow.escrowed() == AMOUNT
    town.check_nothing_is_lost()

    paid = attestation(town, lock, 77)
    escrow.attest(*paid, sender=relayer)
    assert town.money(buyer) == AMOUNT
    again = lock_id(to_canonical_address(neighbour.address), (2).to_bytes(32, "big"))
    gcm.approve(escrow, AMOUNT // 2, sender=neighbour)
    escrow.lock(buyer, AMOUNT // 2, RUB, DUE, deadline, False, (2).to_bytes(32, "big"), sender=neighbour)
    refuses("fiat_escrow: payment is counted already", escrow.attest, *attestation(town, again, 77), sender=relayer)

    gcm.redeem(AMOUNT, buyer, [0] * 10, sender=buyer)
    assert town.energy(buyer) == AMOUNT == KWH
    town.check_nothing_is_lost()

    ape.chain.mine(timestamp=int(escrow.refundable_after(again)) + 1)
    before = town.money(neighbour)
    escrow.refund(again, sender=relayer)
    assert town.money(neighbour) == before + AMOUNT // 2
    assert (town.money(escrow), escrow.escrowed(), escrow.total_owed()) == (0, 0, 0)
    assert town.energy(bazaar.gcm) >= gcm.totalSupply()
    town.check_nothing_is_lost()


def test_seller_is_frozen_in_between__the_buyer_who_paid_is_not_robbed(
    town: Town, neighbour: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, relayer: AccountAPI
) -> None:
    """What was paid for is the buyer's. A freeze of the buyer keeps it in the escrow, owed, until the freeze ends."""
    escrow, guard = town.bazaar.escrow, town.house.on.guard
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    for person in (neighbour, buyer):
        guard.set_tier(person, 2, sender=guardian)
    escrow.lock(buyer, AMOUNT, RUB, DUE, town.now + DAY, False, (3).to_bytes(32, "big"), sender=neighbour)
    lock = lock_id(to_canonical_address(neighbour.address), (3).to_bytes(32, "big"))
    guard.freeze(neighbour, sender=guardian)
    guard.freeze(buyer, sender=guardian)

    escrow.attest(*attestation(town, lock, 78), sender=relayer)

    assert (town.money(buyer), escrow.owed(buyer)) == (0, AMOUNT)
    guard.unfreeze(buyer, sender=guardian)
    escrow.collect(buyer, sender=relayer)
    assert town.money(buyer) == AMOUNT
    assert town.house.on.token.balanceOf(town.bazaar.gcm, E) >= town.bazaar.gcm.totalSupply()
