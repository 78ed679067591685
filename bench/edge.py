# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The edge agent: signed, durable commits a second; envelopes; bytes on disk and on the way; memory of a running agent.

A commit is what an agent does once a quarter hour: number, sign, insert with the raw reads and the builder's state, sync the
log, write down the number outside. The baseline is the same without a sync (`synchronous=NORMAL`), which a power cut can take
back; the floor is a bare INSERT of the same bytes with `synchronous=FULL`. Both run in the same folder in the same run.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figure, finish, machine
from edge.buffer.store import BUFFER_FILE, Buffer
from edge.buffer.tables import Draft
from edge.delivery.envelope import sealer
from edge.intervals import BuilderState, Read, Track
from edge.protocol import Interval, profile_hash, sign
from greencore.embedded.ports import free_ports

SIZES = (100, 1_000, 10_000)  # intervals that stand in the buffer already; a month of one meter is 2,880
COMMITS = 200
ROUNDS = 5
ENVELOPE = 96
HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
FIRST = 1_956_096
STATE = BuilderState({name: Track(Read(1, 2, 6), Read(3, 4, 6, -1), 5, 6) for name in ("exp", "imp")})


def draft(slot: int, key: Ed25519PrivateKey) -> Draft:
    """A slot of a two-way meter with scale factors: two registers, four reads around each end."""
    reads = [
        (slot * 900_000 + at, name, 10**9 + at)
        for at in (-2_500, 2_500, 897_500, 902_500)
        for name in ("exp", "exp.scale", "imp", "imp.scale")
    ]
    profile = b"greencore.profile.v1\n" + "".join(f"{at},{name},{raw}\n" for at, name, raw in reads).encode()
    energy = 10**8 + slot * 7_919 % 10**9
    registers = {"exportRegisterWh": 10**13, "importRegisterWh": 10**12}
    measures = {"meterWh": energy, "exportWh": energy, "importWh": 0} | registers
    return Draft(
        "main",
        slot,
        profile,
        lambda seq: sign(
            Interval(HOME, slot, measures, profile_hash(reads), seq=seq, quality="measured", source="edge"), key
        ),
    )


def commits(buffer: Buffer, first: int, key: Ed25519PrivateKey, count: int) -> float:
    """Commits of one interval each, a second."""
    drafts = [draft(slot, key) for slot in range(first, first + count)]
    began = time.perf_counter()
    for each in drafts:
        buffer.store([each], STATE, "map")
    return count / (time.perf_counter() - began)


def opened(buffer: Buffer) -> sqlite3.Connection:
    """The buffer's own connection: the baseline is this very buffer with another pragma."""
    file = buffer._file
    assert file is not None
    return file.db


@contextmanager
def synced_by_nobody(buffer: Buffer) -> Iterator[None]:
    """`synchronous=NORMAL`, and the numbers are not written down outside: what a power cut may take back."""
    mark = buffer._mark
    write_down = mark.intervals
    mark.intervals = lambda next_seq, oldest_pending: None  # type: ignore[method-assign]
    opened(buffer).execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        opened(buffer).execute("PRAGMA synchronous=FULL")
        mark.intervals = write_down  # type: ignore[method-assign]


def floor(folder: Path, size: int, count: int) -> float:
    """Bare INSERTs a second of a row of so many bytes, `synchronous=FULL`."""
    db = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS bare (seq INTEGER PRIMARY KEY, body BLOB)")
    body = os.urandom(size)
    began = time.perf_counter()
    for _ in range(count):
        db.execute("INSERT INTO bare (body) VALUES (?)", (body,))
    passed = time.perf_counter() - began
    db.close()
    return count / passed


