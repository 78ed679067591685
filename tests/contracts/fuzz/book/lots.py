# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A market without orders, queues or levels: every single lot on a pile, and the best ones are sold first.

It shares no line with the reference book, whose matching is compared with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lot:
    """One lot and all that decides when it is sold."""

    price: int  # in ticks
    life: int  # 0, 1, 2
    ends: int  # unix seconds; it is gone from then on
    time: int
    order: int
    is_ask: bool


class Pile:
    """All lots that were offered and not sold."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []

    def offer(self, order: int, *, is_ask: bool, price: int, life: int, now: int, count: int) -> None:
        """Put an order's lots on the pile."""
        ends = (2**80, now - now % 86_400 + 86_400, now - now % 900 + 900)[life]
        self.lots += [Lot(price, life, ends, order, order, is_ask)] * count

    def withdraw(self, order: int) -> int:
        """Take an order's lots off the pile. Returns how many."""
        before = len(self.lots)
        self.lots = [lot for lot in self.lots if lot.order != order]
        return before - len(self.lots)

    def sold(self, *, asks: bool, limit: int, now: int, count: int) -> list[Lot]:
        """The lots that a taker gets, best first."""
        sign = 1 if asks else -1
        live = [lot for lot in self.lots if lot.is_ask is asks and lot.ends > now and lot.price * sign <= limit * sign]
        return sorted(live, key=lambda lot: (lot.price * sign, lot.life, lot.time))[:count]

    def remove(self, lots: list[Lot]) -> None:
        """They are sold."""
        for lot in lots:
            self.lots.remove(lot)

    def shown(self, now: int) -> set[tuple[bool, int, int]]:
        """Side, price and class of everything that stands."""
        return {(lot.is_ask, lot.price, lot.life) for lot in self.lots if lot.ends > now}
