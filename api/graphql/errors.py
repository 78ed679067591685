# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Errors in answers: ours with their code, mistakes of the query as they are, everything else without internals."""

from typing import Any

from graphql import GraphQLError
from sqlalchemy.exc import InterfaceError, OperationalError

from kit import logs
from kit.errors import GreenCoreError

log = logs.get(__name__)


def presentable(error: GraphQLError) -> GraphQLError:
    """The error as a stranger may read it."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, GreenCoreError):
        return _made(error, str(cause), {**cause.extra, "code": cause.code})
    if cause is None or isinstance(cause, GraphQLError):
        return _made(error, error.message, {"code": "graphql.invalid"})
    if isinstance(cause, OperationalError | InterfaceError | OSError):
        log.warning("database.unavailable", error=repr(cause))
        return _made(error, "the database does not answer; ask again", {"code": "database.unavailable"})
    log.error("graphql.failed", path=error.path, exc_info=cause)
    return _made(error, "the server made a mistake; it is logged under the request id", {"code": "server.error"})


def _made(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
