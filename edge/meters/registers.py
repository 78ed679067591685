# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Register maps as data: which registers a meter has, and what their words mean.

A map is a YAML file, one per device model (`edge/maps/`). Decoding is pure and exact: words become a raw integer, a
decimal exponent and a rational factor, never a float and never a default. A value that is not there is a reason, not a
zero.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

import msgspec
import yaml

from edge.meters.register_map import (
    BALANCE_ROLES,
    COUNT_MAX,
    DEVICE_ROLE,
    EXPONENT_MAX,
    MEASURE_OF_ROLE,
    POWER_ROLE,
    STATUS_ROLE,
    Check,
    Expectation,
    MapError,
    Register,
    RegisterMap,
    ValueType,
    WordOrder,
    check,
)

__all__ = [
    "BALANCE_ROLES", "COUNT_MAX", "DEVICE_ROLE", "MAPS", "MEASURE_OF_ROLE", "Absent", "Check", "Expectation", "MapError",
    "Register", "RegisterMap", "Value", "ValueType", "WordOrder", "decode", "decode_documents",
    "decode_power", "decode_status", "decode_words", "known", "load", "measure", "parse", "parse_document", "plan",
]  # fmt: skip

MAPS = Path(__file__).parents[1] / "maps"
RAW_MAX = 2**63 - 1
DOCUMENT_DIGITS_MAX = 40

_EXACT = Context(prec=400)
_FLOAT = {32: ">f", 64: ">d"}


