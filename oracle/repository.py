# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Queries of a node's state: readings that wait, registers with their way back, accepted reports, files of leaves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Uuid, any_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import SignedInterval
from energy.ingest.envelopes import load as load_envelopes
from energy.ingest.service import ORACLE
from energy.models import EnergyIncluded, EnergyPending, EnergyReading, EnergyStation, EnergyTenure
from energy.repository import parameters
from energy.settle.rules import Register
from energy.wire import signed_of
from kit.errors import NotFound, Refused
from kit.units import slot_end
from oracle import bulk
from oracle.accepted import AcceptedReport
from oracle.bulk import StoredReading
from oracle.models import (
    OracleLeaves,
    OracleProposal,
    OracleRegister,
    OracleReport,
    OracleUndo,
)
from oracle.recount.rules import Outcome, TenureState
from oracle.utilities import queue_of

_ROWS_PER_STATEMENT = 1_000
_MARK = UUID(int=0)


async def tenure_states(
    session: AsyncSession, utility: int, slot: int, stations: Sequence[UUID] | None = None
) -> list[TenureState]:
    """Every tenure that had begun when the slot ended, with its register; of some stations only if they are named."""
    query = (
        select(EnergyTenure, EnergyStation.kind, EnergyStation.k_safety_ppm, OracleRegister.register)
        .join(EnergyStation, EnergyStation.id == EnergyTenure.station)
        .outerjoin(
            OracleRegister,
            (OracleRegister.utility == utility)
            & (OracleRegister.station == EnergyTenure.station)
            & (OracleRegister.tenure == EnergyTenure.tenure),
        )
        .where(EnergyTenure.since < slot_end(slot))
    )
    if stations is not None:
        query = query.where(EnergyTenure.station == any_(literal(list(stations), ARRAY(Uuid))))
    rows = await session.execute(query)
    return [
        TenureState(
            station=tenure.station,
            tenure=tenure.tenure,
            owner=tenure.owner,
            since=int(tenure.since.timestamp()),
            until=None if tenure.until is None else int(tenure.until.timestamp()),
            parameters=parameters(tenure, kind, k_safety_ppm),
            register=Register() if register is None else Register.from_json(register),
        )
        for tenure, kind, k_safety_ppm, register in rows
    ]


async def known_hashes(session: AsyncSession, hashes: Sequence[bytes]) -> set[bytes]:
    """Which of some readings this database holds, counted or not."""
    return set(await session.scalars(select(EnergyReading.hash).where(EnergyReading.hash == any_(_bytes(hashes)))))


async def signed_readings(session: AsyncSession, hashes: Sequence[bytes]) -> list[SignedInterval]:
    """Readings with their proofs by their hashes; unknown ones are left out."""
    rows = (
        await session.execute(
            select(EnergyReading.body, EnergyReading.signature, EnergyReading.envelope).where(
                EnergyReading.hash == any_(_bytes(hashes))
            )
        )
    ).all()
    envelopes = await load_envelopes(session, sorted({envelope for _, _, envelope in rows if envelope is not None}))
    return [signed_of(body, signature, envelopes.get(envelope or b"")) for body, signature, envelope in rows]


async def newest_report(session: AsyncSession, utility: int) -> OracleReport | None:
    """The newest accepted report that this node applied."""
    found: OracleReport | None = await session.scalar(
        select(OracleReport).where(OracleReport.utility == utility).order_by(OracleReport.slot.desc()).limit(1)
    )
    return found


async def report_at(session: AsyncSession, utility: int, slot: int) -> OracleReport | None:
    """The accepted report of a slot, if this node applied one."""
    return await session.get(OracleReport, (utility, slot))


async def reports(session: AsyncSession, utility: int) -> list[OracleReport]:
    """Every applied report, oldest first."""
    rows = select(OracleReport).where(OracleReport.utility == utility).order_by(OracleReport.slot)
    return list(await session.scalars(rows))


async def store_leaves(session: AsyncSession, utility: int, slot: int, data_hash: bytes, data: bytes) -> None:
    """Keep a file of leaves that was checked against its hash; the same one again changes nothing."""
    row = {"data_hash": data_hash, "utility": utility, "slot": slot, "data": data}
    await session.execute(insert(OracleLeaves).values(row).on_conflict_do_nothing())


async def load_leaves(session: AsyncSession, data_hash: bytes) -> bytes | None:
    """A file of leaves by its hash."""
    row = await session.get(OracleLeaves, data_hash)
    return None if row is None else row.data


async def leaves_size(session: AsyncSession, data_hash: bytes) -> int | None:
    """How many bytes a file of leaves has; None if it is not here."""
    query = select(func.octet_length(OracleLeaves.data)).where(OracleLeaves.data_hash == data_hash)
    size: int | None = await session.scalar(query)
    return size


async def leaves_piece(session: AsyncSession, data_hash: bytes, start: int, length: int) -> bytes:
    """Some bytes of a file of leaves, without reading the rest. Raises NotFound if the file is gone."""
    piece = func.substring(OracleLeaves.data, start + 1, length)
    data: bytes | None = await session.scalar(select(piece).where(OracleLeaves.data_hash == data_hash))
    if data is None:
        raise NotFound("oracle.no_file", f"the file 0x{data_hash.hex()} is no longer here")
    return data


