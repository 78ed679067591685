# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Two locks, Earnings and Funds on a chain of their own, and what they should do as exact Python integers."""

from collections import Counter
from collections.abc import Sequence

import boa

from bench.contracts import artifact
from tests.contracts.fuzz.market import need
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, START, STRANGER, TREASURY, Contract

NOBODY = bytes(20)
PERIOD = 7 * 86_400
GROUPS = (0, 1)  # 0: lockers of the index, 1: providers of liquidity
COIN, ENERGY, HEAT = 1, 2, 3  # numbers of assets
ASSETS = (COIN, ENERGY, HEAT)
GIVEN = 10_000
HAS = 1 << 60  # what everybody has of each asset to begin with
BPS = 10_000


class Place:
    """Everything deployed. PEOPLE hold both tokens that can be locked and all assets, and allowed what they need to."""

    def __init__(self) -> None:
        boa.env.timestamp = START
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.energy = Contract(artifact("EnergyToken"), TREASURY, self.guard.address, "", sender=OWNER)
        self.coin = Contract(artifact("FuzzCoin"), sender=OWNER)
        self.locked = tuple(Contract(artifact("FuzzCoin"), sender=OWNER) for _ in GROUPS)
        self.locks = tuple(Contract(artifact("VotingLock"), coin.address, NOBODY, sender=OWNER) for coin in self.locked)
        self.holder = Contract(artifact("FuzzHolder"), sender=OWNER)  # stands for the Treasury and its pending tokens
        self.earnings = Contract(artifact("Earnings"), self.guard.address, PERIOD, sender=OWNER)
        self.funds = Contract(
            artifact("Funds"), self.earnings.address, self.holder.address, self.guard.address, sender=OWNER
        )
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        for lock in self.locks:
            self.earnings.must("add_group", lock.address, sender=OWNER)
        for asset in ((self.coin.address, False, 0), (self.energy.address, True, 1), (self.energy.address, True, 2)):
            self.earnings.must("add_asset", asset, sender=OWNER)
        for person in PEOPLE:
            for coin, lock in zip(self.locked, self.locks, strict=True):
                coin.must("give", person, GIVEN, sender=OWNER)
                coin.must("approve", lock.address, 1 << 200, sender=person)
            self.coin.must("give", person, HAS, sender=OWNER)
            self.coin.must("approve", self.earnings.address, 1 << 200, sender=person)
            self.energy.must("setApprovalForAll", self.earnings.address, True, sender=person)
            for utility in (1, 2):
                self.energy.must("mint", person, utility, HAS, sender=TREASURY)

    def balance(self, number: int, owner: bytes) -> int:
        """What somebody has of an asset."""
        if number == COIN:
            return int(self.coin.view("balanceOf", owner))
        return int(self.energy.view("balanceOf", owner, number - 1))

    def hand_over(self, number: int, giver: bytes, receiver: bytes, amount: int) -> None:
        """A plain transfer."""
        if number == COIN:
            self.coin.must("transfer", receiver, amount, sender=giver)
        else:
            self.energy.must("safeTransferFrom", giver, receiver, number - 1, amount, b"", sender=giver)

    def from_treasury(self, number: int, amount: int) -> None:
        """Tokens that waited at the Treasury are fetched into Funds."""
        self.energy.must("mint", self.holder.address, number - 1, amount, sender=TREASURY)
        move = self.energy.artifact.functions["safeTransferFrom"].calldata(
            self.holder.address, self.funds.address, number - 1, amount, b""
        )
        self.holder.must("act", self.energy.address, move, sender=STRANGER)


