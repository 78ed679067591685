# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Envelopes: made once, sent again byte for byte, chained; and what becomes of them when the server refuses one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from edge.buffer.store import Buffer, Draft
from edge.clock import Clock
from edge.delivery.fallback import FallbackTransport
from edge.delivery.sender import Delivery, NotDelivered, Refused
from edge.intervals import BuilderState
from edge.protocol import Interval, ReceiptLine, decode, sign, sign_receipt
from edge.settings import EdgeSettings
from edge.status import Status

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
DEVICE = Ed25519PrivateKey.from_private_bytes(bytes(32))
SERVER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
FIRST = 1_956_096


def receipts(payload: bytes, server_time=None, only=lambda _seq: True) -> bytes:
    lines = [
        ReceiptLine("0x" + it.hash.hex(), "main", it.interval.start.isoformat(), "accepted")
        for it in decode(payload)
        if only(it.interval.seq)
    ]
    return sign_receipt(HOME, server_time or datetime.now(UTC), lines, SERVER).to_json()


class Rig:
    """A delivery whose transport is a function of the payload."""

    def __init__(self, folder, clock=None, **changes) -> None:
        values = {"batch": 8, "envelope": 8, "retry_base_s": 0.001, "retry_max_s": 0.01, "upload_jitter_s": 0} | changes
        settings = EdgeSettings(station=HOME, receipt_key=SERVER.public_key().public_bytes_raw().hex(), **values)
        self.buffer = Buffer(folder)
        self.writer = ThreadPoolExecutor(1)
        self.status = Status(folder, {})
        self.delivery = Delivery(settings, self.buffer, self.writer, clock or Clock(), self.status, DEVICE)
        self.delivery.transport = self
        self.sent: list[bytes] = []
        self.answer = receipts

    def build(self, *slots: int) -> None:
        drafts = [
            Draft("main", n, b"", lambda seq, n=n: sign(Interval(HOME, n, {"meterWh": n}, bytes(32), seq=seq), DEVICE))
            for n in slots
        ]
        self.buffer.store(drafts, BuilderState(), "map")

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        self.sent.append(payload)
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

    def pending(self) -> list[int]:
        return [row.seq for row in self.buffer.pending(1000)]

    def close(self) -> None:
        self.writer.shutdown()
        self.buffer.close()


@pytest.fixture
def make(tmp_path):
    made = []

    def build(**changes) -> Rig:
        made.append(Rig(tmp_path, **changes))
        return made[-1]

    with capture_logs():
        yield build
    for rig in made:
        rig.close()


async def test_what_waits_together_goes_under_one_signature_each_chained_to_the_last(make):
    rig = make()
    rig.build(*range(FIRST, FIRST + 17))
    await rig.until(lambda: rig.pending() == [])
    first, second, alone = (decode(payload) for payload in rig.sent)
    assert [it.interval.seq for it in first + second + alone] == list(range(1, 18))
    assert first[0].envelope.prev == bytes(32)
    assert [first[0].envelope.seq, second[0].envelope.seq] == [1, 2]
    assert second[0].envelope.prev == first[0].envelope.hash
    public = DEVICE.public_key().public_bytes_raw()
    assert all(it.signed_by(public) for it in first + second + alone)
    assert alone[0].envelope is None


async def test_an_envelope_is_sent_again_byte_for_byte_also_after_a_restart(make, tmp_path):
    rig = make()
    rig.build(FIRST, FIRST + 1)
    rig.answer = lambda _payload: b"[]"
    await rig.until(lambda: len(rig.sent) >= 2)
    rig.build(FIRST + 2)
    later = make()
    later.build(FIRST + 3)
    await later.until(lambda: later.pending() == [])
    assert {*rig.sent, later.sent[0]} == {rig.sent[0]}
    chain = [decode(payload)[0].envelope for payload in later.sent]
    assert [(it.seq, it.prev) for it in chain] == [(1, bytes(32)), (2, chain[0].hash)]
    assert chain[0].boot_id != chain[1].boot_id


async def test_the_chain_goes_on_when_the_buffer_was_lost(make, tmp_path):
    rig = make()
    rig.build(FIRST, FIRST + 1)
    await rig.until(lambda: rig.pending() == [])
    for path in tmp_path.glob("buffer.sqlite*"):
        path.unlink()
    rig = make()
    rig.build(FIRST + 2, FIRST + 3)
    await rig.until(lambda: rig.pending() == [])
    envelope = decode(rig.sent[0])[0].envelope
    assert envelope.seq == 2
    assert envelope.prev != bytes(32)


async def test_of_an_envelope_partly_receipted_the_rest_is_asked_for_again(make):
    rig = make()
    rig.build(*range(FIRST, FIRST + 4))
    rig.answer = lambda payload: receipts(payload, only=lambda seq: len(rig.sent) > 1 or seq != 3)
    await rig.until(lambda: rig.pending() == [])
    assert rig.sent == [rig.sent[0]] * 2


