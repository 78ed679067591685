# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""FiatEscrow: tokens wait for a bank payment, and every lock ends once, with the payment, the deadline or an agreement."""

from dataclasses import dataclass, replace
from typing import Any

import ape
import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance
from eth_account.messages import encode_typed_data
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address

from scripts._house import container
from tests.contracts.credits import Credit, lock_id
from tests.contracts.house import ZERO, compact, node_keys, refuses

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
        permit = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Permit": [
                    {"name": name, "type": kind}
                    for name, kind in (
                        ("owner", "address"),
                        ("spender", "address"),
                        ("value", "uint256"),
                        ("nonce", "uint256"),
                        ("deadline", "uint256"),
                    )
                ],
            },
            "primaryType": "Permit",
            "domain": {
                "name": "Open coin",
                "version": "1",
                "chainId": ape.chain.chain_id,
                "verifyingContract": desk.coin.address,
            },
            "message": {
                "owner": desk.seller.address,
                "spender": desk.escrow.address,
                "value": AMOUNT,
                "nonce": desk.coin.nonces(desk.seller),
                "deadline": until,
            },
        }
        signature = desk.seller.sign_message(encode_typed_data(full_message=permit))
        assert signature is not None
        parts = (signature.v, signature.r, signature.s)
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
