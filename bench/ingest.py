# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Signed intervals, one by one or in envelopes, from JSON to durable rows with receipts; beside it a bare COPY of the same rows.

`single`: every interval has a signature of its own, which is checked. `envelope`: one signature for all of a delivery. A
delivery is what a meter sends: 1, 96 (a day) or 1,000 intervals. Each is one
transaction on a PostgreSQL that writes to disk before it answers, and ends with a signed receipt. The baseline copies the same
rows in transactions of the same size into a table of the same form, and checks nothing. "own CPU/s": intervals per second of
processor time of the process that takes them in, without PostgreSQL and without the processes that verify.

`--url http://host:port` sends the deliveries to a running API instead, whose database `--database` names; `--serve` starts one.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

import migrations
from bench.figures import Figure, finish, machine
from edge.protocol import (
    Interval,
    SignedInterval,
    decode,
    decode_receipts,
    encode,
    sign,
    sign_envelope,
    sign_receipt,
)
from energy.ingest.service import IngestService
from energy.ingest.store import driver
from energy.ingest.verify import Proof, Verifier, default_processes, make_verifier
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from greencore.embedded.ports import free_ports
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import running
from greencore.roles.process import collect_seldom
from kit.clock import SystemClock
from kit.database import Database
from kit.settings import Mode
from kit.units import slot_of

STATIONS = 50
SLOTS_MAX = 2_900  # of the 2,976 that ended within 31 days
SENDERS = 8  # deliveries under way at once
SIZES = (1_000, 10_000, 100_000)
FORMS = (("single", 1), ("single", 96), ("single", 1_000), ("envelope", 96), ("envelope", 1_000))
ONE_BY_ONE_MAX = 1_000  # arrays of one wait for a commit each; more of them only take longer

Send = Callable[[bytes], Awaitable[int]]