class Locked:
    """One lock: what everybody had locked from which second on."""

    def __init__(self) -> None:
        self.history: dict[bytes, list[tuple[int, int]]] = {person: [] for person in PEOPLE}
        self.over: dict[tuple[bytes, int], int] = {}  # weights of periods that are over, which nothing changes

    def now(self, person: bytes) -> int:
        """Locked at present."""
        return self.history[person][-1][1] if self.history[person] else 0

    def change(self, person: bytes, time: int, amount: int) -> None:
        """More, or less."""
        self.history[person].append((time, self.now(person) + amount))

    def area(self, person: bytes, until: int) -> int:
        """Locked times seconds, second by second in steps."""
        steps = [(time, amount) for time, amount in self.history[person] if time < until]
        ends = [*(time for time, _ in steps), until][1:]
        return sum((end - time) * amount for (time, amount), end in zip(steps, ends, strict=True))

    def weight(self, person: bytes, period: int) -> int:
        """The area within a period that is over."""
        if (person, period) not in self.over:
            area = self.area(person, (period + 1) * PERIOD) - self.area(person, period * PERIOD)
            self.over[person, period] = area
        return self.over[person, period]

    def weights(self, period: int) -> int:
        """Of all."""
        return sum(self.weight(person, period) for person in PEOPLE)


class Books:
    """Earnings and Funds as their rules say. Every operation raises Refused before it changes anything."""

    def __init__(self) -> None:
        self.locks = tuple(Locked() for _ in GROUPS)
        self.pots: dict[tuple[int, int], dict[int, int]] = {(g, n): {} for g in GROUPS for n in ASSETS}
        self.paid: Counter[tuple[bytes, int, int]] = Counter()
        self.fees: Counter[int] = Counter()
        self.kept: Counter[int] = Counter()
        self.uncounted: Counter[int] = Counter()
        self.shares: tuple[tuple[int, int], ...] = ()
        self.frozen: set[bytes] = set()
        self.paused: set[str] = set()

    def running(self, name: str) -> None:
        """Refuses while a contract is stopped."""
        need(name not in self.paused, f"{name}: paused")

    def distribute(self, group: int, number: int, amount: int, now: int) -> None:
        """Into the pot of the last period that is over."""
        self.running("earnings")
        need(amount > 0, "earnings: nothing to distribute")
        period = now // PERIOD - 1
        need(self.locks[group].weights(period) > 0, "earnings: nobody was there to earn it")
        pot = self.pots[group, number]
        pot[period] = pot.get(period, 0) + amount

    def earned_ever(self, person: bytes, group: int, number: int) -> int:
        """All that somebody's locks earned until now, claimed or not."""
        lock = self.locks[group]
        return sum(
            amount * lock.weight(person, period) // lock.weights(period)
            for period, amount in self.pots[group, number].items()
        )

    def due(self, person: bytes, group: int, number: int) -> int:
        """What a claim pays."""
        return self.earned_ever(person, group, number) - self.paid[person, group, number]

    def claim(self, person: bytes, receiver: bytes, group: int, numbers: Sequence[int]) -> Counter[int]:
        """What is paid of each asset."""
        self.running("earnings")
        need(not {person, receiver} & self.frozen, "earnings: account is frozen")
        paid: Counter[int] = Counter()
        for number in numbers:
            due = self.due(person, group, number)
            self.paid[person, group, number] += due
            paid[number] += due
        return paid

    def owed(self, group: int, number: int) -> int:
        """Given and not claimed."""
        claimed = sum(self.paid[person, group, number] for person in PEOPLE)
        return sum(self.pots[group, number].values()) - claimed

    def came(self, number: int, amount: int, *, reserve: bool) -> None:
        """Through a hook: what came before without one is counted with it."""
        book = self.kept if reserve else self.fees
        book[number] += amount + self.uncounted.pop(number, 0)

    def divide(self, number: int, now: int) -> int:
        """What groups get; the rest is kept."""
        self.running("funds")
        amount = self.fees[number] + self.uncounted[number]
        parts = {group: amount * bps // BPS for group, bps in self.shares}
        given = {group: part for group, part in parts.items() if part and self.locks[group].weights(now // PERIOD - 1)}
        if given:
            self.running("earnings")
        for group, part in given.items():
            self.distribute(group, number, part, now)
        self.uncounted[number] = self.fees[number] = 0
        self.kept[number] += amount - sum(given.values())
        return sum(given.values())
