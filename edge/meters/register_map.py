# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a register map says: its fields, its types and units, and what makes one unusable.

`edge.meters.registers` reads maps and decodes with them; an operator's guide is docs/edge.md, "Register maps".
"""

import re
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import msgspec

COUNT_MAX = 125  # registers in one Modbus request
EXPONENT_MAX = 18
PAUSE_MAX_MS = 60_000
FACTOR_MAX = 10**9  # of numerator and denominator of a multiplier

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
ValueType = Literal[
    "int16", "uint16", "int32", "uint32", "int48", "uint48", "int64", "uint64", "float32", "float64",
    "acc16", "acc32", "acc64", "sunssf", "bitfield16", "bitfield32", "decimal",
]  # fmt: skip

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
    "heat": ("heat", None),
}
BALANCE_ROLES = frozenset({"export", "import", "gen"})  # one of them makes meterWh
DEVICE_ROLE = re.compile(r"devices\.([A-Za-z0-9_-]{1,32})")  # a counter of a device, by the protocol's name for it
POWER_ROLE = "power"  # W now: positive is delivered, negative is drawn; never a counter
STATUS_ROLE = "status"  # named bits

# a unit in millionths of the protocol's unit, as (power of ten, numerator, denominator)
_ENERGY = {"mWh": (3, 1, 1), "Wh": (6, 1, 1), "kWh": (9, 1, 1), "MWh": (12, 1, 1)}
_VOLUME = {"l": (3, 1, 1), "m3": (6, 1, 1)}
# heat counts kWh: 1 kWh = 3.6 MJ; 1 Gcal = 4.1868 GJ = 1163 kWh (International Table calorie)
_HEAT = {"Wh": (3, 1, 1), "kWh": (6, 1, 1), "MWh": (9, 1, 1), "MJ": (6, 5, 18), "GJ": (9, 5, 18), "Gcal": (6, 1163, 1)}
_POWER = {"mW": (3, 1, 1), "W": (6, 1, 1), "kW": (9, 1, 1), "MW": (12, 1, 1)}
_COUNT = (6, 1, 1)  # of whatever a device counts

_FLOATS = {"float32": 4, "float64": 8}
_NULLS = {  # SunSpec: "not implemented"
    "acc16": 0, "acc32": 0, "acc64": 0, "sunssf": -32768, "bitfield16": 0xFFFF, "bitfield32": 0xFFFFFFFF,
}  # fmt: skip


class MapError(ValueError):
    """A register map that cannot be used; the message names the file, the register and what to change."""


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a device.

    The raw integer times `10^scale`, times ten to the scale register's value, times `multiply` is the value in `unit`.
    A float, and a number in a JSON document, counts in steps of `10^scale`, rounded down.
    """

    name: str
    address: int = -1  # of a Modbus map
    type: ValueType = "decimal"
    role: str | None = None
    unit: str | None = None
    scale: int = 0
    scale_register: str | None = None
    multiply: int | str = 1
    null: int | None = None
    modulus: int | None = None
    word_order: WordOrder | None = None
    optional: bool = False
    bits: dict[str, int] = {}
    path: str | None = None  # of an HTTP map: which document, where it is not the map's
    pointer: str | None = None  # of an HTTP map: RFC 6901

    def __post_init__(self) -> None:
        """SunSpec's types say themselves what is no value, and where they start again."""
        if self.null is None and self.type in _NULLS:
            msgspec.structs.force_setattr(self, "null", _NULLS[self.type])
        if self.modulus is None and self.type.startswith("acc"):
            msgspec.structs.force_setattr(self, "modulus", 2**self.bit_count)

    @property
    def bit_count(self) -> int:
        """How many bits it takes; 0 for a number in a document."""
        digits = self.type.lstrip("abcdefilmnostu")
        return 16 if self.type == "sunssf" else int(digits or 0)

    @property
    def count(self) -> int:
        """How many 16-bit registers it takes."""
        return self.bit_count // 16

    @property
    def is_float(self) -> bool:
        """True for the types whose words are IEEE 754."""
        return self.type in _FLOATS

    @property
    def is_signed(self) -> bool:
        """True for the integer types with a sign."""
        return self.type.startswith("int") or self.type == "sunssf"

    @property
    def factor(self) -> Fraction:
        """`multiply` as an exact number. Raises MapError."""
        try:
            return Fraction(str(self.multiply))
        except (ValueError, ZeroDivisionError) as error:
            raise MapError(f"multiply {self.multiply!r} is no number such as 40, '0.1' or '1/3'") from error

    @property
    def weight(self) -> tuple[int, Fraction]:
        """One raw unit in millionths of the protocol's unit (µWh, µW, ml), before any scale register: `10^a · b`."""
        exponent, numerator, denominator = units_of(self.role or "").get(self.unit or "", _COUNT)
        return exponent + self.scale, Fraction(numerator, denominator) * self.factor


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that the agent never reads and that tells whether a map fits: what it is, and between which bounds.

    What the words say (a float too) times `10^scale` is the value in `unit`.
    """

    name: str
    address: int
    type: ValueType
    unit: str
    low: int
    high: int
    scale: int = 0
    word_order: WordOrder | None = None


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
    transport: Literal["modbus", "http"] = "modbus"
    function: Literal["holding", "input"] = "holding"
    word_order: WordOrder = "ABCD"
    max_count: int = COUNT_MAX
    max_hole: int = 16
    forbidden: list[tuple[int, int]] = []  # first and last address of ranges that no request may touch
    pause_ms: int = 0  # between two requests
    connect_pause_ms: int = 0  # after a connection is made
    close_after_read: bool = False
    one_request_per_field: bool = False
    expect: list[Expectation] = []
    checks: list[Check] = []
    path: str = "/"  # of an HTTP map: the document, where a register names none

    def counters(self) -> list[Register]:
        """The cumulative registers that become intervals, in the order of the map."""
        return [it for it in self.registers if it.role is not None and it.role not in (POWER_ROLE, STATUS_ROLE)]

    def powers(self) -> list[Register]:
        """The registers that say what is delivered or drawn now."""
        return [register for register in self.registers if register.role == POWER_ROLE]

    def scale_of(self, register: Register) -> Register | None:
        """The register that holds another one's scale factor."""
        return next((other for other in self.registers if other.name == register.scale_register), None)

    def paths(self) -> list[str]:
        """The documents of an HTTP map, each once."""
        return list(dict.fromkeys(register.path or self.path for register in self.registers))


