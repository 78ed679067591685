# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The graph: its roots, its limits and its place at /graphql. docs/schema.graphql is printed from here."""

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, ParserCache, QueryDepthLimiter, ValidationCache
from strawberry.fastapi import GraphQLRouter
from strawberry.http import GraphQLHTTPResponse
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionContext, ExecutionResult

from api.deps import ServicesDep
from api.graphql import ledger as shapes
from api.graphql import stations as station_shapes
from api.graphql.connections import FIRST_DEFAULT, After, Connection, First, checked_first, connection
from api.graphql.context import AppInfo, Context
from api.graphql.errors import presentable
from api.graphql.fields import field
from api.graphql.homes import Home, home_shown
from api.graphql.intervals import Interval, IntervalQuality, intervals_of
from api.graphql.ledger import Balance, Meta, Mint, Report
from api.graphql.limits import CostLimit
from api.graphql.scalars import SCALARS, Address
from api.graphql.stations import From, Station, To
from api.pages import graphql_page
from api.queries import ledger, stations
from api.settings import ApiSettings

TOKENS_MAX = 2_000
ALIASES_MAX = 30

UtilityCode = Annotated[int | None, strawberry.argument(description="1 is E")]


@strawberry.type
class Query:
    """The roots."""

    @field(name="_meta", description="null before the indexer's first batch")
    async def meta(self, info: AppInfo) -> Meta | None:
        """Where the indexer stands."""
        async with info.context.services.database.transaction() as session:
            cursor = await ledger.head(session)
        return None if cursor is None else shapes.meta_shown(cursor)

    @field(description="by their UUID")
    async def stations(
        self, info: AppInfo, first: First = FIRST_DEFAULT, after: After = None, owner: Address | None = None
    ) -> Connection[Station]:
        """Registered stations."""
        services = info.context.services
        size = checked_first(first, services.settings.page_max)
        async with services.database.transaction() as session:
            page = await stations.page(session, first=size, after=after, owner=owner)
        return connection(page, station_shapes.shown, after=after)

    @field(description="null if it is not registered")
    async def station(self, info: AppInfo, id: UUID) -> Station | None:  # noqa: A002  (the argument's public name)
        """One station."""
        found = await info.context.stations.load(id)
        return None if found is None else station_shapes.shown(found)

    @field(description="a station as an economic agent; null if it is not registered")
    async def home(self, info: AppInfo, id: UUID) -> Home | None:  # noqa: A002  (the argument's public name)
        """One home."""
        found = await info.context.stations.load(id)
        return None if found is None else home_shown(found)

    @field(description="in force, newest first")
    async def intervals(
        self,
        info: AppInfo,
        station: UUID,
        first: First = FIRST_DEFAULT,
        after: After = None,
        since: From = None,
        until: To = None,
        quality: IntervalQuality | None = None,
    ) -> Connection[Interval]:
        """A station's intervals."""
        return await intervals_of(info, station, first=first, after=after, since=since, until=until, quality=quality)

    @field(description="newest first")
    async def reports(
        self, info: AppInfo, first: First = FIRST_DEFAULT, after: After = None, utility: UtilityCode = None
    ) -> Connection[Report]:
        """Accepted reports."""
        services = info.context.services
        wanted = ledger.Wanted(checked_first(first, services.settings.page_max), after, utility)
        async with services.database.transaction() as session:
            page = await ledger.reports(session, wanted)
        return connection(page, shapes.report_shown, after=after)

    @field(description="newest first")
    async def mints(
        self,
        info: AppInfo,
        first: First = FIRST_DEFAULT,
        after: After = None,
        owner: Address | None = None,
        utility: UtilityCode = None,
    ) -> Connection[Mint]:
        """Mints of the grid, or of one owner."""
        services = info.context.services
        wanted = ledger.Wanted(checked_first(first, services.settings.page_max), after, utility)
        async with services.database.transaction() as session:
            page = await ledger.mints(session, wanted, owner=owner)
        return connection(page, shapes.mint_shown, after=after)

    @field(description="above zero, by token id")
    async def balances(
        self, info: AppInfo, owner: Address, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Balance]:
        """What an address holds."""
        size = checked_first(first, info.context.services.settings.page_max)
        page = await info.context.balances.load((owner, ledger.Wanted(size, after)))
        return connection(page, shapes.balance_shown, after=after)


class Graph(strawberry.federation.Schema):
    """The schema; its errors are told to the caller and logged by `presentable`, so not here."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing more."""


def make_schema(*, depth_max: int, cost_max: int) -> Graph:
    """The schema with its limits, a subgraph of Federation 2."""
    return Graph(
        query=Query,
        config=StrawberryConfig(scalar_map=SCALARS),
        federation_version="2.11",
        extensions=[
            partial(QueryDepthLimiter, max_depth=depth_max),
            partial(MaxAliasesLimiter, max_alias_count=ALIASES_MAX),
            partial(MaxTokensLimiter, max_token_count=TOKENS_MAX),
            partial(CostLimit, cost_max),
            partial(ParserCache, maxsize=200),
            partial(ValidationCache, maxsize=200),
        ],
    )


class _Router(GraphQLRouter[Context, None]):
    async def render_graphql_ide(self, request: Request) -> HTMLResponse:
        """Our own explorer; the usual ones load their code from strangers' servers."""
        return graphql_page()

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer, each of its errors with a code, the same as REST's, and without internals."""
        if result.errors:
            result.errors = [presentable(error) for error in result.errors]
        return await super().process_result(request, result)


async def _context(services: ServicesDep) -> Context:
    return Context(services)


def router(settings: ApiSettings) -> GraphQLRouter[Context, None]:
    """POST and GET /graphql, and the explorer for browsers."""
    schema = make_schema(depth_max=settings.graphql_depth_max, cost_max=settings.graphql_cost_max)
    return _Router(
        schema,
        path="/graphql",
        context_getter=_context,
        subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        include_in_schema=False,
    )
