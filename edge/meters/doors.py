# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From settings to meters that can be read: those that name the same line or gateway share one connection."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from edge.integrate import POLL_MAX_S
from edge.meters.bus import Bus, BusMeter, Meter, Pauses
from edge.meters.http import HttpDoor, HttpMeter
from edge.meters.modbus import SerialPort, TcpAddress
from edge.meters.register_map import check
from edge.meters.registers import MapError, RegisterMap, load
from edge.settings import EdgeSettings, Http, MeterSettings, Rtu, Tcp

SERIAL_TIMEOUT_S = 1.0  # where the operator says nothing: a device on a wire answers at once or not at all


class Doors:
    """The station's lines. Nothing is opened before a meter is read; `now_ms` is the agent's clock."""

    def __init__(self, settings: EdgeSettings, maps: Mapping[str, RegisterMap], now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._maps = maps
        self._now_ms = now_ms
        self._buses: dict[Tcp | Rtu, Bus] = {}
        self._http: list[HttpMeter] = []

    def meter(self, settings: MeterSettings) -> Meter:
        """A meter of the station. Raises MapError if its map does not suit the door or the settings."""
        register_map, door = self._maps[settings.id], settings.door
        if (register_map.transport == "http") != isinstance(door, Http):
            raise MapError(f"meter {settings.id}: map {register_map.name} is for {register_map.transport} devices")
        if not register_map.counters() and self._settings.poll_s > POLL_MAX_S:
            what = (
                f"map {register_map.name} has no counter, and power makes energy only at poll_s {POLL_MAX_S:g} or less"
            )
            raise MapError(f"meter {settings.id}: {what}")
        if isinstance(door, Http):
            where = HttpDoor(door.url, door.user, door.password.get_secret_value(), door.digest)
            found = HttpMeter(where, self._settings.modbus_timeout_s, register_map, self._now_ms)
            self._http.append(found)
            return found
        pauses = pauses_of(settings, register_map)
        return BusMeter(self._shared(door), settings.unit, register_map, self._now_ms, pauses)

    def bus(self, settings: MeterSettings) -> Bus:
        """The line of a meter that has no map yet. Raises MapError if it has none."""
        if isinstance(settings.door, Http):
            raise MapError(f"meter {settings.id}: map {settings.map} is for modbus devices")
        return self._shared(settings.door)

    async def close(self) -> None:
        """Give every connection back."""
        for bus in self._buses.values():
            bus.close()
        for meter in self._http:
            await meter.aclose()

    def _shared(self, door: Tcp | Rtu) -> Bus:
        if door not in self._buses:
            self._buses[door] = self._bus(door)
        return self._buses[door]

    def _bus(self, door: Tcp | Rtu) -> Bus:
        timeout_s, late_s = self._settings.modbus_timeout_s, self._settings.modbus_late_s
        if "modbus_timeout_s" not in self._settings.model_fields_set and (
            isinstance(door, Rtu) or door.frames == "rtu"
        ):
            timeout_s = SERIAL_TIMEOUT_S
        if isinstance(door, Tcp):
            return Bus(TcpAddress(door.host, door.port, door.frames == "rtu"), timeout_s, late_s)
        return Bus(SerialPort(door.device, door.baud, door.parity, door.stop_bits, door.echo), timeout_s, late_s)


def map_of(settings: MeterSettings) -> RegisterMap:
    """The map of a meter, with the roles that its place in the station gives it. Raises MapError."""
    return in_its_place(load(settings.map), settings)


def in_its_place(register_map: RegisterMap, settings: MeterSettings) -> RegisterMap:
    """A map with the roles that an operator gave to registers by name; None takes a role away. Raises MapError."""
    if not settings.roles:
        return register_map
    where = f"meter {settings.id}: roles"
    names = [register.name for register in register_map.registers]
    if strange := sorted(settings.roles.keys() - set(names)):
        raise MapError(f"{where}: map {register_map.name} has no {', '.join(strange)}; it has {', '.join(names)}")
    registers = [replace(it, role=settings.roles.get(it.name, it.role)) for it in register_map.registers]
    found = replace(register_map, registers=registers)
    check(found, where)
    return found


def pauses_of(settings: MeterSettings, register_map: RegisterMap) -> Pauses:
    """The pauses of a device model, or those that the operator sets for one meter."""
    own = Pauses.of(register_map)
    return Pauses(
        own.after_connect_s if settings.connect_pause_ms is None else settings.connect_pause_ms / 1000,
        own.between_s if settings.pause_ms is None else settings.pause_ms / 1000,
        own.close_after_read if settings.close_after_read is None else settings.close_after_read,
    )
