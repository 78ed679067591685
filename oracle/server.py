# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's HTTP door: for its peers, for whoever checks the leaves, and for its operator.

Errors are JSON `{"code", "detail", "extra"}` with the status of the error's kind.
"""

import hmac
import time
from collections.abc import Awaitable, Callable

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chain.rpc import bytes_of
from chain.signer import recover
from edge.protocol import encode
from kit import logs
from kit.errors import Forbidden, GreenCoreError, Malformed, NotFound, Refused, Unauthorised
from oracle import repository
from oracle.files import serve_file
from oracle.keccak import keccak
from oracle.node import Node, attempt_json
from oracle.peer import READINGS_MAX, peer_message
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal, SignRequest, decode_readings_request, encode_answer

log = logs.get(__name__)

_BODY_BYTES_MAX = 256 << 20
_ALIVE_SECONDS = 120

Handler = Callable[[Request], Awaitable[Response]]


def make_app(node: Node) -> Starlette:
    """The node's application."""
    doors = Doors(node)
    routes = [
        Route("/healthz", doors.healthz),
        Route("/status", _guarded(doors.status)),
        Route("/metrics", doors.metrics),
        Route("/leaves/{utility:int}/{slot:int}", _guarded(doors.leaves)),
        Route("/reports/{utility:int}", _guarded(doors.reports)),
        Route("/files/{hash}", _guarded(doors.file)),
        Route("/contents/{hash}", _guarded(doors.content)),
        Route("/signed/{utility:int}/{slot:int}", _guarded(doors.signed)),
        Route("/sign", _guarded(doors.sign), methods=["POST"]),
        Route("/readings", _guarded(doors.readings), methods=["POST"]),
        Route("/propose", _guarded(doors.propose), methods=["POST"]),
    ]
    return Starlette(routes=routes)


