# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who may settle an interval, and what a refusal costs the others."""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from edge.buffer.store import Buffer, Draft
from edge.clock import Clock
from edge.delivery.sender import Delivery, NotDelivered, Refused
from edge.intervals import BuilderState
from edge.protocol import Interval, ReceiptLine, decode, sign, sign_receipt
from edge.settings import EdgeSettings
from edge.status import Status

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
DEVICE = Ed25519PrivateKey.from_private_bytes(bytes(32))
SERVER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def receipts(payload: bytes, status: str = "accepted", key=SERVER, home: UUID = HOME, at=None) -> bytes:
    lines = [ReceiptLine("0x" + it.hash.hex(), "main", it.interval.start.isoformat(), status) for it in decode(payload)]
    return sign_receipt(home, at or datetime.now(UTC), lines, key).to_json()


class Rig:
    """A delivery whose transport is a function of the payload."""

    def __init__(self, folder, count: int) -> None:
        settings = EdgeSettings(
            station=HOME,
            receipt_key=SERVER.public_key().public_bytes_raw().hex(),
            batch=8,
            retry_base_s=0.001,
            retry_max_s=0.01,
            upload_jitter_s=0,
        )
        self.buffer = Buffer(folder)
        self.writer = ThreadPoolExecutor(1)
        self.status = Status(folder, {})
        self.delivery = Delivery(settings, self.buffer, self.writer, Clock(), self.status)
        self.delivery.transport = self
        self.sent: list[list[int]] = []
        self.answer = lambda payload: receipts(payload)
        drafts = [
            Draft("main", n, b"", lambda seq, n=n: sign(Interval(HOME, n, {"meterWh": n}, bytes(32), seq=seq), DEVICE))
            for n in range(count)
        ]
        self.buffer.store(drafts, BuilderState(), "map")

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        self.sent.append([it.interval.seq for it in decode(payload)])
        if not await self.delivery.receive(self.answer(payload)) & hashes:
            raise NotDelivered("no receipt")

    async def until(self, true) -> None:
        task = asyncio.create_task(self.delivery.run())
        try:
            async with asyncio.timeout(5):
                while not true():  # noqa: ASYNC110 - the state is on disk, nobody signals it
                    await asyncio.sleep(0.002)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.writer.shutdown()

    def pending(self) -> list[int]:
        return [row.seq for row in self.buffer.pending(1000)]


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path, 20)
    with capture_logs():
        yield made
    made.buffer.close()


async def test_everything_goes_in_order_in_batches(rig):
    await rig.until(lambda: rig.status._values["pending"] == 0 and rig.status._values["delivered"] == 20)
    assert rig.sent[:3] == [list(range(1, 9)), list(range(9, 17)), list(range(17, 21))]


@pytest.mark.parametrize(
    "forged",
    [
        lambda payload: receipts(payload, key=DEVICE),
        lambda payload: receipts(payload, home=uuid4()),
        lambda payload: receipts(payload).replace(b'"accepted"', b'"duplicate"'),
        lambda payload: receipts(payload).replace(b'"serverTime":"20', b'"serverTime":"x20'),
        lambda payload: receipts(payload).replace(b'"sign":"0x', b'"sign":"0x00'),
        lambda _payload: b'{"ok":true}',
        lambda _payload: b"\xff\xfe",
        lambda _payload: b"[]",
    ],
    ids=["other key", "other station", "changed status", "no time", "long signature", "no receipt", "no text", "empty"],
)
async def test_what_the_server_did_not_sign_changes_nothing(rig, forged):
    rig.answer = forged
    await rig.until(lambda: len(rig.sent) >= 3)
    assert rig.pending() == list(range(1, 21))
    assert all(batch == list(range(1, 9)) for batch in rig.sent)


async def test_a_poison_interval_is_isolated_and_the_others_arrive(rig):
    def answer(payload: bytes) -> bytes:
        if any(it.interval.seq == 5 for it in decode(payload)):
            raise Refused("HTTP 400: unreadable")
        return receipts(payload)

    rig.answer = answer
    await rig.until(lambda: rig.pending() == [5] and rig.sent[-1] == [5] and rig.sent.count([5]) >= 2)
    row = rig.buffer.pending(1)[0]
    assert (row.seq, row.detail) == (5, "HTTP 400: unreadable")
    assert row.attempts >= 1


async def test_what_a_receipt_leaves_out_is_sent_again(rig):
    def first_half(payload: bytes) -> bytes:
        items = json.loads(payload)
        return receipts(json.dumps(items[: (len(items) + 1) // 2]).encode())

    rig.answer = first_half
    await rig.until(lambda: rig.pending() == [])


async def test_refused_intervals_are_kept_for_people_and_not_sent_again(rig):
    rig.answer = lambda payload: receipts(payload, "rejected")
    await rig.until(lambda: rig.pending() == [])
    assert len(rig.sent) == 3
    assert rig.buffer.counts()["rejected"] == 20


async def test_a_disk_that_takes_no_receipt_costs_a_repetition_and_not_the_agent(rig, monkeypatch):
    broken = [3]
    whole = Buffer.receive

    def receive(buffer, receipt, now_ms):
        if broken[0]:
            broken[0] -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return whole(buffer, receipt, now_ms)

    monkeypatch.setattr(Buffer, "receive", receive)
    await rig.until(lambda: rig.pending() == [])
    assert rig.sent[:3] == [list(range(1, 9))] * 3


async def test_what_happened_to_the_disk_is_told_while_no_server_answers(tmp_path):
    (tmp_path / "buffer.sqlite").write_bytes(b"no database at all, but something stood here" * 200)
    with capture_logs():
        rig = Rig(tmp_path, 3)
        rig.answer = lambda _payload: b"[]"  # no receipt, ever
        await rig.until(lambda: len(rig.sent) >= 2)
        rig.buffer.close()
    (told,) = rig.status._values["buffers_put_aside"]
    assert "kept as buffer-damaged-" in told
    assert rig.status._values["pending"] == 3


async def test_a_signed_receipt_that_names_nonsense_settles_nothing(rig):
    def nonsense(_payload: bytes) -> bytes:
        lines = [ReceiptLine(text, "main", "", "accepted") for text in ("0x" + "zz" * 32, "", "0x0")]
        return sign_receipt(HOME, datetime.now(UTC), lines, SERVER).to_json()

    rig.answer = nonsense
    await rig.until(lambda: len(rig.sent) >= 2)
    assert rig.pending() == list(range(1, 21))
