# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From readings to leaves: the row of a report as a pure function of registers, named readings and a policy.

Every node runs it over its own copies of the readings that a proposal names; equal inputs give equal bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from uuid import UUID

from edge.protocol import Interval
from energy.settle.rules import Advance, Policy, Register, StationParameters, advance
from kit.units import SLOT_SECONDS
from oracle.rules import ZERO_HASH, Leaf, order

Advancer = Callable[..., Advance]


class NoTenure(ValueError):
    """A reading of a slot in which nobody held the station."""

    def __init__(self, station: UUID, slot: int) -> None:
        super().__init__(f"no tenure of station {station} holds slot {slot}")
        self.station = station
        self.slot = slot


@dataclass(frozen=True, slots=True)
class TenureState:
    """One ownership of a station and its register after the last accepted report. Instants are unix seconds, `until` excluded."""

    station: UUID
    tenure: int
    owner: bytes
    since: int
    until: int | None
    parameters: StationParameters
    register: Register

    def holds(self, slot: int) -> bool:
        """True if the slot's first instant lies in this tenure: the slot in which a station changes hands is the old owner's."""
        start = slot * SLOT_SECONDS
        return self.since <= start and (self.until is None or start < self.until)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One leaf and the register behind it. `changed` tells whether the register differs from the one before."""

    leaf: Leaf
    register: Register
    changed: bool


def recount(
    states: Sequence[TenureState],
    readings: Mapping[UUID, Sequence[Interval]],
    *,
    utility: int,
    slot: int,
    policy: Policy,
    advance: Advancer = advance,
) -> list[Outcome]:
    """The row of a report of `slot`: one outcome for every tenure in `states`, in the row's order.

    A tenure without new readings stands as it stood: the rules are not asked, so it need not be in `states` at all.

    A closed tenure stays in the row for ever, because the running total is the sum over all leaves. Raises NoTenure for a
    reading that no tenure holds, ValueError for one of a later slot.
    """
    by_tenure = _assign(states, readings)
    outcomes = [
        _step(state, by_tenure.get((state.station, state.tenure), []), utility, slot, policy, advance)
        for state in states
    ]
    return sorted(outcomes, key=lambda outcome: order(outcome.leaf))


def adopt(outcome: Outcome, accepted: Leaf) -> Outcome:
    """What a node goes on with after the chain accepted another leaf than its own: the chain's high-water marks.

    The running sums are kept where they can be, and never stand above the accepted marks: what the quorum did not see is not
    minted by this node later on.
    """
    register = outcome.register
    adopted = replace(
        register,
        net=min(register.net, accepted.mintable),
        net_measured=min(register.net_measured, accepted.measured),
        mintable=accepted.mintable,
        measured=accepted.measured,
    )
    return Outcome(accepted, adopted, changed=True)


def first_difference(mine: Sequence[Leaf], theirs: Sequence[Leaf]) -> tuple[Leaf | None, Leaf | None] | None:
    """The first place at which two rows differ, as (mine, theirs); None if they are equal. One side is None where it ended,
    or where it lacks the tenure that the other has.
    """
    for own, other in zip_longest(mine, theirs):
        if own == other:
            continue
        if own is not None and other is not None and order(own) != order(other):
            return (own, None) if order(own) < order(other) else (None, other)
        return own, other
    return None


def _assign(
    states: Sequence[TenureState], readings: Mapping[UUID, Sequence[Interval]]
) -> dict[tuple[UUID, int], list[Interval]]:
    tenures: dict[UUID, list[TenureState]] = {}
    for state in states:
        tenures.setdefault(state.station, []).append(state)
    assigned: dict[tuple[UUID, int], list[Interval]] = {}
    for station, intervals in readings.items():
        for interval in intervals:
            holder = next((t for t in tenures.get(station, ()) if t.holds(interval.slot)), None)
            if holder is None:
                raise NoTenure(station, interval.slot)
            assigned.setdefault((station, holder.tenure), []).append(interval)
    return assigned


def _step(
    state: TenureState, readings: Sequence[Interval], utility: int, slot: int, policy: Policy, advance: Advancer
) -> Outcome:
    if not readings:
        return Outcome(_leaf(state, utility, slot, state.register, 0, 0, ZERO_HASH), state.register, changed=False)
    step = advance(state.register, readings, slot=slot, parameters=state.parameters, policy=policy)
    before, after = state.register, step.register
    if after.mintable < before.mintable or after.measured < before.measured:
        raise ValueError(f"the rules let a high-water mark of {state.station} fall")
    leaf = _leaf(state, utility, slot, after, step.energy, step.quality, step.profile_hash)
    return Outcome(leaf, after, changed=after != before)


def _leaf(
    state: TenureState, utility: int, slot: int, register: Register, energy: int, quality: int, profile_hash: bytes
) -> Leaf:
    return Leaf(
        utility=utility,
        station=state.station.int,
        tenure=state.tenure,
        owner=state.owner,
        slot=slot,
        energy=energy,
        measured=register.measured,
        mintable=register.mintable,
        quality=quality,
        profile_hash=profile_hash,
    )
