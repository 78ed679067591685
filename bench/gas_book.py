# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What trading from vault balances costs: every row of the book, each from the same state of the floor."""

from collections.abc import Iterator

from bench.gas_chain import Contract
from bench.gas_floor import BUY, DAY, PAR, QUARTER, SELL, Floor, maker
from bench.gas_row import Row

LOTS = 500  # of an order: 0.5 kWh
CROWDS = (1, 10, 100, 1_000)
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
FREE = 100  # the owner's places in the market without fees begin here: a place belongs to all markets
_LOOP = "a book that pays each maker"
_TICKS = 4_096  # that the loop passes in one transaction
_CHUNK = 250  # makers that the loop pays in one transaction: 1,000 at once are more than a block takes


class BookBench:
    """A floor in its ordinary life: fees were taken before, ticks near the price were used, and so were order places."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.chain = floor.chain
        for market, n in ((floor.market, 0), (floor.free_market, FREE)):
            for side, tick in ((SELL, PAR), (BUY, PAR - 100)):
                floor.place(floor.holder, n + 1, tick, LOTS, side=side, market=market)
                floor.take(floor.buyer, tick, LOTS, side=1 - side, market=market)
                floor.claim(floor.holder, n + 1)
            # Somebody always stands behind the best, so that no side runs dry.
            floor.place(floor.holder, n + 2, PAR + 900, LOTS, market=market)
            floor.place(floor.holder, n + 3, PAR - 900, LOTS, side=BUY, market=market)
            for number in (1, 2):
                for tick in (PAR - 10, PAR + 10):
                    floor.place(floor.seller, n + number, tick, LOTS, market=market)
                    floor.cancel(floor.seller, n + number)

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        yield from self.places()
        yield from self.sessions()
        yield from self.cancels()
        yield from self.claims()
        yield from self.takes()
        yield from self.sweeps()
        yield from self.depths()
        yield from self.crowds()

    def places(self) -> Iterator[Row]:
        """Orders that rest."""
        floor, undone = self.floor, self.chain.undone
        floor.place(floor.holder, 4, PAR, LOTS)
        cases = (
            ("a live level, a used place", 1, PAR, 52_000, "place_live_recycled"),
            ("a live level, a new place", 9, PAR, 69_000, "place_live_new"),
            ("an empty level that is the new best, a used place", 1, PAR - 10, 63_000, "place_empty_recycled"),
            ("an empty level behind the best, a used place", 1, PAR + 10, None, ""),
            ("a level never used that is the new best, a new place", 9, PAR - 11, 98_000, "place_empty_new"),
            ("a level never used behind the best, a new place", 9, PAR + 11, None, ""),
            ("the first of 256 ticks, the new best, a new place", 9, PAR - 400, None, ""),
        )
        for what, n, tick, target, figure in cases:
            with undone():
                yield Row(f"place on {what}", 1, floor.place(floor.seller, n, tick, LOTS), target, figure=figure)
        with undone():
            gas = floor.place(floor.seller, 1, PAR - 900, LOTS, side=BUY)
            yield Row("place a bid on a live level, a used place", 1, gas)

    def sessions(self) -> Iterator[Row]:
        """Orders that live until the end of the day or of the slot, and a limit order that trades first."""
        floor, undone = self.floor, self.chain.undone
        for life, what in ((DAY, "day"), (QUARTER, "slot")):
            with undone():
                gas = floor.place(floor.seller, 1, PAR, LOTS, life=life)
                yield Row(f"place, first {what} order of a session at a tick, a used place", 1, gas)
                gas = floor.place(floor.seller, 2, PAR, LOTS, life=life)
                yield Row(f"place, next {what} order, a used place", 1, gas)
        with undone():
            floor.place(floor.buyer, 1, PAR - 10, LOTS, side=BUY)
            floor.cancel(floor.buyer, 1)
            gas = floor.trade(floor.buyer, 1, PAR, 2 * LOTS)
            yield Row("trade: empties a level and rests, a used place", 1, gas)
        with undone():
            gas = floor.trade(floor.buyer, 1, PAR, LOTS // 2)
            yield Row("trade: takes part of a level", 1, gas)

    def cancels(self) -> Iterator[Row]:
        """Where in its queue an order stands decides what its end costs."""
        floor, undone = self.floor, self.chain.undone
        with undone():
            floor.place(floor.seller, 1, PAR, LOTS)
            with undone():
                yield Row("cancel, the last of a queue", 2, floor.cancel(floor.seller, 1), 50_000, figure="cancel_tail")
            floor.place(floor.holder, 5, PAR, LOTS)
            with undone():
                gas = floor.cancel(floor.seller, 1)
                yield Row("cancel, in the middle, tree word new", 3, gas, 72_000, figure="cancel_middle")
            floor.cancel(floor.seller, 1)
            floor.place(floor.seller, 1, PAR, LOTS)
            floor.place(floor.holder, 6, PAR, LOTS)
            with undone():
                yield Row("cancel, in the middle, tree word used", 4, floor.cancel(floor.seller, 1), 56_000)
        with undone():
            floor.place(floor.seller, 1, PAR, LOTS)
            yield Row("cancel, the first of a queue", 2, floor.cancel(floor.holder, 4))
        with undone():
            floor.place(floor.seller, 1, PAR - 10, LOTS)
            yield Row("cancel, alone at the best", 1, floor.cancel(floor.seller, 1))
        with undone():
            floor.place(floor.seller, 1, PAR, LOTS)
            floor.place(floor.seller, 2, PAR + 10, LOTS)
            floor.cancel(floor.seller, 1)
            yield Row("refresh, one order left", 1, floor.refresh(floor.seller, SELL, [2]))

    def claims(self) -> Iterator[Row]:
        """What a keeper pays to bring a maker its money."""
        floor, undone = self.floor, self.chain.undone
        with undone():
            floor.take(floor.buyer, PAR, LOTS)
            yield Row("claim, filled", 1, floor.claim(floor.holder, 4), 46_000, figure="claim")
        with undone():
            floor.take(floor.buyer, PAR, LOTS // 2)
            yield Row("claim, filled in part", 1, floor.claim(floor.holder, 4))
        with undone():
            floor.place(floor.holder, FREE + 4, PAR, LOTS, market=floor.free_market)
            floor.take(floor.buyer, PAR, LOTS, market=floor.free_market)
            yield Row("claim, filled, market without fees", 1, floor.claim(floor.holder, FREE + 4), 46_000)
        with undone():
            places = list(range(50, 60))
            for n in places:
                floor.place(floor.holder, n, PAR - 10, LOTS)
            floor.take(floor.buyer, PAR - 10, 10 * LOTS)
            many = [floor.holder] * 10, places
            gas = self.chain.send(floor.book, "claim_many", *many, sender=floor.stranger)
            yield Row("claim, many filled orders of an owner, per order", 10, gas, per=10)
        with undone():
            floor.place(floor.holder, 5, PAR, LOTS, life=QUARTER)
            self.chain.pass_time(900)
            yield Row("claim, a slot order that expired", 1, floor.claim(floor.holder, 5))
        yield Row(
            "collect, fees of a market in one token", 1, self.chain.send(floor.book, "collect_fees", floor.market, True)
        )

    def takes(self) -> Iterator[Row]:
        """One level and its end."""
        floor, undone = self.floor, self.chain.undone
        with undone():
            floor.place(floor.seller, 1, PAR + 10, LOTS)
            gas = floor.take(floor.buyer, PAR, LOTS)
            yield Row("take, empties the level", 1, gas, 57_000, figure="take_empties")
        with undone():
            yield Row("take, empties the level, next one far away", 1, floor.take(floor.buyer, PAR, LOTS))
        with undone():
            gas = floor.take(floor.buyer, PAR - 900, LOTS // 2, side=SELL)
            yield Row("take, selling, part of a level", 1, gas)
        with undone():
            floor.place(floor.holder, FREE + 4, PAR, LOTS, market=floor.free_market)
            gas = floor.take(floor.buyer, PAR, LOTS // 2, market=floor.free_market)
            yield Row("take, part of a level, market without fees", 1, gas)
        with undone():
            floor.place(floor.buyer, 1, PAR + 10, LOTS)
            floor.take(floor.seller, PAR + 10, 2 * LOTS)
            gas = floor.take(floor.buyer, PAR + 900, LOTS // 2, done=[1])
            yield Row("take, part of a level, claims an own order first", 1, gas)

    def sweeps(self) -> Iterator[Row]:
        """Three levels far from each other. Nobody else stands between; the loop goes from tick to tick."""
        floor, undone = self.floor, self.chain.undone
        ticks = PAR, PAR + 1_500, PAR + 3_000
        naive = self.loop()
        for tick in ticks:
            self.chain.send(naive, "place", tick, LOTS, sender=floor.seller)
        with undone():
            floor.cancel(floor.holder, 2)
            for n, tick in enumerate(ticks[1:], 20):
                floor.place(floor.seller, n, tick, LOTS)
            floor.place(floor.holder, 7, PAR + 4_000, LOTS)
            for lots, what, target, figure in (
                (3 * LOTS, "empties all three", 88_000, "sweep_3_over_3000_ticks"),
                (3 * LOTS - 100, "ends inside the third", None, ""),
            ):
                with undone():
                    gas = floor.take(floor.buyer, ticks[-1], lots)
                    beside = self.chain.send(naive, "take", ticks[-1], lots, sender=floor.buyer)
                    name = f"take, 3 levels over 3,000 ticks, {what}"
                    yield Row(name, 3, gas, target, baseline=_LOOP, baseline_gas=beside, figure=figure)

    def depths(self) -> Iterator[Row]:
        """Ever more levels in one take, side by side and far apart; the last one stays."""
        floor, undone = self.floor, self.chain.undone
        for apart, what in ((1, "side by side"), (256, "256 ticks apart")):
            naive = self.loop()
            with undone():
                floor.cancel(floor.holder, 2)
                floor.cancel(floor.holder, 4)
                ticks = [PAR + apart * i for i in range(DEPTHS[-1] + 1)]
                for n, tick in enumerate(ticks, 20):
                    floor.place(floor.seller, n, tick, LOTS)
                    self.chain.send(naive, "place", tick, LOTS, sender=floor.seller)
                for depth in DEPTHS:
                    with undone():
                        gas = floor.take(floor.buyer, ticks[depth - 1], LOTS * depth)
                        beside = 0
                        if depth * apart <= _TICKS:
                            beside = self.chain.send(naive, "take", ticks[depth - 1], LOTS * depth, sender=floor.buyer)
                        baseline = _LOOP if beside else ""
                        yield Row(f"take, levels {what}", depth, gas, baseline=baseline, baseline_gas=beside)

    def crowds(self) -> Iterator[Row]:
        """Ever more makers at one price."""
        floor, undone = self.floor, self.chain.undone
        naive = self.loop()
        self.chain.send(naive, "place", PAR, LOTS, sender=floor.holder)
        there = 1
        for crowd in CROWDS:
            floor.queue(there, crowd, PAR, LOTS)
            with self.chain.together():
                for number in range(there, crowd):
                    self.chain.send(naive, "give", maker(number), LOTS, 10**6)
            with self.chain.together():
                for number in range(there, crowd):
                    self.chain.send(naive, "place", PAR, LOTS, sender=maker(number))
            there = crowd
            with undone():
                lots = crowd * LOTS - 1
                gas = floor.take(floor.buyer, PAR, lots)
                beside = self.pay_each(naive, lots)
                yield Row(
                    f"take, all but one lot of {'a maker' if crowd == 1 else 'so many makers'}",
                    crowd,
                    gas,
                    51_000,
                    baseline=_LOOP,
                    baseline_gas=beside,
                    figure=f"take_{crowd}",
                )
            with undone():
                gas = floor.place(floor.seller, 1, PAR, LOTS)
                yield Row("place behind so many orders, a used place", crowd, gas)
            yield from self.ends(crowd)

    def ends(self, crowd: int) -> Iterator[Row]:
        """Cancelling and claiming in the middle of a long queue."""
        floor, undone = self.floor, self.chain.undone
        if crowd < 10:
            return
        half = maker(crowd // 2)
        with undone():
            yield Row("cancel, in the middle of so many orders, tree new", crowd, floor.cancel(half, 1))
            floor.cancel(maker(crowd // 2 - 1), 1)
            floor.cancel(maker(crowd // 2 - 2), 1)
            gas = floor.cancel(maker(crowd // 2 + 1), 1)
            yield Row("cancel, in the middle of so many orders, tree used", crowd, gas)
        with undone():
            # One cancelled near the front: the order behind is filled only so far as the tree of cancellations says.
            floor.cancel(maker(1), 1)
            floor.take(floor.buyer, PAR, (crowd - 1) * LOTS - LOTS // 2)
            target = 62_000 if crowd == CROWDS[-1] else None
            gas = floor.claim(maker(crowd - 1), 1)
            yield Row("claim in part, last of so many orders, some cancelled", crowd, gas, target)

    def loop(self) -> Contract:
        """The book that is beside it, with the same people in it, who all have traded before."""
        naive = self.chain.deploy("NaiveBook")
        for account in (self.floor.seller, self.floor.buyer, self.floor.holder):
            self.chain.send(naive, "give", account, 10**12, 10**18)
        return naive

    def pay_each(self, naive: Contract, lots: int) -> int:
        """The same take in the loop, in as many transactions as it needs."""
        gas, left = 0, lots
        while left:
            part = min(left, _CHUNK * LOTS)
            gas += self.chain.send(naive, "take", PAR, part, sender=self.floor.buyer)
            left -= part
        return gas
