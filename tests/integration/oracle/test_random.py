# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Anything may happen in any order: nodes stop and start, readings come late and to some only, the chain forgets reports.

Whatever happened, in the end the chain has every measured µWh once, all nodes have the same registers, and the check is clean.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from edge.protocol import SignedInterval
from kit.errors import GreenCoreError
from kit.units import UWH_PER_WH
from oracle.quorum import repository as quorum_repository
from oracle.quorum.propose import Attempt
from oracle.verify.check import check
from oracle.verify.source import Door
from tests.integration.oracle.grid import E, Grid, Member, Station

STEPS, STEPS_OF_A_NIGHT = 30, 90


class Chaos:
    """A grid and a source of chance."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid = grid
        self.chance = random.Random(seed)
        self.stations: list[Station] = []
        self.readings: list[SignedInterval] = []
        self.measured_wh = 0
        self.up = {member.number for member in grid.members}
        self.signed: dict[tuple[int, int], bytes] = {}
        self.marks: list[str] = []
        self.accepted = 0

    async def step(self) -> None:
        """One thing happens."""
        happenings: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (9, self.measure),
            (10, self.propose),
            (2, self.go_down_or_up),
            (3, self.deliver_again),
            (2, self.remember_chain),
            (1, self.forget_chain),
            (2, self.look),
        ]
        weights = [weight for weight, _ in happenings]
        (_, happening) = self.chance.choices(happenings, weights)[0]
        await happening()
        await self.check_signatures()

    def members(self) -> list[Member]:
        """Those that are up."""
        return [member for member in self.grid.members if member.number in self.up]

    async def measure(self) -> None:
        """A slot ends; some stations are read, and some nodes hear it."""
        slot = self.grid.pass_slots()
        for station in self.stations:
            if self.chance.random() < 0.8:
                wh = self.chance.randint(1, 60)
                self.measured_wh += wh
                reading = station.reading(slot, wh)
                self.readings.append(reading)
                for member in self.members():
                    if self.chance.random() < 0.7:
                        await member.hear(reading)

    async def propose(self) -> None:
        """One or two nodes propose the newest closed slot, at the same time."""
        chosen = self.chance.sample(self.members(), k=self.chance.choices([1, 2], [4, 1])[0])
        outcomes = await asyncio.gather(*(m.node.propose(E) for m in chosen), return_exceptions=True)
        self.accepted += sum(isinstance(outcome, Attempt) and bool(outcome.tx_hash) for outcome in outcomes)
        for outcome in outcomes:
            assert outcome is None or not isinstance(outcome, BaseException) or isinstance(outcome, GreenCoreError), (
                outcome
            )

    async def go_down_or_up(self) -> None:
        """A node is killed, or one that is down comes back."""
        member = self.chance.choice(self.grid.members)
        if member.number not in self.up:
            await member.start()
            self.up.add(member.number)
        elif len(self.up) > 3 or (len(self.up) > 2 and self.chance.random() < 0.25):
            await member.stop()
            self.up.remove(member.number)

    async def deliver_again(self) -> None:
        """Old readings come again, or at last."""
        if self.readings:
            for member in self.members():
                await member.hear(*self.chance.sample(self.readings, k=min(3, len(self.readings))))

    async def remember_chain(self) -> None:
        """A point to which the chain may fall back."""
        self.marks.append(self.grid.chain.call("evm_snapshot"))

    async def forget_chain(self) -> None:
        """The chain falls back, as after a crash without its last seconds."""
        if self.marks:
            self.grid.chain.call("evm_revert", self.marks.pop())
            self.grid.chain.mine(timestamp=max(int(self.grid.clock.now().timestamp()), self.grid.chain.timestamp() + 1))

    async def look(self) -> None:
        """A node follows the chain by itself."""
        member = self.chance.choice(self.members())
        (problem,) = await asyncio.gather(self.follow(member), return_exceptions=True)
        # who signed may be down: then nobody here can follow yet
        assert problem is None or getattr(problem, "code", "") in ("oracle.content_unknown", "oracle.behind"), problem

    async def follow(self, member: Member) -> None:
        """One node looks at the chain."""
        async with member.node._locks[E]:
            view = await member.node.follower.catch_up(E)
            member.node.desk.release(E, view.head.slot)

    async def check_signatures(self) -> None:
        """No node is ever bound to two contents of a slot."""
        for member in self.members():
            async with member.database.transaction() as session:
                newest = await quorum_repository.open_decision(session, E, -1)
            if newest is not None:
                known = self.signed.setdefault((member.number, newest.slot), newest.content_hash)
                assert known == newest.content_hash

    async def settle(self) -> None:
        """Everything comes up, everything is delivered, and slots go by until a report covers all."""
        for member in self.grid.members:
            if member.number not in self.up:
                await member.start()
        self.up = {member.number for member in self.grid.members}
        for _ in range(6):
            await self.grid.everyone_hears(*self.readings)
            slot = self.grid.pass_slots()
            self.grid.close(slot)
            await asyncio.sleep(0.3)
            for member in self.grid.members:
                await self.follow(member)
            await self.grid.members[slot % 4].node.propose(E, slot)
            head = await self.grid.oracle.head(E)
            if head.slot == slot:
                break
        for member in self.grid.members:
            await self.follow(member)


@pytest.mark.parametrize(
    ("seed", "steps"),
    [(1, STEPS), *(pytest.param(seed, STEPS_OF_A_NIGHT, marks=pytest.mark.nightly) for seed in range(2, 12))],
)
async def test_whatever_happens_every_measured_energy_is_signed_once(grid: Grid, seed: int, steps: int) -> None:
    chaos = Chaos(grid, seed)
    chaos.stations = [await grid.add_station() for _ in range(3)]
    grid.pass_slots()
    for _ in range(steps):
        await chaos.step()

    await chaos.settle()

    head = await grid.oracle.head(E)
    assert head.total == chaos.measured_wh * UWH_PER_WH
    first, *others = await grid.states()
    assert all(state == first for state in others)
    for member in grid.members:
        async with member.database.transaction() as session:
            assert await quorum_repository.disagreements(session) == []
    for station in chaos.stations:
        await grid.claim(head.slot, station)
    assert await grid.treasury.minted(E) == head.total
    source = Door(grid.urls(but=1)[0])
    verdict = await check(grid.rpc, grid.deployment, source)
    await source.close()
    assert verdict.findings == ()
    # without this the test could pass by doing nothing; on a busy machine 4 to 7 of 30 steps, 12 of 90, brought a report
    assert chaos.accepted >= steps // 15 + 1
