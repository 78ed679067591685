# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the indexer tells the rest of the house, in the transaction that stores it. Energy is text of an integer in µWh.

| subject | told |
|---|---|
| `event.indexer.report_accepted` | the Oracle accepted a report |
| `event.indexer.minted` | the Treasury settled a stretch of a station's register |
| `event.indexer.reverted` | the chain changed: whatever was told of blocks from `from_block` on did not happen |
"""

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from indexer.projection import DecodedLog
from indexer.rules import Position
from kit import outbox
from kit.ids import station_uuid

REPORT_ACCEPTED = "event.indexer.report_accepted"
MINTED = "event.indexer.minted"
REVERTED = "event.indexer.reverted"

_SUBJECTS = {("Oracle", "ReportAccepted"): REPORT_ACCEPTED, ("Treasury", "Minted"): MINTED}


def announce(session: AsyncSession, logs: Iterable[DecodedLog]) -> None:
    """Publish the reports and mints among the logs."""
    for log in logs:
        subject = _SUBJECTS.get((log.contract, log.event))
        if subject is not None:
            outbox.publish(session, subject, payload(log))


def announce_revert(session: AsyncSession, kept: Position) -> None:
    """Publish that every block above `kept` is undone."""
    told = {"from_block": kept.number + 1, "kept_block": kept.number, "kept_hash": _hex(kept.hash)}
    outbox.publish(session, REVERTED, told)


def payload(log: DecodedLog) -> dict[str, object]:
    """A report or a mint as the event tells it. Raises KeyError for another log."""
    told = _report(log.args) if log.event == "ReportAccepted" else _minted(log.args)
    return told | {
        "block_number": log.block_number,
        "block_hash": _hex(log.block_hash),
        "block_time": log.block_time.isoformat(),
        "tx_hash": _hex(log.tx_hash),
        "log_index": log.log_index,
    }


def _report(args: Mapping[str, object]) -> dict[str, object]:
    return {
        "utility": args["utility"],
        "slot": args["slot"],
        "content_hash": _hex(args["content_hash"]),
        "prev": _hex(args["prev"]),
        "root": _hex(args["root"]),
        "increase_uwh": str(args["increase"]),
        "total_uwh": str(args["total"]),
        "stations": args["stations"],
        "data_hash": _hex(args["data_hash"]),
        "valid_from": args["valid_from"],
        "epoch": args["epoch"],
    }


def _minted(args: Mapping[str, object]) -> dict[str, object]:
    station = args["station"]
    assert isinstance(station, int)
    return {
        "utility": args["utility"],
        "station": str(station_uuid(station)),
        "owner": _hex(args["owner"]),
        "tenure": args["tenure"],
        "slot": args["slot"],
        "from_register_uwh": str(args["from_register"]),
        "to_register_uwh": str(args["to_register"]),
        "to_owner_uwh": str(args["to_owner"]),
        "reserve_uwh": str(args["reserve"]),
        "token_id": str(args["token_id"]),
        "mode": args["mode"],
    }


def _hex(value: object) -> str:
    assert isinstance(value, bytes)
    return "0x" + value.hex()
