# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A sandbox that stands in for a remote signer: a process that speaks web3signer's documented eth1 protocol with keys of its own.

`python -m tests.integration.chain.signer_sandbox PORT KEY…`. It is written against the published OpenAPI text and shares no code
with our client. `POST /sandbox {"mode": …}` makes it misbehave: `slow`, `failing`, `denied`, `garbage`, `short`, `high_s`,
`other_key`, `other_message`; `honest` again.
"""

import asyncio
import sys

import uvicorn
from eth_account import Account
from eth_utils.crypto import keccak
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_SLOW_SECONDS = 30


class Sandbox:
    """The keys, how to behave, and how often a signature was asked for."""

    def __init__(self, keys: list[str]) -> None:
        self.accounts = {_public(key): Account.from_key(key) for key in keys}
        self.stranger = Account.from_key("0x" + "77" * 32)
        self.mode = "honest"
        self.asked = 0

    async def sign(self, request: Request) -> Response:
        """`POST /api/v1/eth1/sign/{identifier}`."""
        self.asked += 1
        account = self.accounts.get(request.path_params["identifier"].removeprefix("0x").lower())
        if account is None:
            return PlainTextResponse("Resource not found", status_code=404)
        try:
            data = bytes.fromhex((await request.json())["data"].removeprefix("0x"))
        except (KeyError, ValueError):
            return PlainTextResponse("Bad Request", status_code=400)
        if self.mode == "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        if self.mode in ("failing", "denied"):
            return PlainTextResponse("no", status_code=500 if self.mode == "failing" else 403)
        if self.mode == "garbage":
            return PlainTextResponse("<html>a proxy's page</html>")
        signer = self.stranger if self.mode == "other_key" else account
        made = signer.unsafe_sign_hash(keccak(data + b"!" if self.mode == "other_message" else data))
        s, v = (made.s, made.v) if self.mode != "high_s" else (_ORDER - made.s, 55 - made.v)
        text = f"0x{made.r:064x}{s:064x}{v:02x}"
        return PlainTextResponse(text[:-2] if self.mode == "short" else text)

    async def keys(self, _request: Request) -> Response:
        """`GET /api/v1/eth1/publicKeys`."""
        return JSONResponse(["0x" + key for key in self.accounts])

    async def behave(self, request: Request) -> Response:
        """The sandbox's own door."""
        self.mode = (await request.json())["mode"]
        return JSONResponse({"mode": self.mode, "asked": self.asked})


def _public(key: str) -> str:
    return str(Account.from_key(key)._key_obj.public_key.to_hex()).removeprefix("0x")


async def _up(_request: Request) -> Response:
    return PlainTextResponse("OK")


def main() -> None:
    """Serve until killed."""
    sandbox = Sandbox(sys.argv[2:])
    routes = [
        Route("/api/v1/eth1/sign/{identifier}", sandbox.sign, methods=["POST"]),
        Route("/api/v1/eth1/publicKeys", sandbox.keys),
        Route("/upcheck", _up),
        Route("/sandbox", sandbox.behave, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