def measure(folder: Path, sizes: tuple[int, ...]) -> list[Figure]:
    """Commits at growing buffers, then envelopes and bytes."""
    figures: list[Figure] = []
    key = Ed25519PrivateKey.generate()
    print(f"{'held':>8} {'FULL /s':>9} {'NORMAL /s':>10} {'bare FULL /s':>13}  of NORMAL  of bare  growth")
    first_rate = 0.0
    with Buffer(folder) as buffer:
        file = buffer._file
        assert file is not None
        slot = FIRST
        for size in sizes:
            missing = size - sum(buffer.counts().values())
            buffer.store([draft(at, key) for at in range(slot, slot + missing)], STATE, "map")
            slot += missing
            row = buffer.last(1)[0]
            bytes_of_a_row = 2 * len(row.wire) + len(buffer.profile(row.seq) or b"")
            rates: dict[str, list[float]] = {"full": [], "normal": [], "bare": []}
            for _ in range(ROUNDS):  # by turns, since others use the disk too
                rates["full"].append(commits(buffer, slot, key, COMMITS))
                with synced_by_nobody(buffer):
                    rates["normal"].append(commits(buffer, slot + COMMITS, key, COMMITS))
                rates["bare"].append(floor(folder, bytes_of_a_row, COMMITS))
                slot += 2 * COMMITS
            full, normal, bare = (median(rates[name]) for name in ("full", "normal", "bare"))
            first_rate = first_rate or full
            print(
                f"{size:>8,} {full:>9,.0f} {normal:>10,.0f} {bare:>13,.0f}  {full / normal:>9.2f}  {full / bare:>7.2f}"
                f"  {first_rate / full:.2f}× the time of the smallest",
                flush=True,
            )
            figures += [
                Figure("edge_commits", full, "commits/s", size, "synchronous=NORMAL", normal),
                Figure("edge_commits_to_floor", full, "commits/s", size, "bare INSERT, synchronous=FULL", bare),
            ]
        figures += _envelopes(buffer, key)
        held = sum(buffer.counts().values())
        opened(buffer).execute("PRAGMA wal_checkpoint(TRUNCATE)")
        per_row = (folder / BUFFER_FILE).stat().st_size / held
    print(
        f"{per_row:,.0f} bytes an interval on disk, envelopes included; 30 days of a meter {per_row * 2_880 / 1e6:.1f} MB"
    )
    return [*figures, Figure("edge_bytes_on_disk", per_row, "bytes/interval", held)]


def _envelopes(buffer: Buffer, key: Ed25519PrivateKey) -> list[Figure]:
    """Envelopes of a day, made, signed and stored; and what travels with them, against single signatures."""
    seal = sealer(HOME, key, "bench")
    count, wire, alone = 0, 0, 0
    began = time.perf_counter()
    passed = 0.0
    while rows := buffer.pending(ENVELOPE, loose=True):
        began = time.perf_counter()
        sealed = buffer.seal(rows, seal)
        passed += time.perf_counter() - began
        count += len(rows)
        wire += len(sealed.wire)
        alone += sum(len(row.wire) + 1 for row in rows)
        if count >= 50 * ENVELOPE:
            break
    print(
        f"envelopes of {ENVELOPE}: {count / passed:,.0f} intervals/s; {wire / count:.0f} bytes each, alone {alone / count:.0f}"
    )
    return [
        Figure("edge_envelope_intervals", count / passed, "intervals/s", ENVELOPE),
        Figure(
            "edge_bytes_on_the_way",
            wire / count,
            "bytes/interval",
            ENVELOPE,
            "each with its own signature",
            alone / count,
        ),
    ]


def memory(folder: Path, transport: str, seconds: float) -> Figure:
    """The resident memory of an agent that reads a simulated meter once a second, after so many seconds."""
    port = free_ports(1)[0]
    config = {"epoch": int(time.time()) - 86_400, "stations": [{"name": "home", "port": port, "profile": "household"}]}
    (folder / "stations.json").write_text(json.dumps(config))
    environment = os.environ | {
        "GREENCORE_EDGE_STATION": str(uuid4()),
        "GREENCORE_EDGE_RECEIPT_KEY": "00" * 32,
        "GREENCORE_EDGE_DATA_DIR": str(folder / transport),
        "GREENCORE_EDGE_MODBUS_PORT": str(port),
        "GREENCORE_EDGE_POLL_S": "1",
        "GREENCORE_EDGE_SOURCE": "demo",
        "GREENCORE_EDGE_TRANSPORT": transport,
        "MALLOC_ARENA_MAX": "1",
    }
    started = []
    try:
        for name, arguments in (
            ("simulator", ["-m", "simulator", "--config", str(folder / "stations.json")]),
            ("agent", ["-m", "greencore", "edge", "run"]),
        ):
            with (folder / f"{name}-{transport}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [sys.executable, *arguments], env=environment, stdout=log, stderr=subprocess.STDOUT
                    )
                )
            time.sleep(3)
        time.sleep(seconds)
        status = json.loads((folder / transport / "status.json").read_text())
        if not status["read"]:
            raise RuntimeError(f"the agent read nothing: {status['meter_error']}")
        lines = Path(f"/proc/{started[-1].pid}/status").read_text().splitlines()
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(20)
    resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
    print(f"an agent with {transport}, {status['read']} reads: {resident:.1f} MB resident")
    return Figure(f"edge_resident_{transport}", resident, "MB", status["read"])


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="bench edge", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the buffer stands; its disk is what is measured")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="intervals in the buffer, with commas")
    parser.add_argument("--seconds", type=float, default=20, help="how long an agent runs before its memory is read")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="gcb-", dir=options.folder, ignore_cleanup_errors=True) as folder:
        figures = measure(Path(folder), tuple(int(size) for size in options.sizes.split(",")))
        figures += [memory(Path(folder), transport, options.seconds) for transport in ("rest", "mqtt")]
    finish(figures)


if __name__ == "__main__":
    main()
