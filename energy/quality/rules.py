# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The rules that look at one slot and its neighbours, as a table: id, version, check. Pure, integers, no clock.

A check answers None if all is well, or what it found. `energy.quality.table` lists these beside the rules of ingest, of gaps
and of whole days. Numbers are those of the policy, for the class of the station.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from energy.net.rules import CHECK, NetEnergy, start_counters
from energy.policy import PPM, Result, Thresholds, Verdict

_WRAPS = frozenset(
    {2**31, 2**32, *(10**digits for digits in range(4, 13))}
)  # where counters begin again, in their own units
_UNITS_UWH = tuple(10**power for power in range(10))  # a counter's unit: from 1 µWh to 1 kWh


class Mark(NamedTuple):
    """What a device says of its own reading. The last three come from the device counters of docs/energy.md, in µs."""

    quality: str | None = None
    seq: int | None = None
    clock_us: int | None = None
    sync_us: int | None = None
    fail_us: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A slot as the rules see it: what each meter measured (protocol names, µWh) and what it says of that."""

    slot: int
    net: NetEnergy
    marks: Mapping[str, Mark]
    measures: Mapping[str, Mapping[str, int]]
    late_slots: int


@dataclass(frozen=True, slots=True)
class View:
    """A slot among its neighbours.

    `run` is how many slots in a row, this one included, have exactly its energy. `near` tells E_net of the other slots around
    that are remembered. `before_waits` and `after_waits`: that neighbour is missing and may still come. `roles` are what each
    meter should have measured. `disputed_days`: on so many days in a row before this one main and check meter disagreed.
    """

    here: Seen
    before: Seen | None
    after: Seen | None
    before_waits: bool
    after_waits: bool
    run: int
    near: Callable[[], Sequence[int]]
    roles: Mapping[str, Sequence[str]]
    cap_uwh: int
    policy: Thresholds
    disputed_days: int = 0


Finding = tuple[Result, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. A change of what `check` does takes a new `version`."""

    id: str
    version: int
    title: str
    check: Callable[[View], Finding | None]


def judge(view: View) -> tuple[Verdict, ...]:
    """Every rule that fires for a slot, in the table's order."""
    found = []
    for rule in RULES:
        finding = rule.check(view)
        if finding is not None:
            result, inputs = finding
            provisional = bool(inputs.pop("provisional", False))
            found.append(Verdict(rule.id, rule.version, view.here.slot, result, inputs, provisional))
    return tuple(found)


def _late(view: View) -> Finding | None:
    late = view.here.late_slots
    if late <= view.policy.late_slots:
        return None
    return "suspect" if view.policy.hold_late else "warn", {"late_slots": late, "max": view.policy.late_slots}


def _clock(view: View) -> Finding | None:
    """V4: a clock that is off, was not set for long, or a sequence that does not rise with time."""
    policy, worst = view.policy, None
    for meter, mark in view.here.marks.items():
        off, age = abs(mark.clock_us or 0), mark.sync_us or 0
        inputs = {"meter": meter, "offset_us": mark.clock_us, "sync_age_us": mark.sync_us}
        if 0 < policy.clock_max_ms * 1_000 < off or 0 < policy.sync_max_s * 1_000_000 < age:
            return "suspect", inputs
        if 0 < policy.clock_warn_ms * 1_000 < off:
            worst = inputs
    if worst is not None:
        return "warn", worst
    for meter, mark in view.here.marks.items() if view.before is not None else ():
        earlier = view.before.marks[meter].seq if view.before is not None and meter in view.before.marks else None
        if mark.seq is not None and earlier is not None and mark.seq <= earlier:
            return "warn", {"meter": meter, "seq": mark.seq, "seq_before": earlier}
    return None


def _missing(view: View) -> Finding | None:
    """V6: the device measured nothing, or lacks a measure it had; or a meter is silent that takes something off."""
    here = view.here
    for meter, mark in here.marks.items():
        if mark.quality in ("missing", "integrated"):
            return "suspect", {"meter": meter, "device_quality": mark.quality}
        absent = [role for role in view.roles.get(meter, ()) if role not in here.measures[meter]]
        if absent:
            return "suspect", {"meter": meter, "not_measured": absent}
    if view.policy.whole_station and here.net.method in ("node", "E2"):
        for meter, roles in view.roles.items():
            if meter not in here.marks and not meter.startswith(CHECK) and ("auxWh" in roles or "lossWh" in roles):
                return "suspect", {"meter": meter, "silent": list(roles)}
    if here.net.estimated:
        return "warn", {"silent": "boundary", "method": here.net.method}
    return None


def _fell(view: View) -> Finding | None:
    """V7: a register that is lower than a slot ago, and not by a turn of its counter."""
    return next((inputs for fell, inputs in _apart(view) if fell), None)


def _register(view: View) -> Finding | None:
    """V9: the registers at this slot's start must be those at the end of the slot before."""
    return next((inputs for fell, inputs in _apart(view) if not fell), None)


