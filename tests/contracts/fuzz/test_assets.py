# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Assets against a few lines of Python: no series grows over its size, and every ticket redeems once at most."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from bench.contracts import artifact
from tests.contracts.fuzz.market import Compared, need, operation, search
from tests.contracts.fuzz.world import GUARDIAN, OWNER, PEOPLE, STRANGER, Contract

DAY = 86_400
PASSPORT, TICKET, RIGHT = 1, 2, 3
PROVIDERS = PEOPLE[:2]

picks = st.integers(0, 99)
few = st.integers(0, 3)


@dataclass
class Series:
    """A series of the model."""

    provider: bytes
    kind: int
    size: int
    ends: int
    minted: int = 0
    redeemed: int = 0


@dataclass
class Model:
    """The rules. Every method raises Refused before it changes anything."""

    now: int = 0
    providers: set[bytes] = field(default_factory=lambda: set(PROVIDERS))
    frozen: set[bytes] = field(default_factory=set)
    series: list[Series] = field(default_factory=list)
    has: defaultdict[tuple[int, bytes], int] = field(default_factory=lambda: defaultdict(int))

    def provide(self, who: bytes) -> None:
        """May somebody provide at all?"""
        need(who in self.providers, "assets: access is denied")
        need(who not in self.frozen, "assets: account is frozen")

    def open(self, made: Series) -> None:
        """A provider opens a series."""
        self.provide(made.provider)
        need(PASSPORT <= made.kind <= RIGHT, "assets: unknown kind")
        need(made.size > 0, "assets: size is 0")
        need(made.size == 1 or made.kind != PASSPORT, "assets: a passport is one of its kind")
        need(made.ends == 0 or made.ends > self.now, "assets: ends before it begins")
        self.series.append(made)

    def mint(self, which: int, to: bytes, amount: int, who: bytes) -> None:
        """A provider mints."""
        self.provide(who)
        series = self.series[which]
        need(series.provider == who, "assets: not the caller's series")
        need(amount > 0, "assets: nothing to mint")
        need(series.ends == 0 or self.now <= series.ends, "assets: series has ended")
        need(to not in self.frozen, "assets: account is frozen")
        need(amount <= series.size - series.minted, "assets: more than the series' size")
        series.minted += amount
        self.has[which, to] += amount

    def redeem(self, which: int, owner: bytes, amount: int, who: bytes) -> None:
        """A holder redeems."""
        need(owner == who, "assets: caller is not owner or approved")
        need(owner not in self.frozen, "assets: account is frozen")
        series = self.series[which]
        need(series.kind == TICKET, "assets: not a ticket")
        need(amount > 0, "assets: nothing to redeem")
        need(series.ends == 0 or self.now <= series.ends, "assets: series has ended")
        need(amount <= series.minted - series.redeemed, "erc1155: burn amount exceeds total_supply")
        need(amount <= self.has[which, owner], "erc1155: burn amount exceeds balance")
        series.redeemed += amount
        self.has[which, owner] -= amount

    def transfer(self, which: int, owner: bytes, to: bytes, amount: int) -> None:
        """A holder gives."""
        need(not {owner, to} & self.frozen, "assets: account is frozen")
        need(amount <= self.has[which, owner], "erc1155: insufficient balance for transfer")
        self.has[which, owner] -= amount
        self.has[which, to] += amount