class Doors:
    """The handlers of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def healthz(self, _request: Request) -> Response:
        """200 while the node's loop goes round, 503 with the reason otherwise."""
        age = time.time() - self._node.last_loop_wall
        error = self._node.last_error
        alive = age < max(_ALIVE_SECONDS, 10 * self._node.settings.poll_seconds)
        body = {"status": "ok" if alive else "stalled", "lastError": error and error[0]}
        return JSONResponse(body, status_code=200 if alive else 503)

    async def status(self, _request: Request) -> Response:
        """Everything an operator wants to see."""
        return JSONResponse(await self._node.status())

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text."""
        async with self._node.database.transaction() as session:
            self._node.metrics.waiting.set(await repository.count_waiting(session))
            counts = await quorum_repository.count_disagreements(session)
            for utility in self._node.settings.utilities:
                applied = await repository.newest_report(session, utility)
                self._node.metrics.stations.labels(utility).set(0 if applied is None else applied.stations)
        for kind in ("proposal", "accepted"):
            self._node.metrics.disagreements.labels(kind).set(counts.get(kind, 0))
        self._node.metrics.disputed.set(counts.get("accepted", 0))
        return Response(self._node.metrics.render(), media_type="text/plain; version=0.0.4")

    async def leaves(self, request: Request) -> Response:
        """The published file of an accepted report."""
        utility, slot = request.path_params["utility"], request.path_params["slot"]
        async with self._node.database.transaction() as session:
            report = await repository.report_at(session, utility, slot)
        # a reorganisation may still replace a slot's report: the name is kept for a minute, the hash never changes its file
        database = self._node.database
        found = None if report is None else await serve_file(database, report.data_hash, request, max_age=60)
        if found is None:
            raise NotFound("oracle.no_report", f"there is no accepted report of utility {utility} for slot {slot} here")
        return found

    async def reports(self, request: Request) -> Response:
        """The slots and hashes of all accepted reports, oldest first."""
        async with self._node.database.transaction() as session:
            rows = await repository.reports(session, request.path_params["utility"])
        listed = [
            {
                "slot": row.slot,
                "contentHash": "0x" + row.content_hash.hex(),
                "dataHash": "0x" + row.data_hash.hex(),
                "increase": str(row.increase),
                "total": str(row.total),
                "stations": row.stations,
                "agreed": row.agreed,
            }
            for row in rows
        ]
        return JSONResponse({"reports": listed})

    async def file(self, request: Request) -> Response:
        """A file of leaves by its hash: of an accepted report, or of a content that this node signed."""
        found = await serve_file(self._node.database, _hash(request), request)
        if found is None:
            raise NotFound("oracle.no_file", "there is no such file here")
        return found

    async def content(self, request: Request) -> Response:
        """The proposal behind a content: with it anyone knows which readings were counted."""
        async with self._node.database.transaction() as session:
            body = await quorum_repository.load_proposal(session, _hash(request))
        if body is None:
            raise NotFound("oracle.no_content", "there is no such content here")
        return Response(body, media_type="application/json")

    async def signed(self, request: Request) -> Response:
        """What this node signed for a slot, with its signature."""
        utility, slot = request.path_params["utility"], request.path_params["slot"]
        async with self._node.database.transaction() as session:
            decision = await quorum_repository.decision(session, utility, slot)
            body = None if decision is None else await quorum_repository.load_proposal(session, decision.content_hash)
        if decision is None or body is None or not decision.signature:
            raise NotFound("oracle.nothing_signed", f"nothing is signed for utility {utility}, slot {slot} here")
        made = SignRequest(Proposal.from_json(body), decision.deadline, decision.epoch, (decision.signature,))
        return Response(made.to_json(), media_type="application/json")

    async def sign(self, request: Request) -> Response:
        """A peer asks for a signature."""
        made = SignRequest.from_json(await _body(request))
        return Response(encode_answer(await self._node.sign(made)), media_type="application/json")

    async def readings(self, request: Request) -> Response:
        """A peer asks for readings that it lacks. They are people's data: only nodes of the signer set get them."""
        body = await _body(request)
        await self._check_node(request, body)
        hashes = decode_readings_request(body)
        if len(hashes) > READINGS_MAX:
            raise Refused("oracle.too_many", f"at most {READINGS_MAX} readings at once")
        async with self._node.database.transaction() as session:
            found = await repository.signed_readings(session, hashes)
        return Response(encode(found), media_type="application/json")

    async def propose(self, request: Request) -> Response:
        """The operator wants a slot proposed now: `{"utility": 1, "slot": …}`, both optional."""
        token = self._node.settings.operator_token.get_secret_value()
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            raise Unauthorised("oracle.operator_only", "the operator's token is needed, and one must be configured")
        body = await _body(request)
        wanted = _decode_propose(body)
        attempt = await self._node.propose(wanted.utility, wanted.slot)
        return JSONResponse({"attempt": None if attempt is None else attempt_json(attempt)})

    async def _check_node(self, request: Request, body: bytes) -> None:
        try:
            seal = bytes_of(request.headers.get("x-greencore-node", ""))
        except ValueError as error:
            raise Malformed("oracle.bad_seal", "the header x-greencore-node is not hexadecimal") from error
        address = recover(keccak(peer_message(request.url.path, body)), seal)
        if not await self._node.is_node(address):
            raise Forbidden("oracle.not_a_node", f"0x{address.hex()} is not in the signer set")


class _ProposeWire(msgspec.Struct):
    utility: int = 1
    slot: int | None = None


def _decode_propose(body: bytes) -> _ProposeWire:
    try:
        return msgspec.json.decode(body or b"{}", type=_ProposeWire)
    except msgspec.DecodeError as error:
        raise Malformed("oracle.bad_request", str(error)) from error


def _hash(request: Request) -> bytes:
    try:
        made = bytes_of(request.path_params["hash"])
    except ValueError as error:
        raise Malformed("oracle.bad_request", "a hash has 0x and 64 hexadecimal digits") from error
    if len(made) != 32:
        raise Malformed("oracle.bad_request", "a hash has 0x and 64 hexadecimal digits")
    return made


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _BODY_BYTES_MAX:
            raise Refused("oracle.too_large", f"a request may have {_BODY_BYTES_MAX} bytes")
    return bytes(data)


def _guarded(handler: Handler) -> Handler:
    """Our errors as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except GreenCoreError as error:
            problem = {"code": error.code, "detail": str(error), "extra": dict(error.extra)}
            return Response(orjson.dumps(problem, default=str), status_code=error.status, media_type="application/json")

    return answer
