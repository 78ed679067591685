# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Which event fills which table. A new event with a table of its own is a model, a migration and a line here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from indexer import models
from indexer.projection import DecodedLog
from kit.ids import station_uuid

Row = tuple[Any, ...]

_COMMON = 4  # block_number, log_index, block_time, tx_hash


@dataclass(frozen=True, slots=True)
class EventTable:
    """A table, its columns in the order of its rows, and how a log becomes rows."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[DecodedLog], Iterable[Row]]


def _head(log: DecodedLog) -> Row:
    return log.block_number, log.log_index, log.block_time, log.tx_hash


def _columns(model: type[models.EventRow]) -> tuple[str, ...]:
    return tuple(column.name for column in model.__table__.columns)


def _table(model: type[models.EventRow], **arguments: str) -> EventTable:
    """A table whose columns are called like the event's arguments, but for those named here."""
    columns = _columns(model)
    names = [arguments.get(column, column) for column in columns[_COMMON:]]

    def rows(log: DecodedLog) -> Iterable[Row]:
        args = log.args
        return ((*_head(log), *(station_uuid(args[n]) if n == "station" else args[n] for n in names)),)

    return EventTable(model.__tablename__, columns, rows)


def _single(log: DecodedLog) -> Iterable[Row]:
    args = log.args
    return ((*_head(log), 0, args["_operator"], args["_from"], args["_to"], args["_id"], args["_value"]),)


def _batch(log: DecodedLog) -> Iterable[Row]:
    args = log.args
    sides = (args["_operator"], args["_from"], args["_to"])
    items = zip(args["_ids"], args["_values"], strict=True)
    return [(*_head(log), item, *sides, *pair) for item, pair in enumerate(items)]


def _pause(log: DecodedLog) -> Iterable[Row]:
    return ((*_head(log), log.contract, log.args["paused"]),)


def _other(log: DecodedLog) -> Iterable[Row]:
    return ((*_head(log), log.contract, log.event, orjson.dumps(_plain(log.args)).decode()),)


def _plain(value: Any) -> Any:
    """Arguments as JSON that loses nothing: numbers as text, bytes in hexadecimal."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value]


def _transfers(rows: Callable[[DecodedLog], Iterable[Row]]) -> EventTable:
    return EventTable(models.TransferRow.__tablename__, _columns(models.TransferRow), rows)


_PAUSES = EventTable(models.PauseRow.__tablename__, _columns(models.PauseRow), _pause)

TABLES: Mapping[tuple[str, str], EventTable] = {
    ("Oracle", "ReportAccepted"): _table(models.ReportRow),
    ("Oracle", "SignerSetRotated"): _table(models.SignerSetRow),
    ("Treasury", "Minted"): _table(models.MintedRow),
    ("EnergyToken", "TransferSingle"): _transfers(_single),
    ("EnergyToken", "TransferBatch"): _transfers(_batch),
    ("Registry", "UserRegistered"): _table(models.UserRow, account="user"),
    ("Registry", "StationRegistered"): _table(models.StationRow),
    ("Registry", "StationRated"): _table(models.StationRatedRow, old_w="old", new_w="new"),
    ("Registry", "StationOffered"): _table(models.StationOfferedRow),
    ("Registry", "StationTransferred"): _table(models.TenureRow),
    ("Registry", "MeterRegistered"): _table(models.MeterRow),
    ("Registry", "MeterRetired"): _table(models.MeterRetiredRow),
    ("Oracle", "PauseChanged"): _PAUSES,
    ("Treasury", "PauseChanged"): _PAUSES,
    ("EnergyToken", "PauseChanged"): _PAUSES,
}

OTHER = EventTable(models.OtherRow.__tablename__, _columns(models.OtherRow), _other)

EVENT_TABLES: tuple[str, ...] = tuple(dict.fromkeys(table.name for table in (*TABLES.values(), OTHER)))
"""Every table that holds events, once."""


def rows_of(logs: Iterable[DecodedLog]) -> dict[str, tuple[EventTable, list[Row]]]:
    """The rows of a batch by table."""
    filled: dict[str, tuple[EventTable, list[Row]]] = {}
    for log in logs:
        table = TABLES.get((log.contract, log.event), OTHER)
        if table.name not in filled:
            filled[table.name] = (table, [])
        filled[table.name][1].extend(table.rows(log))
    return filled
