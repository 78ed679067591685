# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contract is the twin after any order of everything: two markets, slots that reuse depth, stops, frozen traders."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.contracts.fuzz.profiles import profile, run
from tests.contracts.fuzz.round.chain import MARKETS, TRADERS, Chain
from tests.contracts.fuzz.round.twin import ASK, BID, HORIZON, SLOT, TICKS, Clearing, Refused, Rounds
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, STRANGER

EXAMPLES, STEPS = {"default": (36, 60), "nightly": (760, 60)}[profile()]
OPERATIONS_MIN = {"default": 5_000, "nightly": 100_000}[profile()]
PLACES = 24  # that one trader uses
MIDDLE = 1_247  # ticks around a border of a word of every layer
FULL_EVERY = 20  # steps between two comparisons of everything
RING = 256

traders = st.sampled_from(TRADERS)
markets = st.sampled_from((1, 2) * 9 + (3,))
shifts = st.sampled_from((0,) * 16 + (1, 1, 2, HORIZON - 2, HORIZON, -1))
ticks = st.sampled_from((*range(MIDDLE - 3, MIDDLE + 8),) * 4 + (0, 7, 624, 625, TICKS - 1, TICKS))
sizes = st.sampled_from((2, 3, 4, 5, 6, 7, 8, 9) * 4 + (1, 1, 40, 2**32 - 1, 2**32 - 1, 2**32 - 9))
picks = st.integers(0, 99)
some = st.lists(picks, max_size=6)
orders = st.tuples(traders, st.integers(0, 2), ticks, sizes)
aparts = st.sampled_from((0, 0, 0, 0, 0, 0, 0, 12))
crowds = st.lists(orders, min_size=3, max_size=10)
kinds = st.sampled_from(("halt", "pause", "freeze", "tier"))
waits = st.sampled_from((1, 300, 599, 600, SLOT, SLOT, 2 * SLOT, 43_200, 64 * SLOT))


Operation = Callable[..., None]


def operation(weight: int, **drawn: st.SearchStrategy[Any]) -> Callable[[Operation], Operation]:
    """An operation, how often it is drawn beside the others, and its arguments."""

    def mark(function: Operation) -> Operation:
        OPERATIONS.extend([(function, drawn)] * weight)
        return function

    return mark


OPERATIONS: list[tuple[Operation, dict[str, st.SearchStrategy[Any]]]] = []