def units_of(role: str) -> dict[str, tuple[int, int, int]]:
    """The units that a role may have; empty for a device's counter, whose unit is free text."""
    if role == POWER_ROLE:
        return _POWER
    if role == "heat":
        return _HEAT
    if role.endswith("_m3"):
        return _VOLUME
    return _ENERGY if role in MEASURE_OF_ROLE else {}


def check(found: RegisterMap, where: str) -> None:
    """Refuse a map that would make a wrong number later. Raises MapError."""
    names = [register.name for register in found.registers]
    roles = [register.role for register in found.registers if register.role not in (None, STATUS_ROLE)]
    if len(set(names)) != len(names) or len(set(roles)) != len(roles):
        raise MapError(f"{where}: every name and every role may stand once")
    pauses = found.pause_ms, found.connect_pause_ms
    if not 1 <= found.max_count <= COUNT_MAX or found.max_hole < 0 or not all(0 <= it <= PAUSE_MAX_MS for it in pauses):
        raise MapError(f"{where}: max_count is 1 to {COUNT_MAX}, max_hole not negative, a pause 0 to {PAUSE_MAX_MS} ms")
    if not roles:
        raise MapError(f"{where}: no register has a role; there is nothing to measure")
    for register in found.registers:
        _check_register(found, register, f"{where}: {register.name}")
    if found.transport == "modbus":
        _check_places(found, where)


