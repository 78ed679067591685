# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Relay connections over keyset pages, forwards."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry.relay import PageInfo

from api.cursors import Page
from kit.errors import Malformed

Node = TypeVar("Node")
Row = TypeVar("Row")

First = Annotated[int, strawberry.argument(description="how many, at most the server's page limit")]
After = Annotated[str | None, strawberry.argument(description="`endCursor` of the page before")]
FIRST_DEFAULT = 20


@strawberry.type(description="An object and its place in the list.")
class Edge(Generic[Node]):
    """One row with its cursor."""

    cursor: str
    node: Node


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    """A page."""

    edges: list[Edge[Node]]
    page_info: PageInfo


def connection(page: Page[Row], show: Callable[[Row], Node], *, after: str | None) -> Connection[Node]:
    """A page of rows as a Relay connection."""
    edges = [Edge(cursor=cursor, node=show(row)) for row, cursor in zip(page.rows, page.cursors, strict=True)]
    info = PageInfo(
        has_next_page=page.more,
        has_previous_page=after is not None,
        start_cursor=page.cursors[0] if page.cursors else None,
        end_cursor=page.cursors[-1] if page.cursors else None,
    )
    return Connection(edges=edges, page_info=info)


def checked_first(first: int, page_max: int) -> int:
    """The size of a page. Raises Malformed outside 1 to the limit: an answer that is silently shorter would mislead."""
    if not 1 <= first <= page_max:
        raise Malformed("request.first", f"first must be from 1 to {page_max}")
    return first
