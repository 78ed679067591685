# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where the check finds the published leaves: a node, the platform's API, or a folder of files."""

from pathlib import Path
from typing import Protocol

import httpx

from chain.rpc import is_loopback
from kit.errors import Unavailable
from oracle.rules import Content


class Source(Protocol):
    """Something that publishes leaves. It is not trusted: the check compares hashes."""

    async def leaves(self, content: Content) -> bytes | None:
        """The file of a report; None if it is not published here. Raises Unavailable if that can't be told."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...


class Folder:
    """A folder of files named as `file_name` says, such as `greencore oracle export` writes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def leaves(self, content: Content) -> bytes | None:
        """The file of a report."""
        path = self._path / file_name(content.utility, content.slot)
        return path.read_bytes() if path.is_file() else None

    async def close(self) -> None:
        """Nothing is open."""


class Door:
    """A node of the quorum (`/leaves/…`), or the platform's API (`/api/oracle/leaves/…`)."""

    def __init__(self, url: str, *, timeout_seconds: float = 30) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.AsyncClient(timeout=timeout_seconds, trust_env=not is_loopback(url))
        self._paths = ["/leaves", "/api/oracle/leaves"]

    async def leaves(self, content: Content) -> bytes | None:
        """The file of a report."""
        for path in list(self._paths):
            try:
                answer = await self._http.get(f"{self._url}{path}/{content.utility}/{content.slot}")
            except httpx.HTTPError as error:
                raise Unavailable("verify.no_leaves", f"{self._url} does not answer: {type(error).__name__}") from error
            if answer.status_code == 200:
                # from now on only the door that opened
                self._paths = [path]
                return answer.content
            if answer.status_code != 404:
                raise Unavailable("verify.no_leaves", f"{self._url}{path} answers HTTP {answer.status_code}")
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def open_source(place: str) -> Source:
    """A source by its URL or path. Raises Unavailable for a folder that is not there."""
    if place.startswith(("http://", "https://")):
        return Door(place)
    if not Path(place).is_dir():
        raise Unavailable("verify.no_leaves", f"{place} is neither a URL nor a folder")
    return Folder(Path(place))


def file_name(utility: int, slot: int) -> str:
    """How a file of leaves is called."""
    return f"leaves-{utility}-{slot}.txt"
