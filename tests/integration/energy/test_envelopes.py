# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Envelopes on a real database: proven once, kept once, told once; nothing forged, lost or counted twice beside singles."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, table

from edge.protocol import ReceiptLine, SignedInterval, decode, encode
from energy.ingest import envelopes
from energy.ingest.envelopes import BROKEN, HOLE, REUSED
from energy.ingest.service import ORACLE, IngestService
from energy.models import EnergyConflict, EnergyPending, EnergyReading, EnergyRejection
from energy.models_ingest import EnergyEnvelope, EnergyNotice
from greencore.cli import main
from kit.clock import FixedClock
from kit.database import Database
from kit.outbox import OutboxEvent
from kit.settings import Mode
from oracle.repository import signed_readings

KWH = 10**9


@pytest.fixture
def service(clock: FixedClock) -> IngestService:
    return IngestService(clock, Mode.LIVE)


async def deliver(database: Database, service: IngestService, deliveries: list[SignedInterval]) -> list[ReceiptLine]:
    async with database.transaction() as session:
        return await service.ingest(session, deliveries, "rest")


async def count(database: Database, table: Any) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def told(database: Database) -> list[list[SignedInterval]]:
    async with database.transaction() as session:
        events = await session.scalars(select(OutboxEvent.payload).order_by(OutboxEvent.id))
        return [decode(payload) for payload in events]


async def test_an_envelope_is_kept_once_and_goes_to_the_nodes_as_it_came(
    database: Database, service: IngestService, station: Any
) -> None:
    made = station.enveloped(*(station.interval(-slot, meter_id=["main", "pv"][slot % 2]) for slot in range(96)))
    wire = encode(made)
    for expected in ("accepted", "duplicate"):
        assert {line.status for line in await deliver(database, service, decode(wire))} == {expected}
    assert await count(database, EnergyReading) == 96
    async with database.transaction() as session:
        (kept,) = await session.scalars(select(EnergyEnvelope))
        assert kept.key == station.key.public_key().public_bytes_raw()
        (payload,) = await session.scalars(select(OutboxEvent.payload))
        assert payload == wire
        assert set(await session.scalars(select(EnergyReading.envelope))) == {kept.id}
        hashes = [one.hash for one in made]
        assert {one.hash: one for one in await signed_readings(session, hashes)} == {one.hash: one for one in made}
    assert await count(database, EnergyNotice) == 0


async def test_the_nodes_take_what_the_platform_tells(
    new_database: Callable[[], str], clock: FixedClock, new_station: Callable[..., Any], monkeypatch: Any
) -> None:
    platform, node = Database(new_database()), Database(new_database())
    station = new_station()
    for database in (platform, node):
        await station.enrol(database)
    service = IngestService(clock, Mode.LIVE)
    await deliver(platform, service, [station.signed(-slot) for slot in range(0, 300, 3)])
    monkeypatch.setattr(envelopes, "MESSAGE_MAX", 30_000)
    await deliver(platform, service, station.enveloped(*(station.interval(-slot) for slot in range(300))))
    events = await told(platform)
    assert [len(event) for event in events[:100]] == [1] * 100
    assert sum(len(event) for event in events[100:]) == 200
    assert len(events) > 102
    intake = IngestService(clock, Mode.LIVE, queues=(ORACLE,), publish=False)
    for event in reversed(events):
        assert {line.status for line in await deliver(node, intake, event)} == {"accepted"}
    assert await count(node, EnergyPending) == 300
    assert await count(node, OutboxEvent) == 0
    for database in (platform, node):
        await database.close()


async def test_halves_of_an_envelope_that_come_together_are_told_whole(
    database: Database, service: IngestService, station: Any
) -> None:
    made = station.enveloped(*(station.interval(-slot) for slot in range(6)))
    await deliver(database, service, decode(encode(made[:3])) + decode(encode(made[3:])))
    assert sorted(one.hash for event in await told(database) for one in event) == sorted(one.hash for one in made)


