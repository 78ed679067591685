# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Which devices answer on a line, what they say they are, and which known maps fit them. Reads only, and only what is named."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import yaml

from edge.meters.bus import Pauses
from edge.meters.modbus import Address, Function, MeterError, SerialPort, TcpAddress
from edge.meters.register_map import POWER_ROLE, RegisterMap
from edge.meters.registers import known, load
from edge.meters.sunspec import BASES, DISCOVER, Chain, NoSunSpec, SunSpecError, map_of, read_chain
from edge.scan.link import LATE_S, Probe, bus_of, gather
from edge.scan.testmap import Finding, examine

_ALIVE = frozenset({"exception", "busy", "short", "mismatch"})  # somebody is there, whatever they say
_FAILURE = 4  # what many gateways and servers answer for a unit that is not there
_PROBES: tuple[tuple[Function, int], ...] = (("holding", BASES[0]), ("input", 0))


@dataclass(frozen=True, slots=True)
class Fit:
    """A known map that fits a device, and the values that say so."""

    map: str
    title: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Device:
    """One unit that answered."""

    address: str
    unit: int
    door: dict[str, Any]
    sunspec: dict[str, Any] | None = None
    problem: str = ""
    values: dict[str, str] = field(default_factory=dict)
    fits: list[Fit] = field(default_factory=list)
    same_as: int | None = None  # the unit under which this device answered before

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)

    def entry(self, meter_id: str) -> str | None:
        """Its entry in a station file, ready to paste, with the other maps that fit beside it."""
        maps = [DISCOVER] if self.sunspec is not None and not self.problem else [fit.map for fit in self.fits]
        if not maps or self.same_as is not None:
            return None
        entry = {"id": meter_id, "map": maps[0], "unit": self.unit} | self.door
        others = f"  # or {', '.join(maps[1:])}" if maps[1:] else ""
        return "- " + str(yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, width=500)).strip() + others


async def scan(
    address: Address, units: Sequence[int], timeout_s: float, pause_s: float, progress: Callable[[int], None]
) -> AsyncIterator[Device]:
    """The devices of a line, as they are found; `pause_s` is waited after each connection. Raises MeterError without a line."""
    maps = [found for found in map(load, known()) if found.transport == "modbus" and found.checks]
    bus = bus_of(address, timeout_s)
    try:
        async with bus.turn(Pauses(after_connect_s=pause_s)):
            pass  # a line that is not there ends the scan here
        seen: dict[str, int] = {}
        for unit in units:
            progress(unit)
            device = await _look(Probe(bus, unit, Pauses(after_connect_s=pause_s)), address, maps)
            if device is None:
                continue
            if device.sunspec is not None and device.sunspec["serial"]:
                first = seen.setdefault(repr(device.sunspec), unit)
                device = replace(device, same_as=None if first == unit else first)
            yield device
    finally:
        bus.close()


def longest_s(units: int, timeout_s: float) -> float:
    """How long units that are not there may take, s."""
    return units * len(_PROBES) * (timeout_s + LATE_S)


async def _look(probe: Probe, address: Address, maps: Sequence[RegisterMap]) -> Device | None:
    unit = probe.unit
    if not await _alive(probe):
        return None
    door = _door(address)
    try:
        chain = await read_chain(probe.holding)
    except NoSunSpec:
        return Device(str(address), unit, door, fits=await _fitting(probe, maps))
    except SunSpecError as error:
        return Device(str(address), unit, door, problem=str(error), fits=await _fitting(probe, maps))
    except MeterError as error:
        return Device(str(address), unit, door, problem=f"{error.reason}: {error}", fits=await _fitting(probe, maps))
    said = _said(chain)
    try:
        register_map = map_of(chain)
    except SunSpecError as error:
        return Device(str(address), unit, door, sunspec=said, problem=str(error))
    try:
        findings = examine(register_map, await gather(probe, register_map, beside=False))
    except MeterError as error:
        return Device(str(address), unit, door, sunspec=said, problem=f"{error.reason}: {error}")
    return Device(str(address), unit, door, sunspec=said, values=_values(findings, register_map))


async def _alive(probe: Probe) -> bool:
    """True if anybody answers, be it with a refusal. A gateway's word that nobody is there is a no."""
    for function, start in _PROBES:
        try:
            await probe.ask(function, start, 2)
        except MeterError as error:
            if error.reason in _ALIVE and error.code != _FAILURE:
                return True
            if error.reason == "gateway":
                return False
            if error.reason == "unreachable" and not await _reachable(probe):
                raise
            continue
        return True
    return False


async def _reachable(probe: Probe) -> bool:
    """True if the line opens again: some devices drop the connection instead of refusing."""
    try:
        await probe.ask("holding", 0, 1)
    except MeterError as error:
        return error.reason != "unreachable"
    return True


async def _fitting(probe: Probe, maps: Sequence[RegisterMap]) -> list[Fit]:
    """The maps whose marks are there, whose checks lie in their bounds, and whose counters have values."""
    found = []
    for register_map in maps:
        try:
            if not await _checks_out(probe, register_map):
                continue
            findings = examine(register_map, await gather(probe, register_map, beside=False))
        except MeterError:
            continue  # silence is this map's fault as far as anybody knows: the next one asks for other registers
        if all(finding.fits for finding in findings):
            found.append(Fit(register_map.name, register_map.title, _values(findings, register_map)))
    return found


async def _checks_out(probe: Probe, register_map: RegisterMap) -> bool:
    """False as soon as one mark or check is wrong, so that a map that does not fit costs one request."""
    for expectation in register_map.expect:
        try:
            if await probe.ask(register_map.function, expectation.address, len(expectation.words)) != expectation.words:
                return False
        except MeterError as error:
            if error.reason != "exception":
                raise
            return False
    for check in register_map.checks:
        alone = RegisterMap(
            "", "", "", [], function=register_map.function, word_order=register_map.word_order, checks=[check]
        )
        if not all(finding.fits for finding in examine(alone, await gather(probe, alone, beside=False))):
            return False
    return True


def _values(findings: Sequence[Finding], register_map: RegisterMap) -> dict[str, str]:
    roles = {register.name: register.role for register in register_map.registers if register.role != POWER_ROLE}
    return {
        f"{roles[finding.name]}, {finding.name}" if roles.get(finding.name) else finding.name: finding.reading.value
        for finding in findings
        if finding.reading.verdict != "none" and finding.place
    }


def _said(chain: Chain) -> dict[str, Any]:
    return {
        "manufacturer": chain.manufacturer,
        "model": chain.model,
        "version": chain.version,
        "serial": chain.serial,
        "base": chain.base,
        "models": [[placed.id, placed.address, placed.length] for placed in chain.models],
    }


def _door(address: Address) -> dict[str, Any]:
    """As a station file names it."""
    if isinstance(address, TcpAddress):
        return {"tcp": {"host": address.host, "port": address.port}}
    parity = {"N": "none", "E": "even", "O": "odd"}[address.parity]
    assert isinstance(address, SerialPort)
    return {"rtu": {"device": address.device, "baud": address.baud, "parity": parity, "stop_bits": address.stop_bits}}
