# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an actor does next, decided from what it sees. Pure: the same view and the same dice give the same steps.

E and GCM both have nine decimals, and an E deposited into the index is worth one GCM: prices stay near par, a little
below it when the sun shines and a little above it in the evening. Amounts are in units of 10^-9 token.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from chain.market import BUY, DAY, GTC, SELL, Account, Order, Terms
from greencore.demo.trading.actors import Part

WHOLE = 10**9
PLACES = range(4)  # where an actor keeps its orders
_HOUR = 3600
_DAY = 24 * _HOUR
_PPM = 1_000_000
_SWING_PPM = 12_000  # how far the fair price moves from par over a day
_HALF_SPREAD_PPM = 3_000
_STALE_PPM = 4_000
_WORST_PPM = 20_000  # how far from the fair price a consumer still takes
_ARBITRAGE_PPM = 5_000
_NOON, _EVENING = 12, 19
_KEEP = WHOLE // 10  # GCM that a prosumer keeps: below it nothing is worth a bank payment
_NEEDS = (
    0.10,
    0.08,
    0.08,
    0.08,
    0.10,
    0.15,
    0.30,
    0.35,
    0.25,
    0.20,
    0.20,
    0.25,
)  # kWh an hour, from midnight and from noon
_NEEDS_PM = (0.30, 0.25, 0.20, 0.20, 0.25, 0.40, 0.55, 0.60, 0.50, 0.40, 0.25, 0.15)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an actor sees: `now` in unix seconds, its wallet's E and GCM, its account, its open orders by place, the best ticks."""

    now: int
    energy: int
    gcm: int
    account: Account
    orders: Mapping[int, Order]
    bid: int | None
    ask: int | None


@dataclass(frozen=True, slots=True)
class Deposit:
    """From the wallet into the Vault."""

    quote: bool
    amount: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """From the Vault into the wallet."""

    quote: bool
    amount: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit order: trades what it crosses, the rest waits at a place."""

    place: int
    side: int
    life: int
    tick: int
    lots: int


@dataclass(frozen=True, slots=True)
class Take:
    """Trade at once what there is, `tick` at worst."""

    side: int
    tick: int
    lots: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Close an order."""

    place: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Be paid an order's fills."""

    place: int


@dataclass(frozen=True, slots=True)
class Index:
    """Deposit E into the index, for GCM."""

    amount: int


@dataclass(frozen=True, slots=True)
class Redeem:
    """Give GCM back for its share of the index's energy."""

    amount: int


@dataclass(frozen=True, slots=True)
class SellForMoney:
    """Lock GCM for somebody who pays through a bank."""

    amount: int


@dataclass(frozen=True, slots=True)
class Consume:
    """Burn E: the energy was used."""

    amount: int


Step = Deposit | Withdraw | Limit | Take | Cancel | Claim | Index | Redeem | SellForMoney | Consume


def decide(part: Part, number: int, seen: Seen, terms: Terms, *, hours: float, dice: Random) -> list[Step]:
    """The next steps of an actor, in order. `hours` is how long it slept; `dice` belongs to this actor and this instant."""
    ended = [Claim(place) for place, order in seen.orders.items() if _is_claimable(order)]
    if ended:
        return list(ended)  # what they bring is seen the next time
    desk = _Desk(seen, terms)
    match part:
        case Part.PROSUMER:
            return desk.produce()
        case Part.MAKER:
            return desk.make(number)
        case Part.CONSUMER:
            return desk.consume(hours)
        case Part.TRADER:
            return desk.arbitrate() if number == 0 else desk.speculate(dice)


def fair_ppm(now: int) -> int:
    """GCM per E in millionths: cheapest at noon, dearest in the evening."""
    hour = now % _DAY / _HOUR
    sun = math.exp(-(((hour - _NOON) / 3.5) ** 2))
    peak = math.exp(-(((hour - _EVENING) / 2.5) ** 2))
    return _PPM + round(_SWING_PPM * (peak - sun))


def _is_claimable(order: Order) -> bool:
    return order.filled > 0 or order.expired


