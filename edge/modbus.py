# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The only file that knows pymodbus: words from a meter, or one error with a reason.

pymodbus reports failure in three forms (an exception raised, an answer that says it is an error, and an answer that is
too short and says nothing); here they become one. It never retries by itself: a late answer to a first try must not be
taken for the answer to the second, and a value that is 3 s late is worth less than the next poll. After any fault the
connection is closed, so that nothing in flight can be mistaken for a later answer.
"""

import asyncio
from typing import Protocol

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse

from edge.registers import RegisterMap, plan

RECONNECT_MAX_S = 15.0  # the library's own 300 s would be a third of an interval


class MeterError(Exception):
    """The meter gave no words. `reason` is stable: unreachable, timeout, exception, short, unexpected_device."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Meter(Protocol):
    """Anything that gives the words of a register map, or raises MeterError."""

    async def ready(self) -> None:
        """Connect if there is no connection, and see that the device fits the map."""

    async def read(self) -> dict[int, int]:
        """The words of every planned block, by address."""

    def close(self) -> None:
        """Give the connection back."""


class ModbusTcpMeter:
    """One unit behind one Modbus TCP address; one request at a time, since many meters take only one client."""

    def __init__(self, host: str, port: int, unit: int, timeout_s: float, register_map: RegisterMap) -> None:
        self._address = (host, port)
        self._unit = unit
        self._timeout_s = timeout_s
        self._map = register_map
        self._blocks = plan(register_map)
        self._client: AsyncModbusTcpClient | None = None

    async def ready(self) -> None:
        """Connect if there is no connection, and see that the device fits the map. Raises MeterError."""
        if self._client is not None and self._client.connected:
            return
        self.close()
        try:
            await self._connect()
        except (MeterError, asyncio.CancelledError):
            self.close()
            raise

    async def read(self) -> dict[int, int]:
        """The words of every planned block, by address. Raises MeterError."""
        client = self._client
        if client is None:
            raise MeterError("unreachable", "not connected")
        words: dict[int, int] = {}
        try:
            for index, (address, count) in enumerate(self._blocks):
                if index and self._map.pause_ms:
                    await asyncio.sleep(self._map.pause_ms / 1000)
                taken = await self._request(client, address, count)
                words.update(zip(range(address, address + count), taken, strict=True))
        except (MeterError, asyncio.CancelledError):
            self.close()
            raise
        return words

    def close(self) -> None:
        """Close the connection; the next read opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connect(self) -> None:
        host, port = self._address
        client = AsyncModbusTcpClient(
            host, port=port, timeout=self._timeout_s, retries=0, reconnect_delay=0, reconnect_delay_max=RECONNECT_MAX_S
        )
        self._client = client
        if not await client.connect():
            raise MeterError("unreachable", f"no connection to {host}:{port}")
        for expectation in self._map.expect:
            found = await self._request(client, expectation.address, len(expectation.words))
            if found != expectation.words:
                message = f"{expectation.meaning} is not at {expectation.address}: {found}, not {expectation.words}"
                raise MeterError("unexpected_device", f"the device does not fit map {self._map.name}: {message}")

    async def _request(self, client: AsyncModbusTcpClient, address: int, count: int) -> list[int]:
        read = client.read_holding_registers if self._map.function == "holding" else client.read_input_registers
        try:
            answer = await read(address, count=count, device_id=self._unit)
        except (ModbusException, TimeoutError, OSError) as error:
            reason = "timeout" if client.connected else "unreachable"
            raise MeterError(reason, f"{count} registers at {address}: {error}") from error
        if isinstance(answer, ExceptionResponse) or answer.isError():
            code = getattr(answer, "exception_code", "?")
            raise MeterError("exception", f"{count} registers at {address}: the device answers exception {code}")
        if len(answer.registers) != count:
            raise MeterError("short", f"{count} registers at {address}: the device sent {len(answer.registers)}")
        return list(answer.registers)
