# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""FiatEscrow's rules in a few lines of Python."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.contracts.credits import Credit
from tests.contracts.fuzz.market import Refused, need
from tests.contracts.fuzz.world import PEOPLE, account

ARBITER = account("arbiter")
GRACE, DISPUTE, DAY = 86_400, 14 * 86_400, 86_400
RUB = b"RUB"
OPEN, PAID, REFUNDED, SETTLED = 1, 2, 3, 4
SELLERS = PEOPLE[:3]  # approved; the fourth is not
FORTUNE = 10**6


@dataclass
class Lock:
    """One lock of the model."""

    seller: bytes
    buyer: bytes
    amount: int
    left: int
    due: int
    deadline: int
    partial: bool
    paid: int = 0
    disputed_at: int = 0
    claimed: int = 0
    conceded: int = 0
    state: int = OPEN

    @property
    def words(self) -> tuple[object, ...]:
        """As `lock_of` tells it."""
        return (
            "0x" + self.seller.hex(),
            "0x" + self.buyer.hex(),
            self.amount,
            self.left,
            RUB,
            self.due,
            self.paid,
            self.deadline,
            self.disputed_at,
            self.claimed,
            self.conceded,
            self.partial,
            self.state,
        )


@dataclass
class Model:
    """The escrow's rules. Every method raises Refused before it changes anything."""

    now: int = 0
    paused: bool = False
    attester_active: bool = True
    shut: set[bytes] = field(default_factory=set)
    locks: dict[bytes, Lock] = field(default_factory=dict)
    payments: dict[bytes, bytes] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=lambda: dict.fromkeys(SELLERS, FORTUNE))
    owed: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    ends: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))

    def lock(self, number: bytes, made: Lock) -> None:
        """A seller locks."""
        need(not self.paused, "fiat_escrow: paused")
        need(made.seller != made.buyer, "fiat_escrow: seller and buyer are one")
        need({made.seller, made.buyer} <= set(SELLERS), "fiat_escrow: not an approved user")
        need(made.amount > 0 and made.due > 0, "fiat_escrow: no amount")
        need(self.now + 900 <= made.deadline <= self.now + 30 * DAY, "fiat_escrow: deadline out of bounds")
        need(number not in self.locks, "fiat_escrow: reference is used")
        need(made.amount <= self.balances[made.seller], "erc20: transfer amount exceeds balance")
        self.balances[made.seller] -= made.amount
        self.locks[number] = made

    def attest(self, credit: Credit, *, genuine: bool) -> None:
        """A credit is brought."""
        need(not self.paused, "fiat_escrow: paused")
        lock = self.open(credit.lock)
        need(credit.currency == RUB, "fiat_escrow: another currency")
        need(credit.amount > 0, "fiat_escrow: nothing credited")
        need(credit.payment not in self.payments, "fiat_escrow: payment is counted already")
        need(genuine and self.attester_active, "fiat_escrow: not signed by an attester")
        paid = min(lock.due, lock.paid + credit.amount)
        need(paid == lock.due or lock.partial, "fiat_escrow: less than is due")
        self.payments[credit.payment] = credit.lock
        lock.paid = paid
        released = lock.left - (lock.amount - lock.amount * paid // lock.due)
        if paid == lock.due:
            self.end(credit.lock, PAID, lock.left)
        else:
            lock.left -= released
            lock.claimed = max(0, lock.claimed - released)
            lock.conceded = max(0, lock.conceded - released)
            self.pay(lock.buyer, released)

    def give_up(self, number: bytes, sender: bytes, *, seller: bool) -> None:
        """`release` by the seller, `waive` by the buyer."""
        lock = self.open(number)
        side, name = (lock.seller, "seller") if seller else (lock.buyer, "buyer")
        need(sender == side, f"fiat_escrow: caller is not the {name}")
        self.end(number, SETTLED, lock.left if seller else 0)

    def dispute(self, number: bytes, bound: int, sender: bytes) -> None:
        """A side states its bound."""
        lock = self.open(number)
        need(bound <= lock.left, "fiat_escrow: more than is left")
        need(sender in (lock.seller, lock.buyer), "fiat_escrow: caller is neither side")
        if not lock.disputed_at:
            lock.disputed_at, lock.claimed, lock.conceded = self.now, lock.left, 0
        if sender == lock.buyer:
            lock.claimed = bound
        else:
            lock.conceded = bound
        if lock.conceded >= lock.claimed:
            self.end(number, SETTLED, lock.claimed)

    def decide(self, number: bytes, to_buyer: int, sender: bytes) -> None:
        """The arbiter decides."""
        need(not self.paused, "fiat_escrow: paused")
        need(sender == ARBITER, "fiat_escrow: access is denied")
        lock = self.open(number)
        need(lock.disputed_at > 0, "fiat_escrow: no dispute")
        need(lock.conceded <= to_buyer <= lock.claimed, "fiat_escrow: outside the two sides' bounds")
        self.end(number, SETTLED, to_buyer)

    def refund(self, number: bytes) -> None:
        """Anybody, once it is late enough; whatever is paused."""
        lock = self.open(number)
        until = max(lock.deadline + GRACE, lock.disputed_at + DISPUTE if lock.disputed_at else 0)
        need(self.now > until, "fiat_escrow: too early")
        self.end(number, REFUNDED, lock.conceded)

    def collect(self, who: bytes) -> None:
        """Anybody, for an account that is owed something."""
        need(self.owed[who] > 0, "fiat_escrow: nothing is owed")
        need(who not in self.shut, "open_coin: shut out")
        self.balances[who] += self.owed.pop(who)

    def open(self, number: bytes) -> Lock:
        """An open lock."""
        lock = self.locks.get(number)
        if lock is None or lock.state != OPEN:
            raise Refused("fiat_escrow: lock is not open")
        return lock

    def end(self, number: bytes, state: int, to_buyer: int) -> None:
        """An open lock ends."""
        lock = self.locks[number]
        to_seller, lock.left, lock.state = lock.left - to_buyer, 0, state
        self.ends[number] += 1
        self.pay(lock.buyer, to_buyer)
        self.pay(lock.seller, to_seller)

    def pay(self, who: bytes, amount: int) -> None:
        """At once, or as a debt."""
        place = self.owed if who in self.shut else self.balances
        place[who] += amount