class Providing(Compared):
    """All operations in any order."""

    assets: Contract
    guard: Contract
    examples = 132

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(now=self.now)

    @operation(
        weight=2,
        who=st.sampled_from((0, 1, 0, 1, 2)),
        kind=st.sampled_from((2, 1, 2, 2, 2, 3, 0, 4)),
        size=st.sampled_from((1, 1, 5, 5, 100, 0)),
        wait=st.sampled_from((None, None, DAY, 0)),
    )
    def open(self, who: int, kind: int, size: int, wait: int | None) -> None:
        """Most of them good."""
        made = Series(PEOPLE[who], kind, size, 0 if wait is None else self.now + wait)
        args = (kind, size, made.ends, 100, made.provider, bytes(32), "")
        self.both(lambda: self.model.open(made), self.assets, "open_series", *args, sender=made.provider)

    @operation(
        weight=5,
        when=lambda self: self.model.series,
        which=picks,
        to=few,
        amount=st.sampled_from((1, 1, 2, 3, 0)),
        anybody=st.sampled_from((1, 1, 1, 1, 0)),
    )
    def mint(self, which: int, to: int, amount: int, anybody: int) -> None:
        """Mostly by its provider."""
        number = self.newest(which)
        who = self.model.series[number].provider if anybody else PEOPLE[which % 4]
        args = (PEOPLE[to], number + 1, amount)
        self.both(lambda: self.model.mint(number, PEOPLE[to], amount, who), self.assets, "mint", *args, sender=who)

    @operation(
        weight=4,
        when=lambda self: self.model.series,
        which=picks,
        owner=few,
        amount=st.sampled_from((1, 1, 2, 3, 0)),
        anybody=st.sampled_from((1, 1, 1, 1, 0)),
    )
    def redeem(self, which: int, owner: int, amount: int, anybody: int) -> None:
        """Mostly by the holder."""
        number, holder = self.newest(which), PEOPLE[owner]
        who = holder if anybody else STRANGER
        args = (holder, number + 1, amount, bytes(32))
        self.both(
            lambda: self.model.redeem(number, holder, amount, who), self.assets, "redeem", *args, sender=who
        )  # fmt: skip

    @operation(
        weight=2,
        when=lambda self: self.model.series,
        which=picks,
        owner=few,
        to=few,
        amount=st.sampled_from((1, 1, 2, 3, 0)),
    )
    def transfer(self, which: int, owner: int, to: int, amount: int) -> None:
        """From anybody to anybody."""
        number, giver, taker = self.newest(which), PEOPLE[owner], PEOPLE[to]
        args = (giver, taker, number + 1, amount, b"")
        self.both(
            lambda: self.model.transfer(number, giver, taker, amount),
            self.assets, "safeTransferFrom", *args, sender=giver,
        )  # fmt: skip

    @operation(seconds=st.sampled_from((1, DAY)))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        boa.env.timestamp = self.now + seconds
        self.model.now = self.now

    @operation(who=few, dice=st.integers(0, 5))
    def freeze(self, who: int, dice: int) -> None:
        """An account is frozen now and then."""
        name, frozen = PEOPLE[who], dice == 5
        if frozen != (name in self.model.frozen):
            self.guard.must("freeze" if frozen else "unfreeze", name, sender=GUARDIAN)
        (self.model.frozen.add if frozen else self.model.frozen.discard)(name)

    @operation(who=few, dice=st.integers(0, 5))
    def provider(self, who: int, dice: int) -> None:
        """The first two are dismissed now and then, the others never approved."""
        name, active = PEOPLE[who], dice < 5 and who < 2
        self.assets.must("set_provider", name, active, sender=OWNER)
        (self.model.providers.add if active else self.model.providers.discard)(name)

    def newest(self, which: int) -> int:
        """A place among the last four."""
        return len(self.model.series) - 1 - which % min(len(self.model.series), 4)

    @invariant()
    def supply_is_what_was_minted_and_not_redeemed(self) -> None:
        """And all of it is somebody's: of one that can be reached, now and then of all four."""
        reached = list(enumerate(self.model.series))[-4:]
        if not self.full:
            reached = reached[self.steps % len(reached) :][:1] if reached and self.changed else []
        for place, series in reached:
            supply = self.assets.view("total_supply", place + 1)
            held = [self.assets.view("balanceOf", who, place + 1) for who in PEOPLE]
            assert held == [self.model.has[place, who] for who in PEOPLE]
            assert supply == sum(held) == series.minted - series.redeemed
            told = self.assets.view("series_of", place + 1)
            assert told[:5] == ("0x" + series.provider.hex(), series.kind, series.size, series.minted, series.ends)
            assert series.minted <= series.size

    def compare_all(self) -> None:
        """The last four series."""
        self.supply_is_what_was_minted_and_not_redeemed()


@pytest.fixture
def deployed() -> Iterator[type[Providing]]:
    """Assets and Guard on a fresh chain."""
    with boa.env.anchor():
        Providing.guard = Contract(artifact("Guard"), sender=OWNER)
        Providing.assets = Contract(artifact("Assets"), Providing.guard.address, sender=OWNER)
        Providing.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        for who in PROVIDERS:
            Providing.assets.must("set_provider", who, True, sender=OWNER)
        yield Providing


def test_assets__any_order_of_everything__redeem_once(deployed: type[Providing]) -> None:
    search(
        deployed,
        (
            ("open_series", "ok"),
            ("open_series", "assets: access is denied"),
            ("mint", "ok"),
            ("mint", "assets: more than the series' size"),
            ("mint", "assets: series has ended"),
            ("redeem", "ok"),
            ("redeem", "assets: not a ticket"),
            ("redeem", "erc1155: burn amount exceeds balance"),
            ("redeem", "erc1155: burn amount exceeds total_supply"),
            ("safeTransferFrom", "ok"),
        ),
    )
