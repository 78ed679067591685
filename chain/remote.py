# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A key that stays where it is: signing over HTTP at a service that speaks as web3signer does for secp256k1.

`POST /api/v1/eth1/sign/{public key}` takes `{"data": "0x…"}`, signs its keccak-256 and answers `0x`, r, s and v in hexadecimal;
`GET /api/v1/eth1/publicKeys` lists the keys. (web3signer, openapi-specs/eth1/web3signer.yaml.) Reports and transactions go the
same way: both are the hash of a message. Nothing that comes back is used before it was recovered to the expected address.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx
import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from eth_keys.datatypes import PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError

from chain.rpc import bytes_of, is_loopback, without_secrets
from chain.signer import compact, recover
from kit import logs
from kit.errors import Malformed, NotFound, Refused, Unauthorised, Unavailable
from kit.ids import address_bytes

log = logs.get(__name__)

_SIGN = "/api/v1/eth1/sign/"
_KEYS = "/api/v1/eth1/publicKeys"
_TRIES = 2  # to sign the same again is harmless
_PAUSE_SECONDS = 0.2
_ANSWER_BYTES_MAX = 1 << 20
_FEE_MARKET = 2


class RemoteSigner:
    """One key of a remote signer. `open` checks that it is there; `close` it at the end."""

    def __init__(self, url: str, key: bytes, http: httpx.AsyncClient) -> None:
        """`key` is the public key, 64 bytes."""
        self._url = url
        self._shown = without_secrets(url)
        self._key = key.hex()
        self._raw_address = keccak(key)[12:]
        self._http = http

    def __repr__(self) -> str:
        return f"RemoteSigner({self.address} at {self._shown})"

    @property
    def address(self) -> str:
        """The key's address, checksummed."""
        return str(to_checksum_address(self._raw_address))

    @classmethod
    async def open(cls, url: str, *, address: bytes | None = None, timeout_seconds: float = 5) -> "RemoteSigner":
        """The key of an address, or the only one that the service has.

        `url` may say `?ca=FILE&cert=FILE&key=FILE` for TLS with an authority and a client certificate of one's own. Raises
        Unavailable if the service does not answer in `timeout_seconds`, Unauthorised if it lets nobody in, NotFound if it has no
        such key, Refused if it has several and none is named, Malformed if it is no such service.
        """
        place, tls = _split(url)
        if place.startswith("http://") and not is_loopback(place):
            log.warning("signer.plain", url=without_secrets(place), why="whoever is between can sign too; use https")
        http = httpx.AsyncClient(timeout=timeout_seconds, trust_env=not is_loopback(place), verify=tls)
        made = cls(place, bytes(64), http)
        try:
            keys = await made._keys()
            if address is None and len(keys) > 1:
                raise Refused("chain.signer_key", f"{made._shown} has {len(keys)} keys; name one: …#0x and its address")
            for key in keys:
                if address in (None, keccak(key)[12:]):
                    return cls(place, key, http)
            wanted = "any key" if address is None else f"the key of {to_checksum_address(address)}"
            raise NotFound("chain.signer_key", f"the remote signer at {made._shown} does not have {wanted}")
        except BaseException:
            await http.aclose()
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def sign(self, message: bytes) -> bytes:
        """The compact signature of a message's keccak-256.

        Raises Unavailable if the service does not answer, Unauthorised, NotFound if it no longer has the key, and Refused for an
        answer that is no signature by this key of this message.
        """
        answer = await self._ask("POST", _SIGN + self._key, {"data": "0x" + message.hex()})
        return self._checked(message, answer.text.strip().strip('"'))

    async def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction, ready to be sent. Raises as `sign` does, and ValueError for another type than 2 (EIP-1559)."""
        if transaction.get("type") != _FEE_MARKET:
            raise ValueError("only transactions of type 2 are signed remotely")
        fields: list[Any] = [
            transaction["chainId"],
            transaction["nonce"],
            transaction["maxPriorityFeePerGas"],
            transaction["maxFeePerGas"],
            transaction["gas"],
            address_bytes(transaction["to"]) if transaction.get("to") else b"",
            transaction.get("value", 0),
            bytes_of(transaction.get("data", "0x")),
            [],
        ]
        prefix = bytes([_FEE_MARKET])
        signature = await self.sign(prefix + rlp.encode(fields))
        r, vs = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        return prefix + bytes(rlp.encode([*fields, vs >> 255, r, vs & ((1 << 255) - 1)]))

    def _checked(self, message: bytes, text: str) -> bytes:
        try:
            raw = bytes_of(text)
            if len(raw) != 65:
                raise ValueError(f"{len(raw)} bytes")
            v = raw[64] - 27 if raw[64] >= 27 else raw[64]
            if v not in (0, 1):
                raise ValueError(f"v is {raw[64]}")
            signature = compact(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), v)
            made_by = recover(keccak(message), signature)
        except (ValueError, Malformed, OverflowError) as error:
            raise Refused("chain.signer_answer", f"{self._shown} answers no signature of 65 bytes: {error}") from error
        if made_by != self._raw_address:
            raise Refused(
                "chain.signer_other_key",
                f"{self._shown} signed with {to_checksum_address(made_by)} or signed something else; {self.address} was asked",
            )
        return signature

    async def _keys(self) -> list[bytes]:
        answer = await self._ask("GET", _KEYS)
        try:
            keys = [bytes_of(text) for text in answer.json()]
            return [PublicKey(key).to_bytes() for key in keys]
        except (ValueError, TypeError, AttributeError, ValidationError) as error:
            raise Malformed("chain.signer_answer", f"{self._shown}{_KEYS} answers no list of public keys") from error

    async def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> httpx.Response:
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._http.request(method, self._url + path, json=body)
                if answer.status_code < 500:
                    break
                why = f"HTTP {answer.status_code}"
            except httpx.HTTPError as error:
                why = type(error).__name__
            if not left:
                raise Unavailable(
                    "chain.signer_unavailable", f"the remote signer at {self._shown} does not sign: {why}"
                )
            await asyncio.sleep(_PAUSE_SECONDS)
        if answer.status_code in (401, 403):
            raise Unauthorised("chain.signer_denied", f"the remote signer at {self._shown} lets this node sign nothing")
        if answer.status_code == 404:
            raise NotFound(
                "chain.signer_key", f"the remote signer at {self._shown} does not have the key {self._key[:16]}…"
            )
        if answer.status_code != 200 or len(answer.content) > _ANSWER_BYTES_MAX:
            raise Refused(
                "chain.signer_answer", f"the remote signer at {self._shown} answers HTTP {answer.status_code}"
            )
        return answer


def _split(url: str) -> tuple[str, SSLContext | bool]:
    """The URL without its query, and what TLS needs."""
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := sorted(given.keys() - {"ca", "cert", "key"}):
        raise Malformed("chain.signer_url", f"a remote signer's URL takes ca, cert and key, not {', '.join(unknown)}")
    place = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    if not given:
        return place, True
    try:
        context = create_default_context(cafile=given.get("ca"))
        if "cert" in given:
            context.load_cert_chain(Path(given["cert"]), given.get("key"))
    except OSError as error:
        raise NotFound("chain.signer_tls", f"the remote signer's certificates can't be read: {error}") from error
    return place, context