def _check_register(found: RegisterMap, register: Register, where: str) -> None:
    if not register.name.isprintable() or not register.name or set(register.name) & set(", \n"):
        raise MapError(f"{where}: a name is printable text without commas or spaces")
    if found.transport == "http":
        if register.type != "decimal" or register.pointer is None or register.pointer[:1] not in ("", "/"):
            raise MapError(
                f"{where}: a register of an HTTP map has a pointer such as /total/wh, and no type or address"
            )
        if register.scale_register is not None or register.bits:
            raise MapError(f"{where}: a number in a document has no scale_register and no bits")
    elif register.type == "decimal" or register.pointer is not None or register.path is not None:
        raise MapError(f"{where}: a register of a Modbus map has an address and a type, and neither path nor pointer")
    elif register.count > found.max_count:
        raise MapError(f"{where}: longer than max_count")
    if register.role is not None:
        _check_role(register, where)
        if register.role != STATUS_ROLE:
            _check_scale(found, register, where)


def _check_role(register: Register, where: str) -> None:
    role = register.role or ""
    if role == STATUS_ROLE:
        bits = register.bits.values()
        if not bits or register.is_float or not all(0 <= bit < register.bit_count for bit in bits):
            raise MapError(f"{where}: status has bits by name, each below {register.bit_count}, and is no float")
        return
    if register.bits:
        raise MapError(f"{where}: only a register with role status has bits")
    if role not in MEASURE_OF_ROLE and role != POWER_ROLE and not DEVICE_ROLE.fullmatch(role):
        known = ", ".join([*MEASURE_OF_ROLE, POWER_ROLE, STATUS_ROLE, "devices.<name>"])
        raise MapError(f"{where}: role {role!r} is unknown; one of {known}")
    units = units_of(role)
    if units and register.unit not in units:
        raise MapError(f"{where}: unit {register.unit!r}; {role} takes {', '.join(units)}")
    if register.modulus is not None and (register.modulus <= 1 or register.is_float or role == POWER_ROLE):
        raise MapError(f"{where}: modulus is above 1, and neither a float nor a power has one")


def _check_scale(found: RegisterMap, register: Register, where: str) -> None:
    try:
        exponent, factor = register.weight
    except MapError as error:
        raise MapError(f"{where}: {error}") from error
    if max(abs(factor.numerator), factor.denominator) > FACTOR_MAX or factor == 0:
        raise MapError(f"{where}: multiply {register.multiply!r} is zero, or finer or greater than can be")
    if factor < 0 and register.role != POWER_ROLE:
        raise MapError(f"{where}: a counter is never negative; multiply is above 0")
    if register.scale_register is None:
        if not 0 <= exponent <= EXPONENT_MAX:
            raise MapError(f"{where}: scale {register.scale} is finer than a millionth of the unit or too coarse")
        return
    scale = found.scale_of(register)
    if scale is None or scale.type not in ("int16", "uint16", "sunssf") or register.is_float or scale is register:
        raise MapError(f"{where}: scale_register {register.scale_register!r} must be a 16-bit integer of this map")
    if abs(register.scale) > EXPONENT_MAX:
        raise MapError(f"{where}: scale {register.scale} is too fine or too coarse")


def _check_places(found: RegisterMap, where: str) -> None:
    places = [(it.name, it.address, it.count) for it in found.registers]
    apart = [(it.name, it.address, Register(it.name, type=it.type).count) for it in found.checks]
    apart += [(it.meaning, it.address, len(it.words)) for it in found.expect]
    for name, address, count in places + apart:
        if not 0 <= address <= 65536 - count:
            raise MapError(f"{where}: {name}: address {address} is outside 0 to 65535")
        if not 1 <= count <= found.max_count:
            raise MapError(f"{where}: {name}: 1 to max_count registers can be read at once, not {count}")
        for first, last in found.forbidden:
            if address <= last and first < address + count:
                raise MapError(f"{where}: {name}: address {address} lies in the forbidden range {first} to {last}")
    if any(not 0 <= word <= 0xFFFF for it in found.expect for word in it.words):
        raise MapError(f"{where}: expected words are 0 to 0xffff")
    places.sort(key=lambda place: (place[1], -place[2]))
    for (name, address, count), (other, beside, length) in pairwise(places):
        if beside < address + count and (address, count) != (beside, length):
            raise MapError(f"{where}: {name} and {other} overlap; one of the addresses or types is wrong")
