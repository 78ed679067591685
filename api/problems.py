# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every error leaves as an RFC 9457 problem document with a stable code and the request's id, and never with internals."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from edge.protocol import ProtocolError
from kit import logs
from kit.errors import GreenCoreError, Refused, TooMany

log = logs.get(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

_CODES = {
    404: "request.not_found",
    405: "request.method",
    400: "request.malformed",
    401: "auth.needed",
    403: "auth.forbidden",
}


class TooLarge(Refused):
    """The request's body is longer than the server takes."""

    status = 413


class WrongType(Refused):
    """The request's body is of a type that this door does not read."""

    status = 415


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    detail: str,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document. `code` is `package.reason`; `extra` members stand beside the standard ones."""
    request_id = getattr(request.state, "request_id", "")
    body = {
        **(extra or {}),
        "type": f"urn:greencore:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "requestId": request_id,
    }
    sent = {"X-Request-Id": request_id, **(headers or {})} if request_id else dict(headers or {})
    return Response(orjson.dumps(body, default=str), status, headers=sent, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make the application answer every error this way."""
    app.add_exception_handler(GreenCoreError, _ours)
    app.add_exception_handler(ProtocolError, _protocol)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(InterfaceError, _database)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(OSError, _database)  # a connection that could not be made
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, GreenCoreError)
    headers = {"Retry-After": str(error.extra.get("retry_after", RETRY_SECONDS))} if error.status in (429, 503) else {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    extra = {name: value for name, value in error.extra.items() if name != "retry_after"}
    return problem(request, status=error.status, code=error.code, detail=str(error), extra=extra, headers=headers)


async def _protocol(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProtocolError)
    extra = {"field": error.field} if error.field else {}
    return problem(request, status=422, code=error.code, detail=str(error), extra=extra)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
    return problem(request, status=422, code="request.invalid", detail=detail, extra={"errors": errors})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, GreenCoreError):  # raised while the framework read the body, which hides it
        return await _ours(request, error.__cause__)
    code = _CODES.get(error.status_code, f"request.status_{error.status_code}")
    detail = {404: "there is nothing at this address; see /docs", 405: f"{request.method} is not done here"}.get(
        error.status_code, str(error.detail)
    )
    return problem(request, status=error.status_code, code=code, detail=detail, headers=error.headers)


async def _database(request: Request, error: Exception) -> Response:
    """A server that went away may be back soon; a statement it refused is our mistake."""
    if isinstance(error, DBAPIError) and not (isinstance(error, OperationalError | InterfaceError) or _gone(error)):
        return await _unexpected(request, error)
    log.warning("database.unavailable", error=repr(error))
    return problem(
        request,
        status=503,
        code="database.unavailable",
        detail="the database does not answer; nothing was stored, send it again",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _gone(error: DBAPIError) -> bool:
    return error.connection_invalidated


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request.failed", path=request.url.path, exc_info=error)
    return problem(
        request,
        status=500,
        code="server.error",
        detail="the server made a mistake; it is logged under the request id",
    )


def too_many(message: str, *, retry_after: int) -> TooMany:
    """A limit is reached; `retry_after` seconds stand in the header."""
    return TooMany("request.too_many", message, retry_after=retry_after)
