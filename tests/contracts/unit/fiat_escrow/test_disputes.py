# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""FiatEscrow: a dispute holds the refund, and ends within the two sides' bounds."""

from ape.api import AccountAPI

from tests.contracts.house import refuses
from tests.contracts.unit.fiat_escrow.conftest import AMOUNT, DAY, DUE, HOUR, SETTLED, Desk


def test_dispute__holds_the_refund_until_decided(desk: Desk, arbiter: AccountAPI, stranger: AccountAPI) -> None:
    """The arbiter decides between what the seller concedes and what the buyer claims."""
    lock = desk.lock()
    refuses("fiat_escrow: no dispute", desk.escrow.decide, lock, 0, sender=arbiter)
    refuses("fiat_escrow: caller is neither side", desk.escrow.dispute, lock, 1, sender=stranger)
    refuses("fiat_escrow: more than is left", desk.escrow.dispute, lock, AMOUNT + 1, sender=desk.buyer)
    receipt = desk.escrow.dispute(lock, 80, sender=desk.buyer)
    (disputed,) = receipt.decode_logs(desk.escrow.Disputed)
    assert (disputed.by, disputed.claimed, disputed.conceded) == (desk.buyer, 80, 0)
    desk.escrow.dispute(lock, 20, sender=desk.seller)
    held = desk.escrow.lock_of(lock)
    assert (held.claimed, held.conceded) == (80, 20)
    began = held.disputed_at
    assert desk.escrow.refundable_after(lock) == began + 14 * DAY

    desk.wait_until(began + 3 * DAY)
    refuses("fiat_escrow: too early", desk.escrow.refund, lock, sender=desk.seller)
    for outside in (19, 81):
        refuses("fiat_escrow: outside the two sides' bounds", desk.escrow.decide, lock, outside, sender=arbiter)
    refuses("fiat_escrow: access is denied", desk.escrow.decide, lock, 50, sender=stranger)
    desk.escrow.decide(lock, 50, sender=arbiter)

    assert desk.moved() == (-50, 50)
    assert desk.state(lock) == SETTLED
    refuses("fiat_escrow: lock is not open", desk.escrow.decide, lock, 50, sender=arbiter)


def test_dispute__agreement__ends_it(desk: Desk, guardian: AccountAPI) -> None:
    """Once the seller concedes what is claimed, the buyer gets the claim; a pause doesn't stop them."""
    lock = desk.lock()
    desk.guard.pause(desk.escrow, sender=guardian)
    desk.escrow.dispute(lock, 40, sender=desk.seller)
    desk.escrow.dispute(lock, 30, sender=desk.buyer)
    assert desk.moved() == (-30, 30)
    assert desk.state(lock) == SETTLED


def test_dispute__silent_arbiter__the_concession_stands(desk: Desk) -> None:
    """Nothing is stuck for ever, and a second statement buys no more time."""
    lock = desk.lock()
    desk.escrow.dispute(lock, 80, sender=desk.buyer)
    until = desk.escrow.refundable_after(lock)
    desk.escrow.dispute(lock, 20, sender=desk.seller)
    desk.wait_until(until - HOUR)
    desk.escrow.dispute(lock, 70, sender=desk.buyer)
    assert desk.escrow.refundable_after(lock) == until
    desk.wait_until(until + 1)
    desk.escrow.refund(lock, sender=desk.relayer)
    assert desk.moved() == (-20, 20)


def test_dispute__credit_comes__shrinks_the_bounds(desk: Desk, arbiter: AccountAPI) -> None:
    """What a credit paid for is out of the dispute."""
    lock = desk.lock(partial=True)
    desk.escrow.dispute(lock, 90, sender=desk.buyer)
    desk.escrow.dispute(lock, 10, sender=desk.seller)
    desk.attest(desk.credit(lock, DUE // 2))
    held = desk.escrow.lock_of(lock)
    assert (held.left, held.claimed, held.conceded) == (50, 40, 0)
    desk.escrow.decide(lock, 40, sender=arbiter)
    assert desk.moved() == (-90, 90)


def test_decide__paused_or_arbiter_is_a_side__reverts(
    desk: Desk, arbiter: AccountAPI, owner: AccountAPI, guardian: AccountAPI
) -> None:
    """A stolen arbiter is stopped at once, and nobody judges their own case."""
    lock = desk.lock()
    desk.escrow.dispute(lock, AMOUNT, sender=desk.buyer)
    desk.guard.pause(desk.escrow, sender=guardian)
    refuses("fiat_escrow: paused", desk.escrow.decide, lock, 1, sender=arbiter)
    desk.guard.unpause(desk.escrow, sender=owner)
    desk.escrow.set_arbiter(desk.buyer, sender=owner)
    refuses("fiat_escrow: arbiter is a side", desk.escrow.decide, lock, 1, sender=desk.buyer)
    refuses("fiat_escrow: access is denied", desk.escrow.decide, lock, 1, sender=arbiter)
