# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Index and coin stay covered after any order of deposits, redemptions, new weights, donations and conversions."""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.fuzz.index import MINTER, ONE, PARTS, Coin, Index, OnChain, Refused
from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.world import OWNER, START, STRANGER, Contract, Outcome

NOTHING = [0] * PARTS
EXAMPLES = {"default": 78, "nightly": 1_620}
STEPS = 50
FULL_EVERY = 8
DAY = 86_400

who = st.sampled_from((0, 1, 2, 3, 4, 4))  # 4: who holds most of what is given away
utilities = st.sampled_from((1, 1, 1, 2, 3, 9, 10))
amounts = st.one_of(
    st.sampled_from((0, 1, 2, 999_999, 10**6, 10**6 + 1, 10**9, 10**15)), st.integers(1, 100), st.integers(1, 10**12)
)
weights = st.sampled_from((ONE, 333_333, ONE + 1, 2 * ONE, ONE, 10**9, 1, 0))
caps = st.sampled_from((2**96 - 1, 2**96 - 1, 2**96 - 1, 2**96 - 1, 0, 10**9))
permille = st.sampled_from((0, 1, 250, 333, 500, 999, 1_000, 1_001))


class Coverage(RuleBasedStateMachine):
    """Every operation goes to the chain and to the model; both do it, or both refuse it with the same words."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()
    on: ClassVar[OnChain]  # deployed once; every run begins from there

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        boa.env.timestamp = START
        self.model = Index()
        self.coin = Coin(self.model, self.on.gcc.address)
        self.donated = [0] * PARTS
        self.step = 0
        self.seen: tuple[int, ...] = ()  # the model at the last comparison

    def teardown(self) -> None:
        """Everybody leaves, and everybody is paid in full."""
        try:
            self.compare_all()
            self.everybody_leaves()
        finally:
            self._anchor.__exit__(None, None, None)

    # both sides

    def do(
        self, name: str, contract: Contract, function: str, *args: Any, sender: bytes, model: Callable[[], Any]
    ) -> Outcome:
        """Send to both; they agree on whether, why not, and what came of it."""
        expected, answer = "ok", None
        try:
            answer = model()
        except Refused as refusal:
            expected = str(refusal)
        outcome = self.send(contract, function, *args, sender=sender)
        type(self).tally[name, expected] += 1
        assert (outcome.reason or "ok" if not outcome.ok else "ok") == expected, (name, outcome.reason, expected)
        if outcome.ok and isinstance(answer, int) and sender != self.on.holder.address:
            assert outcome.number == answer, (name, outcome.number, answer)
        return outcome

    def send(self, contract: Contract, function: str, *args: Any, sender: bytes) -> Outcome:
        """A transaction of a person, or of the holding contract by its `act`."""
        if sender != self.on.holder.address:
            return contract.call(function, *args, sender=sender)
        data = contract.artifact.functions[function].calldata(*args)
        return self.on.holder.call("act", contract.address, data, sender=STRANGER)

    def person(self, place: int, of: Counter[bytes] | None = None) -> bytes:
        """One of those who hold; the one with most GCM, or most of something else."""
        held = self.model.balances if of is None else of
        return self.on.people[place] if place < 4 else max(self.on.people, key=lambda person: held[person])

    @initialize(place=st.integers(0, 3), amount=st.sampled_from((0, 10**9, 10**12, 10**15)))
    def somebody_begins(self, place: int, amount: int) -> None:
        """Too little for a first deposit, then enough: most runs begin with something in the basket."""
        self.deposit(place, 1, 10**6, "plain")
        if amount:
            self.deposit(place, 1, amount, "plain")

    def part(self, balance: int, share: int) -> int:
        """Some thousandths of a balance, one more than all of it with 1001."""
        return balance * share // 1_000 if share <= 1_000 else balance + 1

    # what happens

    @rule(place=who, utility=utilities, amount=amounts, way=st.sampled_from(("plain", "approved", "least", "too much")))
    def deposit(self, place: int, utility: int, amount: int, way: str) -> None:
        """Fresh utility tokens go into the basket."""
        owner = self.person(place)
        self.on.token.must("mint", owner, utility, amount, sender=MINTER)
        before = self.ratio()
        minted = self.model.minted_for(utility, amount) - (0 if self.model.supply else ONE) if utility < PARTS else 0
        least = {"plain": 0, "approved": 0, "least": max(minted, 0), "too much": max(minted, 0) + 1}[way]
        if way == "approved":
            self.do(
                "deposit", self.on.gcm, "deposit", utility, amount, least, sender=owner,
                model=lambda: self.model.deposit(self.on.gcm.address, owner, utility, amount, least),
            )  # fmt: skip
        else:
            data = b"" if way == "plain" else least.to_bytes(32, "big")

            def booked() -> None:
                self.model.deposit(self.on.gcm.address, owner, utility, amount, least)

            arguments = (owner, self.on.gcm.address, utility, amount, data)
            self.do("deposit", self.on.token, "safeTransferFrom", *arguments, sender=owner, model=booked)
        self.never_worse(before)

    @rule(place=who, share=permille, few=st.integers(0, 30), use_few=st.booleans())
    def redeem(self, place: int, share: int, few: int, use_few: bool) -> None:
        """A part of a balance leaves; never more than pro rata, and what is left covers the others better than before."""
        owner = self.person(place)
        amount = few if use_few else self.part(self.model.balances[owner], share)
        before, held, supply = self.ratio(), list(self.model.held), self.model.supply
        start = [self.on.token.view("balanceOf", owner, utility) for utility in range(PARTS)]
        paid: list[int] = []
        outcome = self.do(
            "redeem", self.on.gcm, "redeem", amount, owner, NOTHING, sender=owner,
            model=lambda: paid.extend(self.model.redeem(owner, amount)),
        )  # fmt: skip
        if outcome.ok:
            end = [self.on.token.view("balanceOf", owner, utility) for utility in range(PARTS)]
            assert [after - had for after, had in zip(end, start, strict=True)] == paid
            assert all(share * supply <= had * amount for share, had in zip(paid, held, strict=True))
            left = self.model.supply
            assert all(now * supply >= had * left for now, had in zip(self.model.held, held, strict=True))
            self.never_worse(before)

    @rule(back=st.sampled_from(("redeem", "transfer", "deposit")), share=st.sampled_from((100, 500, 900)))
    def redeem_and_call_back(self, back: str, share: int) -> None:
        """A receiver tries to redeem, to deposit or to transfer while it is being paid. Another redemption is locked out; a
        transfer and a deposit find everything booked."""
        owner = self.on.holder.address
        self.deposit(3, 2, 10**9, "plain")
        amount = self.part(self.model.balances[owner], share)
        target, arguments = {
            "redeem": (self.on.gcm, (amount // 9, owner, NOTHING)),
            "transfer": (self.on.gcm, (self.person(0), amount // 9)),
            "deposit": (self.on.token, (owner, self.on.gcm.address, 1, 1, b"")),
        }[back]
        function = "safeTransferFrom" if back == "deposit" else back
        data = target.artifact.functions[function].calldata(*arguments)
        self.on.token.must("mint", owner, 1, 1, sender=MINTER)
        self.on.holder.must("prepare", target.address, data, sender=STRANGER)
        before = self.on.holder.view("went_through")
        outcome = self.do(
            "redeem and call back", self.on.gcm, "redeem", amount, owner, NOTHING, sender=owner,
            model=lambda: self.model.redeem(owner, amount),
        )  # fmt: skip
        self.on.holder.must("prepare", target.address, b"", sender=STRANGER)
        if outcome.ok:
            came_back = self.on.holder.view("went_through") - before
            fits = False
            with contextlib.suppress(Refused):
                if back == "transfer":
                    self.model.transfer(owner, self.person(0), amount // 9)
                    fits = True
                elif back == "deposit":
                    self.model.deposit(self.on.gcm.address, owner, 1, 1, 0)
                    fits = True
            assert came_back == fits
            type(self).tally[f"call back: {back}", "ok" if fits else "(refused)"] += 1

    @precondition(lambda self: self.model.supply)
    @rule(place=who, utility=st.sampled_from((1, 2, 9)), amount=amounts)
    def in_and_out(self, place: int, utility: int, amount: int) -> None:
        """Who deposits and redeems at once takes out no more than was brought in, at the weights of the moment."""
        owner = self.person(place)
        had = self.model.balances[owner]
        self.deposit(place, utility, amount, "plain")
        made = self.model.balances[owner] - had
        if made > 0:
            brought = amount * self.model.weights[utility]
            worth = self.model.worth
            self.do(
                "out again", self.on.gcm, "redeem", made, owner, NOTHING, sender=owner,
                model=lambda: self.model.redeem(owner, made),
            )  # fmt: skip
            assert worth - self.model.worth <= brought

    @rule(place=who, to=who, share=permille)
    def transfer(self, place: int, to: int, share: int) -> None:
        """GCM changes hands."""
        owner, other = self.person(place), self.person(to)
        amount = self.part(self.model.balances[owner], share)
        self.do(
            "transfer", self.on.gcm, "transfer", other, amount, sender=owner,
            model=lambda: self.model.transfer(owner, other, amount),
        )  # fmt: skip

    @rule(utility=st.sampled_from((1, 1, 2, 3, 9)), weight=weights, cap=caps)
    def set_weight(self, utility: int, weight: int, cap: int) -> None:
        """The DAO values a utility anew; the basket itself does not move."""
        self.on.gcm.must("set_weight", utility, weight, cap, sender=OWNER)
        self.model.weights[utility], self.model.caps[utility] = weight, cap
        type(self).tally["set_weight", "ok"] += 1

    @rule(utility=st.sampled_from((1, 2, 9)), amount=amounts)
    def donate(self, utility: int, amount: int) -> None:
        """Utility tokens that reach the index without its hook belong to nobody's share and disturb nothing."""
        self.on.token.must("mint", self.on.gcm.address, utility, amount, sender=MINTER)
        self.donated[utility] += amount
        type(self).tally["donate", "ok"] += 1

    @rule(place=who, share=permille, few=st.integers(0, 500), use_few=st.booleans(), days=st.sampled_from((0, 0, 1)))
    def convert(self, place: int, share: int, few: int, use_few: bool, days: int) -> None:
        """GCM becomes coins; limits begin anew with the day."""
        boa.env.timestamp += days * DAY
        if days:
            self.coin.used.clear()
        owner = self.person(place)
        amount = few if use_few else self.part(self.model.balances[owner], share)
        self.do(
            "convert", self.on.gcc, "convert_gcm", amount, 0, sender=owner,
            model=lambda: self.coin.convert(owner, amount),
        )  # fmt: skip

    @precondition(lambda self: self.coin.supply)
    @rule(place=who, share=permille)
    def redeem_coins(self, place: int, share: int) -> None:
        """Coins become GCM."""
        owner = self.person(place, self.coin.balances)
        amount = self.part(self.coin.balances[owner], share)
        self.do(
            "redeem coins", self.on.gcc, "redeem", amount, 0, sender=owner,
            model=lambda: self.coin.redeem(owner, amount),
        )  # fmt: skip

    @rule(place=who, share=st.sampled_from((1, 100, 500)))
    def fund(self, place: int, share: int) -> None:
        """Somebody gives the coin's reserve GCM for nothing."""
        owner = self.person(place)
        amount = self.part(self.model.balances[owner], share)
        self.do(
            "fund", self.on.gcm, "transfer", self.on.gcc.address, amount, sender=owner,
            model=lambda: self.model.transfer(owner, self.on.gcc.address, amount),
        )  # fmt: skip

    @rule(percent=st.sampled_from((0, 1, 50, 99, 100, 101, 133, 400)), odd=st.integers(0, 7))
    def set_rate(self, percent: int, odd: int) -> None:
        """The treasury's rate moves, up only as far as it is covered."""
        if not self.coin.supply:
            self.convert(4, 0, 10**6, True, 0)  # without a coin any rate is covered
        rate = min(self.coin.rate * percent // 100 + (odd if percent else 0), 10**12)
        self.do("set_rate", self.on.gcc, "set_rate", rate, sender=OWNER, model=lambda: self.coin.set_rate(rate))

    # what holds

    def ratio(self) -> tuple[int, int]:
        """Worth and supply."""
        return self.model.worth, self.model.supply

    def never_worse(self, before: tuple[int, int]) -> None:
        """Worth per GCM did not fall."""
        worth, supply = before
        assert self.model.worth * supply >= worth * self.model.supply

    @invariant()
    def covered(self) -> None:
        """Read from the chain: the basket is there, weighs what it says, and pays all holders together; so does the reserve."""
        self.step += 1
        seen = (
            len(self.model.deposits),
            self.model.worth,
            self.coin.rate,
            *self.coin.balances.values(),
            self.model.supply,
        )
        if seen == self.seen and self.step % FULL_EVERY:
            return
        self.seen = seen
        gcm, gcc = self.on.gcm, self.on.gcc
        basket = list(gcm.view("basket"))
        assert (basket, gcm.view("totalSupply")) == (self.model.held, self.model.supply)
        assert gcm.view("worth") == self.model.worth
        reserve = gcm.view("balanceOf", gcc.address)
        assert reserve * ONE >= gcc.view("totalSupply") * self.coin.rate
        if self.step % 3 == 0:
            utility = 1 + self.step // 3 % 9
            there = self.on.token.view("balanceOf", gcm.address, utility)
            assert there == basket[utility] + self.donated[utility]
            holder = self.person(self.step // 3 % 4)
            assert gcm.view("balanceOf", holder) == self.model.balances[holder]
            assert gcc.view("balanceOf", holder) == self.coin.balances[holder]

    def compare_all(self) -> None:
        """Every deposit's record, and everybody's share at once."""
        gcm = self.on.gcm
        assert gcm.view("deposits") == len(self.model.deposits)
        for number, (utility, weight, amount, minted) in enumerate(self.model.deposits, 1):
            assert gcm.view("deposit_of", number) == (utility, weight, amount, minted)
        shares = [gcm.view("preview_redeem", balance) for balance in self.model.balances.values()]
        for utility in range(PARTS):
            assert sum(share[utility] for share in shares) <= self.model.held[utility]
        assert self.on.gcc.view("totalSupply") == self.coin.supply
        assert self.on.gcc.view("rate") == self.coin.rate

    def everybody_leaves(self) -> None:
        """All coins, then all GCM: each is paid exactly its share at its turn, and what was left for good is covered."""
        for place in range(4):
            self.redeem_coins(place, 1_000)
        for place in range(4):
            self.redeem(place, 1_000, 0, False)
        self.covered()


def test_index__any_order_of_everything__stays_covered() -> None:
    """Long enough to have seen every outcome that matters."""
    Coverage.tally.clear()
    profiled = run()
    chosen = settings(profiled.settings, max_examples=EXAMPLES[profile()], stateful_step_count=STEPS)
    with boa.env.anchor():
        Coverage.on = OnChain()
        run_state_machine_as_test(profiled.seeded(Coverage), settings=chosen)
    operations = sum(count for (_, outcome), count in Coverage.tally.items() if not outcome.startswith("("))
    print(profiled.summary(operations, Coverage.tally))
    assert operations >= profiled.operations_min
    for seen in (
        ("deposit", "ok"),
        ("deposit", "gcm: first deposit too small"),
        ("deposit", "gcm: deposit too small"),
        ("deposit", "gcm: less than accepted"),
        ("redeem", "ok"),
        ("redeem", "gcm: too little to redeem"),
        ("redeem", "erc20: burn amount exceeds balance"),
        ("redeem and call back", "ok"),
        ("call back: deposit", "ok"),
        ("call back: redeem", "(refused)"),
        ("out again", "ok"),
        ("convert", "ok"),
        ("redeem coins", "ok"),
        ("set_rate", "ok"),
        ("set_rate", "gcc: not covered at this rate"),
    ):
        assert Coverage.tally[seen] or not profiled.covers, f"the run never saw {seen}"
