# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Register maps as data: which registers a meter has, and what their words mean.

A map is a YAML file, one per device model (`edge/maps/`). Decoding is pure and exact: words become a raw integer and a
decimal exponent, never a float and never a default. A value that is not there is a reason, not a zero.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Literal

import msgspec
import yaml

MAPS = Path(__file__).parent / "maps"
COUNT_MAX = 125  # registers in one Modbus request
RAW_MAX = 2**63 - 1

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
ValueType = Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]

_STRUCT: dict[str, str] = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}

# which measure of an interval a role becomes, and which field carries its register (docs/protocol.md)
MEASURE_OF_ROLE: dict[str, tuple[str, str | None]] = {
    "export": ("exportWh", "exportRegisterWh"),
    "import": ("importWh", "importRegisterWh"),
    "gen": ("genWh", "genRegisterWh"),
    "aux": ("auxWh", None),
    "loss": ("lossWh", None),
    "charge": ("chargeWh", None),
    "discharge": ("dischargeWh", None),
    "water_m3": ("waterM3", None),
    "gas_m3": ("gasM3", None),
}
BALANCE_ROLES = frozenset({"export", "import", "gen"})  # one of them makes meterWh

# millionths of the protocol's unit (Wh, m³) in one of these, as a power of ten
_MICRO_EXPONENT = {"mWh": 3, "Wh": 6, "kWh": 9, "MWh": 12, "l": 3, "m3": 6}
_UNITS_OF_ROLE = {
    role: ("l", "m3") if role.endswith("_m3") else ("mWh", "Wh", "kWh", "MWh") for role in MEASURE_OF_ROLE
}
_EXACT = Context(prec=400)


class MapError(ValueError):
    """A register map that cannot be used; the message names the file, the register and what to change."""


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a device. `scale` is a power of ten; a float counts in steps of `10^scale`, rounded down."""

    name: str
    address: int
    type: ValueType
    role: str | None = None
    unit: str | None = None
    scale: int = 0
    scale_register: str | None = None
    null: int | None = None
    modulus: int | None = None
    word_order: WordOrder | None = None
    optional: bool = False

    @property
    def count(self) -> int:
        """How many 16-bit registers it takes."""
        return struct.calcsize(_STRUCT[self.type]) // 2

    @property
    def is_float(self) -> bool:
        """True for the types whose words are IEEE 754."""
        return self.type.startswith("float")


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words that must stand at an address if the map fits the device; checked on every connection."""

    address: int
    words: list[int]
    meaning: str


class RegisterMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One device model."""

    name: str
    title: str
    origin: str
    registers: list[Register]
    function: Literal["holding", "input"] = "holding"
    word_order: WordOrder = "ABCD"
    max_count: int = COUNT_MAX
    max_hole: int = 16
    pause_ms: int = 0
    connect_pause_ms: int = 0
    close_after_read: bool = False
    expect: list[Expectation] = []

    def counters(self) -> list[Register]:
        """The cumulative registers that become intervals, in the order of the map."""
        return [register for register in self.registers if register.role is not None]

    def scale_of(self, register: Register) -> Register | None:
        """The register that holds another one's scale factor."""
        return next((other for other in self.registers if other.name == register.scale_register), None)


@dataclass(frozen=True, slots=True)
class Value:
    """What a counter said: `raw · 10^exponent` millionths of the protocol's unit (µWh, ml)."""

    raw: int
    exponent: int
    scale_raw: int | None = None  # the scale-factor register as read, where there is one


@dataclass(frozen=True, slots=True)
class Absent:
    """No value, and why: `null`, `scale_null`, `scale_range`, `range`, `not_finite`, `negative`."""

    reason: str


def load(name_or_path: str) -> RegisterMap:
    """A map by name from `edge/maps`, or from a path ending in .yaml. Raises MapError."""
    path = Path(name_or_path) if name_or_path.endswith((".yaml", ".yml")) else MAPS / f"{name_or_path}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(file.stem for file in MAPS.glob("*.yaml")))
        raise MapError(f"no register map {name_or_path!r} ({error}); known maps: {known}") from error
    return parse(text, str(path))


def parse(text: str, where: str = "map") -> RegisterMap:
    """A map from YAML text. Raises MapError for anything that would make a wrong number later."""
    try:
        found = msgspec.convert(yaml.safe_load(text), RegisterMap)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise MapError(f"{where}: {error}") from error
    _check(found, where)
    return found


def plan(register_map: RegisterMap) -> list[tuple[int, int]]:
    """The requests `(address, count)` that read every register, within the device's limits on length and holes."""
    blocks: list[tuple[int, int]] = []
    for register in sorted(register_map.registers, key=lambda register: register.address):
        end = register.address + register.count
        if blocks:
            start, count = blocks[-1]
            hole = register.address - (start + count)
            if hole <= register_map.max_hole and max(end, start + count) - start <= register_map.max_count:
                blocks[-1] = (start, max(end, start + count) - start)
                continue
        blocks.append((register.address, register.count))
    return blocks


