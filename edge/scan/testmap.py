# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a map makes of a device's words, beside what it would make of them one register off or in another word order. Pure.

Most maps that are wrong are wrong in one of three ways: the manual counts registers from 1, the words come in another
order, or the unit is another. The first two show themselves here; the third shows when the counters move.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal, get_args

import msgspec

from edge.meters.register_map import (
    MEASURE_OF_ROLE,
    POWER_ROLE,
    STATUS_ROLE,
    Check,
    Register,
    RegisterMap,
    WordOrder,
    units_of,
)
from edge.meters.registers import Absent, Value, decode_documents, decode_status, decode_words, measure

LIKELY_MICRO_MAX = 10**16  # 10 GWh, 10 million m³: what no meter of a station has counted
LIKELY_W_MAX = 10_000_000
REFUSED = "refused"

Verdict = Literal["plausible", "zero", "unlikely", "none"]
Words = Mapping[int, int]
Documents = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as text with its unit, and whether it can be one."""

    value: str
    verdict: Verdict
    why: str = ""
    micro: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One register or check of a map on a device: as the map reads it, and as it could be read otherwise."""

    name: str
    place: str
    meaning: str
    words: tuple[int, ...]
    reading: Reading
    needed: bool
    others: dict[str, Reading] = field(default_factory=dict)
    moved: str = ""

    @property
    def fits(self) -> bool:
        """True if nothing speaks against the map here."""
        return self.reading.verdict in ("plausible", "zero") or (not self.needed and self.reading.verdict == "none")


def examine(register_map: RegisterMap, first: Words, again: Words | None = None, apart_s: float = 0) -> list[Finding]:
    """Every register and check of a map on the words of a device, read once or twice. Words may be missing."""
    findings = [_marks(register_map, first)] if register_map.expect else []
    findings += [_check(register_map, check, first) for check in register_map.checks]
    for register in register_map.registers:
        if register.role == STATUS_ROLE:
            findings.append(_status(register_map, register, first))
        elif register.role is not None:
            findings.append(_counter(register_map, register, first, again, apart_s))
    return findings


def examine_documents(
    register_map: RegisterMap, first: Documents, again: Documents | None = None, apart_s: float = 0
) -> list[Finding]:
    """Every register of an HTTP map on the documents of a device, read once or twice. There is nothing to shift."""
    said = decode_documents(register_map, first)
    later = {} if again is None else decode_documents(register_map, again)
    findings = []
    for register in (it for it in register_map.registers if it.name in said):
        reading, moved = _reading(register, said[register.name], supposed=False), ""
        if register.name in later:
            reading, moved = _moved(
                register, reading, _reading(register, later[register.name], supposed=False), apart_s
            )
        place = f"{register.path or register_map.path} {register.pointer}"
        findings.append(
            Finding(register.name, place, _meaning(register), (), reading, needed=not register.optional, moved=moved)
        )
    return findings


def verdict_of(findings: Sequence[Finding]) -> str:
    """One sentence for the operator; empty if everything fits."""
    wrong = [finding for finding in findings if not finding.fits]
    if not wrong:
        return ""
    better = [
        name
        for name in dict.fromkeys(name for finding in wrong for name in finding.others)
        if all(name in it.others and it.others[name].verdict == "plausible" for it in wrong)
    ]
    names = ", ".join(finding.name for finding in wrong)
    hint = f"; {' or '.join(better)} would fit" if better else ""
    return f"{names}: does not look right{hint}"


def read_as(register_map: RegisterMap, register: Register, words: Words, *, supposed: bool = False) -> Reading:
    """A counter or power of a map, with its verdict; `supposed` where the map says otherwise."""
    try:
        found = measure(register_map, register, words)
    except KeyError:
        return Reading("-", "none", REFUSED)
    return _reading(register, found, supposed)


def _reading(register: Register, found: Value | Absent, supposed: bool) -> Reading:
    if isinstance(found, Absent):
        return Reading("-", "none" if found.reason in ("null", "scale_null") else "unlikely", found.reason)
    shown = f"{in_unit(register, found)} {register.unit or ''}".rstrip()
    verdict, why = _judge(register, found, supposed)
    return Reading(shown, verdict, why, found.micro)


def in_unit(register: Register, value: Value) -> str:
    """A value in the unit of its register, at most six places."""
    exponent, numerator, denominator = units_of(register.role or "").get(register.unit or "", (6, 1, 1))
    exact = Fraction(value.raw * 10**value.exponent * value.multiplier, value.divisor)
    exact /= 10**exponent * Fraction(numerator, denominator)
    return _plain(exact)


def _plain(number: Fraction) -> str:
    scaled = math.floor(number * 10**6)
    text = f"{Decimal(scaled).scaleb(-6):f}"
    return text.rstrip("0").rstrip(".") or "0"


def _judge(register: Register, value: Value, supposed: bool) -> tuple[Verdict, str]:
    if register.role == POWER_ROLE:
        if abs(value.micro) > LIKELY_W_MAX * 10**6:
            return "unlikely", f"above {LIKELY_W_MAX} W"
        return "plausible", ""
    if value.micro == 0:
        return "zero", "nothing counted yet, or not the counter" if value.raw == 0 else "too small to count"
    if value.micro > LIKELY_MICRO_MAX:
        return "unlikely", "more than a meter counts in its life"
    if supposed and not register.is_float and register.count > 1 and value.raw % 65536 == 0:
        return "unlikely", "the last word is zero, as between two values"
    return "plausible", ""


