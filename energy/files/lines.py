# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of separated values with the lines they stand in."""

import csv
import io
from collections.abc import Iterator

from energy.files.model import FileFault


def records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank, with its (last) line. Raises FileFault for what is no row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileFault(name, reader.line_num, 0, f"not a row of separated values: {error}") from error
        if any(cell.strip() for cell in fields):
            yield reader.line_num, fields