def decode(register_map: RegisterMap, words: Mapping[int, int]) -> dict[str, Value | Absent]:
    """Every counter of a map from words by address. Words that are missing raise KeyError: a short read is no value."""
    return {register.name: _counter(register_map, register, words) for register in register_map.counters()}


def decode_words(type_: ValueType, order: WordOrder, words: Sequence[int]) -> int | float:
    """One value from 16-bit words as they came, first address first.

    ABCD is most significant byte first throughout, CDAB swaps the words, BADC the bytes in each word, DCBA both.
    """
    ordered = list(reversed(words)) if order in ("CDAB", "DCBA") else list(words)
    little = order in ("BADC", "DCBA")
    data = b"".join(word.to_bytes(2, "little" if little else "big") for word in ordered)
    value: int | float = struct.unpack(_STRUCT[type_], data)[0]
    return value


def _counter(register_map: RegisterMap, register: Register, words: Mapping[int, int]) -> Value | Absent:
    found = _raw(register_map, register, words)
    unit = _MICRO_EXPONENT[register.unit or ""]
    scale, scale_raw = register.scale, None
    if (scale_register := register_map.scale_of(register)) is not None:
        factor = _raw(register_map, scale_register, words)
        if isinstance(factor, Absent):
            return Absent("scale_null")
        scale_raw = factor
        scale += factor
    if isinstance(found, Absent):
        return found
    exponent = unit + scale
    if not 0 <= exponent <= 18:
        return Absent("scale_range")
    if found < 0:
        return Absent("negative")
    if found * 10**exponent > RAW_MAX:
        return Absent("range")
    return Value(found, exponent, scale_raw)


def _raw(register_map: RegisterMap, register: Register, words: Mapping[int, int]) -> int | Absent:
    taken = [words[register.address + index] for index in range(register.count)]
    value = decode_words(register.type, register.word_order or register_map.word_order, taken)
    if isinstance(value, float):
        if not math.isfinite(value):
            return Absent("null" if math.isnan(value) else "not_finite")
        value = math.floor(_EXACT.scaleb(Decimal(value), -register.scale))
    return Absent("null") if register.null is not None and value == register.null else value


def _check(found: RegisterMap, where: str) -> None:
    names = [register.name for register in found.registers]
    roles = [register.role for register in found.counters()]
    if len(set(names)) != len(names) or len(set(roles)) != len(roles):
        raise MapError(f"{where}: every name and every role may stand once")
    if not 1 <= found.max_count <= COUNT_MAX or min(found.max_hole, found.pause_ms, found.connect_pause_ms) < 0:
        raise MapError(f"{where}: max_count is 1 to {COUNT_MAX}, max_hole, pause_ms and connect_pause_ms not negative")
    for register in found.registers:
        _check_register(found, register, f"{where}: {register.name}")
    if not BALANCE_ROLES & set(roles):
        raise MapError(f"{where}: no register has a role of {sorted(BALANCE_ROLES)}; there is nothing to sell")


def _check_register(found: RegisterMap, register: Register, where: str) -> None:
    if not register.name.isprintable() or not register.name or set(register.name) & set(", \n"):
        raise MapError(f"{where}: a name is printable text without commas or spaces")
    if not 0 <= register.address <= 65536 - register.count:
        raise MapError(f"{where}: address {register.address} is outside 0 to 65535")
    if register.count > found.max_count:
        raise MapError(f"{where}: longer than max_count")
    if register.role is None:
        return
    if register.role not in MEASURE_OF_ROLE:
        raise MapError(f"{where}: role {register.role!r} is unknown; one of {', '.join(MEASURE_OF_ROLE)}")
    if register.unit not in _UNITS_OF_ROLE[register.role]:
        raise MapError(f"{where}: unit {register.unit!r}; {register.role} takes {_UNITS_OF_ROLE[register.role]}")
    if register.modulus is not None and (register.modulus <= 1 or register.is_float):
        raise MapError(f"{where}: modulus is above 1, and a float has none")
    if register.scale_register is None:
        if not 0 <= _MICRO_EXPONENT[register.unit or ""] + register.scale <= 18:
            raise MapError(f"{where}: scale {register.scale} is finer than a millionth of the unit or too coarse")
        return
    scale = found.scale_of(register)
    if scale is None or scale.type not in ("int16", "uint16") or register.is_float:
        raise MapError(f"{where}: scale_register {register.scale_register!r} must be a 16-bit integer of this map")
