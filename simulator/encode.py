# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Register maps the other way round: from energy to words. Written apart from the agent's decoder, to check it."""

import struct
from pathlib import Path
from typing import Any

import yaml

from simulator.meter import Registers

MAPS = Path(__file__).parent.parent / "edge" / "maps"

_FORMAT = {"16": "h", "32": "i", "64": "q"}
_UNIT_UWH = {"mWh": 10**3, "Wh": 10**6, "kWh": 10**9, "MWh": 10**12}


class EncodeError(ValueError):
    """A map that the simulator cannot serve."""


class Image:
    """The words of one device: constants once, counters at every read."""

    def __init__(self, map_name: str) -> None:
        path = Path(map_name) if map_name.endswith((".yaml", ".yml")) else MAPS / f"{map_name}.yaml"
        try:
            self._map: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise EncodeError(f"no register map {map_name!r}: {error}") from error
        self._order = str(self._map.get("word_order", "ABCD"))
        self._registers: list[dict[str, Any]] = self._map["registers"]
        self._counters = [
            register for register in self._registers if register.get("role") in ("import", "export", "gen")
        ]
        spans = [(register["address"], _width(register)) for register in self._registers]
        spans += [(item["address"], len(item["words"])) for item in self._map.get("expect", [])]
        self.start = min(address for address, _ in spans)
        self.count = max(address + width for address, width in spans) - self.start

    def constants(self) -> list[int]:
        """All words, with the marks of the device; scale factors are 0 and counters are zero."""
        words = [0] * self.count
        for item in self._map.get("expect", []):
            offset = item["address"] - self.start
            words[offset : offset + len(item["words"])] = item["words"]
        return words

    def modulus_uwh(self) -> int:
        """Where the export counter rolls over, µWh. Raises EncodeError if it never does."""
        for register in self._counters:
            if register["role"] != "import" and register.get("modulus"):
                return int(register["modulus"]) * self._unit_uwh(register)
        raise EncodeError(f"the export counter of {self._map['name']} does not roll over; take a map with a modulus")

    def write(self, registers: Registers, words: list[int]) -> None:
        """Put the counters into the device's words."""
        for register in self._counters:
            energy = registers.import_uwh if register["role"] == "import" else registers.export_uwh
            offset = register["address"] - self.start
            encoded = self._encode(register, energy)
            words[offset : offset + len(encoded)] = encoded

    def _unit_uwh(self, register: dict[str, Any]) -> int:
        """One raw unit in µWh; a float is exact to this."""
        scale = int(register.get("scale", 0))
        unit = _UNIT_UWH[register["unit"]]
        return unit * int(10**scale) if scale >= 0 else unit // int(10**-scale)

    def _encode(self, register: dict[str, Any], energy_uwh: int) -> list[int]:
        kind, size = str(register["type"]).rstrip("0123456789"), _width(register) * 2
        if kind == "float":
            data = struct.pack(">f" if size == 4 else ">d", energy_uwh / _UNIT_UWH[register["unit"]])
        else:
            raw = energy_uwh // self._unit_uwh(register)
            limit = register.get("modulus") or 2 ** (8 * size - (kind == "int"))
            data = (raw % limit).to_bytes(size, "big")
        words = list(struct.unpack(f">{size // 2}H", data))
        order = register.get("word_order", self._order)
        if order in ("CDAB", "DCBA"):
            words.reverse()
        if order in ("BADC", "DCBA"):
            words = [(word & 0xFF) << 8 | word >> 8 for word in words]
        return words


def _width(register: dict[str, Any]) -> int:
    digits = str(register["type"]).lstrip("acdefilnotu")
    if digits not in _FORMAT:
        raise EncodeError(f"type {register['type']!r} of {register.get('name')}")
    return int(digits) // 16