def _counter(
    register_map: RegisterMap, register: Register, first: Words, again: Words | None, apart_s: float
) -> Finding:
    reading = read_as(register_map, register, first)
    order = register.word_order or register_map.word_order
    others: dict[str, Reading] = {}
    for shift in (-1, 1):
        others[f"shift {shift:+d}"] = read_as(
            register_map, msgspec.structs.replace(register, address=register.address + shift), first, supposed=True
        )
    for other in get_args(WordOrder):
        if other != order:
            moved_register = msgspec.structs.replace(register, word_order=other)
            others[other] = read_as(register_map, moved_register, first, supposed=True)
    moved = ""
    if again is not None:
        reading, moved = _moved(register, reading, read_as(register_map, register, again), apart_s)
    return Finding(
        name=register.name,
        place=_place(register_map, register.address, register.count, register.type, order),
        meaning=_meaning(register),
        words=_taken(first, register.address, register.count),
        reading=reading,
        needed=not register.optional,
        others=others,
        moved=moved,
    )


def _moved(register: Register, before: Reading, after: Reading, apart_s: float) -> tuple[Reading, str]:
    """A reading in the light of a second one."""
    if before.micro is None or after.micro is None or register.role == POWER_ROLE or apart_s <= 0:
        return before, "" if after.micro is None else f"then {after.value}"
    delta = after.micro - before.micro
    if delta < 0:
        return Reading(before.value, "unlikely", "it fell", before.micro), f"then {after.value}"
    if delta == 0:
        return before, f"stood still for {apart_s:g} s"
    if register.role in MEASURE_OF_ROLE and units_of(register.role).get("kWh", (0,))[0] == 9:
        watts = delta * 3600 / apart_s / 10**6
        if watts > LIKELY_W_MAX:
            return Reading(before.value, "unlikely", f"{watts:.0f} W is too fast", before.micro), f"then {after.value}"
        return before, f"then {after.value}: {watts:.0f} W"
    return before, f"then {after.value}"


def _check(register_map: RegisterMap, check: Check, words: Words) -> Finding:
    register = Register(check.name, check.address, check.type, word_order=check.word_order)
    order = check.word_order or register_map.word_order
    shapes = {f"shift {shift:+d}": (check.address + shift, order) for shift in (-1, 1)}
    shapes |= {other: (check.address, other) for other in get_args(WordOrder) if other != order}
    return Finding(
        name=check.name,
        place=_place(register_map, check.address, register.count, check.type, order),
        meaning=f"check, {check.low} to {check.high} {check.unit}",
        words=_taken(words, check.address, register.count),
        reading=_bounded(check, words, check.address, order),
        needed=True,
        others={name: _bounded(check, words, address, other) for name, (address, other) in shapes.items()},
    )


def _bounded(check: Check, words: Words, address: int, order: WordOrder) -> Reading:
    register = Register(check.name, address, check.type)
    taken = _taken(words, address, register.count)
    if len(taken) < register.count:
        return Reading("-", "none", REFUSED)
    said = decode_words(check.type, order, taken)
    if isinstance(said, float) and not math.isfinite(said):
        return Reading(str(said), "unlikely", "no number")
    value = Fraction(said) * Fraction(10) ** check.scale
    likely = check.low <= value <= check.high
    shown = _plain(value) if abs(value) < 10**12 else f"{float(said):.3g}"
    return Reading(f"{shown} {check.unit}", "plausible" if likely else "unlikely", "" if likely else "out of bounds")


def _marks(register_map: RegisterMap, words: Words) -> Finding:
    missing = [
        it.meaning for it in register_map.expect if list(_taken(words, it.address, len(it.words))) != list(it.words)
    ]
    reading = Reading("there", "plausible") if not missing else Reading("-", "unlikely", f"not there: {missing[0]}")
    meaning = ", ".join(expectation.meaning for expectation in register_map.expect)
    return Finding("marks", "", meaning, (), reading, needed=True)


def _status(register_map: RegisterMap, register: Register, words: Words) -> Finding:
    taken = _taken(words, register.address, register.count)
    if len(taken) < register.count:
        reading = Reading("-", "none", REFUSED)
    else:
        bits = decode_status(msgspec.structs.replace(register_map, registers=[register]), words)
        shown = ", ".join(f"{name} {'set' if bits[name] else 'clear'}" for name in register.bits if name in bits)
        reading = Reading(shown or "-", "plausible" if shown else "none")
    order = register.word_order or register_map.word_order
    place = _place(register_map, register.address, register.count, register.type, order)
    return Finding(register.name, place, "status bits", taken, reading, needed=not register.optional)


def _taken(words: Words, address: int, count: int) -> tuple[int, ...]:
    """The words at a place, if all of them were read."""
    found = [words[address + index] for index in range(count) if address + index in words]
    return tuple(found) if len(found) == count else ()


def _place(register_map: RegisterMap, address: int, count: int, kind: str, order: str) -> str:
    last = f"-{address + count - 1}" if count > 1 else ""
    return f"{register_map.function} {address}{last} (0x{address:04x}) {kind} {order}"


def _meaning(register: Register) -> str:
    role = register.role or ""
    known = MEASURE_OF_ROLE.get(role)
    if known is not None:
        return f"{role}, {known[0]}"
    return "power now, positive is delivered" if role == POWER_ROLE else role
