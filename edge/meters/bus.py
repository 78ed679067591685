# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Several meters on one serial line or behind one gateway: one connection, one request at a time.

A serial answer carries nothing that tells which request it answers. Three things keep a late one from being taken for the
next: no request is repeated, after a fault the line rests until the slowest believed answer has passed, and the next
requests to that device ask for other numbers of registers where the device lets them.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.meters.modbus import ADDRESS_REFUSED, Address, MeterError, ModbusLine, is_serial, rest_until, silence_of
from edge.meters.registers import Expectation, RegisterMap, plan

LATE_S = 2.0  # an answer may come so long after its time-out
SPARE = 8  # so many unanswered requests are told apart by their length
REST_SILENCE_S = 0.05  # and so long nothing may have been heard
REST_LONGEST_S = 10.0  # a line that never falls silent is used all the same; its checksums stand guard


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter said, and the middle of the time in which it was read, unix ms.

    The words of every planned block by address, or the documents of an HTTP meter by path.
    """

    words: dict[int, int]
    at_ms: int
    documents: Mapping[str, object] = field(default_factory=dict)


class Meter(Protocol):
    """Anything that gives what a register map asks for, or raises MeterError."""

    async def read(self) -> Reading:
        """Connect if need be, see that the device fits the map, and read all that it names."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """What a device needs to keep up. Wall time."""

    after_connect_s: float = 0.0
    between_s: float = 0.0
    close_after_read: bool = False

    @classmethod
    def of(cls, register_map: RegisterMap) -> "Pauses":
        """The pauses of a device model."""
        return cls(register_map.connect_pause_ms / 1000, register_map.pause_ms / 1000, register_map.close_after_read)


class Bus:
    """One line that several meters share. Durations are wall time."""

    def __init__(self, address: Address, timeout_s: float, late_s: float = LATE_S) -> None:
        self.line = ModbusLine(address, timeout_s)
        self._late_s = late_s
        self._lock = asyncio.Lock()
        self._rest_until = 0.0
        self._unanswered: dict[int, deque[int]] = {}
        self._serial = is_serial(address)
        self._silence_s = silence_of(address)

    def close(self) -> None:
        """Give the connection back."""
        self.line.close()

    def unanswered(self, unit: int) -> deque[int]:
        """The lengths of the requests to a unit since its last proper answer; shared by all that read it."""
        return self._unanswered.setdefault(unit, deque(maxlen=SPARE))

    @contextlib.asynccontextmanager
    async def turn(self, pauses: Pauses) -> AsyncIterator[ModbusLine]:
        """The line, connected and at rest, for one meter's requests. Raises MeterError `unreachable`."""
        async with self._lock:
            await self._rest(pauses.between_s)
            if not self.line.connected:
                await self.line.open()
                await asyncio.sleep(pauses.after_connect_s)
            try:
                yield self.line
                if pauses.close_after_read:
                    self.line.close()
            except MeterError as error:
                if error.unclean:
                    self._fault()
                raise
            except asyncio.CancelledError:
                self._fault()
                raise

    async def between(self, pause_s: float) -> None:
        """Rest between two requests of one turn."""
        await asyncio.sleep(max(pause_s, self._silence_s))

    def _fault(self) -> None:
        """A TCP connection is thrown away with all that is in flight; a serial line can only be waited out."""
        if self._serial:
            self._rest_until = self.line.sent_s + self.line.patience_s + self._late_s
        if not self._serial or not self.line.connected:
            self.line.close()

    async def _rest(self, between_s: float) -> None:
        await rest_until(max(self._rest_until, self.line.heard_s + max(between_s, self._silence_s)))
        if self._rest_until:
            give_up_s = time.monotonic() + REST_LONGEST_S
            while (quiet_s := self.line.heard_s + REST_SILENCE_S) > time.monotonic() and quiet_s < give_up_s:
                await rest_until(quiet_s)
            self._rest_until = 0.0


class BusMeter:
    """One unit of a bus, read by a register map. `now_ms` is the agent's clock."""

    def __init__(
        self,
        bus: Bus,
        unit: int,
        register_map: RegisterMap,
        now_ms: Callable[[], int],
        pauses: Pauses | None = None,
    ) -> None:
        self._bus = bus
        self._unit = unit
        self._map = register_map
        self._now_ms = now_ms
        self._pauses = pauses or Pauses.of(register_map)
        self._blocks = plan(register_map)
        self._known = 0  # the connection on which the device was found to fit
        self._unanswered = bus.unanswered(unit)
        self._spare: dict[int, int] = {}  # how many registers more than needed the device gives at an address

    async def read(self) -> Reading:
        """The words of every planned block, and when they were read. Raises MeterError."""
        try:
            async with self._bus.turn(self._pauses) as line:
                if self._known != line.opened:
                    for expectation in self._map.expect:
                        await self._meet(line, expectation)
                        await self._bus.between(self._pauses.between_s)
                    self._known = line.opened
                asked_ms = self._now_ms()
                words: dict[int, int] = {}
                for index, (address, count) in enumerate(self._blocks):
                    if index:
                        await self._bus.between(self._pauses.between_s)
                    taken = await self._request(line, address, count)
                    words.update(zip(range(address, address + count), taken, strict=True))
                answered_ms = self._now_ms()
        except MeterError as error:
            if error.unclean:
                self._known = 0  # whoever answers next may be another device
            raise
        return Reading(words, (asked_ms + answered_ms) // 2)

    async def _meet(self, line: ModbusLine, expected: Expectation) -> None:
        found = await self._request(line, expected.address, len(expected.words))
        if found != expected.words:
            message = f"{expected.meaning} is not at {expected.address}: {found}, not {expected.words}"
            raise MeterError("unexpected_device", f"the device does not fit map {self._map.name}: {message}")

    async def _request(self, line: ModbusLine, address: int, count: int) -> list[int]:
        """One request; longer than needed while an answer of the needed length may still be under way."""
        longer = self._length(address, count)
        if longer > count:
            try:
                return (await self._ask(line, address, longer))[:count]
            except MeterError as error:
                if error.code not in ADDRESS_REFUSED:
                    raise
                self._spare[address] = longer - count - 1
                await self._bus.between(self._pauses.between_s)
        return await self._ask(line, address, count)

    def _length(self, address: int, count: int) -> int:
        """The least number of registers that no unanswered request asked for, if the device may be asked for so many."""
        for extra in range(self._spare.get(address, SPARE) + 1):
            last = address + count + extra - 1
            if count + extra > self._map.max_count or last > 65535 or self._is_forbidden(address, last):
                break
            if count + extra not in self._unanswered:
                return count + extra
        return count

    def _is_forbidden(self, first: int, last: int) -> bool:
        return any(first <= end and start <= last for start, end in self._map.forbidden)

    async def _ask(self, line: ModbusLine, address: int, count: int) -> list[int]:
        self._unanswered.append(count)
        try:
            words = await line.ask(self._unit, self._map.function, address, count)
        except MeterError as error:
            if not error.unclean and len(self._unanswered) == 1:
                self._unanswered.clear()  # else it may be the refusal of an earlier request
            raise
        self._unanswered.clear()  # a device answers in order: what came before has come, or never will
        return words
