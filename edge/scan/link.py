# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Single reads of a device that nobody knows yet, each remembered: what `scan` and `test-map` share."""

import asyncio
from collections.abc import Iterable

from edge.meters.bus import Bus, Pauses
from edge.meters.modbus import Address, Function, MeterError
from edge.meters.register_map import Register, RegisterMap

LATE_S = 0.5  # a device that nobody knows is given less time to be late than one that an agent depends on


class Probe:
    """One unit of one line. A read that was answered, or refused, is not asked for again until `forget`."""

    def __init__(self, bus: Bus, unit: int, pauses: Pauses | None = None) -> None:
        self.unit = unit
        self._bus = bus
        self._pauses = pauses or Pauses()
        self._words: dict[tuple[Function, int], int] = {}
        self._refused: dict[tuple[Function, int, int], MeterError] = {}
        self.refusals: list[MeterError] = []

    async def ask(self, function: Function, address: int, count: int) -> list[int]:
        """The words of `count` registers. Raises MeterError."""
        keys = [(function, address + index) for index in range(count)]
        if all(key in self._words for key in keys):
            return [self._words[key] for key in keys]
        if (known := self._refused.get((function, address, count))) is not None:
            raise known
        try:
            async with self._bus.turn(self._pauses) as line:
                words = await line.ask(self.unit, function, address, count)
        except MeterError as error:
            if error.reason == "exception":
                self._refused[function, address, count] = error
                self.refusals.append(error)
            raise
        self._words.update(zip(keys, words, strict=True))
        return words

    async def holding(self, address: int, count: int) -> list[int]:
        """Holding registers: what SunSpec discovery reads."""
        return await self.ask("holding", address, count)

    def forget(self) -> None:
        """Ask the device again from now on; what it refuses stays refused."""
        self._words.clear()


async def gather(probe: Probe, register_map: RegisterMap, *, beside: bool) -> dict[int, int]:
    """The words of a map's registers, checks and marks, and with `beside` one register around each, by address.

    What the device refuses is left out. Raises MeterError if it gives no answer at all.
    """
    words: dict[int, int] = {}
    for address, count in _places(register_map):
        for start, length in _shapes(register_map, address, count, beside):
            try:
                taken = await probe.ask(register_map.function, start, length)
            except MeterError as error:
                if error.reason not in ("exception", "short"):
                    raise
                continue
            words.update(zip(range(start, start + length), taken, strict=True))
            break
        if register_map.pause_ms:
            await asyncio.sleep(register_map.pause_ms / 1000)
    return words


def _places(register_map: RegisterMap) -> Iterable[tuple[int, int]]:
    found = {(register.address, register.count) for register in register_map.registers}
    found |= {(check.address, Register(check.name, type=check.type).count) for check in register_map.checks}
    found |= {(expectation.address, len(expectation.words)) for expectation in register_map.expect}
    return sorted(found)


def _shapes(register_map: RegisterMap, address: int, count: int, beside: bool) -> Iterable[tuple[int, int]]:
    """The widest read first, then the bare register; what stands beside it where even that is refused."""
    around = [(-1, 2), (0, 1), (-1, 1), (0, 0), (1, 0), (-1, 0)] if beside else [(0, 0)]
    for back, more in around:
        start, length = address + back, count + more
        outside = start < 0 or start + length > 65536 or length > register_map.max_count
        if not outside and not any(start <= last and first < start + length for first, last in register_map.forbidden):
            yield start, length


def bus_of(address: Address, timeout_s: float) -> Bus:
    """A line to look at unknown devices."""
    return Bus(address, timeout_s, LATE_S)
