# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The pool in exact fractions: what every formula of Pool.vy means, written from the invariant and rounded at the end."""

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor, isqrt

from tests.contracts.fuzz.books import need

MAX = 2**112 - 1
DEAD_SHARES = 1_000
DEAD = bytes(18) + b"\xde\xad"


@dataclass(frozen=True)
class Trade:
    """What a trade moves: the trader's energy and money, and what the treasury gets of the money."""

    sold: bool
    energy: int
    money: int
    cut: int


@dataclass(frozen=True)
class Reserves:
    """The pool between two operations."""

    energy: int = 0
    money: int = 0
    supply: int = 0
    lp_bps: int = 25
    treasury_bps: int = 5

    @property
    def fee(self) -> Fraction:
        """Both fees together."""
        return Fraction(self.lp_bps + self.treasury_bps, 10_000)

    @property
    def product(self) -> int:
        """What no trade lowers."""
        return self.energy * self.money

    def _check(self, amount: int) -> None:
        need(self.energy > 0, "pool: no liquidity")
        need(0 < amount <= MAX, "pool: amount out of bounds")

    def _cut(self, base: int) -> int:
        return floor(base * Fraction(self.treasury_bps, 10_000))

    def sell(self, energy: int) -> Trade:
        """Exact energy in: the money reserve may fall to E·M / (E + x), less the fee of what it fell by."""
        self._check(energy)
        gross = floor(self.money - Fraction(self.product, self.energy + energy))
        money = floor(gross * (1 - self.fee))
        need(money > 0, "pool: too small")
        return Trade(True, energy, money, self._cut(gross))

    def sell_for(self, money: int) -> Trade:
        """Exact money out: the energy reserve must rise to E·M / (M − gross)."""
        self._check(money)
        gross = ceil(money / (1 - self.fee))
        need(gross < self.money, "pool: more than the reserve")
        energy = ceil(Fraction(self.product, self.money - gross) - self.energy)
        return Trade(True, energy, money, self._cut(gross))

    def buy(self, energy: int) -> Trade:
        """Exact energy out: the money reserve must rise to E·M / (E − x), and the fee comes on top."""
        self._check(energy)
        need(energy < self.energy, "pool: more than the reserve")
        net = ceil(Fraction(self.product, self.energy - energy) - self.money)
        money = ceil(net / (1 - self.fee))
        return Trade(False, energy, money, self._cut(money))

    def buy_with(self, money: int) -> Trade:
        """Exact money in: after the fee, the energy reserve may fall to E·M / (M + net)."""
        self._check(money)
        net = floor(money * (1 - self.fee))
        energy = floor(self.energy - Fraction(self.product, self.money + net))
        need(energy > 0, "pool: too small")
        return Trade(False, energy, money, self._cut(money))

    def after(self, trade: Trade) -> "Reserves":
        """The pool after a trade."""
        way = 1 if trade.sold else -1
        energy, money = self.energy + way * trade.energy, self.money - way * trade.money - trade.cut
        need(energy <= MAX and money <= MAX, "pool: reserve out of bounds")
        return replace(self, energy=energy, money=money)

    def add(self, energy_max: int, money_max: int) -> tuple[int, int, int]:
        """Shares, energy, money: the most shares that both maxima pay for in full."""
        need(0 < energy_max <= MAX and 0 < money_max <= MAX, "pool: amount out of bounds")
        if self.energy == 0:
            shares = isqrt(energy_max * money_max) - DEAD_SHARES
            need(shares > 0, "pool: too small")
            return shares, energy_max, money_max
        per_energy, per_money = Fraction(self.energy, self.supply), Fraction(self.money, self.supply)
        shares = floor(min(energy_max / per_energy, money_max / per_money))
        need(shares > 0, "pool: too small")
        return shares, ceil(shares * per_energy), ceil(shares * per_money)

    def remove(self, shares: int) -> tuple[int, int]:
        """Energy, money: the shares' part of both."""
        part = Fraction(shares, self.supply)
        return floor(self.energy * part), floor(self.money * part)

    def marginal(self, *, buying: bool) -> Fraction:
        """The price of an infinitely small trade."""
        price = Fraction(self.money, self.energy)
        return price / (1 - self.fee) if buying else price * (1 - self.fee)

    def marginal_after(self, energy: int, *, buying: bool) -> Fraction:
        """The slope of a trade's cost or proceeds at its last µWh."""
        end = self.energy - energy if buying else self.energy + energy
        slope = Fraction(self.product, end * end)
        return slope / (1 - self.fee) if buying else slope * (1 - self.fee)


@dataclass
class Book:
    """Reserves and who owns what."""

    pool: Reserves = field(default_factory=Reserves)
    paused: bool = False
    owed: int = 0
    donated: int = 0
    energy: Counter[bytes] = field(default_factory=Counter)
    money: Counter[bytes] = field(default_factory=Counter)
    shares: Counter[bytes] = field(default_factory=Counter)

    def trade(self, name: str, amount: int, limit: int, who: bytes, to: bytes) -> Trade:
        """One of the four trades. Raises Refused."""
        need(not self.paused, "pool: paused")
        trade: Trade = getattr(self.pool, name)(amount)
        counter = {"sell": trade.money, "sell_for": trade.energy, "buy": trade.money, "buy_with": trade.energy}[name]
        if name in ("sell", "buy_with"):
            need(counter >= limit, "pool: less than the minimum")
        else:
            need(counter <= limit, "pool: more than the maximum")
        if trade.sold:
            need(self.energy[who] >= trade.energy, "erc1155: insufficient balance for transfer")
        else:
            need(self.money[who] >= trade.money, "fuzz_money: balance")
        self.pool = self.pool.after(trade)
        self.owed += trade.cut
        if trade.sold:
            self.energy[who] -= trade.energy
            self.money[to] += trade.money
        else:
            self.money[who] -= trade.money
            self.energy[to] += trade.energy
        return trade

    def add(self, energy_max: int, money_max: int, shares_min: int, who: bytes, to: bytes) -> tuple[int, int, int]:
        """Add both sides. Raises Refused."""
        need(not self.paused, "pool: paused")
        shares, energy, money = self.pool.add(energy_max, money_max)
        need(shares >= shares_min, "pool: less than the minimum")
        need(self.energy[who] >= energy, "erc1155: insufficient balance for transfer")
        need(self.money[who] >= money, "fuzz_money: balance")
        if not self.pool.supply:
            self.shares[DEAD] += DEAD_SHARES
        self.energy[who] -= energy
        self.money[who] -= money
        self.shares[to] += shares
        self.pool = replace(
            self.pool,
            energy=self.pool.energy + energy,
            money=self.pool.money + money,
            supply=sum(self.shares.values()),
        )
        return shares, energy, money

    def remove(self, shares: int, energy_min: int, money_min: int, who: bytes, to: bytes) -> tuple[int, int]:
        """Give shares back. Raises Refused."""
        need(shares > 0, "pool: amount out of bounds")
        need(self.shares[who] >= shares, "pool: amount exceeds balance")
        energy, money = self.pool.remove(shares)
        need(energy >= energy_min and money >= money_min, "pool: less than the minimum")
        self.shares[who] -= shares
        self.energy[to] += energy
        self.money[to] += money
        self.pool = replace(
            self.pool,
            energy=self.pool.energy - energy,
            money=self.pool.money - money,
            supply=self.pool.supply - shares,
        )
        return energy, money
