# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Keyset cursors: the sort key of the last row seen, so that a page never shifts when rows arrive."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kit.errors import Malformed

Row = TypeVar("Row")

_PART_BITS = 256


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows in order, each with the cursor after it, and whether there are more."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    more: bool

    @property
    def next(self) -> str | None:
        """The cursor of the next page, or None at the end."""
        return self.cursors[-1] if self.more and self.cursors else None


def encode(*key: int) -> str:
    """A cursor for a sort key of integers."""
    return base64.urlsafe_b64encode(":".join(map(str, key)).encode()).decode().rstrip("=")


def decode(cursor: str, parts: int) -> tuple[int, ...]:
    """The sort key of a cursor. Raises Malformed `request.cursor` for anything that `encode` did not make for as many parts."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        key = tuple(int(part) for part in text.split(":"))
    except (binascii.Error, ValueError) as error:
        raise Malformed("request.cursor", "that is no cursor of ours; take one from an answer") from error
    if len(key) != parts or any(abs(number).bit_length() > _PART_BITS for number in key) or encode(*key) != cursor:
        raise Malformed("request.cursor", "that cursor belongs to another list; take one from an answer")
    return key


def page(rows: Sequence[Row], first: int, key: Callable[[Row], tuple[int, ...]]) -> Page[Row]:
    """Cut the row too many, which was fetched to learn whether there are more. `rows` holds at most `first + 1`."""
    kept = rows[:first]
    return Page(kept, [encode(*key(row)) for row in kept], len(rows) > first)
