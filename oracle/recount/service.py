# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Recounting on a node's own data: load registers and named readings, run the rules, render the file."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from eth_hash.auto import keccak
from sqlalchemy.ext.asyncio import AsyncSession

from energy.settle.rules import Policy, advance
from energy.wire import interval_of
from oracle import repository
from oracle.recount.rules import Advancer, Outcome, TenureState, recount
from oracle.repository import StoredReading
from oracle.rules import Leaf, readings_hash, render_leaves


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a recount works on: every tenure, the readings to count, and the hashes that are not waiting here."""

    states: Sequence[TenureState]
    readings: Sequence[StoredReading]
    missing: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """A recounted row: its outcomes, the file, its hash, and the list of readings as it was counted."""

    outcomes: Sequence[Outcome]
    data: bytes
    data_hash: bytes
    lists: Mapping[UUID, tuple[bytes, ...]]

    @property
    def leaves(self) -> list[Leaf]:
        """The leaves in order."""
        return [outcome.leaf for outcome in self.outcomes]


class Recounter:
    """One policy's recount. `advance` is the rules' step; another one is for tests of disagreement."""

    def __init__(self, policy: Policy, *, advance: Advancer = advance) -> None:
        self.policy = policy
        self._advance = advance

    async def load(
        self, session: AsyncSession, utility: int, slot: int, hashes: Sequence[bytes] | None = None
    ) -> Inputs:
        """The inputs for a slot: the named readings, or every waiting one that a tenure holds."""
        states = await repository.tenure_states(session, utility, slot)
        waiting = await repository.waiting_readings(session, slot)
        if hashes is None:
            held = _by_station(states)
            readings = [r for r in waiting if any(t.holds(r.slot) for t in held.get(r.station, ()))]
            return Inputs(states, readings, [])
        named = set(hashes)
        readings = [r for r in waiting if r.hash in named]
        here = {r.hash for r in readings}
        return Inputs(states, readings, [h for h in hashes if h not in here])

    async def run(self, inputs: Inputs, utility: int, slot: int) -> Row:
        """Recount in a thread, so that the server goes on answering. Raises ValueError and NoTenure as the rules do."""
        return await asyncio.to_thread(self._run, inputs, utility, slot)

    def _run(self, inputs: Inputs, utility: int, slot: int) -> Row:
        intervals = {
            station: [interval_of(r.body) for r in readings] for station, readings in _readings_of(inputs.readings)
        }
        outcomes = recount(
            inputs.states, intervals, utility=utility, slot=slot, policy=self.policy, advance=self._advance
        )
        lists = {station: tuple(r.hash for r in readings) for station, readings in _readings_of(inputs.readings)}
        data = render_leaves([outcome.leaf for outcome in outcomes], readings_hash(lists, self.policy.version))
        return Row(outcomes, data, keccak(data), lists)


def _by_station(states: Sequence[TenureState]) -> dict[UUID, list[TenureState]]:
    held: dict[UUID, list[TenureState]] = {}
    for state in states:
        held.setdefault(state.station, []).append(state)
    return held


def _readings_of(readings: Sequence[StoredReading]) -> list[tuple[UUID, list[StoredReading]]]:
    grouped: dict[UUID, list[StoredReading]] = {}
    for reading in readings:
        grouped.setdefault(reading.station, []).append(reading)
    return sorted(grouped.items())
