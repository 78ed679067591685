# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""SunSpec devices describe themselves: 'SunS', then a chain of models (id, length, registers), then the id 0xFFFF.

`discover` walks the chain and makes a register map of our own format, so that everything after it (requests, decoding,
fingerprint of the builder) is the same as for any other meter. What the device says is believed only as far as it is
possible: a chain that leaves the registers there are, has no end, or says that a known model is shorter than it is, is an
error that says where.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edge.meters.modbus import MeterError
from edge.meters.register_map import Expectation, MapError, Register, RegisterMap, check
from edge.meters.sunspec_models import COMMON, MODELS, Kind, Model, Point

DISCOVER = "sunspec"  # the map name that stands for "ask the device"
BASES = (40000, 0, 50000)
MARKER = [0x5375, 0x6E53]  # 'SunS'
END = 0xFFFF
MODELS_MAX = 100
COMMON_LENGTHS = (65, 66)
WH_STEP = -3  # a float counter counts in mWh

Read = Callable[[int, int], Awaitable[list[int]]]
"""Reads holding registers (address, count) of one unit. Raises MeterError."""


class SunSpecError(MapError):
    """The device is no SunSpec device, or describes itself in a way that cannot be used; the message says where."""


class NoSunSpec(SunSpecError):
    """There is no SunSpec marker anywhere."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A model where it stands: its id, the address of its id register, and the length that it says it has."""

    id: int
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What a device says of itself."""

    base: int
    models: tuple[Placed, ...]
    manufacturer: str
    model: str
    version: str
    serial: str

    def __str__(self) -> str:
        ids = " ".join(f"{placed.id}@{placed.address}" for placed in self.models)
        return f"{self.manufacturer} {self.model}, serial {self.serial or '?'}: {ids}"


async def discover(read: Read) -> RegisterMap:
    """The register map of the SunSpec device behind `read`. Raises SunSpecError, and MeterError if it gives no words."""
    return map_of(await read_chain(read))


async def read_chain(read: Read) -> Chain:
    """The chain of models. Raises SunSpecError, and MeterError if the device gives no words."""
    base = await _base(read)
    placed = await _models(read, base)
    common = next((it for it in placed if it.id == COMMON), None)
    if common is None or common.length not in COMMON_LENGTHS:
        raise SunSpecError(f"the SunSpec chain at {base} has no model 1 of {COMMON_LENGTHS} registers")
    words = await read(common.address + 2, 64)
    texts = [_text(words[start : start + count]) for start, count in ((0, 16), (16, 16), (40, 8), (48, 16))]
    return Chain(base, tuple(placed), *texts)


def map_of(chain: Chain) -> RegisterMap:
    """The counters of a chain as a register map. Raises SunSpecError if it has none.

    The first meter gives export and import; the first inverter gives generation. A DER measurement (701) without a meter
    gives export and import at its terminals. Models with integers go before those with floats, which are coarser.
    """
    meter = _first(chain, "meter")
    der, inverter = _first(chain, "der"), _first(chain, "inverter")
    parts: list[tuple[Placed, Model, dict[str, str]]] = []
    if meter is not None:
        parts.append((*meter, {"out": "export", "taken": "import"}))
    if der is not None:
        parts.append((*der, {"out": "gen"} if meter is not None else {"out": "export", "taken": "import"}))
    elif inverter is not None:
        parts.append((*inverter, {"out": "gen"}))
    if not parts:
        ids = ", ".join(str(placed.id) for placed in chain.models)
        known = ", ".join(map(str, MODELS))
        raise SunSpecError(f"no model with energy counters in the SunSpec chain ({ids}); known are {known}")
    registers: list[Register] = []
    for placed, model, roles in parts:
        for place, role in roles.items():
            point = model.out if place == "out" else model.taken
            if point is not None:
                registers += _registers(placed, point, role)
        if model.events is not None:
            bits = {"power_failure": 2}
            registers.append(
                Register(
                    name=f"Evt_{placed.id}",
                    address=placed.address + model.events,
                    type="bitfield32",
                    role="status",
                    bits=bits,
                    optional=True,
                )
            )
    expect = [Expectation(chain.base, MARKER, "SunSpec marker")]
    expect += [
        Expectation(placed.address, [placed.id, placed.length], f"model {placed.id} with {placed.length} registers")
        for placed, _, _ in parts
    ]
    found = RegisterMap(
        name="sunspec-" + "-".join(str(placed.id) for placed, _, _ in parts),
        title=", ".join([f"{chain.manufacturer} {chain.model}".strip(), *(model.title for _, model, _ in parts)]),
        origin=f"found on the device: {chain}",
        registers=list({register.name: register for register in registers}.values()),
        expect=expect,
    )
    check(found, "SunSpec")
    return found


async def _base(read: Read) -> int:
    """Where 'SunS' stands. A refused address or a silent one is not yet the end: there are three places."""
    refused: MeterError | None = None
    answered = False
    for base in BASES:
        try:
            words = await read(base, 2)
        except MeterError as error:
            if error.reason not in ("exception", "timeout"):
                raise
            answered |= error.reason == "exception"
            refused = error
            continue
        answered = True
        if words == MARKER:
            return base
    if refused is not None and not answered:
        raise refused
    raise NoSunSpec(f"no SunSpec marker at {', '.join(map(str, BASES))}: the device is none, or SunSpec is off in it")


async def _models(read: Read, base: int) -> list[Placed]:
    found: list[Placed] = []
    address = base + 2
    while True:
        if address > 65535:
            raise SunSpecError(f"the SunSpec chain at {base} runs over the last register without an end")
        header = await _header(read, address, found)
        if header is None:
            return found
        placed = Placed(header[0], address, header[1])
        model = MODELS.get(placed.id)
        if placed.id == 0:
            raise SunSpecError(f"the SunSpec chain at {base} breaks at {address}: there is no model 0")
        if model is not None and placed.length < model.length:
            raise SunSpecError(
                f"model {placed.id} at {address} says that it has {placed.length} registers; it has {model.length}"
            )
        found.append(placed)
        if len(found) > MODELS_MAX:
            raise SunSpecError(f"the SunSpec chain at {base} has more than {MODELS_MAX} models; it has no end")
        address += 2 + placed.length


async def _header(read: Read, address: int, found: list[Placed]) -> tuple[int, int] | None:
    """Id and length of the model at an address; None at the chain's end."""
    try:
        words = await read(address, 2 if address < 65535 else 1)
    except MeterError as error:
        if error.reason != "exception":
            raise
        # the end may be the last register there is; some devices leave even that one out, behind models that are whole
        try:
            words = await read(address, 1)
        except MeterError as again:
            if again.reason != "exception" or not any(placed.id in MODELS for placed in found):
                raise
            return None
    if words[0] == END:
        return None
    if len(words) < 2:
        raise SunSpecError(f"the SunSpec chain breaks at {address}: model {words[0]} has no length")
    return words[0], words[1]