class Rounding(RuleBasedStateMachine):
    """The chain and the twin side by side."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()  # operations and how they ended
    met: ClassVar[Counter[tuple[str, str]]] = Counter()  # what they led to
    chain: ClassVar[Chain]

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.twin: Rounds = self.chain.twin()
        boa.env.timestamp = self.twin.now
        self.step = 0

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            self._anchor.__exit__(None, None, None)

    def both(self, function: str, *args: Any, sender: bytes, model: Callable[[], Any]) -> bool:
        """Both do it with the same answer, or both refuse with the same words."""
        expected, answer = "ok", None
        try:
            answer = model()
        except Refused as refusal:
            expected = refusal.reason
        outcome = self.chain.round.call(function, *args, sender=sender)
        self.tally[function, expected] += 1
        assert ("ok" if outcome.ok else outcome.reason) == expected, (function, args, outcome.reason, expected)
        if answer is not None:
            found = self.chain.round.artifact.functions[function].result(outcome.output)
            assert found == answer, (function, args, found, answer)
        return outcome.ok

    @rule(data=st.data())
    def operate(self, data: st.DataObject) -> None:
        """Any operation. One rule for all: Hypothesis leaves rules out of whole runs, and a round needs several."""
        function, drawn = data.draw(st.sampled_from(OPERATIONS))
        function(self, **{name: data.draw(strategy) for name, strategy in drawn.items()})

    # orders

    @operation(
        6,
        market=markets,
        shift=shifts,
        apart=aparts,
        drawn=crowds,
    )
    def crowd(self, market: int, shift: int, apart: int, drawn: list[tuple[bytes, int, int, int]]) -> None:
        """Several orders for a slot, most of them in free places, at prices at which they meet, or not."""
        slot = self.slot_of(market) + shift
        for i, (owner, side, tick, lots) in enumerate(drawn):
            used = {n for who, n in self.twin.places if who == owner}
            n = next((n for n in range(PLACES) if n not in used), 0)
            # The first names a place that may be taken; a few name no side.
            side = side if side < 2 or lots == 5 else i % 2
            self.place(owner, market, slot, n if i else 0, side, tick + (apart if side == ASK else 0), lots)

    def place(self, owner: bytes, market: int, slot: int, n: int, side: int, tick: int, lots: int) -> None:
        """One order."""
        done = self.both(
            "place", market, slot, n, side, tick, lots,
            sender=owner, model=lambda: self.twin.place(owner, market, slot, n, side, tick, lots),
        )  # fmt: skip
        if done and (market, slot - RING) in self.twin.auctions:
            self.met["depth", "used again"] += 1

    @operation(
        4,
        owner=traders,
        other=st.sampled_from((None, None, None, *TRADERS, STRANGER)),
        market=markets,
        picks=some,
    )
    def close(self, owner: bytes, other: bytes | None, market: int, picks: list[int]) -> None:
        """Some orders of somebody, closed by themselves, by another or by a stranger."""
        caller = other or owner
        ns = self.picked(owner, market, picks)
        self.both("close", market, owner, ns, sender=caller, model=lambda: self.twin.close(caller, market, owner, ns))

    @operation(1, owner=traders, market=markets, picks=some, to=traders)
    def leave(self, owner: bytes, market: int, picks: list[int], to: bytes) -> None:
        """Everything out at once."""
        ns = self.picked(owner, market, picks)
        self.both("leave", market, ns, to, sender=owner, model=lambda: self.twin.leave(owner, market, ns, to))

    @operation(
        1, owner=traders, market=markets, quote=st.booleans(), share=st.sampled_from((0, 1, 50, 100, 101)), to=traders
    )
    def withdraw(self, owner: bytes, market: int, share: int, to: bytes, *, quote: bool) -> None:
        """A part of what is free, or more."""
        amount = self.twin.free[market, quote, owner] * share // 100 + (share > 100)
        self.both(
            "withdraw", market, quote, amount, to,
            sender=owner, model=lambda: self.twin.withdraw(owner, market, amount, to, quote=quote),
        )  # fmt: skip

    @operation(1, market=markets, quote=st.booleans())
    def collect(self, market: int, *, quote: bool) -> None:
        """The fees."""
        self.both(
            "collect_fees", market, quote,
            sender=STRANGER, model=lambda: self.twin.collect(market, quote=quote, beneficiary=BENEFICIARY),
        )  # fmt: skip

    # clearing

    @operation(
        6,
        market=st.sampled_from((1, 2)),
        off=st.sampled_from((0, 0, 0, 0, 1, 2, 3, 4, 5)),
        when=st.sampled_from(range(10)),
    )
    def end(self, market: int, off: int, when: int) -> None:
        """Go behind the gate and bring a result: the right one, or one that is wrong in one number; then pay all."""
        slots = [slot for (m, slot), auction in self.twin.auctions.items() if m == market and not auction.cleared]
        slot = next((slot for slot in sorted(slots) if self.twin.now < MARKETS[market].too_late(slot)), None)
        if slot is None:
            if off != 1:
                return
            slot = self.slot_of(market)
        if when:
            # Once in ten the gate is still open, once in ten the window is over.
            terms = MARKETS[market]
            self.go(max(self.twin.now, terms.closing(slot) if when > 1 else terms.too_late(slot)))
        auction = self.twin.auction(market, slot)
        right = auction.solve()
        shown = right or self.quiet(market, slot)
        if right and not auction.cleared:
            found = self.chain.round.view("solve", market, slot)
            assert found == (right.tick, right.volume, right.low, right.high)
        if off:
            self.bring(market, slot, self.wrong(market, slot, shown, off))
        self.bring(market, slot, shown)

    def bring(self, market: int, slot: int, shown: Clearing) -> None:
        """A result."""
        done = self.both(
            "clear", market, slot, shown.tick, shown.volume, shown.low, shown.high,
            sender=STRANGER, model=lambda: self.twin.clear(market, slot, shown),
        )  # fmt: skip
        if done:
            auction = self.twin.auction(market, slot)
            self.met["volume", "some" if shown.volume else "none"] += 1
            fills = [auction.fills[order.number] for order in auction.orders]
            cut = any(0 < fill < order.lots for fill, order in zip(fills, auction.orders, strict=True))
            self.met["an order", "cut" if cut else "whole"] += 1
            tick = auction.result.tick if auction.result else 0
            at_price = (shown.volume, auction.at_price(BID), auction.at_price(ASK))
            assert self.chain.round.view("result_of", market, slot)[2:] == (True, tick, *at_price)

    def quiet(self, market: int, slot: int) -> Clearing:
        """A tick that shows that nothing trades."""
        asks = self.twin.auction(market, slot).side(ASK)
        tick = max(min((at for at, _ in asks), default=1) - 1, 0)
        return Clearing(tick, 0, tick, tick)

    def wrong(self, market: int, slot: int, right: Clearing, off: int) -> Clearing:
        """A result next to the right one, with the volume of its own tick where that is not what is wrong."""
        if off == 1:
            return replace(right, volume=right.volume + 1)
        if off in (2, 3):
            return replace(right, low=right.low + (1 if off == 2 and right.low < TICKS - 1 else -1 if right.low else 1))
        tick = right.tick + (1 if off == 4 else -1) if 0 < right.tick < TICKS - 1 else 1
        auction = self.twin.auction(market, slot)
        demand = sum(lots for at, lots in auction.side(BID) if at >= tick)
        supply = sum(lots for at, lots in auction.side(ASK) if at <= tick)
        return Clearing(tick, min(demand, supply), tick, tick)

    @operation(2, market=st.sampled_from((1, 2)))
    def pay_everybody(self, market: int) -> None:
        """A stranger closes whatever can be closed."""
        for owner in TRADERS:
            ns = [n for (who, n), order in self.twin.places.items() if who == owner and order.market == market]
            self.both(
                "close", market, owner, ns,
                sender=STRANGER, model=partial(self.twin.close, STRANGER, market, owner, ns),
            )  # fmt: skip

    # time and officers

    @operation(1, seconds=waits)
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.tally["wait", "done"] += 1
        self.go(self.twin.now + seconds)

    @operation(1, market=st.sampled_from((1, 2)))
    def come_round(self, market: int) -> None:
        """To when the sums of depth of the latest round are used again."""
        slots = [slot for m, slot in self.twin.auctions if m == market]
        if slots:
            self.tally["come round", "done"] += 1
            self.go(max(self.twin.now, MARKETS[market].closing(max(slots) + RING) - 1))

    def go(self, when: int) -> None:
        """Move both clocks."""
        self.twin.now = boa.env.timestamp = when

    @operation(
        1,
        market=st.sampled_from((1, 2)),
        kind=kinds,
        who=traders,
        tries=st.lists(picks, min_size=1, max_size=3),
    )
    def a_stop(self, market: int, kind: str, who: bytes, tries: list[int]) -> None:
        """While something is stopped, everything is tried; then it goes on."""
        guard, stopped = self.chain.guard, self.chain.round
        if kind == "halt":
            stopped.must("halt", market, sender=GUARDIAN)
            self.twin.halted.add(market)
        elif kind == "pause":
            guard.must("pause", stopped.address, sender=GUARDIAN)
            self.twin.paused = True
        elif kind == "freeze":
            guard.must("freeze", who, sender=GUARDIAN)
            self.twin.frozen.add(who)
        else:
            guard.must("set_tier", who, 1, sender=GUARDIAN)
            self.twin.tiers[who] = 1
        self.tally[kind, "done"] += 1
        self.place(who, market, self.slot_of(market), PLACES, ASK, MIDDLE, 3)
        self.withdraw(who, market, 50, TRADERS[0], quote=True)
        self.leave(TRADERS[1], market, tries, who)
        self.close(who, STRANGER, market, tries)
        self.end(market, 0, 9)
        if kind == "halt":
            stopped.must("resume", market, sender=OWNER)
            self.twin.halted.clear()
        elif kind == "pause":
            guard.must("unpause", stopped.address, sender=OWNER)
            self.twin.paused = False
        elif kind == "freeze":
            guard.must("unfreeze", who, sender=GUARDIAN)
            self.twin.frozen.clear()
        else:
            guard.must("set_tier", who, 2, sender=GUARDIAN)
            self.twin.tiers[who] = 2

    # looking

    def slot_of(self, market: int) -> int:
        """The next slot whose gate is open."""
        terms = MARKETS.get(market, MARKETS[1])
        return (self.twin.now + terms.gate) // SLOT + 1

    def picked(self, owner: bytes, market: int, picks: list[int]) -> list[int]:
        """Places of somebody's orders in a market; now and then of another market, or of no order."""
        ns = [
            n
            for (who, n), order in self.twin.places.items()
            if who == owner and (order.market == market or 99 in picks)
        ]
        return [ns[pick % len(ns)] for pick in picks] if ns else picks

    @invariant()
    def is_the_twin(self) -> None:
        """What the operations touched, and now and then everything."""
        self.step += 1
        if self.step % FULL_EVERY == 0:
            self.compare()

    def compare(self) -> None:
        """Every balance, wallet, order and fee, and what the contract holds is what it owes."""
        chain, twin = self.chain, self.twin
        for market in MARKETS:
            for quote in (False, True):
                assert chain.round.view("fees_of", market, quote) == twin.fees[market, quote]
                held = chain.wallet(market, chain.round.address, quote=quote)
                assert held == twin.held(market, quote=quote)
                total = held + sum(amount for (m, q, _), amount in twin.wallet.items() if (m, q) == (market, quote))
                assert total == len(TRADERS) * chain.fortune
            for who in (*TRADERS, BENEFICIARY):
                free = tuple(twin.free[market, quote, who] for quote in (False, True))
                assert chain.round.view("balance_of", market, who) == free
                for quote in (False, True):
                    assert chain.wallet(market, who, quote=quote) == twin.wallet[market, quote, who]
        for owner in TRADERS:
            for n in range(PLACES + 1):
                order = twin.places.get((owner, n))
                words = (order.market, order.slot, order.side, order.tick, order.lots) if order else (0, 0, 0, 0, 0)
                assert chain.round.view("order_of", owner, n) == words


