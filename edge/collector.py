# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the meter on schedule, turns reads into signed intervals, and stores them."""

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.store import Buffer, Draft
from edge.clock import Clock
from edge.clock_step import ClockStep
from edge.delivery.sender import Delivery
from edge.integrate import Power, PowerState, take_power
from edge.intervals import SLOT_MS, BuilderState, Event, Read, Slot, Step, take
from edge.measure import has_balance, interval_of, limits_of, profile_bytes
from edge.meters.bus import Meter, Reading
from edge.meters.modbus import MeterError
from edge.meters.registers import Absent, RegisterMap, Value, decode, decode_documents, decode_power, decode_status
from edge.meters.sunspec import DISCOVER
from edge.outage import FAILURE_BIT, Outage
from edge.protocol import SignedInterval, sign
from edge.schedule import next_read_ms
from edge.settings import EdgeSettings, MeterSettings
from edge.status import Status

RETRY_MIN_S = 0.1

log = structlog.get_logger("edge.collector")


@dataclass(frozen=True, slots=True)
class Agent:
    """What the meters of one station share."""

    settings: EdgeSettings
    key: Ed25519PrivateKey
    buffer: Buffer
    writer: ThreadPoolExecutor
    clock: Clock
    status: Status
    delivery: Delivery


class Collector:
    """Reads one meter on schedule and stores what the reads make."""

    def __init__(self, agent: Agent, settings: MeterSettings, register_map: RegisterMap, meter: Meter) -> None:
        self._agent = agent
        self._settings = settings
        self._map = register_map
        self._meter = meter
        self._status = agent.status.meter(settings.id)
        self._log = log.bind(meter=settings.id)
        self._limits = limits_of(register_map, settings.rated_w, settings.load_w)
        self._required = [register.name for register in register_map.counters() if not register.optional]
        self._fingerprint = hashlib.sha256(msgspec.json.encode(register_map)).hexdigest()
        self._state = agent.buffer.builder_state(self._fingerprint, settings.id)
        self._stored_ms = self._stepped_ms = 0
        self._failures = 0
        self._power = not register_map.counters() and bool(register_map.powers())
        self._power_state = PowerState()
        self._outage = Outage()
        powers = [settings.rated_w, settings.load_w]
        self._power_limit_w = max(it for it in powers if it is not None) if all(powers) else None
        self._clock_step = ClockStep(agent.clock)
        self._last_slot = agent.buffer.last_slot(settings.id)

    async def run(self) -> NoReturn:
        """Read for ever. Raises MeterError `unexpected_device` if the map came from the device itself."""
        settings, clock = self._agent.settings, self._agent.clock
        poll, lead, step = (
            max(1, round(1000 * seconds))
            for seconds in (settings.poll_s, settings.boundary_lead_s, settings.boundary_step_s)
        )
        while True:
            await clock.sleep_until(next_read_ms(clock.now_ms(), poll, lead, step))
            try:
                reading = await self._meter.read()
            except MeterError as error:
                await self._failed(error)
                if error.reason == "unexpected_device" and self._settings.map == DISCOVER:
                    raise
                continue
            if self._failures:
                self._log.info("meter_back", after_failures=self._failures)
                self._failures = 0
                self._status.update(meter_error=None)
            await self._take(reading)

    async def save(self) -> None:
        """Write the builder's state; called when the agent stops."""
        try:
            await self._store(self._state, [])
        except sqlite3.Error as error:
            self._log.error("not_stored", error=str(error), slots=[])

    async def _failed(self, error: MeterError) -> None:
        self._failures += 1
        self._status.count("read_failed")
        self._status.update(meter_error=f"{error.reason}: {error}")
        if self._failures == 1 or self._failures % 100 == 0:
            self._log.warning("read_failed", reason=error.reason, error=str(error), failures=self._failures)
        # wall time: a meter that is away does not come back faster in a fast simulation
        await asyncio.sleep(
            min(self._agent.settings.modbus_retry_max_s, RETRY_MIN_S * 2 ** min(self._failures - 1, 16))
        )

    async def _take(self, reading: Reading) -> None:
        at_ms = reading.at_ms
        sample: dict[str, Read] = {}
        registers: dict[str, float] = {}
        for name, found in self._counters(reading).items():
            if isinstance(found, Value):
                sample[name] = Read(at_ms, found.raw, found.exponent, found.scale_raw, found.multiplier, found.divisor)
                registers[name] = found.micro / 1_000_000  # for the eye only
            else:
                self._status.count("read_null")
        if self._map.transport == "modbus":
            self._outage.take(at_ms, decode_status(self._map, reading.words).get(FAILURE_BIT))
        self._status.count("read")
        self._status.update(last_read=text(at_ms), registers_wh=registers)
        self._stepped_ms += self._clock_step.since_last_ms()
        power_before = self._power_state
        step = self._integrated(reading) if self._power else self._counted(sample)
        due = at_ms - self._stored_ms >= self._agent.settings.persist_s * 1000 or at_ms < self._stored_ms
        if step.slots or step.events or due:
            if not await self._keep(step, at_ms):
                self._power_state = power_before
        else:
            self._state, self._stepped_ms = step.state, 0

    def _counters(self, reading: Reading) -> dict[str, Value | Absent]:
        if self._map.transport == "modbus":
            return decode(self._map, reading.words)
        found = decode_documents(self._map, reading.documents)
        return {register.name: found[register.name] for register in self._map.counters()}

    def _powers(self, reading: Reading) -> dict[str, Value | Absent]:
        if self._map.transport == "modbus":
            return decode_power(self._map, reading.words)
        found = decode_documents(self._map, reading.documents)
        return {register.name: found[register.name] for register in self._map.powers()}

    def _counted(self, sample: Mapping[str, Read]) -> Step:
        return take(self._state, sample, self._limits, self._required, self._stepped_ms)

    def _integrated(self, reading: Reading) -> Step:
        """Energy out of power; nothing of it is kept over a restart."""
        slots: list[Slot] = []
        events: list[Event] = []
        for name, found in self._powers(reading).items():
            if isinstance(found, Absent):
                self._status.count("read_null")
                continue
            read = Power(reading.at_ms, found.raw, found.micro)
            self._power_state, slots, events = take_power(
                self._power_state, read, name, self._power_limit_w, self._stepped_ms
            )
        return Step(self._state, tuple(slots), tuple(events))

    async def _keep(self, step: Step, at_ms: int) -> bool:
        """Commit a step; the state moves on only with it, so a failed write costs this sample and no interval."""
        try:
            refused, stored = await self._store(step.state, step.slots)
        except sqlite3.Error as error:
            self._status.error(f"buffer: {error}")
            self._log.error("not_stored", error=str(error), slots=[slot.slot for slot in step.slots])
            return False
        self._stored_ms, self._stepped_ms = at_ms, 0
        for event in step.events:
            self._status.event(event.kind, f"{text(event.at_ms)} {event.detail}")
            self._log.warning("meter_event", kind=event.kind, at=text(event.at_ms), detail=event.detail)
        for slot in step.slots:
            if slot.slot in refused:
                self._log.error("slot_already_built", start=text(slot.slot * SLOT_MS))
                self._status.event("slot_already_built", text(slot.slot * SLOT_MS))
            else:
                self._seen(slot)
        if stored:
            work = lambda: (self._agent.buffer.counts(), self._agent.buffer.totals())  # noqa: E731
            self._status.buffer(*await asyncio.get_running_loop().run_in_executor(self._agent.writer, work))
            self._agent.delivery.wake()
        return True

    async def _store(self, state: BuilderState, slots: Sequence[Slot]) -> tuple[set[int], int]:
        """Commit, and only then hold the state for true. Returns the slots that were refused and how many were stored."""
        drafts = [self._draft(slot) for slot in slots if has_balance(slot, self._map)]
        work = lambda: self._agent.buffer.store(drafts, state, self._fingerprint, self._settings.id)  # noqa: E731
        job = asyncio.get_running_loop().run_in_executor(self._agent.writer, work)
        try:
            stored, refused = await asyncio.shield(job)
        except asyncio.CancelledError:
            # the agent stops: what was handed to the writer is finished first, or the state would be saved without it
            with contextlib.suppress(sqlite3.Error):
                await job
                self._state = state
            raise
        self._state = state
        return set(refused), len(stored)

    def _seen(self, slot: Slot) -> None:
        missing = 0 if self._last_slot is None else max(0, slot.slot - self._last_slot - 1)
        if missing:
            self._status.count("missing", missing)
            self._log.warning("slots_missing", count=missing, before=text(slot.slot * SLOT_MS))
        self._last_slot = max(slot.slot, self._last_slot or 0)
        if slot.quality == "interpolated":
            self._status.count("interpolated")
        self._status.update(last_slot=text(slot.slot * SLOT_MS))
        self._log.info("interval", start=text(slot.slot * SLOT_MS), quality=slot.quality, micro=dict(slot.deltas))

    def _draft(self, slot: Slot) -> Draft:
        settings, meter_id = self._agent.settings, self._settings.id

        def signed(seq: int) -> SignedInterval:
            devices = self._outage.devices(slot.slot)
            interval = interval_of(slot, self._map, settings.station, meter_id, settings.source, seq, devices)
            return sign(interval, self._agent.key)

        return Draft(meter_id, slot.slot, profile_bytes(slot), signed)


def text(at_ms: int) -> str:
    """An instant for people, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
