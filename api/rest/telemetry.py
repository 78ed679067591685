# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where stations deliver. The body is read by `edge.protocol`, not by a second model of it; this file adds the HTTP."""

from collections import Counter
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.deps import ServicesDep
from api.problems import WrongType
from api.receipts import public_hex, receipts
from api.rest.wire import ENVELOPE_EXAMPLE, INTERVAL_EXAMPLE, RECEIPT_EXAMPLE, components
from edge.protocol import BATCH_MAX, EnvelopePayload, IntervalPayload, ProtocolError, Receipt, decode, key_id

router = APIRouter(prefix="/api/telemetry", tags=["telemetry"])

_SCHEMAS = components(IntervalPayload, EnvelopePayload, Receipt)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _SCHEMAS["IntervalPayload"],
                        _SCHEMAS["EnvelopePayload"],
                        {
                            "type": "array",
                            "items": {"oneOf": [_SCHEMAS["IntervalPayload"], _SCHEMAS["EnvelopePayload"]]},
                            "minItems": 1,
                            "maxItems": BATCH_MAX,
                        },
                    ]
                },
                "examples": {
                    "one": {"summary": "one interval", "value": INTERVAL_EXAMPLE},
                    "envelope": {"summary": "many under one signature", "value": ENVELOPE_EXAMPLE},
                    "many": {"summary": "several", "value": [INTERVAL_EXAMPLE]},
                },
            }
        },
    }
}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What became of each interval, signed after the commit: one receipt, or an array of one for each "
        "station if the intervals were of several. Only `accepted` and `duplicate` let a device forget.",
        "content": {
            "application/json": {
                "schema": {"oneOf": [_SCHEMAS["Receipt"], {"type": "array", "items": _SCHEMAS["Receipt"]}]},
                "example": RECEIPT_EXAMPLE,
            }
        },
    },
    413: {"description": "the body is too long"},
    415: {"description": "the body is not `application/json`"},
    422: {"description": "the body can't be read; `field` names the culprit. Nothing of it was stored."},
    429: {"description": "this station sends too fast; see `Retry-After`"},
    503: {"description": "nothing was stored; send it again"},
}


class ReceiptKey(BaseModel):
    """The Ed25519 public key, 64 hexadecimal digits, that signs receipts; `keyId` tells keys apart in logs."""

    algorithm: str = "Ed25519"
    publicKey: str
    keyId: str


@router.post("/intervals", openapi_extra=_BODY, responses=_ANSWER, response_class=Response)
async def deliver(request: Request, services: ServicesDep) -> Response:
    """Take a signed interval, an envelope, or an array of them (at most 1,000 intervals), and answer with signed receipts.

    An interval that is understood but not accepted does not fail the request: its line in the receipt says why. A body
    that can't be read is refused as a whole.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongType("telemetry.type", "send the intervals as application/json", received=kind or None)
    try:
        deliveries = decode(await request.body())
    except ProtocolError as error:
        services.metrics.malformed.labels("rest", error.code).inc()
        raise
    client = request.client.host if request.client else ""
    for station, count in Counter(delivery.interval.home_id for delivery in deliveries).items():
        services.telemetry_limit.take((client, station), count)
    async with services.database.transaction() as session:
        lines = await services.ingest.ingest(session, deliveries, "rest")
    for (status, code), count in Counter((line.status, line.code) for line in lines).items():
        services.metrics.intervals.labels("rest", status, code).inc(count)
    signed = receipts(deliveries, lines, at=services.clock.now(), key=services.receipt_key)
    content = msgspec.json.encode(signed[0] if len(signed) == 1 else signed)
    return Response(content, media_type="application/json")


@router.get("/receipt-key")
async def receipt_key(services: ServicesDep) -> ReceiptKey:
    """The public key by which a device, or anybody, checks a receipt."""
    public = public_hex(services.receipt_key)
    return ReceiptKey(publicKey=public, keyId=key_id(bytes.fromhex(public)))
