# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Money on chain against a ledger in Python: whatever banks, holders and operators do, nothing is made or lost."""

from collections import Counter
from dataclasses import dataclass, field

import boa
import pytest
from eth_hash.auto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from bench.contracts import artifact, revert_reason
from tests.contracts.attested import CREDIT, PAYOUT, WINDOW, Signing, position, positions_hash
from tests.contracts.fuzz.market import Compared, Refused, need, operation, search
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, RELAYER, Contract, flat, sign, signers

CODES = ("INR", "AED")
ISSUER = RELAYER
GATEWAYS, OPERATORS = signers()[:3], signers()[3:6]
SUPPLY_CAP, DAY_CAP, DAY = 12_000, 3_000, 86_400
UNBOUNDED = (1 << 128) - 1
FOREVER = 1 << 40  # the same bytes are signed once
REFERENCES = [keccak(f"reference {i}".encode()) for i in range(9)]
WINDOWS = [keccak(f"window {i}".encode()) for i in range(8)]

coins = st.integers(0, len(CODES) - 1)
people = st.sampled_from(PEOPLE)
amounts = st.sampled_from((0, 1, 60, 400, 700, 3_001))
attested = st.sampled_from(("sound", "sound", "sound", "sound", "sound", "too few", "late"))
nets = st.lists(st.tuples(people, st.integers(-500, 500)), max_size=3, unique_by=lambda net: net[0])

Key = tuple[int, bytes]
Lines = tuple[tuple[int, bytes, int], ...]


@dataclass
class Ledger:
    """Who has what, in wallets and in accounts of NetSettlement, by (currency, party)."""

    wallets: Counter[Key] = field(default_factory=Counter)
    allowed: Counter[Key] = field(default_factory=Counter)
    accounts: Counter[Key] = field(default_factory=Counter)
    mandates: Counter[Key] = field(default_factory=Counter)
    supply: Counter[int] = field(default_factory=Counter)
    minted: Counter[tuple[int, int]] = field(default_factory=Counter)
    operations: dict[tuple[int, bytes], tuple[str, bytes, int]] = field(default_factory=dict)
    windows: dict[bytes, tuple[bytes, Lines]] = field(default_factory=dict)
    frozen: set[bytes] = field(default_factory=set)
    stopped: set[int | str] = field(default_factory=set)

    def book(self, kind: str, coin: int, reference: bytes, account: bytes, amount: int, how: str, day: int) -> bool:
        """A bank's credit or payment; False if it was booked before."""
        content = (kind, account, amount)
        booked = self.operations.get((coin, reference), content)
        need(booked == content, "settlement_token: reference stands for something else")
        if (coin, reference) in self.operations:
            return False
        need(amount != 0, "settlement_token: nothing to book")
        need(how != "late", "settlement_token: attestation is over")
        self.may_move(coin, account)
        need(how == "sound", "quorum: too few signatures")
        if kind == CREDIT:
            need(self.minted[coin, day] + amount <= DAY_CAP, "settlement_token: over the cap of the day")
            need(self.supply[coin] + amount <= SUPPLY_CAP, "settlement_token: over the cap of the supply")
            self.minted[coin, day] += amount
        else:
            need(account == ISSUER, "erc20: insufficient allowance")
            need(self.wallets[coin, account] >= amount, "erc20: burn amount exceeds balance")
            amount = -amount
        self.wallets[coin, account] += amount
        self.supply[coin] += amount
        self.operations[coin, reference] = content
        return True

    def may_move(self, coin: int, *accounts: bytes) -> None:
        """The token's rules."""
        need(coin not in self.stopped, "settlement_token: paused")
        need(not self.frozen.intersection(accounts), "settlement_token: account is frozen")

    def move(self, coin: int, giver: bytes, taker: bytes, amount: int) -> None:
        """A transfer between wallets."""
        self.may_move(coin, giver, taker)
        need(self.wallets[coin, giver] >= amount, "erc20: transfer amount exceeds balance")
        self.wallets[coin, giver] -= amount
        self.wallets[coin, taker] += amount

    def draw(self, coin: int, party: bytes, amount: int) -> None:
        """From a wallet to NetSettlement."""
        self.may_move(coin, party)
        need(self.allowed[coin, party] >= amount, "erc20: insufficient allowance")
        need(self.wallets[coin, party] >= amount, "erc20: transfer amount exceeds balance")
        self.allowed[coin, party] -= amount
        self.wallets[coin, party] -= amount

    def deposit(self, coin: int, party: bytes, amount: int) -> None:
        """Into an account."""
        need("net" not in self.stopped, "net_settlement: paused")
        self.draw(coin, party, amount)
        self.accounts[coin, party] += amount

    def withdraw(self, coin: int, party: bytes, amount: int, to: bytes) -> None:
        """Out of an account."""
        need(party not in self.frozen, "net_settlement: account is frozen")
        need(self.accounts[coin, party] >= amount, "net_settlement: amount exceeds balance")
        self.may_move(coin, to)
        self.accounts[coin, party] -= amount
        self.wallets[coin, to] += amount

    def available(self, coin: int, party: bytes) -> int:
        """The largest debit, while the currency itself is not stopped."""
        if "net" in self.stopped or party in self.frozen:
            return 0
        wallet = min(self.wallets[coin, party], self.allowed[coin, party])
        return min(self.mandates[coin, party], self.accounts[coin, party] + wallet)

    def settle(self, window: bytes, obligations: bytes, lines: Lines, how: str) -> bool:
        """All positions or none; False if it was settled before."""
        if window in self.windows:
            need(self.windows[window] == (obligations, lines), "net_settlement: window was settled otherwise")
            return False
        need(bool(lines), "net_settlement: nothing to settle")
        need("net" not in self.stopped, "net_settlement: paused")
        need(how != "late", "net_settlement: signatures are over")
        need(how == "sound", "quorum: too few signatures")
        kept = {name: Counter(getattr(self, name)) for name in ("wallets", "allowed", "accounts", "mandates")}
        try:
            self.pay(lines)
        except Refused:
            for name, before in kept.items():
                setattr(self, name, before)
            raise
        self.windows[window] = (obligations, lines)
        return True

    def pay(self, lines: Lines) -> None:
        """Each position in order."""
        total, current = 0, -1
        for coin, party, net in lines:
            need(coin == current or total == 0, "net_settlement: currency does not add up to zero")
            current = coin
            total += net
            need(net != 0, "net_settlement: position is empty")
            need(party not in self.frozen, "net_settlement: account is frozen")
            key = coin, party
            if net > 0:
                self.accounts[key] += net
                continue
            need(-net <= self.mandates[key], "net_settlement: over the party's mandate")
            self.mandates[key] -= 0 if self.mandates[key] == UNBOUNDED else -net
            paid = min(self.accounts[key], -net)
            self.accounts[key] -= paid
            if paid < -net:
                self.draw(coin, party, -net - paid)
        need(total == 0, "net_settlement: currency does not add up to zero")