def _apart(view: View) -> Iterator[tuple[bool, Finding]]:
    if view.before is None:
        return
    start, end_before = start_counters(view.here.net), view.before.net.counters
    for name in sorted(start.keys() & end_before.keys()):
        grown = view.here.net.counters[name] - end_before[name]
        allowed = max(view.policy.register_uwh, abs(grown) * view.policy.register_ppm // PPM)
        lost = end_before[name] - start[name]
        if abs(lost) <= allowed or (grown < 0 and _is_wrap(lost, allowed)):
            continue
        interval = view.here.net.deltas[name]
        yield (
            grown < 0,
            ("suspect", {"measure": name, "interval_uwh": interval, "register_uwh": grown, "allowed_uwh": allowed}),
        )


def _is_wrap(lost_uwh: int, allowed_uwh: int) -> bool:
    # the register fell by a whole turn of a counter, and the interval says the energy that this leaves
    return any(abs(lost_uwh - turn * unit) <= allowed_uwh for turn in _WRAPS for unit in _UNITS_UWH)


def _capacity(view: View) -> Finding | None:
    net, policy, cap = view.here.net, view.policy, view.cap_uwh
    limit = cap * policy.capacity_ppm // PPM if net.uwh > 0 else policy.draw_uwh(cap)
    if abs(net.uwh) > limit:
        return "suspect", {"e_net_uwh": net.uwh, "limit_uwh": limit}
    if net.gen_uwh is not None and net.gen_uwh < 0:
        return "suspect", {"gen_uwh": net.gen_uwh, "limit_uwh": 0}
    return None


def _spike(view: View) -> Finding | None:
    """V10: far above both neighbours and above the third highest of the hours around, so that sun between clouds is no spike.

    Above the only neighbour that is known: held until the other comes.
    """
    here, policy = view.here.net.uwh, view.policy
    if policy.spike_ppm == 0:
        return None
    known = [abs(side.net.uwh) for side in (view.before, view.after) if side is not None]
    waits = (view.before is None and view.before_waits) or (view.after is None and view.after_waits)
    if here <= 0 or not known or (len(known) == 1 and not waits):
        return None
    base = max(known)
    if not _above(here, base, view):
        return None
    third = sorted(view.near(), reverse=True)[2:3]
    base = max([base, *third])
    if not _above(here, base, view):
        return None
    return "suspect", {"e_net_uwh": here, "base_uwh": base, "provisional": len(known) == 1}


def _above(here: int, base: int, view: View) -> bool:
    ppm, floor = view.policy.spike_ppm, view.policy.spike_floor_ppm
    return here * PPM > base * ppm and (here - base) * PPM > view.cap_uwh * floor


def _flat(view: View) -> Finding | None:
    """V11: the same value again and again; longer, or for ever, where that is how the plant works."""
    here, policy, cap = view.here.net.uwh, view.policy, view.cap_uwh
    if view.run < 2 or abs(here) * PPM <= cap * policy.flat_floor_ppm:
        return None
    clipped = abs(abs(here) - cap) * PPM <= cap * policy.clip_ppm
    needed = policy.flat_clipped_slots if clipped else policy.flat_slots
    return ("suspect", {"e_net_uwh": here, "slots": view.run, "max": needed - 1}) if 0 < needed <= view.run else None


def _check(view: View) -> Finding | None:
    """V14: the main meter against a check meter, measure by measure. The main one counts, until they differ for days."""
    policy, measures = view.policy, view.here.measures
    main = view.here.net.meter
    if policy.check_ppm == 0 or main is None or main not in measures or len(measures) == 1:
        return None
    for check, given in measures.items():
        if check == main or not check.startswith(CHECK):
            continue
        for name in ("exportWh", "importWh", "genWh"):
            said, checked = measures[main].get(name), given.get(name)
            if said is None or checked is None:
                continue
            allowed = max(policy.check_uwh, max(abs(said), abs(checked)) * policy.check_ppm // PPM)
            if abs(said - checked) > allowed:
                days = view.disputed_days + 1
                held = 0 < policy.check_days <= days
                inputs = {"measure": name, "main_uwh": said, "check_uwh": checked, "allowed_uwh": allowed, "days": days}
                return "suspect" if held else "warn", {"main": main, "check": check, **inputs}
    return None


def _balance(view: View) -> Finding | None:
    """V15: what one payload says twice must agree; a boundary and what stands behind it roughly, since loads may be unmetered."""
    net, policy = view.here.net, view.policy
    said = view.here.measures.get("main", {}).get("meterWh")
    if net.method == "boundary" and said is not None and said != net.uwh and len(view.here.measures) == 1:
        return "suspect", {"meter_uwh": said, "boundary_uwh": net.uwh}
    if net.node_uwh is not None and net.gen_uwh is not None:
        allowed = max(policy.balance_uwh, abs(net.gen_uwh) * policy.balance_ppm // PPM)
        if abs(net.uwh - net.node_uwh) > allowed:
            return "warn", {"boundary_uwh": net.uwh, "node_uwh": net.node_uwh, "allowed_uwh": allowed}
    return None


def _power(view: View) -> Finding | None:
    """V16: the supply failed within the slot. What was measured holds; no line is drawn from it."""
    for meter, mark in view.here.marks.items():
        if mark.fail_us:
            return "warn", {"meter": meter, "power_fail_us": mark.fail_us}
    return None


RULES = (
    Rule("V3", 1, "late", _late),
    Rule("V4", 2, "clock off or not set, sequence out of order", _clock),
    Rule("V6", 2, "nothing measured, or a measure or meter missing that was there", _missing),
    Rule("V7", 1, "register fell", _fell),
    Rule("V8", 1, "capacity and sign", _capacity),
    Rule("V9", 1, "register against interval", _register),
    Rule("V10", 1, "spike against neighbours", _spike),
    Rule("V11", 2, "flat line", _flat),
    Rule("V14", 1, "main against check meter", _check),
    Rule("V15", 1, "sum check", _balance),
    Rule("V16", 1, "power failure", _power),
)