@dataclass(frozen=True)
class Fleet:
    """Stations with their keys."""

    stations: Sequence[tuple[UUID, Ed25519PrivateKey]]

    async def enrol(self, database: Database, now: datetime) -> None:
        """What the registry's mirror writes."""
        since = now - timedelta(days=40)
        async with database.transaction() as session:
            for station, key in self.stations:
                session.add(EnergyStation(id=station, owner=bytes(20), tenure=1, since=since, rated_w=40_000, block=1))
                session.add(EnergyTenure(station=station, tenure=1, owner=bytes(20), since=since, rated_w=40_000))
                session.add(EnergyMeter(key=key.public_key().public_bytes_raw(), station=station, since=since))

    def intervals(self, count: int, newest: int) -> list[SignedInterval]:
        """So many signed intervals, station by station, slot by slot, back from the newest."""
        made = []
        each = -(-count // len(self.stations))
        for station, key in self.stations:
            register = 10**12
            for slot in range(newest - each, newest):
                energy = 10**8 + slot * 7_919 % 10**9
                register += energy
                measures = {"meterWh": energy, "exportWh": energy, "exportRegisterWh": register}
                made.append(sign(Interval(station, slot, measures, slot.to_bytes(32, "big"), seq=slot), key))
        return made[:count]


def fleet(count: int = STATIONS) -> Fleet:
    """Fresh stations, so that nothing was ever stored for them."""
    return Fleet([(uuid4(), Ed25519PrivateKey.generate()) for _ in range(count)])


def fleet_for(size: int, array: int) -> Fleet:
    """As many stations as deliver in whole arrays, none of them more than is young enough to be let in."""
    return fleet(max(min(STATIONS, size // array), -(-size // SLOTS_MAX)))


def envelopes(fleet: Fleet, intervals: Sequence[SignedInterval], size: int) -> list[bytes]:
    """The same intervals, each station's in envelopes of `size`, in a chain."""
    made = []
    for station, key in fleet.stations:
        prev, own = bytes(32), [it for it in intervals if it.interval.home_id == station]
        for seq, at in enumerate(range(0, len(own), size)):
            part = own[at : at + size]
            envelope = sign_envelope(station, [it.hash for it in part], key, boot_id="bench", seq=seq, prev=prev)
            made.append(encode([SignedInterval.enveloped(it.interval, it.body, it.hash, envelope) for it in part]))
            prev = envelope.hash
    return made


def arrays(intervals: Sequence[SignedInterval], size: int) -> list[bytes]:
    """Deliveries as meters send them."""
    parts = (intervals[at : at + size] for at in range(0, len(intervals), size))
    return [part[0].to_json() if size == 1 else b"[" + b",".join(it.to_json() for it in part) + b"]" for part in parts]


async def rate(payloads: Sequence[bytes], count: int, send: Send) -> float:
    """Intervals a second until the last receipt is there. Raises RuntimeError unless every interval was accepted."""
    queue = iter(payloads)
    accepted = 0

    async def sender() -> None:
        nonlocal accepted
        for payload in queue:
            stored = await send(payload)
            accepted += stored

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    passed = time.perf_counter() - began
    if accepted != count:
        raise RuntimeError(f"{accepted} of {count} intervals were accepted")
    return count / passed


async def warm(database: Database, send: Send) -> None:
    """Every sender's connection is open and has met the statements; a role meets them once in its life."""
    few = fleet(SENDERS)
    await few.enrol(database, datetime.now(UTC))
    intervals = few.intervals(SENDERS * 100, slot_of(datetime.now(UTC)))
    await asyncio.gather(*(send(payload) for payload in envelopes(few, intervals, 100)))
    more = few.intervals(SENDERS * 110, slot_of(datetime.now(UTC)))
    await asyncio.gather(*(send(payload) for payload in arrays(more, 110)))


def through_service(database: Database, verifier: Verifier) -> Send:
    """What the API does, without HTTP."""
    service = IngestService(SystemClock(), Mode.LIVE, verifier=verifier)
    key = Ed25519PrivateKey.generate()

    async def send(payload: bytes) -> int:
        deliveries = decode(payload)
        async with database.transaction() as session:
            lines = await service.ingest(session, deliveries, "rest")
        receipt = sign_receipt(deliveries[0].interval.home_id, datetime.now(UTC), lines, key)
        return len(receipt.to_json()) and sum(line.status == "accepted" for line in lines)

    return send


def through_http(client: httpx.AsyncClient) -> Send:
    """A real request and the receipts of its answer."""

    async def send(payload: bytes) -> int:
        answer = await client.post(
            "/api/telemetry/intervals", content=payload, headers={"content-type": "application/json"}
        )
        answer.raise_for_status()
        receipts = decode_receipts(answer.content)
        return sum(line.status == "accepted" for receipt in receipts for line in receipt.receipts)

    return send


async def copy_rate(database: Database, stations: Sequence[UUID], size: int) -> float:
    """Rows a second of a bare COPY: the stations' rows in transactions of `size`, into an empty table of the same form."""
    columns = "station, meter, slot, hash, body, signature, key, meter_uwh, demo, received_at, transport"
    async with database.transaction() as session:
        rows = [
            tuple(row)
            for row in await session.execute(
                text(f"SELECT {columns} FROM energy_reading WHERE station = ANY(:them)"), {"them": list(stations)}
            )
        ]
        await session.execute(text("CREATE TABLE bench_copy (LIKE energy_reading INCLUDING ALL)"))
    began = time.perf_counter()
    for at in range(0, len(rows), size):
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            connection = await driver(session)
            await connection.copy_records_to_table(
                "bench_copy", records=rows[at : at + size], columns=columns.split(", ")
            )
    passed = time.perf_counter() - began
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE bench_copy"))
    return len(rows) / passed


async def empty(database: Database) -> None:
    """As before the first run."""
    async with database.transaction() as session:
        await session.execute(
            text("TRUNCATE energy_reading, energy_pending, energy_envelope, energy_notice, kit_outbox")
        )


def verify_rate(intervals: Sequence[SignedInterval], key: bytes) -> float:
    """Ed25519 verifications a second of one core: the floor under signatures one by one."""
    began = time.perf_counter()
    for it in intervals:
        it.signed_by(key)
    return len(intervals) / (time.perf_counter() - began)


async def measure(
    database: Database, make_send: Callable[[], Send], sizes: Sequence[int], way: str, own: bool
) -> list[Figure]:
    """Every size in every array, each from an empty table if the database is our own."""
    figures = []
    print(
        f"{'form':>8} {'at once':>7} {'intervals':>10} {'intervals/s':>12} {'bare COPY/s':>12} {'ratio':>7} "
        f"{'own CPU/s':>10}  growth"
    )
    for form, array in FORMS:
        first = 0.0
        for size in sizes:
            if array == 1 and size > ONE_BY_ONE_MAX:
                continue
            if own:
                await empty(database)
            stations = fleet_for(size, array)
            await stations.enrol(database, datetime.now(UTC))
            intervals = stations.intervals(size, slot_of(datetime.now(UTC)))
            payloads = arrays(intervals, array) if form == "single" else envelopes(stations, intervals, array)
            send = make_send()
            await warm(database, send)
            spent = time.process_time()
            value = await rate(payloads, size, send)
            per_cpu = size / (time.process_time() - spent)
            baseline = await copy_rate(database, [station for station, _ in stations.stations], array)
            first = first or value
            growth = f"{first / value:.2f}× the time an interval of the smallest size"
            print(
                f"{form:>8} {array:>7} {size:>10,} {value:>12,.0f} {baseline:>12,.0f} {value / baseline:>7.3f} {per_cpu:>10,.0f}  "
                f"{growth}",
                flush=True,
            )
            name = f"ingest_{way}_{form}_{array}"
            figures.append(Figure(name, value, "intervals/s", size, "COPY of the same rows", baseline))
            if way == "service":  # what others on the machine do matters little to this one
                figures.append(Figure(f"{name}_own_cpu", per_cpu, "intervals/CPU second", size))
    return figures


@contextmanager
def embedded_postgres() -> Iterator[str]:
    """A durable PostgreSQL of our own, migrated."""
    with tempfile.TemporaryDirectory(prefix="gcb-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder) / "pg")
        with running(server.prepare(), Path(folder) / "postgres.log"):
            server.create_database("bench")
            url = server.url("bench")
            migrations.upgrade(url)
            yield url


@asynccontextmanager
async def served(
    url: str | None, serve: bool, database_url: str, processes: int
) -> AsyncIterator[httpx.AsyncClient | None]:
    """A client of the API that is named, or of one started for the run."""
    if not url and not serve:
        yield None
        return
    process = None
    with tempfile.TemporaryDirectory(prefix="gcb-") as folder:
        if serve:
            port = free_ports(1)[0]
            url = f"http://127.0.0.1:{port}"
            environment = {
                **os.environ,
                "GREENCORE_DATABASE_URL": database_url,
                "GREENCORE_API_PORT": str(port),
                "GREENCORE_RECEIPT_KEY": f"{folder}/receipt.key",
                "GREENCORE_TELEMETRY_RATE": "1000000",
                "GREENCORE_TELEMETRY_BURST": "1000000",
                "GREENCORE_VERIFY_PROCESSES": str(processes),
                "GREENCORE_LOG_LEVEL": "warning",
            }
            # no stream is needed for the way in; what the API says of its absence goes to a file
            log = await asyncio.to_thread(Path(folder, "api.log").open, "wb")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "greencore", "api", env=environment, stdout=log, stderr=log
            )
        try:
            async with httpx.AsyncClient(base_url=url or "", timeout=60, trust_env=False) as client:
                for _ in range(600):
                    try:
                        await client.get("/healthz")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
                yield client
        finally:
            if process is not None:
                process.terminate()
                await process.wait()
                log.close()


async def run(
    database_url: str, url: str | None, serve: bool, sizes: Sequence[int], own: bool, processes: int
) -> list[Figure]:
    """The whole bench against one database."""
    database = Database(database_url, pool_size=SENDERS)
    stations = fleet()
    sample = stations.intervals(STATIONS * 40, slot_of(datetime.now(UTC)))[:40] * 50
    verified = verify_rate(sample, stations.stations[0][1].public_key().public_bytes_raw())
    print(f"Ed25519 alone: {verified:,.0f} verifications/s on one core")
    verifier = make_verifier(processes)
    # processes start with the first batch; what a start costs is no matter of the rate
    await verifier.signers([Proof((), it.signature, it.body) for it in sample])
    try:
        async with served(url, serve, database_url, processes) as client:
            way = "service" if client is None else "http"
            figures = await measure(
                database,
                lambda: through_service(database, verifier) if client is None else through_http(client),
                sizes,
                way,
                own,
            )
    finally:
        verifier.close()
        await database.close()
    return [Figure("ed25519_verify_one_core", verified, "verifications/s", len(sample)), *figures]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="bench ingest", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", help="a running API")
    parser.add_argument("--serve", action="store_true", help="start an API for the run")
    parser.add_argument(
        "--database", help="PostgreSQL in SQLAlchemy form, migrated; the readings stay there. Left out: one of our own"
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="how many intervals, with commas")
    parser.add_argument(
        "--processes",
        type=int,
        default=default_processes(),
        help="processes that check signatures; with --serve too (0: none but the role's own)",
    )
    options = parser.parse_args()
    if options.url and not options.database:
        parser.error("--url needs --database: stations must be enrolled there")
    sizes = [int(size) for size in options.sizes.split(",")]
    print(machine())
    collect_seldom()
    if options.database:
        finish(asyncio.run(run(options.database, options.url, options.serve, sizes, False, options.processes)))
    else:
        with embedded_postgres() as database_url:
            finish(asyncio.run(run(database_url, options.url, options.serve, sizes, True, options.processes)))


if __name__ == "__main__":
    main()
