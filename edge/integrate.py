# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The fallback for a device without a counter: power reads become energy, and every interval says so. Pure.

Between two reads power is taken to change evenly (trapezoid). A quarter hour is built only if no two reads in it or around
its ends lie further apart than `GAP_MAX_MS`: sampled every 10 s the error is a fraction of a per cent, sampled every
15 minutes it reaches a third (measured on one-minute data of a photovoltaic plant). Nothing survives a restart: the
quarter hour in which the agent was started is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.intervals import CLOCK_STEP_MS, SLOT_MS, Event, Slot

POLL_MAX_S = 10.0
GAP_MAX_MS = 20_000  # one read in a row may fail
_UW_MS_IN_UWH = 3_600_000


@dataclass(frozen=True, slots=True)
class Power:
    """One read: what is delivered (above 0) or drawn (below), µW; `raw` is the register."""

    at_ms: int
    raw: int
    micro_w: int


@dataclass(frozen=True, slots=True)
class PowerState:
    """The open quarter hour: energy out and in since its start, in half µW·ms, and the reads behind it."""

    last: Power | None = None
    slot: int = -1  # the slot that is whole so far; -1 if none is
    out: int = 0
    drawn: int = 0
    reads: tuple[Power, ...] = field(default=())


def take_power(
    state: PowerState, read: Power, name: str, limit_w: int | None, stepped_ms: int = 0
) -> tuple[PowerState, list[Slot], list[Event]]:
    """Take one read and give the slot it finished, if it did; deltas are named `export` and `import`, µWh.

    `limit_w` is the most that the station can deliver or draw; a read a quarter above it is dropped.
    """
    if limit_w is not None and abs(read.micro_w) * 4 > limit_w * 5_000_000:
        return state, [], [Event(read.at_ms, "spike", f"{name}: {read.micro_w // 1_000_000} W")]
    last = state.last
    if abs(stepped_ms) > CLOCK_STEP_MS:
        event = Event(read.at_ms, "clock_break", f"the clock was set by {stepped_ms / 1000:+.0f} s")
        return PowerState(last=read), [], [event]
    if last is None or read.at_ms - last.at_ms > GAP_MAX_MS or read.at_ms < last.at_ms - CLOCK_STEP_MS:
        return PowerState(last=read, slot=_begins(read), reads=(read,)), [], []
    if read.at_ms <= last.at_ms:
        return state, [], []
    boundary = (last.at_ms // SLOT_MS + 1) * SLOT_MS
    if read.at_ms < boundary:
        return _grown(state, last, read), [], []
    span = read.at_ms - last.at_ms
    between = last.micro_w + (read.micro_w - last.micro_w) * (boundary - last.at_ms) // span
    middle = Power(boundary, read.raw, between)
    closed = _grown(state, last, middle)
    reads = (*closed.reads[:-1], read)  # the boundary itself was not read
    slots = [] if state.slot < 0 else [_slot(replace(closed, reads=reads), name)]
    opened = PowerState(last=middle, slot=boundary // SLOT_MS, reads=(last,))
    return _grown(opened, middle, read), slots, []


def power_measures(deltas: Mapping[str, int]) -> dict[str, int]:
    """The protocol's fields of an integrated slot, µWh: no registers, since there is none."""
    out, drawn = deltas["export"], deltas["import"]
    return {"meterWh": out - drawn, "exportWh": out, "importWh": drawn}


def _begins(read: Power) -> int:
    """The slot that a first read begins: only one on the boundary begins a whole one."""
    return read.at_ms // SLOT_MS if read.at_ms % SLOT_MS == 0 else -1


def _grown(state: PowerState, earlier: Power, later: Power) -> PowerState:
    """The energy between two reads added: twice the area under a straight line, the parts above and below zero apart."""
    elapsed, first, second = later.at_ms - earlier.at_ms, earlier.micro_w, later.micro_w
    net = (first + second) * elapsed
    if first >= 0 and second >= 0:
        out = net
    elif first <= 0 and second <= 0:
        out = 0
    else:
        above = max(first, second)
        out = above * above * elapsed // abs(first - second)
    reads = (*state.reads, later) if state.slot >= 0 else state.reads
    return replace(state, last=later, out=state.out + out, drawn=state.drawn + out - net, reads=reads)


def _slot(state: PowerState, name: str) -> Slot:
    half = 2 * _UW_MS_IN_UWH
    return Slot(
        slot=state.slot,
        deltas={"export": state.out // half, "import": state.drawn // half},
        registers={},
        quality="integrated",
        profile=tuple((read.at_ms, name, read.raw) for read in state.reads),
    )
