# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Around every request: its id, the limit of its body, one line of access log, and its metrics."""

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import TooLarge, problem
from kit import logs

log = logs.get(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = {"/healthz", "/readyz", "/metrics"}


class Requests:
    """Pure ASGI, so that it costs little and sees streams. A caller's X-Request-Id is kept if it is harmless."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, body_bytes_max: int) -> None:
        self.app = app
        self.metrics = metrics
        self.body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, sent, started = 500, 0, time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                length = headers.get("content-length", "0")
                if length.isdigit() and int(length) > self.body_bytes_max:
                    refused = self._too_large()
                    response = problem(
                        Request(scope),
                        status=refused.status,
                        code=refused.code,
                        detail=str(refused),
                        extra=refused.extra,
                    )
                    await response(scope, receive, answer)
                else:
                    await self.app(scope, self._limited(receive), answer)
            finally:
                self._note(scope, status, sent, time.perf_counter() - started)

    def _limited(self, receive: Receive) -> Receive:
        """The same stream; raises TooLarge where it grows longer than it may, whatever its header said."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.body_bytes_max:
                raise self._too_large()
            return message

        return limited

    def _too_large(self) -> TooLarge:
        limit = self.body_bytes_max
        return TooLarge("request.too_large", f"a body may hold {limit} bytes; send less at once", bytes_max=limit)

    def _note(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self.metrics.requests.labels(scope["method"], route, str(status)).inc()
        self.metrics.request_seconds.labels(scope["method"], route).observe(seconds)
        write = log.debug if scope["path"] in _QUIET else log.info
        client = scope.get("client")
        write(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            bytes=sent,
            client=client[0] if client else "",
        )
