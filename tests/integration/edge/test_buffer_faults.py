# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The buffer under a process that dies, a disk that is full or read-only, and a power cut in the middle of a write."""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.buffer.store import Buffer
from edge.intervals import BuilderState
from edge.keys import load_or_create
from edge.protocol import decode
from tests.integration.edge.buffer_child import FIRST, draft

ROOT = Path(__file__).parents[3]
CHILD = [sys.executable, str(Path(__file__).with_name("buffer_child.py"))]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def child(what: str, folder: Path) -> dict:
    done = subprocess.run([*CHILD, what, str(folder)], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def on_a_small_disk(what: str, folder: Path, megabytes: int) -> dict:
    """The same on a file system of its own, in a name space of its own: no privilege is needed where the kernel allows it."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs "{folder}"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets nobody mount a file system in a name space of their own")
    command = " ".join(f'"{part}"' for part in [*CHILD, what, str(folder)])
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mount} && exec {command}"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def killed_at_random(folder: Path, rounds: int, seed: int) -> None:
    """Kill a writer at random instants; whatever it acknowledged is there afterwards, once, signed, in order."""
    chance = random.Random(seed)
    acknowledged: list[int] = []
    for _ in range(rounds):
        with subprocess.Popen([*CHILD, "endless", str(folder)], env=ENVIRONMENT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.25))
            writer.kill()
            acknowledged += [int(line) for line in (first + writer.stdout.read()).split(b"\n")[:-1]]
        with Buffer(folder) as buffer:
            seqs = [row.seq for row in buffer.pending(1_000_000)]
            assert seqs == list(range(1, len(seqs) + 1))  # the last one may be there without its acknowledgement
            assert acknowledged == seqs[: len(acknowledged)]
            assert len(seqs) <= len(acknowledged) + rounds
            acknowledged = seqs
            assert buffer.incidents() == []
    key = load_or_create(folder).public_key().public_bytes_raw()
    with Buffer(folder) as buffer:
        assert all(decode(row.wire)[0].signed_by(key) for row in buffer.pending(1_000_000))


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    killed_at_random(tmp_path, 4, seed=1)


@pytest.mark.nightly
def test_a_writer_killed_sixty_times_loses_nothing(tmp_path):
    killed_at_random(tmp_path, 60, seed=2)


def test_every_acknowledgement_comes_after_a_sync_of_the_log(tmp_path):
    """The kernel is asked, not SQLite: between two acknowledgements the log was synced after it was last written."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    options = ["-f", "-y", "-e", "trace=write,pwrite64,fdatasync,fsync", "-o", str(trace)]
    done = subprocess.run(
        [strace, *options, *CHILD, "few", str(tmp_path / "data")], env=ENVIRONMENT, capture_output=True, check=False
    )
    if b"begin" not in done.stdout:
        pytest.skip(f"strace may not trace here: {done.stderr.decode()[-200:]}")
    calls = trace.read_text()
    calls = calls[calls.index('"begin') :]
    parts = re.split(r'write\(1<[^>]*>, "ack \d+', calls)
    assert len(parts) == 11
    for part in parts[:-1]:
        wrote = [found.start() for found in re.finditer(r"pwrite64\(\d+<[^>]*buffer\.sqlite-wal", part)]
        synced = [found.start() for found in re.finditer(r"f(?:data)?sync\(\d+<[^>]*buffer\.sqlite-wal", part)]
        assert wrote, "an acknowledgement without a write"
        assert synced, "an acknowledgement without a sync"
        assert max(synced) > max(wrote)


STEPS = [
    *(("rename", n) for n in (1, 2)),
    ("link", 1),
    *(("unlink", n) for n in (1, 2)),
    ("fdatasync", 2),
    ("fdatasync", 6),
]
MORE = [
    *(("fdatasync", n) for n in range(1, 16)),
    *(("fsync", n) for n in range(1, 8)),
    *(("pwrite64", n) for n in range(1, 160, 3)),
]


def killed_while_healing(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """Damage a buffer, kill the process that heals it at its n-th call of a kind, and look what the next one finds."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    healthy = tmp_path / "healthy"
    key = load_or_create(healthy)
    with Buffer(healthy) as buffer:
        for slot in range(FIRST, FIRST + 40):
            buffer.store([draft(slot, key)], BuilderState(), "map")
        original = {row.seq: row.wire for row in buffer.pending(100)}
    damaged = (healthy / "buffer.sqlite").read_bytes()
    at = damaged.index(original[20]) // 4096 * 4096  # the page of a few intervals, which nothing can bring back
    (healthy / "buffer.sqlite").write_bytes(damaged[:at] + bytes(4096) + damaged[at + 4096 :])
    died = 0
    for call, number in steps:
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(healthy, folder)
        options = [
            "-f",
            "-qq",
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:signal=KILL:when={number}",
            "-o",
            "/dev/null",
        ]
        done = subprocess.run(
            [strace, *options, *CHILD, "heal", str(folder)], env=ENVIRONMENT, capture_output=True, check=False
        )
        died += done.returncode != 0
        with Buffer(folder) as buffer:
            there = {row.seq: row.wire for row in buffer.last(100)}
            lost = {n for it in buffer.incidents() for first, last in it.lost for n in range(first, last + 1)}
            assert {seq: wire for seq, wire in there.items() if seq <= 40}.items() <= original.items(), (call, number)
            assert set(there) | lost >= set(original), (call, number)
            assert len(lost) <= 4, (call, number)
            acknowledged = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(b"ack ")]
            assert set(acknowledged) <= set(there), (call, number)
            following = buffer.store([draft(FIRST + 901, key)], BuilderState(), "map")[0]
            assert following == [max(there) + 1], (call, number)
    assert died >= len(steps) // 2, "nothing was killed: the test shows nothing"


def test_killed_at_a_step_of_the_healing_nothing_is_lost_and_no_number_comes_twice(tmp_path):
    killed_while_healing(tmp_path, STEPS)


@pytest.mark.nightly
def test_killed_at_any_step_of_the_healing(tmp_path):
    killed_while_healing(tmp_path, MORE)


def changed(before: bytes, after: bytes) -> tuple[int, int]:
    """Where two states of a file differ: the first byte, and the one after the last."""
    first = next((at for at in range(min(len(before), len(after))) if before[at] != after[at]), len(before))
    if len(before) < len(after):
        return first, len(after)
    return first, max((at + 1 for at in range(first, len(after)) if before[at] != after[at]), default=first)


@pytest.mark.parametrize("seed", range(3))
def test_a_torn_write_costs_at_most_what_nobody_had_acknowledged(tmp_path, seed):
    """A power cut during a commit: what was synced before is whole, of what is being written any part may be on the disk."""
    chance = random.Random(seed)
    live, cut = tmp_path / "live", tmp_path / "cut"
    key = load_or_create(live)
    tried = 0
    with Buffer(live) as buffer:
        for slot in range(FIRST, FIRST + 300):  # long enough for the log to begin again at its start, twice
            wal = live / "buffer.sqlite-wal"
            database = (live / "buffer.sqlite").read_bytes()
            before = wal.read_bytes() if wal.exists() else b""
            acknowledged = [row.seq for row in buffer.pending(1_000)]
            buffer.store([draft(slot, key)], BuilderState(), "map")
            if (live / "buffer.sqlite").read_bytes() != database or chance.random() > 0.15:
                continue  # a checkpoint came between: the two copies do not belong together
            after = wal.read_bytes()
            first, end = changed(before, after)
            torn = bytearray(after if chance.random() < 0.5 else after[: chance.randrange(first, end)])
            for _ in range(chance.randrange(1, 40)):
                if len(torn) > first:
                    torn[chance.randrange(first, min(end, len(torn)))] ^= chance.randrange(1, 256)
            shutil.rmtree(cut, ignore_errors=True)
            cut.mkdir()
            (cut / "buffer.sqlite").write_bytes(database)
            (cut / "buffer.sqlite-wal").write_bytes(torn)
            with Buffer(cut) as after_the_cut:
                there = [row.seq for row in after_the_cut.pending(1_000)]
                assert there[: len(acknowledged)] == acknowledged
                assert len(there) - len(acknowledged) in (0, 1)
                assert after_the_cut.store([draft(FIRST + 5_000, key)], BuilderState(), "map")[0] == [len(there) + 1]
                assert after_the_cut.incidents() == []
            tried += 1
    assert tried > 20


def test_a_month_still_fits_when_everything_else_has_filled_the_disk(tmp_path):
    told = on_a_small_disk("full", tmp_path / "disk", 6)
    assert told["by_reserve"] == 100
    assert "the disk is nearly full" in told["alarm"]
    assert told["waited"] == 3
    assert told["trouble"] == "database or disk is full; 3 intervals wait in memory"
    assert told["readable"] == 10  # delivery goes on
    assert told["after"]["waiting"] == 0
    assert told["seqs"] == list(range(1, len(told["seqs"]) + 1))
    assert told["slots"] == list(range(FIRST, FIRST + len(told["slots"])))
    assert told["incidents"] == []


def test_what_no_file_takes_waits_in_memory_and_is_written_later(tmp_path):
    told = child("limited", tmp_path)
    assert told["waited"] == 2
    assert "2 intervals wait in memory" in told["trouble"]
    assert told["readable"] == 10
    assert told["after"] == {"waiting": 0, "trouble": None}
    assert told["seqs"] == list(range(1, len(told["seqs"]) + 1))
    assert told["slots"] == list(range(FIRST, FIRST + len(told["slots"])))
    assert told["incidents"] == []


def test_a_read_only_disk_is_named_and_nothing_on_it_is_touched(tmp_path):
    told = on_a_small_disk("read_only", tmp_path / "disk", 6)
    assert "read-only" in told["refusal"]
    assert [name for name in told["before"] if "damaged" in name] == []
    assert told["seqs"] == [1, 2]
    assert told["incidents"] == []


def test_a_log_that_another_process_holds_is_no_damage(tmp_path):
    key = load_or_create(tmp_path)
    with Buffer(tmp_path) as buffer:
        buffer.store([draft(FIRST, key)], BuilderState(), "map")
        assert buffer._file is not None
        buffer._file.db.execute("PRAGMA busy_timeout=50")
        other = sqlite3.connect(tmp_path / "buffer.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert buffer.store([draft(FIRST + 1, key)], BuilderState(), "map") == ([], [])
        assert "locked" in (buffer.trouble or "")
        other.execute("COMMIT")
        other.close()
        assert buffer.store([], BuilderState(), "map")[0] == [2]
        assert buffer.incidents() == []
