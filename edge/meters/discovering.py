# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A meter whose map is `sunspec`: the device is asked for its registers first, and again if it becomes another device."""

import asyncio
from typing import NoReturn

import structlog

from edge.collector import RETRY_MIN_S, Agent, Collector
from edge.meters.bus import Bus, BusMeter, Pauses
from edge.meters.doors import in_its_place, pauses_of
from edge.meters.modbus import MeterError
from edge.meters.registers import MapError, RegisterMap
from edge.meters.sunspec import discover
from edge.settings import MeterSettings

log = structlog.get_logger("edge.meters.discovering")


class DiscoveringCollector:
    """Behaves as a Collector whose register map comes from the device."""

    def __init__(self, agent: Agent, settings: MeterSettings, bus: Bus) -> None:
        self._agent = agent
        self._settings = settings
        self._bus = bus
        self._status = agent.status.meter(settings.id)
        self._collector: Collector | None = None

    async def run(self) -> NoReturn:
        """Read for ever."""
        while True:
            register_map = await self._introduced()
            log.info("discovered", meter=self._settings.id, map=register_map.name, device=register_map.origin)
            pauses = pauses_of(self._settings, register_map)
            meter = BusMeter(self._bus, self._settings.unit, register_map, self._agent.clock.now_ms, pauses)
            make = lambda found=register_map, it=meter: Collector(self._agent, self._settings, found, it)  # noqa: E731
            self._collector = await asyncio.get_running_loop().run_in_executor(self._agent.writer, make)
            try:
                await self._collector.run()
            except MeterError as error:
                log.warning("device_changed", meter=self._settings.id, error=str(error))
                await self._collector.save()

    async def save(self) -> None:
        """Write the builder's state; called when the agent stops."""
        if self._collector is not None:
            await self._collector.save()

    async def _introduced(self) -> RegisterMap:
        """What the device says of itself, however long it takes to answer."""
        failures = 0
        while True:
            try:
                found = in_its_place(await ask_map(self._bus, self._settings.unit), self._settings)
                self._status.update(meter_error=None)
                return found
            except MeterError as error:
                self._status.update(meter_error=f"{error.reason}: {error}")
            except MapError as error:
                self._status.update(meter_error=f"unexpected_device: {error}")
            self._status.count("read_failed")
            failures += 1
            pause_s = RETRY_MIN_S * 2 ** min(failures - 1, 16)
            await asyncio.sleep(min(self._agent.settings.modbus_retry_max_s, pause_s))


async def ask_map(bus: Bus, unit: int) -> RegisterMap:
    """The register map of the SunSpec device behind a unit. Raises MeterError, MapError."""
    async with bus.turn(Pauses()) as line:

        async def read(address: int, count: int) -> list[int]:
            words = await line.ask(unit, "holding", address, count)
            await bus.between(0)
            return words

        return await discover(read)
