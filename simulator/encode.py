# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Register maps the other way round: from energy to words. Written apart from the agent's decoder, to check it."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from simulator.errors import EncodeError as EncodeError
from simulator.meter import Registers
from simulator.sunspec import PREFIX, SunSpecImage

MAPS = Path(__file__).parent.parent / "edge" / "maps"

_BITS = ("16", "32", "48", "64")
_UNIT_UWH = {"mWh": 10**3, "Wh": 10**6, "kWh": 10**9, "MWh": 10**12}


def image_of(map_name: str) -> "Image | SunSpecImage":
    """The words of a device: of a register map, or of SunSpec models. Raises EncodeError."""
    if map_name == "sunspec-203":  # the whole chain, so that discovery finds what the map expects
        map_name = f"{PREFIX}203"
    return SunSpecImage(map_name) if map_name.startswith(PREFIX) else Image(map_name)


class Image:
    """The words of one device: constants once, counters at every read."""

    def __init__(self, map_name: str) -> None:
        path = Path(map_name) if map_name.endswith((".yaml", ".yml")) else MAPS / f"{map_name}.yaml"
        try:
            self._map: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise EncodeError(f"no register map {map_name!r}: {why}; `greencore edge maps` lists them") from error
        if self._map.get("transport") == "http":
            raise EncodeError(f"{map_name} is read over HTTP; the simulator speaks Modbus")
        self._order = str(self._map.get("word_order", "ABCD"))
        self._registers: list[dict[str, Any]] = self._map["registers"]
        self._counters = [
            register for register in self._registers if register.get("role") in ("import", "export", "gen")
        ]
        spans = [(register["address"], _width(register)) for register in self._registers]
        spans += [(item["address"], len(item["words"])) for item in self._map.get("expect", [])]
        spans += [(item["address"], _width(item)) for item in self._map.get("checks", [])]
        self.start = min(address for address, _ in spans)
        self.count = max(address + width for address, width in spans) - self.start

    def constants(self) -> list[int]:
        """All words, with the marks of the device and values that its checks believe; other registers are zero."""
        words = [0] * self.count
        for item in self._map.get("checks", []):
            middle = 230 if item["unit"] == "V" else 50 if item["unit"] == "Hz" else (item["low"] + item["high"]) // 2
            value = Fraction(middle) / Fraction(10) ** int(item.get("scale", 0))
            self._put(words, item, self._words_of(item, value))
        for item in self._map.get("expect", []):
            offset = item["address"] - self.start
            words[offset : offset + len(item["words"])] = item["words"]
        return words

    def modulus_uwh(self) -> int:
        """Where the export counter rolls over, µWh. Raises EncodeError if it never does."""
        for register in self._counters:
            modulus = _modulus(register)
            if register["role"] != "import" and modulus:
                return int(modulus * self._unit_uwh(register))
        raise EncodeError(f"the export counter of {self._map['name']} does not roll over; take a map with a modulus")

    def write(self, registers: Registers, words: list[int]) -> None:
        """Put the counters into the device's words."""
        for register in self._counters:
            energy = registers.import_uwh if register["role"] == "import" else registers.export_uwh
            self._put(words, register, self._encode(register, energy))
        for register in self._registers:
            if "power_failure" in register.get("bits", {}):
                bit = 1 << int(register["bits"]["power_failure"]) if registers.failing else 0
                self._put(words, register, self._words_of(register, Fraction(bit)))

    def _put(self, words: list[int], item: dict[str, Any], encoded: list[int]) -> None:
        offset = item["address"] - self.start
        words[offset : offset + len(encoded)] = encoded

    def _unit_uwh(self, register: dict[str, Any]) -> Fraction:
        """One raw unit in µWh; a float is exact to this."""
        scale = Fraction(10) ** int(register.get("scale", 0))
        return _UNIT_UWH[register["unit"]] * scale * Fraction(str(register.get("multiply", 1)))

    def _encode(self, register: dict[str, Any], energy_uwh: int) -> list[int]:
        if str(register["type"]).startswith("float"):
            share = Fraction(str(register.get("multiply", 1)))
            return self._words_of(register, Fraction(energy_uwh, _UNIT_UWH[register["unit"]]) / share)
        raw = energy_uwh // self._unit_uwh(register)
        limit = _modulus(register) or 2 ** (16 * _width(register) - str(register["type"]).startswith("int"))
        return self._words_of(register, Fraction(raw % limit))

    def _words_of(self, register: dict[str, Any], value: Fraction) -> list[int]:
        """A value in the order of the device: floats as they are, integers rounded to the nearest."""
        size = _width(register) * 2
        if str(register["type"]).startswith("float"):
            data = struct.pack(">f" if size == 4 else ">d", float(value))
        else:
            data = round(value).to_bytes(size, "big")
        words = list(struct.unpack(f">{size // 2}H", data))
        order = register.get("word_order", self._order)
        if order in ("CDAB", "DCBA"):
            words.reverse()
        if order in ("BADC", "DCBA"):
            words = [(word & 0xFF) << 8 | word >> 8 for word in words]
        return words


def _width(register: dict[str, Any]) -> int:
    kind = str(register["type"])
    digits = "16" if kind == "sunssf" else kind.lstrip("abcdefilmnostu")
    if digits not in _BITS:
        raise EncodeError(f"type {kind!r} of {register.get('name')}")
    return int(digits) // 16


def _modulus(register: dict[str, Any]) -> int | None:
    implied = 2 ** (16 * _width(register)) if str(register["type"]).startswith("acc") else None
    return register.get("modulus", implied)
