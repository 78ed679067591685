# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""FiatEscrow: tokens wait for a bank payment, and every lock ends once, with the payment, the deadline or a word."""

from dataclasses import replace

from ape.api import AccountAPI
from eth_utils.address import to_canonical_address

from tests.contracts.credits import lock_id
from tests.contracts.house import ZERO, node_keys, refuses
from tests.contracts.permit import permit
from tests.contracts.unit.fiat_escrow.conftest import AMOUNT, DAY, DUE, HOUR, OPEN, PAID, REFUNDED, RUB, SETTLED, Desk


def test_lock(desk: Desk) -> None:
    """The terms stand as they were given, and the tokens are here."""
    terms = desk.terms()
    receipt = desk.escrow.lock(*terms, sender=desk.seller)

    lock = lock_id(to_canonical_address(desk.seller.address), terms[-1])
    assert desk.escrow.lock_id(desk.seller, terms[-1]) == lock
    (locked,) = receipt.decode_logs(desk.escrow.Locked)
    assert (locked.lock, locked.seller, locked.buyer, locked.amount) == (lock, desk.seller, desk.buyer, AMOUNT)
    assert (locked.currency, locked.due, locked.deadline, locked.partial) == (RUB, DUE, terms[4], False)
    held = desk.escrow.lock_of(lock)
    assert (held.seller, held.buyer, held.amount, held.left) == (desk.seller, desk.buyer, AMOUNT, AMOUNT)
    assert (held.currency, held.due, held.paid, held.deadline, held.state) == (RUB, DUE, 0, terms[4], OPEN)
    assert desk.escrow.refundable_after(lock) == terms[4] + DAY
    assert desk.moved() == (-AMOUNT, 0)
    assert desk.escrow.escrowed() == AMOUNT