def test_round__any_order_of_everything__is_the_twin() -> None:
    Rounding.tally.clear()
    Rounding.met.clear()
    asked = run()
    with boa.env.anchor():
        Rounding.chain = Chain()
        run_state_machine_as_test(
            asked.seeded(Rounding), settings=settings(asked.settings, max_examples=EXAMPLES, stateful_step_count=STEPS)
        )
    operations = sum(Rounding.tally.values())
    print(asked.summary(operations, Rounding.tally), Rounding.met)
    assert operations >= OPERATIONS_MIN
    for seen in (
        ("place", "ok"),
        ("place", "round: gate is closed"),
        ("place", "round: slot is too far ahead"),
        ("place", "round: account is frozen"),
        ("place", "round: tier is too low"),
        ("place", "round: halted"),
        ("place", "round: paused"),
        ("place", "round: no such market"),
        ("place", "round: no such side"),
        ("place", "round: no such tick"),
        ("place", "round: too few lots"),
        ("place", "round: place is in use"),
        ("clear", "ok"),
        ("clear", "round: gate is open"),
        ("clear", "round: too late"),
        ("clear", "round: cleared already"),
        ("clear", "round: no orders"),
        ("clear", "round: not the volume"),
        ("clear", "round: not the tick"),
        ("clear", "round: halted"),
        ("close", "ok"),
        ("close", "round: nothing to close"),
        ("close", "round: order of another market"),
        ("leave", "ok"),
        ("leave", "round: nothing to withdraw"),
        ("leave", "round: account is frozen"),
        ("withdraw", "ok"),
        ("withdraw", "round: balance is too low"),
        ("withdraw", "round: paused"),
        ("collect_fees", "ok"),
        ("volume", "some"),
        ("volume", "none"),
        ("an order", "cut"),
        ("depth", "used again"),
    ):
        assert Rounding.tally[seen] or Rounding.met[seen] or not asked.covers, f"the run never saw {seen}"
