# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""SunSpec devices from the other side: a chain of models as words. Written apart from the agent's discovery, to check it.

`map: "sunspec:103,203"` in a configuration is a device with model 1 and these, in this order. Points that a virtual meter
does not have hold their type's "not implemented". Layouts are facts of the SunSpec Alliance's model definitions
(github.com/sunspec/models, Apache-2.0), written as a row of types; a test holds them against pysunspec2.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from simulator.errors import EncodeError
from simulator.meter import Registers

PREFIX = "sunspec:"
MARKER = [0x5375, 0x6E53]
END = [0xFFFF, 0]

# one letter a type: how many registers it takes, and the words that say "not implemented"
_NOTHING = {
    "i": [0x8000],  # int16
    "s": [0x8000],  # sunssf
    "u": [0xFFFF],  # uint16
    "e": [0xFFFF],  # enum16
    "p": [0x8000],  # pad
    "c": [0],  # a register of text
    "a": [0, 0],  # acc32
    "b": [0xFFFF, 0xFFFF],  # bitfield32
    "w": [0xFFFF, 0xFFFF],  # uint32
    "f": [0x7FC0, 0],  # float32
    "q": [0xFFFF] * 4,  # uint64
}
_LAYOUT = {
    103: "u4 s1 u6 s1 i1 s1 u1 s1 i1 s1 i1 s1 i1 s1 a1 s1 u1 s1 u1 s1 i1 s1 i4 s1 e2 b6",
    203: "i4 s1 i8 s1 i1 s1 i4 s1 i4 s1 i4 s1 i4 s1 a8 s1 a8 s1 a16 s1 b1",
    213: "f61 b1",
    701: "e4 b2 i5 u2 w1 q4 i11 u2 q4 i5 u2 q4 i5 u2 q4 u1 b1 s10 c32",
}


def _acc32(micro_wh: int) -> list[int]:
    return list(struct.unpack(">2H", (micro_wh // 10**6 % 2**32).to_bytes(4, "big")))


def _uint64(micro_wh: int) -> list[int]:
    return list(struct.unpack(">4H", (micro_wh // 10**6).to_bytes(8, "big")))


def _float32(micro_wh: int) -> list[int]:
    return list(struct.unpack(">2H", struct.pack(">f", micro_wh / 10**6)))


@dataclass(frozen=True, slots=True)
class _Counter:
    """Where a model counts, from its id register on, and how."""

    offset: int
    imported: bool
    encode: Callable[[int], list[int]]


_COUNTERS = {
    103: (_Counter(24, False, _acc32),),
    203: (_Counter(38, False, _acc32), _Counter(46, True, _acc32)),
    213: (_Counter(60, False, _float32), _Counter(68, True, _float32)),
    701: (_Counter(19, False, _uint64), _Counter(23, True, _uint64)),
}
# scale factors and the frequency, 50 Hz, by offset
_CONSTANTS: dict[int, dict[int, list[int]]] = {
    103: {16: [5000], 17: [0xFFFE], 26: [0]},
    203: {16: [5000], 17: [0xFFFE], 54: [0], 105: [0, 0]},
    213: {26: [0x4248, 0], 124: [0, 0]},
    701: {17: [0, 50000], 115: [0xFFFD], 120: [0]},
}


_EVENTS = {203: 105, 213: 124}  # a meter's event bits; the third is a power failure
_POWER_FAILURE = [0, 1 << 2]


class SunSpecImage:
    """The words of one SunSpec device: constants once, counters at every read."""

    def __init__(self, name: str, base: int = 40000) -> None:
        parts = re.split(r"[,+ ]+", name.removeprefix(PREFIX).strip())
        unknown = [part for part in parts if not part.isdecimal() or int(part) not in _LAYOUT]
        if unknown:
            raise EncodeError(
                f"{name!r}: known SunSpec models are {', '.join(map(str, _LAYOUT))}, as in sunspec:103,203"
            )
        self.start = base
        self._words = [*MARKER, *_common()]
        self._counters: list[tuple[int, _Counter]] = []
        self._events: list[int] = []
        self._has_modulus = False
        for part in parts:
            model, offset = int(part), len(self._words)
            body = _body(model)
            self._words += [model, len(body), *body]
            for place, words in _CONSTANTS[model].items():
                self._words[offset + place : offset + place + len(words)] = words
            self._counters += [(offset + counter.offset, counter) for counter in _COUNTERS[model]]
            self._events += [offset + _EVENTS[model]] if model in _EVENTS else []
            self._has_modulus |= any(counter.encode is _acc32 and not counter.imported for counter in _COUNTERS[model])
        self._words += END
        self.count = len(self._words)

    def constants(self) -> list[int]:
        """All words; counters hold what says "not implemented"."""
        return list(self._words)

    def modulus_uwh(self) -> int:
        """Where an export counter rolls over, µWh. Raises EncodeError if none does."""
        if not self._has_modulus:
            raise EncodeError("no export counter of these models rolls over; take 103 or 203")
        return 2**32 * 10**6

    def write(self, registers: Registers, words: list[int]) -> None:
        """Put the counters into the device's words."""
        for offset, counter in self._counters:
            encoded = counter.encode(registers.import_uwh if counter.imported else registers.export_uwh)
            words[offset : offset + len(encoded)] = encoded
        for offset in self._events:
            words[offset : offset + 2] = _POWER_FAILURE if registers.failing else [0, 0]


def _body(model: int) -> list[int]:
    words: list[int] = []
    for run in _LAYOUT[model].split():
        words += _NOTHING[run[0]] * int(run[1:])
    return words


def _common() -> list[int]:
    """Model 1: who made it, what it is, and its number."""
    texts = ("GreenCore", 32), ("Virtual station", 32), ("", 16), ("1", 16), ("SIM-1", 32)
    data = b"".join(text.encode().ljust(size, b"\0") for text, size in texts)
    return [1, 66, *struct.unpack(f">{len(data) // 2}H", data), 1, 0x8000]
