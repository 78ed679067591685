# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Counting everything again: all accepted reports from the first on, by this node's own rules, against the accepted leaves.

The way to find out after a disagreement whether this node or the quorum was wrong, and to repair this node's registers once its
rules or policy are right again. Reports and readings are taken from the node's own database; the chain is not asked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak
from sqlalchemy.ext.asyncio import AsyncSession

from energy.settle.rules import Register
from energy.wire import interval_of
from kit.errors import NotFound
from oracle import repository
from oracle.bulk import StoredReading
from oracle.models import OracleReport
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal
from oracle.recount.rules import Outcome, TenureState, adopt, first_difference
from oracle.recount.service import Inputs, Recounter, Row
from oracle.rules import Leaf, order, parse_leaves

Registers = dict[tuple[int, int], Register]
"""(station, tenure) → register"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A report that this node counts otherwise: the first leaves that differ, as this node has it and as the chain has it."""

    slot: int
    mine: Leaf | None
    theirs: Leaf | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `changed` registers differ from the stored ones; `written` tells whether they were stored."""

    reports: int
    differences: tuple[Difference, ...]
    changed: int
    written: bool


async def replay(session: AsyncSession, recounter: Recounter, utility: int, *, write: bool) -> Replayed:
    """Count everything again in the caller's transaction; with `write`, the result replaces the stored registers.

    Stop the node before writing. Raises NotFound if a proposal, a file or a reading of an accepted report is not in this
    database.
    """
    registers: Registers = {}
    differences: list[Difference] = []
    reports = await repository.reports(session, utility)
    for report in reports:
        row, states = await _recount(session, recounter, report, registers)
        accepted = parse_leaves(await _file(session, report))
        outcomes = row.outcomes
        if row.data_hash != report.data_hash:
            mine, theirs = first_difference([o.leaf for o in row.outcomes], accepted) or (None, None)
            differences.append(Difference(report.slot, mine, theirs))
            outcomes = _adopted(outcomes, accepted)
        elif write:
            report.agreed = True
        known = {(state.station.int, state.tenure) for state in states}
        registers |= {order(o.leaf): o.register for o in outcomes if order(o.leaf) in known}
    stored = await repository.registers(session, utility)
    changed = {key: register for key, register in registers.items() if stored.get(key, Register()) != register}
    if write and reports:
        await repository.put_registers(session, utility, reports[-1].slot, changed)
    return Replayed(len(reports), tuple(differences), len(changed), write)


async def _recount(
    session: AsyncSession, recounter: Recounter, report: OracleReport, registers: Registers
) -> tuple[Row, Sequence[TenureState]]:
    body = await quorum_repository.load_proposal(session, report.content_hash)
    if body is None:
        raise NotFound("oracle.no_content", f"the proposal of slot {report.slot} is not in this database")
    proposal = Proposal.from_json(body)
    hashes = proposal.all_hashes()
    found = await repository.signed_readings(session, hashes)
    readings = await asyncio.to_thread(_readings, [one.body for one in found])
    missing = set(hashes) - {reading.hash for reading in readings}
    if missing:
        raise NotFound("oracle.no_reading", f"{len(missing)} readings of slot {report.slot} are not in this database")
    states = [
        replace(state, register=registers.get((state.station.int, state.tenure), Register()))
        for state in await repository.tenure_states(session, report.utility, report.slot)
    ]
    return await recounter.run(Inputs(states, readings, ()), report.utility, report.slot), states


def _readings(bodies: Sequence[bytes]) -> list[StoredReading]:
    made = [(interval_of(body), body) for body in bodies]
    stored = [StoredReading(i.home_id, i.slot, i.meter, keccak(body), body) for i, body in made]
    return sorted(stored, key=lambda reading: (reading.station, reading.slot, reading.meter))


async def _file(session: AsyncSession, report: OracleReport) -> bytes:
    data = await repository.load_leaves(session, report.data_hash)
    if data is None:
        raise NotFound("oracle.no_file", f"the leaves of slot {report.slot} are not in this database")
    return data


def _adopted(outcomes: Sequence[Outcome], accepted: Sequence[Leaf]) -> list[Outcome]:
    own = {order(outcome.leaf): outcome for outcome in outcomes}
    adopted = []
    for leaf in accepted:
        outcome = own.get(order(leaf))
        if outcome is not None:
            adopted.append(outcome if outcome.leaf == leaf else adopt(outcome, leaf))
    return adopted
