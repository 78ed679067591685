# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The rules that look at one slot and its neighbours, as a table: id, version, check. Pure, integers, no clock.

A check answers None if all is well, or what it found. Rules V1, V2 and the hard limits of V0, V3, V8 are ingest's; V5 is the
settlement's, which sees the gaps. Numbers are those of docs/energy.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from energy.net.rules import NetEnergy, start_counters
from energy.policy import PPM, Policy, Result, Verdict

_WRAPS = frozenset(
    {2**31, 2**32, *(10**digits for digits in range(4, 13))}
)  # where counters begin again, in their own units
_UNITS_UWH = tuple(10**power for power in range(10))  # a counter's unit: from 1 µWh to 1 kWh


@dataclass(frozen=True, slots=True)
class Seen:
    """A slot as the rules see it. `marks` maps a meter to the device's own (quality, seq); `roles` to the roles it measured."""

    slot: int
    net: NetEnergy
    marks: Mapping[str, tuple[str | None, int | None]]
    roles: Mapping[str, Sequence[str]]
    meter_uwh: Mapping[str, int]
    late_slots: int


@dataclass(frozen=True, slots=True)
class View:
    """A slot among its neighbours.

    `run` is how many slots in a row, this one included, have exactly its energy. `near` is E_net of the other slots that are
    remembered. `before_waits` and `after_waits`: that neighbour
    is missing and may still come. `roles` are what each meter has measured so far.
    """

    here: Seen
    before: Seen | None
    after: Seen | None
    before_waits: bool
    after_waits: bool
    run: int
    near: Sequence[int]
    roles: Mapping[str, Sequence[str]]
    cap_uwh: int
    policy: Policy


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
    if view.before is None:
        return None
    for meter, (_, seq) in sorted(view.here.marks.items()):
        earlier = view.before.marks.get(meter, (None, None))[1]
        if seq is not None and earlier is not None and seq <= earlier:
            return "warn", {"meter": meter, "seq": seq, "seq_before": earlier}
    return None


def _missing(view: View) -> Finding | None:
    for meter, (quality, _) in sorted(view.here.marks.items()):
        if quality in ("missing", "integrated"):
            return "suspect", {"meter": meter, "device_quality": quality}
        absent = sorted(set(view.roles.get(meter, ())) - set(view.here.roles[meter]))
        if absent:
            return "suspect", {"meter": meter, "not_measured": absent}
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
    here = view.here.net.uwh
    known = [abs(side.net.uwh) for side in (view.before, view.after) if side is not None]
    waits = (view.before is None and view.before_waits) or (view.after is None and view.after_waits)
    if here <= 0 or not known or (len(known) == 1 and not waits):
        return None
    third = sorted(view.near, reverse=True)[2] if len(view.near) > 2 else 0
    base, policy = max(*known, third), view.policy
    if here * PPM <= base * policy.spike_ppm or (here - base) * PPM <= view.cap_uwh * policy.spike_floor_ppm:
        return None
    return "suspect", {"e_net_uwh": here, "base_uwh": base, "provisional": len(known) == 1}


def _flat(view: View) -> Finding | None:
    here, policy, cap = view.here.net.uwh, view.policy, view.cap_uwh
    if abs(here) * PPM <= cap * policy.flat_floor_ppm:
        return None
    clipped = abs(abs(here) - cap) * PPM <= cap * policy.clip_ppm
    needed = policy.flat_clipped_slots if clipped else policy.flat_slots
    return ("suspect", {"e_net_uwh": here, "slots": view.run, "max": needed - 1}) if view.run >= needed else None


def _balance(view: View) -> Finding | None:
    """V15: what one payload says twice must agree; a boundary and what stands behind it roughly, since loads may be unmetered."""
    net, policy = view.here.net, view.policy
    said = view.here.meter_uwh.get("main")
    if net.method == "boundary" and said is not None and said != net.uwh and len(view.here.meter_uwh) == 1:
        return "suspect", {"meter_uwh": said, "boundary_uwh": net.uwh}
    if net.node_uwh is not None and net.gen_uwh is not None:
        allowed = max(policy.balance_uwh, abs(net.gen_uwh) * policy.balance_ppm // PPM)
        if abs(net.uwh - net.node_uwh) > allowed:
            return "warn", {"boundary_uwh": net.uwh, "node_uwh": net.node_uwh, "allowed_uwh": allowed}
    return None


RULES = (
    Rule("V3", 1, "late", _late),
    Rule("V4", 1, "clock or counter of the device out of order", _clock),
    Rule("V6", 1, "nothing measured, or a measure missing that was there", _missing),
    Rule("V7", 1, "register fell", _fell),
    Rule("V8", 1, "capacity and sign", _capacity),
    Rule("V9", 1, "register against interval", _register),
    Rule("V10", 1, "spike against neighbours", _spike),
    Rule("V11", 1, "flat line", _flat),
    Rule("V15", 1, "sum check", _balance),
)
