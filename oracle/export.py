# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Publishing: the leaves of accepted reports as files in a folder, with an index that says what each must hash to."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from kit.database import Database
from kit.errors import Conflict
from oracle import repository
from oracle.files import PIECE_BYTES
from oracle.keccak import Hasher
from oracle.models import OracleReport
from oracle.verify.source import file_name


@dataclass(frozen=True, slots=True)
class Exported:
    """How many files were written, and how many were there."""

    written: int
    present: int


async def export_leaves(database: Database, folder: Path, utility: int) -> Exported:
    """Write the file of every accepted report that is not in the folder yet, and the index `reports-<utility>.json`.

    A file appears under its name when it is whole, on disk and has its report's hash. Raises Conflict if what is stored has another
    hash, NotFound if a report's file is gone, OSError if the folder can't be written.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with database.transaction() as session:
        reports = await repository.reports(session, utility)
        sizes = {report.slot: await repository.leaves_size(session, report.data_hash) for report in reports}
    index = _indexed(folder / _index_name(utility))
    written = 0
    for report in reports:
        path = folder / file_name(utility, report.slot)
        # the index names only what was written whole; a report that a reorganisation replaced is written anew
        known = index.get(report.slot) == report.data_hash.hex()
        if not (known and await asyncio.to_thread(_size, path) == sizes[report.slot]):
            await _write(database, path, report)
            written += 1
    await asyncio.to_thread(
        _replace, folder / _index_name(utility), orjson.dumps([_entry(report) for report in reports])
    )
    return Exported(written, len(reports) - written)


async def _write(database: Database, path: Path, report: OracleReport) -> None:
    hasher, part, start = Hasher(), path.with_suffix(".part"), 0
    with await asyncio.to_thread(part.open, "wb") as file:
        while True:
            async with database.transaction() as session:
                piece = await repository.leaves_piece(session, report.data_hash, start, PIECE_BYTES)
            if not piece:
                break
            hasher.update(piece)
            await asyncio.to_thread(file.write, piece)
            start += len(piece)
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    if hasher.digest() != report.data_hash:
        raise Conflict("oracle.wrong_file", f"the stored leaves of slot {report.slot} are not those of the report")
    await asyncio.to_thread(part.replace, path)


def _entry(report: OracleReport) -> dict[str, object]:
    return {
        "slot": report.slot,
        "file": file_name(report.utility, report.slot),
        "dataHash": report.data_hash.hex(),
        "root": report.root.hex(),
        "contentHash": report.content_hash.hex(),
        "stations": report.stations,
        "totalUwh": str(report.total),
    }


def _index_name(utility: int) -> str:
    return f"reports-{utility}.json"


def _indexed(path: Path) -> dict[int, str]:
    try:
        return {int(entry["slot"]): str(entry["dataHash"]) for entry in orjson.loads(path.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # everything is written again


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _replace(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