class Money(Compared):
    """Two currencies, four parties, a clearing."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.seen = 0
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        self.net = Contract(artifact("NetSettlement"), self.guard.address, sender=OWNER)
        self.net.must("set_operators", [node.address for node in OPERATORS], 2, 0, sender=OWNER)
        self.coins = [
            Contract(artifact("SettlementToken"), code, 2, self.guard.address, sender=OWNER) for code in CODES
        ]
        for at, coin in enumerate(self.coins):
            coin.must("set_issuer", ISSUER, True, sender=OWNER)
            coin.must("set_attesters", [node.address for node in GATEWAYS], 2, 0, sender=OWNER)
            coin.must("set_caps", SUPPLY_CAP, DAY_CAP, sender=OWNER)
            self.net.must("set_currency", coin.address, True, sender=OWNER)
            for party, mandate in zip(PEOPLE, (UNBOUNDED, 900, 900, 0), strict=True):
                self.approve(at, party, 2_000)
                self.agree(at, party, mandate)
                self.bank(CREDIT, at, keccak(party), party, 600, "sound")

    @property
    def chain_id(self) -> int:
        """The chain's number."""
        return int(boa.env.evm.patch.chain_id)

    def bank(self, kind: str, at: int, reference: bytes, account: bytes, amount: int, how: str) -> None:
        """A credit or a payment on both sides."""
        deadline = self.now - 1 if how == "late" else FOREVER
        coin = self.coins[at]
        digest = Signing(f"x{CODES[at]}", self.chain_id, coin.address).digest(
            kind, reference, account, amount, deadline
        )
        pairs = flat([sign(digest, node) for node in GATEWAYS[: 1 if how == "too few" else 2]])
        fresh = (at, reference) not in self.ledger.operations
        outcome = self.both(
            lambda: self.ledger.book(kind, at, reference, account, amount, how, self.now // DAY),
            coin,
            "mint" if kind == CREDIT else "burn",
            *(reference, account, amount, deadline, [node.address for node in GATEWAYS], pairs),
            sender=ISSUER,
        )
        assert not outcome.ok or outcome.number == fresh

    @operation(weight=2, at=coins, reference=st.sampled_from(REFERENCES), party=people, amount=amounts, how=attested)
    def credit(self, at: int, reference: bytes, party: bytes, amount: int, how: str) -> None:
        """The bank credited somebody, perhaps with a reference that was there before."""
        self.bank(CREDIT, at, reference, party, amount, how)

    @operation(at=coins, again=st.integers(0, 8))
    def credit_again(self, at: int, again: int) -> None:
        """The bank tells the same credit twice."""
        booked = [(key, content) for key, content in self.ledger.operations.items() if key[0] == at]
        (_, reference), (kind, account, amount) = booked[again % len(booked)]
        self.bank(kind, at, reference, account, amount, "too few")

    @operation(at=coins, reference=st.sampled_from(REFERENCES), party=people, amount=amounts, how=attested)
    def payout(self, at: int, reference: bytes, party: bytes, amount: int, how: str) -> None:
        """A holder hands tokens to the issuer, who burns them when the bank has paid; or burns without."""
        self.transfer(at, party, ISSUER, amount)
        self.bank(PAYOUT, at, reference, ISSUER if amount != 60 else party, amount, how)

    @operation(at=coins, giver=people, taker=people, amount=amounts)
    def transfer(self, at: int, giver: bytes, taker: bytes, amount: int) -> None:
        """Between wallets."""
        self.both(
            lambda: self.ledger.move(at, giver, taker, amount),
            self.coins[at], "transfer", taker, amount, sender=giver,
        )  # fmt: skip

    @operation(at=coins, party=people, amount=st.sampled_from((0, 300, 5_000)))
    def approve(self, at: int, party: bytes, amount: int) -> None:
        """What NetSettlement may draw."""
        self.coins[at].must("approve", self.net.address, amount, sender=party)
        self.ledger.allowed[at, party] = amount

    @operation(at=coins, party=people, mandate=st.sampled_from((0, 500, UNBOUNDED)))
    def agree(self, at: int, party: bytes, mandate: int) -> None:
        """What windows may take."""
        self.net.must("set_mandate", self.coins[at].address, mandate, sender=party)
        self.ledger.mandates[at, party] = mandate

    @operation(at=coins, party=people, amount=amounts)
    def deposit(self, at: int, party: bytes, amount: int) -> None:
        """Money ahead of a window."""
        coin = self.coins[at].address
        self.both(lambda: self.ledger.deposit(at, party, amount), self.net, "deposit", coin, amount, sender=party)

    @operation(at=coins, party=people, amount=amounts, to=people)
    def withdraw(self, at: int, party: bytes, amount: int, to: bytes) -> None:
        """Money after a window."""
        self.both(
            lambda: self.ledger.withdraw(at, party, amount, to),
            self.net, "withdraw", self.coins[at].address, amount, to, sender=party,
        )  # fmt: skip

    @operation(weight=6, window=st.sampled_from(WINDOWS), first=nets, second=nets, odd=st.integers(0, 12), how=attested)
    def settle(
        self, window: bytes, first: list[tuple[bytes, int]], second: list[tuple[bytes, int]], odd: int, how: str
    ) -> None:
        """A window of two currencies, now and then one that does not add up."""
        lines: dict[Key, int] = {}
        for at, drawn in enumerate((first, second)):
            lines |= {(at, party): net for party, net in drawn}
            rest = [party for party in PEOPLE if (at, party) not in lines]
            total = sum(net for (coin, _), net in lines.items() if coin == at)
            if total:
                lines[at, rest[0]] = -total + (odd == 12)
        ordered = tuple((at, party, net) for (at, party), net in sorted(lines.items()))
        self.bring(window, keccak(b"obligations"), ordered, how)

    @operation(again=st.integers(0, 7), otherwise=st.integers(0, 3))
    def settle_again(self, again: int, otherwise: int) -> None:
        """A window that was settled is brought again, as it was or with other obligations."""
        if self.ledger.windows:
            window, (obligations, lines) = list(self.ledger.windows.items())[again % len(self.ledger.windows)]
            self.bring(window, obligations if otherwise else keccak(b"others"), lines, "sound")

    def bring(self, window: bytes, obligations: bytes, lines: Lines, how: str) -> None:
        """A window on both sides."""
        currencies = [coin.address for coin in self.coins]
        packed = [position(*line) for line in lines]
        deadline = self.now - 1 if how == "late" else FOREVER
        digest = Signing("GreenCore NetSettlement", self.chain_id, self.net.address).digest(
            WINDOW, window, obligations, positions_hash(currencies, packed), deadline
        )
        pairs = flat([sign(digest, node) for node in OPERATORS[: 1 if how == "too few" else 2]])
        fresh = window not in self.ledger.windows
        outcome = self.both(
            lambda: self.ledger.settle(window, obligations, lines, how),
            self.net,
            "settle",
            *(window, obligations, currencies, packed, deadline, [node.address for node in OPERATORS], pairs),
            sender=RELAYER,
        )
        assert not outcome.ok or outcome.number == fresh

    @operation(party=st.sampled_from((*PEOPLE, None, None)), what=st.sampled_from((0, 1, "net", None, None)))
    def guard_acts(self, party: bytes | None, what: int | str | None) -> None:
        """Somebody is frozen, something is stopped; everybody and everything else is let go on."""
        for frozen in self.ledger.frozen:
            self.guard.must("unfreeze", frozen, sender=GUARDIAN)
        for name in self.ledger.stopped:
            self.guard.must("unpause", self.named(name).address, sender=OWNER)
        self.ledger.frozen = {party} if party else set()
        self.ledger.stopped = {what} if what is not None else set()
        for frozen in self.ledger.frozen:
            self.guard.must("freeze", frozen, sender=GUARDIAN)
        for name in self.ledger.stopped:
            self.guard.must("pause", self.named(name).address, sender=GUARDIAN)

    def named(self, name: int | str) -> Contract:
        """A currency by its place, or NetSettlement."""
        return self.coins[name] if isinstance(name, int) else self.net

    @operation(seconds=st.sampled_from((1, DAY)))
    def time_passes(self, seconds: int) -> None:
        """Another day has room for other credits."""
        boa.env.timestamp = self.now + seconds

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        """Wallets and accounts are what the ledger says; they add up to the supply, and the supply to the bank's books."""
        self.seen += 1
        if not self.changed and not self.full:
            return
        for at, coin in list(enumerate(self.coins))[self.seen % 2 :][:1]:
            held = sum(amount for (place, _), amount in self.ledger.accounts.items() if place == at)
            wallets = sum(amount for (place, _), amount in self.ledger.wallets.items() if place == at)
            booked = [content for (place, _), content in self.ledger.operations.items() if place == at]
            bank = sum(amount if kind == CREDIT else -amount for kind, _, amount in booked)
            assert coin.view("totalSupply") == wallets + held == bank <= SUPPLY_CAP
            assert coin.view("balanceOf", self.net.address) == self.net.view("held", coin.address) == held
            for party in PEOPLE if self.full else PEOPLE[self.steps % 4 :][:1]:
                key = at, party
                assert coin.view("balanceOf", party) == self.ledger.wallets[key]
                account = self.net.view("account_of", coin.address, party)
                assert account == (self.ledger.accounts[key], self.ledger.mandates[key])
        at, party = self.now % 2, PEOPLE[len(self.ledger.windows) % 4]
        assert self.net.view("available", self.coins[at].address, party) == self.ledger.available(at, party)


def test_money__any_order_of_everything__adds_up() -> None:
    search(
        Money,
        (
            ("mint", "ok"),
            ("mint", "settlement_token: reference stands for something else"),
            ("mint", "settlement_token: over the cap of the day"),
            ("burn", "ok"),
            ("burn", "erc20: insufficient allowance"),
            ("settle", "ok"),
            ("settle", "net_settlement: window was settled otherwise"),
            ("settle", "net_settlement: over the party's mandate"),
            ("settle", "net_settlement: currency does not add up to zero"),
            ("settle", "net_settlement: account is frozen"),
            ("settle", "erc20: transfer amount exceeds balance"),
            ("settle", "quorum: too few signatures"),
            ("deposit", "ok"),
            ("withdraw", "ok"),
            ("withdraw", "net_settlement: amount exceeds balance"),
        ),
    )


@pytest.mark.parametrize(
    ("code", "decimals", "reason"),
    [
        ("INR", 2, ""),
        ("JPY", 0, ""),
        ("CLF", 4, ""),
        ("INR", 5, "settlement_token: too many decimals"),
        ("IN", 2, "settlement_token: not a currency code"),
        ("inr", 2, "settlement_token: not a currency code"),
        ("I[R", 2, "settlement_token: not a currency code"),
        ("I@R", 2, "settlement_token: not a currency code"),
    ],
)
def test_deploy__code_and_decimals(code: str, decimals: int, reason: str) -> None:
    """Three capital letters, and the digits of a minor unit."""
    initcode = artifact("SettlementToken").initcode(code, decimals, OWNER)
    _, computation = boa.env.deploy(sender="0x" + OWNER.hex(), bytecode=initcode)
    assert (computation.is_error, revert_reason(computation.output) if computation.is_error else "") == (
        bool(reason),
        reason,
    )
