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
_SOLD_AT_ONCE = WHOLE // 2
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
class Buy:
    """Buy so much E from the wallet, through the router, for so much GCM at most."""

    amount: int
    most: int


@dataclass(frozen=True, slots=True)
class Sell:
    """Send E to the router with an order, for so much GCM at least: one call without any approval."""

    amount: int
    least: int


@dataclass(frozen=True, slots=True)
class Provide:
    """Add both sides to the pool, as much as both maxima allow."""

    energy: int
    money: int


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


Step = (
    Deposit | Withdraw | Limit | Take | Buy | Sell | Provide | Cancel | Claim | Index | Redeem | SellForMoney | Consume
)


def decide(part: Part, number: int, seen: Seen, terms: Terms, *, hours: float, dice: Random) -> list[Step]:
    """The next steps of an actor, in order. `hours` is how long it slept; `dice` belongs to this actor and this instant."""
    ended = [Claim(place) for place, order in seen.orders.items() if _is_claimable(order)]
    if ended:
        return list(ended)  # what they bring is seen the next time
    desk = _Desk(seen, terms)
    match part:
        case Part.PROSUMER:
            return desk.produce(sells_at_once=number == 1)
        case Part.MAKER:
            return desk.make(number)
        case Part.CONSUMER:
            return desk.consume(hours)
        case Part.TRADER:
            return (desk.arbitrate, desk.provide)[number]() if number < 2 else desk.speculate(dice)


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

    def produce(self, *, sells_at_once: bool) -> list[Step]:
        """A part of what the roof brought goes into the index, the rest is offered or sold; GCM is sold for money."""
        seen, steps = self.seen, self._withdrawals(base=False)
        steps += [Cancel(place) for place, order in seen.orders.items() if self._is_stale(order)]
        indexed = seen.energy * 2 // 5
        if self._lots(seen.energy - indexed) >= self.terms.min_lots:
            steps.append(Index(indexed))
            offered = seen.energy - indexed
            place = self._free()
            if sells_at_once and seen.bid is not None and not seen.orders:
                sold = min(offered, _SOLD_AT_ONCE)
                steps.append(Sell(sold, self._worth(sold, -_WORST_PPM)))
            elif place is not None:
                steps.append(Deposit(False, offered))
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
        """Buy what the household needs, wherever it is cheaper, and use it up: straight from the wallet and into it."""
        seen = self.seen
        steps: list[Step] = [Consume(seen.energy)] if seen.energy else []
        hour = seen.now % _DAY // _HOUR
        need = max(int((_NEEDS + _NEEDS_PM)[hour] * hours * WHOLE), self.terms.lot * self.terms.min_lots)
        amount = self._lots(min(need, seen.gcm * _PPM // (_PPM + 2 * _WORST_PPM))) * self.terms.lot
        if seen.ask is not None and amount >= self.terms.lot * self.terms.min_lots:
            steps.append(Buy(amount, self._worth(amount, 2 * _WORST_PPM)))
        return steps

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

    def provide(self) -> list[Step]:
        """Half of the money becomes energy, and both go into the pool."""
        seen, least = self.seen, self.terms.lot * self.terms.min_lots
        both = min(seen.energy, seen.gcm * _PPM // (_PPM + _WORST_PPM))
        if both >= 10 * least:
            return [Provide(both, self._worth(both, 0))]
        amount = self._lots(seen.gcm * _PPM // (2 * (_PPM + 2 * _WORST_PPM))) * self.terms.lot
        if seen.ask is not None and amount >= 10 * least:
            return [Buy(amount, self._worth(amount, 2 * _WORST_PPM))]
        return []

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

    def _worth(self, amount: int, away_ppm: int) -> int:
        """What energy is worth in GCM at so many millionths from the fair price."""
        return amount * (fair_ppm(self.seen.now) + away_ppm) // _PPM

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
