# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The only file that knows pymodbus: words over TCP or a serial line, or one error with a reason.

pymodbus reports failure in three forms (an exception raised, an answer that says it is an error, and an answer that is
too short and says nothing); here they become one. It never retries by itself: a late answer to a first try must not be
taken for the answer to the second, and a value that is 3 s late is worth less than the next poll.

It also takes answers that answer nothing: of another function, with transaction 0, with an odd byte count. So what it makes
of an answer counts only if the bytes that came hold the one frame that carries these words for this request.
"""

import asyncio
import os
import struct
import termios
import time
from dataclasses import dataclass
from typing import Literal

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import ExceptionResponse

from edge.delivery.tls import explain

Function = Literal["holding", "input"]
_CODE: dict[Function, int] = {"holding": 3, "input": 4}
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledged, not done",
    6: "busy",
    10: "gateway has no path",
    11: "gateway got no answer",
}
ADDRESS_REFUSED = frozenset({2, 3})
_BUSY = frozenset({5, 6})
_GATEWAY = frozenset({10, 11})
LONGEST_ANSWER = 256  # bytes on a serial line, and as many again are not asked
REQUEST_BYTES = 8
SERVER_SILENCE_S = 0.005


class MeterError(Exception):
    """The meter gave no words.

    `reason` is stable: unreachable, timeout, exception, busy, gateway, short, mismatch, unexpected_device. `code` is the
    Modbus exception code, where the device sent one.
    """

    def __init__(self, reason: str, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code

    @property
    def unclean(self) -> bool:
        """True if bytes may still be on their way that answer nothing any more."""
        return self.reason in ("timeout", "short", "mismatch", "unreachable")


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A Modbus TCP device or gateway; with `rtu`, a serial server that passes a line's bytes as they are."""

    host: str
    port: int = 502
    rtu: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + (" (RTU frames)" if self.rtu else "")


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A serial line that speaks Modbus RTU, eight data bits. `echo`: the adapter hears what it says."""

    device: str
    baud: int = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    echo: bool = False

    def __str__(self) -> str:
        return f"{self.device} ({self.baud} 8{self.parity[0].upper()}{self.stop_bits})"

    @property
    def char_s(self) -> float:
        """Seconds that one byte takes on the line."""
        return (9 + (self.parity != "none") + self.stop_bits) / self.baud

    @property
    def silence_s(self) -> float:
        """The silence between two frames: 3.5 characters, 1.75 ms above 19,200 baud (Modbus over serial line, 2.5.1.1)."""
        return 0.00175 if self.baud > 19_200 else 3.5 * self.char_s


Address = TcpAddress | SerialPort


def is_serial(address: Address) -> bool:
    """True where frames are RTU's: nothing in them says which request an answer is to."""
    return isinstance(address, SerialPort) or address.rtu


def silence_of(address: Address) -> float:
    """Seconds of silence between two frames; behind a serial server nobody knows the line's speed."""
    return address.silence_s if isinstance(address, SerialPort) else SERVER_SILENCE_S if address.rtu else 0.0


