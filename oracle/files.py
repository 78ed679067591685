# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Published files over HTTP: in pieces from the database, whole, by range or compressed; what a hash names is cached for ever."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kit.database import Database
from oracle import repository

PIECE_BYTES = 1 << 20
_GZIP_LEVEL = 1
_GZIP_FROM_BYTES = 4_096
_FOR_EVER_SECONDS = 365 * 86_400
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def serve_file(
    database: Database, data_hash: bytes, request: Request, *, max_age: int | None = None
) -> Response | None:
    """The answer to a request for a file by its hash; None if it is not here. The ETag is the hash.

    A whole file is compressed where the client takes gzip; a single range is answered with 206, one that can't be with 416.
    `max_age` in seconds: how long the asked name may be cached; for ever unless it is given.
    """
    async with database.transaction() as session:
        size = await repository.leaves_size(session, data_hash)
    if size is None:
        return None
    tag = f'"0x{data_hash.hex()}"'
    caching = f"public, max-age={_FOR_EVER_SECONDS}, immutable" if max_age is None else f"public, max-age={max_age}"
    headers = {"ETag": tag, "Cache-Control": caching, "Accept-Ranges": "bytes", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    first, last, status = 0, size - 1, 200
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked and request.headers.get("if-range", tag) == tag and asked[0] != "bytes=-":
        first, last = _range(asked[1], asked[2], size)
        if first > last:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    pieces = _pieces(database, data_hash, first, last)
    if status == 200 and size >= _GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "ETag": f"W/{tag}"}
        pieces = _compressed(pieces)
    else:
        headers["Content-Length"] = str(last - first + 1)
    kind = "text/plain; charset=us-ascii"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(pieces, status_code=status, headers=headers, media_type=kind)


def _range(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and last byte of a range; the first after the last if it can't be given."""
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last) if last else size - 1, size - 1)


async def _pieces(database: Database, data_hash: bytes, first: int, last: int) -> AsyncIterator[bytes]:
    for start in range(first, last + 1, PIECE_BYTES):
        async with database.transaction() as session:
            yield await repository.leaves_piece(session, data_hash, start, min(PIECE_BYTES, last + 1 - start))


async def _compressed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    squeezer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    async for piece in pieces:
        made = await asyncio.to_thread(squeezer.compress, piece)
        if made:
            yield made
    yield squeezer.flush()
