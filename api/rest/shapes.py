# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How answers write amounts, addresses and hashes, and what a page of a list is."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, PlainSerializer, WithJsonSchema

from api.cursors import Page
from kit.errors import Malformed
from kit.ids import address_bytes
from kit.units import Utility

Row = TypeVar("Row")
Item = TypeVar("Item")

SLOT_MAX = 2**32 - 1

Amount = Annotated[
    int,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+$", "description": "an integer"}),
]
Hash = Annotated[
    bytes, PlainSerializer(lambda raw: "0x" + raw.hex(), return_type=str), WithJsonSchema({"type": "string"})
]
Address = Annotated[
    bytes,
    PlainSerializer(lambda raw: "0x" + raw.hex(), return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{40}$"}),
]

First = Annotated[int, Query(ge=1, description="rows of the page; the server may give fewer")]
After = Annotated[str | None, Query(max_length=400, description="`next` of the page before")]
SlotQuery = Annotated[int | None, Query(ge=0, le=SLOT_MAX, description="unix time // 900")]
SlotPath = Annotated[int, Path(ge=0, le=SLOT_MAX, description="unix time // 900")]
UtilityQuery = Annotated[Utility, Query(description="utility code; 1 is E")]
UtilityPath = Annotated[Utility, Path(description="utility code; 1 is E")]


class Listed(BaseModel, Generic[Item]):
    """A page of a list. `next` is the cursor of the page after it, or null at the end."""

    items: list[Item]
    next: str | None


def listed(page: Page[Row], show: Callable[[Row], Item]) -> Listed[Item]:
    """A page of rows as it is shown."""
    return Listed(items=[show(row) for row in page.rows], next=page.next)


def address_of(text: str) -> bytes:
    """The bytes of an address in a request. Raises Malformed."""
    try:
        return address_bytes(text)
    except ValueError as error:
        raise Malformed("request.address", f"{text[:60]!r} is not 0x and 40 hexadecimal digits") from error