def test_lock__bad_terms__reverts(desk: Desk, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """Only between two approved users who are not frozen, for something, by a near deadline, once per reference."""
    for changes, reason in (
        ({"buyer": desk.seller}, "fiat_escrow: seller and buyer are one"),
        ({"buyer": stranger}, "fiat_escrow: not an approved user"),
        ({"amount": 0}, "fiat_escrow: no amount"),
        ({"due": 0}, "fiat_escrow: no amount"),
        ({"currency": b"rub"}, "fiat_escrow: not a currency code"),
        ({"currency": b"RU\0"}, "fiat_escrow: not a currency code"),
        ({"deadline": desk.now + 60}, "fiat_escrow: deadline out of bounds"),
        ({"deadline": desk.now + 31 * DAY}, "fiat_escrow: deadline out of bounds"),
        ({"amount": 1_001}, "erc20: insufficient allowance"),
    ):
        refuses(reason, desk.escrow.lock, *desk.terms(**changes), sender=desk.seller)
    refuses("fiat_escrow: not an approved user", desk.escrow.lock, *desk.terms(), sender=stranger)
    desk.guard.freeze(desk.buyer, sender=guardian)
    refuses("fiat_escrow: account is frozen", desk.escrow.lock, *desk.terms(), sender=desk.seller)
    desk.guard.unfreeze(desk.buyer, sender=guardian)
    lock = desk.lock()
    again = desk.terms(reference=(1).to_bytes(32, "big"))
    refuses("fiat_escrow: reference is used", desk.escrow.lock, *again, sender=desk.seller)
    desk.escrow.release(lock, sender=desk.seller)
    refuses("fiat_escrow: reference is used", desk.escrow.lock, *again, sender=desk.seller)


def test_lock_with_permit(desk: Desk) -> None:
    """One transaction; and when somebody brought the permit before, it still locks."""
    desk.coin.approve(desk.escrow, 0, sender=desk.seller)
    for brought in (False, True):
        until = desk.now + HOUR
        parts = permit(desk.coin, desk.seller, desk.escrow, AMOUNT, until)[4:]
        if brought:
            desk.coin.permit(desk.seller, desk.escrow, AMOUNT, until, *parts, sender=desk.relayer)
        reference = b"brought".rjust(32, b"\0") if brought else bytes(32)
        desk.escrow.lock_with_permit(*desk.terms(reference=reference), until, *parts, sender=desk.seller)
    assert desk.moved() == (-2 * AMOUNT, 0)


def test_attest__whole_payment(desk: Desk) -> None:
    """The buyer gets everything, the lock is over, and the excess is told."""
    lock = desk.lock()

    receipt = desk.attest(credit := desk.credit(lock, DUE + 5))

    (credited,) = receipt.decode_logs(desk.escrow.Credited)
    assert (credited.lock, credited.payment, credited.credited) == (lock, credit.payment, DUE + 5)
    assert (credited.excess, credited.released) == (5, AMOUNT)
    (ended,) = receipt.decode_logs(desk.escrow.Ended)
    assert (ended.state, ended.to_buyer, ended.to_seller) == (PAID, AMOUNT, 0)
    assert desk.moved() == (-AMOUNT, AMOUNT)
    assert desk.state(lock) == PAID
    assert desk.escrow.lock_of_payment(credit.payment) == lock
    refuses("fiat_escrow: lock is not open", desk.escrow.attest, *desk.signed(desk.credit(lock)), sender=desk.relayer)
    refuses("fiat_escrow: lock is not open", desk.escrow.refund, lock, sender=desk.relayer)


def test_attest__one_payment_twice__reverts(desk: Desk) -> None:
    """A bank's entry counts once, whichever lock is named."""
    first, second = desk.lock(), desk.lock(partial=True)
    desk.attest(credit := desk.credit(first))
    again = replace(credit, lock=second)
    refuses("fiat_escrow: payment is counted already", desk.escrow.attest, *desk.signed(again), sender=desk.relayer)


def test_attest__partial(desk: Desk) -> None:
    """Shares are released as they come, rounded so that the sum is the same, and the rest goes back."""
    lock = desk.lock(partial=True, due=3)
    for amount, total in ((1, 33), (1, 66)):
        desk.attest(desk.credit(lock, amount))
        assert desk.moved() == (-AMOUNT, total)
    assert desk.escrow.lock_of(lock).paid == 2
    desk.wait_until(desk.escrow.refundable_after(lock) + 1)
    desk.escrow.refund(lock, sender=desk.relayer)
    assert desk.moved() == (-66, 66)

    whole = desk.lock(partial=True, due=3)
    for _ in range(3):
        desk.attest(desk.credit(whole, 1))
    assert desk.moved() == (-66 - AMOUNT, 66 + AMOUNT)
    assert desk.state(whole) == PAID


def test_attest__wrong__reverts(desk: Desk, owner: AccountAPI, guardian: AccountAPI) -> None:
    """Another signer, changed content, another currency, too little, nothing, no lock, a stop."""
    lock = desk.lock()
    credit = desk.credit(lock)
    signed = desk.signed(credit)
    unsigned = "fiat_escrow: not signed by an attester"
    attest = desk.escrow.attest
    refuses(unsigned, attest, *desk.signed(credit, by=node_keys(1, generation=2)[0]), sender=desk.relayer)
    refuses(unsigned, attest, *signed[:3], DUE + 1, signed[4], sender=desk.relayer)
    refuses("ecdsa: invalid signature", attest, *signed[:4], bytes(65), sender=desk.relayer)
    refuses(unsigned, attest, *signed[:4], b"", sender=desk.relayer)
    for changed, reason in (
        (replace(credit, currency=b"CNY"), "fiat_escrow: another currency"),
        (replace(credit, amount=DUE - 1), "fiat_escrow: less than is due"),
        (replace(credit, amount=0), "fiat_escrow: nothing credited"),
        (replace(credit, payment=bytes(32)), "fiat_escrow: no payment"),
        (replace(credit, lock=bytes(32)), "fiat_escrow: lock is not open"),
    ):
        refuses(reason, attest, *desk.signed(changed), sender=desk.relayer)
    desk.guard.pause(desk.escrow, sender=guardian)
    refuses("fiat_escrow: paused", attest, *signed, sender=desk.relayer)
    desk.guard.unpause(desk.escrow, sender=owner)
    desk.escrow.set_attester(desk.attester.public_key.to_checksum_address(), False, sender=owner)
    refuses(unsigned, attest, *signed, sender=desk.relayer)


def test_attest__attester_is_a_side__reverts(desk: Desk, owner: AccountAPI, guardian: AccountAPI) -> None:
    """Nobody attests their own payment."""
    address = desk.attester.public_key.to_checksum_address()
    desk.guard.set_tier(address, 2, sender=guardian)
    lock = desk.lock(buyer=address)
    refuses("fiat_escrow: attester is a side", desk.escrow.attest, *desk.signed(desk.credit(lock)), sender=desk.relayer)


def test_refund__after_deadline_and_grace_by_anybody(desk: Desk, guardian: AccountAPI) -> None:
    """Not before; and then a pause doesn't stop it."""
    lock = desk.lock()
    refuses("fiat_escrow: too early", desk.escrow.refund, lock, sender=desk.seller)
    desk.guard.pause(desk.escrow, sender=guardian)
    refuses("fiat_escrow: paused", desk.escrow.lock, *desk.terms(), sender=desk.seller)
    desk.wait_until(desk.escrow.refundable_after(lock) + 1)

    receipt = desk.escrow.refund(lock, sender=desk.relayer)

    (ended,) = receipt.decode_logs(desk.escrow.Ended)
    assert (ended.state, ended.to_buyer, ended.to_seller) == (REFUNDED, 0, AMOUNT)
    assert desk.moved() == (0, 0)
    refuses("fiat_escrow: lock is not open", desk.escrow.refund, lock, sender=desk.relayer)


def test_attest__late_but_open__counts(desk: Desk) -> None:
    """The seller has the money, so the buyer gets the tokens as long as nobody refunded them."""
    lock = desk.lock()
    desk.wait_until(desk.escrow.refundable_after(lock) + HOUR)
    desk.attest(desk.credit(lock))
    assert desk.moved() == (-AMOUNT, AMOUNT)


def test_release_and_waive(desk: Desk, stranger: AccountAPI) -> None:
    """Each side can give up, and nobody else can."""
    first, second = desk.lock(), desk.lock()
    for sender in (desk.buyer, stranger):
        refuses("fiat_escrow: caller is not the seller", desk.escrow.release, first, sender=sender)
    for sender in (desk.seller, stranger):
        refuses("fiat_escrow: caller is not the buyer", desk.escrow.waive, second, sender=sender)
    desk.escrow.release(first, sender=desk.seller)
    assert desk.moved() == (-2 * AMOUNT, AMOUNT)
    desk.escrow.waive(second, sender=desk.buyer)
    assert desk.moved() == (-AMOUNT, AMOUNT)
    assert [desk.state(lock) for lock in (first, second)] == [SETTLED, SETTLED]


def test_owed__side_can_not_receive__does_not_hold_the_other_up(desk: Desk, owner: AccountAPI) -> None:
    """What can't be paid waits for its owner, and anybody can bring it later."""
    lock = desk.lock()
    desk.escrow.dispute(lock, 30, sender=desk.buyer)
    desk.coin.shut_out(desk.seller, True, sender=owner)
    desk.escrow.dispute(lock, 30, sender=desk.seller)

    assert desk.moved() == (-AMOUNT, 30)
    assert desk.escrow.owed(desk.seller) == desk.escrow.total_owed() == 70
    refuses("open_coin: shut out", desk.escrow.collect, desk.seller, sender=desk.relayer)
    desk.coin.shut_out(desk.seller, False, sender=owner)
    desk.escrow.collect(desk.seller, sender=desk.relayer)
    assert desk.moved() == (-30, 30)
    refuses("fiat_escrow: nothing is owed", desk.escrow.collect, desk.seller, sender=desk.relayer)


def test_reentrancy__token_calls_back(desk: Desk, owner: AccountAPI) -> None:
    """A token that calls while it pays finds the doors shut."""
    first, second = desk.lock(), desk.lock()
    signed = desk.signed(desk.credit(second))
    desk.coin.prepare(desk.escrow, desk.escrow.attest.encode_input(*signed), sender=owner)
    desk.attest(desk.credit(first))
    assert (desk.coin.tried(), desk.coin.went_through()) == (1, 0)
    assert desk.state(second) == OPEN
    desk.coin.prepare(ZERO, b"", sender=owner)
    desk.escrow.attest(*signed, sender=desk.relayer)
    assert desk.moved() == (-2 * AMOUNT, 2 * AMOUNT)


def test_access__stranger__reverts(desk: Desk, stranger: AccountAPI, owner: AccountAPI) -> None:
    """Roles are the owner's; the brake is the Guard's."""
    for method, arguments in ((desk.escrow.set_attester, [stranger, True]), (desk.escrow.set_arbiter, [stranger])):
        refuses("ownable: caller is not the owner", method, *arguments, sender=stranger)
    refuses("fiat_escrow: access is denied", desk.escrow.set_paused, True, sender=owner)
    refuses("fiat_escrow: no attester", desk.escrow.set_attester, ZERO, True, sender=owner)
    refuses("fiat_escrow: no arbiter", desk.escrow.set_arbiter, ZERO, sender=owner)