async def test_one_bad_interval_among_96_is_refused_alone_and_heals(
    database: Database, service: IngestService, station: Any, clock: FixedClock
) -> None:
    intervals = [station.interval(-slot) for slot in range(95)] + [station.interval(2)]
    made = station.enveloped(*intervals)
    lines = await deliver(database, service, made)
    assert [line.status for line in lines] == ["accepted"] * 95 + ["rejected"]
    assert lines[-1].code == "telemetry.future"
    clock.at += timedelta(minutes=40)
    async with database.transaction() as session:
        assert await service.retry(session) == 1
    assert await count(database, EnergyReading) == 96
    assert sorted(one.hash for event in await told(database) for one in event) == sorted(one.hash for one in made)
    async with database.transaction() as session:
        (row,) = await session.scalars(select(EnergyRejection))
        assert row.resolved_at is not None


async def test_an_envelope_that_comes_before_its_meter_is_tried_again_as_a_whole(
    database: Database, service: IngestService, new_station: Callable[..., Any], clock: FixedClock
) -> None:
    station = new_station()
    made = station.enveloped(*(station.interval(-slot) for slot in range(200)))
    assert {line.code for line in await deliver(database, service, made)} == {"telemetry.unknown_meter"}
    await station.enrol(database)
    clock.at += timedelta(minutes=2)
    async with database.transaction() as session:
        assert await service.retry(session) == 200
    assert await count(database, EnergyReading) == 200
    async with database.transaction() as session:
        (kept,) = await session.scalars(select(EnergyEnvelope))
        assert kept.key == station.key.public_key().public_bytes_raw()


async def test_forged_envelopes_store_nothing_and_stand_in_nobodys_way(
    database: Database, service: IngestService, station: Any, new_station: Callable[..., Any]
) -> None:
    made = station.enveloped(*(station.interval(-slot) for slot in range(4)))
    true = made[0].envelope
    assert true is not None
    stranger = Ed25519PrivateKey.generate()
    forged = replace(true, signature=stranger.sign(true.body))
    other_id = replace(true, key_id="00000000")
    for wrong in (forged, other_id):
        lines = await deliver(database, service, [replace(one, envelope=wrong) for one in made])
        assert {line.code for line in lines} == {"telemetry.signature"}
    # an interval that the envelope does not name borrows nothing from its neighbours, in any order
    unnamed = replace(station.signed(-9), signature=b"", envelope=true)
    for order in ([unnamed, *made], [*made, unnamed]):
        lines = await deliver(database, service, order)
        assert [line.code for line in lines if line.hash == "0x" + unnamed.hash.hex()] == ["telemetry.signature"]
        assert {line.status for line in lines if line.hash != "0x" + unnamed.hash.hex()} <= {"accepted", "duplicate"}
    assert await count(database, EnergyReading) == 4
    async with database.transaction() as session:
        proven = select(EnergyEnvelope.signature).where(EnergyEnvelope.key.is_not(None))
        assert list(await session.scalars(proven)) == [true.signature]


async def test_breaks_of_the_chain_are_noted_and_refuse_nothing(
    database: Database, service: IngestService, station: Any
) -> None:
    chain: list[list[SignedInterval]] = []
    prev = bytes(32)
    for seq in range(6):
        chain.append(station.enveloped(station.interval(-seq), seq=seq, prev=prev))
        prev = chain[-1][0].envelope.hash  # type: ignore[union-attr]
    cloned = station.enveloped(station.interval(-20), seq=1, prev=bytes(32))
    stray = station.enveloped(station.interval(-21), seq=4, prev=b"\1" * 32)
    for made in (chain[0], chain[1], chain[5], cloned, chain[3], stray):
        assert {line.status for line in await deliver(database, service, made)} == {"accepted"}
    async with database.transaction() as session:
        noted = {(row.code, row.seq) for row in await session.scalars(select(EnergyNotice))}
        holes = (await session.execute(select(func.count()).select_from(table("energy_envelope_holes")))).scalar_one()
        (newest, *_) = await envelopes.notices(session, station=station.id)
        shown = {(row.code, row.seq) for row in await envelopes.notices(session, station=station.id)}
        assert shown == {(HOLE, 3), (REUSED, 1), (BROKEN, 4)}  # what came before number 5 has come since
        assert (newest.seq, newest.key) == (4, station.key.public_key().public_bytes_raw())
    command = await asyncio.to_thread(
        CliRunner().invoke, main, ["energy", "notices"], env={"GREENCORE_DATABASE_URL": database.url}
    )
    assert "a copied key" in command.output, command.output
    assert noted == {(HOLE, 5), (HOLE, 3), (REUSED, 1), (BROKEN, 4)}
    assert holes == 1  # only number 2 has not come


