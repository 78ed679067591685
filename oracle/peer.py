# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Talking to other nodes: asking for signatures, for what they signed, for readings and files that this node lacks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import httpx
import orjson
from eth_hash.auto import keccak

from chain.rpc import without_secrets
from chain.signer import Signer
from edge.protocol import ProtocolError, SignedInterval, decode
from kit import logs
from kit.errors import GreenCoreError, Malformed, NotFound, Unavailable
from oracle.quorum.messages import Proposal, SignRequest, decode_answer, encode_readings_request
from oracle.rules import Content

log = logs.get(__name__)

READINGS_MAX = 500
_BODY_BYTES_MAX = 1 << 30


Keep = Callable[[list[SignedInterval]], Awaitable[set[bytes]]]


class PeerRefused(GreenCoreError):
    """A peer answered no. `code` is the peer's; `extra` what it told with it."""

    status = 409


class Peer:
    """One other node."""

    def __init__(self, url: str, *, timeout_seconds: float, signer: Signer) -> None:
        self.url = url.rstrip("/")
        self.name = without_secrets(url)
        self._signer = signer
        # a peer is reached directly: a proxy from the environment is for the outside world
        self._http = httpx.AsyncClient(timeout=timeout_seconds, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def sign(self, request: SignRequest) -> bytes:
        """The peer's signature over a proposal. Raises PeerRefused with the peer's reason, Unavailable, Malformed."""
        return decode_answer(await self._ask("POST", "/sign", request.to_json()))

    async def signed(self, utility: int, slot: int) -> SignRequest | None:
        """What the peer has signed for a slot, with its signature; None if nothing."""
        try:
            return SignRequest.from_json(await self._ask("GET", f"/signed/{utility}/{slot}"))
        except NotFound:
            return None

    async def proposal(self, content_hash: bytes) -> Proposal | None:
        """The proposal behind a content; None if the peer has none."""
        try:
            return Proposal.from_json(await self._ask("GET", f"/contents/0x{content_hash.hex()}"))
        except NotFound:
            return None

    async def leaves(self, data_hash: bytes) -> bytes | None:
        """The file of leaves with a hash; None if the peer has none, or something else under that name."""
        try:
            data = await self._ask("GET", f"/files/0x{data_hash.hex()}")
        except NotFound:
            return None
        return data if keccak(data) == data_hash else None

    async def readings(self, hashes: Sequence[bytes]) -> list[SignedInterval]:
        """Signed readings by hash; those that the peer has. The caller checks the devices' signatures, as for any delivery."""
        found: list[SignedInterval] = []
        for first in range(0, len(hashes), READINGS_MAX):
            body = encode_readings_request(hashes[first : first + READINGS_MAX])
            seal = await self._signer.sign(peer_message("/readings", body))
            data = await self._ask("POST", "/readings", body, {"x-greencore-node": "0x" + seal.hex()})
            if data.strip() == b"[]":
                continue
            try:
                found += decode(data)
            except ProtocolError as error:
                raise Malformed(
                    "oracle.bad_answer", f"{self.name} sent readings that can't be read: {error}"
                ) from error
        return found

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        try:
            answer = await self._http.request(method, self.url + path, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable(
                "oracle.peer_unavailable", f"{self.name} does not answer: {type(error).__name__}"
            ) from error
        if answer.status_code == 200:
            return answer.content
        try:
            problem = orjson.loads(answer.content)
            code, detail, extra = str(problem["code"]), str(problem["detail"]), dict(problem.get("extra") or {})
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable("oracle.peer_unavailable", f"{self.name} answers HTTP {answer.status_code}") from error
        if answer.status_code == 404:
            raise NotFound(code, detail)
        refused = PeerRefused(code, f"{self.name}: {detail}")
        refused.extra = extra
        raise refused


class Peers:
    """All other nodes."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float, signer: Signer) -> None:
        self.all = [Peer(url, timeout_seconds=timeout_seconds, signer=signer) for url in urls]

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(peer.close() for peer in self.all))

    async def signed(self, utility: int, slot: int) -> list[SignRequest]:
        """What each peer that answers has signed for a slot."""
        answers = await asyncio.gather(*(peer.signed(utility, slot) for peer in self.all), return_exceptions=True)
        found = []
        for peer, answer in zip(self.all, answers, strict=True):
            if isinstance(answer, SignRequest):
                found.append(answer)
            elif isinstance(answer, GreenCoreError):
                log.debug("peer.signed", peer=peer.name, code=answer.code)
            elif answer is not None:
                raise answer
        return found

    async def proposal(self, content: Content, readings: bytes) -> Proposal | None:
        """The proposal of an accepted content whose file names the list of readings; None if no peer has exactly it."""
        for peer in self.all:
            try:
                made = await peer.proposal(content.hash())
            except GreenCoreError as error:
                log.info("peer.proposal", peer=peer.name, code=error.code)
                continue
            if made is not None and made.content == content and made.readings_hash() == readings:
                return made
        return None

    async def leaves(self, data_hash: bytes) -> bytes | None:
        """A file of leaves by its hash, from whoever has it."""
        for peer in self.all:
            try:
                data = await peer.leaves(data_hash)
            except GreenCoreError as error:
                log.info("peer.leaves", peer=peer.name, code=error.code)
                continue
            if data is not None:
                return data
        return None

    async def readings(self, hashes: Sequence[bytes], keep: Keep) -> set[bytes]:
        """Bring readings by hash to `keep`, which checks them and tells which it kept: the others are asked of the next peer, for
        one that lies about them must not hide those of an honest one. Returns those that a peer which did not answer may have:
        nobody else sent them.
        """
        missing, sent, silent = set(hashes), set[bytes](), False
        for peer in self.all:
            if not missing:
                break
            try:
                answers = await peer.readings(sorted(missing))
            except GreenCoreError as error:
                log.info("peer.readings", peer=peer.name, code=error.code)
                silent = True
                continue
            sent |= {answer.hash for answer in answers}
            missing -= await keep([answer for answer in answers if answer.hash in missing])
        return missing - sent if silent else set()


def peer_message(path: str, body: bytes) -> bytes:
    """The bytes whose hash a node signs to show another one that it is of the signer set. Hearing it again tells a listener
    nothing new.
    """
    return f"greencore.peer.v1\n{path}\n".encode() + keccak(body)
