# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Index and coin as exact Python integers, and both on a chain of their own with utility tokens to deposit."""

from collections import Counter

from bench.contracts import artifact
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, Contract

ONE = 10**6
LOCKED = 10**6
PARTS = 10  # one place per utility code, place 0 is empty
MINTER = PEOPLE[-1]  # stands for the Treasury: mints utility tokens as it likes


class Refused(Exception):
    """The model refuses an operation; the text is the contract's reason."""


def need(held: bool, reason: str) -> None:
    """Refuse unless something holds."""
    if not held:
        raise Refused(reason)


class Index:
    """The basket as its rules say: who holds what, what is in it, what it weighs."""

    def __init__(self) -> None:
        self.held = [0] * PARTS
        self.weights = [0] + [ONE] * (PARTS - 1)
        self.caps = [0] + [2**96 - 1] * (PARTS - 1)
        self.balances: Counter[bytes] = Counter()
        self.deposits: list[tuple[int, int, int, int]] = []  # utility, weight, amount, minted

    @property
    def supply(self) -> int:
        """All GCM, units of 10⁻⁹."""
        return sum(self.balances.values())

    @property
    def worth(self) -> int:
        """What the basket weighs at the present weights, units of 10⁻¹⁵ GCM."""
        return sum(held * weight for held, weight in zip(self.held, self.weights, strict=True))

    def minted_for(self, utility: int, amount: int) -> int:
        """At par, or the share of a basket that is worth more than the supply; rounded down."""
        gain = amount * self.weights[utility]
        return gain // ONE if self.worth <= self.supply * ONE else gain * self.supply // self.worth

    def deposit(self, index: bytes, owner: bytes, utility: int, amount: int, least: int) -> int:
        """Book a deposit; the GCM credited. Raises Refused."""
        need(1 <= utility < PARTS, "gcm: not a class token")
        need(self.weights[utility] > 0, "gcm: utility is closed")
        need(self.held[utility] + amount <= self.caps[utility], "gcm: more than the basket takes")
        minted = self.minted_for(utility, amount)
        locked = 0 if self.supply else LOCKED
        need(not locked or minted > LOCKED, "gcm: first deposit too small")
        need(minted > locked, "gcm: deposit too small")
        need(minted - locked >= least, "gcm: less than accepted")
        self.held[utility] += amount
        self.deposits.append((utility, self.weights[utility], amount, minted))
        self.balances[index] += locked
        self.balances[owner] += minted - locked
        return minted - locked

    def shares(self, amount: int) -> list[int]:
        """What an amount is entitled to, each utility rounded down."""
        return [held * amount // self.supply if amount else 0 for held in self.held]

    def redeem(self, owner: bytes, amount: int) -> list[int]:
        """Book a redemption; what is paid of each utility. Raises Refused."""
        need(amount <= self.supply, "gcm: amount exceeds supply")
        paid = self.shares(amount)
        need(any(paid), "gcm: too little to redeem")
        need(amount <= self.balances[owner], "erc20: burn amount exceeds balance")
        self.held = [held - share for held, share in zip(self.held, paid, strict=True)]
        self.balances[owner] -= amount
        return paid

    def transfer(self, owner: bytes, to: bytes, amount: int) -> None:
        """Book a transfer. Raises Refused."""
        need(amount <= self.balances[owner], "erc20: transfer amount exceeds balance")
        self.balances[owner] -= amount
        self.balances[to] += amount


class Coin:
    """The coin as its rules say, over an index."""

    def __init__(self, index: Index, address: bytes) -> None:
        self.index = index
        self.address = address
        self.rate = 100 * ONE
        self.limit = 10**12
        self.balances: Counter[bytes] = Counter()
        self.used: Counter[bytes] = Counter()  # of the present day; all together: the empty name

    @property
    def supply(self) -> int:
        """All GCC, units of 10⁻⁹."""
        return sum(self.balances.values())

    def needed(self, coins: int) -> int:
        """The GCM that coins cost, rounded up."""
        return -(-coins * self.rate // ONE)

    def convert(self, owner: bytes, amount: int) -> int:
        """Book a conversion; the coins made. Raises Refused."""
        coins = amount * ONE // self.rate
        need(coins > 0, "gcc: too little to convert")
        need(self.used[owner] + coins <= self.limit, "gcc: over the day's limit")
        need(self.used[b""] + coins <= 2 * self.limit, "gcc: over the day's limit")
        cost = self.needed(coins)
        self.index.transfer(owner, self.address, cost)
        self.used[owner] += coins
        self.used[b""] += coins
        self.balances[owner] += coins
        return coins

    def redeem(self, owner: bytes, amount: int) -> int:
        """Book a redemption; the GCM paid. Raises Refused."""
        paid = amount * self.rate // ONE
        need(paid > 0, "gcc: too little to redeem")
        need(amount <= self.balances[owner], "erc20: burn amount exceeds balance")
        self.balances[owner] -= amount
        self.index.transfer(self.address, owner, paid)
        return paid

    def set_rate(self, rate: int) -> None:
        """Book a new rate. Raises Refused."""
        need(rate > 0, "gcc: rate is zero")
        need(
            -(-self.supply * rate // ONE) <= self.index.balances[self.address],
            "gcc: not covered at this rate",
        )
        self.rate = rate


class OnChain:
    """Guard, utility tokens, index and coin, freshly deployed; everybody who holds is of tier 1."""

    def __init__(self) -> None:
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.token = Contract(artifact("EnergyToken"), MINTER, self.guard.address, "", sender=OWNER)
        registry = Contract(artifact("Registry"), True, sender=OWNER)
        self.gcm = Contract(artifact("GCM"), self.token.address, registry.address, self.guard.address, sender=OWNER)
        self.gcc = Contract(artifact("GCC"), self.gcm.address, self.guard.address, sender=OWNER)
        self.holder = Contract(artifact("FuzzHolder"), sender=OWNER)
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        self.people = (*PEOPLE[:3], self.holder.address)
        for person in self.people:
            self.guard.must("set_tier", person, 1, sender=GUARDIAN)
            for contract, function, args in (
                (self.token, "setApprovalForAll", (self.gcm.address, True)),
                (self.gcm, "approve", (self.gcc.address, 2**256 - 1)),
            ):
                if person != self.holder.address:
                    contract.must(function, *args, sender=person)
                else:
                    data = contract.artifact.functions[function].calldata(*args)
                    self.holder.must("act", contract.address, data, sender=OWNER)
        self.gcc.must("set_limit", 1, 10**12, sender=OWNER)
        self.gcc.must("set_total_limit", 2 * 10**12, sender=OWNER)