ways = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 12), st.integers(1, 2)), min_size=1, max_size=8, unique=True), st.booleans()
    ),
    min_size=1,
    max_size=6,
)


@given(ways, st.randoms(use_true_random=False))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_whatever_way_it_comes_the_same_is_stored(
    database: Database, clock: FixedClock, new_station: Callable[..., Any], given_ways: list[Any], random: Any
) -> None:
    """One interval alone or enveloped, again and again: who was first is stored, other bytes are conflicts, in any order."""
    station = new_station()
    await station.enrol(database)
    service = IngestService(clock, Mode.LIVE)
    first: dict[int, bytes] = {}
    seen: set[bytes] = set()
    for seq, (content, in_envelope) in enumerate(given_ways):
        intervals = [station.interval(-slot, value) for slot, value in content]
        made = (
            station.enveloped(*intervals, seq=seq)
            if in_envelope
            else [station.signed(-slot, value) for slot, value in content]
        )
        lines = await deliver(database, service, made)
        for one, line in zip(made, lines, strict=True):
            kept = first.setdefault(one.interval.slot, one.hash)
            new = one.hash not in seen and kept == one.hash
            assert line.status == ("accepted" if new else "duplicate" if kept == one.hash else "conflict")
            seen.add(one.hash)
        random.shuffle(made)
        again = await deliver(database, service, made)
        assert {line.status for line in again} <= {"duplicate", "conflict"}
    async with database.transaction() as session:
        rows = await session.execute(
            select(EnergyReading.slot, EnergyReading.hash, EnergyReading.signature, EnergyReading.envelope).where(
                EnergyReading.station == station.id
            )
        )
        stored = {
            slot: hashed for slot, hashed, signature, envelope in rows if (signature is None) != (envelope is None)
        }
        conflicts = select(EnergyConflict.hash).where(EnergyConflict.station == station.id)
        assert set(await session.scalars(conflicts)) == seen - set(first.values())
    assert stored == first


async def test_ways_that_meet_do_not_lock_each_other_out(
    database_url: str, clock: FixedClock, new_station: Callable[..., Any]
) -> None:
    """Envelopes, singles and attempts of ours bring the same intervals at once, in any order: each is stored once."""
    databases = [Database(database_url, pool_size=8) for _ in range(2)]
    station = new_station()
    made = station.enveloped(*(station.interval(-slot) for slot in range(120)))
    singles = [station.signed(-slot) for slot in range(120)]
    service = IngestService(clock, Mode.LIVE)
    await deliver(databases[0], service, [*made, *singles[:60]])  # all refused: the meter is not known yet
    await station.enrol(databases[0])
    clock.at += timedelta(minutes=2)

    async def retry(where: Database) -> None:
        async with where.transaction() as session:
            await IngestService(clock, Mode.LIVE).retry(session, limit=50)

    jobs: list[Any] = []
    for number in range(12):
        where = databases[number % 2]
        order = [made, singles, list(reversed(made)), list(reversed(singles))][number % 4]
        jobs += [deliver(where, IngestService(clock, Mode.LIVE), order), retry(where)]
    answers = await asyncio.gather(*jobs)
    lines = [line for answer in answers if answer for line in answer]
    assert {line.status for line in lines} <= {"accepted", "duplicate"}
    for _ in range(4):
        await retry(databases[0])
    assert await count(databases[0], EnergyReading) == 120
    told_of = [one.hash for event in await told(databases[0]) for one in event]
    assert sorted(told_of) == sorted(one.hash for one in made)
    async with databases[0].transaction() as session:
        assert not (
            await session.scalars(select(EnergyRejection.id).where(EnergyRejection.resolved_at.is_(None)))
        ).all()
    for where in databases:
        await where.close()
