# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The way in on a real database: stored once, never overwritten, refused with a reason, whatever comes and however often."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update

from edge.protocol import ProtocolError, ReceiptLine, SignedInterval, decode, sign
from energy import audit
from energy.ingest import parked as books
from energy.ingest import store
from energy.ingest.rejections import ATTEMPTS_MAX, PAYLOAD_MAX
from energy.ingest.service import IngestService, Transport
from energy.models import EnergyConflict, EnergyMeter, EnergyPending, EnergyReading, EnergyRejection, EnergyTenure
from energy.wire import signed_of
from kit.clock import FixedClock
from kit.database import Database
from kit.outbox import OutboxEvent
from kit.settings import Mode
from tests.integration.energy.conftest import NOON

KWH = 10**9


@pytest.fixture
def service(clock: FixedClock) -> IngestService:
    return IngestService(clock, Mode.LIVE)


async def deliver(
    database: Database, service: IngestService, *deliveries: SignedInterval, transport: Transport = "rest", **more: Any
) -> list[ReceiptLine]:
    async with database.transaction() as session:
        return await service.ingest(session, deliveries, transport, **more)


async def count(database: Database, table: Any, *where: Any) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table).where(*where)) or 0


async def test_a_reading_is_stored_as_it_was_signed_and_told(
    database: Database, service: IngestService, station: Any
) -> None:
    sent = station.signed(seq=3, quality="measured", devices={"relay": 5}, measures={"waterM3": 12})
    (line,) = await deliver(database, service, sent)
    assert (line.status, line.hash, line.meterId) == ("accepted", "0x" + sent.hash.hex(), "main")
    assert line.start == "2026-03-10T11:45:00Z"
    async with database.transaction() as session:
        row = (await session.scalars(select(EnergyReading))).one()
        assert (row.station, row.meter, row.meter_uwh, row.export_uwh, row.transport) == (
            station.id,
            "main",
            KWH,
            KWH,
            "rest",
        )
        assert signed_of(row.body, row.signature) == sent
        assert row.key == station.key.public_key().public_bytes_raw()
        event = (await session.scalars(select(OutboxEvent))).one()
        assert (event.subject, decode(event.payload)) == (store.READING_STORED, [sent])
        assert (await session.scalars(select(EnergyPending.queue))).all() == ["quality"]


@pytest.mark.parametrize("size", [3, store.BULK_MIN + 3], ids=["insert", "copy"])
async def test_again_and_again_changes_nothing_and_other_bytes_are_kept_apart(
    database: Database, service: IngestService, station: Any, size: int
) -> None:
    sent = [station.signed(-slot, slot + 1) for slot in range(size)]
    assert {line.status for line in await deliver(database, service, *sent)} == {"accepted"}
    assert [line.status for line in await deliver(database, service, *reversed(sent))] == ["duplicate"] * size
    other = [station.signed(-slot, slot + 2) for slot in range(size)]
    for _ in range(2):
        lines = await deliver(database, service, *other)
        assert {(line.status, line.code) for line in lines} == {("conflict", "telemetry.conflict")}
    assert await count(database, EnergyReading) == size
    assert await count(database, EnergyConflict) == size
    assert await count(database, OutboxEvent) == size
    async with database.transaction() as session:
        stored = set(await session.scalars(select(EnergyReading.hash)))
        assert stored == {one.hash for one in sent}
        assert set(await session.scalars(select(EnergyConflict.hash))) == {one.hash for one in other}


async def test_within_one_batch_the_first_wins(database: Database, service: IngestService, station: Any) -> None:
    one, other = station.signed(0, 1), station.signed(0, 2)
    lines = await deliver(database, service, one, other, one)
    assert [line.status for line in lines] == ["accepted", "conflict", "duplicate"]


@pytest.mark.parametrize("size", [8, store.BULK_MIN + 8], ids=["insert", "copy"])
async def test_two_processes_with_the_same_readings_in_any_order_store_them_once(
    database_url: str, clock: FixedClock, new_station: Callable[..., Any], size: int
) -> None:
    databases = [Database(database_url) for _ in range(2)]
    station = new_station()
    await station.enrol(databases[0])
    sent = [station.signed(-slot) for slot in range(size)]
    jobs = []
    for number in range(6):
        order = sent if number % 2 else list(reversed(sent))
        jobs.append(deliver(databases[number % 2], IngestService(clock, Mode.LIVE), *order))
    lines = [line for answer in await asyncio.gather(*jobs) for line in answer]
    statuses = [line.status for line in lines]
    assert (statuses.count("accepted"), statuses.count("duplicate")) == (size, 5 * size)
    assert await count(databases[0], EnergyReading) == await count(databases[0], OutboxEvent) == size
    for made in databases:
        await made.close()


async def test_a_rolled_back_batch_leaves_nothing(database: Database, service: IngestService, station: Any) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await service.ingest(session, [station.signed(-slot) for slot in range(100)], "rest")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    for table in (EnergyReading, EnergyPending, OutboxEvent):
        assert await count(database, table) == 0
    (line,) = await deliver(database, service, station.signed())  # the month's partition went with it and comes again
    assert line.status == "accepted"


