# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations as real Modbus TCP servers: one port each, all in one process, nothing in common with the agent but the wire."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulator.clock import Clock
from simulator.encode import image_of
from simulator.faults import Fault, FaultyMeter
from simulator.library import Loader, load
from simulator.meter import VirtualMeter


class ConfigError(ValueError):
    """A configuration that cannot be served; the message says what to change."""


class Station(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One station. `profile` is a name that the loader knows, or a file; `kind` and `rated_w` are for people who read the file."""

    name: str
    port: int
    profile: str
    unit: int = 1
    map: str = "sunspec-203"
    kind: Literal["pv", "prosumer", "consumer", "other"] = "other"
    rated_w: int | None = None
    timezone: str | None = None
    step: int | None = None
    nmi: str | None = None
    import_start_wh: int = 1_000_000
    export_start_wh: int = 2_000_000
    faults: list[Fault] = []


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`clock` as GREENCORE_CLOCK; `epoch` (unix seconds) is when the registers hold their first values, for ever the same."""

    epoch: int
    stations: list[Station]
    clock: str = ""
    host: str = "127.0.0.1"


def read_config(path: Path) -> Config:
    """The configuration of a file. Raises ConfigError."""
    try:
        config = msgspec.json.decode(path.read_bytes(), type=Config)
        Clock.parse(config.clock)
        return config
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


class StationServer:
    """One station on one port."""

    def __init__(self, station: Station, epoch: int, clock: Clock, host: str, load: Loader = load) -> None:
        self._clock = clock
        self._image = image_of(station.map)
        profile = load(station.profile, station.timezone, station.step, station.nmi)
        imported, exported = station.import_start_wh * 1_000_000, station.export_start_wh * 1_000_000
        for fault in station.faults:
            if fault.kind == "rollover":
                plain = VirtualMeter(profile, epoch)
                exported = self._image.modulus_uwh() - plain.at((epoch + fault.at_s) * 1000).export_uwh
        self._meter = FaultyMeter(VirtualMeter(profile, epoch, imported, exported), epoch, station.faults)
        self._station = station
        self._host = host
        self._server: ModbusTcpServer | None = None

    async def start(self) -> int:
        """Listen; returns the port, which the system chose if the configuration says 0. Raises ConfigError."""
        words = SimData(self._image.start, values=self._image.constants(), datatype=DataType.REGISTERS)
        device = SimDevice(id=self._station.unit, simdata=[words], action=self._answer)
        address = (self._host, self._station.port)
        self._server = ModbusTcpServer(device, address=address, ignore_missing_devices=True)
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError as error:
            raise ConfigError(f"station {self._station.name}: port {self._station.port} is taken") from error
        listener: Any = self._server.transport
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # the library has no types here

    async def _answer(
        self,
        _function: int,
        _start: int,
        _address: int,
        _count: int,
        words: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by pymodbus at every request, before it takes its answer from `words`."""
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        registers = self._meter.read(self._clock.now_ms())
        if registers.silent:
            raise NoSuchIdException("a silent meter")  # with ignore_missing_devices: no answer at all
        self._image.write(registers, words)
        return None


async def serve(config: Config, stop: asyncio.Event, load: Loader = load) -> None:
    """Serve all stations until `stop`; one line of JSON on standard output says when they listen, and where."""
    clock = Clock.parse(config.clock)
    servers = [StationServer(station, config.epoch, clock, config.host, load) for station in config.stations]
    try:
        ports = {}
        for station, server in zip(config.stations, servers, strict=True):
            ports[station.name] = await server.start()
        print(json.dumps({"ready": ports}), flush=True)
        await stop.wait()
    finally:
        for server in servers:
            await server.stop()


async def main(path: Path, load: Loader = load) -> None:
    """Serve a configuration file until SIGTERM or SIGINT; `load` reads profiles. Raises ConfigError, ProfileError, EncodeError."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every silent answer as an error
    logging.basicConfig(stream=sys.stderr)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await serve(read_config(path), stop, load)