async def test_a_refused_envelope_is_opened_and_only_the_poison_stays(make):
    rig = make()
    rig.build(*range(FIRST, FIRST + 6))

    def answer(payload: bytes) -> bytes:
        found = decode(payload)
        if any(it.interval.seq == 4 for it in found):
            raise Refused("HTTP 422")
        return receipts(payload)

    rig.answer = answer
    await rig.until(lambda: rig.pending() == [4])
    assert decode(rig.sent[0])[0].envelope is not None
    assert all(decode(payload)[0].envelope is None for payload in rig.sent[1:])
    rig.answer = receipts
    rig.build(FIRST + 10, FIRST + 11)
    await rig.until(lambda: rig.pending() == [])


async def test_without_envelopes_every_interval_keeps_its_own_signature_on_the_way(make):
    rig = make(envelope=0)
    rig.build(*range(FIRST, FIRST + 10))
    await rig.until(lambda: rig.pending() == [])
    assert [[it.envelope for it in decode(payload)] for payload in rig.sent] == [[None] * 8, [None] * 2]


async def test_a_metered_link_is_silent_until_the_next_flush_of_the_day(make):
    # two minutes before the earliest flush of noon; 40 simulated minutes in a wall second
    noon = datetime(2025, 10, 15, 12, 0, tzinfo=UTC)
    start = int((noon - timedelta(minutes=32)).timestamp())
    walls = [0]
    clock = Clock(start * 10**9, 0, 10**9, lambda: walls[0])
    rig = make(clock=clock, link="metered")
    rig.build(start // 900 - 2, start // 900 - 1)
    task = asyncio.create_task(rig.delivery.run())
    await asyncio.sleep(0.2)
    rig.delivery.wake()
    await asyncio.sleep(0.1)
    assert rig.sent == []
    walls[0] = 65 * 60 * 10**9  # beyond the latest flush of noon
    rig.delivery.wake()
    async with asyncio.timeout(5):
        while rig.pending():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    rig.build(start // 900 + 5)
    rig.delivery.wake()
    await asyncio.sleep(0.2)
    assert len(rig.sent) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_distance_of_the_clocks_is_measured_by_signed_receipts(make):
    rig = make()
    rig.build(FIRST)
    rig.answer = lambda payload: receipts(payload, datetime.now(UTC) - timedelta(seconds=90))
    await rig.until(lambda: rig.status._values["clock_skew_s"] is not None)
    skew, uncertainty = (rig.status._values[name] for name in ("clock_skew_s", "clock_skew_uncertainty_s"))
    assert skew + 90 == pytest.approx(0, abs=uncertainty + 0.01)
    assert 0.5 <= uncertainty < 10


async def test_the_second_way_takes_over_after_long_silence_and_gives_back():
    now = [0.0]
    broken = [True]
    used = []

    class Way:
        def __init__(self, name: str) -> None:
            self.name = name

        async def run(self) -> None:
            await asyncio.Event().wait()

        async def send(self, _payload: bytes, _hashes: frozenset[bytes]) -> None:
            used.append(self.name)
            if self.name == "mqtt" and broken[0]:
                raise NotDelivered("no receipt")

    both = FallbackTransport(Way("mqtt"), Way("rest"), 3600, lambda: now[0])
    for at in (0.0, 1800.0, 3599.0):
        now[0] = at
        with pytest.raises(NotDelivered):
            await both.send(b"", frozenset())
    with capture_logs():
        for at in (3600.0, 3700.0, 7100.0):
            now[0] = at
            await both.send(b"", frozenset())
    assert used == ["mqtt"] * 4 + ["rest"] * 3
    broken[0], now[0] = False, 7201.0
    await both.send(b"", frozenset())
    await both.send(b"", frozenset())
    assert used[7:] == ["mqtt", "mqtt"]


async def test_thirty_days_of_two_meters_without_a_network_arrive_in_order_at_full_resolution(make):
    rig = make(batch=96, envelope=96)
    count = 2 * 30 * 96
    drafts = [
        Draft(
            meter,
            slot,
            b"x" * 400,
            lambda seq, slot=slot, meter=meter: sign(
                Interval(HOME, slot, {"meterWh": slot}, bytes(32), meter, seq), DEVICE
            ),
        )
        for slot in range(FIRST, FIRST + count // 2)
        for meter in ("roof", "house")
    ]
    for at in range(0, count, 960):
        rig.buffer.store(drafts[at : at + 960], BuilderState(), "map")
    original = {row.seq: row.hash for row in rig.buffer.pending(count)}
    task = asyncio.create_task(rig.delivery.run())
    async with asyncio.timeout(60):
        while rig.buffer.counts()["pending"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    arrived = [it for payload in rig.sent for it in decode(payload)]
    assert [(it.interval.seq, it.hash) for it in arrived] == sorted(original.items())
    assert len(rig.sent) == count // 96
    assert rig.buffer.path.stat().st_size / count < 6_000  # the reserve of 16 MB holds a month of one meter and more
