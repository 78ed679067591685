# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A slot's report over many stations: leaves, tree, file, proofs, and a node's whole close from its database to a signature.

`tree` is what the target speaks of: encoding and hashing every leaf and building the tree, and here also writing the published
file and hashing it. `read` is what whoever fetches the file does: check its form and build its tree. `prove` is one proof from a
stored tree by a process that has just started. `close` is a node's slot: load, recount the stations that have readings (a tenth
of all, 10,000 at most), content, decision, file and proposal to disk, signature; `apply` what follows when the chain accepts it.

The baselines, in the same run: the definition of `oracle/rules.py` leaf by leaf, and for `close` every tenure loaded and counted
as if it had readings (up to 100,000 stations).
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak as keccak_plain

import migrations
from bench.figures import Figure, finish, machine
from chain.signer import LocalSigner
from edge.protocol import Interval, SignedInterval, sign
from energy.ingest.store import driver
from energy.policies.book import book
from energy.settle.rules import Register, StationParameters, advance
from flows import proofs
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import running
from kit.clock import FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.units import SLOT_SECONDS, UWH_PER_WH
from oracle import repository
from oracle.accepted import AcceptedReport
from oracle.intake import Intake
from oracle.keccak import IS_FAST
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import Proposal, SignRequest
from oracle.recount.service import Recounter, Row
from oracle.rows import LeafValues, WrittenRow, read_row, write_row
from oracle.rules import ZERO_HASH, Leaf, Report, Tree, render_leaves

SIZES = (10_000, 100_000, 1_000_000)
SLOT = 1_956_528
E = 1
OWNER = bytes(range(20))
WHOLE_MAX = 100_000
COUNTED_MAX = 10_000
PROOFS = 200
RATED_W = 40_000


def draw(count: int) -> list[LeafValues]:
    """So many stations whose slot was read, with random names."""
    drawn = random.Random(count)
    stations = sorted(drawn.randbytes(16) for _ in range(count))
    return [
        LeafValues(station, 1, OWNER, 1_234_567_890, 10**13 + n, 10**13 + 2 * n, 2, station * 2)
        for n, station in enumerate(stations)
    ]


class Watch:
    """Seconds by the wall and by the processor: other work on the machine stretches the first only."""

    def __init__(self) -> None:
        self._wall, self._busy = time.perf_counter(), time.process_time()

    def stop(self) -> tuple[float, float]:
        """Both, since the beginning."""
        return time.perf_counter() - self._wall, time.process_time() - self._busy


def plain_row(values: list[LeafValues]) -> tuple[bytes, bytes]:
    """The same by the definition, leaf by leaf: the tree's root and the file's hash."""
    leaves = [
        Leaf(E, int.from_bytes(station, "big"), tenure, owner, SLOT, energy, measured, mintable, quality, profile)
        for station, tenure, owner, energy, measured, mintable, quality, profile in values
    ]
    return Tree([leaf.hash() for leaf in leaves]).root, keccak_plain(render_leaves(leaves))


def rows(count: int) -> tuple[list[Figure], WrittenRow]:
    """Tree, file and reading, without a database."""
    values = draw(count)
    watch = Watch()
    made = write_row(values, utility=E, slot=SLOT)
    wall, busy = watch.stop()
    watch = Watch()
    plain = plain_row(values)
    plain_wall, plain_busy = watch.stop()
    if (made.tree.root, made.data_hash) != plain:
        raise SystemExit("the bulk row is not the definition's")
    watch = Watch()
    read = read_row(made.data)
    read_wall, read_busy = watch.stop()
    if read.tree.root != made.tree.root:
        raise SystemExit("what was read is not what was written")
    megabytes = len(made.data) / 1e6
    shown = f"tree and file {wall:.2f} s, {busy:.2f} of the processor (leaf by leaf {plain_wall:.2f}, {plain_busy:.2f})"
    print(f"{count:>9,}  {shown}  read {read_wall:.2f} s, {read_busy:.2f}  {megabytes:.0f} MB", flush=True)
    return [
        Figure("report.tree", wall, "s", count, "leaf by leaf", plain_wall),
        Figure("report.tree.cpu", busy, "s", count, "leaf by leaf", plain_busy),
        Figure("report.read", read_wall, "s", count),
        Figure("report.read.cpu", read_busy, "s", count),
        Figure("report.file", megabytes, "MB", count),
    ], made


