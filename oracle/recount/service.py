# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Recounting on a node's own data: load registers and named readings, run the rules, render the file."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from energy.policy import Policies
from energy.settle.rules import advance
from energy.utility.policy import book
from energy.utility.rules import advancer, signing_version
from energy.wire import interval_of
from kit.units import Utility
from oracle import bulk, repository
from oracle.bulk import StoredReading
from oracle.recount.quiet import no_collection
from oracle.recount.rules import Advancer, Outcome, TenureState, recount
from oracle.rows import LeafValues, WrittenRow, write_row
from oracle.rules import ZERO_HASH, readings_hash


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a recount works on: the tenures to count, the readings, and the hashes that are not waiting here.

    `still` has every tenure's place and registers, in order, where `states` has only those of stations with readings: a tenure
    without new readings stands as it stood (`oracle.recount.rules`), so nobody has to load what its rules remember.
    """

    states: Sequence[TenureState]
    readings: Sequence[StoredReading]
    missing: Sequence[bytes]
    still: Sequence[bulk.Still] = field(default=())

    @property
    def is_empty(self) -> bool:
        """True if there is no tenure at all."""
        return not self.states and not self.still


@dataclass(frozen=True, slots=True)
class Row:
    """A recounted row: the outcomes of the tenures that were counted, the file with its tree, and the list of readings."""

    outcomes: Sequence[Outcome]
    written: WrittenRow
    lists: Mapping[UUID, tuple[bytes, ...]]

    @property
    def data(self) -> bytes:
        """The file."""
        return self.written.data

    @property
    def data_hash(self) -> bytes:
        """The file's keccak-256."""
        return self.written.data_hash


class Recounter:
    """A recount by the policies of each slot. `advance` is the step of E's rules; another one is for tests of disagreement."""

    def __init__(
        self, policies: Policies, *, advance: Advancer = advance, took: Callable[[float], None] = lambda _: None
    ) -> None:
        """`took` hears how many seconds each recount took."""
        self._policies = policies
        self._took = took
        self._advance = advance

    def version(self, slot: int, utility: int = Utility.E) -> int:
        """The version of the policies that a utility's report of this slot is counted by."""
        return signing_version(utility, slot, self._policies.at(slot), book())

    async def load(
        self,
        session: AsyncSession,
        utility: int,
        slot: int,
        hashes: Sequence[bytes] | None = None,
        *,
        whole: bool = False,
    ) -> Inputs:
        """The inputs for a slot: the named readings, or every waiting one that a tenure holds.

        With `whole` every tenure is counted, those without readings too.
        """
        with no_collection():
            return await self._load(session, utility, slot, hashes, whole=whole)

    async def _load(
        self, session: AsyncSession, utility: int, slot: int, hashes: Sequence[bytes] | None, *, whole: bool
    ) -> Inputs:
        readings = await bulk.waiting_readings(session, utility, slot)
        missing: list[bytes] = []
        if hashes is not None:
            named = set(hashes)
            readings = [r for r in readings if r.hash in named]
            here = {r.hash for r in readings}
            missing = [h for h in hashes if h not in here]
        touched = None if whole else sorted({r.station for r in readings})
        still = [] if whole else await bulk.still(session, utility, slot)
        states = await repository.tenure_states(session, utility, slot, touched)
        if hashes is None:
            held = _by_station(states)
            readings = [r for r in readings if any(t.holds(r.slot) for t in held.get(r.station, ()))]
        return Inputs(states, readings, missing, still)

    async def run(self, inputs: Inputs, utility: int, slot: int) -> Row:
        """Recount in a thread, so that the server goes on answering. Raises ValueError and NoTenure as the rules do."""
        begun = time.perf_counter()
        with no_collection():
            row = await asyncio.to_thread(self._run, inputs, utility, slot)
        self._took(time.perf_counter() - begun)
        return row

    def _run(self, inputs: Inputs, utility: int, slot: int) -> Row:
        intervals = {
            station: [interval_of(r.body) for r in readings] for station, readings in _readings_of(inputs.readings)
        }
        advance = self._advance if utility == Utility.E else advancer(utility, slot, book())
        outcomes = recount(
            inputs.states, intervals, utility=utility, slot=slot, policy=self._policies.at(slot), advance=advance
        )
        lists = {station: tuple(r.hash for r in readings) for station, readings in _readings_of(inputs.readings)}
        values = _merged(outcomes, inputs.still) if inputs.still else (_values(outcome) for outcome in outcomes)
        named = readings_hash(lists, self.version(slot, utility))
        return Row(outcomes, write_row(values, utility=utility, slot=slot, readings=named), lists)


def _values(outcome: Outcome) -> LeafValues:
    leaf = outcome.leaf
    return LeafValues(
        leaf.station.to_bytes(16, "big"),
        leaf.tenure,
        leaf.owner,
        leaf.energy,
        leaf.measured,
        leaf.mintable,
        leaf.quality,
        leaf.profile_hash,
    )


def _merged(outcomes: Sequence[Outcome], still: Sequence[bulk.Still]) -> Iterator[LeafValues]:
    """Every tenure in order: as it was counted, or else as it stood."""
    counted = {(UUID(int=o.leaf.station), o.leaf.tenure): _values(o) for o in outcomes}
    for station, tenure, owner, measured, mintable in still:
        values = counted.pop((station, tenure), None)
        yield values or LeafValues(station.bytes, tenure, owner, 0, int(measured), int(mintable), 0, ZERO_HASH)
    if counted:
        raise ValueError(f"{len(counted)} tenures are counted that the registry did not have a moment ago")


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
