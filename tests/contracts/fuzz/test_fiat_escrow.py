# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""FiatEscrow against a few lines of Python: what it holds is what open locks and debts need, and a lock ends once."""

from collections.abc import Iterator

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from bench.contracts import artifact
from tests.contracts.credits import Credit, lock_id
from tests.contracts.fuzz.escrow_model import ARBITER, DAY, DISPUTE, FORTUNE, GRACE, OPEN, RUB, SELLERS, Lock, Model
from tests.contracts.fuzz.market import Compared, operation, search
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, RELAYER, STRANGER, Contract, sign, signers

TIER = 2
CNY = b"CNY"

picks = st.integers(0, 99)  # modulo the length of whatever is chosen from
amounts = st.sampled_from((1, 2, 3, 7, 100, 999, 999, 1_000, 1_001, 9_999, 50_000, 100_000, 0))
dues = st.sampled_from((1, 3, 7, 7, 99, 100, 1_000, 1_000, 10_001, 2**127, 0))
parts = st.sampled_from((30, 100, 1, 50, 99, 101, 0))  # per cent


class Escrow(Compared):
    """All operations in any order."""

    escrow: Contract
    coin: Contract
    guard: Contract
    chain_id: int
    examples = 150

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(now=self.now)
        self.numbers: list[bytes] = []
        self.used: list[tuple[bytes, bytes]] = []
        self.touched: set[bytes] = set()

    def pick(self, which: int) -> bytes:
        """A lock, mostly an open one."""
        opened = [number for number in self.numbers if self.model.locks[number].state == OPEN]
        among = opened if opened and which % 8 else self.numbers
        number = among[which % len(among)]
        self.touched.add(number)
        return number

    def party(self, number: bytes, who: int) -> bytes:
        """Mostly a side of a lock."""
        lock = self.model.locks.get(number)
        return STRANGER if lock is None or who % 7 == 0 else lock.seller if who % 2 else lock.buyer

    @operation(
        weight=3,
        seller=picks,
        buyer=st.sampled_from((1, 1, 1, 2, 2, 2, 1, 1, 0, 3)),
        amount=amounts,
        due=dues,
        wait=st.sampled_from((900, 7_200, 30 * DAY, DAY, 900, 7_200, DAY, DAY, 899, 30 * DAY + 1)),
        partial=st.booleans(),
        again=st.integers(0, 5),
    )
    def lock(self, seller: int, buyer: int, amount: int, due: int, wait: int, partial: bool, again: int) -> None:
        """Most of them good."""
        who = SELLERS[seller % 3] if seller else PEOPLE[3]
        to = SELLERS[(seller + buyer) % 3] if buyer < 3 else PEOPLE[3]
        reference = len(self.numbers).to_bytes(32, "big")
        if again == 1 and self.used:
            who, reference = self.used[seller % len(self.used)]
        number = lock_id(who, reference)
        made = Lock(who, to, amount, amount, due, self.now + wait, partial)
        args = (to, amount, RUB, due, made.deadline, partial, reference)
        self.both(lambda: self.model.lock(number, made), self.escrow, "lock", *args, sender=who)
        if self.changed:
            self.numbers.append(number)
            self.used.append((who, reference))
            self.touched.add(number)

    @operation(
        weight=5,
        when=lambda self: self.numbers,
        which=picks,
        part=parts,
        payment=st.integers(1, 40),
        forged=st.sampled_from((1, 1, 1, 1, 1, 0)),
        foreign=st.sampled_from((1, 1, 1, 1, 1, 0)),
    )
    def attest(self, which: int, part: int, payment: int, forged: int, foreign: int) -> None:
        """A new entry of the bank or one that was brought before, rarely forged or in another currency."""
        number = self.pick(which)
        lock = self.model.locks[number]
        amount = -(-lock.due * part // 100)
        fresh = len(self.model.payments) + 100 if payment % 4 else payment % max(1, len(self.model.payments)) + 100
        credit = Credit(number, fresh.to_bytes(32, "big"), RUB if foreign else CNY, amount)
        signer = signers()[0 if forged else 1]
        signature = b"".join(sign(credit.digest(chain_id=self.chain_id, escrow=self.escrow.address), signer))
        self.both(
            lambda: self.model.attest(credit, genuine=bool(forged)),
            self.escrow, "attest", *credit.args, signature, sender=RELAYER,
        )  # fmt: skip

    @operation(when=lambda self: self.numbers, which=picks, who=picks, seller=st.booleans())
    def give_up(self, which: int, who: int, seller: bool) -> None:
        """One side lets go."""
        number = self.pick(which)
        sender = self.party(number, who)
        self.both(
            lambda: self.model.give_up(number, sender, seller=seller),
            self.escrow, "release" if seller else "waive", number, sender=sender,
        )  # fmt: skip

    @operation(weight=4, when=lambda self: self.numbers, which=picks, who=picks, part=parts)
    def dispute(self, which: int, who: int, part: int) -> None:
        """A side states its bound, now and then too much."""
        number = self.pick(which)
        bound = -(-self.model.locks[number].left * part // 100)
        sender = self.party(number, who)
        self.both(
            lambda: self.model.dispute(number, bound, sender),
            self.escrow, "dispute", number, bound, sender=sender,
        )  # fmt: skip

    @operation(
        weight=3, when=lambda self: self.numbers, which=picks, part=parts, stranger=st.sampled_from((1, 1, 1, 1, 0))
    )
    def decide(self, which: int, part: int, stranger: int) -> None:
        """The arbiter, rarely somebody else."""
        number = self.pick(which)
        decided = self.model.locks[number].left * part // 100
        sender = ARBITER if stranger else STRANGER
        self.both(
            lambda: self.model.decide(number, decided, sender),
            self.escrow, "decide", number, decided, sender=sender,
        )  # fmt: skip

    @operation(weight=3, when=lambda self: self.numbers, which=picks, late=st.sampled_from((None, 0, 1)))
    def refund(self, which: int, late: int | None) -> None:
        """At any time, at the last second that is too early, and at the first that is late enough."""
        number = self.pick(which)
        lock = self.model.locks[number]
        if late is not None and lock.state == OPEN:
            until = self.escrow.view("refundable_after", number)
            self.move_to(max(self.now, until + late))
        self.both(lambda: self.model.refund(number), self.escrow, "refund", number, sender=RELAYER)

    @operation(weight=3, when=lambda self: any(self.model.owed.values()), who=picks)
    def collect(self, who: int) -> None:
        """For anybody."""
        name = PEOPLE[who % 4]
        self.both(lambda: self.model.collect(name), self.escrow, "collect", name, sender=RELAYER)

    @operation(seconds=st.sampled_from((1, 900, 7_200, DAY)))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.move_to(self.now + seconds)

    @operation(weight=2, who=picks, shut=st.booleans())
    def freeze(self, who: int, shut: bool) -> None:
        """The token refuses an account, or takes it back."""
        name = SELLERS[who % 3]
        self.coin.must("shut_out", name, shut, sender=OWNER)
        (self.model.shut.add if shut else self.model.shut.discard)(name)

    @operation(dice=st.integers(0, 7))
    def brake(self, dice: int) -> None:
        """A stop now and then, mostly taken back."""
        paused = dice == 7
        function, sender = ("pause", GUARDIAN) if paused else ("unpause", OWNER)
        self.guard.must(function, self.escrow.address, sender=sender)
        self.model.paused = paused

    @operation(dice=st.integers(0, 7))
    def attester(self, dice: int) -> None:
        """The attester is dismissed now and then, mostly appointed."""
        self.model.attester_active = dice < 7
        self.escrow.must("set_attester", signers()[0].address, dice < 7, sender=OWNER)

    def move_to(self, timestamp: int) -> None:
        """Both clocks."""
        boa.env.timestamp = timestamp
        self.model.now = timestamp

    @invariant()
    def escrow_holds_what_it_owes(self) -> None:
        """Σ left of open locks and Σ debts, to the unit, and nothing of anybody else."""
        escrowed = sum(lock.left for lock in self.model.locks.values())
        owed = sum(self.model.owed.values())
        assert escrowed + owed + sum(self.model.balances.values()) == FORTUNE * len(SELLERS)
        if not self.changed and not self.full:
            return
        assert self.escrow.view("escrowed") == escrowed
        assert self.escrow.view("total_owed") == owed
        assert self.coin.view("balanceOf", self.escrow.address) == escrowed + owed

    @invariant()
    def locks_are_the_model_s(self) -> None:
        """What was touched, field by field; a lock that is over has ended once and never opens again."""
        for number in self.numbers if self.full else self.touched if self.changed else ():
            assert self.escrow.view("lock_of", number) == self.model.locks[number].words
        for number, lock in self.model.locks.items():
            assert self.model.ends[number] == (lock.state != OPEN)
        for who in SELLERS if self.full else SELLERS[self.steps % 3 :][:1] if self.changed else ():
            assert self.coin.view("balanceOf", who) == self.model.balances[who]
            assert self.escrow.view("owed", who) == self.model.owed[who]
        self.touched.clear()

    def compare_all(self) -> None:
        """Every lock, balance and debt."""
        self.escrow_holds_what_it_owes()
        self.locks_are_the_model_s()


@pytest.fixture
def deployed() -> Iterator[type[Escrow]]:
    """The contracts on a fresh chain, three approved and rich users."""
    with boa.env.anchor():
        Escrow.guard = Contract(artifact("Guard"), sender=OWNER)
        Escrow.coin = Contract(artifact("OpenCoin"), sender=OWNER)
        Escrow.escrow = Contract(
            artifact("FiatEscrow"), Escrow.coin.address, Escrow.guard.address, ARBITER, TIER, GRACE, DISPUTE,
            sender=OWNER,
        )  # fmt: skip
        Escrow.chain_id = boa.env.evm.patch.chain_id
        Escrow.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        Escrow.escrow.must("set_attester", signers()[0].address, True, sender=OWNER)
        for user in SELLERS:
            Escrow.guard.must("set_tier", user, TIER, sender=GUARDIAN)
            Escrow.coin.must("give", user, FORTUNE, sender=OWNER)
            Escrow.coin.must("approve", Escrow.escrow.address, 2**256 - 1, sender=user)
        yield Escrow


def test_escrow__any_order_of_everything__conserves_and_ends_once(deployed: type[Escrow]) -> None:
    search(
        deployed,
        (
            ("lock", "ok"),
            ("lock", "fiat_escrow: reference is used"),
            ("attest", "ok"),
            ("attest", "fiat_escrow: payment is counted already"),
            ("attest", "fiat_escrow: not signed by an attester"),
            ("attest", "fiat_escrow: less than is due"),
            ("attest", "fiat_escrow: lock is not open"),
            ("dispute", "ok"),
            ("decide", "ok"),
            ("decide", "fiat_escrow: outside the two sides' bounds"),
            ("refund", "ok"),
            ("refund", "fiat_escrow: too early"),
            ("refund", "fiat_escrow: lock is not open"),
            ("release", "ok"),
            ("waive", "ok"),
            ("collect", "ok"),
            ("collect", "open_coin: shut out"),
        ),
    )
