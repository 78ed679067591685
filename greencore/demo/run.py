# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The demo from beginning to end: checks, servers, contracts, stations, roles, and the end that was asked for."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from api.receipts import load_key, public_hex
from chain.deployment import Deployment
from greencore.demo import show
from greencore.demo.books import read_chain, verdict
from greencore.demo.observe import View, look, status_of
from greencore.demo.seed import seed
from greencore.demo.stations import Station, agent, device_key, simulator, write_simulator
from greencore.embedded.miner import Miner
from greencore.embedded.program import Program, StartFailed
from greencore.folder import Folder, clock_text
from greencore.stack import EDGES, PLATFORM, ROOT, Stack
from greencore.supervisor import Supervisor
from kit.clock import AcceleratedClock, clock_from
from kit.database import Database
from kit.errors import GreenCoreError

_DAYS_BACK = 30
_SETUP_SECONDS = 86_400  # so long before the first midnight, in simulated time, contracts and stations are entered
_LEAD_SECONDS = 4.0  # wall time between choosing the clock and the first midnight: agents are ready by then
_UNCLEAN_SECONDS = 3.0  # wall time that may have passed unseen before a kill
_RECORD_SECONDS = 30.0
_SETTLE_SECONDS = 120.0
_STEP_SECONDS = 0.5
_TRADING = "trading"
SLOT = 900


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for. `days` None: until somebody stops it."""

    stations: Sequence[Station]
    speed: float = 900.0
    days: float | None = None
    leave: bool = False
    json_path: Path | None = None


class Demo:
    """One run. `begin` is when the command started, on the monotonic clock."""

    def __init__(self, options: Options, folder: Folder, screen: show.Screen, begin: float) -> None:
        self.options = options
        self.folder = folder
        self.screen = screen
        self.begin = begin
        folder.logs.mkdir(parents=True, exist_ok=True)
        self.origin: float = folder.recall("origin") or _midnight()
        folder.remember("origin", self.origin)
        self.supervisor = Supervisor(folder.logs, folder.root / "processes.json")
        self.stack = Stack(
            folder,
            self.supervisor,
            mode="demo",
            genesis=int(self.origin - 2 * _SETUP_SECONDS),
            tuning={"GREENCORE_ORACLE_POLL_SECONDS": "0.25", "GREENCORE_ORACLE_PATIENCE": "3"},
        )
        self.view = View()
        self.first_mint: float | None = None
        self.stop = asyncio.Event()

    async def run(self) -> int:
        """The exit code: 0, or 1 if the books don't agree. Raises StartFailed, GreenCoreError."""
        with self._signals():
            try:
                return await self._until_stopped()
            finally:
                self._save_time(clean=True)
                self.screen.say("stopping")
                await self.supervisor.stop()

    async def _until_stopped(self) -> int:
        work = asyncio.create_task(self._work())
        stopped = asyncio.create_task(self.stop.wait())
        await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            return 130 if self.options.leave else 0
        stopped.cancel()
        return await work

    async def _work(self) -> int:
        start = await self._set_up()
        database = Database(self.stack.postgres.url(PLATFORM), pool_size=1)
        copies = asyncio.create_task(self.stack.keep_chain())
        try:
            with self.screen.table():
                return await self._watch(database, start)
        finally:
            copies.cancel()
            await database.close()

    async def _set_up(self) -> float:
        """Everything up to running roles. Returns the simulated instant at which the record begins, unix seconds."""
        say, stack, stations = self.screen.say, self.stack, self.options.stations
        self._check_version()
        say("starting PostgreSQL, NATS and the chain")
        for station in stations:
            stack.nats.station_password(station.id)
            device_key(station, stack)
        await stack.start_servers()
        resume = self._resume_at()
        setup = resume if resume is not None else self.origin - _SETUP_SECONDS
        async with _mining(stack, clock_text(setup, 1)):
            stack.clock = clock_text(setup, 1)
            say("bringing five databases to the newest revision, deploying the contracts")
            await asyncio.gather(stack.migrate(), self._deploy())
            say("entering stations and device keys into the Registry")
            await seed(stations, stack)
        latest = await asyncio.to_thread(stack.anvil.call, "eth_getBlockByNumber", "latest", False)
        start = max(resume or self.origin, int(latest["timestamp"], 16) + 1)
        # a clock that has run before goes on at once: it must never be seen to go back
        stack.clock = clock_text(start, self.options.speed, starts_in=_LEAD_SECONDS if resume is None else 0)
        say("starting meters and agents, then four oracle nodes, indexer, worker, API")
        await self._start_edges()
        await asyncio.gather(stack.start_miner(), stack.start_roles())
        await self._start_trading()
        say(f"up after {time.monotonic() - self.begin:.0f} s")
        self.screen.below(show.where_to_look(stack))
        return start

    def _check_version(self) -> None:
        """Raises StartFailed for a folder whose contracts are not the ones of this program."""
        sources = sorted((ROOT / "contracts").rglob("*.vy*"))
        ours = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        if self.folder.recall("contracts", ours) != ours and self.stack.deployment.exists():
            raise StartFailed(f"{self.folder.root} was made with other contracts than these; start over with --fresh")
        self.folder.remember("contracts", ours)

    async def _deploy(self) -> None:
        if not self.stack.deployment.exists():
            await self.stack.deploy(ROOT / "scripts" / "development.yaml")

    async def _start_edges(self) -> None:
        """Meters and agents, ready to read: before the roles, so that their start does not cost the first intervals."""
        stack, stations, start = self.stack, self.options.stations, self.supervisor.start
        config = write_simulator(stations, stack, int(self.origin))
        key = public_hex(load_key(stack.receipt_key))
        agents = [agent(station, stack, receipt_key=key, speed=self.options.speed) for station in stations]
        await asyncio.gather(
            start("simulator", lambda: simulator(stations, stack, config), wave=EDGES),
            *(start(program.name, partial(_same, program), wave=EDGES) for program in agents),
        )

    async def _start_trading(self) -> None:
        """The twenty wallets, if this deployment has a market."""
        if "Vault" in Deployment.load(self.stack.deployment).contracts:
            program = self.stack.role(_TRADING, "--folder", str(self.folder.root))
            await self.supervisor.start(_TRADING, partial(_same, program), wave=EDGES)

    def _resume_at(self) -> float | None:
        """Where the last run stopped, simulated unix seconds; later if it was killed before it could say; None at first."""
        last = self.folder.last_time()
        if last is None or not self.stack.deployment.exists():
            return None
        return last if self.folder.recall("clean") else last + _UNCLEAN_SECONDS * self.options.speed

    def _clock(self) -> AcceleratedClock:
        clock = clock_from(self.stack.clock)
        assert isinstance(clock, AcceleratedClock)
        return clock

    def _save_time(self, *, clean: bool) -> None:
        if self.stack.clock and self._clock().speed != 1:
            self.folder.save_time(self._clock())
            if self.folder.recall("clean") != clean:
                self.folder.remember("clean", clean)

    async def _watch(self, database: Database, start: float) -> int:
        """Show what happens, until the days that were asked for are recorded and settled; without days, for ever."""
        days = self.options.days
        end = None if days is None else start // SLOT * SLOT + days * 24 * 3600
        while end is None or self._clock().now().timestamp() < end + SLOT / 10:
            await self._look(database)
            await asyncio.sleep(_STEP_SECONDS)
        result = await self._settle(database, int(end) // SLOT)
        result["seconds_to_first_mint"] = self.first_mint
        result["simulated_days"] = days
        result["speed"] = self.options.speed
        if self.options.json_path is not None:
            draft = self.options.json_path.with_name(self.options.json_path.name + ".new")
            draft.write_text(json.dumps(result, indent=1) + "\n")
            draft.replace(self.options.json_path)
        if self.options.leave:
            self.screen.console.print(show.told(result), markup=False, soft_wrap=True)
            return 0 if result["reconciled"] else 1
        self.screen.below(show.told(result) + "\n" + show.where_to_look(self.stack))
        while True:
            await self._look(database)
            await asyncio.sleep(_STEP_SECONDS)

    async def _look(self, database: Database) -> None:
        self._save_time(clean=False)
        await look(self.view, database, self.options.stations, self.stack)
        if self.first_mint is None and any(row.minted_uwh for row in self.view.rows.values()):
            self.first_mint = round(time.monotonic() - self.begin, 1)
        self.screen.update(self.view, self.supervisor, self._clock().now(), wall=time.monotonic() - self.begin)

    async def _settle(self, database: Database, end_slot: int) -> dict[str, Any]:
        """Stop recording, wait until all that was recorded is signed and minted, and compare the books."""
        limit = time.monotonic() + _SETTLE_SECONDS
        await self._until(
            database, limit, lambda: all(row.last_slot >= end_slot - 1 for row in self.view.rows.values())
        )
        await self.supervisor.end("simulator")
        if _TRADING in self.supervisor.members:
            await self.supervisor.end(_TRADING)
        limit = time.monotonic() + _SETTLE_SECONDS
        await self._until(database, limit, lambda: all(row.pending == 0 for row in self.view.rows.values()))
        for station in self.options.stations:
            await self.supervisor.end(f"edge-{station.name}")
        last = max(status_of(station, self.stack)["last_slot"] for station in self.options.stations)
        result: dict[str, Any] = {"reconciled": False, "stations": [], "checks": {"the chain answers": False}}
        while time.monotonic() < limit:
            await self._look(database)
            try:
                chain = await read_chain(self.options.stations, self.stack)
            except GreenCoreError:
                await asyncio.sleep(_STEP_SECONDS)
                continue
            result = verdict(self.options.stations, self.stack, self.view, chain, last_slot=last)
            if result["reconciled"]:
                break
            await asyncio.sleep(_STEP_SECONDS)
        return result

    async def _until(self, database: Database, limit: float, holds: Any) -> None:
        await self._look(database)
        while not holds() and time.monotonic() < limit:
            await asyncio.sleep(_STEP_SECONDS)
            await self._look(database)

    @contextlib.contextmanager
    def _signals(self) -> Any:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self.stop.is_set():
            self.supervisor.kill()
        self.stop.set()


@contextlib.asynccontextmanager
async def _mining(stack: Stack, clock: str) -> AsyncIterator[None]:
    """Blocks by another clock, for the length of a block."""
    miner = asyncio.create_task(Miner(stack.anvil.url, clock_from(clock)).run())
    try:
        yield
    finally:
        miner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await miner


def _same(program: Program) -> Program:
    """What a restart runs: the same again."""
    return program


def _midnight() -> float:
    """Midnight UTC, thirty days before today."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=_DAYS_BACK)).timestamp()
