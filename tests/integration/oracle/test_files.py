# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Published files over HTTP, and what is forgotten of those that nobody accepted."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kit.clock import FixedClock
from kit.database import Database
from kit.units import slot_start
from oracle import repository
from oracle.accepted import AcceptedReport
from oracle.files import serve_file
from oracle.keccak import keccak
from oracle.models import OracleLeaves, OracleProposal, OracleSignature
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal, SignRequest
from oracle.rules import ZERO_HASH, Content

DATA = b"greencore.leaves.v1\n" + bytes(range(256)) * 20_000
HASH = keccak(DATA)
SLOT = 1_956_528


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async def answer(request: Request) -> Response:
        found = await serve_file(database, bytes.fromhex(request.path_params["hash"]), request)
        return found or Response(status_code=404)

    async with database.transaction() as session:
        await repository.store_leaves(session, 1, SLOT, HASH, DATA)
    app = Starlette(routes=[Route("/{hash}", answer)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://node", headers={"accept-encoding": ""}) as made:
        yield made


async def test_a_file_is_given_whole_compressed_or_in_parts(http: httpx.AsyncClient) -> None:
    whole = await http.get(f"/{HASH.hex()}")
    assert (whole.status_code, whole.content, whole.headers["content-length"]) == (200, DATA, str(len(DATA)))
    assert "immutable" in whole.headers["cache-control"]
    tag = whole.headers["etag"]
    assert (await http.get(f"/{HASH.hex()}", headers={"if-none-match": tag})).status_code == 304
    async with http.stream("GET", f"/{HASH.hex()}", headers={"accept-encoding": "gzip"}) as small:
        raw = b"".join([part async for part in small.aiter_raw()])
    assert (gzip.decompress(raw), small.headers["etag"]) == (DATA, f"W/{tag}")
    assert (await http.get(f"/{HASH.hex()}", headers={"if-none-match": f"W/{tag}"})).status_code == 304
    head = await http.head(f"/{HASH.hex()}")
    assert (head.headers["content-length"], head.content) == (str(len(DATA)), b"")
    assert (await http.get(f"/{bytes(32).hex()}")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1048570-1048590", 1_048_570, 1_048_591),
        ("bytes=5000000-", 5_000_000, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=0-99999999", 0, len(DATA)),
    ],
)
async def test_a_broken_download_goes_on_where_it_stopped(
    http: httpx.AsyncClient, asked: str, start: int, end: int
) -> None:
    part = await http.get(f"/{HASH.hex()}", headers={"range": asked})
    assert (part.status_code, part.content) == (206, DATA[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"


async def test_a_range_of_another_file_or_behind_the_end_is_not_given(http: httpx.AsyncClient) -> None:
    behind = await http.get(f"/{HASH.hex()}", headers={"range": f"bytes={len(DATA)}-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(DATA)}")
    changed = await http.get(f"/{HASH.hex()}", headers={"range": "bytes=5-9", "if-range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, len(DATA))


def content(slot: int, prev: bytes, data_hash: bytes) -> Content:
    return Content(1, slot, prev, b"r" * 32, 0, 0, 1, data_hash, 0)


async def test_drafts_are_forgotten_once_no_reorganisation_can_need_them_and_decisions_never(
    database: Database,
) -> None:
    clock = FixedClock(slot_start(SLOT))
    prev = ZERO_HASH
    for slot in range(SLOT, SLOT + 24):
        split = slot % 2  # every other slot found no quorum
        made = content(slot, prev, slot.to_bytes(32, "big"))
        proposal = Proposal(made, 1, {})
        async with database.transaction() as session:
            await quorum_repository.decide(session, SignRequest(proposal, 1, 1, ()), clock.now())
            await quorum_repository.store_proposal(session, proposal)
            await repository.store_leaves(session, 1, slot, made.data_hash, b"x")
            if not split:
                accepted = AcceptedReport(made, 1, slot, bytes(32), bytes(32))
                await repository.apply_report(session, accepted, [], [], agreed=True, at=clock.now())
                await repository.forget_drafts(session, 1, 8)
                prev = made.hash()
    async with database.transaction() as session:
        slots = set(await session.scalars(select(OracleLeaves.slot)))
        assert set(await session.scalars(select(OracleProposal.slot))) == slots
        decided = await session.scalar(select(func.count()).select_from(OracleSignature))
    accepted_slots = set(range(SLOT, SLOT + 24, 2))
    assert decided == 24
    assert accepted_slots < slots
    assert min(slots - accepted_slots) == SLOT + 7  # the ninth newest report is SLOT + 6