async def refusals(station: Any) -> dict[str, SignedInterval]:
    sent = station.signed()
    changed = bytearray(sent.signature)
    changed[7] ^= 1
    stranger = Ed25519PrivateKey.generate()
    return {
        "telemetry.signature": replace(sent, signature=bytes(changed)),
        "telemetry.future": station.signed(2),
        "telemetry.too_old": station.signed(-96 * 32),
        "telemetry.before_enrolment": station.signed(-96 * 37 - 60),
        "telemetry.over_rating": station.signed(0, 13 * KWH),
        "telemetry.demo_on_live": station.signed(-1, source="demo"),
        "telemetry.range": station.signed(-2, measures={"auxWh": 2**57}),
        "telemetry.unknown_meter": sign(replace(station.interval(), home_id=type(station)().id), stranger),
    }


async def test_every_refusal_has_its_code_and_is_kept(database: Database, service: IngestService, station: Any) -> None:
    wrong = await refusals(station)
    for _ in range(2):
        lines = await deliver(database, service, *wrong.values())
        assert {line.code: line.status for line in lines} == dict.fromkeys(wrong, "rejected")
    assert await count(database, EnergyReading) == 0
    async with database.transaction() as session:
        rows = {row.code: row for row in await session.scalars(select(EnergyRejection))}
    assert rows.keys() == wrong.keys()
    for code, delivery in wrong.items():
        assert (rows[code].times, decode(rows[code].payload)) == (2, [delivery])
        assert rows[code].detail