class ModbusLine:
    """One connection. `ask` is one request and its answer; whoever shares a line sees to it that there is one at a time."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.opened = 0  # how often: what was learned about a device holds for one connection
        self.sent_s = self.heard_s = -1e9  # monotonic; when the last request went out, and when the last bytes came
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._sent = self._received = b""

    @property
    def connected(self) -> bool:
        """True while there is a connection as far as anyone knows."""
        return self._client is not None and bool(self._client.connected)

    @property
    def patience_s(self) -> float:
        """The time-out, and on a serial line the time that the longest question and answer take to pass."""
        passing = self.address.char_s * (LONGEST_ANSWER + REQUEST_BYTES) if isinstance(self.address, SerialPort) else 0
        return self.timeout_s + passing

    async def open(self) -> None:
        """Connect. Raises MeterError `unreachable`, saying why."""
        self.close()
        why, started_s = "", time.monotonic()
        try:
            self._client = self._make()
            if await self._client.connect():
                self.opened += 1
                return
        except (OSError, ValueError, termios.error) as error:
            why = f": {error}"
        self.close()
        why = why or await self._obstacle(time.monotonic() - started_s)
        raise MeterError("unreachable", f"no connection to {self.address}{why}")

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def ask(self, unit: int, function: Function, address: int, count: int) -> list[int]:
        """The words of `count` registers at `address`. Raises MeterError."""
        client = self._client
        what = f"unit {unit}, {count} registers at {address}"
        if client is None:
            raise MeterError("unreachable", f"{what}: not connected")
        self._sent = self._received = b""
        read = client.read_holding_registers if function == "holding" else client.read_input_registers
        try:
            answer = await read(address, count=count, device_id=unit)
        except (ModbusException, TimeoutError, OSError) as error:
            if not client.connected:
                raise MeterError("unreachable", f"{what}: the connection to {self.address} is lost") from error
            heard = f"; {len(self._received)} bytes came that are no answer" if self._received else ""
            raise MeterError("timeout", f"{what}: no answer within {self.patience_s:g} s{heard}") from error
        if isinstance(answer, ExceptionResponse) or answer.isError():
            raise _refusal(what, int(getattr(answer, "exception_code", 0)))
        words = list(answer.registers)
        if len(words) != count:
            raise MeterError("short", f"{what}: the device sent {len(words)}")
        if not self._came(unit, _CODE[function], words):
            raise MeterError("mismatch", f"{what}: what came answers another request")
        return words

    def _came(self, unit: int, code: int, words: list[int]) -> bool:
        """True if the bytes received hold the frame that answers the request just sent with these words."""
        body = struct.pack(f">BB{len(words)}H", code, 2 * len(words), *words)
        if is_serial(self.address):
            frame = bytes([unit]) + body
            return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big") in self._received
        head = self._sent[:2] + struct.pack(">HH", 0, len(body) + 1)
        at = self._received.find(head)
        while at >= 0:
            # unit 0 is the TCP device itself, and many name themselves otherwise when they answer
            if self._received.startswith(body, at + 7) and unit in (0, self._received[at + 6]):
                return True
            at = self._received.find(head, at + 1)
        return False

    def _make(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if isinstance(self.address, TcpAddress):
            return AsyncModbusTcpClient(
                self.address.host,
                framer=FramerType.RTU if self.address.rtu else FramerType.SOCKET,
                port=self.address.port,
                timeout=self.patience_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._trace,
            )
        return AsyncModbusSerialClient(
            self.address.device,
            baudrate=self.address.baud,
            parity=self.address.parity[0].upper(),
            stopbits=self.address.stop_bits,
            handle_local_echo=self.address.echo,
            timeout=self.patience_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._trace,
        )

    def _trace(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._sent, self._received, self.sent_s = data, b"", time.monotonic()
        else:
            self._received, self.heard_s = data, time.monotonic()
        return data

    async def _obstacle(self, tried_s: float) -> str:
        """What a person would find wrong; the library does not tell."""
        if isinstance(self.address, SerialPort):
            return _serial_obstacle(self.address.device)
        if tried_s >= self.timeout_s:
            return f": no answer within {self.timeout_s:g} s; address, network?"
        try:
            async with asyncio.timeout(self.timeout_s):
                _, writer = await asyncio.open_connection(self.address.host, self.address.port)
        except (OSError, TimeoutError) as error:
            return f": {explain(error)}"
        writer.close()
        return ": it was refused once and not again; does the device take one connection only?"


def _serial_obstacle(device: str) -> str:
    if not os.path.exists(device):
        return ": there is no such device; is the adapter plugged in?"
    if not os.access(device, os.R_OK | os.W_OK):
        return ": not allowed; is this user in the group dialout?"
    return ": it does not open; does another program hold it?"


async def rest_until(moment_s: float) -> None:
    """Sleep until a monotonic instant; returns at once if it has passed."""
    if (left_s := moment_s - time.monotonic()) > 0:
        await asyncio.sleep(left_s)


def _refusal(what: str, code: int) -> MeterError:
    reason = "busy" if code in _BUSY else "gateway" if code in _GATEWAY else "exception"
    said = f"{code}, {_EXCEPTIONS[code]}" if code in _EXCEPTIONS else f"{code}"
    return MeterError(reason, f"{what}: the device answers exception {said}", code)