@dataclass(frozen=True, slots=True)
class Value:
    """What a register said: `raw · 10^exponent · multiplier / divisor` millionths of the protocol's unit (µWh, ml, µW)."""

    raw: int
    exponent: int
    scale_raw: int | None = None  # the scale-factor register as read, where there is one
    multiplier: int = 1
    divisor: int = 1

    @property
    def micro(self) -> int:
        """Millionths, rounded down."""
        return int(self.raw * 10**self.exponent * self.multiplier // self.divisor)


@dataclass(frozen=True, slots=True)
class Absent:
    """No value, and why: `null`, `scale_null`, `scale_range`, `range`, `not_finite`, `negative`, `not_number`."""

    reason: str


def known() -> list[str]:
    """The names of the maps that come with the agent."""
    return sorted(file.stem for file in MAPS.glob("*.yaml"))


def load(name_or_path: str) -> RegisterMap:
    """A map by name from `edge/maps`, or from a path ending in .yaml. Raises MapError."""
    path = Path(name_or_path) if name_or_path.endswith((".yaml", ".yml")) else MAPS / f"{name_or_path}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise MapError(f"no register map {name_or_path!r} ({why}); known maps: {', '.join(known())}") from error
    return parse(text, str(path))


def parse(text: str, where: str = "map") -> RegisterMap:
    """A map from YAML text. Raises MapError for anything that would make a wrong number later."""
    try:
        found = msgspec.convert(yaml.safe_load(text), RegisterMap)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise MapError(f"{where}: {error}") from error
    check(found, where)
    return found


def plan(register_map: RegisterMap) -> list[tuple[int, int]]:
    """The requests `(address, count)` that read every register, within the device's limits on length and holes."""
    blocks: list[tuple[int, int]] = []
    if register_map.transport != "modbus":
        return blocks
    spans = sorted({(register.address, register.count) for register in register_map.registers})
    for address, count in spans:
        if blocks and not register_map.one_request_per_field:
            start = blocks[-1][0]
            end = start + blocks[-1][1]
            joined = max(address + count, end) - start
            near = address - end <= register_map.max_hole and joined <= register_map.max_count
            if near and not any(end <= last and first < address for first, last in register_map.forbidden):
                blocks[-1] = (start, joined)
                continue
        blocks.append((address, count))
    return blocks


def decode(register_map: RegisterMap, words: Mapping[int, int]) -> dict[str, Value | Absent]:
    """Every counter of a map from words by address. Words that are missing raise KeyError: a short read is no value."""
    return {register.name: measure(register_map, register, words) for register in register_map.counters()}


def decode_power(register_map: RegisterMap, words: Mapping[int, int]) -> dict[str, Value | Absent]:
    """Every register with role `power`, µW, signed: positive is delivered. Words that are missing raise KeyError."""
    return {register.name: measure(register_map, register, words) for register in register_map.powers()}


def decode_status(register_map: RegisterMap, words: Mapping[int, int]) -> dict[str, bool]:
    """The named bits of every register with role `status`; a register that says nothing gives none."""
    found: dict[str, bool] = {}
    for register in register_map.registers:
        if register.role == STATUS_ROLE and not isinstance(raw := _raw(register_map, register, words), Absent):
            found |= {name: bool(raw >> bit & 1) for name, bit in register.bits.items()}
    return found


def decode_words(type_: ValueType, order: WordOrder, words: Sequence[int]) -> int | float:
    """One value from 16-bit words as they came, first address first.

    ABCD is most significant byte first throughout, CDAB swaps the words, BADC the bytes in each word, DCBA both.
    """
    register = Register("", type=type_)
    ordered = list(reversed(words)) if order in ("CDAB", "DCBA") else list(words)
    little = order in ("BADC", "DCBA")
    data = b"".join(word.to_bytes(2, "little" if little else "big") for word in ordered)
    if len(data) != 2 * register.count:
        raise ValueError(f"{type_} takes {register.count} words, not {len(words)}")
    if register.is_float:
        value: float = struct.unpack(_FLOAT[register.bit_count], data)[0]
        return value
    return int.from_bytes(data, "big", signed=register.is_signed)


def parse_document(data: bytes) -> object:
    """A JSON document with its numbers exact. Raises ValueError."""
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON document: {error}") from error


def decode_documents(register_map: RegisterMap, documents: Mapping[str, object]) -> dict[str, Value | Absent]:
    """Every counter and power of an HTTP map from documents by path. A document that is missing raises KeyError."""
    wanted = [*register_map.counters(), *register_map.powers()]
    return {it.name: _weigh(it, _number(it, documents[it.path or register_map.path])) for it in wanted}


def measure(register_map: RegisterMap, register: Register, words: Mapping[int, int]) -> Value | Absent:
    """One counter or power from words by address. Words that are missing raise KeyError."""
    found = _raw(register_map, register, words)
    if (scale_register := register_map.scale_of(register)) is None:
        return _weigh(register, found)
    factor = _raw(register_map, scale_register, words)
    if isinstance(factor, Absent):
        return Absent("scale_null")
    if scale_register.type == "sunssf" and not -10 <= factor <= 10:
        return Absent("scale_range")
    return _weigh(register, found, factor)


def _weigh(register: Register, found: int | Absent, scale_raw: int | None = None) -> Value | Absent:
    """A raw number with its unit, or why it is none."""
    if isinstance(found, Absent):
        return found
    exponent, factor = register.weight
    exponent += scale_raw or 0
    if not 0 <= exponent <= EXPONENT_MAX:
        return Absent("scale_range")
    if found < 0 and register.role != POWER_ROLE:
        return Absent("negative")
    value = Value(found, exponent, scale_raw, factor.numerator, factor.denominator)
    return value if abs(value.micro) <= RAW_MAX and abs(found) <= RAW_MAX else Absent("range")


def _raw(register_map: RegisterMap, register: Register, words: Mapping[int, int]) -> int | Absent:
    taken = [words[register.address + index] for index in range(register.count)]
    value = decode_words(register.type, register.word_order or register_map.word_order, taken)
    if isinstance(value, float):
        if not math.isfinite(value):
            return Absent("null" if math.isnan(value) else "not_finite")
        value = math.floor(_EXACT.scaleb(Decimal(value), -register.scale))
    return Absent("null") if register.null is not None and value == register.null else value


def _number(register: Register, document: object) -> int | Absent:
    """What stands at a register's pointer, in whole steps of its scale."""
    found = document
    for step in _steps(register.pointer or ""):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(found):
            found = found[int(step[:9])]
        else:
            return Absent("null")
    if found is None:
        return Absent("null")
    if isinstance(found, bool) or not isinstance(found, int | float | str | Decimal):
        return Absent("not_number")
    try:
        number = Decimal(str(found))
    except InvalidOperation:
        return Absent("not_number")
    if not number.is_finite():
        return Absent("null" if number.is_nan() else "not_finite")
    if number and (abs(number.adjusted()) > DOCUMENT_DIGITS_MAX or len(number.as_tuple().digits) > DOCUMENT_DIGITS_MAX):
        return Absent("range")
    raw = math.floor(Fraction(number) / Fraction(10) ** register.scale)
    return Absent("null") if register.null is not None and raw == register.null else raw


def _steps(pointer: str) -> Iterator[str]:
    """The parts of a JSON pointer (RFC 6901)."""
    for part in pointer.split("/")[1:]:
        yield part.replace("~1", "/").replace("~0", "~")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")