async def test_the_limits_are_where_they_are_said_to_be(
    database: Database, service: IngestService, station: Any
) -> None:
    accepted = [station.signed(0, 125 * KWH // 10), station.signed(-1, -250 * KWH), station.signed(-96 * 31 + 1)]
    assert {line.status for line in await deliver(database, service, *accepted)} == {"accepted"}
    beyond = [station.signed(-4, 125 * KWH // 10 + 1), station.signed(-5, -250 * KWH - 1)]
    assert {line.code for line in await deliver(database, service, *beyond)} == {"telemetry.over_rating"}


async def test_a_rating_judges_its_own_time_at_the_door_too(
    database: Database, service: IngestService, station: Any
) -> None:
    """A plant is taken out of service, and what it delivered before comes afterwards: to the platform, or to a new node."""
    noon = station.interval(0).slot
    ratings = [[noon - 960, 40_000], [noon, 0]]
    async with database.transaction() as session:
        await session.execute(update(EnergyTenure).values(rated_w=0, ratings=ratings))
    lines = await deliver(
        database, service, station.signed(-1, 12 * KWH), station.signed(0, 1), station.signed(-2, 13 * KWH)
    )
    assert [line.code for line in lines] == ["", "telemetry.over_rating", "telemetry.over_rating"]
    async with database.transaction() as session:
        await session.execute(update(EnergyTenure).values(rated_w=60_000, ratings=[*ratings, [noon + 1, 60_000]]))
    (line,) = await deliver(
        database, service, station.signed(-2, 13 * KWH)
    )  # the registry was wrong, and was put right
    assert line.status == "accepted"


async def test_one_changed_byte_of_the_content_is_a_bad_signature(
    database: Database, service: IngestService, station: Any
) -> None:
    sent = station.signed()
    forged = station.interval(0, KWH + 1)
    (line,) = await deliver(database, service, SignedInterval(forged, forged.canonical(), sent.signature))
    assert line.code == "telemetry.signature"


async def test_a_retired_meter_signs_the_past_and_not_the_present(
    database: Database, service: IngestService, station: Any, clock: FixedClock
) -> None:
    async with database.transaction() as session:
        await session.execute(update(EnergyMeter).values(until=clock.now() - timedelta(hours=1)))
    lines = await deliver(database, service, station.signed(-4), station.signed(-3))
    assert [(line.status, line.code) for line in lines] == [("accepted", ""), ("rejected", "telemetry.inactive_meter")]


async def test_demo_and_live_never_meet(
    database: Database, service: IngestService, clock: FixedClock, station: Any, new_station: Callable[..., Any]
) -> None:
    pretend = new_station(demo=True)
    await pretend.enrol(database)
    demo = IngestService(clock, Mode.DEMO)
    assert (await deliver(database, service, pretend.signed()))[0].code == "telemetry.demo_on_live"
    assert (await deliver(database, demo, pretend.signed()))[0].code == "telemetry.live_on_demo"
    assert (await deliver(database, demo, station.signed(source="demo")))[0].code == "telemetry.live_on_demo"
    assert (await deliver(database, demo, pretend.signed(source="demo")))[0].status == "accepted"


RUBBISH = [
    b"",
    b"\0" * 20,
    b"\xff\xfe{}",
    b'{"a\\u0000b": 1}',
    b'{"a\\ud800b": 1}',
    b'{"homeId": "\\u0000"}',
    b'{"' + b"x" * 100_000 + b'": 1}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: repr(data[:16]))
async def test_rubbish_is_kept_with_a_reason_and_stops_nothing(
    database: Database, service: IngestService, data: bytes
) -> None:
    with pytest.raises(ProtocolError) as found:
        decode(data)
    for _ in range(2):
        async with database.transaction() as session:
            await service.refuse(session, data, found.value, "mqtt", sender=None)
    async with database.transaction() as session:
        (row,) = await session.scalars(select(EnergyRejection))
    assert (row.size, row.payload, row.times) == (len(data), data[:PAYLOAD_MAX], 2)
    assert 0 < len(row.detail) <= 500
    assert row.retry_at is None


async def test_another_stations_topic_is_no_door(database: Database, service: IngestService, station: Any) -> None:
    senders = [type(station)().id, station.id]
    lines = await deliver(database, service, station.signed(), station.signed(-1), transport="mqtt", senders=senders)
    assert [line.code for line in lines] == ["telemetry.wrong_station", ""]


async def test_a_key_that_is_mirrored_after_its_station_heals_too(
    database: Database, service: IngestService, clock: FixedClock, new_station: Callable[..., Any]
) -> None:
    """The attempt in between finds a station with another key; that must not be the last one."""
    station = new_station()
    early = station.signed()
    (line,) = await deliver(database, service, early, transport="feed")
    assert line.code == "telemetry.unknown_meter"
    second, station.key = station.key, Ed25519PrivateKey.generate()
    await station.enrol(database)
    clock.at += timedelta(minutes=2)
    async with database.transaction() as session:
        assert await service.retry(session) == 1
    async with database.transaction() as session:
        session.add(
            EnergyMeter(
                key=second.public_key().public_bytes_raw(), station=station.id, role=0, since=NOON - timedelta(days=9)
            )
        )
    clock.at += timedelta(minutes=2)
    async with database.transaction() as session:
        assert await service.retry(session) == 1
    assert await count(database, EnergyReading, EnergyReading.hash == early.hash) == 1


async def test_what_time_heals_is_tried_again_and_what_not_is_parked(
    database: Database, service: IngestService, clock: FixedClock, new_station: Callable[..., Any]
) -> None:
    station, lost = new_station(), new_station()
    early = station.signed()
    assert {line.code for line in await deliver(database, service, early, lost.signed())} == {"telemetry.unknown_meter"}
    await station.enrol(database)
    clock.at += timedelta(minutes=2)
    async with database.transaction() as session:
        assert await service.retry(session) == 2
    assert await count(database, EnergyReading, EnergyReading.hash == early.hash) == 1
    for _ in range(ATTEMPTS_MAX):
        clock.at += timedelta(hours=7)
        async with database.transaction() as session:
            await service.retry(session)
    async with database.transaction() as session:
        by_station = {row.station: row for row in await session.scalars(select(EnergyRejection))}
    assert by_station[station.id].resolved_at is not None
    parked = by_station[lost.id]
    assert (parked.retry_at, parked.resolved_at, parked.attempts, parked.times) == (None, None, ATTEMPTS_MAX, 1)
    async with database.transaction() as session:
        (shown,) = await books.parked(session)
        assert (shown.hash, shown.state, shown.station, shown.replayable) == (parked.hash, "parked", lost.id, True)
        outcomes = await ask(session, service, clock, [parked.hash, early.hash, bytes(32)])
        assert outcomes == {parked.hash: "rejected", early.hash: "resolved", bytes(32): "unknown"}
    assert await count(database, EnergyReading) == 1
    await lost.enrol(database)
    for expected in ("accepted", "resolved"):
        async with database.transaction() as session:
            assert await ask(session, service, clock, [parked.hash]) == {parked.hash: expected}
    async with database.transaction() as session:
        assert await books.parked(session) == []
        done = [row.detail["status"] for row in await audit.trail(session, "0x" + parked.hash.hex())]
    assert done == ["resolved", "accepted", "rejected"]
    assert await count(database, EnergyReading) == 2


async def ask(session: Any, service: IngestService, clock: FixedClock, hashes: list[bytes]) -> dict[bytes, str]:
    outcomes = await books.replay(session, service, at=clock.now(), actor="test", hashes=hashes)
    return {one.hash: one.status for one in outcomes}


async def test_a_month_gets_its_partition_from_whoever_comes_first(
    database_url: str, clock: FixedClock, new_station: Callable[..., Any]
) -> None:
    databases = [Database(database_url) for _ in range(2)]
    stations = [new_station() for _ in range(6)]
    for one in stations:
        await one.enrol(databases[0])
    month_ago = -96 * 12
    await asyncio.gather(
        *(
            deliver(databases[number % 2], IngestService(clock, Mode.LIVE), one.signed(), one.signed(month_ago))
            for number, one in enumerate(stations)
        )
    )
    async with databases[0].transaction() as session:
        await session.execute(select(1))
        connection = await store.driver(session)
        found = await connection.fetch(
            "SELECT tableoid::regclass::text AS name, count(*) FROM energy_reading GROUP BY 1 ORDER BY 1"
        )
        assert [tuple(row) for row in found] == [("energy_reading_p2026_02", 6), ("energy_reading_p2026_03", 6)]
    for made in databases:
        await made.close()