@dataclass(frozen=True, slots=True)
class _Desk:
    """The view, and the arithmetic that all strategies share."""

    seen: Seen
    terms: Terms

    def produce(self) -> list[Step]:
        """A part of what the roof brought goes into the index, the rest is offered; GCM is sold for money."""
        seen, steps = self.seen, self._withdrawals(base=False)
        steps += [Cancel(place) for place, order in seen.orders.items() if self._is_stale(order)]
        indexed = seen.energy * 2 // 5
        if self._lots(seen.energy - indexed) >= self.terms.min_lots:
            steps.append(Index(indexed))
            offered = seen.energy - indexed
            steps.append(Deposit(False, offered))
            place = self._free()
            if place is not None:
                lots = self._lots(offered + seen.account.base)
                steps.append(Limit(place, SELL, DAY, self._tick(_HALF_SPREAD_PPM), lots))
        if seen.gcm >= 2 * _KEEP:
            steps.append(SellForMoney(seen.gcm - _KEEP))
        return steps

    def make(self, number: int) -> list[Step]:
        """Both sides of the book around the fair price, each maker a little further out than the one before."""
        seen, steps = self.seen, self._deposits()
        distance = _HALF_SPREAD_PPM * (2 + number) // 2
        wanted = {BUY: self._tick(-distance), SELL: self._tick(distance)}
        kept = set()
        for place, order in seen.orders.items():
            if self._distance(order.tick, wanted[order.side]) > _STALE_PPM:
                steps.append(Cancel(place))
            else:
                kept.add(order.side)
        life = DAY if number % 2 else GTC
        quote = seen.account.quote + seen.gcm
        sizes = {BUY: quote // self.terms.price(wanted[BUY]) // 2, SELL: self._lots(seen.account.base)}
        for side in (BUY, SELL):
            if side not in kept and side not in seen.orders and sizes[side] >= self.terms.min_lots:
                steps.append(Limit(side, side, life, wanted[side], sizes[side]))
        return steps

    def consume(self, hours: float) -> list[Step]:
        """Buy what the household needs, at the best price there is, and use it up."""
        seen, steps = self.seen, self._withdrawals(quote=False)
        if seen.energy:
            steps.append(Consume(seen.energy))
        worst = self._tick(_WORST_PPM)
        hour = seen.now % _DAY // _HOUR
        need = int((_NEEDS + _NEEDS_PM)[hour] * hours * WHOLE)
        lots = min(
            max(self._lots(need), self.terms.min_lots), (seen.account.quote + seen.gcm) // self.terms.price(worst)
        )
        if lots < self.terms.min_lots:
            return steps
        steps += self._deposits(base=False)
        if seen.ask is not None and seen.ask <= worst:
            return [*steps, Take(BUY, worst, lots)]
        if not seen.orders:
            return [*steps, Limit(0, BUY, DAY, self._tick(0), lots)]
        return [*steps, *(Cancel(place) for place, order in seen.orders.items() if self._is_stale(order))]

    def arbitrate(self) -> list[Step]:
        """Buy below par and deposit into the index; redeem and sell above it."""
        seen = self.seen
        steps = self._withdrawals(quote=False)
        if seen.energy:
            return [*steps, Index(seen.energy)]
        steps += self._deposits(base=False)
        par = self.terms.lot
        if seen.ask is not None and self.terms.price(seen.ask) * (_PPM + _ARBITRAGE_PPM) <= par * _PPM:
            lots = (seen.account.quote + seen.gcm) // (2 * self.terms.price(seen.ask))
            if lots >= self.terms.min_lots:
                return [*steps, Take(BUY, seen.ask, lots)]
        return steps

    def speculate(self, dice: Random) -> list[Step]:
        """Now a trade at once, now an order a little away from the fair price, on either side."""
        seen, steps = self.seen, self._deposits()
        steps += [Cancel(place) for place, order in seen.orders.items() if self._is_stale(order)]
        side = dice.choice((BUY, SELL))
        away = dice.randrange(-_HALF_SPREAD_PPM, 3 * _HALF_SPREAD_PPM)
        tick = self._tick(-away if side == BUY else away)
        funds = (
            (seen.account.quote + seen.gcm) // self.terms.price(tick) if side == BUY else self._lots(seen.account.base)
        )
        lots = funds * dice.randint(1, 5) // 10
        place = self._free()
        if lots < self.terms.min_lots or place is None or any(order.side != side for order in seen.orders.values()):
            return steps  # an order of its own on the other side could meet this one
        return [*steps, Limit(place, side, dice.choice((GTC, DAY)), tick, lots)]

    def _deposits(self, *, base: bool = True) -> list[Step]:
        held = ((False, self.seen.energy if base else 0), (True, self.seen.gcm))
        return [Deposit(quote, amount) for quote, amount in held if amount >= self.terms.lot * self.terms.min_lots]

    def _withdrawals(self, *, base: bool = True, quote: bool = True) -> list[Step]:
        account = self.seen.account
        held = ((False, account.base if base else 0), (True, account.quote if quote else 0))
        return [Withdraw(which, amount) for which, amount in held if amount]

    def _lots(self, amount: int) -> int:
        return amount // self.terms.lot

    def _tick(self, away_ppm: int) -> int:
        """The tick at so many millionths from the fair price."""
        return self.terms.tick_at(self.terms.lot * (fair_ppm(self.seen.now) + away_ppm) // _PPM)

    def _is_stale(self, order: Order) -> bool:
        return self._distance(order.tick, self._tick(0)) > 3 * _STALE_PPM

    def _distance(self, one: int, other: int) -> int:
        """How far apart two ticks are, in millionths of par."""
        return abs(one - other) * self.terms.tick * _PPM // self.terms.lot

    def _free(self) -> int | None:
        return next((place for place in PLACES if place not in self.seen.orders), None)
