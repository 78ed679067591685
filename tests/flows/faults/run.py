# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The run: so many batches through a house in which everything dies, checked on the way, and counted at the end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conftest import Deployed
from tests.flows.faults.fuse import Fuses
from tests.flows.faults.house import House
from tests.flows.faults.parts import Device, Process
from tests.flows.faults.truth import Logs, OnChain, mintable_of, signed_uwh
from tests.integration.oracle.grid import E, Grid

# how likely a work dies of being done, by the beginning of its name
RISKS = {
    "platform stores": 0.12,
    "job is finished": 0.15,
    "node proposes": 0.5,
    "node": 0.25,
    "mint_energy.claim": 0.6,
    "": 0.35,
}
REORG_EVERY, REORG_DEPTH_MAX = 6, 8  # rounds, blocks
FALL_EVERY = 13  # rounds
CUT_EVERY = 5  # rounds
SILENT_MAX = 20  # rounds
LATE_SECONDS = 30
CHECK_EVERY = 10  # rounds
SETTLE_MAX = 40


@dataclass
class Outcome:
    """What happened, and the sums that must be one. Energy in µWh."""

    seed: int
    batches: int = 0
    deliveries: int = 0
    intervals: int = 0
    rounds: int = 0
    reports: int = 0
    reorgs: Counter[int] = field(default_factory=Counter)
    falls: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    places: int = 0
    checkpoints: int = 0
    seconds: float = 0
    measured: int = 0
    signed: int = 0
    by_quorum: int = 0
    minted: int = 0
    supply: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class Run:
    """One run with one seed."""

    def __init__(self, house: House, logs: Logs, outcome: Outcome, tell: Callable[[str], None]) -> None:
        self.house = house
        self.logs = logs
        self.outcome = outcome
        self.tell = tell
        self.chance = house.chance
        self._fresh: dict[int, list[int]] = {}
        self._mark: str | None = None
        self._silent = 0

    async def go(self, batches: int) -> None:
        """Rounds until so many batches were delivered, then all that is left, then the verdict."""
        began = time.monotonic()
        while self.outcome.batches < batches:
            before = self.outcome.reports
            await self.round(batches)
            self.outcome.rounds += 1
            await self.watch(before)
            if self.outcome.rounds % CHECK_EVERY == 0:
                self.check()
                self.tell(
                    f"{self.outcome.batches} batches, {self.outcome.reports} reports, "
                    f"{sum(self.house.fuses.crashes.values())} deaths, {time.monotonic() - began:.0f} s"
                )
        await self.settle()
        self.outcome.seconds = time.monotonic() - began

    async def watch(self, before: int) -> None:
        """Whatever happens, reports go on: a round that brings none is nothing, thirty in a row are a quorum that is stuck."""
        self._silent = 0 if self.outcome.reports > before else self._silent + 1
        if self._silent >= SILENT_MAX:
            raise AssertionError(f"no report for {self._silent} rounds: {await self.house.examined()}")

    async def round(self, batches: int) -> None:
        """A slot or two pass; everything works a little, and what was drawn dies."""
        house, chance = self.house, self.chance
        for _ in range(chance.choice((1, 1, 1, 2))):
            slot = house.grid.pass_slots()
            for index, device in enumerate(house.devices):
                device.measure(slot, self.draw_uwh())
                self._fresh.setdefault(index, []).append(slot)
        await self.skewed_device()
        for index, device in chance.sample(list(enumerate(house.devices)), k=len(house.devices)):
            if chance.random() < 0.85 and self.outcome.batches < batches:  # the others are offline for now
                work = self.batch(device, self._fresh.pop(index, []))
                await (self.cut_while(work) if chance.random() < 0.1 else work)
        await self.cut_while(house.relay())
        if chance.random() < 0.5:
            await house.judge()
        for process in chance.sample(house.processes, k=4):
            if chance.random() < 0.8:  # the others hear it later, or of a peer
                await house.hear(process)
        house.grid.close(house.grid.slot - 1)
        if chance.random() < 0.7:
            house.grid.chain.mine(timestamp=house.grid.chain.timestamp() + LATE_SECONDS)
            await house.grid.clock.sleep(LATE_SECONDS)  # the node whose clock is slow sees the slot closed too
        proposers = chance.sample(house.processes, k=chance.choice((1, 1, 2)))
        await self.cut_while(self.propose(*proposers))
        await house.revive()
        self.disturb_chain()
        if chance.random() < 0.5:
            await house.index()
            await house.relay()
            await house.mint()
        if chance.random() < 0.5:
            await house.follow(chance.choice(house.processes))
        await house.revive()

    async def propose(self, *processes: Process) -> None:
        """Reports are counted."""
        self.outcome.reports += await self.house.propose(*processes)

    def disturb_chain(self) -> None:
        """Blocks are replaced by others without our transactions, or forgotten."""
        number, chain = self.outcome.rounds, self.house.grid.chain
        if number % REORG_EVERY == REORG_EVERY - 1:
            depth = self.chance.randint(1, REORG_DEPTH_MAX)
            chain.reorg(depth)
            self.outcome.reorgs[depth] += 1
            self._mark = None
        if number % FALL_EVERY == FALL_EVERY - 1 and self._mark is not None:
            self.house.fall_back(self._mark)
            self.outcome.falls += 1
            self._mark = None
        elif self._mark is None or number % 3 == 0:
            self._mark = str(chain.call("evm_snapshot"))
        code = chain.call("eth_getCode", self.house.grid.oracle.address, "latest")
        assert len(code) > 2, f"the development chain has lost its contracts in round {number}; no fault of ours"

    async def cut_while(self, work: Coroutine[Any, Any, None]) -> None:
        """Now and then the connections to a database are cut while something goes on."""
        if self.outcome.rounds % CUT_EVERY:
            await work
            return
        urls = [self.house.platform.database_url, *(process.member.database_url for process in self.house.processes)]
        await asyncio.gather(self.house.cut(self.chance.choice(urls)), work)

    async def batch(self, device: Device, fresh: list[int]) -> None:
        """What a device measured since its last delivery; and now and then old ones again, in any order, or the same twice."""
        if fresh:
            self.outcome.batches += 1
            self.outcome.intervals += len(fresh)
            await self.deliver(device, fresh)
        old = [slot for slot in device.waiting if slot not in fresh]
        if old and self.chance.random() < 0.7:
            await self.deliver(device, self.chance.sample(old, k=min(len(old), 20)))
        if self.chance.random() < 0.1:
            known = list(device.signed)[-40:]
            await self.deliver(device, self.chance.sample(known, k=min(len(known), 4)))

    async def deliver(self, device: Device, slots: list[int]) -> None:
        """One delivery, counted."""
        self.outcome.deliveries += 1
        self.outcome.statuses.update(await self.house.deliver(device, slots))

    async def skewed_device(self) -> None:
        """A device whose clock is ahead delivers a slot that has not ended yet: refused now, taken when it has."""
        if self.chance.random() < 0.2:
            index = self.chance.randrange(len(self.house.devices))
            device, slot = self.house.devices[index], self.house.grid.slot
            device.measure(slot, self.draw_uwh())
            await self.deliver(device, [slot])
            del device.meter.measured[slot], device.signed[slot], device.waiting[slot]

    def draw_uwh(self) -> int:
        """Anything from a deficit to a surplus, never round; far below what rules about spikes look at."""
        return self.chance.randint(-400_000_000, 1_000_000_000)

    def check(self) -> OnChain:
        """At any instant: nobody has more on chain than was ever delivered, and the token says what the claims say."""
        found = self.logs.read()
        for device in self.house.devices:
            assert found.minted.get(device.station.id.int, 0) <= device.meter.delivered
        assert found.supply == sum(found.minted.values()) - found.reserve
        assert sum(found.minted.values()) <= found.total
        self.outcome.checkpoints += 1
        return found

    async def settle(self) -> None:
        """Nobody dies any more. Every station works off its deficits; in the end the sums must be one."""
        house = self.house
        house.fuses.risks = {"": 0}
        await house.revive()
        slot = house.grid.pass_slots()
        for device in house.devices:
            deficits = device.meter.delivered - device.meter.total
            device.measure(slot, deficits + self.chance.randint(1, 10**9))
        for turn in range(SETTLE_MAX):
            for device in house.devices:
                while device.waiting:
                    await house.deliver(device, list(device.waiting)[:100])
            house.grid.pass_slots()
            house.grid.close(house.grid.slot - 1)
            await house.relay()
            for process in house.processes:
                while process.hears.waiting:
                    await house.hear(process)
            for process in house.processes:
                await house.follow(process)
            self.outcome.reports += await house.propose(house.processes[turn % 4])
            for process in house.processes:
                await house.follow(process)
            await house.judge()
            for _ in range(3):
                await house.index()
                await house.relay()
                await house.mint()
            if await self.is_settled():
                break
        await self.verdict()

    async def is_settled(self) -> bool:
        """Whether the sums are one already."""
        found = self.logs.read()
        return (
            sum(found.minted.values()) == sum(device.meter.total for device in self.house.devices)
            and not await self.house.jobs()
        )

    async def verdict(self) -> None:
        """Measured, signed by devices, signed by the quorum, minted: by station and in sum, to the µWh."""
        house, outcome = self.house, self.outcome
        treasury = house.grid.treasury
        await house.grid.sender(0).send(treasury.address, treasury.abi.encode_call("collect_reserve", E))
        found = self.check()
        leaves = mintable_of(await self.file(found.data_hash), found.data_hash)
        for device in house.devices:
            station = device.station.id.int
            signed = sum(signed_uwh(one.body) for one in device.signed.values())
            assert device.meter.total == signed == leaves[station] == found.minted[station], device.station.id
            outcome.measured += device.meter.total
            outcome.signed += signed
        outcome.by_quorum, outcome.minted, outcome.supply = found.total, sum(found.minted.values()), found.supply
        assert outcome.measured == outcome.signed == outcome.by_quorum == outcome.minted == outcome.supply
        outcome.crashes, outcome.places = house.fuses.crashes, len(house.fuses.places)
        outcome.refused = house.refused

    async def file(self, data_hash: str) -> bytes:
        """The last report's leaves, as anybody may fetch them."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.house.grid.urls(but=-1)[0]}/files/0x{data_hash}")
        assert answer.status_code == 200
        return answer.content


async def run(
    deployed: Deployed,
    new_database: Callable[[], str],
    ports: list[int],
    *,
    batches: int,
    seed: int,
    devices: int = 80,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """So many batches with one seed. Raises AssertionError where energy was lost, or made."""
    grid = Grid(deployed, new_database, ports)
    grid.pass_slots()
    house = House(grid, new_database, Fuses(random.Random(seed), RISKS))
    await grid.start()
    try:
        await house.add_devices(devices)
        grid.pass_slots()
        made = Run(house, Logs(grid.rpc_url, deployed.path), Outcome(seed), tell)
        await made.go(batches)
        return made.outcome
    finally:
        await house.close()
        await grid.stop()
