# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From bytes to a file that was understood: what kind it is, whether it was packed, whether it is text at all."""

import io
import re
import zipfile
import zlib
from pathlib import Path

from energy.files.model import FileFault, MeterFile
from energy.files.nem12 import read_nem12
from energy.files.table import read_table

BYTES_MAX = 128 * 2**20

_RECORD = re.compile(r"\s*\"?[1-9]00\"?\s*(,|$)", re.MULTILINE)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second one holds nothing


def read_path(path: Path, timezone: str | None = None, step: int | None = None) -> MeterFile:
    """Read a file; `timezone` and `step` are for CSV, as `read_table` takes them. Raises FileFault."""
    name = path.name
    try:
        data = path.read_bytes() if path.stat().st_size <= BYTES_MAX else None
    except OSError as error:
        raise FileFault(name, 0, 0, f"can't be read: {error.strerror or error}") from error
    if data is None:
        raise FileFault(name, 0, 0, f"larger than {BYTES_MAX // 2**20} MiB; cut it into parts")
    return read_bytes(data, name, timezone, step)


def read_bytes(data: bytes, name: str, timezone: str | None = None, step: int | None = None) -> MeterFile:
    """Read a file's bytes: NEM12 if it begins with a numbered record, else CSV; packed as ZIP or not. Raises FileFault."""
    text = _text(_unpacked(data, name) if data.startswith(_ZIP) else data, name)
    begin = text.lstrip()
    if not begin:
        raise FileFault(name, 0, 0, "the file is empty")
    if begin.startswith("<"):
        raise FileFault(
            name, 1, 0, "XML, such as Green Button, is not read; download the intervals as CSV from the same page"
        )
    return read_nem12(text, name) if _RECORD.match(text) else read_table(text, name, timezone, step)


def _unpacked(data: bytes, name: str) -> bytes:
    """The only file of a ZIP, as market operators send them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise FileFault(name, 0, 0, f"a ZIP with {len(members)} files; pack one, or import each by itself")
            if members[0].file_size > BYTES_MAX:
                raise FileFault(name, 0, 0, f"more than {BYTES_MAX // 2**20} MiB when unpacked; cut it into parts")
            with packed.open(members[0]) as file:
                content = file.read(BYTES_MAX + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, FileFault):
            raise
        raise FileFault(name, 0, 0, f"a ZIP that can't be unpacked ({error}); fetch it again") from error
    if len(content) > BYTES_MAX:
        raise FileFault(name, 0, 0, f"more than {BYTES_MAX // 2**20} MiB when unpacked; cut it into parts")
    return content


def _text(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileFault(name, line, 0, "not UTF-8 text; save the file as CSV with encoding UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise FileFault(name, line, 0, "holds a zero byte; this is not a text file, export it as CSV")
    return text