def _first(chain: Chain, kind: Kind) -> tuple[Placed, Model] | None:
    of_kind = [(placed, MODELS[placed.id]) for placed in chain.models if placed.id in MODELS]
    of_kind = [it for it in of_kind if it[1].kind == kind]
    return min(of_kind, key=lambda it: (it[1].out.type == "float32", it[0].address), default=None)


def _registers(placed: Placed, point: Point, role: str) -> list[Register]:
    """A counter and its scale factor. Every point of a model is optional: a device may not have it."""
    name = f"{point.name}_{placed.id}"
    if point.scale is None:
        at = placed.address + point.offset
        return [Register(name, at, point.type, role=role, unit="Wh", scale=WH_STEP, optional=True)]
    scale_name, offset = point.scale
    null = 2**64 - 1 if point.type == "uint64" else None
    return [
        Register(
            name=name,
            address=placed.address + point.offset,
            type=point.type,
            role=role,
            unit="Wh",
            scale_register=f"{scale_name}_{placed.id}",
            null=null,
            optional=True,
        ),
        Register(f"{scale_name}_{placed.id}", placed.address + offset, "sunssf"),
    ]


def _text(words: list[int]) -> str:
    """A SunSpec string: bytes up to the first NUL; what is not printable is left out."""
    data = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0")[0]
    return "".join(char for char in data.decode("utf-8", "replace") if char.isprintable()).strip()