@asynccontextmanager
async def databases() -> AsyncIterator[Postgres]:
    """A PostgreSQL that writes to disk before it answers."""
    with tempfile.TemporaryDirectory(prefix="gcb-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder) / "pg")
        with running(server.prepare(), Path(folder) / "postgres.log"):
            yield server


async def proving(database: Database, made: WrittenRow) -> float:
    """Median seconds of a proof from the stored tree, each in a transaction of its own; what a process keeps in memory is dropped
    before each.
    """
    row = read_row(made.data)
    async with database.transaction() as session:
        await repository.store_leaves(session, E, SLOT, made.data_hash, made.data)
        await proofs.store(session, E, SLOT, made.data_hash, row)
    took = []
    drawn = random.Random(7)
    for _ in range(PROOFS):
        leaf = row[drawn.randrange(len(row))]
        proofs.forget()
        start = time.perf_counter()
        async with database.transaction() as session:
            found = await proofs.find(session, made.data_hash, leaf.station)
        took.append(time.perf_counter() - start)
        if found is None or found.root != made.tree.root:
            raise SystemExit("a proof does not lead to the root")
    return median(took)


async def fill(database: Database, values: list[LeafValues], keys: dict[UUID, Ed25519PrivateKey]) -> None:
    """The registry's mirror and every register, as they stand before the slot."""
    since = datetime.fromtimestamp((SLOT - 200) * SLOT_SECONDS, UTC)
    ids = [UUID(bytes=value.station) for value in values]
    before = _register(ids[0])
    async with database.transaction() as session:
        raw = await driver(session)
        await raw.copy_records_to_table(
            "energy_station",
            records=((i, "", OWNER, 1, since, RATED_W, 0, 1_000_000, True, 0) for i in ids),
            columns=("id", "name", "owner", "tenure", "since", "rated_w", "kind", "k_safety_ppm", "demo", "block"),
        )
        await raw.copy_records_to_table(
            "energy_tenure",
            records=((i, 1, OWNER, since, RATED_W) for i in ids),
            columns=("station", "tenure", "owner", "since", "rated_w"),
        )
        await raw.copy_records_to_table(
            "energy_meter",
            records=((key.public_key().public_bytes_raw(), i, 1, since) for i, key in keys.items()),
            columns=("key", "station", "role", "since"),
        )
        await raw.copy_records_to_table(
            "oracle_register",
            records=((E, i, 1, before, SLOT - 1) for i in ids),
            columns=("utility", "station", "tenure", "register", "slot"),
        )
        await raw.execute("ANALYZE energy_station, energy_tenure, energy_meter, oracle_register")


def _register(station: UUID) -> str:
    """A register with what its rules remember of the last hours."""
    register = Register()
    parameters, policy = StationParameters(station, RATED_W), book().at(SLOT)
    for slot in range(SLOT - 16, SLOT):
        one = Interval(station, slot, {"meterWh": (900 + slot % 7) * UWH_PER_WH}, bytes(32), source="demo")
        register = advance(register, [one], slot=slot, parameters=parameters, policy=policy).register
    return register.to_json()


def readings(keys: dict[UUID, Ed25519PrivateKey]) -> list[SignedInterval]:
    """One signed reading of the slot for each of these stations."""
    return [
        sign(Interval(station, SLOT, {"meterWh": 905 * UWH_PER_WH}, b"p" * 32, source="demo"), key)
        for station, key in keys.items()
    ]


async def close(database: Database, *, whole: bool = False) -> tuple[float, Row, Proposal]:
    """A node's close of the slot, to the signature."""
    recounter, signer = Recounter(book()), LocalSigner(b"\1" * 32)
    start = time.perf_counter()
    async with database.transaction() as session:
        inputs = await recounter.load(session, E, SLOT, whole=whole)
    row = await recounter.run(inputs, E, SLOT)
    content = row.written.content(prev=ZERO_HASH, previous_total=0, valid_from=0)
    proposal = Proposal(content, recounter.version(SLOT), row.lists)
    if not whole:
        request = SignRequest(proposal, SLOT * SLOT_SECONDS + 10**6, 1, ())
        async with database.transaction() as session:
            await quorum_repository.decide(session, request, datetime.now(UTC))
            await quorum_repository.store_proposal(session, proposal)
            await repository.store_leaves(session, E, SLOT, content.data_hash, row.data)
        await signer.sign(Report(content, request.deadline, 1).message(chain_id=1, oracle=OWNER))
    return time.perf_counter() - start, row, proposal


async def apply(database: Database, row: Row, proposal: Proposal) -> float:
    """What a node does when the chain has accepted the report."""
    recounter = Recounter(book())
    accepted = AcceptedReport(proposal.content, 1, 1, bytes(32), bytes(32))
    async with database.transaction() as session:
        inputs = await recounter.load(session, E, SLOT, proposal.all_hashes())
    start = time.perf_counter()
    async with database.transaction() as session:
        await repository.apply_report(
            session, accepted, row.outcomes, inputs.readings, agreed=True, at=datetime.now(UTC)
        )
    return time.perf_counter() - start


async def closing(server: Postgres, count: int, made: WrittenRow) -> list[Figure]:
    """Proofs and a node's slot on a database of its own."""
    name = f"report_{count}"
    server.create_database(name)
    url = server.url(name)
    await asyncio.to_thread(migrations.upgrade, url)
    database = Database(url)
    try:
        proof = await proving(database, made)
        values = draw(count)
        counted = min(count // 10, COUNTED_MAX)
        keys = {UUID(bytes=v.station): Ed25519PrivateKey.generate() for v in values[:: count // counted]}
        await fill(database, values, keys)
        del values
        clock = FixedClock(datetime.fromtimestamp((SLOT + 1) * SLOT_SECONDS, UTC) + timedelta(seconds=1))
        await Intake(database, clock, Mode.DEMO).take(readings(keys))
        plain = (await close(database, whole=True))[0] if count <= WHOLE_MAX else None
        watch = Watch()
        seconds, row, proposal = await close(database)
        busy = watch.stop()[1]
        if len(row.outcomes) != len(keys) or row.written.stations != count:
            raise SystemExit(f"{len(row.outcomes)} of {len(keys)} stations were counted")
        applied = await apply(database, row, proposal)
    finally:
        await database.close()
        server.drop_database(name)
    shown = "" if plain is None else f" (every tenure {plain:.2f} s)"
    print(
        f"{count:>9,}  proof {proof * 1000:5.2f} ms  close {seconds:6.2f} s{shown}  apply {applied:5.2f} s  {len(keys):,} readings"
    )
    return [
        Figure("report.prove", proof * 1000, "ms", count),
        Figure("report.close", seconds, "s", count, None if plain is None else "every tenure", plain),
        Figure("report.close.cpu", busy, "s", count),
        Figure("report.apply", applied, "s", count),
    ]


async def signing() -> Figure:
    """One signature with a key in memory."""
    signer = LocalSigner(b"\1" * 32)
    start = time.perf_counter()
    for n in range(100):
        await signer.sign(n.to_bytes(66, "big"))
    return Figure("report.sign", (time.perf_counter() - start) * 10, "ms", 1)


async def run(sizes: list[int], with_database: bool) -> None:
    """All sizes, the small ones first."""
    print(machine(), "keccak:", "safe-pysha3" if IS_FAST else "pycryptodome", "load:", os.getloadavg()[0], flush=True)
    figures: list[Figure] = [await signing()]
    async with databases() as server:
        for size in sizes:
            found, made = rows(size)
            figures += found
            if with_database:
                figures += await closing(server, size, made)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    finish([*figures, Figure("report.memory", peak, "MB", max(sizes))])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--no-database", action="store_true", help="trees and files only")
    given = parser.parse_args()
    asyncio.run(run(sorted(given.sizes), not given.no_database))


if __name__ == "__main__":
    main()