async def forget_drafts(session: AsyncSession, utility: int, keep_reports: int) -> None:
    """Delete files and proposals of slots that can't be reported any more: nothing accepted them, and the newest `keep_reports`
    reports, which a reorganisation may take back, are all of later slots. What was decided about them is kept for ever.
    """
    oldest = _oldest_kept(utility, keep_reports)
    for table, name, accepted in (
        (OracleLeaves, OracleLeaves.data_hash, OracleReport.data_hash),
        (OracleProposal, OracleProposal.content_hash, OracleReport.content_hash),
    ):
        known = select(OracleReport.slot).where(accepted == name).exists()
        await session.execute(delete(table).where(table.utility == utility, table.slot <= oldest, ~known))


def _oldest_kept(utility: int, keep_reports: int) -> Any:
    newest = select(OracleReport.slot).where(OracleReport.utility == utility).order_by(OracleReport.slot.desc())
    return newest.offset(keep_reports).limit(1).scalar_subquery()


async def apply_report(
    session: AsyncSession,
    report: AcceptedReport,
    outcomes: Sequence[Outcome],
    counted: Sequence[StoredReading],
    *,
    agreed: bool,
    at: datetime,
) -> None:
    """Take an accepted report over: registers with a way back, readings marked as counted, the report itself."""
    content = report.content
    # a mark of its own: a report that changed no register can be taken back too, one whose way back is forgotten can't
    mark = {"utility": content.utility, "report_slot": content.slot, "station": _MARK, "tenure": 0}
    await session.execute(insert(OracleUndo).values(mark))
    await bulk.write_registers(session, content, [o for o in outcomes if o.changed])
    await bulk.mark_counted(session, content, counted)
    session.add(
        OracleReport(
            utility=content.utility,
            slot=content.slot,
            content_hash=content.hash(),
            prev=content.prev,
            root=content.root,
            increase=content.increase,
            total=content.total,
            stations=content.stations,
            data_hash=content.data_hash,
            valid_from=content.valid_from,
            epoch=report.epoch,
            block_number=report.block_number,
            block_hash=report.block_hash,
            tx_hash=report.tx_hash,
            agreed=agreed,
            applied_at=at,
        )
    )
    await session.flush()


async def undo_report(session: AsyncSession, report: OracleReport) -> None:
    """Take the newest applied report back: the chain no longer has it. Raises Refused if the way back is forgotten."""
    utility, slot = report.utility, report.slot
    undone = (OracleUndo.utility == utility) & (OracleUndo.report_slot == slot)
    if await session.get(OracleUndo, (utility, slot, _MARK, 0)) is None:
        raise Refused(
            "oracle.deep_reorg", f"the chain left slot {slot}, whose way back is forgotten here; start a new database"
        )
    await bulk.restore_registers(session, utility, slot)
    await session.execute(delete(OracleUndo).where(undone))
    counted = (EnergyIncluded.utility == utility) & (EnergyIncluded.report_slot == slot)
    names = ("station", "slot", "meter", "hash")
    waiting = select(literal(queue_of(utility)), *(getattr(EnergyIncluded, name) for name in names)).where(counted)
    await session.execute(insert(EnergyPending).from_select(("queue", *names), waiting).on_conflict_do_nothing())
    await session.execute(delete(EnergyIncluded).where(counted))
    await session.delete(report)


async def undo_depth(session: AsyncSession, utility: int, keep_reports: int) -> None:
    """Forget the way back beyond the newest `keep_reports` reports."""
    oldest = _oldest_kept(utility, keep_reports)
    await session.execute(delete(OracleUndo).where(OracleUndo.utility == utility, OracleUndo.report_slot <= oldest))


async def count_waiting(session: AsyncSession) -> int:
    """How many readings no accepted report of E counts yet."""
    rows = select(func.count()).select_from(EnergyPending).where(EnergyPending.queue == ORACLE)
    return int(await session.scalar(rows) or 0)


async def registers(session: AsyncSession, utility: int) -> dict[tuple[int, int], Register]:
    """Every register by station and tenure."""
    rows = await register_texts(session, utility)
    return {(station.int, tenure): Register.from_json(text) for station, tenure, text in rows}


async def put_registers(
    session: AsyncSession, utility: int, slot: int, changed: Mapping[tuple[int, int], Register]
) -> None:
    """Replace registers without a way back: a repair, not a report."""
    rows = [
        {
            "utility": utility,
            "station": UUID(int=station),
            "tenure": tenure,
            "register": register.to_json(),
            "slot": slot,
        }
        for (station, tenure), register in changed.items()
    ]
    for some in _chunks(rows):
        await _upsert(session, some)


async def _upsert(session: AsyncSession, rows: Sequence[Any]) -> None:
    made = insert(OracleRegister).values(rows)
    await session.execute(
        made.on_conflict_do_update(
            index_elements=["utility", "station", "tenure"],
            set_={"register": made.excluded.register, "slot": made.excluded.slot},
        )
    )


async def register_texts(session: AsyncSession, utility: int) -> list[tuple[UUID, int, str]]:
    """Every register in order, for the hash by which nodes compare their hidden state."""
    rows = await session.execute(
        select(OracleRegister.station, OracleRegister.tenure, OracleRegister.register)
        .where(OracleRegister.utility == utility)
        .order_by(OracleRegister.station, OracleRegister.tenure)
    )
    return [(station, tenure, register) for station, tenure, register in rows]


def _bytes(values: Sequence[bytes]) -> Any:
    return literal(list(values), ARRAY(LargeBinary))


def _chunks(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[i : i + _ROWS_PER_STATEMENT] for i in range(0, len(rows), _ROWS_PER_STATEMENT))
